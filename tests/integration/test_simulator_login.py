"""The simulated Keystone: logins, lockout, rotation, revocation, and that no secret is written down."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from keystoneauth1.identity.v3 import ApplicationCredential, Password
from keystoneauth1.session import Session

from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation, token_identity
from tests.support.simulator.server import Simulator
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.http.transport import prepare
from vbs_reaper.clouds.login.aksk import SigningKey

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIST = "/v3/PROJECT/backups"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Simulator(clock=lambda: START).running() as running:
        yield running


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    with Caller(cloud) as somebody:
        yield somebody


def fail(caller: Caller, times: int) -> None:
    for _ in range(times):
        assert caller.log_in(password="wrong").status_code == 401


def test_five_failures_in_a_quarter_of_an_hour_lock_the_user_even_with_the_right_password(
    cloud: Cloud, caller: Caller
) -> None:
    fail(caller, 5)
    assert caller.log_in().status_code == 401
    assert cloud.is_locked()
    assert [login.reason for login in cloud.journal.failed_logins()] == ["wrong password"] * 5 + ["locked"]
    cloud.advance(900)
    assert caller.log_in().status_code == 201


def test_four_failures_do_not_lock(cloud: Cloud, caller: Caller) -> None:
    fail(caller, 4)
    assert caller.log_in().status_code == 201
    assert not cloud.is_locked()


def test_failures_of_long_ago_do_not_count(cloud: Cloud, caller: Caller) -> None:
    fail(caller, 4)
    cloud.advance(901)
    fail(caller, 4)
    assert not cloud.is_locked()


def test_a_good_login_starts_the_count_anew(cloud: Cloud, caller: Caller) -> None:
    fail(caller, 4)
    caller.log_in()
    fail(caller, 4)
    assert not cloud.is_locked()


def test_a_lockout_looks_like_a_wrong_password(caller: Caller) -> None:
    wrong = caller.log_in(password="wrong")
    fail(caller, 4)
    locked = caller.log_in()
    assert (locked.status_code, locked.content) == (wrong.status_code, wrong.content)


def test_a_token_expires(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(token_seconds=60)
    caller.token()
    cloud.advance(59)
    assert caller.call("GET", LIST).status_code == 200
    cloud.advance(1)
    assert caller.call("GET", LIST).status_code == 401


def test_a_changed_password_revokes_tokens_and_refuses_the_old_one(cloud: Cloud, caller: Caller) -> None:
    old = cloud.password_of()
    caller.token()
    cloud.change_password("new")
    assert caller.call("GET", LIST).status_code == 401
    assert caller.log_in(password=old).status_code == 401
    assert caller.log_in(password="new").status_code == 201


def test_revoking_refuses_the_tokens_there_are_and_not_those_to_come(cloud: Cloud, caller: Caller) -> None:
    caller.token()
    cloud.revoke_tokens()
    assert caller.call("GET", LIST).status_code == 401
    caller.forget()
    assert caller.call("GET", LIST).status_code == 200


def test_only_the_named_user_is_revoked(cloud: Cloud, caller: Caller) -> None:
    caller.token("reader")
    cloud.revoke_tokens("member")
    assert caller.call("GET", LIST, "reader").status_code == 200


def test_a_coarse_revocation_reaches_tokens_issued_later_in_its_second(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(coarse_revocation=True)
    cloud.revoke_tokens()
    assert caller.call("GET", LIST).status_code == 401
    cloud.advance(1)
    caller.forget()
    assert caller.call("GET", LIST).status_code == 200


def test_a_token_can_revoke_itself(cloud: Cloud, caller: Caller) -> None:
    token = caller.token()
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    url = f"{cloud.auth_url}/auth/tokens"
    assert caller.http.get(url, headers=headers, timeout=10).json()["token"]["user"]["name"] == "member"
    assert caller.http.delete(url, headers=headers, timeout=10).status_code == 204
    assert caller.http.get(url, headers=headers, timeout=10).status_code == 401


def test_a_login_without_a_scope_opens_no_project(cloud: Cloud, caller: Caller) -> None:
    sent = {"name": "member", "domain": {"id": "default"}, "password": cloud.password_of()}
    answer = caller.post_login({"identity": {"methods": ["password"], "password": {"user": sent}}})
    assert answer.status_code == 201
    assert not {"project", "catalog", "roles"} & set(answer.json()["token"])
    url = f"{cloud.url}/v3/{cloud.project_id}/backups"
    seen = caller.http.get(url, headers={"X-Auth-Token": answer.headers["X-Subject-Token"]}, timeout=10)
    assert seen.json()["badRequest"]["message"] == "Malformed request url"


@pytest.mark.parametrize(
    "auth",
    [None, [], {}, {"identity": {}}, {"identity": {"methods": []}}, {"identity": {"methods": ["password"]}}],
)
def test_what_is_no_login_is_a_bad_request(caller: Caller, auth: object) -> None:
    assert caller.post_login(auth).status_code == 400


def test_a_user_of_another_domain_is_unknown(caller: Caller, cloud: Cloud) -> None:
    sent = {"name": "member", "domain": {"name": "Elsewhere"}, "password": cloud.password_of()}
    answer = caller.post_login({"identity": {"methods": ["password"], "password": {"user": sent}}})
    assert answer.status_code == 401
    assert cloud.journal.logins[-1].reason == "unknown user"


def test_keystoneauth_logs_in_once_and_finds_the_services() -> None:
    with Simulator().running() as cloud, Caller(cloud) as caller:  # it compares a token's end with the real time
        session = Session(auth=Password(**cloud.target_secret()["auth"]), session=caller.http)
        endpoints = {kind: session.get_endpoint(service_type=kind) for kind in ("vbs", "volumev2", "volumev3")}
    assert endpoints == {
        "vbs": f"{cloud.url}/v2/{cloud.project_id}",
        "volumev2": f"{cloud.url}/v2/{cloud.project_id}",
        "volumev3": f"{cloud.url}/v3/{cloud.project_id}",
    }
    assert [call.operation for call in cloud.journal.calls] == [Operation.LOGIN]


def test_keystoneauth_logs_in_with_an_application_credential_that_names_no_project(
    cloud: Cloud, caller: Caller
) -> None:
    auth = cloud.target_secret(application_credential=True)["auth"]
    session = Session(auth=ApplicationCredential(**auth), session=caller.http)
    assert session.get_project_id() == cloud.project_id


def test_a_wrong_application_credential_is_refused_and_locks_nobody(cloud: Cloud, caller: Caller) -> None:
    wrong = {"id": cloud.identity.credential.id, "secret": "wrong"}
    identity = {"methods": ["application_credential"], "application_credential": wrong}
    assert {caller.post_login({"identity": identity}).status_code for _ in range(6)} == {401}
    assert not cloud.is_locked()


def test_the_catalogue_can_lack_services_and_carry_another_region(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(catalog=("identity", "volumev3"), region="eu-nl")
    catalog = caller.log_in().json()["token"]["catalog"]
    assert [entry["type"] for entry in catalog] == ["identity", "volumev3"]
    assert {endpoint["region"] for entry in catalog for endpoint in entry["endpoints"]} == {"eu-nl"}


def test_keystone_tells_its_version(cloud: Cloud, caller: Caller) -> None:
    body = caller.http.get(cloud.auth_url, timeout=10).json()
    assert body["version"]["links"] == [{"rel": "self", "href": f"{cloud.auth_url}/"}]


def test_keystone_answers_under_the_bare_address_too(cloud: Cloud, caller: Caller) -> None:
    answer = caller.http.post(f"{cloud.url}/v3/auth/tokens", data="{", timeout=10)
    assert answer.status_code == 400


def signed_list(cloud: Cloud, secret: str = "", *, late_s: float = 0) -> requests.Response:
    """List with the member's access key, with its own secret unless another is given."""
    (known,) = cloud.identity.access_keys.values()
    key = SigningKey(
        access_key=known.id,
        secret_key=Secret(secret or known.secret),
        project_id=ProjectId(cloud.project_id),
        dialect="access",
    )
    request = prepare("GET", f"{cloud.url}/v3/{cloud.project_id}/backups", {})
    key.authenticate(request, cloud.now() - timedelta(seconds=late_s))
    with requests.Session() as http:
        return http.send(request, timeout=10)


def test_a_signature_opens_the_project_of_its_user_and_the_journal_does_not_hold_it(cloud: Cloud) -> None:
    answer = signed_list(cloud)
    assert answer.status_code == 200
    sent = answer.request.headers["Authorization"]
    assert cloud.journal.calls[-1].headers["Authorization"] == token_identity(sent)


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


def test_a_key_that_was_replaced_does_not_exist(cloud: Cloud) -> None:
    (old,) = cloud.identity.access_keys.values()
    cloud.new_access_key()
    cloud.identity.access_keys = {"other": old}
    answer = signed_list(cloud)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
    assert f"Get secretKey failed,ak:{old.id},err:ak not exist" in answer.text


def test_no_password_and_no_token_is_in_the_journal(cloud: Cloud, caller: Caller) -> None:
    canary = "canary-password"
    cloud.change_password(canary)
    token = caller.token()
    caller.log_in(password="canary-wrong")
    caller.call("GET", LIST)
    written = json.dumps(cloud.journal.as_json()) + repr(cloud.journal) + repr(cloud.identity.users)
    assert token not in written
    assert "canary" not in written
    assert cloud.journal.calls[-1].token == token_identity(token)
