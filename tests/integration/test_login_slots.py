"""Failed logins at a simulated Keystone: targets with a shared user, restarted functions, an unusable bucket."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from tests.integration.api_harness import (
    TARGET,
    UNKNOWN_ID,
    ApiHarness,
    FakeTimeLeft,
    TargetSecretsInMemory,
    api_harness,
)
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
    """Six targets of one user. Every call uses a new execution environment."""

    def __init__(self, cloud: Cloud, clock: ManualClock) -> None:
        self.cloud = cloud
        self.clock = clock
        self.secrets = TargetSecretsInMemory(clock)
        self.logins = LoginStoreInMemory(clock)
        for target in TARGETS:
            self.secrets.put(cloud.target_secret(), target=target)
        clock.advance(60)

    def starting(self) -> AbstractContextManager[ApiHarness]:
        return api_harness(self.cloud, clock=self.clock, secrets=self.secrets, logins=self.logins)

    def describe(self, target: str) -> AnswerName | None:
        """Log in to a target in a new environment; return None if the login succeeded."""
        with self.starting() as harness:
            answer = harness.api.describe_target(target, FakeTimeLeft())
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
    with stack.starting() as harness, ThreadPoolExecutor(5) as threads:
        check = TargetCheck(harness.api, stack.clock)
        reports = list(threads.map(lambda target: check.check(target, FakeTimeLeft()), TARGETS))
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
    stack.secrets.put(secret, target="prod-0")
    for _ in range(5):
        assert stack.describe("prod-0") is AnswerName.TOKEN_PROJECT_MISMATCH
    assert stack.describe("prod-1") is None


def test_a_locked_user_rejects_no_version_and_gets_few_logins(stack: Stack, cloud: Cloud) -> None:
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


# ------------------------------------------------------------------ unavailable slots


def test_an_unusable_bucket_stops_new_logins_but_not_calls_with_a_valid_token(cloud: Cloud, clock: ManualClock) -> None:
    with api_harness(cloud, clock=clock) as harness:
        assert harness.show(UNKNOWN_ID).name is GONE
        harness.logins.is_unusable = True
        assert harness.show(UNKNOWN_ID).name is GONE
        cloud.revoke_tokens()
        assert harness.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        assert len(cloud.journal.logins) == 1
        harness.logins.is_unusable = False
        clock.advance(11)
        assert harness.show(UNKNOWN_ID).name is GONE


def test_a_token_whose_renewal_gets_no_slot_is_used_until_it_expires(cloud: Cloud, clock: ManualClock) -> None:
    cloud.change_settings(token_seconds=3600)
    with api_harness(cloud, clock=clock) as harness:
        assert harness.show(UNKNOWN_ID).name is GONE
        harness.logins.is_unusable = True
        for _ in range(59):
            clock.advance(60)
            assert harness.show(UNKNOWN_ID).name is GONE
        clock.advance(60)
        assert harness.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        assert len(cloud.journal.logins) == 1
        assert 1 < len([call for call in harness.logins.calls if call == "create"]) < 20


def test_a_rejected_token_is_replaced_although_its_renewal_was_postponed(cloud: Cloud, clock: ManualClock) -> None:
    cloud.change_settings(token_seconds=3600)
    with api_harness(cloud, clock=clock) as harness:
        assert harness.show(UNKNOWN_ID).name is GONE
        in_use = harness.api._sessions.login(TARGET, FakeTimeLeft())
        assert isinstance(in_use, Login)
        clock.advance((in_use.renew_at - clock()).total_seconds())
        harness.logins.is_unusable = True
        assert harness.show(UNKNOWN_ID).name is GONE
        harness.logins.is_unusable = False
        clock.advance(11)
        replaced = harness.api._sessions.replace(TARGET, in_use, FakeTimeLeft())
        assert isinstance(replaced, Login)
        assert replaced.credentials != in_use.credentials


def test_the_login_of_another_function_is_waited_for_briefly_and_once(cloud: Cloud, clock: ManualClock) -> None:
    secrets, logins = TargetSecretsInMemory(clock), LoginStoreInMemory(clock)
    secrets.put(cloud.target_secret())
    with api_harness(cloud, clock=clock, secrets=secrets, logins=logins) as harness:
        assert harness.show(UNKNOWN_ID).name is GONE
    key = next(key for key in logins.objects).partition("/")[0]
    logins.create(f"{key}/new", b'{"version":"v","holder":"h","at":"2026-11-25T04:00:00Z"}')
    with api_harness(cloud, clock=clock, secrets=secrets, logins=logins) as harness:
        assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_BUSY
        assert 5.0 <= sum(harness.slept_s) < 6.0
        assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_BUSY
        assert sum(harness.slept_s) < 6.0
        clock.advance(30)
        assert harness.show(UNKNOWN_ID).name is GONE


def test_a_clock_that_is_set_back_does_not_postpone_the_next_login(cloud: Cloud, clock: ManualClock) -> None:
    with api_harness(cloud, clock=clock) as harness:
        harness.logins.is_unusable = True
        assert harness.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        harness.logins.is_unusable = False
        assert harness.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE
        clock.advance(-3600)
        assert harness.show(UNKNOWN_ID).name is GONE


def test_a_check_without_a_slot_does_not_report_the_target_as_unhealthy(stack: Stack, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, status=401, body=BodyShape.IAM, times=None))
    for target in TARGETS[:2]:
        stack.describe(target)
    with stack.starting() as harness:
        report = TargetCheck(harness.api, stack.clock).check("prod-5", FakeTimeLeft())
    assert (report.healthy, report.reason) == (None, "login_busy")
