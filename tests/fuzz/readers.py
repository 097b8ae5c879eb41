"""Every parser of untrusted bytes, with a check of its result: it returns a valid value or rejects the input."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from tests.fuzz.wire import Wire, check_wire
from tests.unit.clouds.logins import read_answer
from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clouds.apis.records import read_rows
from vbs_reaper.clouds.error_body import read_retry_after
from vbs_reaper.clouds.target_secret import read_target
from vbs_reaper.deletion.envelope import Bulk, open_envelope
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import InvalidJson, InvalidPlan, InvalidPolicy, InvalidRequest, InvalidSecret, RunRefused
from vbs_reaper.purge.event import Approval, policy_name_of, read_event
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.plan_json import StoredPlan, to_plan
from vbs_reaper.purge.policy import POLICY_LIMIT_BYTES, is_policy_name, read_policy
from vbs_reaper.strict_json import read_json

NOW: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
BACKUP_ID: Final = BackupId("11111111-2222-4333-8444-555555555555")
CANARY: Final = "canary-7f3a9d"
"""A password. If an input contains it once, no error message about that input may contain it."""

SENTENCE_BYTES: Final = 1024
"""The maximum length of an error message, which is a message attribute and read by people."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RUN: Final = re.compile(r"[0-9A-Za-z-]{20,36}", re.ASCII)
_DIGITS: Final = frozenset(map(str, range(3601)))
_PRINTABLE: Final = re.compile(r"[ -~]{0,256}")


def envelope(data: bytes) -> None:
    """Accepted requests contain canonical backup IDs within the limits; all others are refused in one sentence."""
    try:
        opened = open_envelope(data.decode("utf-8", "surrogateescape"), NOW)
    except InvalidRequest as refused:
        _check_sentence(str(refused))
        return
    requests = opened.requests if isinstance(opened, Bulk) else (opened,)
    for request in requests:
        _check_request(request)
    if isinstance(opened, Bulk):
        assert 1 <= len(opened.requests) + len(opened.bad) <= 1000
        assert len({request.backup_id for request in requests}) == len(requests)
        for element in opened.bad:
            assert not _is_uuid(json.loads(element.body)["backup_id"])


def _check_request(request: DeleteRequest) -> None:
    assert _is_uuid(request.backup_id)
    sent_onward = msgspec.json.encode(request.fields).decode()
    assert open_envelope(sent_onward, NOW) == request


def target_secret(data: bytes) -> None:
    """Accepted secrets lead to only one allowed path; no error message contains the password."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        target = read_target("fuzzed", StoredSecret(version_id="1", text=Secret(text), name="vbs-reaper/fuzzed"))
    except InvalidSecret as refused:
        _check_secrecy(refused, text)
        return
    assert CANARY not in repr(target)
    assert target.verify
    assert target.hold_marker.strip()
    address = target.volume_backup_endpoint_override or target.auth.auth_url or target.address
    check_wire(Wire(address=address), target.insecure_http)


def _check_secrecy(refused: InvalidSecret, text: str) -> None:
    _check_sentence(str(refused))
    assert text.count(CANARY) != 1 or CANARY not in str(refused)
    assert refused.__cause__ is None
    assert refused.__context__ is None


def policy(data: bytes) -> None:
    """Accepted policies have match and keep, and are unchanged after encoding and decoding."""
    try:
        document = read_json(data.decode("utf-8", "surrogateescape"), limit=POLICY_LIMIT_BYTES)
        accepted = read_policy(document)
    except (InvalidJson, InvalidPolicy) as refused:
        _check_sentence(str(refused))
        return
    assert document["match"]
    assert document["keep"]
    assert accepted.mode == document.get("mode", "preview")
    assert read_policy(msgspec.to_builtins(accepted)) == accepted


def purge_event(data: bytes) -> None:
    """Accepted events contain a policy and a run, or the hash of a plan; error messages are one line."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return  # Lambda would not invoke the function
    named = policy_name_of(event)
    assert named is None or is_policy_name(named)
    try:
        asked = read_event(event, "default", "8f507cfc-4f5e-4a3e-b0c2-2a6f9d1e7c54")
    except RunRefused as refused:
        _check_sentence(str(refused))
        return
    if isinstance(asked, Approval):
        assert asked.policy == named
        assert _SHA256.fullmatch(asked.plan)
    else:
        assert asked.policy.policy == named
        assert asked.target == asked.policy.target
        assert _RUN.fullmatch(asked.name)


def plan_document(data: bytes) -> None:
    """Only documents with a correct hash are accepted; one with the form of a plan is accepted with its hash."""
    try:
        assert encode_plan(read_plan(data)) == data
    except InvalidPlan as refused:
        _check_sentence(str(refused))
    try:
        shaped = to_plan(msgspec.json.decode(data, type=StoredPlan))
    except (ValueError, RecursionError):
        return
    written = encode_plan(replace(shaped, sha256=None))
    assert encode_plan(read_plan(written)) == written


def show_answer(data: bytes) -> None:
    """A response to a GET: found only with the requested backup, gone only with proof; never raises."""
    answer, status, body = _answer(Operation.SHOW_BACKUP, data)
    assert answer.name is not AnswerName.ACCEPTED
    if answer.name is AnswerName.FOUND:
        assert status == 200
        assert json.loads(_as_text(body))["backup"]["id"] == BACKUP_ID
    else:
        assert (answer.backup is not None) == (answer.name is AnswerName.OTHER_BACKUP)


def delete_answer(data: bytes) -> None:
    """A response to a DELETE: accepted only by its status, gone only with proof; never raises."""
    answer, status, _ = _answer(Operation.DELETE_BACKUP, data)
    assert (answer.name is AnswerName.ACCEPTED) == (status == 202)
    assert answer.backup is None


def _answer(operation: Operation, data: bytes) -> tuple[Answer, int, bytes]:
    status = 100 + int.from_bytes(data[:2], "big") % 500
    retry_after, _, body = data[2:].partition(b"\n")
    headers = {"retry-after": retry_after.decode("latin-1")} if retry_after else {}
    answer = read_answer(operation, BACKUP_ID, status, headers, body, NOW)
    _check_answer(answer, status, headers, body)
    return answer, status, body


def _check_answer(answer: Answer, status: int, headers: Mapping[str, str], body: bytes) -> None:
    assert answer.status == status
    assert _PRINTABLE.fullmatch(answer.message)
    assert _PRINTABLE.fullmatch(answer.request_id)
    assert answer.retry_after_s is None or 1 <= answer.retry_after_s <= 3600
    if answer.name is AnswerName.GONE:
        assert status == 404
        assert BACKUP_ID in json.loads(body)["itemNotFound"]["message"]


def page_rows(data: bytes) -> None:
    """A page: every row has an ID, and only a page with rows leads to another; never raises."""
    date, _, body = data.partition(b"\n")
    rows = read_rows(body, date.decode("latin-1"), 2)
    if rows is None:
        return
    shown = json.loads(_as_text(body))["backups"]
    assert [backup.id for backup in rows.backups] == [row["id"] for row in shown]
    assert rows.backups or rows.next is None
    assert rows.date is None or rows.date.tzinfo is not None


def times(data: bytes) -> None:
    """Retry-After in header and body, and Date: seconds within limits, an instant with a zone, or None."""
    header, in_body, date = (data.decode("latin-1").split("\n") + [""] * 3)[:3]
    seconds = read_retry_after(header, in_body, NOW)
    assert seconds is None or 1 <= seconds <= 3600
    assert seconds == read_retry_after(header.strip(), in_body, NOW)
    if header.strip() in _DIGITS:
        assert seconds == max(1, int(header.strip()))
    rows = read_rows(b'{"backups": []}', date, 2)
    assert rows is not None
    assert rows.date is None or rows.date.utcoffset() is not None


def wire_path(data: bytes) -> None:
    """Every request that may be sent has the allowed path."""
    address, backup_id, project_id, volume_id, marker = (data.decode("latin-1").split("\n") + [""] * 5)[:5]
    check_wire(
        Wire(address=address, backup_id=backup_id, project_id=project_id, volume_id=volume_id, marker=marker),
        insecure_http=len(data) % 2 == 0,
    )


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _as_text(body: bytes) -> str:
    """Return the text of a body. Invalid UTF-8 in ignored fields is harmless."""
    return body.decode("utf-8", "replace")


def _check_sentence(text: str) -> None:
    assert text
    assert len(text.encode("utf-8", "surrogatepass")) <= SENTENCE_BYTES, text


READERS: Final[dict[str, Callable[[bytes], None]]] = {
    "envelope": envelope,
    "target_secret": target_secret,
    "policy": policy,
    "purge_event": purge_event,
    "plan_document": plan_document,
    "show_answer": show_answer,
    "delete_answer": delete_answer,
    "page_rows": page_rows,
    "times": times,
    "wire_path": wire_path,
}
