"""Writes a plan as the JSON document that is stored, and reads it again. A plan is approved by its sha256.

The document is canonical: UTF-8, sorted keys, no spaces, timestamps in RFC 3339. Only the members of the header are in
front of all others, so that a header can be read without the backups; in format 1 all members are sorted. The sha256 is
computed over the document without the member `sha256`. The document is written and read in pieces, because a plan may
have a million backups.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from vbs_reaper.errors import InvalidPlan
from vbs_reaper.purge.calendar.zone import to_text
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_json import (
    BackupReader,
    PlanHeader,
    StoredBackup,
    StoredPlan,
    StoredPlanHeader,
    to_plan,
    to_plan_header,
    to_stored_backup,
    with_text_timestamps,
)
from vbs_reaper.purge.plan_pieces import PlanPieces
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.text import printable

_BACKUPS_PER_PIECE: Final = 4096
_HEADER: Final = ("format", "made_at", "policy", "run")
_UNREADABLE: Final = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)
"""Errors raised for a document that is not a plan. OverflowError: a number or timestamp that is out of range."""
_encode = msgspec.json.Encoder(order="sorted").encode
_decode_backups = msgspec.json.Decoder(list[StoredBackup]).decode


def write_plan(plan: Plan) -> Generator[bytes, None, str]:
    """Yield the canonical document in pieces; return the sha256, which is computed, whatever `plan.sha256` is."""
    members = _encode_members(plan)
    digest = hashlib.sha256()
    for piece in _before_sha256(plan, members):
        digest.update(piece)
        yield piece
    end = _after_sha256(members)
    digest.update(end)
    yield b',"sha256":"%s"' % digest.hexdigest().encode()
    yield end
    return digest.hexdigest()


def encode_plan(plan: Plan) -> bytes:
    """Return the canonical document."""
    return b"".join(write_plan(plan))


def sha256_of(plan: Plan) -> str:
    """Return the sha256 by which the plan is approved. It is computed if the plan does not contain it yet."""
    if plan.sha256:
        return plan.sha256
    members = _encode_members(plan)
    digest = hashlib.sha256()
    for piece in _before_sha256(plan, members):
        digest.update(piece)
    digest.update(_after_sha256(members))
    return digest.hexdigest()


def read_plan(document: bytes) -> Plan:
    """Read a stored plan, and check that the document is exactly what was written.

    Raises:
        InvalidPlan: the document is not a plan, or was changed after it was written.
    """
    return read_plan_pieces([document])


def read_plan_pieces(pieces: Iterable[bytes]) -> Plan:
    """Read a stored plan that arrives in pieces, as `read_plan` does.

    Raises:
        InvalidPlan: the document is not a plan, or was changed after it was written.
    """
    backups: list[PlannedBackup] = []
    return replace(read_rows(pieces, backups.extend), backups=backups)


def read_rows(pieces: Iterable[bytes], take: Callable[[list[PlannedBackup]], object]) -> Plan:
    """Pass the backups of a stored plan to `take`, many at a time; return the plan without its backups.

    Only when this has returned is it known that the document is exactly what was written.

    Raises:
        InvalidPlan: the document is not a plan, or was changed after it was written.
    """
    parts, reader, is_canonical = PlanPieces(pieces), BackupReader(), True
    digest = hashlib.sha256(parts.head)
    try:
        for position, part in enumerate(parts.rows()):
            digest.update(part)
            backups = list(map(reader.read, _decode_backups(b"[%s]" % part[bool(position) :])))
            is_canonical = is_canonical and part == b"," * bool(position) + b",".join(map(_encode_backup, backups))
            take(backups)
        rest = parts.head + parts.tail
        stored = msgspec.json.decode(rest, type=StoredPlan)
        plan = to_plan(stored)
        members = _encode_members(plan)
        before, after = b"".join(_before_sha256(plan, members)), _after_sha256(members)
        is_canonical = is_canonical and rest == before + b',"sha256":%s' % _encode(stored.sha256) + after
    except _UNREADABLE as error:
        raise _not_a_plan(error) from None
    digest.update(before[len(parts.head) :])
    digest.update(after)
    if not is_canonical or digest.hexdigest() != stored.sha256:
        raise InvalidPlan(
            f"the plan was changed after it was written: its sha256 is no longer {printable(stored.sha256)}"
        )
    return plan


def read_plan_header(document: bytes) -> PlanHeader:
    """Read the policy of a stored plan and when it was made, which costs much less than reading the whole plan.

    The document is not checked for changes. Before anything is decided by a backup of the plan, call `read_plan`.

    Raises:
        InvalidPlan: the document is not a plan.
    """
    return read_header_pieces([document])


def read_header_pieces(pieces: Iterable[bytes]) -> PlanHeader:
    """Read the header of a stored plan that arrives in pieces, as `read_plan_header` does. Backups are not read.

    Raises:
        InvalidPlan: the document is not a plan.
    """
    parts = PlanPieces(pieces)
    try:
        if parts.head.startswith(b'{"format":'):
            return to_plan_header(msgspec.json.decode(parts.head + b"]}", type=StoredPlanHeader))
        for _ in parts.rows():  # format 1
            pass
        return to_plan_header(msgspec.json.decode(parts.head + parts.tail, type=StoredPlanHeader))
    except _UNREADABLE as error:
        raise _not_a_plan(error) from None


def _not_a_plan(error: Exception) -> InvalidPlan:
    return InvalidPlan(f"this is not a plan that this version can read: {printable(str(error))}")


def _before_sha256(plan: Plan, members: Mapping[str, bytes]) -> Iterator[bytes]:
    """Yield the pieces of the document up to the member `sha256`."""
    header = _HEADER if plan.format > 1 else ()
    yield b"{" + b"".join(b'"%s":%s,' % (key.encode(), members[key]) for key in header)
    yield b'"advice":%s,"backups":[' % members["advice"]
    piece: list[bytes] = []
    for position, row in enumerate(plan.backups):
        piece.append((b"," if position else b"") + _encode_backup(row))
        if len(piece) == _BACKUPS_PER_PIECE:
            yield b"".join(piece)
            piece.clear()
    yield b"".join(piece) + b"]"
    for key in sorted(members):
        if "backups" < key < "sha256" and key not in header:
            yield b',"%s":%s' % (key.encode(), members[key])


def _after_sha256(members: Mapping[str, bytes]) -> bytes:
    """Return the end of the document, which follows the member `sha256`."""
    return b"".join(b',"%s":%s' % (key.encode(), members[key]) for key in sorted(members) if key > "sha256") + b"}"


def _encode_backup(row: PlannedBackup) -> bytes:
    return _encode(to_stored_backup(row))


def _encode_members(plan: Plan) -> dict[str, bytes]:
    """Encode every member of the document except `backups` and `sha256`."""
    members: dict[str, Any] = {
        "advice": [with_text_timestamps(advice) for advice in plan.advice],
        "difference": None if plan.difference is None else with_text_timestamps(plan.difference),
        "format": plan.format,
        "groups": plan.groups,
        "guards": plan.guards,
        "hold_marker": plan.hold_marker,
        "made_at": to_text(plan.made_at),
        "policy": plan.policy,
        "project_id": plan.project_id,
        "run": plan.run,
        "service": plan.service,
        "totals": plan.totals,
        "warnings": plan.warnings,
    }
    if plan.endpoint is not None:  # plans of earlier versions do not have it, and their hash must not change
        members["endpoint"] = plan.endpoint
    return {key: _encode(value) for key, value in members.items()}
