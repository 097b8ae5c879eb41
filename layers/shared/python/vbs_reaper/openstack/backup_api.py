"""Show, list and delete the backups of any target: the adapter behind `deletion.ports.BackupService`."""

import time
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vbs_reaper.deletion.ports import BackupRef
from vbs_reaper.deletion.ports import Clock
from vbs_reaper.deletion.ports import Heard
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import Listing
from vbs_reaper.openstack.answer import Operation
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.answer import read_answer
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.calls.backup_request import PAGE_SIZE
from vbs_reaper.openstack.calls.backup_request import delete_request
from vbs_reaper.openstack.calls.backup_request import list_request
from vbs_reaper.openstack.calls.backup_request import show_request
from vbs_reaper.openstack.calls.page import Page
from vbs_reaper.openstack.calls.page import Rows
from vbs_reaper.openstack.calls.page import read_rows
from vbs_reaper.openstack.calls.service_calls import Call
from vbs_reaper.openstack.calls.service_calls import ServiceCalls
from vbs_reaper.openstack.exchange import Reply
from vbs_reaper.openstack.identity.login import Login
from vbs_reaper.openstack.keystone import Keystone
from vbs_reaper.openstack.ports import Calls
from vbs_reaper.openstack.ports import TargetSecrets
from vbs_reaper.openstack.transport import Transports

BACKUP_BYTES: Final = 64 * 1024
PAGE_BYTES: Final = 16 * 1024 * 1024
"""The most of an answer that is read, for one backup and for a page of them."""

RESTARTS: Final = 3
"""How often a listing begins anew because its marker was deleted meanwhile."""


class BackupApi:
    """The backup services of all targets. Keeps connections and tokens: build it once per environment. Thread-safe."""

    def __init__(
        self,
        *,
        secrets: TargetSecrets,
        calls: Calls,
        clock: Clock,
        transports: Transports,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._keystone = Keystone(secrets, transports, calls, clock)
        self._service = ServiceCalls(self._keystone, calls, clock, sleep)

    def enter(self, target: str, time_left: TimeLeft) -> Login | Answer:
        """Give the login that every other call uses too, made now if there is none."""
        return self._keystone.enter(target, time_left)

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Look at the backup (GET)."""
        call: Call[Answer] = Call(
            target=ref.target,
            project_id=ref.project_id,
            address=ref.address,
            operation=Operation.SHOW_BACKUP,
            request=lambda login: show_request(login, ref.backup_id),
            read=lambda reply, now: _read(Operation.SHOW_BACKUP, ref.backup_id, reply, now),
            body_limit=BACKUP_BYTES,
            backup_id=ref.backup_id,
            heard=ref.heard,
        )
        return self._service.make(call, time_left)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Ask for its deletion (DELETE)."""
        call: Call[Answer] = Call(
            target=ref.target,
            project_id=ref.project_id,
            address=ref.address,
            operation=Operation.DELETE_BACKUP,
            not_after=ref.not_after,
            request=lambda login: delete_request(login, ref.backup_id),
            read=lambda reply, now: _read(Operation.DELETE_BACKUP, ref.backup_id, reply, now),
            body_limit=BACKUP_BYTES,
            backup_id=ref.backup_id,
            heard=ref.heard,
        )
        return self._service.make(call, time_left)

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        """List the backups of a volume; an `Answer` where that failed."""
        backups: list[Backup] = []
        wanted = _Wanted(
            target=ref.target,
            project_id=ref.project_id,
            address=ref.address,
            volume_id=volume_id,
            heard=ref.heard,
        )
        for page in self._list(wanted, time_left):
            if isinstance(page, Answer):
                return page
            if page.begins_anew:
                backups.clear()
            # A service that does not know the filter shows every volume's.
            backups += (backup for backup in page.backups if backup.volume_id == volume_id)
        return Listing(backups=tuple(backups))

    def view_target(self, target: str, time_left: TimeLeft) -> TargetView | Answer:
        """Tell what a decision must know of a target; an `Answer` where nobody can log in."""
        return self._service.view_target(target, time_left)

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        """List all backups of a project, page by page, each id once; an `Answer` ends a list that is not complete.

        With a project and an address, no page is asked for if the target is of another project or at another address.
        """
        return self._list(_Wanted(target=target, project_id=project_id, address=address), time_left)

    def _list(self, wanted: "_Wanted", time_left: TimeLeft) -> Iterator[Page | Answer]:
        seen: set[str] = set()
        marker: str | None = None
        restarts = 0
        begins_anew = False
        while True:
            rows = self._service.make(wanted.page_after(marker), time_left)
            if isinstance(rows, Answer):
                if rows.name is not AnswerName.GONE or restarts == RESTARTS:
                    yield rows
                    return
                restarts += 1
                begins_anew = True
                marker = None
                seen.clear()
                continue
            fresh = tuple(backup for backup in rows.backups if backup.id not in seen)
            seen.update(backup.id for backup in fresh)
            yield Page(backups=fresh, date=rows.date, begins_anew=begins_anew)
            begins_anew = False
            if not rows.has_more:
                return
            if not fresh:
                yield Answer(name=AnswerName.UNAVAILABLE, message="the list of backups repeats itself")
                return
            marker = rows.backups[-1].id


def _read(operation: Operation, backup_id: BackupId, reply: Reply, now: datetime) -> Answer:
    return read_answer(operation, backup_id, reply.status, reply.headers, reply.body, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Which list: all backups of a target or those of a volume, behind which guards."""

    target: str
    project_id: ProjectId | None = None
    address: str | None = None
    volume_id: str | None = None
    heard: Heard | None = None

    def page_after(self, marker: str | None) -> Call[Rows]:
        """The call for the page behind a backup, or for the first."""

        def read(reply: Reply, now: datetime) -> Rows | Answer:
            rows = read_rows(reply.body, reply.headers.get("date"), PAGE_SIZE) if reply.status == 200 else None
            return rows or _read(Operation.LIST_BACKUPS, BackupId(marker or ""), reply, now)

        return Call(
            target=self.target,
            project_id=self.project_id,
            address=self.address,
            operation=Operation.LIST_BACKUPS,
            request=lambda login: list_request(login, marker=marker, volume_id=self.volume_id),
            read=read,
            body_limit=PAGE_BYTES,
            heard=self.heard,
        )
