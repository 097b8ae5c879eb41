"""Every backup of a target's project, or the refusal of the run: a list cut short is never planned on."""

from vbs_reaper.deletion.ports import Clock
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.inventory import check_clock
from vbs_reaper.purge.ports import BackupLists


def view_target(lists: BackupLists, target: str, time_left: TimeLeft) -> TargetView:
    """Log in and tell whose project it is.

    Raises:
        PurgeRefused: nobody can log in.
    """
    view = lists.view_target(target, time_left)
    if isinstance(view, Answer):
        raise _incomplete(target, view)
    return view


def list_inventory(lists: BackupLists, target: str, clock: Clock, time_left: TimeLeft) -> Inventory:
    """List everything, page by page, the cloud's clock held against ours on every page.

    Raises:
        PurgeRefused: the list is incomplete, or a clock is in doubt.
    """
    view = view_target(lists, target, time_left)
    backups: list[Backup] = []
    has_date = False
    # Project and address are guards: a secret or a catalogue that changes meanwhile must not mix two places' backups.
    for page in lists.list_backups(target, time_left, view.project_id, view.address or None):
        if isinstance(page, Answer):
            raise _incomplete(target, page)
        if page.date is not None:
            check_clock(clock(), page.date)
            has_date = True
        if page.begins_anew:
            backups.clear()
        backups += page.backups
    if not has_date:
        raise PurgeRefused(
            Reason.CLOCK_DOUBT, f'target "{target}": no answer has a Date, so its clock cannot be held against ours'
        )
    return Inventory(
        backups=backups,
        service=view.service,
        with_metadata=view.shows_metadata,
        hold_marker=view.hold_marker,
        project_id=view.project_id,
        endpoint=view.address or None,
    )


def _incomplete(target: str, answer: Answer) -> PurgeRefused:
    named = answer.message if f'"{target}"' in answer.message else f'target "{target}": {answer.message}'
    return PurgeRefused(Reason.LISTING_INCOMPLETE, f"not all backups could be listed: {named} ({answer.name.value})")
