"""The history of a request in sentences. They contain only what the log or the plan contains."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from vbs_reaper.backups.answer import Operation
from vbs_reaper.cli.history import RequestHistory
from vbs_reaper.cli.log_record import CallLogRecord, LogRecord
from vbs_reaper.timestamps import read_instant

_CALLS: Final[dict[str, str]] = {
    Operation.SHOW_BACKUP: "observed the backup",
    Operation.DELETE_BACKUP: "asked the cloud to delete the backup",
    Operation.LIST_BACKUPS: "listed the volume's backups",
    Operation.LIST_TASKS: "looked for the deletion in the cloud's operation log",
    Operation.AUTHENTICATE: "logged in",
}
UNAUTHORIZED: Final = "401"


def heading(history: RequestHistory, number: int, count: int) -> str:
    """Return the heading: the number of the request and its ID."""
    return f"Request {number} of {count}: {history.request_id}"


def beginning(history: RequestHistory) -> Iterator[str]:
    """Yield who sent the request, when, for which target, and why."""
    first = history.first_read
    by = f" by {first.requested_by}" if first.requested_by else ""
    target = f', target "{first.target}"' if first.target else ", the default target"
    sent_at = f" at {at(first.first_sent_at)}" if first.first_sent_at else ""
    yield f"Sent{sent_at}{by}{target}."
    if history.bulk_id:
        yield f"It was part of the bulk request {history.bulk_id}."
    if first.request_reason:
        yield f"The reason given: {first.request_reason}"
    if history.planned:
        why = " ".join(f"{reason.sentence} ({reason.value})" for reason in history.planned.reasons)
        yield (
            f'The policy "{history.planned.policy}" selected the backup in its run {history.planned.run}: {why} '
            f"Plan {history.planned.sha256}."
        )


def of_pass(record: LogRecord) -> Iterator[tuple[datetime, str]]:
    """Yield each call of a pass and then its decision, each with its time."""
    rejected = False
    for call in record.calls:
        yield read_instant(call.at) or record.written_at, _call(call, again=rejected)
        rejected = call.status == UNAUTHORIZED
    yield record.written_at, _decision(record)


def of_quiet_passes(count: int) -> str:
    """Return what is known of passes that have written no line."""
    times = "once" if count == 1 else f"{count} times"
    return f"In between it was delivered {times} without a log line: the deletion was in progress."


def conclusion(history: RequestHistory) -> str:
    """Return whether the request has ended, and how."""
    last = history.passes[-1]
    if last.outcome == "asked":
        return f"It has not ended yet: the deletion is in progress since {at(last.written_at)}."
    if history.end is None:
        return "It has not ended yet."
    return f"It has ended: {history.end.outcome}."


def at(moment: datetime | None) -> str:
    """Return a time to the second, in UTC; empty for None."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _call(call: CallLogRecord, *, again: bool) -> str:
    what = _CALLS.get(call.operation, call.operation)
    if call.backup_id:
        what = f"observed the survivor {call.backup_id}"
    token = "; the token was rejected" if call.status == UNAUTHORIZED else ""
    repeated = " again, with a new token" if again else ""
    return f"The deleter {what}{repeated}: {call.status}{_request_id(call.request_id)}{token}."


def _request_id(request_id: str) -> str:
    return f", request ID {request_id}" if request_id else ""


def _decision(record: LogRecord) -> str:
    reason = record.known_reason
    why = f"{reason.sentence[:-1] if reason else record.reason} ({record.reason}): {record.detail}."
    until = f" It waits until {at(record.until)}." if record.until else ""
    no_call = "" if record.calls else "No call was made. "
    match record.outcome:
        case "deleted":
            return f"Deleted: this {record.status} proves it{_request_id(record.cloud_request_id)}."
        case "already_gone":
            return f"Already gone: this {record.status} proves it{_request_id(record.cloud_request_id)}."
        case "asked":
            return f"The cloud has accepted the deletion.{until}"
        case "refused" | "parked" | "superseded":
            action = f" {reason.action}" if reason else ""
            return f"{no_call}{record.outcome.capitalize()}: {why}{action}"
        case "halted":
            return f"{no_call}{why} The target is halted.{until}"
        case _:
            return f"{no_call}{why}{until}"
