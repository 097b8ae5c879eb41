"""Lists every backup of a target's project. An incomplete list refuses the run, because a plan needs all backups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from vbs_reaper.backups.answer import Answer, Page, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.ports import BackupLists
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.calendar.zone import to_micros
from vbs_reaper.purge.inventory import FindHold, Inventory, check_clock
from vbs_reaper.purge.memory import check_memory, needed_mb
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.selection import Selection
from vbs_reaper.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRows:
    """All backups of a target as rows of a plan. `inventory` states where they come from; its `backups` are empty."""

    inventory: Inventory
    rows: Sequence[PlannedBackup]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackLimits:
    """What the stack adds to every policy. `memory_mb` is the memory of the function; None if it is not limited."""

    find_hold: FindHold
    minimum_age: timedelta
    memory_mb: int | None


def describe_target(lists: BackupLists, target: str, time_left: TimeLeft) -> TargetInfo:
    """Log in to the target and return its project, address and settings.

    Raises:
        RunRefused: the login failed.
    """
    info = lists.describe_target(target, time_left)
    if isinstance(info, Answer):
        raise _incomplete(target, info)
    return info


def list_inventory(lists: BackupLists, target: str, clock: Clock, time_left: TimeLeft) -> Inventory:
    """List all backups page by page, and compare the cloud's clock with `clock` on every page.

    Raises:
        RunRefused: the list is incomplete, or the clocks differ too much or cannot be compared.
    """
    info = describe_target(lists, target, time_left)
    backups: list[Backup] = []
    for page in _list_pages(lists, target, info, clock, time_left):
        if page.restarted:
            backups.clear()
        backups += page.backups
    return _inventory(info, backups)


def list_rows(
    lists: BackupLists,
    policy: PurgePolicy,
    clock: Clock,
    time_left: TimeLeft,
    limits: StackLimits,
) -> ListedRows:
    """List all backups as `list_inventory` does, but keep of each record only what a plan by the policy needs.

    `policy.target` must be set.

    Raises:
        RunRefused: the list is incomplete or contradicts itself, the clocks differ too much or cannot be compared, or
            a plan of that many backups does not fit into the memory.
    """
    target = str(policy.target)
    info = describe_target(lists, target, time_left)
    inventory = replace(_inventory(info, ()), find_hold=limits.find_hold, minimum_age=limits.minimum_age)
    memory_mb = limits.memory_mb
    selection, count = Selection(policy, inventory), 0
    for page in _list_pages(lists, target, info, clock, time_left):
        if page.restarted:
            selection.restart()
            count = 0
        count += len(page.backups)
        if memory_mb is not None and needed_mb(count) > memory_mb:
            selection.restart()  # only count the others, to name the size that is needed
        else:
            selection.add(page.backups, to_micros(clock()))
    check_memory(count, memory_mb)
    return ListedRows(inventory=inventory, rows=selection.finish())


def _list_pages(lists: BackupLists, target: str, info: TargetInfo, clock: Clock, time_left: TimeLeft) -> Iterator[Page]:
    has_date = False
    # Project and address are guards: if the secret or the catalog changes while pages are read, backups of two places
    # must not end up in one list.
    for page in lists.list_backups(target, time_left, info.project_id, info.address or None):
        if isinstance(page, Answer):
            raise _incomplete(target, page)
        if page.date is not None:
            check_clock(clock(), page.date)
            has_date = True
        yield page
    if not has_date:
        raise RunRefused(
            Reason.CLOCK_DOUBT,
            f'target "{target}": no response has a Date header, so the cloud\'s clock cannot be checked',
        )


def _inventory(info: TargetInfo, backups: Sequence[Backup]) -> Inventory:
    return Inventory(
        backups=backups,
        service=info.service,
        with_metadata=info.shows_metadata,
        hold_marker=info.hold_marker,
        project_id=info.project_id,
        endpoint=info.address or None,
    )


def _incomplete(target: str, answer: Answer) -> RunRefused:
    message = answer.message if f'"{target}"' in answer.message else f'target "{target}": {answer.message}'
    return RunRefused(Reason.LISTING_INCOMPLETE, f"not all backups could be listed: {message} ({answer.name.value})")
