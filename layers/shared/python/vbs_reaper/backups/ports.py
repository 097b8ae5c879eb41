"""What the use cases need of a backup service. `clouds` implements it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from vbs_reaper.backups.answer import Answer, CallRecord, Listing, Page, TargetInfo
from vbs_reaper.backups.holds import Hold, HoldRecord
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.clock import TimeLeft

CallRecorder = Callable[[CallRecord], None]
"""Receives a record of every HTTP exchange of a call, in order."""


def _discard(_record: CallRecord) -> None:
    """Discard the record."""


class BackupRef(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies the one backup a call is about.

    No call is made if `project_id` or `address` differs from the target's. Before the first GET of a pass, `project_id`
    is what the request states; after it, both are those of the place where the backup was observed.
    """

    target: str
    backup_id: BackupId
    project_id: ProjectId | None = None
    address: str | None = None
    volume_id: str | None = None
    """The volume of the backup, as it was observed; None if it never was."""
    not_after: datetime | None = None
    """A DELETE is not sent, and not repeated, after this time: the backup may have changed since it was observed."""
    wants_fail_reason: bool = True
    """Whether to find out why a failed backup has failed, if that takes another call."""
    recorder: CallRecorder = _discard


class BackupService(Protocol):
    """Observes and deletes single backups of any target.

    A call logs in if needed and is repeated at most once per cause. What the cloud does is returned as a value; an
    exception is a fault of this software. Every method may be called from several threads at once.
    """

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Observe the backup (GET)."""
        ...

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Request its deletion (DELETE)."""
        ...

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        """List the backups of a volume. Returns an `Answer` if that failed."""
        ...


class HoldStore(Protocol):
    """The holds of the stack."""

    def list_holds(self) -> Sequence[Hold]:
        """Return all holds, also those that have ended.

        Raises:
            BucketUnusable: they cannot be listed, or one of them is not understood.
        """
        ...

    def read_record(self, hold: Hold) -> HoldRecord | None:
        """Return what a hold says to people; None if that cannot be read."""
        ...


class BackupLists(Protocol):
    """Lists the backups of a target's project. Changes nothing."""

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        """Log in if needed and describe the target. Returns an `Answer` if the login failed."""
        ...

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        """List all backups of a project page by page. An `Answer` ends a list that is not complete.

        If `project_id` or `address` is given, no page is requested from another project or another address.
        """
        ...
