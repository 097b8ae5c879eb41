"""Lists every backup of a target's project. An incomplete list refuses the run, because a plan needs all backups."""

from vbs_reaper.backups.answer import Answer, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.ports import BackupLists
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.inventory import Inventory, check_clock
from vbs_reaper.reasons import Reason


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
    has_date = False
    # Project and address are guards: if the secret or the catalog changes while pages are read, backups of two places
    # must not end up in one list.
    for page in lists.list_backups(target, time_left, info.project_id, info.address or None):
        if isinstance(page, Answer):
            raise _incomplete(target, page)
        if page.date is not None:
            check_clock(clock(), page.date)
            has_date = True
        if page.restarted:
            backups.clear()
        backups += page.backups
    if not has_date:
        raise RunRefused(
            Reason.CLOCK_DOUBT,
            f'target "{target}": no response has a Date header, so the cloud\'s clock cannot be checked',
        )
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
