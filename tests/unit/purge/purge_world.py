"""A purger with in-memory ports: a cloud to list, plans, a queue that may fail, a bus and a report."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from tests.support.doubles import HoldStoreInMemory, ManualClock
from tests.unit.purge.strategies import NOW, PROJECT, Record
from vbs_reaper.backups.answer import Answer, Page, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.errors import PlanStoreBusy, PlanUnreadable, RunRefused, RunUnfinished
from vbs_reaper.purge.plan import Plan, recompute
from vbs_reaper.purge.plan_file import encode_plan, read_plan, sha256_of
from vbs_reaper.purge.ports import SentMark, StoredDocument, StoredMark
from vbs_reaper.purge.purger import Purger
from vbs_reaper.purge.run_result import PurgeResult
from vbs_reaper.reasons import Reason

SCHEDULED = "2026-11-25T03:00:00Z"
RUN = "2026-11-25T03-00-00Z"
INVOCATION = "8f507cfc-4f5e-4a3e-b0c2-2a6f9d1e7c54"
POLICY: dict[str, Any] = {
    "policy": "nightly",
    "target": "otc-prod",
    "mode": "purge",
    "match": {"name": "daily*"},
    "keep": {"last": 2},
    "guards": {"max_fraction": 1},
}


class Killed(Exception):
    """The function was killed here."""


def target(**fields: Any) -> TargetInfo:  # noqa: ANN401  # fields of a target
    plain: dict[str, Any] = {"project_id": ProjectId(PROJECT), "hold_marker": "[hold]", "shows_metadata": False}
    return TargetInfo(**(plain | fields))


@dataclass
class ListedCloud:
    """A listing in pages, which can end early, restart, and show another time."""

    records: list[Record] = field(default_factory=list)
    view: TargetInfo | Answer = field(default_factory=lambda: target())
    date: datetime | None = NOW
    page_size: int = 1000
    ends_with: Answer | None = None
    shown_before_it_began_anew: list[Record] = field(default_factory=list)
    asked: list[tuple[str, float, str | None]] = field(default_factory=list)
    """Target, seconds left and project of every listing."""
    addresses: list[str | None] = field(default_factory=list)
    viewed: list[tuple[str, float]] = field(default_factory=list)

    @property
    def listings(self) -> int:
        return len(self.asked)

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        self.viewed.append((target, time_left()))
        return self.view

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        self.asked.append((target, time_left(), project_id))
        self.addresses.append(address)
        if self.shown_before_it_began_anew:
            yield Page(backups=_read(self.shown_before_it_began_anew), date=self.date)
        backups = _read(self.records)
        restarted = bool(self.shown_before_it_began_anew)
        for start in range(0, max(len(backups), 1), self.page_size):
            yield Page(backups=backups[start : start + self.page_size], date=self.date, restarted=restarted)
            restarted = False
        if self.ends_with is not None:
            yield self.ends_with


@dataclass
class StoredPlans:
    """Plans in memory, by key; may refuse to be read or written."""

    clock: Callable[[], datetime] = field(default_factory=lambda: ManualClock(NOW))
    """The clock of the store. Objects that a test adds to `objects` count as stored when they are read."""
    stored_at: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    objects: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)
    is_writable: bool = True
    is_readable: bool = True
    busy_at: str | None = None
    """The call that fails temporarily."""
    denied: set[tuple[str, str]] = field(default_factory=set)
    """The policies and runs whose plans cannot be read, for example because of the key that encrypts them."""
    reads: list[str] = field(default_factory=list)
    """The runs whose documents were read as last plans."""
    concurrent_plan: bytes | None = None
    """A plan that another invocation stores just before."""

    def read(self, policy: str, run: str) -> StoredDocument | None:
        self._check("read", self.is_readable)
        return self._document(policy, run) if (policy, run, "json") in self.objects else None

    def newest(self, policy: str, before: datetime | None = None) -> Iterator[StoredDocument]:
        self._check("newest", self.is_readable)
        runs = [key[1] for key in reversed(self.objects) if key[0] == policy and key[2] == "json"]
        found = [self._document(policy, run) for run in runs]
        for document in [each for each in found if before is None or each.stored_at < before]:
            yield replace(document, pieces=partial(self._read_as_last_plan, document))

    def newest_of_others(self, policy: str, target: str, limit: int) -> Iterator[StoredDocument]:
        self._check("newest_of_others", self.is_readable)
        newest = {key[0]: key[1] for key in self.objects if key[0] != policy and key[2] == "json"}
        for other, run in sorted(newest.items())[:limit]:
            yield self._document(other, run)

    def find(self, policy: str, sha256: str) -> StoredDocument | None:
        self._check("find", self.is_readable)
        run = next((run for (of, run), found in self.hashes.items() if of == policy and found == sha256), None)
        return None if run is None else self._document(policy, run)

    def store(self, policy: str, run: str, plan: Plan) -> str | None:
        self._check("store", self.is_writable)
        if self.concurrent_plan is not None:
            self.objects[policy, run, "json"] = self.concurrent_plan
        if (policy, run, "json") in self.objects:
            return None
        self.objects[policy, run, "json"] = encode_plan(plan)
        self.stored_at[policy, run, "json"] = self.clock().replace(microsecond=0)
        self.hashes[policy, run] = sha256_of(plan)
        return self.hashes[policy, run]

    def store_page(self, policy: str, run: str, plan: Plan) -> None:
        """Store a page with the name of the plan, unless there is one."""
        self._check("store_page", self.is_writable)
        self.objects.setdefault((policy, run, "html"), f"the page of {plan.sha256}".encode())

    def marks(self, policy: str, run: str) -> Iterator[StoredMark]:
        self._check("marks", self.is_readable)
        for key in list(self.objects):
            mark = next((mark for mark in reversed(SentMark) if key[2].startswith(mark)), None)
            if key[:2] == (policy, run) and mark is not None:
                yield StoredMark(
                    name=f"plans/{policy}/{run}.{key[2]}",
                    mark=mark,
                    is_part=".part" in key[2],
                    stored_at=self.stored_at.get(key, self.clock()),
                    document=self.objects[key],
                )

    def mark(self, policy: str, run: str, mark: SentMark, document: bytes, *, is_part: bool) -> None:
        """Store a mark under the first unused name."""
        self._check("mark", self.is_writable)
        name = f"{mark}.part" if is_part else mark.value
        names = (name, *(f"{name}.{number}" for number in range(1, 100)))
        key = next((policy, run, name) for name in names if (policy, run, name) not in self.objects)
        self.objects[key] = document
        self.stored_at[key] = self.clock().replace(microsecond=0)

    def _read_as_last_plan(self, document: StoredDocument) -> Iterable[bytes]:
        if document.run not in self.reads:
            self.reads.append(document.run)
        return document.pieces()

    def _document(self, policy: str, run: str) -> StoredDocument:
        key = policy, run, "json"
        return StoredDocument(
            run=run, stored_at=self.stored_at.get(key, self.clock()), pieces=lambda: self._pieces(policy, run)
        )

    def _pieces(self, policy: str, run: str) -> Iterator[bytes]:
        if (policy, run) in self.denied:
            raise PlanUnreadable(Reason.PLANS_UNUSABLE, f"plans/{policy}/{run}.json cannot be read (AccessDenied)")
        yield from in_pieces(self.objects[policy, run, "json"])

    def _check(self, call: str, is_usable: bool) -> None:
        if call == self.busy_at:
            raise PlanStoreBusy(Reason.PLANS_UNUSABLE, "the plans bucket cannot be used (SlowDown)")
        if not is_usable:
            raise RunRefused(Reason.PLANS_UNUSABLE, "the plans bucket cannot be used (AccessDenied)")


@dataclass
class StoppingQueue:
    """Stores what is sent. After `takes` batches it fails, or the function is killed before or after one."""

    sent: list[NewMessage] = field(default_factory=list)
    takes: int | None = None
    then: str = "refuses"
    batches: int = 0
    sizes: list[int] = field(default_factory=list)

    def send(self, messages: Sequence[NewMessage]) -> bool:
        assert 1 <= len(messages) <= 10
        if self.batches == self.takes:
            if self.then == "killed after":
                self.sent += messages
            if self.then != "refuses":
                raise Killed
            return False
        self.batches += 1
        self.sizes.append(len(messages))
        self.sent += messages
        return True

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The delete requests, in the order they were sent."""
        return [json.loads(message.body) for message in self.sent]

    @property
    def ids(self) -> list[str]:
        return [request["backup_id"] for request in self.requests]


@dataclass
class RecordingBus:
    """Records published events. While `is_down`, publishing fails."""

    published: list[tuple[str, PurgeResult]] = field(default_factory=list)
    is_down: bool = False

    def announce(self, detail_type: str, details: Sequence[PurgeResult]) -> bool:
        if self.is_down:
            return False
        self.published += [(detail_type, detail) for detail in details]
        return True

    @property
    def types(self) -> list[str]:
        return [detail_type for detail_type, _ in self.published]


@dataclass
class RecordingReport:
    """Records reports."""

    ends: list[PurgeResult] = field(default_factory=list)
    plans: list[PurgeResult] = field(default_factory=list)
    unreadable_plans: list[tuple[str, str]] = field(default_factory=list)
    deletions: list[tuple[str, int]] = field(default_factory=list)
    scheduled_runs: list[str] = field(default_factory=list)

    def scheduled(self, policy: str) -> None:
        self.scheduled_runs.append(policy)

    def planned(self, result: PurgeResult) -> None:
        self.plans.append(result)

    def unreadable(self, policy: str, message: str) -> None:
        self.unreadable_plans.append((policy, message))

    def requested(self, policy: str, count: int) -> None:
        self.deletions.append((policy, count))

    def ended(self, result: PurgeResult) -> None:
        self.ends.append(result)


class World:
    """A purger and everything around it."""

    def __init__(
        self, records: list[Record] | None = None, clock: ManualClock | None = None, cloud: ListedCloud | None = None
    ) -> None:
        self.clock = clock or ManualClock(NOW)
        self.cloud = cloud or ListedCloud(records or [])
        self.plans = StoredPlans(clock=self.clock)
        self.queue = StoppingQueue()
        self.bus = RecordingBus()
        self.report = RecordingReport()
        self.holds = HoldStoreInMemory()
        self.seconds_left = 900.0
        self.start_environment()

    def start_environment(self, **settings: Any) -> None:  # noqa: ANN401  # settings of a purger
        """Handle all further events in a new execution environment."""
        self._purger = Purger(
            holds=self.holds,
            backups=self.cloud,
            plans=self.plans,
            queue=self,
            bus=self.bus,
            report=self.report,
            clock=self.clock,
            default_target="default",
            **({"minimum_age": timedelta()} | settings),
        )

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send with the current queue, which a test may replace."""
        return self.queue.send(messages)

    def handle(self, event: object) -> dict[str, Any]:
        return self._purger.handle(event, lambda: self.seconds_left, INVOCATION)

    def run(self, scheduled_time: str = SCHEDULED, /, **changes: object) -> dict[str, Any]:
        return self.handle({"run": POLICY | changes, "scheduled_time": scheduled_time})

    def interrupt(self, takes: int = 0, **changes: object) -> list[str]:
        """Make a run with a queue that fails after some batches; return what was sent."""
        self.queue = StoppingQueue(takes=takes)
        with pytest.raises(RunUnfinished):
            self.run(**changes)
        sent, self.queue = self.queue.ids, StoppingQueue()
        return sent

    def wait(self, seconds: float = 0, **span: float) -> None:
        """Advance the clock of the purger and the cloud."""
        self.clock.advance(seconds + timedelta(**span).total_seconds())
        self.cloud.date = self.clock.now

    def preview(self, **changes: object) -> dict[str, Any]:
        """Make a run that sends nothing."""
        return self.run(**{"mode": "preview", **changes})

    def approve(self, plan: str, **changes: object) -> dict[str, Any]:
        """Approve a stored plan."""
        return self.handle({"approve": {"policy": "nightly", "plan": plan} | changes})

    def document(self, run: str = RUN) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.plans.objects["nightly", run, "json"])
        return found

    def warnings(self, run: str = RUN) -> list[str]:
        found: list[str] = self.document(run)["warnings"]
        return found

    @property
    def kinds(self) -> set[str]:
        """Return the suffixes of all stored objects."""
        return {key[2] for key in self.plans.objects}

    def stored_plan(self, run: str = RUN) -> Plan:
        return read_plan(self.plans.objects["nightly", run, "json"])

    def replace_plan(self, plan: Plan, run: str = RUN, *, recomputed: bool = False) -> str:
        """Store a plan as a forger would, with its own sha256; `recomputed`: also with the summaries of its rows."""
        if recomputed:
            groups, totals, guards = recompute(plan)
            plan = replace(plan, groups=groups, totals=totals, guards=guards)
        plan = replace(plan, sha256=None)
        sha256 = sha256_of(plan)
        self.plans.objects["nightly", run, "json"] = encode_plan(replace(plan, sha256=sha256))
        self.plans.hashes["nightly", run] = sha256
        return sha256

    def due(self, run: str = RUN) -> list[str]:
        """Return the due backups of a stored plan, in order."""
        plan = self.document(run)
        return [row["id"] for row in plan["backups"] if "due_at" in row and row["due_at"] <= plan["made_at"]]


def assert_refused(world: World, answer: dict[str, Any], reason: str, *words: str) -> None:
    """Assert that nothing is sent, and that result, event and log have the reason in one sentence."""
    assert (answer["outcome"], answer["reason"]) == ("refused", reason), answer
    assert all(word in answer["message"] for word in words), answer["message"]
    assert "\n" not in answer["message"]
    assert world.queue.sent == []
    assert world.bus.types[-1] == "VBS Purge Refused"
    assert world.report.ends[-1].outcome == "refused"


def previewed(world: World, **changes: object) -> str:
    """Make a preview; return the sha256 of its plan."""
    sha256 = world.preview(**changes)["plan"]
    assert isinstance(sha256, str)
    return sha256


def in_pieces(document: bytes, size: int = 700) -> Iterator[bytes]:
    """Yield a document in pieces of any size."""
    return (document[start : start + size] for start in range(0, len(document), size))


def _read(records: list[Record]) -> tuple[Backup, ...]:
    return msgspec.convert(tuple(records), tuple[Backup, ...])
