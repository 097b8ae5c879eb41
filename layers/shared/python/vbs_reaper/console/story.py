"""What became of one backup's requests: the passes of the log put together, and the plan that asked for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from vbs_reaper.purge.document import PlanRefused
from vbs_reaper.purge.document import read_plan
from vbs_reaper.purge.inventory import PurgeRefused

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.aws.plan_store import PlanBucket
    from vbs_reaper.console.pass_line import PassLine
    from vbs_reaper.deletion.reason import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The purge that asked: its policy and run, the plan's hash, and why the plan lets the backup go."""

    policy: str
    run: str
    sha256: str
    reasons: tuple[Reason, ...]
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    """One request from its first pass to its last, oldest first."""

    passes: tuple[PassLine, ...]
    planned: Planned | None = None

    @property
    def request_id(self) -> str:
        """Which request."""
        return self.passes[0].request_id

    @property
    def said_first(self) -> PassLine:
        """The first pass that read the request: who asks, of which target, and why."""
        return next((each for each in self.passes if each.backup_id), self.passes[0])

    @property
    def bulk_id(self) -> str:
        """The bulk it was a part of; empty where it came alone."""
        return self.request_id.partition("/")[0] if "/" in self.request_id else ""

    @property
    def end(self) -> PassLine | None:
        """The pass that it ended with; None while it is under way."""
        last = self.passes[-1]
        return last if last.is_end else None


def tell_apart(passes: Iterable[PassLine]) -> list[RequestStory]:
    """Each request's passes in order; the requests by their first pass."""
    by_request: dict[str, list[PassLine]] = {}
    for each in sorted(passes, key=lambda line: line.written_at):
        by_request.setdefault(each.request_id, []).append(each)
    return [RequestStory(passes=tuple(found)) for found in by_request.values()]


def find_plan(plans: PlanBucket, backup_id: str, requested_by: str) -> Planned | None:
    """The stored plan that `requested_by` names, if it is one's name and lets this backup go."""
    policy, slash, run = requested_by.partition("/")
    if not (policy and slash and run):
        return None
    try:
        document = plans.read(policy, run)
        plan = None if document is None else read_plan(document.body)
    except (PurgeRefused, PlanRefused):
        return None
    row = None if plan is None else next((each for each in plan.selected if each.id == backup_id), None)
    if plan is None or row is None:
        return None
    return Planned(policy=policy, run=run, sha256=plan.sha256 or "", reasons=row.reasons, detail=row.detail or "")


def as_json(backup_id: str, stories: Iterable[RequestStory]) -> dict[str, Any]:
    """The whole story as plain values."""
    return {"backup_id": backup_id, "requests": [_request(story) for story in stories]}


def _request(story: RequestStory) -> dict[str, Any]:
    first, planned = story.said_first, story.planned
    return {
        "request_id": story.request_id,
        "sent_at": first.sent_at,
        "target": first.target,
        "requested_by": first.requested_by,
        "reason": first.request_reason,
        "plan": planned
        and {
            "policy": planned.policy,
            "run": planned.run,
            "sha256": planned.sha256,
            "reasons": [reason.value for reason in planned.reasons],
        },
        "outcome": story.end.outcome if story.end else None,
        "passes": [_pass(each) for each in story.passes],
    }


def _pass(line: PassLine) -> dict[str, Any]:
    return {
        "at": _text(line.written_at),
        "calls": [
            {"at": call.at, "operation": call.operation, "status": call.status, "request_id": call.request_id}
            | ({"backup_id": call.backup_id} if call.backup_id else {})
            for call in line.calls
        ],
        "outcome": line.outcome,
        "reason": line.reason,
        "detail": line.detail,
        "until": None if line.until is None else _text(line.until),
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
