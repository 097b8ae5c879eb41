"""The parts of the simulator that tests/contract does not compare with real servers: journal, lockouts, raw bytes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest
import requests

from tests.support.simulator.backups.rate_limit import LimitForm
from tests.support.simulator.backups.record import Driver
from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation, token_identity
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import OTHER_PROJECT_ID, SimulatorSettings
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.http.transport import HttpRequest
from vbs_reaper.clouds.login.aksk import SigningKey

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
DELETE_S = 10.0
LIST = "/v3/PROJECT/backups"


@pytest.fixture(scope="module")
def running() -> Iterator[Cloud]:
    """A cloud with a clock that only `advance` changes."""
    with Simulator(SimulatorSettings(delete_seconds=DELETE_S), clock=lambda: START).running() as cloud:
        yield cloud


@pytest.fixture
def cloud(running: Cloud) -> Cloud:
    running.reset()
    return running


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    with Caller(cloud) as caller:
        yield caller


# ------------------------------------------------------------------ backups


@pytest.mark.parametrize(
    ("driver", "end", "has_reason"),
    [(Driver.FAILS, "error", True), (Driver.FAILS_FOR_GOOD, "error_deleting", True), (Driver.HANGS, "deleting", False)],
)
def test_a_deletion_can_fail_or_hang(cloud: Cloud, caller: Caller, driver: Driver, end: str, has_reason: bool) -> None:
    backup_id = cloud.add_backup(driver=driver)
    assert caller.delete(backup_id).status_code == 202
    cloud.advance(DELETE_S)
    shown = caller.show(backup_id).json()["backup"]
    assert (shown["status"], shown["fail_reason"] is not None) == (end, has_reason)


def test_a_backup_with_incrementals_can_be_deleted_as_vbs_documents_it(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(children_block=False)
    full = cloud.add_backup()
    cloud.add_backup(parent_id=full)
    assert caller.delete(full).status_code == 202


def test_a_deletion_in_progress_waits_while_the_service_is_down(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    caller.delete(backup_id)
    cloud.set_service(up=False)
    cloud.advance(3600)
    assert cloud.status_of(backup_id) == "deleting"
    cloud.set_service(up=True)
    assert cloud.status_of(backup_id) is None


def test_v2_shows_the_fields_of_vbs_and_no_metadata(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup(metadata={"hold": "yes"}, service_metadata=' {"ST": 1}')
    shown = caller.call("GET", f"/v2/PROJECT/backups/{backup_id}", version="3.43").json()["backup"]
    assert (shown["os-bak-tenant-attr:tenant_id"], shown["service_metadata"]) == (cloud.project_id, ' {"ST": 1}')
    assert "metadata" not in shown


# ------------------------------------------------------------------ rate limits


def test_a_rate_limit_of_three_allows_one_more_call_after_twenty_seconds(cloud: Cloud, caller: Caller) -> None:
    cloud.limit_rate(3)
    ids = cloud.add_backups(5)
    assert [caller.delete(each).status_code for each in ids] == [202, 202, 202, 413, 413]
    answer = caller.delete(ids[3])
    assert (answer.headers["Retry-After"], answer.headers["Connection"]) == ("20", "close")
    cloud.advance(20)
    assert [caller.delete(each).status_code for each in ids[3:]] == [202, 413]


def test_the_limit_of_a_gateway_is_429_without_retry_after(cloud: Cloud, caller: Caller) -> None:
    cloud.limit_rate(1, methods=["GET"], form=LimitForm.GATEWAY)
    backup_id = cloud.add_backup()
    assert caller.show(backup_id).status_code == 200
    answer = caller.show(backup_id)
    assert (answer.status_code, answer.json()["error_code"]) == (429, "APIGW.0308")
    assert "Retry-After" not in answer.headers
    assert caller.delete(backup_id).status_code == 202


# ------------------------------------------------------------------ journal


def test_the_journal_contains_every_status_with_its_time_even_if_it_was_not_observed(
    cloud: Cloud, caller: Caller
) -> None:
    backup_id = cloud.add_backup()
    caller.delete(backup_id)
    cloud.advance(3600)
    changes = [(change.status, change.at - START) for change in cloud.journal.histories[backup_id]]
    assert changes == [
        ("available", timedelta()),
        ("deleting", timedelta()),
        ("deleted", timedelta(seconds=DELETE_S)),
    ]
    assert cloud.journal.is_gone(backup_id)


def test_the_journal_contains_accepted_deletions_separately_from_calls(cloud: Cloud, caller: Caller) -> None:
    mine, theirs = cloud.add_backup(), cloud.add_backup(project_id=OTHER_PROJECT_ID)
    caller.delete(mine)
    caller.delete(mine)
    caller.call("DELETE", f"{LIST}/{theirs}", "admin")
    assert [(each.backup_id, each.user) for each in cloud.journal.deletes] == [(mine, "member"), (theirs, "admin")]
    assert (cloud.journal.accepted(mine), len(cloud.journal.calls_of(Operation.DELETE, mine))) == (1, 2)


def test_the_journal_contains_a_path_byte_for_byte(cloud: Cloud) -> None:
    path = f"//v3/{cloud.project_id}/backups/%2e%2e/../x?a=%7B&b"
    connection = HTTPConnection(cloud.url.removeprefix("http://"))
    connection.request("DELETE", path)
    assert connection.getresponse().status == 404
    connection.close()
    (call,) = cloud.journal.calls
    assert (call.index, call.method, call.raw_path, call.at) == (0, "DELETE", path, START)


def test_the_journal_contains_no_password_token_or_signature(cloud: Cloud, caller: Caller) -> None:
    cloud.change_password("canary-password")
    token = caller.token()
    caller.log_in(password="canary-wrong")
    caller.call("GET", LIST)
    assert cloud.journal.calls[-1].token == token_identity(token)
    signature = signed_list(cloud).request.headers["Authorization"]
    assert cloud.journal.calls[-1].headers["Authorization"] == token_identity(signature)
    written = json.dumps(cloud.journal.as_json()) + repr(cloud.journal) + repr(cloud.identity.users)
    assert not [secret for secret in ("canary", token, signature) if secret in written]


def test_the_same_seed_makes_the_same_ids() -> None:
    first, second = (Cloud(SimulatorSettings(seed=7)) for _ in range(2))
    assert first.add_backups(3) == second.add_backups(3)


# ------------------------------------------------------------------ logins


def fail(caller: Caller, times: int) -> None:
    for _ in range(times):
        assert caller.log_in(password="wrong").status_code == 401


def test_five_failures_in_a_quarter_of_an_hour_lock_the_user_and_look_like_a_wrong_password(
    cloud: Cloud, caller: Caller
) -> None:
    fail(caller, 4)
    wrong, locked = caller.log_in(password="wrong"), caller.log_in()
    assert cloud.is_locked()
    assert (locked.status_code, locked.content) == (wrong.status_code, wrong.content)
    assert [login.reason for login in cloud.journal.failed_logins()] == ["wrong password"] * 5 + ["locked"]
    cloud.advance(900)
    assert caller.log_in().status_code == 201


@pytest.mark.parametrize("between", ["901 seconds", "a good login"])
def test_failures_are_counted_again_after_a_quarter_of_an_hour_or_a_good_login(
    cloud: Cloud, caller: Caller, between: str
) -> None:
    fail(caller, 4)
    if between == "901 seconds":
        cloud.advance(901)
    else:
        assert caller.log_in().status_code == 201
    fail(caller, 4)
    assert not cloud.is_locked()


def test_a_wrong_application_credential_does_not_lock_the_user(cloud: Cloud, caller: Caller) -> None:
    wrong = {"id": cloud.identity.credential.id, "secret": "wrong"}
    identity = {"methods": ["application_credential"], "application_credential": wrong}
    assert {caller.post_login({"identity": identity}).status_code for _ in range(6)} == {401}
    assert not cloud.is_locked()


def test_a_login_without_a_scope_gives_access_to_no_project(cloud: Cloud, caller: Caller) -> None:
    sent = {"name": "member", "domain": {"id": "default"}, "password": cloud.password_of()}
    answer = caller.post_login({"identity": {"methods": ["password"], "password": {"user": sent}}})
    assert answer.status_code == 201
    assert not {"project", "catalog", "roles"} & set(answer.json()["token"])
    url = f"{cloud.url}/v3/{cloud.project_id}/backups"
    seen = caller.http.get(url, headers={"X-Auth-Token": answer.headers["X-Subject-Token"]}, timeout=10)
    assert seen.json()["badRequest"]["message"] == "Malformed request url"


def signed_list(cloud: Cloud, secret: str = "", *, late_s: float = 0) -> requests.Response:
    """List with the access key of `member`, optionally with a wrong secret."""
    (known,) = cloud.identity.access_keys.values()
    key = SigningKey(
        access_key=known.id,
        secret_key=Secret(secret or known.secret),
        project_id=ProjectId(cloud.project_id),
        dialect="access",
    )
    request = HttpRequest("GET", f"{cloud.url}/v3/{cloud.project_id}/backups", {})
    key.authenticate(request, cloud.now() - timedelta(seconds=late_s))
    return requests.get(request.url, headers=request.headers, timeout=10)


def test_more_than_five_wrong_signatures_in_a_row_lock_the_key_for_five_minutes(cloud: Cloud) -> None:
    for _ in range(5):
        assert "verify aksk signature fail" in signed_list(cloud, "wrong").text
    assert signed_list(cloud).status_code == 200
    for _ in range(6):
        assert "verify aksk signature fail" in signed_list(cloud, "wrong").text
    cloud.advance(299)
    assert "AK access failed to reach the limit,forbidden." in signed_list(cloud).text
    cloud.advance(1)
    assert signed_list(cloud).status_code == 200


@pytest.mark.parametrize(("late_s", "status"), [(900, 200), (901, 401), (-900, 200), (-901, 401)])
def test_a_signature_is_valid_for_a_quarter_of_an_hour(cloud: Cloud, late_s: float, status: int) -> None:
    answer = signed_list(cloud, late_s=late_s)
    assert answer.status_code == status
    assert ("signature expired, signature time:" in answer.text) is (status == 401)
    assert all(key.failures == 0 for key in cloud.identity.access_keys.values())


def test_a_replaced_key_does_not_exist(cloud: Cloud) -> None:
    (old,) = cloud.identity.access_keys.values()
    cloud.new_access_key()
    cloud.identity.access_keys = {"other": old}
    answer = signed_list(cloud)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
    assert f"Get secretKey failed,ak:{old.id},err:ak not exist" in answer.text
