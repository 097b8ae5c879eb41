"""A plan as the JSON document that is stored, approved by its sha256, and read again before anything is sent.

Canonical: UTF-8, keys sorted, no spaces, instants in RFC 3339. The sha256 is over all of it but that key. A plan of a
million backups is written piece by piece.
"""

import hashlib
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import Final

import msgspec

from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.stored import FORMAT
from vbs_reaper.purge.stored import Head
from vbs_reaper.purge.stored import StoredHead
from vbs_reaper.purge.stored import StoredPlan
from vbs_reaper.purge.stored import stored
from vbs_reaper.purge.stored import to_head
from vbs_reaper.purge.stored import to_plan
from vbs_reaper.purge.stored import with_texts
from vbs_reaper.purge.time.zone import to_text

_PIECE: Final = 4096
_UNREADABLE: Final = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)
"""Raised for a document that is no plan. OverflowError: a number or an instant that cannot be written again."""
_encode = msgspec.json.Encoder(order="sorted").encode


class PlanRefused(ValueError):
    """The document is no plan, or not what it was when it was written; the message is one sentence."""


def write_plan(plan: Plan) -> Iterator[bytes]:
    """The canonical document in pieces; all of them together are what is stored."""
    members = _members(plan)
    after = b"".join(b',"%s":%s' % (key.encode(), members[key]) for key in sorted(members) if key > "sha256") + b"}"
    digest = hashlib.sha256()
    for piece in _before_sha256(plan, members):
        digest.update(piece)
        yield piece
    digest.update(after)
    yield b',"sha256":"%s"' % digest.hexdigest().encode()
    yield after


def encode_plan(plan: Plan) -> bytes:
    """The canonical document."""
    return b"".join(write_plan(plan))


def sha256_of(plan: Plan) -> str:
    """The hash by which people approve the plan."""
    return plan.sha256 or next(p[11:75].decode() for p in write_plan(plan) if p.startswith(b',"sha256":"'))


def read_plan(document: bytes) -> Plan:
    """Read a stored plan and prove that it is what was written.

    Raises:
        PlanRefused: it is no plan, or was changed since.
    """
    try:
        found = msgspec.json.decode(document, type=StoredPlan)
        plan = to_plan(found)
        is_unchanged = encode_plan(plan) == document
    except _UNREADABLE as error:
        raise _no_plan(error) from None
    if not is_unchanged:
        raise PlanRefused(f"the plan was changed since it was written: its sha256 is not {printable(found.sha256)}")
    return plan


def read_head(document: bytes) -> Head:
    """Read whose plan a document is and of when, at little cost; what is decided by that must be read whole.

    Raises:
        PlanRefused: it is no plan.
    """
    try:
        return to_head(msgspec.json.decode(document, type=StoredHead))
    except _UNREADABLE as error:
        raise _no_plan(error) from None


def _no_plan(error: Exception) -> PlanRefused:
    return PlanRefused(f"this is no plan of this version: {printable(str(error))}")


def _before_sha256(plan: Plan, members: Mapping[str, bytes]) -> Iterator[bytes]:
    yield b'{"advice":%s,"backups":[' % members["advice"]
    piece: list[bytes] = []
    for position, row in enumerate(plan.backups):
        piece.append((b"," if position else b"") + _encode(stored(row)))
        if len(piece) == _PIECE:
            yield b"".join(piece)
            piece.clear()
    yield b"".join(piece) + b"]"
    for key in sorted(members):
        if "backups" < key < "sha256":
            yield b',"%s":%s' % (key.encode(), members[key])


def _members(plan: Plan) -> dict[str, bytes]:
    """Every member but `backups` and `sha256`, encoded."""
    members: dict[str, Any] = {
        "advice": [with_texts(advice) for advice in plan.advice],
        "difference": None if plan.difference is None else with_texts(plan.difference),
        "format": FORMAT,
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
    if plan.endpoint is not None:  # plans of earlier versions have none, and their hash must stay as it was
        members["endpoint"] = plan.endpoint
    return {key: _encode(value) for key, value in members.items()}
