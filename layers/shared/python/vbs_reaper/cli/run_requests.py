"""What became of the requests of a purge policy, or of one run, by the deleter's log and the marks of the runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from vbs_reaper.aws.error_codes import AWS_ERRORS
from vbs_reaper.cli.deletion_log import DeletionLog, about
from vbs_reaper.purge.mark_names import read_mark_key
from vbs_reaper.purge.run_result import key_of, name_of

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.cli.log_record import LogRecord
    from vbs_reaper.cli.stack import Stack

DELETE: Final = "DeleteBackup"
_NOT_ACCEPTED: Final = frozenset({"400", "401", "403", "404", "405", "406", "409", "410", "413", "415", "429"})
"""Answers to a DELETE that show that the cloud has not accepted it."""


class _Mark(msgspec.Struct, frozen=True):
    """What the mark of a run records: how many deletions were requested."""

    requested: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequests:
    """The backups that the runs named in requests, by what became of them, each in the order of the log.

    `accepted` may still exist, but the cloud has accepted the deletion, or its answer is unknown: the deletion cannot
    be called back. `waiting` have not ended, and no DELETE was sent. `ended` were refused, superseded or parked.
    `undelivered` is how many more the marks of the runs count: the log does not contain them yet.
    """

    gone: tuple[str, ...]
    accepted: tuple[str, ...]
    waiting: tuple[str, ...]
    ended: tuple[str, ...]
    undelivered: int


def find_requests(stack: Stack, policy: str, run: str | None, since: datetime) -> RunRequests:
    """Return the requests of a run, or of all runs of the policy, that were sent after `since`.

    Raises:
        CommandError: the log or the bucket cannot be read.
    """
    prefix = name_of(policy, run or "")
    backups: dict[str, list[LogRecord]] = {}
    for record in DeletionLog(stack).passes(about(prefix), since):
        is_of_run = record.requested_by == prefix if run else record.requested_by.startswith(prefix)
        if is_of_run and record.backup_id:
            backups.setdefault(record.backup_id, []).append(record)
    requested = _requested(stack, policy, run, since)
    found: dict[str, list[str]] = {"gone": [], "accepted": [], "waiting": [], "ended": []}
    for backup_id, records in backups.items():
        found[state_of(records)].append(backup_id)
    return RunRequests(
        **{state: tuple(ids) for state, ids in found.items()}, undelivered=max(0, requested - len(backups))
    )


def state_of(records: list[LogRecord]) -> str:
    """Return what became of a backup, by the passes of its requests, oldest first."""
    if any(record.is_gone for record in records):
        return "gone"
    if records[-1].is_end:
        return "ended"
    return "accepted" if any(_may_be_accepted(record) for record in records) else "waiting"


def _may_be_accepted(record: LogRecord) -> bool:
    return any(call.operation == DELETE and call.status not in _NOT_ACCEPTED for call in record.calls)


def _requested(stack: Stack, policy: str, run: str | None, since: datetime) -> int:
    """Return how many deletions were requested, by the marks that were stored after `since`.

    The largest mark of a run counts, or its largest part if it was not sent completely.
    """
    s3, by_run = stack.s3, dict[str, int]()
    prefix = key_of(policy, run, "") if run else f"plans/{policy}/"
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                mark = read_mark_key(each["Key"])
                if mark is not None and each["LastModified"] >= since:
                    body = s3.get_object(Bucket=stack.bucket, Key=each["Key"])["Body"].read()
                    by_run[mark.run] = max(by_run.get(mark.run, 0), msgspec.json.decode(body, type=_Mark).requested)
    except (*AWS_ERRORS, msgspec.DecodeError) as error:
        raise stack.failed("read the marks of its runs", error) from None
    return sum(by_run.values())
