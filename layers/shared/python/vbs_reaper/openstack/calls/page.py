"""A page of a list of backups: rows read straight into `Backup`; one bad row does not lose the others."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.record import read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What one answer to a list says."""

    backups: list[Backup]
    has_more: bool
    """Whether another page is to be asked for. It may be empty."""
    date: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing, in the cloud's order; no backup of an earlier page is in it."""

    backups: tuple[Backup, ...]
    date: datetime | None
    """The cloud's clock as its `Date` header shows it; None where it shows none."""
    begins_anew: bool = False
    """The listing began again from the start: what earlier pages showed no longer counts."""


class _Decoded(msgspec.Struct, frozen=True):
    backups: list[Backup]
    backups_links: msgspec.Raw = msgspec.Raw(b"[]")


class _DecodedRaw(msgspec.Struct, frozen=True):
    backups: list[msgspec.Raw]
    backups_links: msgspec.Raw = msgspec.Raw(b"[]")


def read_rows(body: bytes, date: str | None, page_size: int) -> Rows | None:
    """Read a page; of odd rows what can be read of them. None if it is no list, or a row has no readable id."""
    decoded: _Decoded | _DecodedRaw
    try:
        decoded = msgspec.json.decode(body, type=_Decoded)
        backups = decoded.backups
    except msgspec.ValidationError:
        try:
            decoded = msgspec.json.decode(body, type=_DecodedRaw)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        backups = [row for raw in decoded.backups if (row := read_record(raw)) is not None]
        if len(backups) < len(decoded.backups):
            return None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    # The links themselves are not followed: they may lead to a host nobody should talk to. Only that there are some
    # is of use; and a service that shows none has more whenever the page is full.
    has_links = bytes(decoded.backups_links).strip() not in (b"[]", b"null")
    return Rows(
        backups=backups,
        has_more=bool(backups) and (has_links or len(backups) >= page_size),
        date=_read_date(date),
    )


def _read_date(header: str | None) -> datetime | None:
    """Read a `Date` header (RFC 9110 section 5.6.7); None when it is missing, unreadable or has no zone."""
    try:
        date = parsedate_to_datetime(header or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else None
