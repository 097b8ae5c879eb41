"""Whether the backup is the one a request expects, by what the look before the DELETE shows."""

from collections.abc import Iterator

from msgspec import UNSET

from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.request import instant
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.fault import printable


def failed_expectation(request: DeleteRequest, backup: Backup) -> str | None:
    """Say which expectation fails, what it wants and what was found; None when all hold."""
    if request.expect is UNSET:
        return None
    return next(_mismatches(request, backup), None)


def _mismatches(request: DeleteRequest, backup: Backup) -> Iterator[str]:
    expect = request.expect
    if expect is UNSET:
        return
    if expect.volume_id is not UNSET and expect.volume_id != backup.volume_id:
        yield _sentence("volume_id", expect.volume_id, backup.volume_id)
    if expect.created_at is not UNSET and instant(expect.created_at) != backup.created_at:
        yield _sentence("created_at", expect.created_at, backup.created_at_text)
    if expect.name is not UNSET and expect.name != backup.name:
        yield _sentence("name", expect.name, backup.name)


def _sentence(field: str, wanted: object, found: object) -> str:
    return f'"expect.{field}" wants {_quoted(wanted)}; the backup has {_quoted(found)}'


def _quoted(value: object) -> str:
    return "none" if value is None else f'"{printable(str(value))}"'
