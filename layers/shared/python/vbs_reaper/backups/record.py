"""Reads a backup record: strictly first, then field by field, so that one odd field does not make it unreadable."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from vbs_reaper.backups.backup import Backup, OddBackup

_UNREADABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)
_RECORD: Final = msgspec.json.Decoder(Backup)
_FIELDS: Final = {
    field.encode_name: (field.name, msgspec.json.Decoder(field.type)) for field in msgspec.structs.fields(Backup)
}


def read_record(record: bytes | msgspec.Raw) -> Backup | None:
    """Read one record. Returns None if it is not a JSON object with a string `id`.

    A field that has another JSON type than the API documents is left out and named in `odd_fields`.
    """
    try:
        return _RECORD.decode(record)
    except _UNREADABLE:
        return _read_leniently(record)


def without_doubled(backup: Backup, doubled: Iterable[str]) -> Backup:
    """Return the record without the fields that the response names twice: they are unknown, and in `odd_fields`."""
    twice = frozenset(doubled) & _FIELDS.keys()
    return _without(backup, twice, twice) if twice else backup


def with_odd(backup: Backup, odd: Iterable[str]) -> Backup:
    """Return the record with more fields that cannot be trusted, because they are missing or have an odd value."""
    more = frozenset(odd) - backup.odd_fields
    return _without(backup, more, frozenset()) if more else backup


def _without(backup: Backup, unknown: frozenset[str], twice: frozenset[str]) -> Backup:
    known = {attribute: getattr(backup, attribute) for name, (attribute, _) in _FIELDS.items() if name not in unknown}
    return OddBackup(odd=backup.odd_fields | unknown, twice=twice, **known)


def unidentified(doubled: str) -> Backup:
    """Return the record of a response that names the record or its ID twice: nothing in it is known."""
    return OddBackup(id="", odd=frozenset({doubled}), twice=frozenset({doubled}))


def _read_leniently(record: bytes | msgspec.Raw) -> Backup | None:
    try:
        members = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    except _UNREADABLE:
        return None
    values: dict[str, Any] = {}
    odd: set[str] = set()
    for name, (attribute, decoder) in _FIELDS.items():
        if name in members:
            try:
                values[attribute] = decoder.decode(members[name])
            except _UNREADABLE:
                odd.add(name)
    return OddBackup(odd=frozenset(odd), **values) if "id" in values else None
