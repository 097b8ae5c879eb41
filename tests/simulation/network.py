"""The network between functions and clouds: real requests of the product, and simulated responses or failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from tests.simulation import cbr, odd_answers
from tests.simulation.cbr import CBR
from tests.simulation.cloud import PROJECTS, Limiter, Project, Response
from tests.simulation.faults import Fault
from tests.simulation.run import CallOutcome
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.clouds.http.deadline import CallFailed, Exchange, Reply
from vbs_reaper.clouds.http.transport import HttpRequest, Transport, Transports

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.run import Run
    from tests.simulation.world import World

AnyRequest = HttpRequest | requests.PreparedRequest
"""A call to a backup service, or a login by keystoneauth1."""

_HOSTS: Final = {
    host: (project, host == project.keystone_host)
    for project in (*PROJECTS, CBR)
    for host in (project.service_host, project.keystone_host, project.empty_host)
}


class CallListener(Protocol):
    """Receives every call and its outcome."""

    def sent(self, run: Run, project: Project, method: str, url: str, *, is_login: bool) -> None: ...

    def call_returned(self, run: Run, outcome: CallOutcome) -> None: ...


class Network:
    """The calls of one environment. Each may fail in every way that a network can."""

    def __init__(self, world: World, life: Life, judge: CallListener | None = None) -> None:
        self._world = world
        self._life = life
        self._judge = judge or world.judge
        self._tight = Limiter(world.timeline, 10)

    def call(self, request: AnyRequest, *, fresh: bool) -> Reply:
        """Send one request.

        Raises:
            CallFailed: no status line was received.
        """
        url = request.url or ""
        parts = urlsplit(url)
        project, is_login = _HOSTS[parts.netloc]
        world, life = self._world, self._life
        life.maybe_kill(Fault.KILLED_BEFORE)
        self._judge.sent(life.run, project, request.method or "", url, is_login=is_login)
        world.timeline.pass_by(world.latency_s())
        if world.faults.strikes(Fault.SLOW):
            world.timeline.pass_by(world.rng.uniform(1, 9))
        life.check_timeout()
        world.calls[int(world.timeline.now // 60)] += not is_login
        try:
            if is_login:
                response, outcome = self._log_in(project, request)
            else:
                is_empty = parts.netloc == project.empty_host
                response, outcome = (
                    self._miss(project, parts.path)
                    if is_empty
                    else self._serve(project, request.method or "", parts.path, parts.query, request, fresh=fresh)
                )
        except _Lost as lost:
            self._judge.call_returned(life.run, lost.outcome)
            life.maybe_kill(Fault.KILLED_AFTER)
            raise lost.failure from None
        if project is CBR and not is_login:
            response = cbr.translate(response)
        self._judge.call_returned(life.run, outcome)
        world.statuses[response.status] += not is_login
        life.maybe_kill(Fault.KILLED_AFTER)
        broken = None
        if outcome.is_cut:
            broken = CallFailed(AnswerName.CONNECTION_LOST, "ConnectionError", "cut short")
        return Reply(status=response.status, headers=response.headers, body=response.body, broken=broken)

    def _log_in(self, project: Project, request: AnyRequest) -> tuple[Response, CallOutcome]:
        faults = self._world.faults
        if faults.strikes(Fault.KEYSTONE_HANGS):
            self._world.timeline.pass_by(10)
            raise _Lost(AnswerName.TIMED_OUT, "ReadTimeout", CallOutcome("login failed", halts_s=60.0))
        if faults.lasts(Fault.KEYSTONE_DOWN):
            return _odd(503), CallOutcome("login failed", 503, halts_s=60.0)
        if faults.strikes(Fault.KEYSTONE_THROTTLES):
            return _odd(429), CallOutcome("login failed", 429, halts_s=60.0)
        if faults.lasts(Fault.KEYSTONE_MISPLACED):
            return _odd(404), CallOutcome("login failed", 404, halts_s=60.0)
        body = request.body or b""
        response = self._world.cloud.log_in(project, body if isinstance(body, bytes) else body.encode())
        return response, CallOutcome("logged in" if response.status == 201 else "login failed", response.status)

    def _serve(
        self, project: Project, method: str, path: str, query: str, request: AnyRequest, *, fresh: bool
    ) -> tuple[Response, CallOutcome]:
        world = self._world
        if world.faults.lasts(Fault.SERVICE_DOWN):
            return _odd(503), CallOutcome("odd", 503, halts_s=60.0)
        limiter = self._tight if world.faults.lasts(Fault.RATE_LIMITED) else world.limiter
        wait_s = limiter.turns_away_for_s() if limiter else 0
        if wait_s:
            return Response(413, {"retry-after": str(wait_s)}, odd_answers.HTML), CallOutcome(
                "odd", 413, wait_s, is_certain=True, asks_s=wait_s
            )
        if project is CBR and cbr.is_confirmation(path):
            return self._confirm(path, dict(parse_qsl(query)), request, fresh=fresh)
        fault = world.faults.pick(odd_answers.TO_A_DELETE if method == "DELETE" else odd_answers.TO_A_LOOK)
        token = str(request.headers.get("X-Auth-Token", ""))

        def work() -> Response:
            return world.cloud.answer(method, path, dict(parse_qsl(query)), token)

        if fault in odd_answers.ON_THE_WIRE:
            self._lose(fault, work, fresh=fresh)
        if fault in odd_answers.ODD:
            return self._answer_oddly(project, fault, work)
        if method == "GET" and self._is_first_receive(path) and world.faults.strikes(Fault.REPLICA_LAGS):
            return self._miss(project, path)
        response = work()
        if fault in odd_answers.LOOKS:
            return self._show_oddly(fault, response)
        return response, _outcome_of(response)

    def _confirm(
        self, path: str, query: dict[str, str], request: AnyRequest, *, fresh: bool
    ) -> tuple[Response, CallOutcome]:
        cloud = self._world.cloud
        response = cloud.answer(
            "GET", f"/v3/{CBR.project_id}/backups/detail", {}, request.headers.get("X-Auth-Token", "")
        )
        if response.status != 200:  # the token is invalid
            return response, _outcome_of(response)
        fault = self._world.faults.pick(cbr.TO_A_CONFIRMATION)
        if fault in odd_answers.ON_THE_WIRE:
            self._lose(fault, lambda: None, fresh=fresh)
        if fault in odd_answers.ODD:
            return self._answer_oddly(CBR, fault, lambda: None)
        response, confirms = cbr.confirm(cloud, path, query, fault)
        is_confirmed = confirms(self._life.run.this.missed)
        return response, CallOutcome("confirmed" if is_confirmed else "not confirmed", 200)

    def _miss(self, project: Project, path: str) -> tuple[Response, CallOutcome]:
        if project is CBR and cbr.is_confirmation(path):
            name = "operation_logs" if path.endswith("/operation-logs") else "backups"
            is_proof = name == "backups"  # this address has no backup of the volume
            body = json.dumps({name: [], "count": 0}).encode()
            return Response(200, cbr.JSON, body), CallOutcome("confirmed" if is_proof else "not confirmed", 200)
        response = self._world.cloud.not_found_elsewhere(path.rpartition("/")[2])
        return response, CallOutcome("not found", 404)

    def _is_first_receive(self, path: str) -> bool:
        """Return whether this is the first delivery of a message without attributes about the backup."""
        if not self._life.may_be_misled:
            return False
        message = self._life.run.message
        is_its_own = path.rpartition("/")[2] in message.body
        is_new = message.receives == 1 and not (message.knows("asked_at") or message.knows("unanswered_at"))
        is_new = is_new and not self._life.run.this.was_seen
        return is_its_own and is_new and not self._life.run.is_direct and "survivors" not in message.body

    def _lose(self, fault: Fault | None, work: Any, *, fresh: bool) -> None:  # noqa: ANN401  # the call to carry out
        if fault is Fault.UNREACHABLE:
            raise _Lost(
                AnswerName.UNREACHABLE, "ConnectionError", CallOutcome("not sent", halts_s=60.0, is_certain=True)
            )
        if fault is Fault.TLS_FAILED:
            raise _Lost(AnswerName.TLS_FAILED, "TlsError", CallOutcome("not sent", halts_s=60.0, is_certain=True))
        if fault is Fault.STALE and not fresh:
            raise _Lost(AnswerName.CONNECTION_LOST, "ConnectionError", CallOutcome("stale"), is_stale=True)
        if self._world.rng.random() < 0.5:
            work()
        if fault is Fault.READ_TIMEOUT:
            self._world.timeline.pass_by(10)
            raise _Lost(AnswerName.TIMED_OUT, "ReadTimeout", CallOutcome("timed out"))
        raise _Lost(AnswerName.CONNECTION_LOST, "ConnectionError", CallOutcome("lost"))

    def _answer_oddly(self, project: Project, fault: Fault | None, work: Any) -> tuple[Response, CallOutcome]:  # noqa: ANN401
        world = self._world
        odds = cbr.ODD if project is CBR else odd_answers.ODD
        odd = odds[fault] if fault else odd_answers.Odd(500)
        if odd.perhaps_done and world.rng.random() < 0.5:
            work()
        headers, asks_s = odd_answers.retry_after(odd, world.timeline, world.rng, world.skew_s)
        what = "bad token" if fault is Fault.VBS_TOKEN else "odd"
        status = (
            202 if project is CBR and fault in odd_answers.TO_DELETE_ONLY else odd.status
        )  # it accepts the deletion
        return (
            Response(odd.status, headers, odd.body),
            CallOutcome(what, status, (asks_s or 60.0) if odd.halts else None, odd.is_certain, asks_s, odd.refuses),
        )

    def _show_oddly(self, fault: Fault | None, response: Response) -> tuple[Response, CallOutcome]:
        if fault is Fault.CUT_SHORT:
            return replace(response, body=response.body[: len(response.body) // 2]), replace(
                _outcome_of(response), is_cut=True, halts_s=None
            )
        if response.shows is None:
            return response, _outcome_of(response)
        if fault is Fault.UNREADABLE:
            return replace(response, body=b'{"backups": []}', shows=None), CallOutcome("odd", 200, halts_s=60.0)
        shown = dict(response.shows)
        if fault is Fault.OTHER_SHOWN:
            shown["id"] = "11111111-1111-4111-8111-111111111111"
            changed = replace(response, body=json.dumps({"backup": shown}).encode(), shows=None)
            return changed, CallOutcome("odd", 200, halts_s=60.0)
        if fault is Fault.FIELD_MISSING:
            del shown[self._world.rng.choice(["volume_id", "status", "created_at", "name", "description"])]
        elif fault in {Fault.FIELD_ODD, Fault.FIELD_TWICE}:
            return self._show_unreadable_field(fault, response, shown)
        elif fault is Fault.CACHED_GONE:
            gone = {"itemNotFound": {"code": 404, "message": f"Backup {shown['id']} could not be found."}}
            return Response(404, {"age": "3600"}, json.dumps(gone).encode()), CallOutcome("odd", 404)
        elif fault is Fault.STRANGE_STATUS:
            shown["status"] = "exporting"
        else:
            shown["os-bak-tenant-attr:tenant_id"] = "e" * 32
        changed = replace(response, body=json.dumps({"backup": shown}).encode(), shows=shown)
        return changed, _outcome_of(changed)

    def _show_unreadable_field(
        self, fault: Fault, response: Response, shown: dict[str, Any]
    ) -> tuple[Response, CallOutcome]:
        """Return a record with an unreadable or duplicate field, which is a missing field for the judge."""
        field = self._world.rng.choice([name for name in shown if name != "id"])
        if fault is Fault.FIELD_ODD:
            body = json.dumps({"backup": shown | {field: [1, {"odd": True}]}})
        else:
            body = json.dumps({"backup": shown}).replace('{"backup": {', f'{{"backup": {{"{field}": null, ')
        left = {name: value for name, value in shown.items() if name != field}
        changed = replace(response, body=body.encode(), shows=left)
        return changed, _outcome_of(changed)


def _outcome_of(response: Response) -> CallOutcome:
    if response.shows is not None:
        return CallOutcome("shown", response.status, shows=response.shows)
    if response.status == 404 and b"itemNotFound" in response.body and b"Backup " in response.body:
        return CallOutcome("not found", 404)
    if response.status == 404:
        return CallOutcome("odd", 404, halts_s=60.0)
    return CallOutcome("accepted" if response.status == 202 else "answered", response.status)


def _odd(status: int) -> Response:
    return Response(status, {}, odd_answers.HTML)


class _Lost(Exception):
    def __init__(self, name: AnswerName, status_code: str, outcome: CallOutcome, *, is_stale: bool = False) -> None:
        super().__init__(status_code)
        self.failure = CallFailed(name, status_code, "simulated", is_stale=is_stale)
        self.outcome = outcome


class SimulatedTransport(Transport):
    """The product's transport with a simulated network instead of sockets."""

    def __init__(self, network: Network) -> None:  # no super(): it needs no sockets or certificates
        self._wire = network
        self._exchange: Exchange | None = None
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("https://", _LoginAdapter(self))

    @contextmanager
    def exchange(self, *, body_limit: int, on_fresh_connection: bool = False) -> Iterator[Exchange]:
        exchange = Exchange(
            ends_at=float("inf"), connect_s=3.0, body_limit=body_limit, on_fresh_connection=on_fresh_connection
        )
        self._exchange = exchange
        yield exchange

    def send(self, request: HttpRequest, *, body_limit: int, on_fresh_connection: bool = False) -> Reply:
        return self._wire.call(request, fresh=on_fresh_connection)

    def log_in(self, request: requests.PreparedRequest) -> Reply:
        exchange = self._exchange
        reply = self._wire.call(request, fresh=True)
        if exchange:
            exchange.reply = reply
        return reply


class _LoginAdapter(BaseAdapter):
    """Sends the requests of keystoneauth1."""

    def __init__(self, transport: SimulatedTransport) -> None:
        super().__init__()
        self._transport = transport

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        reply = self._transport.log_in(request)
        response = requests.Response()
        response.status_code = reply.status
        response.headers.update(reply.headers)
        response.url = request.url or ""
        response.request = request
        response.raw = BytesIO(reply.body)
        return response

    def close(self) -> None: ...


class SimulatedTransports(Transports):
    """The only transport of an environment."""

    def __init__(self, network: Network) -> None:
        self._transport = SimulatedTransport(network)

    def of(self, cacert: str) -> Transport:
        return self._transport

    def close(self) -> None: ...
