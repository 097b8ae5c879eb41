"""Faults on demand: each seen over a real socket, and whether the work was done behind it."""

import json
import random
import socket
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
import requests
from requests.exceptions import (
    ChunkedEncodingError,
    ConnectionError as RequestsConnectionError,
    ContentDecodingError,
    ReadTimeout,
)

from tests.support.local.waiting import wait_until
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.fault_plan import any_fault
from tests.support.simulator.faults import Breakage, Drip, Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator

LOST = {Breakage.RESET, Breakage.CLOSE, Breakage.GARBAGE, Breakage.CUT_HEADERS}
NO_BODY = {*range(100, 200), 204, 304}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    simulator = Simulator()
    with simulator.running():
        yield simulator


@pytest.fixture
def cloud(simulator: Simulator) -> Cloud:
    simulator.cloud.reset()
    return simulator.cloud


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    with Caller(cloud) as somebody:
        somebody.token()
        yield somebody


def raw_answer(cloud: Cloud, method: str = "GET", path: str = "/") -> bytes:
    """Every byte until the connection ends."""
    host, _, port = cloud.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_only_the_next_calls_that_match_are_spoiled(cloud: Cloud, caller: Caller) -> None:
    one, other = cloud.add_backups(2)
    cloud.inject(Fault(operation=Operation.SHOW, backup_id=one, status=503, times=2, skip=1))
    assert [caller.show(one).status_code for _ in range(4)] == [200, 503, 503, 200]
    cloud.inject(Fault(operation=Operation.SHOW, backup_id=one, status=503))
    assert caller.show(other).status_code == 200
    assert caller.delete(one).status_code == 202
    assert caller.show(one).status_code == 503


def test_a_fault_without_end_lasts_until_faults_are_cleared(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(status=500, times=None))
    assert {caller.show(backup_id).status_code for _ in range(5)} == {500}
    cloud.clear_faults()
    assert caller.show(backup_id).status_code == 200


@pytest.mark.parametrize("operation", [Operation.LOGIN, Operation.SHOW, Operation.LIST, Operation.DELETE])
def test_each_kind_of_call_can_be_spoiled(cloud: Cloud, caller: Caller, operation: Operation) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=operation, status=504))
    statuses = {
        Operation.LOGIN: caller.log_in().status_code,
        Operation.SHOW: caller.show(backup_id).status_code,
        Operation.LIST: caller.call("GET", "/v3/PROJECT/backups").status_code,
        Operation.DELETE: caller.delete(backup_id).status_code,
    }
    assert [kind for kind, status in statuses.items() if status == 504] == [operation]


def test_a_made_up_answer_leaves_the_work_undone_unless_after_it(cloud: Cloud, caller: Caller) -> None:
    one, other = cloud.add_backups(2)
    cloud.inject(Fault(status=500, body=BodyShape.CINDER))
    assert caller.delete(one).status_code == 500
    cloud.inject(Fault(status=500, body=BodyShape.CINDER, after_work=True))
    assert caller.delete(other).status_code == 500
    assert cloud.remaining() == {one: "available", other: "deleting"}


@pytest.mark.parametrize("breakage", [Breakage.RESET, Breakage.CLOSE, Breakage.GARBAGE])
@pytest.mark.parametrize("after_work", [False, True])
def test_an_answer_can_be_lost_before_and_after_the_work(
    cloud: Cloud, caller: Caller, breakage: Breakage, after_work: bool
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage, after_work=after_work))
    with pytest.raises(RequestsConnectionError):
        caller.delete(backup_id)
    assert cloud.status_of(backup_id) == ("deleting" if after_work else "available")
    assert cloud.journal.accepted(backup_id) == int(after_work)
    assert cloud.journal.calls[-1].status is None


def test_a_reset_is_a_reset_and_a_close_is_a_close(cloud: Cloud) -> None:
    cloud.inject(Fault(breakage=Breakage.RESET))
    with pytest.raises(ConnectionResetError):
        raw_answer(cloud)
    cloud.inject(Fault(breakage=Breakage.CLOSE))
    assert raw_answer(cloud) == b""


def test_headers_can_be_cut(cloud: Cloud) -> None:
    cloud.inject(Fault(breakage=Breakage.CUT_HEADERS))
    answer = raw_answer(cloud)
    assert answer.startswith(b"HTTP/1.1 300 Multiple Choices\r\n")
    assert b"\r\n\r\n" not in answer


def test_garbage_is_no_http(cloud: Cloud) -> None:
    cloud.inject(Fault(breakage=Breakage.GARBAGE))
    assert not raw_answer(cloud).startswith(b"HTTP")


@pytest.mark.parametrize(
    ("breakage", "error"),
    [
        (Breakage.TRUNCATED, ChunkedEncodingError),
        (Breakage.BAD_CHUNKS, ChunkedEncodingError),
        (Breakage.CUT_CHUNKS, ChunkedEncodingError),
        (Breakage.BAD_GZIP, ContentDecodingError),
    ],
)
def test_a_true_answer_can_break_on_its_way_though_the_work_is_done(
    cloud: Cloud, caller: Caller, breakage: Breakage, error: type[Exception]
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage))
    with pytest.raises(error):
        caller.delete(backup_id)
    assert cloud.status_of(backup_id) == "deleting"
    assert cloud.journal.calls[-1].status == 202
    assert caller.show(backup_id).status_code == 200


def test_every_status_can_be_answered(cloud: Cloud) -> None:
    cloud.inject(*(Fault(status=status, body=BodyShape.CINDER) for status in range(100, 600)))
    for status in range(100, 600):
        head, _, body = raw_answer(cloud).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert (body == b"") is (status in NO_BODY)


@pytest.mark.parametrize("shape", BodyShape)
def test_every_shape_of_body_arrives_whole_with_its_length(cloud: Cloud, caller: Caller, shape: BodyShape) -> None:
    cloud.inject(Fault(status=404, body=shape))
    answer = caller.show(cloud.add_backup())
    assert answer.status_code == 404
    assert len(answer.content) == int(answer.headers["Content-Length"])
    assert (answer.content == b"") is (shape is BodyShape.EMPTY)
    assert "OpenStack-API-Version" not in answer.headers


SHAPES: list[tuple[BodyShape, int, object]] = [
    (BodyShape.CINDER, 403, {"forbidden": {"code": 403, "message": "Forbidden"}}),
    (BodyShape.CINDER, 500, {"computeFault": {"code": 500, "message": "Internal Server Error"}}),
    (BodyShape.GONE, 404, {"itemNotFound": {"code": 404, "message": "Backup ID could not be found."}}),
    (BodyShape.STRING_CODE, 400, {"badrequest": {"code": "400", "message": "something is wrong"}}),
    (BodyShape.TEXT_VALUE, 400, {"badRequest": "something is wrong"}),
    (BodyShape.VBS_ERROR, 400, {"error": {"code": "VolumeBackup.0102", "message": "the backup was not deleted"}}),
    (BodyShape.ROUTER, 404, {"code": "404 Not Found", "title": "Not Found",
                             "message": "The resource could not be found.<br /><br />\n\n\n"}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "status", "body"), SHAPES, ids=lambda value: str(value)[:20])
def test_a_shape_speaks_as_its_sender_does(
    cloud: Cloud, caller: Caller, shape: BodyShape, status: int, body: object
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(status=status, body=shape))
    answer = caller.show(backup_id)
    assert json.loads(answer.text.replace(backup_id, "ID")) == body


@pytest.mark.parametrize(
    ("shape", "status", "code"),
    [
        (BodyShape.GATEWAY, 404, "APIGW.0101"),
        (BodyShape.GATEWAY_APIG, 429, "APIG.0308"),
        (BodyShape.IAM, 401, "IAM.0061"),
    ],
)
def test_a_gateway_names_the_code_that_belongs_to_the_status(
    cloud: Cloud, caller: Caller, shape: BodyShape, status: int, code: str
) -> None:
    cloud.inject(Fault(status=status, body=shape), Fault(status=status, body=shape, code="MY.1", message="mine"))
    assert caller.show(cloud.add_backup()).json()["error_code"] == code
    named = caller.show(cloud.add_backup()).json()
    assert (named["error_code"], named["error_msg"]) == ("MY.1", "mine")


def test_an_oversized_body_is_as_large_as_it_shall_be(cloud: Cloud, caller: Caller) -> None:
    cloud.inject(Fault(status=200, body=BodyShape.OVERSIZED, size=5_000_000))
    assert len(caller.show(cloud.add_backup()).content) > 5_000_000


def test_headers_can_be_added_to_true_and_made_up_answers(cloud: Cloud, caller: Caller) -> None:
    http_date = "Wed, 25 Nov 2026 12:00:00 GMT"
    cloud.inject(
        Fault(headers={"X-Spoiled": "yes"}),
        Fault(status=503, retry_after=7),
        Fault(status=429, retry_after=http_date, raw_body='{"mine": 1}', headers={"Content-Type": "text/odd"}),
    )
    backup_id = cloud.add_backup()
    assert caller.show(backup_id).headers["X-Spoiled"] == "yes"
    assert caller.show(backup_id).headers["Retry-After"] == "7"
    answer = caller.show(backup_id)
    assert (answer.headers["Retry-After"], answer.headers["Content-Type"]) == (http_date, "text/odd")
    assert answer.json() == {"mine": 1}


@pytest.mark.parametrize(("status", "answered"), [(None, 302), (308, 308)])
def test_a_redirect_leads_to_another_host(cloud: Cloud, caller: Caller, status: int | None, answered: int) -> None:
    cloud.inject(Fault(redirect_to="http://127.0.0.2:9/elsewhere", status=status))
    answer = caller.delete(cloud.add_backup())
    assert (answer.status_code, answer.headers["Location"]) == (answered, "http://127.0.0.2:9/elsewhere")
    assert cloud.journal.deletes == []


def test_a_delayed_answer_comes_too_late_though_the_work_is_done(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    url = f"{cloud.url}/v3/{cloud.project_id}/backups/{backup_id}"
    cloud.inject(Fault(operation=Operation.DELETE, delay_s=60))
    with pytest.raises(ReadTimeout):
        caller.http.delete(url, headers={"X-Auth-Token": caller.token()}, timeout=0.2)
    wait_until("the work is done", lambda: cloud.status_of(backup_id) == "deleting", within_s=60)


@pytest.mark.parametrize("drip", Drip)
def test_a_drip_comes_byte_by_byte_and_arrives_whole(cloud: Cloud, drip: Drip) -> None:
    cloud.inject(Fault(status=404, raw_body="drop by drop", drip_s=0.001, drip=drip))
    assert raw_answer(cloud).endswith(b"\r\n\r\ndrop by drop")


def test_a_dripping_answer_ends_when_the_server_stops() -> None:
    simulator = Simulator()
    with simulator.running() as cloud:
        cloud.inject(Fault(drip_s=60.0))
        connection = HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/")
        connection.sock.recv(1)
    connection.close()


def test_only_reused_connections_can_be_chosen(cloud: Cloud) -> None:
    cloud.inject(Fault(breakage=Breakage.RESET, reused_connection=True))
    connection = HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    connection.request("GET", "/")
    with pytest.raises(ConnectionResetError):
        connection.getresponse()
    connection.request("GET", "/")
    assert connection.getresponse().status == 300
    connection.close()


def test_dropped_connections_are_closed_and_new_ones_served(simulator: Simulator, cloud: Cloud, caller: Caller) -> None:
    before = cloud.journal.connections
    simulator.drop_connections()
    assert caller.show(cloud.add_backup()).status_code == 200
    assert cloud.journal.connections == before + 1


def test_a_fault_in_a_call_is_in_the_journal(cloud: Cloud, caller: Caller) -> None:
    cloud.inject(Fault(status=503, body=BodyShape.HTML, after_work=True))
    caller.show(cloud.add_backup())
    call = cloud.journal.calls[-1]
    assert (call.status, call.fault) == (503, "503, html, after work")


def test_a_probability_spoils_some_calls_and_the_seed_says_which(cloud: Cloud, caller: Caller) -> None:
    def statuses() -> list[int]:
        cloud.reset()
        caller.forget()
        backup_id = cloud.add_backup()
        cloud.inject(Fault(operation=Operation.SHOW, status=503, probability=0.3, times=None))
        return [caller.show(backup_id).status_code for _ in range(60)]

    first = statuses()
    assert set(Counter(first)) == {200, 503}
    assert statuses() == first


def test_shaking_spoils_looks_and_deletes_but_no_login(cloud: Cloud, caller: Caller) -> None:
    cloud.faults.shake(1.0)
    for backup_id in cloud.add_backups(20):
        try:
            caller.show(backup_id)
        except requests.RequestException:
            continue
    assert all(call.fault for call in cloud.journal.calls_of(Operation.SHOW))
    assert caller.log_in().status_code == 201


def test_a_random_fault_never_lies_about_what_is_gone_or_accepted() -> None:
    chance = random.Random(0)
    faults = [any_fault(chance) for _ in range(2000)]
    assert {fault.breakage for fault in faults} == {None, *Breakage}
    assert not any(fault.body is BodyShape.GONE for fault in faults)
    assert not any(fault.status in range(200, 300) for fault in faults)
