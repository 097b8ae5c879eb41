"""Checks calls: only the right DELETE after the right observation, none to a halted target, and no other URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.simulation import cbr, wanted as rules
from tests.simulation.cbr import CBR
from tests.simulation.run import CallOutcome, Pass, Run, Wrong
from tests.simulation.wanted import Wanted

if TYPE_CHECKING:
    from tests.simulation.cloud import Project
    from tests.simulation.world import World

TIMEOUTS_IN_A_ROW = 2
LOST_STATUSES = {408, 500, 502, 504}
LOOK_LASTS_S = 2.0
"""The maximum age of the observation before a DELETE."""
REPEATED = {401, 403, "bad token"}
"""After these, a call is retried with a new login."""


@dataclass(slots=True)
class Memory:
    """When each backup last got a good answer, which got bad ones since, and which may be the cause themselves."""

    good: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    suspects: set[str] = field(default_factory=set)


class CallJudge:
    """Checks every call when it is made. `wrongs` contains the violations."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.wanted: dict[str, Wanted] = {}
        self.wrongs: list[Wrong] = []
        self._halted: dict[tuple[int, str, bool], float] = {}
        """Until when an environment must not call a target, and separately must not send it a DELETE."""
        self._memories: dict[tuple[int, str, bool], Memory] = {}
        """What an environment knows about the answers of a target, separately for DELETEs."""
        self._timeouts: dict[tuple[int, str], int] = {}

    @property
    def _now(self) -> float:
        return self._world.timeline.now

    @property
    def _function_s(self) -> float:
        """The time of the clock of the function."""
        return self._world.timeline.now + self._world.skew_s

    def wrong(self, rule: str, identity: str, text: str) -> None:
        self.wrongs.append(Wrong(rule, identity, text, self._now))
        self._world.trace.add(identity, f"WRONG ({rule}): {text}")

    def sent(self, run: Run, project: Project, method: str, url: str, *, is_login: bool) -> None:
        this, message = run.this, run.message
        this.method, this.is_login, this.target = method, is_login, project.target
        this.explains = this.explains and is_login
        wanted = self.wanted[message.identity]
        self._world.trace.add(message.identity, f"{method} {url} (environment {run.environment})")
        for by_delete in {False, method == "DELETE"}:
            if self._halted.get((run.environment, project.target, by_delete), float("-inf")) > self._now + 0.001:
                self.wrong("halt", message.identity, f"{method} {url} although the target is halted")
        if wanted.backup_id is None or wanted.project is not project:
            self.wrong("call", message.identity, f"{method} {url} for a request that is not about it")
            return
        if wanted.not_before_s is not None and self._function_s < wanted.not_before_s:
            self.wrong("not_before", message.identity, f"{method} {url} before its time")
        if is_login:
            if url != f"https://{project.keystone_host}/v3/auth/tokens":
                self.wrong("url", message.identity, f"login at {url}")
            return
        if wanted.is_for_another_project:
            self.wrong("guard", message.identity, f"{method} {url} although the request is for another project")
        self._check_url(run, wanted, project, method, url)

    def _check_url(self, run: Run, wanted: Wanted, project: Project, method: str, url: str) -> None:
        this = run.this
        parts = urlsplit(url)
        host = project.empty_host if parts.netloc == project.empty_host else project.service_host
        base = f"https://{host}/{project.api_version}/{project.project_id}/backups"
        stated = run.message.attributes.get("place")
        this.missed_elsewhere = stated is not None and stated != f"{project.project_id} https://{host}"
        this.backup_id = parts.path.rpartition("/")[2]
        if not cbr.is_confirmation(parts.path):
            this.missed = this.backup_id
        asked = {wanted.backup_id} if method == "DELETE" else {wanted.backup_id, *wanted.survivors}
        volume = (this.shown or {}).get("volume_id")
        if url == f"{base}/detail?limit=1000&volume_id={volume}" and method == "GET":
            this.backup_id = "detail"
            return
        this.explains = False
        if method == "GET" and project is CBR and url in _confirmations(base, volume, run.message.attributes):
            this.backup_id = "detail"
            this.explains = not this.may_be_gone
            return
        if method not in {"GET", "DELETE"} or this.backup_id not in asked or url != f"{base}/{this.backup_id}":
            self.wrong("url", wanted.identity, f"{method} {url}")
        elif method == "DELETE":
            self._check_delete(run, wanted)

    def _check_delete(self, run: Run, wanted: Wanted) -> None:
        this = run.this
        forbidden = rules.forbids_delete(this.shown, wanted, this.survivors, this.looked_s, was_asked=_was_asked(run))
        if forbidden:
            self.wrong("delete", wanted.identity, f"DELETE although {forbidden}")
        if this.deletes:
            self.wrong("delete", wanted.identity, "a second DELETE in one pass")
        volume_id = (this.shown or {}).get("volume_id")
        holds = self._world.aws.holds.forbidding(str(wanted.backup_id), volume_id, run.message)
        if holds:
            self.wrong("delete", wanted.identity, f"DELETE although the bucket contains {', '.join(sorted(holds))}")
        age_s = self._function_s - this.looked_s
        if age_s > LOOK_LASTS_S + 0.001:
            self.wrong("delete", wanted.identity, f"the observation before the DELETE is {age_s:.1f} s old")

    def call_returned(self, run: Run, outcome: CallOutcome) -> None:
        this, message = run.this, run.message
        wanted = self.wanted[message.identity]
        self._world.trace.add(message.identity, f"  {outcome}")
        if this.explains:
            return
        self._learn(run, outcome)
        if outcome.refuses:
            this.refusals.add(outcome.refuses)
        if this.is_login:
            return
        this.last_status = outcome.status
        if this.method == "DELETE" and outcome.what == "stale":
            this.is_repeat = this.lost = True  # the first one may have been accepted
        if {outcome.status, outcome.what} & REPEATED or outcome.what == "stale":
            return
        if this.method == "DELETE":
            this.deletes += 1
            this.accepted = this.accepted or outcome.status == 202
            is_lost = outcome.what in {"lost", "timed out"} or outcome.status in {*LOST_STATUSES, 200, 204}
            this.lost = not this.accepted and (is_lost or outcome.is_cut or this.is_repeat)
        elif this.backup_id == "detail":
            this.confirmed = outcome.what == "confirmed"
        elif this.backup_id == wanted.backup_id:
            self._check_observation(run, wanted, outcome)
        else:
            self._check_survivor(this, outcome)
        if not this.is_login and this.backup_id != "detail":
            this.may_be_gone, this.confirmed = outcome.what == "not found", False

    def _learn(self, run: Run, outcome: CallOutcome) -> None:
        """Apply an answer to the other records of the target; see "Circuit breakers" in layers/README.md."""
        this, backup_id = run.this, self.wanted[run.message.identity].backup_id or ""
        by_delete = this.method == "DELETE"
        key = run.environment, this.target
        memory = self._memories.setdefault((*key, by_delete), Memory())
        is_service_call = not this.is_login
        is_cbr = self.wanted[run.message.identity].project is CBR
        confirms = is_cbr and this.backup_id == "detail"
        if outcome.what == "timed out" and is_service_call and not by_delete and not confirms:
            self._timeouts[key] = self._timeouts.get(key, 0) + 1
            if self._timeouts[key] >= TIMEOUTS_IN_A_ROW:
                self._halted[*key, False] = self._now + self._world.base_s
        is_list = this.backup_id == "detail" and outcome.what == "answered" and outcome.status == 200
        good = {"shown", "confirmed"} if is_cbr else {"shown", "not found"}
        is_read = outcome.status == 202 or (not outcome.is_cut and (is_list or outcome.what in good))
        if is_service_call and is_read:
            self._timeouts[key] = 0
            if not by_delete or outcome.status == 202:
                memory.good[backup_id] = self._now
                memory.suspects = (memory.suspects | memory.failed) - {backup_id}
                memory.failed = set()
        if outcome.halts_s is None or (this.is_login and this.last_status == 403):
            return
        is_certain = outcome.is_certain or this.is_login
        if not is_certain and self._concerns_only(key, by_delete, backup_id):
            return
        only_deletes = by_delete and not is_certain
        self._halted[*key, only_deletes] = self._now + outcome.halts_s
        this.halts_s, this.asks_s = outcome.halts_s, outcome.asks_s or 0.0

    def _concerns_only(self, key: tuple[int, str], by_delete: bool, backup_id: str) -> bool:
        memory, deletes = self._memories[*key, by_delete], self._memories.get((*key, True), Memory())
        good = [*memory.good.items(), *deletes.good.items()]
        since_s = self._now - self._world.base_s * (10 if backup_id in memory.suspects else 1)
        memory.failed.add(backup_id)
        return any(at_s >= since_s and other != backup_id for other, at_s in good)

    def _check_observation(self, run: Run, wanted: Wanted, outcome: CallOutcome) -> None:
        this = run.this
        age_s = self._function_s - this.looked_s
        if this.deletes:
            this.looks_after += 1
        else:
            this.looks += 1
        if this.looks > 2 or this.looks_after > 1:
            self.wrong("looks", wanted.identity, "too many observations in one pass")
        elif this.looks == 2 and not this.deletes and age_s <= LOOK_LASTS_S:
            self.wrong("looks", wanted.identity, f"a second observation although the first is {age_s:.1f} s old")
        this.looked_s = self._function_s
        shown = None if outcome.is_cut else outcome.shows
        if this.deletes and shown and shown.get("status") == "deleting":
            this.accepted = True
        this.shown = shown
        if shown is not None:
            this.was_seen = True
            this.lost = False
            this.refusals |= rules.refusals(shown, wanted, self._function_s, was_asked=_was_asked(run))

    def _check_survivor(self, this: Pass, outcome: CallOutcome) -> None:
        if outcome.is_cut:
            return
        shown = outcome.shows or {}
        foreign = "os-bak-tenant-attr:tenant_id" in shown
        if shown.get("status") in {"available", "restoring"} and not foreign:
            this.survivors.add(this.backup_id)
        elif outcome.what == "not found" or foreign or shown.get("status"):
            this.refusals.add("expectation_failed")


def _confirmations(base: str, volume: str | None, attributes: dict[str, str]) -> set[str]:
    """Return the URLs of lists that may confirm that a backup is gone, for the volume observed or in the message."""
    root = base.removesuffix("backups")
    urls = {f"{root}operation-logs?limit=1000&operation_type=delete"}
    for known in {volume, attributes.get("volume_id")} - {None}:
        urls |= {
            f"{base}?limit=1000&resource_id={known}",
            f"{root}operation-logs?limit=1000&operation_type=delete&resource_id={known}",
        }
    return urls


def _was_asked(run: Run) -> bool:
    """Return whether a DELETE was sent before, according to the message."""
    return bool(run.this.deletes) or run.message.knows("asked_at") or run.message.knows("unanswered_at")
