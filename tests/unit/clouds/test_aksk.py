"""Requests signed with an access key: public test vectors, and a verifier that was written from the guide."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from tests.support.simulator.exchange import Request
from tests.support.simulator.gateway import HEADER, verify
from tests.unit.clouds.logins import make_login
from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.apis.interface import BackupApi, Call
from vbs_reaper.clouds.apis.registry import APIS
from vbs_reaper.clouds.http.deadline import Reply
from vbs_reaper.clouds.http.transport import HttpRequest, NotSendable
from vbs_reaper.clouds.login.aksk import Dialect, SigningKey, canonical_request
from vbs_reaper.clouds.login.service_hosts import find_service_address
from vbs_reaper.clouds.login.signature_refusal import read_signature_refusal

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("aksk_vectors.json").read_text())
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
PROJECT = ProjectId("0123456789abcdef0123456789abcdef")
BACKUP = "11111111-2222-4333-8444-555555555555"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET_KEY = "SKEXAMPLE"
HOST = "vbs.eu-de.otc.t-systems.com"


def key(dialect: Dialect = "access", access_key: str = "AKEXAMPLE", secret: str = SECRET_KEY) -> SigningKey:
    return SigningKey(access_key=access_key, secret_key=Secret(secret), project_id=PROJECT, dialect=dialect)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_signature_of_every_public_vector_is_reproduced(vector: dict[str, Any]) -> None:
    query = [(name, value) for name, value in vector["query"]]
    signed = vector["signed_headers"]
    canonical = canonical_request(vector["method"], vector["path"], query, signed, vector["body"].encode())
    assert canonical == vector["canonical_request"]
    authorization, signature = key(vector["dialect"], vector["ak"], vector["sk"]).sign(canonical, signed)
    assert authorization == vector["authorization"]
    assert signature == vector["signature"]


def test_all_vectors_exist() -> None:
    assert len(VECTORS) == 19
    assert {vector["dialect"] for vector in VECTORS} == set(DIALECTS)


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS if "x-project-id" in one["signed_headers"]], ids=lambda vector: vector["name"]
)
def test_a_prepared_request_is_signed_as_the_vector(vector: dict[str, Any]) -> None:
    query = "&".join(f"{name}={value}" for name, value in vector["query"])
    url = f"https://{vector['host']}{vector['path']}" + (f"?{query}" if query else "")
    request = HttpRequest(vector["method"], url, {"Accept": "application/json"})
    signature = key(vector["dialect"]).authenticate(request, NOW)
    assert request.headers["Authorization"] == vector["authorization"]
    assert signature == Secret(vector["signature"])
    assert request.url == url
    assert "X-Auth-Token" not in request.headers


# ------------------------------------------------------------------ signer and verifier agree

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
HEADERS = st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True), VALUE, max_size=4)
SECRET = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)


@given(
    method=st.sampled_from(["GET", "DELETE", "POST"]),
    segments=st.lists(TEXT, max_size=4),
    query=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4),
    more=HEADERS,
    body=st.binary(max_size=20),
    secret=SECRET,
    dialect=st.sampled_from(DIALECTS),
    spoil=st.sampled_from(["", "method", "path", "query", "header", "body", "secret"]),
)
def test_a_verifier_accepts_what_was_signed_and_nothing_else(  # noqa: PLR0913  # the parts of a request
    method: str,
    segments: list[str],
    query: list[tuple[str, str]],
    more: dict[str, str],
    body: bytes,
    secret: str,
    dialect: Dialect,
    spoil: str,
) -> None:
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    signed = {name: value for name, value in more.items() if name.lower() not in {"x-sdk-date", "host"}}
    signed = {name.lower(): value for name, value in signed.items()} | {"Host": HOST, "X-Sdk-Date": "20260101T000000Z"}
    canonical = canonical_request(method, path, query, signed, body)
    shown = HEADER.fullmatch(key(dialect, secret=secret).sign(canonical, signed)[0])
    assert shown is not None
    raw_query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in reversed(query))
    received = {name.lower(): value for name, value in signed.items()}
    if spoil == "header":
        received["host"] = "elsewhere.example"
    spoiled_path = f"{path}x" if spoil == "path" else path
    request = Request(
        method="PUT" if spoil == "method" else method,
        raw_path=f"{spoiled_path}?{raw_query}{'&x=1' if spoil == 'query' else ''}",
        path="",
        query=[],
        headers=received,
        body=body + b"x" if spoil == "body" else body,
    )
    known = f"{secret}x" if spoil == "secret" else secret
    assert verify(request, shown["names"].split(";"), known, shown["scope"], shown["signature"]) is not bool(spoil)


# ------------------------------------------------------------------ what is signed is what is sent


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: f"{type(api).__name__}-{api.version}")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_request_of_every_api_is_in_the_form_that_is_signed(api: BackupApi, dialect: Dialect) -> None:
    login = make_login()
    backup_id = BackupId(BACKUP)
    calls = [
        Call(operation=Operation.SHOW_BACKUP, target="t", backup_id=backup_id),
        Call(operation=Operation.DELETE_BACKUP, target="t", backup_id=backup_id),
        Call(operation=Operation.LIST_BACKUPS, target="t"),
        Call(operation=Operation.LIST_BACKUPS, target="t", page_size=1),
        Call(operation=Operation.LIST_BACKUPS, target="t", volume_id=BACKUP),
        Call(operation=Operation.LIST_BACKUPS, target="t", backup_id=backup_id, volume_id=BACKUP),
        Call(operation=Operation.LIST_TASKS, target="t", backup_id=backup_id, volume_id=BACKUP),
    ]
    calls += [replace(call, marker="50" if api.service_types == ("cbr",) else BACKUP) for call in calls[2:5]]
    for call in calls:
        request = api.prepare(call, login)
        key(dialect).authenticate(request, NOW)
        assert HEADER.fullmatch(request.headers["Authorization"])
        assert request.headers["Host"] == urlsplit(login.root).netloc


@pytest.mark.parametrize(
    "path",
    [
        "/v3/backups?b=1&a=2",
        "/v3/backups?a=OS::Cinder",
        "/v3/backups?a=%7E",
        "/v3/backups?a=x+y",
        "/v3/backups?a",
        "/v3/backups?a=1&",
        "/v3/back~ups%7E",
        "/v3/b:c",
        "/v3/backups/",
        "/v3/%62ackups",
    ],
)
def test_a_url_in_another_form_is_not_sent(path: str) -> None:
    request = HttpRequest("GET", f"https://{HOST}{path}", {})
    with pytest.raises(NotSendable):
        key().authenticate(request, NOW)
    assert "Authorization" not in request.headers


def test_the_host_is_signed_with_its_port_and_the_time_in_utc() -> None:
    request = HttpRequest("GET", "https://[::1]:8443/v3/backups", {})
    key().authenticate(request, datetime(2026, 1, 1, 2, 30, 1, 999_999, timezone(timedelta(hours=2))))
    assert request.headers["Host"] == "[::1]:8443"
    assert request.headers["X-Sdk-Date"] == "20260101T003001Z"


def test_every_attempt_is_signed_again() -> None:
    request = HttpRequest("GET", f"https://{HOST}/v3/backups", {})
    first = key().authenticate(request, NOW)
    assert key().authenticate(request, NOW + timedelta(seconds=1)) != first
    assert request.headers["X-Sdk-Date"] == "20260101T000001Z"
    assert request.headers["Authorization"].count("Signature=") == 1


def test_a_key_shows_neither_its_secret_nor_a_signature() -> None:
    assert SECRET_KEY not in repr(key())


# ------------------------------------------------------------------ what a gateway says to a signature


def refusal(message: str, *, code: str = "APIGW.0301", status: int = 401) -> Answer | None:
    body = {"error_code": code, "error_msg": f"Incorrect IAM authentication information: {message}", "request_id": "r"}
    return read_signature_refusal(Reply(status=status, headers={}, body=json.dumps(body).encode()), NOW)


@pytest.mark.parametrize("code", ["APIGW.0301", "APIG.0301"])
@pytest.mark.parametrize(
    ("message", "name", "retry_after_s"),
    [
        ("verify aksk signature fail", AnswerName.UNAUTHORIZED, None),
        ("Get secretKey failed,ak:CANARY,err:ak not exist", AnswerName.UNAUTHORIZED, None),
        ("Get secretKey failed, err: ak CANARY not exist", AnswerName.UNAUTHORIZED, None),
        (
            "calc aksk signature fail:signature expired, signature time:20260528T092752Z,server time:20260528T094410Z",
            AnswerName.CLOCK_SKEW,
            None,
        ),
        ("AK access failed to reach the limit,forbidden.", AnswerName.USER_LOCKED, 300),
    ],
)
def test_a_refusal_is_named_by_its_text_without_quoting_it(
    code: str, message: str, name: AnswerName, retry_after_s: float | None
) -> None:
    answer = refusal(message, code=code)
    assert answer is not None
    assert (answer.name, answer.status, answer.retry_after_s) == (name, 401, retry_after_s)
    assert code in answer.message
    assert "CANARY" not in answer.message


@pytest.mark.parametrize(
    "other",
    [
        refusal("decrypt token fail"),
        refusal("verify aksk signature fail", code="APIGW.0303"),
        refusal("verify aksk signature fail", code="IAM.0001"),
        refusal("verify aksk signature fail", status=403),
        refusal("verify aksk signature fail", status=404),
        read_signature_refusal(Reply(status=401, headers={}, body=b"<html>verify aksk signature fail"), NOW),
    ],
)
def test_another_answer_is_left_to_the_api(other: Answer | None) -> None:
    assert other is None


# ------------------------------------------------------------------ hosts of a region


@pytest.mark.parametrize(
    ("service", "region", "address"),
    [
        ("vbs", "eu-de", "https://vbs.eu-de.otc.t-systems.com"),
        ("cbr", "eu-de", "https://cbr.eu-de.otc.t-systems.com"),
        ("cbr", "eu-nl", "https://cbr.eu-nl.otc.t-systems.com"),
        ("vbs", "cn-north-4", "https://vbs.cn-north-4.myhuaweicloud.com"),
        ("cbr", "af-south-1", "https://cbr.af-south-1.myhuaweicloud.com"),
        ("vbs", "eu-nl", None),
        ("vbs", "eu-ch2", None),
        ("cbr", "eu-west-101", None),
        ("cinder", "eu-de", None),
        ("vbs", "", None),
        ("vbs", "cn-north-4.evil.example/", None),
    ],
)
def test_the_address_of_a_service_is_that_of_its_region(service: str, region: str, address: str | None) -> None:
    assert find_service_address(service, region) == address
