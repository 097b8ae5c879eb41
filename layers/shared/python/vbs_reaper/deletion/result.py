"""How a request ended, as the event the bus hears. One request and redrive, one id: a consumer can drop repeats."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from typing import Final
from uuid import UUID
from uuid import uuid5

import msgspec
from msgspec import UNSET
from msgspec import UnsetType

SOURCE: Final = "vbs-reaper"
REQUESTED: Final = "VBS Backup Delete Requested"
_NAMESPACE: Final = UUID("7e0d9c7b-5d0c-5f0e-9a53-4a7b8f1d2c60")


class Outcome(StrEnum):
    """A decision as it is counted and published."""

    DELETED = "deleted"
    ALREADY_GONE = "already_gone"
    REFUSED = "refused"
    PARKED = "parked"
    ASKED = "asked"
    WAITING = "waiting"
    HALTED = "halted"


DETAIL_TYPES: Final = {
    Outcome.DELETED: "VBS Backup Deleted",
    Outcome.ALREADY_GONE: "VBS Backup Already Gone",
    Outcome.REFUSED: "VBS Backup Delete Refused",
    Outcome.PARKED: "VBS Backup Delete Parked",
}
"""The outcomes that are ends, and what the bus calls them."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that proved the backup gone: the cloud's own request id, its status, and when it came."""

    request_id: str
    status: int
    at: datetime


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The `detail` of a result event. `request` is the delete request as it came, where the message held one."""

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
    """Name the one end of a request and its redrive count (UUIDv5, RFC 9562)."""
    return str(uuid5(_NAMESPACE, f"{request_id}/{redrives}"))
