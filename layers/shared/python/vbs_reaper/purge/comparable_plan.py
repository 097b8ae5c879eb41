"""Searches the stored plans of a policy for the newest one that selects by the same rules.

Plans with other rules, such as previews of them, may be newer. The search ends at an age, because an older plan would
not count for a grace, and after a number of plans, because each must be opened.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Final

from vbs_reaper.purge.calendar.zone import Micros
from vbs_reaper.purge.plan_file import read_header_pieces
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import StoredDocument
from vbs_reaper.purge.stored_time import check_storage_time

FEWEST: Final = 10
"""How many plans are opened whatever their age: a policy that seldom runs is also compared with its last plan."""
MOST: Final = 200
"""How many plans are opened at most. Each takes a call to S3."""


def find_comparable(
    newest_first: Iterable[StoredDocument],
    policy: PurgePolicy,
    oldest: datetime,
    is_usable: Callable[[Micros], bool],
) -> StoredDocument | None:
    """Return the first plan that selects by the same rules and whose `made_at` is usable; None if none was found.

    Raises:
        InvalidPlan: a plan on the way cannot be read, or was not stored when it states that it was made.
    """
    for position, document in enumerate(islice(newest_first, MOST)):
        if position >= FEWEST and document.stored_at < oldest:
            return None
        header = read_header_pieces(document.pieces())
        check_storage_time(header.made_at, document.stored_at)
        if policy.selects_like(header.policy) and is_usable(header.made_at):
            return document
    return None
