"""Whether a target can be worked with now: one login and one listing, judged; nothing is changed, nothing deleted."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec import UnsetType

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.result import result_id
from vbs_reaper.deletion.verdict.any_answer import HALTS
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.fault import printable
from vbs_reaper.openstack.identity.login import Login
from vbs_reaper.purge.inventory import CLOCK_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vbs_reaper.deletion.ports import Clock
    from vbs_reaper.deletion.ports import TimeLeft
    from vbs_reaper.openstack.backup import Backup
    from vbs_reaper.openstack.backup_api import BackupApi

TARGET_UNHEALTHY: Final = "VBS Target Unhealthy"
READ_ONLY_ROLES: Final = frozenset({"reader", "readonly"})
"""Roles that may look and not delete: Keystone's `reader`, and `readonly`, Open Telekom Cloud's "Tenant Guest"."""

MAY_DELETE: Final = "whether its roles allow a deletion: only a DELETE would tell"
METADATA: Final = "whether backups show their metadata: there is no backup to see it on"
EVERY_BACKUP: Final = "how many backups there are: time was up before the last page"


class TargetReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one check has found. `healthy` null: not judged, as no time was left to ask."""

    target: str
    healthy: bool | None
    reason: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    """The first fault, one sentence; `action` is what to do about it."""
    action: str | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    endpoint: str | UnsetType = UNSET
    api_version: str | UnsetType = UNSET
    roles: tuple[str, ...] = ()
    clock_difference_s: float | UnsetType = UNSET
    """The cloud's clock less ours, from the `Date` of its answer: whole seconds, the call's own time in it."""
    backups: int | UnsetType = UNSET
    oldest: datetime | UnsetType = UNSET
    newest: datetime | UnsetType = UNSET
    unknown: tuple[str, ...] = ()
    """What this check cannot know."""


class TargetUnhealthy(msgspec.Struct, frozen=True, kw_only=True):
    """The `detail` of the event: one per check and target that is found unhealthy."""

    id: str
    outcome: str
    target: str
    reason: str
    message: str
    action: str


def unhealthy_event(report: TargetReport, check_id: str) -> TargetUnhealthy | None:
    """The event of a report; None where nothing is wrong. `check_id` names the check: a repeat has the same id."""
    if report.healthy is not False:
        return None
    return TargetUnhealthy(
        id=result_id(f"{check_id}/{report.target}", 0),
        outcome="unhealthy",
        target=report.target,
        reason=report.reason or "",
        message=report.message or "",
        action=report.action or "",
    )


@dataclass(slots=True)
class _Seen:
    """What a listing has shown so far."""

    backups: int = 0
    made: list[datetime] = field(default_factory=list)
    clock_difference: timedelta | None = None
    lacking: str | None = None
    """The first needed field that a backup does not show."""
    odd: str | None = None
    """What is wrong with the first backup that shows a needed field with an unexpected type."""
    readable: int = 0
    """Backups that show every needed field."""
    is_complete: bool = True
    failure: Answer | None = None

    def add(self, backup: Backup, *, with_metadata: bool) -> None:
        self.backups += 1
        if backup.created_at is not None:
            self.made.append(backup.created_at)
        missing = backup.missing_field(with_metadata=with_metadata)
        if missing is None:
            self.readable += 1
        elif missing in backup.odd_fields:
            self.odd = self.odd or backup.complaint(missing)
        else:
            self.lacking = self.lacking or missing

    def forget(self) -> None:
        self.backups, self.readable, self.lacking, self.odd = 0, 0, None, None
        self.made.clear()


class TargetCheck:
    """Checks targets. It logs in as every call does, so a refused version of a secret is not sent again."""

    def __init__(self, backups: BackupApi, clock: Clock) -> None:
        self._backups = backups
        self._clock = clock

    def check(self, target: str, time_left: TimeLeft) -> TargetReport:
        """Log in, list, judge. Whatever the cloud does, a report comes of it."""
        login = self._backups.enter(target, time_left)
        if isinstance(login, Answer):
            return _failed(TargetReport(target=target, healthy=None), login)
        seen = self._list(target, login, time_left)
        report = _facts(target, login, seen)
        if seen.failure is not None:
            return _failed(report, seen.failure)
        fault = _fault(login, seen)
        if fault is None:
            return msgspec.structs.replace(report, healthy=True)
        return _unhealthy(report, *fault)

    def _list(self, target: str, login: Login, time_left: TimeLeft) -> _Seen:
        seen = _Seen()
        for page in self._backups.list_backups(target, time_left, login.project_id, login.root):
            if isinstance(page, Answer):
                if page.name is AnswerName.OUT_OF_TIME and seen.backups:
                    seen.is_complete = False
                else:
                    seen.failure = page
                break
            if page.begins_anew:
                seen.forget()
            if page.date is not None and seen.clock_difference is None:
                seen.clock_difference = page.date - self._clock()
            for backup in page.backups:
                seen.add(backup, with_metadata=login.view.shows_metadata)
        return seen


def _facts(target: str, login: Login, seen: _Seen) -> TargetReport:
    unknown = {
        MAY_DELETE: not _only_looks(login),
        METADATA: login.view.shows_metadata and not seen.backups and seen.failure is None,
        EVERY_BACKUP: not seen.is_complete,
    }
    return TargetReport(
        target=target,
        healthy=None,
        project_id=login.project_id,
        endpoint=login.root,
        api_version=login.api_version,
        roles=tuple(map(printable, login.roles)),
        clock_difference_s=UNSET if seen.clock_difference is None else seen.clock_difference.total_seconds(),
        backups=UNSET if seen.failure else seen.backups,
        oldest=min(seen.made, default=UNSET),
        newest=max(seen.made, default=UNSET),
        unknown=_true(unknown),
    )


def _fault(login: Login, seen: _Seen) -> tuple[Reason, str] | None:
    if _only_looks(login):
        roles = ", ".join(map(printable, login.roles))
        return Reason.FORBIDDEN, f"its user has no role but {roles}, which may look and not delete"
    if seen.clock_difference is not None and abs(seen.clock_difference) > CLOCK_LIMIT:
        apart = round(seen.clock_difference.total_seconds())
        way = "ahead of" if apart > 0 else "behind"
        return (
            Reason.CLOCK_DOUBT,
            f"the cloud's clock is {abs(apart)} s {way} ours; {CLOCK_LIMIT.seconds} s are allowed",
        )
    if seen.lacking is not None:
        return Reason.UNKNOWN_FIELD, f'its backups lack "{seen.lacking}" in API {login.api_version}'
    if seen.odd is not None and not seen.readable:  # one odd record among others is no fault of the target
        return Reason.UNKNOWN_FIELD, f"each of its backups {seen.odd} in API {login.api_version}"
    return None


def _only_looks(login: Login) -> bool:
    roles = {role.strip().casefold() for role in login.roles}
    return bool(roles) and roles <= READ_ONLY_ROLES


def _failed(report: TargetReport, answer: Answer) -> TargetReport:
    if answer.name is AnswerName.OUT_OF_TIME:
        return msgspec.structs.replace(
            report, reason=Reason.OUT_OF_TIME.value, message=answer.message, action=Reason.OUT_OF_TIME.action
        )
    return _unhealthy(report, _reason(answer.name), answer.message)


def _unhealthy(report: TargetReport, reason: Reason, message: str) -> TargetReport:
    named = f'target "{report.target}": '
    return msgspec.structs.replace(
        report,
        healthy=False,
        reason=reason.value,
        message=named + message.removeprefix(named),
        action=reason.action,
    )


def _reason(answer: AnswerName) -> Reason:
    """What halts has its reason; the other answers are called as their reasons are, or are none that a list has."""
    if answer in HALTS:
        return HALTS[answer]
    if answer is AnswerName.UNEXPECTED_CLIENT_ERROR:
        return Reason.UNEXPECTED_STATUS
    return next((reason for reason in Reason if reason.value == answer.value), Reason.UNEXPECTED_ANSWER)


def _true(statements: Mapping[str, bool]) -> tuple[str, ...]:
    return tuple(statement for statement, is_so in statements.items() if is_so)
