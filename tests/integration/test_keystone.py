"""Logins: one at a time, cached while valid, renewed in time, and never often enough to lock a user."""

import dataclasses
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from msgspec.structs import replace

from tests.integration.api_harness import TARGET, UNKNOWN_ID, ApiHarness, FakeTimeLeft, api_harness, ref, with_auth
from tests.integration.certificates import Authority
from tests.integration.scripted_server import Flood, ScriptedServer
from tests.support.doubles import ManualClock
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.identity import DOMAIN_NAME
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import OTHER_PROJECT_ID, PROJECT_ID
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.ports import BackupRef

SHOW, DELETE, LOGIN = "ShowBackup", "DeleteBackup", "Authenticate"
TOKEN: dict[str, Any] = {
    "project": {"id": PROJECT_ID, "name": "x"},
    "roles": [{"id": "1", "name": "member"}],
    "issued_at": "2026-11-25T04:00:00.000000Z",
    "expires_at": "2026-11-25T05:00:00.000000Z",
    "catalog": [
        {
            "type": "vbs",
            "endpoints": [
                {"interface": "public", "region": "eu-de", "region_id": "eu-de", "url": "http://127.0.0.1:1"}
            ],
        }
    ],
}


def login_answer(change: dict[str, Any], header: str = "t") -> Fault:
    """Return a fault: the response to a login with some fields changed."""
    body = json.dumps({"token": TOKEN | change})
    return Fault(operation=Operation.LOGIN, status=201, raw_body=body, headers={"X-Subject-Token": header})


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[Cloud]:
    """A cloud with the clock of the test."""
    with Simulator(clock=clock).running() as cloud:
        yield cloud


@pytest.fixture
def harness(cloud: Cloud, clock: ManualClock) -> Iterator[ApiHarness]:
    with api_harness(cloud, clock=clock, calls_at_once=20) as harness:
        yield harness


def show_by_many(harness: ApiHarness, ids: list[str]) -> list[AnswerName]:
    """Show all backups at the same time."""
    together = Barrier(len(ids))

    def show(backup_id: str) -> Answer:
        together.wait()
        return harness.show(backup_id)

    with ThreadPoolExecutor(len(ids)) as threads:
        return [answer.name for answer in threads.map(show, ids)]


# ------------------------------------------------------------------ one login, cached


def test_twenty_threads_make_one_login_at_a_cold_start_and_one_after_a_revocation(
    harness: ApiHarness, cloud: Cloud
) -> None:
    ids = cloud.add_backups(20)
    for logins in (1, 2, 3):
        assert show_by_many(harness, ids) == [AnswerName.FOUND] * 20
        assert len(cloud.journal.logins) == logins
        cloud.revoke_tokens()
    assert harness.slept_s == []


FAULTS_OF_A_LOGIN = {
    "a wrong password": Fault(status=401, body=BodyShape.KEYSTONE),
    "Keystone is down": Fault(status=503, body=BodyShape.HTML),
    "a token that outlives the calendar": login_answer({"expires_at": "9999-12-31T23:59:59-05:00"}),
}


@pytest.mark.parametrize("fault", FAULTS_OF_A_LOGIN.values(), ids=FAULTS_OF_A_LOGIN)
def test_twenty_threads_share_one_failed_login(harness: ApiHarness, cloud: Cloud, fault: Fault) -> None:
    cloud.inject(dataclasses.replace(fault, operation=Operation.LOGIN, delay_s=0.5, times=None))
    (name,) = set(show_by_many(harness, [UNKNOWN_ID] * 20))
    assert name in {AnswerName.LOGIN_REFUSED, AnswerName.LOGIN_UNAVAILABLE, AnswerName.LOGIN_MISPLACED}
    assert len(cloud.journal.calls_of(Operation.LOGIN)) == 1


@pytest.mark.parametrize(
    ("life_s", "useful_s"), [(3600, 2880), (86_400, 69_120), (2000, 1400), (1300, 700), (1000, 500), (60, 30)]
)
def test_a_token_is_replaced_at_80_percent_or_ten_minutes_before_its_end_but_not_before_half_of_it(
    harness: ApiHarness, cloud: Cloud, clock: ManualClock, life_s: int, useful_s: int
) -> None:
    cloud.change_settings(token_seconds=life_s)
    harness.show(UNKNOWN_ID)
    clock.advance(useful_s - 1)
    harness.show(UNKNOWN_ID)
    assert len(cloud.journal.logins) == 1
    clock.advance(1)
    assert harness.show(UNKNOWN_ID).name is AnswerName.GONE
    assert len(cloud.journal.logins) == 2
    assert harness.calls.take().count((SHOW, "401")) == 0


def test_a_wrong_clock_does_not_change_the_lifetime_of_a_token(cloud: Cloud) -> None:
    ahead = ManualClock()
    ahead.advance(7 * 86_400)
    with api_harness(cloud, clock=ahead) as harness:
        harness.show(UNKNOWN_ID)
        ahead.advance(2879)
        harness.show(UNKNOWN_ID)
        assert len(cloud.journal.logins) == 1
        ahead.advance(1)
        harness.show(UNKNOWN_ID)
        assert len(cloud.journal.logins) == 2


def test_each_target_has_its_own_login(harness: ApiHarness, cloud: Cloud) -> None:
    harness.secrets.put(cloud.target_secret("neighbour"), "next-door")
    own, foreign = harness.show(UNKNOWN_ID), harness.api.show_backup(_other_target_ref(), FakeTimeLeft())
    assert [answer.target.project_id for answer in (own, foreign) if answer.target] == [
        cloud.project_id,
        OTHER_PROJECT_ID,
    ]
    assert [login.user for login in cloud.journal.logins] == ["member", "neighbour"]


def _other_target_ref() -> BackupRef:
    return replace(ref(UNKNOWN_ID), target="next-door")


# ------------------------------------------------------------------ rejected tokens


def test_a_rejected_token_is_replaced_and_the_call_retried(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    cloud.revoke_tokens()
    harness.calls.take()
    assert harness.delete(backup_id).name is AnswerName.ACCEPTED
    assert harness.calls.take() == [(DELETE, "401"), (LOGIN, "201"), (DELETE, "202")]
    assert harness.secrets.reads == 2


def test_a_new_token_revoked_in_its_first_second_is_replaced_two_seconds_later(
    harness: ApiHarness, cloud: Cloud
) -> None:
    cloud.change_settings(coarse_revocation=True)
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    cloud.revoke_tokens()
    harness.calls.take()
    assert harness.show(backup_id).name is AnswerName.FOUND
    assert harness.calls.take() == [(SHOW, "401"), (LOGIN, "201"), (SHOW, "401"), (LOGIN, "201"), (SHOW, "200")]
    assert harness.slept_s == [2.0]


def test_a_service_that_rejects_every_token_is_called_at_most_three_times(harness: ApiHarness, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=401, body=BodyShape.KEYSTONE, times=None))
    assert harness.delete(UNKNOWN_ID).name is AnswerName.UNAUTHORIZED
    assert harness.calls.take() == [(LOGIN, "201"), (DELETE, "401")] * 3
    assert cloud.journal.failed_logins() == []


def test_a_400_that_rejects_the_token_is_retried_like_a_401(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=Operation.DELETE, status=400, body=BodyShape.VBS_ERROR, code="Common.0013"))
    assert harness.delete(backup_id).name is AnswerName.ACCEPTED
    assert len(cloud.journal.logins) == 2


def test_no_login_begins_without_fifteen_seconds_left(harness: ApiHarness, cloud: Cloud) -> None:
    harness.show(UNKNOWN_ID)
    cloud.revoke_tokens()
    assert (
        harness.api.show_backup(ref(UNKNOWN_ID), FakeTimeLeft(20.0, cost_per_read_s=3.0)).name is AnswerName.OUT_OF_TIME
    )
    assert len(cloud.journal.logins) == 1


def test_a_thread_that_waits_for_the_login_of_another_respects_its_own_deadline(
    harness: ApiHarness, cloud: Cloud
) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, delay_s=2.0))
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(harness.show, UNKNOWN_ID)
        while not cloud.journal.calls:
            time.sleep(0.01)
        assert harness.show(UNKNOWN_ID, left_s=15.01).name is AnswerName.OUT_OF_TIME
        assert first.result().name is AnswerName.GONE
    assert len(cloud.journal.logins) == 1


# ------------------------------------------------------------------ rotation and lockout


def test_a_secret_rotated_before_the_cloud_loses_nothing(harness: ApiHarness, cloud: Cloud, clock: ManualClock) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    harness.secrets.put(harness.cloud.target_secret() | {"auth": {**cloud.target_secret()["auth"], "password": "new"}})
    assert harness.show(backup_id).name is AnswerName.FOUND
    cloud.change_password("new")
    assert harness.show(backup_id).name is AnswerName.FOUND
    assert cloud.journal.failed_logins() == []


def test_a_secret_rotated_after_the_cloud_costs_one_failed_login_and_works_at_once(
    harness: ApiHarness, cloud: Cloud
) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    cloud.change_password("new")
    for _ in range(5):
        assert harness.show(backup_id).name is AnswerName.LOGIN_REFUSED
    assert len(cloud.journal.failed_logins()) == 1
    harness.secrets.put(cloud.target_secret())
    assert harness.show(backup_id).name is AnswerName.FOUND
    assert len(cloud.journal.failed_logins()) == 1


def test_a_rejected_version_is_not_sent_again_for_twenty_minutes(
    harness: ApiHarness, cloud: Cloud, clock: ManualClock
) -> None:
    cloud.change_password("new")
    first = harness.show(UNKNOWN_ID)
    clock.advance(20 * 60 - 1)
    second = harness.show(UNKNOWN_ID)
    assert (first.status, second.status) == (401, None)
    assert "will not be retried before 2026-11-25T04:20:00+00:00" in second.message
    assert "store a new version" in second.message
    assert len(cloud.journal.failed_logins()) == 1
    clock.advance(1)
    assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_REFUSED
    assert len(cloud.journal.failed_logins()) == 2


@pytest.mark.parametrize(
    ("status", "name", "then"),
    [
        *((status, AnswerName.LOGIN_REFUSED, AnswerName.LOGIN_REFUSED) for status in (400, 401, 403, 409)),
        *((status, AnswerName.LOGIN_THROTTLED, AnswerName.GONE) for status in (413, 429)),
        *((status, AnswerName.LOGIN_UNAVAILABLE, AnswerName.GONE) for status in (500, 502, 503)),
    ],
)
def test_a_rejection_blocks_the_version_and_a_failure_of_keystone_does_not(
    harness: ApiHarness, cloud: Cloud, status: int, name: AnswerName, then: AnswerName
) -> None:
    shape = BodyShape.KEYSTONE if then is AnswerName.LOGIN_REFUSED else BodyShape.HTML
    cloud.inject(Fault(operation=Operation.LOGIN, status=status, body=shape))
    assert harness.show(UNKNOWN_ID).name is name
    assert harness.show(UNKNOWN_ID).name is then
    assert len(cloud.journal.calls_of(Operation.LOGIN)) == (2 if then is AnswerName.GONE else 1)


# ------------------------------------------------------------------ roles


@pytest.fixture
def reader(cloud: Cloud, clock: ManualClock) -> Iterator[ApiHarness]:
    with api_harness(cloud, clock=clock, user="reader", calls_at_once=10) as harness:
        yield harness


@pytest.mark.parametrize(("given", "status"), [(False, 403), (True, 202)])
def test_a_forbidden_deletion_logs_in_once_to_find_a_new_role(
    reader: ApiHarness, cloud: Cloud, given: bool, status: int
) -> None:
    backup_id = cloud.add_backup()
    reader.show(backup_id)
    reader.calls.take()
    if given:
        cloud.identity.users["reader"].roles = ("reader", "member")
    assert reader.delete(backup_id).status == status
    assert reader.calls.take() == [(DELETE, "403"), (LOGIN, "201"), (DELETE, str(status))]


def test_a_login_to_find_new_roles_is_made_at_most_once_a_minute(
    reader: ApiHarness, cloud: Cloud, clock: ManualClock
) -> None:
    ids = cloud.add_backups(10)
    with ThreadPoolExecutor(10) as threads:
        assert {answer.name for answer in threads.map(reader.delete, ids)} == {AnswerName.FORBIDDEN}
    assert len(cloud.journal.logins) == 2
    clock.advance(59)
    assert reader.delete(ids[0]).name is AnswerName.FORBIDDEN
    assert len(cloud.journal.logins) == 2
    clock.advance(1)
    assert reader.delete(ids[0]).name is AnswerName.FORBIDDEN
    assert len(cloud.journal.logins) == 3


def test_a_forbidden_call_stays_forbidden_if_a_new_login_is_impossible(reader: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    reader.show(backup_id)
    cloud.inject(Fault(operation=Operation.LOGIN, status=503, body=BodyShape.HTML))
    assert reader.delete(backup_id).name is AnswerName.FORBIDDEN
    assert reader.show(backup_id).name is AnswerName.FOUND


def test_a_403_of_a_gateway_is_not_about_roles(harness: ApiHarness, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=403, body=BodyShape.GATEWAY_APIG, code="APIG.0401"))
    assert harness.delete(UNKNOWN_ID).name is AnswerName.GATEWAY_REFUSED
    assert len(cloud.journal.logins) == 1


@pytest.mark.parametrize("role", ["admin", "Admin", "ADMIN"])
def test_an_administrator_is_refused_before_any_call(cloud: Cloud, role: str) -> None:
    cloud.identity.users["admin"].roles = (role, "member", "reader")
    backup_id = cloud.add_backup()
    with api_harness(cloud, user="admin") as harness:
        answer = harness.delete(backup_id)
        assert answer.name is AnswerName.ADMINISTRATOR
        assert cloud.journal.calls_of(Operation.DELETE) == []
    with api_harness(cloud, user="admin", allow_admin=True) as harness:
        assert harness.show(backup_id).name is AnswerName.FOUND


# ------------------------------------------------------------------ responses to a login


@pytest.mark.parametrize(
    ("status", "shape", "name"),
    [
        (200, BodyShape.HTML, AnswerName.LOGIN_MISPLACED),
        (200, BodyShape.EMPTY_JSON, AnswerName.LOGIN_MISPLACED),
        (201, BodyShape.JSON_LIST, AnswerName.LOGIN_MISPLACED),
        (201, BodyShape.DEEP_JSON, AnswerName.LOGIN_MISPLACED),
        (204, BodyShape.EMPTY, AnswerName.LOGIN_MISPLACED),
        (300, BodyShape.CINDER, AnswerName.LOGIN_MISPLACED),
        (302, BodyShape.EMPTY, AnswerName.LOGIN_MISPLACED),
        (400, BodyShape.HTML, AnswerName.LOGIN_MISPLACED),
        (400, BodyShape.KEYSTONE, AnswerName.LOGIN_REFUSED),
        (401, BodyShape.KEYSTONE, AnswerName.LOGIN_REFUSED),
        (401, BodyShape.IAM, AnswerName.USER_LOCKED),
        (401, BodyShape.HTML, AnswerName.LOGIN_REFUSED),
        (403, BodyShape.IAM, AnswerName.LOGIN_REFUSED),
        (404, BodyShape.CINDER_HTML, AnswerName.LOGIN_MISPLACED),
        (404, BodyShape.KEYSTONE, AnswerName.LOGIN_MISPLACED),
        (405, BodyShape.HTML, AnswerName.LOGIN_MISPLACED),
        (407, BodyShape.HTML, AnswerName.PROXY_REFUSED),
        (408, BodyShape.EMPTY, AnswerName.LOGIN_UNAVAILABLE),
        (410, BodyShape.IAM, AnswerName.LOGIN_MISPLACED),
        (413, BodyShape.OVER_LIMIT, AnswerName.LOGIN_THROTTLED),
        (429, BodyShape.IAM, AnswerName.LOGIN_THROTTLED),
        (500, BodyShape.KEYSTONE, AnswerName.LOGIN_UNAVAILABLE),
        (501, BodyShape.HTML, AnswerName.LOGIN_MISPLACED),
        (502, BodyShape.HTML, AnswerName.LOGIN_UNAVAILABLE),
        (503, BodyShape.GATEWAY, AnswerName.LOGIN_UNAVAILABLE),
    ],
)
def test_a_login_without_a_token_has_a_name_and_the_cause(
    harness: ApiHarness, cloud: Cloud, status: int, shape: BodyShape, name: AnswerName
) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, status=status, body=shape))
    answer = harness.show(UNKNOWN_ID)
    assert (answer.name, answer.status) == (name, status)
    assert answer.message.startswith(f'target "{TARGET}": {cloud.auth_url} ')
    assert harness.calls.take() == [(LOGIN, str(status))]
    assert cloud.journal.calls_of(Operation.SHOW) == []


@pytest.mark.parametrize(
    "change",
    [
        {"project": None},
        {"project": {"id": "default", "name": "x"}},
        {"project": {"id": "5A1E0C7B9D3F4826A0B4C6D8E2F01357", "name": "x"}},
        {"project": []},
        {"expires_at": "soon"},
        {"expires_at": "2026-11-25T04:00:00Z"},
        {"expires_at": None},
        {"expires_at": "9999-12-31T23:59:59-05:00"},
        {"issued_at": "0001-01-01T00:00:00Z", "expires_at": "9999-12-31T23:59:59Z"},
        {"issued_at": None},
        {"roles": [{"id": "1"}]},
        {"roles": "admin"},
        {"roles": []},
        {"roles": None},
        {"catalog": None},
        {"catalog": [{"type": "vbs", "endpoints": [{}]}]},
        {"catalog": [5]},
        *({"X-Subject-Token": token} for token in ("", "two words", "t\u00f6ken", "folded\r\n token")),
    ],
    ids=str,
)
def test_an_invalid_token_is_never_used(harness: ApiHarness, cloud: Cloud, change: dict[str, Any]) -> None:
    wrong = {AnswerName.LOGIN_MISPLACED, AnswerName.TOKEN_PROJECT_MISMATCH, AnswerName.WRONG_ENDPOINT}
    cloud.inject(login_answer(change, change.get("X-Subject-Token", "t")), login_answer({}))
    assert harness.show(UNKNOWN_ID).name in wrong
    assert harness.show(UNKNOWN_ID).name is AnswerName.UNREACHABLE  # the same token without the change is used
    assert cloud.journal.calls_of(Operation.SHOW) == []


@pytest.mark.parametrize("status", [429, 503])
def test_the_retry_after_of_keystone_is_passed_on(harness: ApiHarness, cloud: Cloud, status: int) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, status=status, body=BodyShape.IAM, retry_after="90"))
    assert harness.show(UNKNOWN_ID).retry_after_s == 90.0


def test_a_redirect_of_a_login_is_never_followed(harness: ApiHarness, cloud: Cloud) -> None:
    with Simulator().running() as elsewhere:
        for status in (301, 302, 303, 305, 307, 308):
            cloud.inject(
                Fault(operation=Operation.LOGIN, status=status, redirect_to=f"{elsewhere.auth_url}/auth/tokens")
            )
            assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_MISPLACED
        assert elsewhere.journal.connections == 0


@pytest.mark.parametrize("breakage", list(Breakage))
def test_a_login_with_a_broken_response_is_sent_once_and_is_unavailable(
    harness: ApiHarness, cloud: Cloud, breakage: Breakage
) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, breakage=breakage, times=None))
    assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_UNAVAILABLE
    assert len(cloud.journal.calls_of(Operation.LOGIN)) == 1


def test_a_login_never_reuses_a_connection(harness: ApiHarness, cloud: Cloud) -> None:
    harness.show(UNKNOWN_ID)
    cloud.revoke_tokens()
    harness.show(UNKNOWN_ID)
    first, second = cloud.journal.calls_of(Operation.LOGIN)
    assert first.connection != second.connection


def test_a_slow_or_unreachable_keystone_is_unavailable(cloud: Cloud) -> None:
    with api_harness(cloud, deadline_s=0.2) as harness:
        cloud.inject(Fault(operation=Operation.LOGIN, drip_s=0.02))
        assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_UNAVAILABLE
        assert harness.calls.take() == [(LOGIN, "ReadTimeout")]
        harness.secrets.put(
            {**cloud.target_secret(), "auth": {**cloud.target_secret()["auth"], "auth_url": "http://127.0.0.1:1/v3"}}
        )
        assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_UNAVAILABLE
        assert harness.calls.take() == [(LOGIN, "ConnectionError")]


@pytest.mark.parametrize("status", [201, 503])
def test_a_keystone_with_an_endless_response_is_unavailable_and_soon_disconnected(cloud: Cloud, status: int) -> None:
    flood = Flood(f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n".encode())
    with ScriptedServer(flood).running() as server, api_harness(cloud) as harness:
        harness.secrets.put(with_auth(cloud.target_secret(), auth_url=f"{server.url}/v3"))
        assert harness.show(UNKNOWN_ID).name is AnswerName.LOGIN_UNAVAILABLE
        assert len(server.requests) == 1
    assert flood.was_cut_short


def test_a_keystone_with_an_unknown_authority_is_a_tls_failure(tmp_path: Path) -> None:
    with Simulator(tls=Authority().server_context(tmp_path)).running() as cloud, api_harness(cloud) as harness:
        assert harness.show(UNKNOWN_ID).name is AnswerName.TLS_FAILED
        assert harness.calls.take() == [(LOGIN, "TlsError")]


# ------------------------------------------------------------------ project and endpoint


@pytest.mark.parametrize("domain", [{}, {"project_domain_name": DOMAIN_NAME}, {"project_domain_id": "default"}])
def test_a_project_can_be_given_by_name_and_its_domain_defaults_to_that_of_the_user(
    harness: ApiHarness, cloud: Cloud, domain: dict[str, str]
) -> None:
    harness.secrets.put(with_auth(cloud.target_secret(), project_id=None, project_name="backups", **domain))
    assert harness.show(UNKNOWN_ID).name is AnswerName.GONE


def test_an_application_credential_logs_in_without_a_scope(cloud: Cloud) -> None:
    with api_harness(cloud, application_credential=True) as harness:
        assert harness.show(cloud.add_backup()).name is AnswerName.FOUND
        harness.secrets.put(with_auth(cloud.target_secret(application_credential=True), project_id=OTHER_PROJECT_ID))
        cloud.revoke_tokens()
        answer = harness.show(UNKNOWN_ID)
    assert answer.name is AnswerName.TOKEN_PROJECT_MISMATCH
    assert cloud.project_id in answer.message
    assert OTHER_PROJECT_ID in answer.message
