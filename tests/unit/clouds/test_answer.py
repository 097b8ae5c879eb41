"""Every status with every body has one name, as in a table written from the decision table; GONE requires proof."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, strategies as st

from tests.support.simulator.body_shapes import BodyArguments, BodyShape, make_body
from tests.unit.clouds.logins import read_answer
from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.backup import Status
from vbs_reaper.backups.identifiers import BackupId

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BACKUP_ID = BackupId("11111111-2222-4333-8444-555555555555")
OTHER_ID = "99999999-8888-4777-8666-555555555555"
DELETE = Operation.DELETE_BACKUP
SHOW = Operation.SHOW_BACKUP

BY_STATUS = {
    401: AnswerName.UNAUTHORIZED,
    402: AnswerName.GATEWAY_REFUSED,
    403: AnswerName.FORBIDDEN,
    405: AnswerName.WRONG_ENDPOINT,
    406: AnswerName.WRONG_ENDPOINT,
    407: AnswerName.PROXY_REFUSED,
    408: AnswerName.TIMED_OUT,
    409: AnswerName.CONFLICT,
    410: AnswerName.WRONG_ENDPOINT,
    413: AnswerName.THROTTLED,
    415: AnswerName.WRONG_ENDPOINT,
    421: AnswerName.GATEWAY_REFUSED,
    429: AnswerName.THROTTLED,
    431: AnswerName.GATEWAY_REFUSED,
    494: AnswerName.GATEWAY_REFUSED,
    500: AnswerName.SERVER_ERROR,
    501: AnswerName.WRONG_ENDPOINT,
    502: AnswerName.UNAVAILABLE,
    503: AnswerName.UNAVAILABLE,
    504: AnswerName.UNAVAILABLE,
}
"""Whatever the body says."""

NO_JSON_OBJECT = {
    BodyShape.HTML,
    BodyShape.CINDER_HTML,
    BodyShape.EMPTY,
    BodyShape.TEXT,
    BodyShape.BROKEN_JSON,
    BodyShape.DEEP_JSON,
    BodyShape.JSON_LIST,
}
BAD_REQUESTS = {
    BodyShape.WRONG_STATE: AnswerName.WRONG_STATE,
    BodyShape.HAS_CHILDREN: AnswerName.HAS_DEPENDENTS,
    BodyShape.MALFORMED_URL: AnswerName.URL_PROJECT_MISMATCH,
    BodyShape.VBS_ERROR: AnswerName.UNAVAILABLE,
    BodyShape.GATEWAY: AnswerName.GATEWAY_REFUSED,
    BodyShape.GATEWAY_APIG: AnswerName.GATEWAY_REFUSED,
}
NOT_FOUNDS = {BodyShape.GONE: AnswerName.GONE, BodyShape.SERVICE_DOWN: AnswerName.NO_SERVICE}
GATEWAYS = {BodyShape.GATEWAY, BodyShape.GATEWAY_APIG}


def expected(operation: Operation, status: int, shape: BodyShape) -> AnswerName:
    if 200 <= status < 300 and operation is DELETE:
        return AnswerName.ACCEPTED if status == 202 else AnswerName.MAYBE_ACCEPTED
    if status == 200 and shape is BodyShape.ANOTHER_BACKUP:
        return AnswerName.OTHER_BACKUP
    if 200 <= status < 300:
        return AnswerName.UNAVAILABLE
    if 300 <= status < 400:
        return AnswerName.REDIRECTED
    malformed = AnswerName.BAD_REQUEST if operation is DELETE else AnswerName.UNEXPECTED
    if status == 400:
        return BAD_REQUESTS.get(shape, AnswerName.UNEXPECTED if shape in NO_JSON_OBJECT else malformed)
    if status == 404:
        return NOT_FOUNDS.get(shape, AnswerName.WRONG_ENDPOINT)
    if shape in GATEWAYS and (status in {403, 414} or (400 < status < 500 and status not in BY_STATUS)):
        return AnswerName.GATEWAY_REFUSED
    if status == 414:
        return malformed
    other = AnswerName.UNEXPECTED_CLIENT_ERROR if 400 < status < 500 else AnswerName.UNEXPECTED
    return BY_STATUS.get(status, other)


def answer(operation: Operation, status: int, body: bytes, **headers: str) -> Answer:
    lowered = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_answer(operation, BACKUP_ID, status, lowered, body, NOW)


def body(shape: BodyShape, status: int, *, code: str = "", message: str = "") -> bytes:
    return make_body(shape, BodyArguments(status=status, backup_id=BACKUP_ID, code=code, message=message))[1]


def said(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("operation", [DELETE, SHOW])
@pytest.mark.parametrize("shape", list(BodyShape))
def test_every_status_with_every_body_has_the_name_of_the_table(operation: Operation, shape: BodyShape) -> None:
    # `oversized` is what a client would read of it: nothing here depends on its size.
    for status in range(100, 600):
        read = answer(operation, status, body(shape, status) if shape is not BodyShape.OVERSIZED else b"{}")
        assert (read.status, read.name) == (status, expected(operation, status, shape))


VBS_IS_UNAVAILABLE = ["0014", "0100", "0101", "0102", "0103", "0104", "0109", "0110", "0123", "0125", "0900"]
OTHER_CODES = ["VolumeBackup.0105", "VolumeBackup.01", "VolumeBackup.00140", "0014", "VBS.0002", "APIGX.1", "XAPIG.1"]


@pytest.mark.parametrize(
    ("codes", "deleting", "showing"),
    [
        ([f"VolumeBackup.{code}" for code in VBS_IS_UNAVAILABLE], AnswerName.UNAVAILABLE, AnswerName.UNAVAILABLE),
        (["VolumeBackup.0113"], AnswerName.USED_BY_IMAGE, AnswerName.USED_BY_IMAGE),
        (["Common.0013"], AnswerName.UNAUTHORIZED, AnswerName.UNAUTHORIZED),
        (OTHER_CODES, AnswerName.BAD_REQUEST, AnswerName.UNEXPECTED),
    ],
)
@pytest.mark.parametrize("shape", [BodyShape.VBS_ERROR, BodyShape.ERROR_CODE_INSIDE, BodyShape.STRING_CODE])
def test_a_400_is_named_by_the_code_in_its_body(
    shape: BodyShape, codes: list[str], deleting: AnswerName, showing: AnswerName
) -> None:
    for code in codes:
        rejected = body(shape, 400, code=code)
        assert (answer(DELETE, 400, rejected).name, answer(SHOW, 400, rejected).name) == (deleting, showing), code


GATEWAY_BODIES = [
    {"error_msg": "no", "error_code": "APIG.0201", "request_id": "r"},
    {"error_msg": "no", "error_code": "APIGW.0106", "request_id": "r"},
    {"error": {"code": "APIG.0201", "message": "no"}},
    {"error": {"error_code": "APIGW.0201", "error_msg": "no"}},
    {"error": {"code": 400, "message": "no", "error_code": "APIG.0201"}},
    {"badRequest": {"code": 400, "message": "no"}, "error_code": "APIG.0201"},
    {"detail": {}, "error": {"code": "APIG.0201"}},
    {"code": "APIG.0201", "message": "no"},
    {"errors": [{"code": "APIG.0201", "message": "no"}]},
]


@pytest.mark.parametrize("document", GATEWAY_BODIES)
@pytest.mark.parametrize("operation", [DELETE, SHOW, Operation.LIST_BACKUPS])
@pytest.mark.parametrize("status", [400, 402, 403, 414, 418, 422, 423, 499])
def test_a_code_of_the_gateway_is_about_the_caller(operation: Operation, status: int, document: object) -> None:
    assert answer(operation, status, said(document)).name is AnswerName.GATEWAY_REFUSED


@pytest.mark.parametrize("document", GATEWAY_BODIES)
@pytest.mark.parametrize("status", [401, 404, 405, 406, 407, 408, 409, 410, 413, 415, 429, 500, 502, 503])
def test_a_status_with_its_own_meaning_keeps_it_for_any_code_of_the_gateway(status: int, document: object) -> None:
    assert answer(DELETE, status, said(document)).name is (BY_STATUS | {404: AnswerName.WRONG_ENDPOINT})[status]


def test_a_message_that_mentions_a_code_of_the_gateway_does_not_have_that_code() -> None:
    quoted = {"badRequest": {"code": 400, "message": "see APIG.0201"}}
    assert answer(DELETE, 400, said(quoted)).name is AnswerName.BAD_REQUEST


# Which 404 proves that the backup is gone


def not_found(message: object) -> dict[str, Any]:
    return {"itemNotFound": {"code": 404, "message": message}}


def name_of_404(document: object) -> AnswerName:
    return answer(SHOW, 404, said(document)).name


PROOF = not_found(f"Backup {BACKUP_ID} could not be found.")


@pytest.mark.parametrize(
    "message",
    [
        f"Backup {BACKUP_ID} could not be found.",
        f"backup {BACKUP_ID} cannot be found",
        f"Backup '{BACKUP_ID}' was not found",
        f"Backup '{BACKUP_ID}' was not found (HTTP 404)",
        f"Volume backup not found: {BACKUP_ID}",
        f"Backup could not be found, id={BACKUP_ID}",
        f"The volume backup with id {BACKUP_ID} is not found.",
        f"Backup {BACKUP_ID} has not been found",
        f"BACKUP {BACKUP_ID} COULD NOT BE FOUND",
        f"Backup {BACKUP_ID} can not be found!",
        f"Backup {BACKUP_ID}: could not be found.",
        f"Backup id {BACKUP_ID} could not be found.",
        f"Backup with ID '{BACKUP_ID}' could not be found...",
        f"backup (id: {BACKUP_ID}) not found",
        f"  Backup  <{BACKUP_ID}>\tcould  not be\nfound .\n",
        f'"Backup {BACKUP_ID} could not be found."',
        f"Backup \u201c{BACKUP_ID}\u201d could not be found\u2026",
    ],
)
def test_the_id_decides_that_a_backup_is_gone_not_the_words_around_it(message: str) -> None:
    assert name_of_404(not_found(message)) is AnswerName.GONE


@pytest.mark.parametrize(
    "message",
    [
        # Another backup, or none
        f"Backup {OTHER_ID} could not be found.",
        f"Backup {BACKUP_ID} and {OTHER_ID} could not be found.",
        f"Backup {BACKUP_ID[:-1]} could not be found.",
        f"Backup a{BACKUP_ID} could not be found.",
        f"Backup {BACKUP_ID}-1 could not be found.",
        f"Backup {BACKUP_ID.replace('1', 'I')} could not be found.",
        f"Backups {BACKUP_ID} could not be found.",
        f"Backup{BACKUP_ID} could not be found.",
        f"Backup _{BACKUP_ID} could not be found.",
        f"Backup {BACKUP_ID}_ could not be found.",
        "Backup could not be found.",
        "Backup {id} could not be found.",
        [f"Backup {BACKUP_ID} could not be found."],
        # Something else
        f"Volume {BACKUP_ID} could not be found.",
        f"Volume of backup {BACKUP_ID} could not be found.",
        f"Volume for the backup {BACKUP_ID} not found",
        f"Snapshot or Backup {BACKUP_ID} could not be found.",
        f"The policy of Backup {BACKUP_ID} could not be found.",
        f"No service found that can handle backup {BACKUP_ID}, not now",
        f"Backup service for {BACKUP_ID} could not be found.",
        f"Backup could not be found: service of {BACKUP_ID}",
        f"Backup not found: policy {BACKUP_ID}",
        f"backup {BACKUP_ID}: endpoint not found",
        f"Backup {BACKUP_ID}. The cache could not be found.",
        # Something else about it
        f"Backup {BACKUP_ID} was found elsewhere.",
        f"Backup {BACKUP_ID} found but could not be deleted.",
        f"Backup {BACKUP_ID} may not be found.",
        f"Backup {BACKUP_ID} could be found.",
        f"Backup {BACKUP_ID} could notbe found.",
        f"Backup {BACKUP_ID} could not be found and could not be found.",
        f"No backup. {BACKUP_ID} could not be found.",
        f"Backup not found: {BACKUP_ID} in this cache",
        f"Cached: Backup {BACKUP_ID} could not be found.",
    ],
)
def test_other_words_about_a_backup_are_no_proof(message: object) -> None:
    assert name_of_404(not_found(message)) is AnswerName.WRONG_ENDPOINT


AFTER_FOUND = [
    "in cache, try again",
    "in region eu-nl",
    "on this host; it may be on another",
    ": you are not authorized",
    "yet",
    ". Try again.",
    "- retry",
    "?",
    "(in cache)",
    "1",
    "\u5728\u7f13\u5b58",
    "able",
]


@pytest.mark.parametrize("blank", [" ", "", "\n"])
@pytest.mark.parametrize("words", ["could not be", "was not", "cannot be", "is not", "not"])
def test_a_404_with_text_after_found_is_no_proof(words: str, blank: str) -> None:
    messages = [f"Backup {BACKUP_ID} {words} found{blank}{after}" for after in AFTER_FOUND]
    assert [each for each in messages if name_of_404(not_found(each)) is AnswerName.GONE] == []


NOUNS = ["policy", "schedule", "job", "storage", "service", "vault", "plan", "task of", "id of", "with policy", "with"]


@pytest.mark.parametrize(
    "form", ["Backup {} {} could not be", "Backup {} {} not", "backup-{} {} not", "backup_{}={} not"]
)
def test_a_404_about_something_else_of_a_backup_is_no_proof(form: str) -> None:
    messages = [f"{form.format(noun, BACKUP_ID)} found" for noun in [*NOUNS, "ids"]]
    assert [each for each in messages if name_of_404(not_found(each)) is AnswerName.GONE] == []


@pytest.mark.parametrize(
    "document",
    [
        {"itemNotFound": f"Backup {BACKUP_ID} could not be found."},
        {"itemnotfound": PROOF["itemNotFound"]},
        {"error": PROOF["itemNotFound"]},
        {"computeFault": PROOF["itemNotFound"]},
        [PROOF],
        f"Backup {BACKUP_ID} could not be found.",
        PROOF | {"error_code": "APIG.0101"},
        PROOF | {"error": {"code": "VolumeBackup.0014", "message": "trouble"}},
        {"itemNotFound": PROOF["itemNotFound"] | {"code": 503}},
        {"itemNotFound": PROOF["itemNotFound"] | {"details": "in region eu-nl"}},
    ],
)
def test_a_404_of_another_form_is_no_proof(document: object) -> None:
    assert name_of_404(PROOF | {"request_id": "req-1"}) is AnswerName.GONE
    assert name_of_404(document) is AnswerName.WRONG_ENDPOINT


ONE_MESSAGE = f'"message": "Backup {BACKUP_ID} could not be found."'


@pytest.mark.parametrize(
    "twice",
    [
        '{"itemNotFound": {"code": 404, MESSAGE, MESSAGE}}',
        '{"itemNotFound": {"code": 404, "message": "try again", MESSAGE}}',
        '{"itemNotFound": {"code": 503, "code": 404, MESSAGE}}',
        '{"itemNotFound": {"message": "try again"}, "itemNotFound": {"code": 404, MESSAGE}}',
        '{"itemNotFound": {"code": 404, MESSAGE}, "itemNotFound": {"code": 404, MESSAGE}}',
        '{"itemNotFound": {"code": 404, "mess\\u0061ge": "try again", MESSAGE}}',
        '{"itemNotFound": {"code": 404, "details": {"a": 1, "a": 2}, MESSAGE}}',
        '{"request_id": "a", "request_id": "b", "itemNotFound": {"code": 404, MESSAGE}}',
    ],
)
@pytest.mark.parametrize("operation", [SHOW, DELETE, Operation.LIST_BACKUPS])
def test_a_404_with_a_duplicate_key_is_no_proof(operation: Operation, twice: str) -> None:
    body_twice = twice.replace("MESSAGE", ONE_MESSAGE).encode()
    assert answer(operation, 404, body_twice).name is AnswerName.WRONG_ENDPOINT
    once = '{"itemNotFound": {"code": 404, MESSAGE}}'.replace("MESSAGE", ONE_MESSAGE).encode()
    assert answer(operation, 404, once).name is AnswerName.GONE


def test_a_404_with_a_byte_that_json_does_not_allow_is_no_proof() -> None:
    assert answer(SHOW, 404, said(PROOF).replace(b"code", b"c\xffde")).name is AnswerName.WRONG_ENDPOINT


def test_a_404_while_the_service_is_down_is_not_gone() -> None:
    assert name_of_404(not_found("Service cinder-backup could not be found.")) is AnswerName.NO_SERVICE


# A response that shows a backup


def test_a_backup_is_found_with_its_fields() -> None:
    shown = {"backup": {"id": BACKUP_ID, "status": "available", "name": None, "unknown": [1]}}
    found = answer(SHOW, 200, said(shown), x_openstack_request_id="req-1")
    assert (found.name, found.request_id, found.at) == (AnswerName.FOUND, "req-1", NOW)
    assert found.backup is not None
    assert (found.backup.id, found.backup.name) == (BACKUP_ID, None)


@pytest.mark.parametrize("shown", [{}, {"backup": None}, {"backup": []}, {"backup": {}}, {"backup": {"id": 5}}, []])
def test_a_200_without_a_readable_backup_is_unavailable(shown: object) -> None:
    assert answer(SHOW, 200, said(shown)).name is AnswerName.UNAVAILABLE


SHOWN = f'"id": "{BACKUP_ID}", "status": "available", "name": "daily"'


def shown_with(more: str, before: str = "") -> Answer:
    return answer(SHOW, 200, f'{{{before}"backup": {{{SHOWN}, {more}}}}}'.encode())


@pytest.mark.parametrize(
    ("field", "attribute", "more"),
    [
        ("status", "status_text", '"status": "available"'),
        ("status", "status_text", '"st\\u0061tus": "deleting"'),
        ("name", "name", '"name": "[hold] legal"'),
        ("name", "name", '"name": 5'),
        ("metadata", "metadata", '"metadata": {"hold": "yes"}, "metadata": {}'),
        ("description", "description", '"description": "x", "description": null'),
        ("created_at", "created_at_text", '"created_at": "2026-11-25T02:00:00Z", "created_at": "2026-11-25T02:00:00Z"'),
        ("volume_id", "volume_id", '"volume_id": "a", "volume_id": "b", "volume_id": "a"'),
        ("os-bak-tenant-attr:tenant_id", "tenant_id", ", ".join(['"os-bak-tenant-attr:tenant_id": "a"'] * 2)),
    ],
)
def test_a_field_that_is_shown_twice_is_unknown(field: str, attribute: str, more: str) -> None:
    found = shown_with(more)
    assert found.name is AnswerName.FOUND
    assert found.backup is not None
    assert found.backup.is_identified
    assert found.backup.odd_fields == {field}
    assert found.backup.complaint(field) == f'shows "{field}" twice'
    assert getattr(found.backup, attribute) is msgspec.UNSET


def test_an_unknown_field_may_be_shown_twice() -> None:
    more = '"color": 1, "color": 2, "links": [{"rel": 1, "rel": 2}], "metadata": {"a": "b", "a": "c"}'
    found = shown_with(more, before='"x": 1, "x": 2, ')
    assert found.backup is not None
    assert (found.backup.odd_fields, found.backup.name) == (frozenset(), "daily")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f'{{"backup": {{"id": "{OTHER_ID}", "id": "{BACKUP_ID}", "status": "available"}}}}', "id"),
        (f'{{"backup": {{"id": "{BACKUP_ID}", "id": "{OTHER_ID}", "status": "available"}}}}', "id"),
        (f'{{"backup": {{"id": "{BACKUP_ID}", "id": 5}}}}', "id"),
        (f'{{"backup": {{"id": "{BACKUP_ID}"}}, "backup": {{"id": "{OTHER_ID}"}}}}', "backup"),
        (f'{{"backup": {{"id": "{OTHER_ID}"}}, "back\\u0075p": {{"id": "{BACKUP_ID}"}}}}', "backup"),
    ],
)
def test_a_response_with_two_backups_is_about_an_unknown_one(text: str, key: str) -> None:
    found = answer(SHOW, 200, text.encode())
    assert found.name is AnswerName.FOUND
    assert found.backup is not None
    assert not found.backup.is_identified
    assert found.backup.status is Status.UNKNOWN
    assert found.backup.complaint("status") == f'shows "{key}" twice'


def test_hostile_values_beside_a_doubled_key_change_nothing() -> None:
    hostile = '"size": ' + "9" * 5000 + ', "object_count": 1e999, "fail_reason": "\xff", "name": "b"'
    body_hostile = f'{{"backup": {{{SHOWN}, {hostile}}}}}'.encode("latin-1")
    found = answer(SHOW, 200, body_hostile)
    assert found.backup is not None
    assert "name" in found.backup.odd_fields


@pytest.mark.parametrize("prefix", ["APIG", "APIGW"])
def test_the_request_id_of_the_gateway_is_read_from_its_body(prefix: str) -> None:
    refused = {"error_msg": "no", "error_code": f"{prefix}.0401", "request_id": "abc"}
    assert answer(DELETE, 403, said(refused)).request_id == "abc"


@pytest.mark.parametrize(
    ("header", "in_body", "seconds"),
    [
        ("30", None, 30.0),
        ("0", None, 1.0),
        ("86400", None, 3600.0),
        ("Wed, 25 Nov 2026 12:02:00 GMT", None, 120.0),
        ("Wed, 25 Nov 2026 14:02:00 +0200", None, 120.0),
        ("Wed, 25 Nov 2026 12:02:00 -0000", None, 120.0),
        ("Wed, 25 Nov 2026 11:00:00 GMT", None, 1.0),
        ("soon", "20", 20.0),
        (f"Wed, 25 Nov 2026 12:{'1' * 30}:00 GMT", "20", 20.0),
        ("", 20, 20.0),
        (None, "0", 1.0),
        (None, -5, None),
        (None, None, None),
        ("-1", None, None),
        ("٣", None, None),
    ],
)
def test_a_retry_after_is_read_from_header_or_body_and_kept_within_a_second_and_an_hour(
    header: str | None, in_body: object, seconds: float | None
) -> None:
    over_limit = said({"overLimit": {"code": 413, "message": "slow down", "retryAfter": in_body}})
    headers = {} if header is None else {"retry_after": header}
    assert answer(DELETE, 413, over_limit, **headers).retry_after_s == seconds


@pytest.mark.parametrize(("status", "honoured"), [(429, True), (503, True), (500, False), (404, False), (202, False)])
def test_a_retry_after_is_honoured_where_the_service_as_a_whole_is_meant(status: int, honoured: bool) -> None:
    assert (answer(DELETE, status, b"", retry_after="30").retry_after_s == 30.0) is honoured


def test_the_body_of_an_accepted_deletion_is_ignored() -> None:
    accepted = answer(DELETE, 202, said({"error": {"message": "never mind"}, "request_id": "abc"}))
    assert (accepted.message, accepted.request_id, accepted.backup) == ("status 202", "", None)


def test_the_request_id_has_an_older_header_and_is_empty_if_there_is_none() -> None:
    assert answer(DELETE, 409, b"", x_compute_request_id="req-2").request_id == "req-2"
    assert answer(DELETE, 409, b"").request_id == ""


def test_a_message_of_the_cloud_is_truncated_and_escaped() -> None:
    message = answer(DELETE, 409, said({"conflictingRequest": {"message": "\n\x1b[2J" + "ü" * 500}})).message
    assert len(message) == 256
    assert re.fullmatch(r"[ -~]+", message)


ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["0113", str(BACKUP_ID)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["itemNotFound", "error", "code", "message", "backup", "id", "retryAfter", "request_id"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ANY_BODY = (
    st.binary(max_size=200)
    | ANY_JSON.map(lambda value: json.dumps(value).encode())
    | st.sampled_from(list(BodyShape)).map(lambda shape: body(shape, 404))
)


@given(
    operation=st.sampled_from([DELETE, SHOW, Operation.LIST_BACKUPS]),
    status=st.integers(0, 999),
    any_body=ANY_BODY,
    headers=st.dictionaries(st.sampled_from(["retry-after", "x-openstack-request-id", "date"]), st.text(max_size=40)),
)
@example(operation=DELETE, status=413, any_body=b"9" * 5000, headers={})
@example(operation=DELETE, status=413, any_body=b'{"overLimit":{"code":' + b"9" * 5000 + b"}}", headers={})
@example(operation=DELETE, status=400, any_body=b'{"a":"\\ud800"}', headers={"retry-after": "\ud800"})
@example(operation=SHOW, status=404, any_body=b'{"itemNotFound":' * 3000, headers={"retry-after": "9" * 400})
def test_no_answer_raises_and_none_is_gone_without_its_proof(
    operation: Operation, status: int, any_body: bytes, headers: dict[str, str]
) -> None:
    read = read_answer(operation, BACKUP_ID, status, headers, any_body, NOW)
    assert len(read.message) <= 256
    if read.name is AnswerName.GONE:
        assert status == 404
        assert BACKUP_ID in json.loads(any_body)["itemNotFound"]["message"]
    if read.name is AnswerName.FOUND:
        assert (status, json.loads(any_body)["backup"]["id"]) == (200, BACKUP_ID)
        assert operation is not DELETE
    if read.name is AnswerName.ACCEPTED:
        assert (operation, status) == (DELETE, 202)
