"""Records each request in the journal, selects its fault, carries it out and returns the response."""

from dataclasses import dataclass, replace

from tests.support.simulator import cloud_backups, keystone, volume_backups
from tests.support.simulator.body_shapes import BodyArguments, make_body
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.exchange import Answer, Header, Request, new_request_id
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Call
from tests.support.simulator.routes import Route, find_route

NO_ANSWER = Answer(status=500)
"""Recorded for a call that is not carried out and gets no response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The response to a call, and its fault."""

    call: Call
    answer: Answer
    fault: Fault | None


def reply_to(cloud: Cloud, request: Request, sent_headers: list[Header], connection: int, *, is_first: bool) -> Reply:
    """Carry out a request. When this returns, the work is done and recorded in the journal."""
    route = find_route(request.method, request.path)
    call = cloud.journal.begin_call(
        at=cloud.now(),
        connection=connection,
        operation=route.operation,
        method=request.method,
        raw_path=request.raw_path,
        headers=sent_headers,
        backup_id=route.backup_id,
    )
    fault = cloud.faults.take(call, is_first_on_connection=is_first)
    answer = _carry_out(cloud, request, route, call) if fault is None or fault.does_work else NO_ANSWER
    if fault is not None:
        call.fault = str(fault)
        answer = _make_up(fault, call) if fault.is_made_up else _changed(answer, fault)
    call.status = None if fault is not None and fault.loses_answer else answer.status
    return Reply(call=call, answer=answer, fault=fault)


def _carry_out(cloud: Cloud, request: Request, route: Route, call: Call) -> Answer:
    if route.service == "identity":
        return keystone.handle(cloud, request, call, route.path)
    if route.service == "cbr":
        return cloud_backups.handle(cloud, request, route, call)
    return volume_backups.handle(cloud, request, route, call)


def _changed(answer: Answer, fault: Fault) -> Answer:
    """Return the true response with the headers of the fault."""
    return replace(answer, headers=[*answer.headers, *_fault_headers(fault)])


def _make_up(fault: Fault, call: Call) -> Answer:
    arguments = BodyArguments(
        status=fault.answered_status,
        backup_id=call.backup_id or "",
        code=fault.code,
        message=fault.message,
        size=fault.size,
    )
    content_type, body = make_body(fault.body, arguments) if fault.body else (None, b"")
    if fault.raw_body is not None:
        body = fault.raw_body.encode()
    given = {name.lower() for name in fault.headers}
    headers = [("Content-Type", content_type)] if content_type and "content-type" not in given else []
    headers += [("Content-Length", str(len(body))), ("x-openstack-request-id", new_request_id())]
    return Answer(status=fault.answered_status, headers=[*headers, *_fault_headers(fault)], body=body)


def _fault_headers(fault: Fault) -> list[Header]:
    headers = list(fault.headers.items())
    if fault.retry_after is not None:
        headers.append(("Retry-After", str(fault.retry_after)))
    if fault.redirect_to is not None:
        headers.append(("Location", fault.redirect_to))
    return headers
