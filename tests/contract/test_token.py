"""Logins, and the end of tokens."""

import re
from collections.abc import Callable

import pytest

from tests.contract.answer import ACCEPTED, TOKEN, Answer, keystone, unauthenticated
from tests.contract.peer import Person
from tests.contract.peer_client import PeerClient

AUTHENTICATION_REQUIRED = "The request you have made requires authentication."
REFUSED = keystone(
    401,
    {"error": {"code": 401, "message": AUTHENTICATION_REQUIRED, "title": "Unauthorized"}},
    **{"WWW-Authenticate": 'Keystone uri="KEYSTONE"'},
)
NOT_JSON = (
    "Expecting to find valid JSON in request body. The server could not comply with the request since it is either"
    " malformed or otherwise incorrect. The client is assumed to be in error."
)
SHORT_S = 2


def test_a_token_contains_its_user_project_and_expiry(client: PeerClient) -> None:
    answer = log_in(client, client.login_body())
    assert (answer.status, answer.headers) == (201, keystone(201, "", **{"X-Subject-Token": TOKEN}).headers)
    token, login = answer.body["token"], client.peer.login(Person.MEMBER)
    assert token.keys() >= {"methods", "user", "expires_at", "issued_at", "project", "roles", "catalog", "is_domain"}
    assert token["methods"] == ["password"]
    assert token["user"].keys() >= {"id", "name", "domain", "password_expires_at"}
    assert (token["user"]["id"], token["user"]["name"]) == ("MEMBER", login.user_name)
    assert (token["project"]["id"], token["project"]["domain"]["name"]) == ("PROJECT", login.domain_name)
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    for time in (token["expires_at"], token["issued_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z", time)


def test_an_administrator_has_the_role_admin(client: PeerClient) -> None:
    token = log_in(client, client.login_body(Person.ADMIN)).body["token"]
    assert "admin" in {role["name"] for role in token["roles"]}


def test_the_catalog_contains_the_volume_service_of_the_project(client: PeerClient) -> None:
    catalogue = log_in(client, client.login_body()).body["token"]["catalog"]
    endpoints = {entry["type"]: entry["endpoints"] for entry in catalogue}
    urls = {
        kind: {each["url"] for each in endpoints[kind] if each["interface"] == "public"}
        for kind in ("block-storage", "volumev3", "vbs")
    }
    assert urls["block-storage"] == urls["volumev3"] == {"CINDER/v3/PROJECT"}
    assert urls["vbs"] == {"CINDER/v2/PROJECT"}
    keys = {"id", "interface", "region", "region_id", "url"}
    assert all(each.keys() >= keys for entry in endpoints.values() for each in entry)


def test_an_application_credential_needs_no_scope(client: PeerClient) -> None:
    answer = log_in(client, application_credential_body(client))
    assert answer.status == 201
    token = answer.body["token"]
    assert token["methods"] == ["application_credential"]
    assert (token["project"]["id"], token["user"]["id"]) == ("PROJECT", "MEMBER")


LOGINS: dict[str, Callable[[PeerClient], object]] = {
    "a wrong secret of an application credential": lambda each: application_credential_body(each, secret="wrong"),
    "a wrong password": lambda each: each.login_body(password="wrong"),
    "an unknown project": lambda each: each.login_body(project="0" * 32),
}


@pytest.mark.parametrize("login", LOGINS)
def test_every_rejected_login_gets_the_same_response(client: PeerClient, login: str) -> None:
    assert log_in(client, LOGINS[login](client)) == REFUSED


def test_a_login_that_is_not_json_is_a_bad_request(client: PeerClient) -> None:
    body = {"error": {"code": 400, "message": NOT_JSON, "title": "Bad Request"}}
    answer = client.call_keystone("POST", "/auth/tokens", "{", Content_Type="application/json")
    assert answer == keystone(400, body)


def log_in(client: PeerClient, body: object) -> Answer:
    return client.call_keystone("POST", "/auth/tokens", body)


def application_credential_body(client: PeerClient, secret: str | None = None) -> object:
    credential = client.peer.application_credential()
    sent = {"id": credential.id, "secret": secret or credential.secret}
    return {"auth": {"identity": {"methods": ["application_credential"], "application_credential": sent}}}


def test_a_revoked_token_is_rejected(client: PeerClient) -> None:
    client.write("mine")
    token = client.token()
    revoked = client.call_keystone("DELETE", "/auth/tokens", X_Auth_Token=token, X_Subject_Token=token)
    assert revoked.status == 204
    assert client.call("DELETE", "/v3/PROJECT/backups/<mine>", token=token) == unauthenticated()


def test_an_expired_token_is_rejected_by_cinder_and_keystone_and_a_new_one_is_accepted(client: PeerClient) -> None:
    client.write("mine")
    client.peer.set_token_lifetime(SHORT_S)
    token = client.token()
    client.wait_until_expired(token)
    assert client.call("GET", "/v3/PROJECT/backups", token=token) == unauthenticated()
    seen = client.call_keystone("GET", "/auth/tokens", X_Auth_Token=token, X_Subject_Token=token)
    assert seen == REFUSED
    client.peer.set_token_lifetime(3600)
    client.forget_tokens()
    assert client.delete("mine") == ACCEPTED
