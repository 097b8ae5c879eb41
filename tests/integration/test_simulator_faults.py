"""Injected faults: which calls they apply to, and whether the call is carried out.

The effect of a fault on a client is tested with the product: its tests fail if a fault does nothing.
"""

from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
import requests

from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator


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
    with Caller(cloud) as caller:
        caller.token()
        yield caller


# ------------------------------------------------------------------ which calls


def test_a_fault_applies_to_the_next_calls_that_match(cloud: Cloud, caller: Caller) -> None:
    one, other = cloud.add_backups(2)
    cloud.inject(Fault(operation=Operation.SHOW, backup_id=one, status=503, times=2, skip=1))
    assert [caller.show(one).status_code for _ in range(4)] == [200, 503, 503, 200]
    cloud.inject(Fault(operation=Operation.SHOW, backup_id=one, status=503))
    assert [caller.show(other).status_code, caller.delete(one).status_code, caller.show(one).status_code] == [
        200,
        202,
        503,
    ]


@pytest.mark.parametrize("operation", [Operation.LOGIN, Operation.SHOW, Operation.LIST, Operation.DELETE])
def test_a_fault_applies_to_one_operation_until_faults_are_cleared(
    cloud: Cloud, caller: Caller, operation: Operation
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=operation, status=504, times=None))
    for expected in ([operation], []):
        statuses = {
            Operation.LOGIN: caller.log_in().status_code,
            Operation.SHOW: caller.show(backup_id).status_code,
            Operation.LIST: caller.call("GET", "/v3/PROJECT/backups").status_code,
            Operation.DELETE: caller.delete(backup_id).status_code,
        }
        assert [kind for kind, status in statuses.items() if status == 504] == expected
        cloud.clear_faults()


def test_a_fault_can_apply_to_reused_connections_only(cloud: Cloud) -> None:
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


def test_a_probability_applies_to_some_calls_which_depend_on_the_seed(cloud: Cloud, caller: Caller) -> None:
    def statuses() -> list[int]:
        cloud.reset()
        caller.forget()
        backup_id = cloud.add_backup()
        cloud.inject(Fault(operation=Operation.SHOW, status=503, probability=0.3, times=None))
        return [caller.show(backup_id).status_code for _ in range(30)]

    first = statuses()
    assert set(Counter(first)) == {200, 503}
    assert statuses() == first


# ------------------------------------------------------------------ whether the work is done


@pytest.mark.parametrize("after_work", [False, True])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, body=BodyShape.CINDER),
        Fault(breakage=Breakage.RESET),
        Fault(breakage=Breakage.CLOSE),
        Fault(breakage=Breakage.GARBAGE),
    ],
    ids=str,
)
def test_an_answer_is_made_up_or_lost_before_or_after_the_work(
    cloud: Cloud, caller: Caller, fault: Fault, after_work: bool
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(status=fault.status, body=fault.body, breakage=fault.breakage, after_work=after_work))
    if fault.breakage is None:
        assert caller.delete(backup_id).status_code == 500
    else:
        with pytest.raises(requests.ConnectionError):
            caller.delete(backup_id)
    assert cloud.status_of(backup_id) == ("deleting" if after_work else "available")
    assert cloud.journal.accepted(backup_id) == int(after_work)
    call = cloud.journal.calls[-1]
    assert call.status == fault.status
    assert call.fault == f"{fault}, after work" if after_work else str(fault)


@pytest.mark.parametrize(
    ("breakage", "error"),
    [
        (Breakage.TRUNCATED, requests.exceptions.ChunkedEncodingError),
        (Breakage.BAD_CHUNKS, requests.exceptions.ChunkedEncodingError),
        (Breakage.CUT_CHUNKS, requests.exceptions.ChunkedEncodingError),
        (Breakage.BAD_GZIP, requests.exceptions.ContentDecodingError),
    ],
)
def test_a_true_answer_can_be_damaged_although_the_work_is_done(
    cloud: Cloud, caller: Caller, breakage: Breakage, error: type[Exception]
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage))
    with pytest.raises(error):
        caller.delete(backup_id)
    assert (cloud.status_of(backup_id), cloud.journal.calls[-1].status) == ("deleting", 202)


# ------------------------------------------------------------------ bytes


def test_a_slow_answer_ends_when_the_server_stops() -> None:
    with Simulator().running() as cloud:
        cloud.inject(Fault(drip_s=60.0))
        connection = HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/")
        connection.sock.recv(1)
    connection.close()
