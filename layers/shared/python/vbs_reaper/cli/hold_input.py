"""Reads and checks what a person gives for a hold: the ID, the end, the reason, and a file with holds of a stack."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.backups.holds import HoldKind
from vbs_reaper.backups.identifiers import UUID
from vbs_reaper.cli.files import BYTE_ORDER_MARK, read_file
from vbs_reaper.errors import CommandError
from vbs_reaper.text import printable
from vbs_reaper.timestamps import read_instant

REASON_LENGTH: Final = 256
_EXAMPLES: Final = (
    "a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z, or leave it out to hold until it is released"
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RUN: Final = re.compile(r"[\w.-]+/(?:[\w.-]+|\*)", re.ASCII)
_UNKNOWN_REASON: Final = "the reason in the other stack could not be read"


def read_id(option: str, text: str) -> str:
    """Return the ID of a backup or volume in lower case.

    Raises:
        CommandError: it is not a UUID.
    """
    lower = text.strip().lower()
    if not UUID.fullmatch(lower):
        raise CommandError(
            f'{option} is "{printable(text[:64])}"; give a UUID such as 1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11'
        )
    return lower


def read_until(text: str | None, now: datetime) -> datetime | None:
    """Return when a hold ends, in UTC; None without a text. A date means the end of that day in UTC.

    Raises:
        CommandError: it is neither a date nor a time with a time zone, or has passed.
    """
    if text is None:
        return None
    until = _end_of_day(text) if _DATE.fullmatch(text) else _instant(text)
    if until is None:
        raise CommandError(f'--until is "{printable(text[:40])}"; give {_EXAMPLES}')
    if until <= now:
        raise CommandError(f'--until is "{printable(text[:40])}", which has passed; give {_EXAMPLES}')
    return until


def read_reason(text: str | None) -> str:
    """Return the reason.

    Raises:
        CommandError: it is missing, too long, or contains characters that cannot be printed.
    """
    if text is None or not text.strip():
        raise CommandError("--reason is missing; say why, for those who will read it in a year")
    if len(text) > REASON_LENGTH or not text.isprintable():
        raise CommandError(f"--reason must be 1 to {REASON_LENGTH} printable characters, without line breaks")
    return text.strip()


class GivenHold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold of a file that `holds --json` wrote; other members are ignored."""

    kind: HoldKind
    id: str
    until: datetime | None
    reason: str = _UNKNOWN_REASON
    target: str | UnsetType = UNSET
    backup_name: str | UnsetType = UNSET

    def is_valid(self) -> bool:
        """Return whether a hold can be on this ID, and end at this time."""
        pattern = _RUN if self.kind is HoldKind.RUN else UUID
        is_time = self.until is None or self.until.tzinfo is not None
        return is_time and pattern.fullmatch(self.id if self.kind is HoldKind.RUN else self.id.lower()) is not None


class _HoldsFile(msgspec.Struct, frozen=True):
    holds: list[GivenHold]


def read_holds_file(path: Path) -> list[GivenHold]:
    """Read the holds of another stack.

    Raises:
        CommandError: the file cannot be read, or is not what `vbs-reaper holds --json` prints.
    """
    try:
        content = read_file(path).removeprefix(BYTE_ORDER_MARK.encode())
        holds = msgspec.json.decode(content, type=_HoldsFile).holds
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: is not the output of `vbs-reaper holds --json`: {printable(str(error))}") from None
    for position, hold in enumerate(holds):
        if not hold.is_valid():
            raise CommandError(f'{path}: holds[{position}] is on "{printable(hold.id[:64])}", which is not a valid ID')
    return holds


def _end_of_day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _instant(text: str) -> datetime | None:
    """Read an RFC 3339 time. A fraction of a second is rounded up: the key has whole seconds, and a hold ends late."""
    try:
        has_zone = datetime.fromisoformat(text.upper()).tzinfo is not None
    except ValueError:
        return None
    instant = read_instant(text.upper()) if has_zone else None
    try:
        is_whole = instant is None or not instant.microsecond
        return instant if is_whole or instant is None else instant.replace(microsecond=0) + timedelta(seconds=1)
    except OverflowError:
        return None
