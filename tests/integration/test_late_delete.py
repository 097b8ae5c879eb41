"""A DELETE with a deadline is not sent after it, neither the first time nor after a new login."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.integration.api_harness import (
    TARGET,
    ApiHarness,
    FakeTimeLeft,
    TargetSecretsInMemory,
    api_harness,
    first_pass,
    ref,
)
from tests.support.doubles import ManualClock, no_holds
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.secret_text import StoredSecret
from vbs_reaper.deletion.decision import Asked, Halt, PassEnd, Refused, Unanswered
from vbs_reaper.deletion.reconcile import Reconciler
from vbs_reaper.reasons import Reason

SHOW, DELETE, LOGIN = "ShowBackup", "DeleteBackup", "Authenticate"


class SlowSecrets(TargetSecretsInMemory):
    """Reads of a secret take as long as a test sets, and run a callback."""

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
def secrets(cloud: Cloud) -> SlowSecrets:
    secrets = SlowSecrets(ManualClock())
    secrets.put(cloud.target_secret(service="cinder"))
    return secrets


@pytest.fixture
def harness(cloud: Cloud, secrets: SlowSecrets) -> Iterator[ApiHarness]:
    with api_harness(cloud, clock=secrets._clock, secrets=secrets) as harness:  # noqa: SLF001  # one clock for both
        yield harness


def delete(harness: ApiHarness, backup_id: str, within_s: float = 2.0) -> Answer:
    not_after = harness.clock() + timedelta(seconds=within_s)
    return harness.api.delete_backup(replace(ref(backup_id), not_after=not_after), FakeTimeLeft())


def make_pass(harness: ApiHarness, backup_id: str) -> PassEnd:
    reconciler = Reconciler(harness.api, no_holds(harness.clock), harness.clock, 5)
    return reconciler.reconcile(first_pass(harness, backup_id), TARGET, FakeTimeLeft())


def refusing(status: int, times: int | None = 1) -> Fault:
    shape = BodyShape.KEYSTONE if status == 401 else BodyShape.CINDER
    return Fault(operation=Operation.DELETE, status=status, body=shape, times=times)


def test_a_delete_is_not_sent_after_its_deadline(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    late = delete(harness, backup_id, within_s=-0.001)
    assert (late.name, late.is_late) == (AnswerName.OUT_OF_TIME, True)
    assert cloud.status_of(backup_id) == "available"
    assert delete(harness, backup_id, within_s=0.0).name is AnswerName.ACCEPTED


def test_a_login_before_the_first_try_uses_up_the_time(harness: ApiHarness, secrets: SlowSecrets, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    secrets.takes_s = [2.5]
    late = delete(harness, backup_id)
    assert (late.name, late.is_late) == (AnswerName.OUT_OF_TIME, True)
    assert harness.calls.take() == [(LOGIN, "201")]


@pytest.mark.parametrize(("status", "name"), [(401, AnswerName.UNAUTHORIZED), (403, AnswerName.FORBIDDEN)])
def test_a_retry_after_a_slow_login_is_not_sent_and_the_rejection_remains(
    harness: ApiHarness, secrets: SlowSecrets, cloud: Cloud, status: int, name: AnswerName
) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    harness.calls.take()
    cloud.inject(refusing(status))
    secrets.takes_s = [2.5]
    late = delete(harness, backup_id)
    assert (late.name, late.status, late.is_late) == (name, status, True)
    assert harness.calls.take() == [(DELETE, str(status)), (LOGIN, "201")]
    assert cloud.status_of(backup_id) == "available"


@pytest.mark.parametrize("status", [401, 403])
def test_a_retry_before_the_deadline_is_sent(
    harness: ApiHarness, secrets: SlowSecrets, cloud: Cloud, status: int
) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    cloud.inject(refusing(status))
    secrets.takes_s = [1.9]
    answer = delete(harness, backup_id)
    assert (answer.name, answer.is_late) == (AnswerName.ACCEPTED, False)


def test_a_retry_on_a_new_connection_is_not_sent_after_its_deadline(cloud: Cloud) -> None:
    clock = ManualClock()
    with api_harness(cloud, clock=clock) as harness:
        backup_id = cloud.add_backup()
        harness.show(backup_id)
        cloud.inject(Fault(operation=Operation.DELETE, breakage=Breakage.RESET, reused_connection=True))
        moving = replace(ref(backup_id), not_after=clock() + timedelta(seconds=2), recorder=lambda _: clock.advance(3))
        late = harness.api.delete_backup(moving, FakeTimeLeft())
        assert (late.name, late.is_late, late.is_repeat) == (AnswerName.OUT_OF_TIME, True, True)
        assert harness.calls.take()[-1] == (DELETE, "ConnectionError")
    assert cloud.journal.accepted(backup_id) == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_hold_set_during_a_login_before_the_retry_keeps_the_backup(
    harness: ApiHarness, secrets: SlowSecrets, cloud: Cloud, status: int
) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    cloud.inject(refusing(status))
    secrets.takes_s, secrets.meanwhile = [2.5], lambda: cloud.hold(backup_id)
    decision = make_pass(harness, backup_id)
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.HELD
    assert cloud.status_of(backup_id) == "available"


def test_without_a_hold_the_pass_observes_again_and_deletes(
    harness: ApiHarness, secrets: SlowSecrets, cloud: Cloud
) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    harness.calls.take()
    cloud.inject(refusing(401))
    secrets.takes_s = [2.5]
    assert isinstance(make_pass(harness, backup_id), Asked)
    calls = [(SHOW, "200"), (DELETE, "401"), (LOGIN, "201"), (SHOW, "200"), (DELETE, "202")]
    assert harness.calls.take() == calls


def test_a_delete_with_every_token_rejected_still_halts_the_target(
    harness: ApiHarness, secrets: SlowSecrets, cloud: Cloud
) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    harness.calls.take()
    cloud.inject(refusing(401, times=None))
    secrets.takes_s = [2.5] * 9
    decision = make_pass(harness, backup_id)
    assert isinstance(decision, Halt)
    assert decision.reason is Reason.CREDENTIALS_REJECTED
    calls = [(SHOW, "200"), (DELETE, "401"), (LOGIN, "201")] * 2
    assert harness.calls.take() == calls


LOST = Fault(operation=Operation.DELETE, breakage=Breakage.CLOSE, after_work=True, reused_connection=True)


def test_a_delete_that_was_accepted_before_a_kept_connection_broke_is_accepted(cloud: Cloud) -> None:
    with api_harness(cloud, clock=ManualClock()) as harness:
        backup_id = cloud.add_backup()
        harness.show(backup_id)
        harness.calls.take()
        cloud.inject(LOST)
        assert isinstance(make_pass(harness, backup_id), Asked)
        calls = [(SHOW, "200"), (DELETE, "ConnectionError"), (DELETE, "400"), (SHOW, "200")]
        assert harness.calls.take() == calls
    assert cloud.journal.accepted(backup_id) == 1


@pytest.mark.parametrize(
    ("operation", "status", "calls"),
    [
        (Operation.DELETE, 503, [(LOGIN, "201"), (DELETE, "503")]),
        (Operation.DELETE, 401, [(LOGIN, "201"), (DELETE, "401")] * 2),
        (Operation.LOGIN, 503, [(LOGIN, "503")]),
    ],
)
def test_a_delete_that_may_have_been_accepted_is_recorded_if_its_repeat_needs_a_login_and_then_fails(
    cloud: Cloud, operation: Operation, status: int, calls: list[tuple[str, str]]
) -> None:
    with api_harness(cloud, clock=ManualClock()) as harness:
        backup_id = cloud.add_backup()
        harness.show(backup_id)
        harness.calls.take()
        cloud.inject(LOST)
        cloud.inject(refusing(401))
        cloud.inject(refusing(401, None) if status == 401 else Fault(operation=operation, status=status, times=None))
        assert isinstance(make_pass(harness, backup_id), Unanswered)
        assert harness.calls.take() == [(SHOW, "200"), (DELETE, "ConnectionError"), (DELETE, "401"), *calls]
    assert cloud.journal.accepted(backup_id) == 1


def test_a_delete_that_may_have_been_accepted_after_a_login_is_a_repeat_if_it_is_too_late_to_send_it_again(
    cloud: Cloud,
) -> None:
    clock = ManualClock()
    with api_harness(cloud, clock=clock) as harness:
        backup_id = cloud.add_backup()
        harness.show(backup_id)
        cloud.inject(refusing(401))
        cloud.inject(LOST)
        not_after = clock() + timedelta(seconds=2)
        moving = replace(ref(backup_id), not_after=not_after, recorder=lambda _: clock.advance(1.5))
        late = harness.api.delete_backup(moving, FakeTimeLeft())
        assert (late.name, late.is_late, late.is_repeat) == (AnswerName.UNAUTHORIZED, True, True)
        assert harness.calls.take()[-1] == (DELETE, "ConnectionError")
    assert cloud.journal.accepted(backup_id) == 1
