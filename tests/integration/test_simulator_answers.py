"""Status line, headers in their order and length of body, as measured on Cinder 29 and Keystone 30."""

from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse

import pytest

from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.identity import DOMAIN_NAME
from tests.support.simulator.server import Simulator

UNKNOWN = "11111111-2222-3333-4444-555555555555"
JSON = "application/json"
HTML = "text/html; charset=UTF-8"

FOUND = ["Content-Type", "x-compute-request-id", "Content-Length", "OpenStack-API-Version", "Vary"]
ACCEPTED = ["x-compute-request-id", "Content-Length", "Content-Type", "OpenStack-API-Version", "Vary"]
REFUSED = ["OpenStack-API-Version", "Vary", "Content-Length", "Content-Type", "x-compute-request-id"]
STRANGER = ["Content-Type", "Content-Length", "WWW-Authenticate"]
NOWHERE = ["Content-Length", "Content-Type"]
LIMITED = ["Content-Type", "Retry-After", "Content-Length"]
END = ["Date", "Server"]


@dataclass(frozen=True, slots=True)
class Row:
    """What `user` gets for `method path`; `length` is that of the body, None where it depends on names."""

    rule: str
    method: str
    path: str
    status_line: str
    content_type: str
    headers: list[str]
    length: int | None
    user: str | None = "member"
    version: str | None = None


A_BACKUP = "/v3/PROJECT/backups/MINE"
NOT_FOUND, BAD, FORBIDDEN = "404 Not Found", "400 Bad Request", "403 Forbidden"

ROWS = [
    Row("versions", "GET", "/", "300 Multiple Choices", JSON, FOUND, None, None),
    Row("v3 without a token", "GET", "/v3/", "401 Unauthorized", JSON, STRANGER, 114, None),
    Row("versions with a token", "GET", "/v3/", "200 OK", JSON, FOUND, None),
    Row("an empty list", "GET", "/v3/PROJECT/backups/detail?status=nosuch", "200 OK", JSON, FOUND, 15),
    Row("a look", "GET", A_BACKUP, "200 OK", JSON, FOUND, None),
    Row("delete", "DELETE", A_BACKUP, "202 Accepted", JSON, ACCEPTED, 0),
    Row("unknown id", "DELETE", f"/v3/PROJECT/backups/{UNKNOWN}", NOT_FOUND, JSON, REFUSED, 109),
    Row("not a uuid", "DELETE", "/v3/PROJECT/backups/no-such-backup", NOT_FOUND, JSON, REFUSED, 87),
    Row("wrong state", "DELETE", "/v3/PROJECT/backups/CREATING", BAD, JSON, REFUSED, 100),
    Row("incrementals", "DELETE", "/v3/PROJECT/backups/FULL", BAD, JSON, REFUSED, 102),
    Row("no token", "DELETE", A_BACKUP, "401 Unauthorized", JSON, STRANGER, 114, None),
    Row("a reader", "DELETE", A_BACKUP, FORBIDDEN, JSON, REFUSED, 94, "reader"),
    Row("another role", "DELETE", A_BACKUP, FORBIDDEN, JSON, REFUSED, 91, "unrelated"),
    Row("another role lists", "GET", "/v3/PROJECT/backups", FORBIDDEN, JSON, REFUSED, 95, "unrelated"),
    Row("another project's token", "DELETE", A_BACKUP, BAD, JSON, REFUSED, 65, "neighbour"),
    Row("another project's backup", "DELETE", "/v3/PROJECT/backups/THEIRS", NOT_FOUND, JSON, REFUSED, 109),
    Row("an administrator", "DELETE", "/v3/PROJECT/backups/THEIRS", "202 Accepted", JSON, ACCEPTED, 0, "admin"),
    Row("trailing slash", "DELETE", f"{A_BACKUP}/", NOT_FOUND, HTML, NOWHERE, 154),
    Row("a path nobody serves", "DELETE", "/v3/PROJECT/cloudbackups/MINE", NOT_FOUND, HTML, NOWHERE, 154),
    Row("the collection", "DELETE", "/v3/PROJECT/backups", NOT_FOUND, HTML, NOWHERE, 154),
    Row("no API at all", "GET", "/v4/PROJECT/backups", NOT_FOUND, HTML, NOWHERE, 154, None),
    Row("a version nobody has", "DELETE", A_BACKUP, "406 Not Acceptable", JSON, REFUSED, 124, version="3.999"),
    Row("no version", "GET", A_BACKUP, BAD, JSON, REFUSED, None, version="x"),
    Row("delete under v2", "DELETE", "/v2/PROJECT/backups/MINE", "202 Accepted", JSON, ACCEPTED, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Simulator().running() as running:
        yield running


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    cloud.reset()
    with Caller(cloud) as somebody:
        yield somebody


@pytest.fixture
def wire(cloud: Cloud) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
    yield connection
    connection.close()


def write_backups(cloud: Cloud) -> dict[str, str]:
    """Ids by the name they have in a row's path."""
    ids = {"MINE": cloud.add_backup(), "CREATING": cloud.add_backup(status="creating"), "FULL": cloud.add_backup()}
    cloud.add_backup(parent_id=ids["FULL"])
    theirs = cloud.add_backup(project_id=cloud.identity.users["neighbour"].project.id)
    return ids | {"THEIRS": theirs, "PROJECT": cloud.project_id}


def ask(wire: HTTPConnection, caller: Caller, row: Row, ids: dict[str, str]) -> tuple[HTTPResponse, bytes]:
    path = row.path
    for name, value in ids.items():
        path = path.replace(name, value)
    headers = {"X-Auth-Token": caller.token(row.user)} if row.user else {}
    if row.version:
        headers["OpenStack-API-Version"] = f"volume {row.version}"
    wire.request(row.method, path, headers=headers)
    answer = wire.getresponse()
    return answer, answer.read()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_an_answer_is_as_measured(cloud: Cloud, caller: Caller, wire: HTTPConnection, row: Row) -> None:
    answer, body = ask(wire, caller, row, write_backups(cloud))
    assert f"{answer.status} {answer.reason}" == row.status_line
    assert answer.getheader("Content-Type") == row.content_type
    extra = ["x-openstack-request-id"]
    assert [name for name, _ in answer.getheaders()] == row.headers + extra + END
    assert len(body) == int(answer.getheader("Content-Length") or -1)
    assert row.length in (None, len(body))
    assert ("OpenStack-API-Version" in row.headers) == (answer.getheader("OpenStack-API-Version") is not None)


def test_every_answer_to_a_request_keeps_the_connection(cloud: Cloud, caller: Caller, wire: HTTPConnection) -> None:
    ids = write_backups(cloud)
    before = cloud.journal.connections
    for row in ROWS:
        ask(wire, caller, row, ids)
    assert cloud.journal.connections - before <= 2  # the caller's for its logins, and this one


def test_a_rate_limit_of_three_lets_three_pass_and_then_one_every_twenty_seconds(cloud: Cloud, caller: Caller) -> None:
    cloud.limit_rate(3)
    ids = cloud.add_backups(5)
    assert [caller.delete(one).status_code for one in ids] == [202, 202, 202, 413, 413]
    answer = caller.delete(ids[3])
    assert list(answer.headers)[:3] == LIMITED
    assert answer.headers["Content-Type"] == HTML
    assert answer.headers["Connection"] == "close"
    assert len(answer.content) == 148
    assert answer.headers["Retry-After"] == "20"
    cloud.advance(20)
    assert caller.delete(ids[3]).status_code == 202
    assert caller.delete(ids[4]).status_code == 413


def test_a_gateways_limit_is_429_without_a_word_about_when(cloud: Cloud, caller: Caller) -> None:
    caller.call("POST", "/simulator/rate-limit", body={"per_minute": 1, "methods": ["GET"], "form": "gateway"})
    backup_id = cloud.add_backup()
    assert caller.show(backup_id).status_code == 200
    answer = caller.show(backup_id)
    assert (answer.status_code, answer.json()["error_code"]) == (429, "APIGW.0308")
    assert "Retry-After" not in answer.headers
    assert caller.delete(backup_id).status_code == 202


@pytest.mark.parametrize(
    ("password", "body", "status_line", "length"),
    [
        ("wrong", None, "401 UNAUTHORIZED", 109),
        (None, "{", "400 BAD REQUEST", 239),
    ],
)
def test_a_refused_login_is_as_measured(
    cloud: Cloud, caller: Caller, password: str | None, body: str | None, status_line: str, length: int
) -> None:
    if body is None:
        answer = caller.log_in(password=password)
    else:
        answer = caller.http.post(f"{cloud.auth_url}/auth/tokens", data=body, timeout=10)
    assert f"{answer.status_code} {answer.reason}" == status_line
    assert len(answer.content) == length
    assert list(answer.headers)[-4:] == ["Vary", "x-openstack-request-id", *END]


def test_a_login_is_as_measured(cloud: Cloud, caller: Caller) -> None:
    answer = caller.log_in()
    assert f"{answer.status_code} {answer.reason}" == "201 CREATED"
    assert list(answer.headers) == [
        "Content-Type",
        "Content-Length",
        "X-Subject-Token",
        "Vary",
        "x-openstack-request-id",
        *END,
    ]
    token = answer.json()["token"]
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert token["project"]["id"] == cloud.project_id
    assert token["user"]["domain"]["name"] == DOMAIN_NAME
