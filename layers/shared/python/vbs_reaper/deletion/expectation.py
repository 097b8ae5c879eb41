"""Whether the observed backup is the one that the request expects."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET

from vbs_reaper.backups.backup import Backup
from vbs_reaper.deletion.request import Expectation
from vbs_reaper.text import printable


def failed_expectation(expect: Expectation, backup: Backup, *, with_status: bool) -> str | None:
    """Return which expectation fails, what it wants and what was found; None if all hold.

    `with_status` is false once a DELETE was sent, because the DELETE changes the status.
    """
    return next(_mismatches(expect, backup, with_status=with_status), None)


def _mismatches(expect: Expectation, backup: Backup, *, with_status: bool) -> Iterator[str]:
    if expect.volume_id is not None and expect.volume_id != backup.volume_id:
        yield _sentence("volume_id", expect.volume_id, backup.volume_id)
    if expect.created_at is not None and expect.created_at != backup.created_at:
        yield _sentence("created_at", expect.created_at, backup.created_at_text)
    if expect.name is not UNSET and expect.name != backup.name:
        yield _sentence("name", expect.name, backup.name)
    if with_status and expect.status is not None and expect.status != backup.status:
        yield _sentence("status", expect.status, backup.status)


def _sentence(field: str, wanted: object, found: object) -> str:
    return f'"expect.{field}" wants {_quoted(wanted)}; the backup has {_quoted(found)}'


def _quoted(value: object) -> str:
    if value is None:
        return "none"
    return f'"{value.isoformat() if isinstance(value, datetime) else printable(str(value))}"'
