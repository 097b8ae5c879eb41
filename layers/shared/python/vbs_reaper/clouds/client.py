"""Shows, lists and deletes the backups of any target. Implements `backups.ports`."""

from __future__ import annotations

import time
from random import random
from threading import Lock
from typing import TYPE_CHECKING, Final

from msgspec import UNSET
from msgspec.structs import replace

from vbs_reaper.backups.answer import Answer, AnswerName, Listing, Operation, Page, TargetInfo
from vbs_reaper.clouds.apis.interface import Call, Rows
from vbs_reaper.clouds.caller import Caller
from vbs_reaper.clouds.login.login_guard import PATIENCE_S, LoginGuard
from vbs_reaper.clouds.login.sessions import CALL_S, SessionCache, out_of_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Set

    from vbs_reaper.backups.backup import Backup
    from vbs_reaper.backups.identifiers import ProjectId
    from vbs_reaper.backups.ports import BackupRef
    from vbs_reaper.clock import Clock, TimeLeft
    from vbs_reaper.clouds.http.transport import Transports
    from vbs_reaper.clouds.ports import CallMetrics, LoginStore, TargetSecrets

RESTARTS: Final = 3
"""How often a listing starts again because the backup it continues after was deleted meanwhile."""

_INCONCLUSIVE: Final = frozenset(
    {AnswerName.MAYBE_GONE, AnswerName.DELETION_FAILED, AnswerName.FORBIDDEN, AnswerName.TIMED_OUT}
)
"""Answers to a call that should confirm that a backup is gone, after which the next such call is made.

A list that takes too long is not about the target: the GET before it was answered in time.
"""

_FAILED: Final = frozenset({AnswerName.SERVER_ERROR, AnswerName.BUSY, AnswerName.CONNECTION_LOST})
"""Answers after which the next such call is made too, because they may concern this call only. If no other call
confirms that the backup is gone, the first of them is the answer. None of them halts the target."""

VOLUME_PAGES: Final = 8
"""Maximum number of pages that are read to list the backups of one volume, restarts included."""

VOLUME_LIST_S: Final = 10.0
"""After this time no further page of such a list is requested."""

VOLUME_LIST_WAIT_S: Final = 2.0
"""How long to wait until another list of this kind is finished."""

VOLUME_BACKUPS: Final = 1000
"""A list of the backups of one volume ends with the page on which it has this many."""


class CloudClient:
    """The backup services of all targets. Keeps connections and tokens: create one per execution environment.

    Thread-safe.
    """

    def __init__(
        self,
        *,
        secrets: TargetSecrets,
        metrics: CallMetrics,
        clock: Clock,
        transports: Transports,
        logins: LoginStore,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random,
    ) -> None:
        """`patience_s` is how long a call waits for a login of the same user in another execution environment."""
        guard = LoginGuard(logins, clock, sleep, jitter, patience_s)
        self._sessions = SessionCache(secrets, transports, metrics, clock, guard)
        self._caller = Caller(self._sessions, metrics, clock, sleep)
        self._volume_lists = Lock()

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        """Log in if needed and describe the target. Returns an `Answer` if the login failed."""
        login = self._sessions.login(target, time_left)
        return login if isinstance(login, Answer) else login.info

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Observe the backup (GET), with the further calls that some answers need."""
        answer = self._one(Operation.SHOW_BACKUP, ref, time_left)
        if not answer.follow_up or (answer.backup is not None and not ref.wants_fail_reason):
            return answer
        if answer.target is not None:  # all calls are about one place
            ref = replace(ref, project_id=answer.target.project_id, address=answer.target.address)
        follow = self._confirm if answer.backup is None else self._explain
        return follow(answer, ref, time_left)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Request its deletion (DELETE)."""
        return self._one(Operation.DELETE_BACKUP, ref, time_left)

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        """List the backups of a volume, newest first. Returns an `Answer` if that failed.

        The list ends at the limits of this module.
        """
        first = Call(
            operation=Operation.LIST_BACKUPS,
            target=ref.target,
            project_id=ref.project_id,
            address=ref.address,
            volume_id=volume_id,
            recorder=ref.recorder,
        )
        # One list at a time: several large ones would exceed the memory of the function. The list only sets how long a
        # request waits, so it is not worth a long wait for the list of another target.
        if not self._volume_lists.acquire(timeout=max(0.0, min(VOLUME_LIST_WAIT_S, time_left() - CALL_S))):
            return out_of_time()
        try:
            return self._list_volume(first, volume_id, time_left)
        finally:
            self._volume_lists.release()

    def _list_volume(self, first: Call, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        backups: list[Backup] = []
        ends_with_s = time_left() - VOLUME_LIST_S
        for number, page in enumerate(self._list(first, time_left), start=1):
            if isinstance(page, Answer):
                return page
            if page.restarted:
                backups.clear()
            # A service that does not know the filter lists the backups of all volumes.
            backups += (backup for backup in page.backups if backup.volume_id == volume_id)
            if number == VOLUME_PAGES or len(backups) >= VOLUME_BACKUPS or time_left() < ends_with_s:
                break
        return Listing(backups=tuple(backups))

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        """List all backups of a project page by page, each ID once. An `Answer` ends a list that is not complete.

        If `project_id` or `address` is given, no page is requested from another project or another address.
        """
        first = Call(operation=Operation.LIST_BACKUPS, target=target, project_id=project_id, address=address)
        return self._list(first, time_left)

    def _explain(self, answer: Answer, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Make the call that may say why the deletion of the backup failed."""
        found = self._one(answer.follow_up[0], ref, time_left)
        reason = found.message if found.name is AnswerName.DELETION_FAILED else UNSET
        return replace(answer, backup=answer.backup and replace(answer.backup, fail_reason=reason))

    def _confirm(self, answer: Answer, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Make the calls that may confirm that the backup is gone, until one of them does."""
        tried = []
        failure: Answer | None = None
        for operation in answer.follow_up:
            found = self._one(operation, ref, time_left)
            if found.name is AnswerName.GONE:
                return replace(answer, name=AnswerName.GONE)
            if found.name in _FAILED:
                failure = failure or found
            elif found.name not in _INCONCLUSIVE:
                return found
            tried.append(f"{operation} ({found.message})")
        return failure or replace(answer, message=f"{answer.message} Not confirmed by {', '.join(tried)}")

    def _one(self, operation: Operation, ref: BackupRef, time_left: TimeLeft) -> Answer:
        call = Call(
            operation=operation,
            target=ref.target,
            backup_id=ref.backup_id,
            volume_id=ref.volume_id,
            project_id=ref.project_id,
            address=ref.address,
            not_after=ref.not_after if operation is Operation.DELETE_BACKUP else None,
            recorder=ref.recorder,
        )
        answer = self._caller.make(call, time_left)
        if isinstance(answer, Rows):
            raise TypeError(f"{operation} returned a page")
        return answer

    def _list(self, first: Call, time_left: TimeLeft) -> Iterator[Page | Answer]:
        seen: set[str] = set()
        marker: str | None = None
        restarts = 0
        restarted = False
        while True:
            rows = self._caller.make(replace(first, marker=marker), time_left)
            is_broken = rows.name is AnswerName.GONE if isinstance(rows, Answer) else _skips_rows(rows, seen)
            if is_broken and restarts < RESTARTS:
                restarts += 1
                restarted = True
                marker = None
                seen.clear()
                continue
            if is_broken or isinstance(rows, Answer):
                yield rows if isinstance(rows, Answer) else _unavailable("the list of backups changes while it is read")
                return
            new = [backup for backup in rows.backups if backup.id not in seen]
            seen.update([backup.id for backup in new])
            yield Page(backups=tuple(new), date=rows.date, restarted=restarted)
            restarted = False
            if rows.next is None or (not new and rows.overlaps and rows.total is None):
                return
            if not new:
                yield _unavailable("the list of backups repeats itself")
                return
            marker = rows.next


def _skips_rows(rows: Rows, seen: Set[str]) -> bool:
    """Whether rows may be missing between this page and the previous one, or at the end of the list."""
    if rows.overlaps and seen.isdisjoint(backup.id for backup in rows.backups):
        return True
    if rows.next is not None or rows.total is None:
        return False
    return len(seen | {backup.id for backup in rows.backups}) < rows.total


def _unavailable(message: str) -> Answer:
    return Answer(name=AnswerName.UNAVAILABLE, message=message)
