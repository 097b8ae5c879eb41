"""How a request ended, as a result event. A request has one event ID per redrive, so consumers can drop repeats."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, UnsetType

SOURCE: Final = "vbs-reaper"
REQUESTED: Final = "VBS Backup Delete Requested"
_NAMESPACE: Final = UUID("7e0d9c7b-5d0c-5f0e-9a53-4a7b8f1d2c60")


class Outcome(StrEnum):
    """A decision, as it is counted and published."""

    DELETED = "deleted"
    ALREADY_GONE = "already_gone"
    REFUSED = "refused"
    PARKED = "parked"
    SUPERSEDED = "superseded"
    ASKED = "asked"
    WAITING = "waiting"
    HALTED = "halted"


DETAIL_TYPES: Final = {
    Outcome.DELETED: "VBS Backup Deleted",
    Outcome.ALREADY_GONE: "VBS Backup Already Gone",
    Outcome.REFUSED: "VBS Backup Delete Refused",
    Outcome.PARKED: "VBS Backup Delete Parked",
    Outcome.SUPERSEDED: "VBS Backup Delete Superseded",
}
"""The outcomes that end a request, with their EventBridge detail-type."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that proved the backup gone: the cloud's request ID, the status and the time."""

    request_id: str
    status: int
    at: datetime


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The `detail` of a result event. `request` is the delete request as received, if the message contained one."""

    id: str
    request_id: str
    outcome: Outcome
    reason: str
    message: str
    action: str
    target: str | UnsetType = UNSET
    backup_id: str | UnsetType = UNSET
    proof: Proof | UnsetType = UNSET
    request: dict[str, Any] | UnsetType = UNSET


def result_id(request_id: str, redrives: int) -> str:
    """Return the event ID of a request and its redrive count (UUIDv5, RFC 9562)."""
    return str(uuid5(_NAMESPACE, f"{request_id}/{redrives}"))
