"""A purge reads up to a million records, so what an ordinary one costs is bounded: as calls, which are exact."""

import sys
from types import FrameType

from tests.unit.purge.strategies import NOW, PROJECT, inventory, nightly, policy
from vbs_reaper.purge.calendar.zone import to_micros
from vbs_reaper.purge.rules.selection import Selection

CALLS_PER_RECORD = 18


def calls_to_read(count: int) -> int:
    """The number of calls of Python functions in which a selection reads `count` backups of this project."""
    fields = {"service_metadata": ' {"ST": 0}', "os-bak-tenant-attr:tenant_id": PROJECT, "metadata": {}}
    listed = inventory(nightly(count, **fields), with_metadata=True, project_id=PROJECT)
    selection, backups, calls = Selection(policy(), listed), tuple(listed.backups), 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(note)
    try:
        selection.add(backups, to_micros(NOW))
    finally:
        sys.setprofile(None)
    assert all(row.in_set and not row.reasons for row in selection.finish())
    return calls


def test_an_ordinary_record_is_read_in_a_fixed_number_of_calls() -> None:
    calls_to_read(1)  # what is read once and kept
    assert calls_to_read(20) - calls_to_read(10) <= 10 * CALLS_PER_RECORD
