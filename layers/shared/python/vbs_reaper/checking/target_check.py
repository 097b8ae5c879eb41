"""Checks whether a target can be used now: one login and one listing. Nothing is changed or deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.clock import MAX_CLOCK_SKEW
from vbs_reaper.deletion.decide import HALTS
from vbs_reaper.deletion.result import result_id
from vbs_reaper.reasons import Reason
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vbs_reaper.backups.answer import Service, TargetInfo
    from vbs_reaper.backups.backup import Backup
    from vbs_reaper.backups.ports import BackupLists
    from vbs_reaper.clock import Clock, TimeLeft

TARGETS_LIMIT: Final = 50
"""Maximum number of targets that one invocation checks."""
TARGET_UNHEALTHY: Final = "VBS Target Unhealthy"
READ_ONLY_ROLES: Final = frozenset({"reader", "readonly"})
"""Roles that may list but not delete: Keystone's `reader`, and `readonly`, Open Telekom Cloud's "Tenant Guest"."""

ROLES_TO_GRANT: Final[Mapping[Service, str]] = {
    "vbs": "VBS Administrator, Server Administrator and Tenant Guest",
    "cinder": "member",
    "cbr": "CBR BackupsAndVaultsFullAccess",
}
"""The roles that may delete backups. The operator guide shows which finer rights are enough for CBR."""
PREVIEWS: Final[frozenset[Service]] = frozenset({"cbr"})
"""The services that no real account has confirmed yet."""

DELETE_PERMISSION: Final = "whether its roles allow a deletion: only a DELETE would tell"
ROLES: Final = "which roles its user has, and whether admin is one of them: an access key does not show roles"
METADATA: Final = "whether backups show their metadata: there is no backup to see it on"
PREVIEW: Final = "whether the service behaves as documented: its support is a preview, not tested with a real account"
BACKUP_COUNT: Final = "how many backups there are: time was up before the last page"


_NOT_JUDGED: Final = {AnswerName.OUT_OF_TIME: Reason.OUT_OF_TIME, AnswerName.LOGIN_BUSY: Reason.LOGIN_BUSY}
"""Answers without a call, which say nothing about the target."""


class TargetReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one check found. `healthy` is null if the target could not be checked now."""

    target: str
    healthy: bool | None
    reason: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    """The first fault, as one sentence; `action` says what to do about it."""
    action: str | UnsetType = UNSET
    service: str | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    endpoint: str | UnsetType = UNSET
    api_version: str | UnsetType = UNSET
    roles: tuple[str, ...] = ()
    clock_difference_s: float | UnsetType = UNSET
    """The cloud's clock minus ours, from the `Date` header: whole seconds, including the duration of the call."""
    backups: int | UnsetType = UNSET
    oldest: datetime | UnsetType = UNSET
    newest: datetime | UnsetType = UNSET
    unknown: tuple[str, ...] = ()
    """What this check cannot know."""


class TargetUnhealthy(msgspec.Struct, frozen=True, kw_only=True):
    """The `detail` of the event: one per check and unhealthy target."""

    id: str
    outcome: str
    target: str
    reason: str
    message: str
    action: str


def unhealthy_event(report: TargetReport, check_id: str) -> TargetUnhealthy | None:
    """Return the event of an unhealthy target, else None. A repeat with the same `check_id` has the same event ID."""
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
class _Listed:
    """What the listing has shown so far."""

    backups: int = 0
    created: list[datetime] = field(default_factory=list)
    clock_difference: timedelta | None = None
    missing_field: str | None = None
    """The first needed field that a backup does not show."""
    odd_field: str | None = None
    """What is wrong with the first backup that shows a needed field with an unexpected type."""
    readable: int = 0
    """How many backups show every needed field."""
    is_complete: bool = True
    failure: Answer | None = None

    def add(self, backup: Backup, *, with_metadata: bool) -> None:
        self.backups += 1
        if backup.created_at is not None:
            self.created.append(backup.created_at)
        missing = backup.missing_field(with_metadata=with_metadata)
        if missing is None:
            self.readable += 1
        elif missing in backup.odd_fields:
            self.odd_field = self.odd_field or backup.complaint(missing)
        else:
            self.missing_field = self.missing_field or missing

    def restart(self) -> None:
        self.backups, self.readable, self.missing_field, self.odd_field = 0, 0, None, None
        self.created.clear()


class TargetCheck:
    """Checks targets. It logs in through the same session cache as every other call."""

    def __init__(self, backups: BackupLists, clock: Clock) -> None:
        self._backups = backups
        self._clock = clock

    def check(self, target: str, time_left: TimeLeft) -> TargetReport:
        """Log in, list the backups and judge what was found. Every behaviour of the cloud ends in a report."""
        info = self._backups.describe_target(target, time_left)
        if isinstance(info, Answer):
            return _failed(TargetReport(target=target, healthy=None), info)
        listed = self._list(target, info, time_left)
        report = _facts(target, info, listed)
        if listed.failure is not None:
            return _with_roles(_failed(report, listed.failure), info)
        fault = _fault(info, listed)
        if fault is None:
            return msgspec.structs.replace(report, healthy=True)
        return _with_roles(_unhealthy(report, *fault), info)

    def _list(self, target: str, info: TargetInfo, time_left: TimeLeft) -> _Listed:
        listed = _Listed()
        for page in self._backups.list_backups(target, time_left, info.project_id, info.address):
            if isinstance(page, Answer):
                if page.name is AnswerName.OUT_OF_TIME and listed.backups:
                    listed.is_complete = False
                else:
                    listed.failure = page
                break
            if page.restarted:
                listed.restart()
            if page.date is not None and listed.clock_difference is None:
                listed.clock_difference = page.date - self._clock()
            for backup in page.backups:
                listed.add(backup, with_metadata=info.shows_metadata)
        return listed


def _facts(target: str, info: TargetInfo, listed: _Listed) -> TargetReport:
    unknown = {
        DELETE_PERMISSION: not _is_read_only(info),
        ROLES: not info.roles,
        METADATA: info.shows_metadata and not listed.backups and listed.failure is None,
        BACKUP_COUNT: not listed.is_complete,
        PREVIEW: info.service in PREVIEWS,
    }
    return TargetReport(
        target=target,
        healthy=None,
        service=info.service,
        project_id=info.project_id,
        endpoint=info.address,
        api_version=info.api_version,
        roles=tuple(map(printable, info.roles)),
        clock_difference_s=UNSET if listed.clock_difference is None else listed.clock_difference.total_seconds(),
        backups=UNSET if listed.failure else listed.backups,
        oldest=min(listed.created, default=UNSET),
        newest=max(listed.created, default=UNSET),
        unknown=tuple(statement for statement, is_unknown in unknown.items() if is_unknown),
    )


def _fault(info: TargetInfo, listed: _Listed) -> tuple[Reason, str] | None:
    if _is_read_only(info):
        roles = ", ".join(map(printable, info.roles))
        return Reason.FORBIDDEN, f"its user only has the roles {roles}, which may list but not delete"
    if listed.clock_difference is not None and abs(listed.clock_difference) > MAX_CLOCK_SKEW:
        skew_s = round(listed.clock_difference.total_seconds())
        direction = "ahead of" if skew_s > 0 else "behind"
        return (
            Reason.CLOCK_DOUBT,
            f"the cloud's clock is {abs(skew_s)} s {direction} ours; at most {MAX_CLOCK_SKEW.seconds} s are allowed",
        )
    if listed.missing_field is not None:
        return Reason.UNKNOWN_FIELD, f'its backups lack "{listed.missing_field}" in API {info.api_version}'
    if listed.odd_field is not None and not listed.readable:  # one odd record among others is not a fault of the target
        return Reason.UNKNOWN_FIELD, f"each of its backups {listed.odd_field} in API {info.api_version}"
    return None


def _is_read_only(info: TargetInfo) -> bool:
    roles = {role.strip().casefold() for role in info.roles}
    return bool(roles) and roles <= READ_ONLY_ROLES


def _failed(report: TargetReport, answer: Answer) -> TargetReport:
    if answer.name in _NOT_JUDGED:
        reason = _NOT_JUDGED[answer.name]
        return msgspec.structs.replace(report, reason=reason.value, message=answer.message, action=reason.action)
    return _unhealthy(report, _reason(answer.name), answer.message)


def _unhealthy(report: TargetReport, reason: Reason, message: str) -> TargetReport:
    prefix = f'target "{report.target}": '
    return msgspec.structs.replace(
        report,
        healthy=False,
        reason=reason.value,
        message=prefix + message.removeprefix(prefix),
        action=reason.action,
    )


def _with_roles(report: TargetReport, info: TargetInfo) -> TargetReport:
    """Name the roles of the service, if the target's user lacks a permission."""
    if report.reason != Reason.FORBIDDEN:
        return report
    return msgspec.structs.replace(report, action=f"{Reason.FORBIDDEN.action[:-1]}: {ROLES_TO_GRANT[info.service]}.")


def _reason(answer: AnswerName) -> Reason:
    """Return the reason of an answer that halts the target, else the reason with the same code if there is one."""
    if answer in HALTS:
        return HALTS[answer]
    if answer is AnswerName.UNEXPECTED_CLIENT_ERROR:
        return Reason.UNEXPECTED_STATUS
    return next((reason for reason in Reason if reason.value == answer.value), Reason.UNEXPECTED_ANSWER)
