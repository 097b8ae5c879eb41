"""Logging in, and what becomes of tokens."""

from tests.contract.answer import ACCEPTED, TOKEN, Answer, keystone, unauthenticated
from tests.contract.peer import Person
from tests.contract.visitor import Visitor

WHO_ARE_YOU = "The request you have made requires authentication."
REFUSED = keystone(
    401,
    {"error": {"code": 401, "message": WHO_ARE_YOU, "title": "Unauthorized"}},
    **{"WWW-Authenticate": 'Keystone uri="KEYSTONE"'},
)
NOT_JSON = (
    "Expecting to find valid JSON in request body. The server could not comply with the request since it is either"
    " malformed or otherwise incorrect. The client is assumed to be in error."
)
SHORT_S = 2


def log_in(visitor: Visitor, body: object) -> Answer:
    return visitor.call_keystone("POST", "/auth/tokens", body)


def test_a_login_gives_a_token_in_a_header(visitor: Visitor) -> None:
    answer = visitor.call_keystone("POST", "/auth/tokens", visitor.login_body())
    assert (answer.status, answer.headers) == (201, keystone(201, "", **{"X-Subject-Token": TOKEN}).headers)


def test_a_token_says_whose_it_is_for_which_project_and_until_when(visitor: Visitor) -> None:
    token = visitor.call_keystone("POST", "/auth/tokens", visitor.login_body()).body["token"]
    login = visitor.peer.login(Person.MEMBER)
    assert token.keys() >= {"methods", "user", "expires_at", "issued_at", "project", "roles", "catalog", "is_domain"}
    assert token["methods"] == ["password"]
    assert token["user"].keys() >= {"id", "name", "domain", "password_expires_at"}
    assert (token["user"]["id"], token["user"]["name"]) == ("MEMBER", login.user_name)
    assert token["project"]["id"] == "PROJECT"
    assert token["project"]["domain"]["name"] == login.domain_name
    assert all(len(token[name]) == len("2026-11-23T18:05:54.000000Z") for name in ("expires_at", "issued_at"))
    assert all(token[name].endswith(".000000Z") for name in ("expires_at", "issued_at"))


def test_a_member_has_the_roles_member_and_reader(visitor: Visitor) -> None:
    token = visitor.call_keystone("POST", "/auth/tokens", visitor.login_body()).body["token"]
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}


def test_an_administrator_is_told_by_the_role_admin(visitor: Visitor) -> None:
    token = visitor.call_keystone("POST", "/auth/tokens", visitor.login_body(Person.ADMIN)).body["token"]
    assert "admin" in {role["name"] for role in token["roles"]}


def test_the_catalogue_names_the_volume_service_of_the_project(visitor: Visitor) -> None:
    catalogue = visitor.call_keystone("POST", "/auth/tokens", visitor.login_body()).body["token"]["catalog"]
    urls = {
        entry["type"]: {endpoint["url"] for endpoint in entry["endpoints"] if endpoint["interface"] == "public"}
        for entry in catalogue
    }
    assert urls["block-storage"] == urls["volumev3"] == {"CINDER/v3/PROJECT"}
    assert urls["vbs"] == {"CINDER/v2/PROJECT"}
    assert all(
        endpoint.keys() >= {"id", "interface", "region", "region_id", "url"}
        for entry in catalogue
        for endpoint in entry["endpoints"]
    )


def test_an_application_credential_needs_no_scope(visitor: Visitor) -> None:
    answer = log_in(visitor, application_credential_body(visitor))
    assert answer.status == 201
    token = answer.body["token"]
    assert token["methods"] == ["application_credential"]
    assert (token["project"]["id"], token["user"]["id"]) == ("PROJECT", "MEMBER")


def test_a_wrong_application_credential_secret_is_refused(visitor: Visitor) -> None:
    assert log_in(visitor, application_credential_body(visitor, secret="wrong")) == REFUSED


def application_credential_body(visitor: Visitor, secret: str | None = None) -> object:
    credential = visitor.peer.application_credential()
    sent = {"id": credential.id, "secret": secret or credential.secret}
    return {"auth": {"identity": {"methods": ["application_credential"], "application_credential": sent}}}


def test_a_wrong_password_is_refused(visitor: Visitor) -> None:
    assert log_in(visitor, visitor.login_body(password="wrong")) == REFUSED


def test_an_unknown_project_is_refused_with_the_same_words(visitor: Visitor) -> None:
    assert log_in(visitor, visitor.login_body(project="0" * 32)) == REFUSED


def test_a_login_that_is_no_json_is_a_bad_request(visitor: Visitor) -> None:
    body = {"error": {"code": 400, "message": NOT_JSON, "title": "Bad Request"}}
    answer = visitor.call_keystone("POST", "/auth/tokens", "{", Content_Type="application/json")
    assert answer == keystone(400, body)


def test_a_revoked_token_is_refused_from_then_on(visitor: Visitor) -> None:
    visitor.write("mine")
    token = visitor.token()
    revoked = visitor.call_keystone("DELETE", "/auth/tokens", X_Auth_Token=token, X_Subject_Token=token)
    assert revoked.status == 204
    assert visitor.call("DELETE", "/v3/PROJECT/backups/<mine>", token=token) == unauthenticated()


def test_an_expired_token_is_refused_by_cinder_and_by_keystone(visitor: Visitor) -> None:
    visitor.write("mine")
    visitor.peer.set_token_lifetime(SHORT_S)
    token = visitor.token()
    visitor.wait_until_expired(token)
    assert visitor.call("GET", "/v3/PROJECT/backups", token=token) == unauthenticated()
    seen = visitor.call_keystone("GET", "/auth/tokens", X_Auth_Token=token, X_Subject_Token=token)
    assert seen == REFUSED


def test_a_fresh_token_does_what_an_expired_one_could_not(visitor: Visitor) -> None:
    visitor.write("mine")
    visitor.peer.set_token_lifetime(SHORT_S)
    visitor.wait_until_expired(visitor.token())
    visitor.peer.set_token_lifetime(3600)
    visitor.forget_tokens()
    assert visitor.delete("mine") == ACCEPTED
