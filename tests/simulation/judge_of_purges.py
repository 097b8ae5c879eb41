"""Checks the purger: what it may list, plan, send and publish. Written from functions/PURGING.md."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.judge_of_requests import LIVES_AT_MOST_S, LIVES_S, faults_of_request, wanted_of
from tests.simulation.policy_reading import Reading, needed_of, read_policy_on
from tests.simulation.purges import Purge
from tests.simulation.run import CallOutcome, Run
from tests.simulation.timeline import DAY, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.aws import Stored
    from tests.simulation.cloud import Project
    from tests.simulation.world import World

PLAN_LIFE_S = 7 * DAY
STANDS_S = 2 * DAY
"""The maximum age of the last plan for a grace to continue, if the grace is not longer."""
_MARK = re.compile(r"(sent|grace\.sent)(?:\.[0-9]+)?")
DETAIL_TYPES = {"planned": "VBS Purge Planned", "completed": "VBS Purge Completed", "refused": "VBS Purge Refused"}


class PurgeJudge:
    """Checks every call, object, request, event and response of the purger."""

    def __init__(self, world: World, clock: Callable[[], datetime], projects: dict[str, Project]) -> None:
        self._world = world
        self._clock = clock
        self._projects = projects
        self.readings: dict[str, Reading] = {}
        """By policy/run."""
        self.hashes: dict[str, str] = {}
        self.changed: set[str] = set()
        """Plans that were changed."""
        self.forged: dict[str, float] = {}
        """Policies with a forged last plan, in which every grace has lasted for long."""
        self.marks: set[str] = set()
        self.ends: Counter[str] = Counter()
        self.requests = 0
        self.last: dict[str, dict[str, Any] | None] = {}
        """The end of the last night's run, by policy."""
        self._sent: defaultdict[str, set[str]] = defaultdict(set)
        self._heard: set[tuple[str, str]] = set()

    def last_planned(self, policy: str) -> str | None:
        """Return the name of the newest plan of a policy, or None."""
        found = [name for name in self.readings if name.partition("/")[0] == policy]
        return max(found, key=lambda name: self.readings[name].made_s, default=None)

    def begins(self, purge: Purge) -> None:
        purge.marked_before, purge.changed_before = frozenset(self.marks), frozenset(self.changed)
        self._trace(purge, f"attempt {purge.attempt}: {purge.event}")

    # Calls to the cloud

    def sent(self, run: Run, project: Project, method: str, url: str, *, is_login: bool) -> None:
        """Check that a call is a login or a list."""
        assert isinstance(run, Purge)
        self._trace(run, f"{method} {url}")
        base = f"https://{project.service_host}/{project.api_version}/{project.project_id}/backups/detail?limit=1000"
        is_list = method == "GET" and url.partition("&marker=")[0] == base
        if not is_list and not (is_login and url == f"https://{project.keystone_host}/v3/auth/tokens"):
            self._wrong(run, "call", f"{method} {url}")
        run.project = project

    def call_returned(self, run: Run, outcome: CallOutcome) -> None:
        assert isinstance(run, Purge)
        self._trace(run, f"  {outcome}")

    def listed(
        self, purge: Purge, page: list[dict[str, Any]], *, is_first: bool, is_last: bool, is_doubtful: bool
    ) -> None:
        """Record a complete page."""
        if is_first:
            purge.rows.clear()
            purge.held = self._world.aws.holds.seen_by_purger(self._world.cloud.backups.values())
        for row in page:
            purge.rows.setdefault(row["id"], row)
        purge.is_whole, purge.listed_at = is_last, self._clock()
        purge.is_doubtful |= is_doubtful

    # Stored objects

    def stored(self, purge: Purge, key: str, metadata: dict[str, str]) -> None:
        self._trace(purge, f"stored {key}")
        name, _, ending = key.removeprefix("plans/").partition(".")
        if ending == "json":
            self._planned(purge, name, metadata["sha256"])
        elif mark := _MARK.fullmatch(ending):  # followed by a number if the name was already used
            self.marks.add(f"{name}.{mark[1]}")
            self._check_all_sent(purge, name, "marked", with_grace=mark[1] == "grace.sent")

    def _planned(self, purge: Purge, name: str, sha256: str) -> None:
        policy = purge.event.get("run")
        if policy is None or not purge.is_whole or purge.is_doubtful or purge.listed_at is None:
            self._wrong(purge, "plan", f"{name} was planned with an incomplete list or a doubtful clock")
            return
        project = self._projects[policy["target"]]
        self.readings[name] = read_policy_on(policy, project, list(purge.rows.values()), purge.listed_at, purge.held)
        self.hashes[sha256] = name

    # Requests

    def queued(self, purge: Purge, message: Stored) -> None:
        """Check a request in the queue, and register it: it must have an end like any other."""
        wanted, body = wanted_of(message, self._projects)
        self._world.judge.accepted(wanted)
        self._world.trace.add(message.identity, f"came from {purge.name}: {message.body}")
        self._trace(purge, f"sent {message.body}")
        self.requests += 1
        name, backup_id = str(body.get("requested_by")), str(wanted.backup_id)
        self._sent[name].add(backup_id)
        purge.sent.add(backup_id)
        reading = self.readings.get(name)
        if reading is None:
            self._wrong(purge, "sent", f"{backup_id} for an unknown plan: {name}")
            return
        self._check_may_send(purge, name, reading)
        going = reading.selected if _cuts_grace(purge) else self._may_be_due(name, reading)
        if backup_id not in going:
            self._wrong(purge, "sent", f"{backup_id}, which {name} must keep")
            return
        if _is_compared(purge, reading):
            reading = self._read_again(purge, name)
            if backup_id not in (reading.selected if _cuts_grace(purge) else self._may_be_due(name, reading)):
                self._wrong(purge, "sent", f"{backup_id}, which {name} would keep by now")
                return
        lives_s = {LIVES_AT_MOST_S} if purge.is_approval else self._lives_s(name, reading)
        for fault in faults_of_request(body, reading, backup_id, self._clock(), lives_s):
            self._wrong(purge, "request", f"{backup_id}: {fault}")

    def _lives_s(self, name: str, reading: Reading) -> set[float]:
        """Return the valid lifetimes of requests: three days, or 1.5 times the time since one of the older plans.

        Which of these is the last plan depends on whether it could be read.
        """
        policy = name.partition("/")[0]
        gaps_s = [
            reading.made_s - other.made_s
            for key, other in self.readings.items()
            if key.partition("/")[0] == policy and other.made_s <= reading.made_s
        ]
        return {min(max(LIVES_S, 1.5 * gap_s), LIVES_AT_MOST_S) for gap_s in gaps_s}

    def _check_may_send(self, purge: Purge, name: str, reading: Reading) -> None:
        if name in purge.changed_before:
            self._wrong(purge, "sent", f"{name} was changed")
        if f"{name}.grace.sent" in purge.marked_before or (
            not _cuts_grace(purge) and f"{name}.sent" in purge.marked_before
        ):
            self._wrong(purge, "sent", f"{name} was sent before")
        if purge.is_approval:
            approved = self.hashes.get(purge.event["approve"]["plan"])
            if approved != name or name.partition("/")[0] != purge.event["approve"]["policy"]:
                self._wrong(purge, "sent", f"{name}, which is not what was approved")
            if seconds_of(self._clock()) - reading.made_s > PLAN_LIFE_S + 900:
                self._wrong(purge, "sent", f"{name} is too old")
            return
        if reading.policy.get("mode") != "purge":
            self._wrong(purge, "sent", "a preview sends")
        if reading.is_refused and not reading.grace_s:
            self._wrong(purge, "sent", "a guard is exceeded")

    def _read_again(self, purge: Purge, name: str) -> Reading:
        """Return the result of an approved plan's policy on the list of the approval."""
        if purge.fresh is None:
            if not purge.is_whole or purge.is_doubtful or purge.listed_at is None:
                self._wrong(purge, "sent", f"{name}, approved with an incomplete list or a doubtful clock")
            planned = self.readings[name]
            listed_at = purge.listed_at or self._clock()
            rows = list(purge.rows.values())
            purge.fresh = read_policy_on(planned.policy, planned.project, rows, listed_at, purge.held)
        return purge.fresh

    def _may_be_due(self, name: str, reading: Reading) -> set[str]:
        """Return what was in every plan for the whole grace; without a grace, all that is selected."""
        due = set(reading.selected)
        if not reading.grace_s:
            return due
        policy = name.partition("/")[0]
        earlier = [
            other
            for key, other in self.readings.items()
            if key.partition("/")[0] == policy and other.made_s <= reading.made_s and other is not reading
        ]
        forged_s = self.forged.get(policy)
        if forged_s is not None and reading.made_s - forged_s >= reading.grace_s:
            return due  # a forged plan that is older than the grace confirms itself and later ones
        if forged_s is not None:  # a plan older than the grace selects it too, independently of the last one
            old = [other for other in earlier if reading.made_s - other.made_s >= reading.grace_s]
            return {backup_id for backup_id in due if any(backup_id in other.selected for other in old)}
        earlier.append(reading)
        earlier.sort(key=lambda other: other.made_s, reverse=True)
        return {backup_id for backup_id in due if _stood_s(backup_id, earlier) >= reading.grace_s}

    def _check_all_sent(self, purge: Purge, name: str, what: str, *, with_grace: bool) -> None:
        reading = self.readings.get(name)
        if reading is None or (reading.grace_s and not with_grace):
            return
        missing = reading.certain - self._sent[name]
        if missing and _is_compared(purge, reading):
            missing = self._still_to_go(purge, name, reading, missing)
        if missing:
            self._wrong(purge, "unsent", f"{name} is {what}, but {len(missing)} were not sent: {sorted(missing)[:3]}")

    def _still_to_go(self, purge: Purge, name: str, reading: Reading, missing: frozenset[str]) -> frozenset[str]:
        """Return what an approval should have sent: selected by its own list too, and not needed by a kept backup."""
        fresh = self._read_again(purge, name)
        same = {
            backup_id
            for backup_id in missing & fresh.certain
            if all(
                fresh.rows[backup_id].get(field) == reading.rows[backup_id].get(field)
                for field in ("volume_id", "created_at", "name")
            )
        }
        if reading.project.api_version == "v3":
            same -= needed_of(list(fresh.rows.values()), purge.sent)
        return frozenset(same)

    # Events and responses

    def published(self, purge: Purge, detail_type: str, detail: dict[str, Any]) -> None:
        self._trace(purge, f"published {detail_type}: {detail['message']}")
        if DETAIL_TYPES.get(detail["outcome"]) != detail_type or "canary-" in str(detail):
            self._wrong(purge, "event", f"{detail_type}: {detail}")
        self._heard.add((f"{detail['policy']}/{detail['run']}", detail["outcome"]))

    def ended(self, purge: Purge, answer: dict[str, Any]) -> None:
        self._trace(purge, f"answered {answer['outcome']}: {answer['message']}")
        name, outcome = f"{answer['policy']}/{answer['run']}", answer["outcome"]
        self.ends[outcome] += 1
        if outcome in DETAIL_TYPES and (name, outcome) not in self._heard:
            self._wrong(purge, "unheard", f"{outcome}, but no event was published")
        if outcome == "already_sent" and self.marks.isdisjoint({f"{name}.sent", f"{name}.grace.sent"}):
            self._wrong(purge, "silenced", f"{name} was never sent")
        if outcome == "completed":
            self._check_all_sent(purge, name, "completed", with_grace=_cuts_grace(purge))
            if answer["requested"] != len(purge.sent):
                self._wrong(purge, "answer", f"{answer['requested']} requested, but {len(purge.sent)} are in the queue")
        elif purge.sent and answer["reason"] != "stopped":
            self._wrong(purge, "sent", f"{len(purge.sent)} although the outcome is {outcome}")
        self._check_refusal(purge, name, answer)
        if not purge.is_approval and purge.event["run"]["policy"] in self.last and self._world.faults.is_over:
            self.last[purge.event["run"]["policy"]] = answer

    def _check_refusal(self, purge: Purge, name: str, answer: dict[str, Any]) -> None:
        reading = self.readings.get(name)
        is_for_guard = answer["reason"] == "guard_exceeded"
        if is_for_guard and (reading is None or not (reading.may_be_refused or reading.grace_s)):
            self._wrong(purge, "refusal", "no guard is exceeded")

    def closes(self) -> None:
        """Check, long after the last fault, that the last night's run has ended as expected."""
        for policy, answer in self.last.items():
            if answer is None:
                self._world.judge.wrong("stuck", f"purge {policy}", "the last night's run has no end")
            elif answer["outcome"] == "refused" and answer["reason"] != "guard_exceeded":
                self._world.judge.wrong("stuck", f"purge {policy}", f"refused without a cause: {answer}")

    def _wrong(self, purge: Purge, rule: str, text: str) -> None:
        self._world.judge.wrong(f"purge: {rule}", purge.name, text)

    def _trace(self, purge: Purge, text: str) -> None:
        if self._world.trace.is_enabled:
            self._world.trace.add(purge.name, text)


def _cuts_grace(purge: Purge) -> bool:
    return bool(purge.event.get("approve", {}).get("include_grace"))


def _is_compared(purge: Purge, reading: Reading) -> bool:
    """Return whether it sends the intersection of a stored plan and its own list."""
    return purge.is_approval or purge.listed_at is None or seconds_of(purge.listed_at) > reading.made_s


def _stood_s(backup_id: str, earlier: list[Reading]) -> float:
    """Return for how long it was unchanged in every plan, given newest first."""
    newest = last = earlier[0]
    for reading in earlier[1:]:
        same = all(
            reading.rows.get(backup_id, {}).get(name) == newest.rows[backup_id].get(name)
            for name in ("volume_id", "created_at", "name")
        )
        gap_s = last.made_s - reading.made_s
        if backup_id not in reading.selected or not same or gap_s > max(newest.grace_s, STANDS_S):
            break
        last = reading
    return newest.made_s - last.made_s
