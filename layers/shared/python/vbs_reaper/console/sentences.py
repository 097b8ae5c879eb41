"""A story in plain sentences: nothing in them that the log or the plan does not say."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from vbs_reaper.console.pass_line import CallLine
from vbs_reaper.console.pass_line import PassLine
from vbs_reaper.console.story import RequestStory
from vbs_reaper.openstack.backup import read_instant

_CALLS: Final = {
    "ShowBackup": "looked at it",
    "DeleteBackup": "asked the cloud to delete it",
    "ListBackups": "listed the volume's backups",
}
REFUSED_TOKEN: Final = "401"  # noqa: S105  # a status, no token


def heading(story: RequestStory, number: int, count: int) -> str:
    """Which request of how many."""
    return f"Request {number} of {count}: {story.request_id}"


def beginning(story: RequestStory) -> Iterator[str]:
    """Who asked, when, of which target, and why."""
    first = story.said_first
    by = f" by {first.requested_by}" if first.requested_by else ""
    target = f', target "{first.target}"' if first.target else ", the default target"
    sent_at = f" at {at(first.first_sent_at)}" if first.first_sent_at else ""
    yield f"Sent{sent_at}{by}{target}."
    if story.bulk_id:
        yield f"It was a part of the bulk {story.bulk_id}."
    if first.request_reason:
        yield f"The reason given: {first.request_reason}"
    if story.planned:
        why = " ".join(f"{reason.sentence} ({reason.value})" for reason in story.planned.reasons)
        yield (
            f'The policy "{story.planned.policy}" let it go in its run {story.planned.run}: {why} '
            f"Plan {story.planned.sha256}."
        )


def of_pass(line: PassLine) -> Iterator[tuple[datetime, str]]:
    """Each call of a pass, then what was decided; with their times."""
    refused = False
    for call in line.calls:
        yield read_instant(call.at) or line.written_at, _call(call, again=refused)
        refused = call.status == REFUSED_TOKEN
    yield line.written_at, _decided(line)


def conclusion(story: RequestStory) -> str:
    """How the request stands."""
    if story.end is None:
        return "It has not ended: it is under way."
    return f"It has ended: {story.end.outcome}."


def at(moment: datetime | None) -> str:
    """An instant to the second, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _call(call: CallLine, *, again: bool) -> str:
    what = _CALLS.get(call.operation, call.operation)
    if call.backup_id:
        what = f"looked at the survivor {call.backup_id}"
    named = f", request id {call.request_id}" if call.request_id else ""
    token = "; the token was refused" if call.status == REFUSED_TOKEN else ""
    return f"The deleter {what}{' again, with a new token' if again else ''}: {call.status}{named}{token}."


def _decided(line: PassLine) -> str:
    reason = line.known_reason
    why = f"{reason.sentence[:-1] if reason else line.reason} ({line.reason}): {line.detail}."
    until = f" It waits until {at(line.until)}." if line.until else ""
    called = "" if line.calls else "No call was made. "
    match line.outcome:
        case "deleted":
            return f"Deleted: proven gone by that {line.status}, request id {line.cloud_request_id or '(none)'}."
        case "already_gone":
            return f"Already gone: that {line.status} proves it, request id {line.cloud_request_id or '(none)'}."
        case "asked":
            return f"The cloud has accepted the deletion.{until}"
        case "refused" | "parked":
            action = f" {reason.action}" if reason else ""
            return f"{called}{line.outcome.capitalize()}: {why}{action}"
        case "halted":
            return f"{called}{why} The target is halted.{until}"
        case _:
            return f"{called}{why}{until}"
