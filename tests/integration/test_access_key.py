"""Targets with an access key, with a simulated gateway that verifies signatures and locks keys."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.integration.api_harness import (
    TARGET,
    UNKNOWN_ID,
    ApiHarness,
    FakeTimeLeft,
    TargetSecretsInMemory,
    api_harness,
    with_auth,
)
from tests.support.doubles import LoginStoreInMemory, ManualClock
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Call, Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import OTHER_PROJECT_ID
from vbs_reaper.aws import clients
from vbs_reaper.aws.login_store import LoginBucket
from vbs_reaper.backups.answer import Answer, AnswerName, Listing, Page, TargetInfo
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.checking.target_check import DELETE_PERMISSION, ROLES, TargetCheck
from vbs_reaper.clouds.login.access_key import EXPIRES_AFTER, RENEWED_AFTER
from vbs_reaper.clouds.login.login import Login
from vbs_reaper.deletion.decide import HALTS
from vbs_reaper.reasons import Reason

CHECKED = ("Authenticate", "200")
WINDOW_S = 20 * 60


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[Cloud]:
    with Simulator(clock=clock).running() as cloud:
        yield cloud


@pytest.fixture
def harness(cloud: Cloud, clock: ManualClock) -> Iterator[ApiHarness]:
    with api_harness(cloud, clock=clock, access_key=True) as harness:
        yield harness


def wrong(cloud: Cloud) -> dict[str, Any]:
    return with_auth(cloud.target_secret(access_key=True), secret_key="not-this-one")


def signed_calls(cloud: Cloud) -> list[Call]:
    return [call for call in cloud.journal.calls if any(name.lower() == "authorization" for name in call.headers)]


# ------------------------------------------------------------------ one deletion, one list


@pytest.mark.parametrize("dialect", ["access", "credential"])
@pytest.mark.parametrize("service", ["vbs", "cinder"])
def test_a_backup_is_shown_deleted_and_proven_gone_without_a_token(
    cloud: Cloud, clock: ManualClock, dialect: str, service: str
) -> None:
    with api_harness(cloud, clock=clock, access_key=True, service=service, signature=dialect) as harness:
        backup_id = cloud.add_backup()
        assert harness.show(backup_id).name is AnswerName.FOUND
        assert harness.delete(backup_id).name is AnswerName.ACCEPTED
        cloud.advance(60)
        assert harness.show(backup_id).name is AnswerName.GONE
        assert harness.calls.take() == [CHECKED, ("ShowBackup", "200"), ("DeleteBackup", "202"), ("ShowBackup", "404")]
    assert signed_calls(cloud) == cloud.journal.calls
    assert cloud.journal.calls_of(Operation.LOGIN) == []
    assert {call.token for call in cloud.journal.calls} == {None}
    assert cloud.journal.calls[0].raw_path.endswith("/backups/detail?limit=1")
    assert [call.headers["X-Project-Id"] for call in cloud.journal.calls] == [cloud.project_id] * 4


@pytest.mark.parametrize("service", ["vbs", "cinder"])
def test_all_pages_of_a_list_and_the_list_of_a_volume_are_signed(
    cloud: Cloud, clock: ManualClock, service: str
) -> None:
    cloud.change_settings(page_limit=3)
    ids = cloud.add_backups(8, volume_id=UNKNOWN_ID)
    with api_harness(cloud, clock=clock, access_key=True, service=service) as harness:
        pages = list(harness.api.list_backups(TARGET, FakeTimeLeft()))
        ref = BackupRef(target=TARGET, backup_id=ids[0])  # type: ignore[arg-type]
        of_volume = harness.api.list_volume(ref, UNKNOWN_ID, FakeTimeLeft())
    assert [backup.id for page in pages if isinstance(page, Page) for backup in page.backups] == ids[::-1]
    assert isinstance(of_volume, Listing)
    assert len(of_volume.backups) == 8
    assert {call.status for call in signed_calls(cloud)} == {200}


def test_the_key_is_checked_once_by_many_threads(harness: ApiHarness, cloud: Cloud) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: harness.show(UNKNOWN_ID).name, range(20)))
    assert answers == [AnswerName.GONE] * 20
    assert harness.calls.take().count(CHECKED) == 1


def test_the_retry_on_a_dead_connection_is_signed_again(cloud: Cloud) -> None:
    with Simulator().running() as cloud:
        clock = ManualClock(cloud.now())
        with api_harness(cloud, clock=clock, access_key=True) as harness:
            harness.show(UNKNOWN_ID)
            clock.advance(1)
            ticking = _Ticking(clock)
            harness.api._caller._clock = ticking
            cloud.inject(Fault(operation=Operation.SHOW, breakage=Breakage.CLOSE, reused_connection=True))
            assert harness.show(UNKNOWN_ID).name is AnswerName.GONE
        lost, repeated = cloud.journal.calls_of(Operation.SHOW)[-2:]
    assert (lost.status, repeated.status) == (None, 404)
    assert lost.headers["X-Sdk-Date"] != repeated.headers["X-Sdk-Date"]
    assert lost.headers["Authorization"] != repeated.headers["Authorization"]


class _Ticking:
    """A clock that advances by a second with every read."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def __call__(self) -> Any:  # noqa: ANN401
        self._clock.advance(1)
        return self._clock()


def test_roles_are_unknown_and_a_forbidden_call_is_not_repeated(cloud: Cloud, clock: ManualClock) -> None:
    cloud.new_access_key("reader")
    backup_id = cloud.add_backup()
    with api_harness(cloud, clock=clock, user="reader", access_key=True) as harness:
        info = harness.api.describe_target(TARGET, FakeTimeLeft())
        assert isinstance(info, TargetInfo)
        assert (info.roles, info.project_id, info.address) == ((), cloud.project_id, cloud.url)
        assert harness.delete(backup_id).name is AnswerName.FORBIDDEN
        assert harness.calls.take() == [CHECKED, ("DeleteBackup", "403")]
        report = TargetCheck(harness.api, clock).check(TARGET, FakeTimeLeft())
    assert report.healthy
    assert report.roles == ()
    assert {ROLES, DELETE_PERMISSION} <= set(report.unknown)


def test_the_secret_is_read_again_every_hour_and_the_key_stays_valid_without_a_slot(
    harness: ApiHarness, cloud: Cloud, clock: ManualClock
) -> None:
    harness.show(UNKNOWN_ID)
    clock.advance(RENEWED_AFTER.total_seconds())
    harness.show(UNKNOWN_ID)
    assert harness.secrets.reads == 2
    harness.logins.is_unusable = True
    clock.advance(EXPIRES_AFTER.total_seconds() - 120)
    assert harness.show(UNKNOWN_ID).name is AnswerName.GONE
    clock.advance(240)
    assert harness.show(UNKNOWN_ID).name is AnswerName.BUCKET_UNUSABLE


# ------------------------------------------------------------------ wrong, deleted, rotated, locked keys; clocks


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"secret_key": "not-this-one"}, "the cloud rejects the signature: the secret key is wrong (401, APIGW.0301)"),
        ({"access_key": "CANARYKEY"}, "does not know the access key"),
    ],
    ids=["wrong", "unknown"],
)
def test_a_wrong_or_unknown_key_is_rejected_once_until_another_is_stored(
    cloud: Cloud, clock: ManualClock, auth: dict[str, str], words: str
) -> None:
    secrets = TargetSecretsInMemory(clock)
    secrets.put(with_auth(cloud.target_secret(access_key=True), **auth))
    clock.advance(1)
    with api_harness(cloud, clock=clock, secrets=secrets) as harness:
        first, second = harness.show(UNKNOWN_ID), harness.show(UNKNOWN_ID)
        assert {first.name, second.name} == {AnswerName.LOGIN_REFUSED}
        assert HALTS[first.name] is Reason.CREDENTIALS_REJECTED
        assert first.message.startswith(f'target "{TARGET}": {cloud.url}: ')
        assert words in first.message
        assert "CANARY" not in first.message
        assert "it will not be retried before" in second.message
        assert [call.operation for call in cloud.journal.calls] == [Operation.LIST]
        clock.advance(60)
        secrets.put(cloud.target_secret(access_key=True))
        assert harness.show(UNKNOWN_ID).name is AnswerName.GONE


def test_a_rotated_key_costs_one_call_and_one_check_and_works_as_soon_as_its_secret_is_stored(
    harness: ApiHarness, cloud: Cloud, clock: ManualClock
) -> None:
    harness.show(UNKNOWN_ID)
    cloud.new_access_key()
    clock.advance(60)
    harness.calls.take()
    assert {harness.show(UNKNOWN_ID).name for _ in range(10)} == {AnswerName.LOGIN_REFUSED}
    assert harness.calls.take() == [("ShowBackup", "401"), ("Authenticate", "401")]
    clock.advance(60)
    harness.secrets.put(cloud.target_secret(access_key=True))
    assert harness.show(UNKNOWN_ID).name is AnswerName.GONE
    assert harness.calls.take() == [CHECKED, ("ShowBackup", "404")]


def test_a_refused_call_is_repeated_only_with_another_key(
    harness: ApiHarness, cloud: Cloud, clock: ManualClock
) -> None:
    harness.show(UNKNOWN_ID)
    harness.calls.take()
    cloud.inject(Fault(operation=Operation.SHOW, status=401, body=BodyShape.KEYSTONE, times=2))
    assert harness.show(UNKNOWN_ID).name is AnswerName.UNAUTHORIZED
    assert harness.calls.take() == [("ShowBackup", "401"), CHECKED]
    assert harness.slept_s == []
    cloud.clear_faults()
    cloud.new_access_key()
    clock.advance(60)
    harness.secrets.put(cloud.target_secret(access_key=True))
    assert harness.show(UNKNOWN_ID).name is AnswerName.GONE
    assert harness.calls.take() == [("ShowBackup", "401"), CHECKED, ("ShowBackup", "404")]


@pytest.mark.parametrize("ahead_s", [16 * 60, -16 * 60])
def test_a_skewed_clock_has_its_own_reason_and_rejects_no_version(
    cloud: Cloud, clock: ManualClock, ahead_s: float
) -> None:
    ours = ManualClock(clock())
    ours.advance(ahead_s)
    with api_harness(cloud, clock=ours, access_key=True) as harness:
        for _ in range(3):
            answer = harness.show(UNKNOWN_ID)
            assert (answer.name, HALTS[answer.name]) == (AnswerName.CLOCK_SKEW, Reason.CLOCK_SKEW)
        report = TargetCheck(harness.api, ours).check(TARGET, FakeTimeLeft())
        assert (report.healthy, report.reason) == (False, "clock_skew")
        ours.now = clock()
        assert harness.show(UNKNOWN_ID).name is AnswerName.GONE


def test_a_signature_that_expired_in_transit_makes_only_its_record_wait(
    harness: ApiHarness, cloud: Cloud, clock: ManualClock
) -> None:
    harness.show(UNKNOWN_ID)
    harness.calls.take()
    cloud.inject(
        Fault(
            operation=Operation.SHOW,
            status=401,
            raw_body='{"error_code": "APIGW.0301", "error_msg": "calc aksk signature fail:signature expired, x"}',
        )
    )
    assert harness.show(UNKNOWN_ID).name is AnswerName.CLOCK_SKEW
    assert harness.show(UNKNOWN_ID).name is AnswerName.GONE
    assert harness.calls.take() == [("ShowBackup", "401"), ("ShowBackup", "404")]


def test_a_locked_key_waits_five_minutes_with_at_most_two_calls(cloud: Cloud, clock: ManualClock) -> None:
    key = next(iter(cloud.identity.access_keys.values()))
    key.locked_until = clock.now.replace(hour=5)
    secrets, logins = TargetSecretsInMemory(clock), LoginStoreInMemory(clock)
    secrets.put(cloud.target_secret(access_key=True))
    with ExitStack() as exits:
        environments = [
            exits.enter_context(api_harness(cloud, clock=clock, secrets=secrets, logins=logins)) for _ in range(8)
        ]
        answers = [environment.show(UNKNOWN_ID) for environment in environments]
        assert [answer.name for answer in answers[:2]] == [AnswerName.USER_LOCKED] * 2
        assert {answer.retry_after_s for answer in answers[:2]} == {300}
        assert "locked the access key for five minutes" in answers[0].message
        assert {answer.name for answer in answers[2:]} == {AnswerName.LOGIN_BUSY}
        assert len(cloud.journal.calls) == 2
        key.locked_until = None
        clock.advance(299)
        assert environments[7].show(UNKNOWN_ID).name is AnswerName.LOGIN_BUSY
        clock.advance(11)
        assert [environment.show(UNKNOWN_ID).name for environment in environments] == [AnswerName.GONE] * 8


def test_eight_cold_environments_with_a_wrong_key_make_at_most_two_calls_in_20_minutes(
    cloud: Cloud, clock: ManualClock, bucket: str
) -> None:
    secrets = TargetSecretsInMemory(clock)
    for number in range(3):
        secrets.put(wrong(cloud), target=f"prod-{number}")
    clock.advance(60)
    logins: Any = LoginBucket(clients.s3_of_small_objects, bucket)
    for _ in range(2):
        with ExitStack() as exits, ThreadPoolExecutor(8) as threads:
            environments = [
                exits.enter_context(api_harness(cloud, clock=clock, secrets=secrets, logins=logins)) for _ in range(8)
            ]
            pairs = [(one, f"prod-{number % 3}") for number, one in enumerate(environments)]
            answers = list(threads.map(lambda pair: pair[0].api.describe_target(pair[1], FakeTimeLeft()), pairs))
        assert all(isinstance(answer, Answer) for answer in answers)
        clock.advance(300)
    assert 1 <= len(cloud.journal.calls) <= 2
    clock.advance(WINDOW_S)
    with api_harness(cloud, clock=clock, secrets=secrets, logins=logins) as harness:
        harness.api.describe_target("prod-0", FakeTimeLeft())
    failed = [call.at for call in cloud.journal.calls]
    assert all((third - first).total_seconds() >= WINDOW_S for first, third in zip(failed, failed[2:], strict=False))
    assert next(iter(cloud.identity.access_keys.values())).locked_until is None


# ------------------------------------------------------------------ other answers to the check


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault(status=401, body=BodyShape.KEYSTONE), AnswerName.LOGIN_REFUSED),
        (Fault(status=403, body=BodyShape.GATEWAY, code="APIGW.0302"), AnswerName.GATEWAY_REFUSED),
        (Fault(status=404, body=BodyShape.HTML), AnswerName.WRONG_ENDPOINT),
        (Fault(status=500, body=BodyShape.HTML), AnswerName.SERVER_ERROR),
        (Fault(redirect_to="http://127.0.0.1:9/"), AnswerName.REDIRECTED),
        (Fault(breakage=Breakage.RESET), AnswerName.CONNECTION_LOST),
        (Fault(breakage=Breakage.TRUNCATED), AnswerName.CONNECTION_LOST),
        (Fault(status=200, body=BodyShape.HTML), AnswerName.UNAVAILABLE),
        (Fault(status=404, body=BodyShape.CINDER, message="Backup  could not be found."), AnswerName.WRONG_ENDPOINT),
    ],
)
def test_a_check_that_fails_says_why_and_rejects_no_version(
    cloud: Cloud, clock: ManualClock, fault: Fault, name: AnswerName
) -> None:
    cloud.inject(dataclasses.replace(fault, operation=Operation.LIST))
    with api_harness(cloud, clock=clock, access_key=True) as harness:
        answer = harness.show(UNKNOWN_ID)
        assert answer.name is name
        assert answer.message.startswith(f'target "{TARGET}": ')
        assert (answer.backup, answer.target) == (None, None)
        assert harness.show(UNKNOWN_ID).name is AnswerName.GONE


@pytest.mark.parametrize(
    ("service", "status", "body"),
    [
        ("vbs", 400, '{"badRequest": {"code": "Common.0013", "message": "X-Auth-Token is invalid"}}'),
        ("cbr", 500, '{"error_code": "BackupService.9998", "error_msg": "Authentication failed."}'),
    ],
)
def test_a_refusal_without_a_401_occupies_a_slot_too(
    cloud: Cloud, clock: ManualClock, service: str, status: int, body: str
) -> None:
    cloud.inject(Fault(operation=Operation.LIST, status=status, raw_body=body, times=None))
    with api_harness(cloud, clock=clock, access_key=True, service=service) as harness:
        answers = [harness.show(UNKNOWN_ID).name for _ in range(6)]
    assert answers[:3] == [AnswerName.LOGIN_REFUSED, AnswerName.LOGIN_REFUSED, AnswerName.LOGIN_BUSY]
    assert len(cloud.journal.calls) == 2


def test_a_check_is_never_proof_that_a_backup_is_gone(
    harness: ApiHarness, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Answer(name=AnswerName.GONE, status=404)
    monkeypatch.setattr("vbs_reaper.clouds.apis.cinder_v3.CinderApi.read", lambda *_: gone)
    assert harness.show(UNKNOWN_ID).name is AnswerName.UNEXPECTED


@pytest.mark.parametrize("service", ["vbs", "cbr"])
def test_a_target_with_a_wrong_project_does_not_keep_its_key_from_other_targets(
    cloud: Cloud, clock: ManualClock, service: str
) -> None:
    secrets, logins = TargetSecretsInMemory(clock), LoginStoreInMemory(clock)
    right = cloud.target_secret(access_key=True, service=service)
    secrets.put(right)
    secrets.put(with_auth(right, project_id=OTHER_PROJECT_ID), target="mistyped")
    for _ in range(4):
        with api_harness(cloud, clock=clock, secrets=secrets, logins=logins) as cold:
            mistyped = cold.api.describe_target("mistyped", FakeTimeLeft())
            assert isinstance(mistyped, Answer)
            assert mistyped.name is AnswerName.URL_PROJECT_MISMATCH
            assert isinstance(cold.api.describe_target(TARGET, FakeTimeLeft()), TargetInfo)
        clock.advance(60)


def test_a_login_is_for_the_endpoint_without_version_and_project(cloud: Cloud, clock: ManualClock) -> None:
    override = f"{cloud.url}/v2/{cloud.project_id}"
    with api_harness(cloud, clock=clock, access_key=True, volume_backup_endpoint_override=override) as harness:
        login = harness.api._sessions.login(TARGET, FakeTimeLeft())
        assert isinstance(login, Login)
        assert login.root == cloud.url
