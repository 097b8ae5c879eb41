"""Backup records and pages of them, as Cinder and VBS write them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final

import msgspec

from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.record import read_record, unidentified, without_doubled
from vbs_reaper.clouds.apis.interface import Rows
from vbs_reaper.strict_json import find_doubled_keys

PAGE_SIZE: Final = 1000
"""Both services return at most this many rows per page."""


_UNREADABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)


class _Shown(msgspec.Struct, frozen=True):
    backup: msgspec.Raw


def read_backup(
    body: bytes,
    read: Callable[[msgspec.Raw], Backup | None] = read_record,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> Backup | None:
    """Read the response to a GET of one backup. Returns None if it has no readable record.

    `read` reads a record of the API, and `renamed` are the names of its fields in `Backup`, if they differ.

    A key that is named twice has no known value: a proxy may have merged two responses.
    """
    try:
        record = msgspec.json.decode(body, type=_Shown).backup
        doubled, doubled_beside = find_doubled_keys(body, "backup")
    except _UNREADABLE:
        return None
    if "backup" in doubled_beside:
        return unidentified("backup")
    if "id" in doubled:
        return unidentified("id")
    backup = read(record)
    return None if backup is None else without_doubled(backup, {renamed.get(name, name) for name in doubled})


class _Page(msgspec.Struct, frozen=True):
    backups: list[Backup]
    backups_links: msgspec.Raw = msgspec.Raw(b"[]")


class _RawPage(msgspec.Struct, frozen=True):
    backups: list[msgspec.Raw]
    backups_links: msgspec.Raw = msgspec.Raw(b"[]")


def read_rows(body: bytes, date: str | None, page_size: int = PAGE_SIZE) -> Rows | None:
    """Read a page. Returns None if it is not a list, or if a row has no readable ID.

    The links of a page are not followed, because they may lead to any host. But a page that has links has a next page,
    and a service that shows no links has a next page if this one is full.
    """
    page: _Page | _RawPage
    try:
        page = msgspec.json.decode(body, type=_Page)
        backups = page.backups
    except _UNREADABLE:  # because of one field, or of the whole body
        try:
            page = msgspec.json.decode(body, type=_RawPage)
        except _UNREADABLE:
            return None
        backups = [row for raw in page.backups if (row := read_record(raw)) is not None]
        if len(backups) < len(page.backups):
            return None
    has_links = bytes(page.backups_links).strip() not in (b"[]", b"null")
    return Rows(
        backups=backups,
        next=backups[-1].id if backups and (has_links or len(backups) >= page_size) else None,
        date=read_date(date),
    )


def read_date(header: str | None) -> datetime | None:
    """Read a `Date` header (RFC 9110 section 5.6.7). Returns None if it is missing, unreadable or has no zone."""
    try:
        date = parsedate_to_datetime(header or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else None
