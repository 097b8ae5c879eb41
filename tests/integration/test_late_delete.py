"""A DELETE that must be sent by a certain time is not sent later: neither at first nor after a new login."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.integration.reach import TARGET, Hourglass, Reach, Shelf, first_pass, reaching, ref
from tests.support.doubles import ManualClock, no_holds
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.secret_text import StoredSecret
from vbs_reaper.deletion.decision import Asked, Halt, PassEnd, Refused
from vbs_reaper.deletion.reconcile import Reconciler
from vbs_reaper.reasons import Reason

SHOW, DELETE, LOGIN = "ShowBackup", "DeleteBackup", "Authenticate"


class SlowShelf(Shelf):
    """Reading a secret takes as long as planned; meanwhile something else happens."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.takes_s: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def read(self, target: str) -> StoredSecret:
        if self.takes_s:
            self._clock.advance(self.takes_s.pop(0))
            self.meanwhile()
        return super().read(target)


@pytest.fixture
def shelf(cloud: Cloud) -> SlowShelf:
    shelf = SlowShelf(ManualClock())
    shelf.put(cloud.target_secret(service="cinder"))
    return shelf


@pytest.fixture
def reach(cloud: Cloud, shelf: SlowShelf) -> Iterator[Reach]:
    with reaching(cloud, clock=shelf._clock, shelf=shelf) as reach:  # noqa: SLF001  # one clock for both
        yield reach


def delete(reach: Reach, backup_id: str, within_s: float = 2.0) -> Answer:
    not_after = reach.clock() + timedelta(seconds=within_s)
    return reach.api.delete_backup(replace(ref(backup_id), not_after=not_after), Hourglass())


def make_pass(reach: Reach, backup_id: str) -> PassEnd:
    reconciler = Reconciler(reach.api, no_holds(reach.clock), reach.clock, 5)
    return reconciler.reconcile(first_pass(reach, backup_id), TARGET, Hourglass())


def refusing(status: int, times: int | None = 1) -> Fault:
    shape = BodyShape.KEYSTONE if status == 401 else BodyShape.CINDER
    return Fault(operation=Operation.DELETE, status=status, body=shape, times=times)


def test_a_delete_is_not_sent_after_its_time(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    late = delete(reach, backup_id, within_s=-0.001)
    assert (late.name, late.is_late) == (AnswerName.OUT_OF_TIME, True)
    assert cloud.status_of(backup_id) == "available"
    assert delete(reach, backup_id, within_s=0.0).name is AnswerName.ACCEPTED


def test_a_login_before_the_first_try_uses_up_the_time(reach: Reach, shelf: SlowShelf, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    shelf.takes_s = [2.5]
    late = delete(reach, backup_id)
    assert (late.name, late.is_late) == (AnswerName.OUT_OF_TIME, True)
    assert reach.book.take() == [(LOGIN, "201")]


@pytest.mark.parametrize(("status", "name"), [(401, AnswerName.UNAUTHORIZED), (403, AnswerName.FORBIDDEN)])
def test_a_repeat_after_a_slow_login_is_not_sent_and_the_refusal_stands(
    reach: Reach, shelf: SlowShelf, cloud: Cloud, status: int, name: AnswerName
) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    reach.book.take()
    cloud.inject(refusing(status))
    shelf.takes_s = [2.5]
    late = delete(reach, backup_id)
    assert (late.name, late.status, late.is_late) == (name, status, True)
    assert reach.book.take() == [(DELETE, str(status)), (LOGIN, "201")]
    assert cloud.status_of(backup_id) == "available"


@pytest.mark.parametrize("status", [401, 403])
def test_a_repeat_in_time_is_sent(reach: Reach, shelf: SlowShelf, cloud: Cloud, status: int) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    cloud.inject(refusing(status))
    shelf.takes_s = [1.9]
    answer = delete(reach, backup_id)
    assert (answer.name, answer.is_late) == (AnswerName.ACCEPTED, False)


def test_a_repeat_on_a_fresh_connection_is_not_sent_after_its_time(cloud: Cloud) -> None:
    clock = ManualClock()
    with reaching(cloud, clock=clock) as reach:
        backup_id = cloud.add_backup()
        reach.show(backup_id)
        cloud.inject(Fault(operation=Operation.DELETE, breakage=Breakage.RESET, reused_connection=True))
        moving = replace(ref(backup_id), not_after=clock() + timedelta(seconds=2), recorder=lambda _: clock.advance(3))
        late = reach.api.delete_backup(moving, Hourglass())
        assert (late.name, late.is_late) == (AnswerName.OUT_OF_TIME, True)
        assert reach.book.take()[-1] == (DELETE, "ConnectionError")
    assert cloud.journal.accepted(backup_id) == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_hold_set_during_a_login_before_the_repeat_keeps_the_backup(
    reach: Reach, shelf: SlowShelf, cloud: Cloud, status: int
) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    cloud.inject(refusing(status))
    shelf.takes_s, shelf.meanwhile = [2.5], lambda: cloud.hold(backup_id)
    decision = make_pass(reach, backup_id)
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.HELD
    assert cloud.status_of(backup_id) == "available"


def test_without_a_hold_the_pass_looks_again_and_deletes(reach: Reach, shelf: SlowShelf, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    reach.book.take()
    cloud.inject(refusing(401))
    shelf.takes_s = [2.5]
    assert isinstance(make_pass(reach, backup_id), Asked)
    calls = [(SHOW, "200"), (DELETE, "401"), (LOGIN, "201"), (SHOW, "200"), (DELETE, "202")]
    assert reach.book.take() == calls


def test_a_delete_that_every_token_is_refused_for_still_halts_the_target(
    reach: Reach, shelf: SlowShelf, cloud: Cloud
) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    reach.book.take()
    cloud.inject(refusing(401, times=None))
    shelf.takes_s = [2.5] * 9
    decision = make_pass(reach, backup_id)
    assert isinstance(decision, Halt)
    assert decision.reason is Reason.CREDENTIALS_REJECTED
    calls = [(SHOW, "200"), (DELETE, "401"), (LOGIN, "201")] * 2
    assert reach.book.take() == calls
