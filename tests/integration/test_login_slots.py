"""Failed logins counted at a simulated Keystone: targets that share a user, functions that restart, no bucket."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from tests.integration.reach import TARGET, UNKNOWN_ID, Hourglass, Reach, Shelf, reaching
from tests.support.doubles import LoginStoreInMemory, ManualClock
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.checking.target_check import TargetCheck
from vbs_reaper.clouds.login.login import Login

TARGETS = [f"prod-{number}" for number in range(6)]
WINDOW = timedelta(minutes=20)
GONE = AnswerName.GONE


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[Cloud]:
    with Simulator(clock=clock).running() as cloud:
        yield cloud


class Stack:
    """Six targets of one user, and functions that come and go."""

    def __init__(self, cloud: Cloud, clock: ManualClock) -> None:
        self.cloud = cloud
        self.clock = clock
        self.shelf = Shelf(clock)
        self.logins = LoginStoreInMemory(clock)
        for target in TARGETS:
            self.shelf.put(cloud.target_secret(), target=target)
        clock.advance(60)

    def starting(self) -> AbstractContextManager[Reach]:
        return reaching(self.cloud, clock=self.clock, shelf=self.shelf, logins=self.logins)

    def describe(self, target: str) -> AnswerName | None:
        """Log in to a target with a function that has just started; None if the login was accepted."""
        with self.starting() as reach:
            answer = reach.api.describe_target(target, Hourglass())
        return answer.name if isinstance(answer, Answer) else None

    def check_failures(self) -> None:
        failed = [login.at for login in self.cloud.journal.failed_logins()]
        assert all(third - first >= WINDOW for first, third in zip(failed, failed[2:], strict=False)), failed
        assert not self.cloud.is_locked()


@pytest.fixture
def stack(cloud: Cloud, clock: ManualClock) -> Stack:
    return Stack(cloud, clock)


# ------------------------------------------------------------------ one user behind six targets


def test_one_check_of_six_targets_with_one_wrong_password_is_one_failed_login(stack: Stack, cloud: Cloud) -> None:
    cloud.change_password("new")
    with stack.starting() as reach, ThreadPoolExecutor(5) as threads:
        check = TargetCheck(reach.api, stack.clock)
        reports = list(threads.map(lambda target: check.check(target, Hourglass()), TARGETS))
    assert [report.reason for report in reports] == ["credentials_rejected"] * 6
    assert len(cloud.journal.failed_logins()) == 1


def test_checks_of_functions_that_always_restart_never_lock_the_user(stack: Stack, cloud: Cloud) -> None:
    cloud.change_password("new")
    for _ in range(20):
        for target in TARGETS:
            assert stack.describe(target) is AnswerName.LOGIN_REFUSED
        stack.clock.advance(200)
    stack.check_failures()


# ------------------------------------------------------------------ what does not count


def test_a_token_of_another_project_rejects_no_version(stack: Stack, cloud: Cloud, clock: ManualClock) -> None:
    secret = cloud.target_secret(application_credential=True)
    secret["auth"]["project_id"] = "0f" * 16
    stack.shelf.put(secret, target="prod-0")
    for _ in range(5):
        assert stack.describe("prod-0") is AnswerName.TOKEN_PROJECT_MISMATCH
    assert stack.describe("prod-1") is None


def test_a_locked_user_rejects_no_version_and_is_not_hammered(stack: Stack, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, status=401, body=BodyShape.IAM, times=None))
    answers = [stack.describe(target) for target in TARGETS for _ in range(3)]
    assert answers[:2] == [AnswerName.USER_LOCKED] * 2
    assert set(answers[2:]) == {AnswerName.LOGIN_BUSY}
    assert len(cloud.journal.calls_of(Operation.LOGIN)) == 2
    cloud.clear_faults()
    stack.clock.advance(20.5 * 60)
    assert [stack.describe(target) for target in TARGETS] == [None] * 6


def test_an_outage_of_keystone_stops_no_login_after_it(stack: Stack, cloud: Cloud) -> None:
    for target in TARGETS:
        stack.describe(target)
    for fault in (
        Fault(operation=Operation.LOGIN, status=503, body=BodyShape.HTML, times=None),
        Fault(operation=Operation.LOGIN, status=504, body=BodyShape.HTML, times=None),
        Fault(operation=Operation.LOGIN, breakage=Breakage.RESET, times=None),
    ):
        cloud.inject(fault)
        for target in TARGETS:
            assert stack.describe(target) is AnswerName.LOGIN_UNAVAILABLE
        cloud.clear_faults()
        assert [stack.describe(target) for target in TARGETS] == [None] * 6


# ------------------------------------------------------------------ slots that cannot be had


def test_a_bucket_that_fails_stops_new_logins_but_not_the_calls_with_a_good_token(
    cloud: Cloud, clock: ManualClock
) -> None:
    with reaching(cloud, clock=clock) as reach:
        assert reach.show(UNKNOWN_ID).name is GONE
        reach.logins.is_unusable = True
        assert reach.show(UNKNOWN_ID).name is GONE
        cloud.revoke_tokens()
        assert reach.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        assert len(cloud.journal.logins) == 1
        reach.logins.is_unusable = False
        clock.advance(11)
        assert reach.show(UNKNOWN_ID).name is GONE


def test_a_token_whose_renewal_gets_no_slot_is_used_until_it_expires(cloud: Cloud, clock: ManualClock) -> None:
    cloud.change_settings(token_seconds=3600)
    with reaching(cloud, clock=clock) as reach:
        assert reach.show(UNKNOWN_ID).name is GONE
        reach.logins.is_unusable = True
        for _ in range(59):
            clock.advance(60)
            assert reach.show(UNKNOWN_ID).name is GONE
        clock.advance(60)
        assert reach.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        assert len(cloud.journal.logins) == 1
        assert 1 < len([call for call in reach.logins.calls if call == "create"]) < 20


def test_a_token_that_was_rejected_is_replaced_although_its_renewal_was_put_off_meanwhile(
    cloud: Cloud, clock: ManualClock
) -> None:
    cloud.change_settings(token_seconds=3600)
    with reaching(cloud, clock=clock) as reach:
        assert reach.show(UNKNOWN_ID).name is GONE
        in_use = reach.api._sessions.login(TARGET, Hourglass())
        assert isinstance(in_use, Login)
        clock.advance((in_use.renew_at - clock()).total_seconds())
        reach.logins.is_unusable = True
        assert reach.show(UNKNOWN_ID).name is GONE
        reach.logins.is_unusable = False
        clock.advance(11)
        replaced = reach.api._sessions.replace(TARGET, in_use, Hourglass())
        assert isinstance(replaced, Login)
        assert replaced.credentials != in_use.credentials


def test_a_login_of_another_function_is_waited_for_briefly_and_once(cloud: Cloud, clock: ManualClock) -> None:
    shelf, logins = Shelf(clock), LoginStoreInMemory(clock)
    shelf.put(cloud.target_secret())
    with reaching(cloud, clock=clock, shelf=shelf, logins=logins) as reach:
        assert reach.show(UNKNOWN_ID).name is GONE
    key = next(key for key in logins.objects).partition("/")[0]
    logins.create(f"{key}/new", b'{"version":"v","holder":"h","at":"2026-11-25T04:00:00Z"}')
    with reaching(cloud, clock=clock, shelf=shelf, logins=logins) as reach:
        assert reach.show(UNKNOWN_ID).name is AnswerName.LOGIN_BUSY
        assert 5.0 <= sum(reach.slept_s) < 6.0
        assert reach.show(UNKNOWN_ID).name is AnswerName.LOGIN_BUSY
        assert sum(reach.slept_s) < 6.0
        clock.advance(30)
        assert reach.show(UNKNOWN_ID).name is GONE


def test_a_clock_that_is_set_back_does_not_put_off_the_next_login(cloud: Cloud, clock: ManualClock) -> None:
    with reaching(cloud, clock=clock) as reach:
        reach.logins.is_unusable = True
        assert reach.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        reach.logins.is_unusable = False
        assert reach.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        clock.advance(-3600)
        assert reach.show(UNKNOWN_ID).name is GONE


def test_a_check_that_gets_no_slot_does_not_judge_the_target(stack: Stack, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, status=401, body=BodyShape.IAM, times=None))
    for target in TARGETS[:2]:
        stack.describe(target)
    with stack.starting() as reach:
        report = TargetCheck(reach.api, stack.clock).check("prod-5", Hourglass())
    assert (report.healthy, report.reason) == (None, "login_busy")
