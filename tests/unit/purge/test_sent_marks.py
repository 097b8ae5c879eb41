"""Marks beside a plan: which count, what a run does that finds another one, and how a long sending is continued."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import RUN, Killed, StoppingQueue, World, assert_refused, previewed
from tests.unit.purge.strategies import NOW, backup_id, many, nightly, record
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.plan_file import encode_plan, read_plan, sha256_of

SENT = "nightly", RUN, "sent"
SECOND = timedelta(seconds=1)


def ids(*numbers: int) -> list[str]:
    return [backup_id(number) for number in numbers]


def put_mark(world: World, document: object, name: str = "sent", *, later: timedelta = timedelta()) -> None:
    """Store what somebody else wrote."""
    key = "nightly", RUN, name
    world.plans.objects[key] = document if isinstance(document, bytes) else json.dumps(document).encode()
    world.plans.stored_at[key] = world.plans.stored_at.get(("nightly", RUN, "json"), world.clock.now) + later


def record_of(world: World, name: str = "sent") -> dict[str, Any]:
    """The counts that are stored under a name."""
    found = json.loads(world.plans.objects["nightly", RUN, name])
    return {
        "plan": found["plan"],
        "requested": found["requested"],
        "left_out": found.get("left_out", {"count": 0})["count"],
    }


# ── Which marks count ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        {"plan": "0" * 64, "requested": 3},
        {"requested": 3},
        {"plan": None, "requested": 3},
    ],
)
def test_run_whose_mark_was_written_before_its_plan_sends_and_ends_and_says_so(forged: object) -> None:
    world = World(nightly(5))
    put_mark(world, forged)
    answer = world.run()
    assert (answer["outcome"], answer["requested"]) == ("completed", 3)
    assert world.queue.ids == ids(2, 3, 4)
    assert record_of(world, "sent.1") == {"plan": answer["plan"], "requested": 3, "left_out": 0}
    again = world.run()
    assert again["outcome"] == "already_sent"
    assert len(world.queue.sent) == 3


def test_forged_mark_of_a_plan_does_not_silence_its_approval() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    put_mark(world, {"plan": "1" * 64, "requested": 3})
    answer = world.approve(sha256)
    assert answer["requested"] == 3
    assert answer["message"].endswith(
        f"Marks that do not belong to this plan were ignored; find out who wrote them: plans/nightly/{RUN}.sent."
    )
    assert world.bus.heard[-1][1].message == answer["message"]
    assert world.approve(sha256)["outcome"] == "already_sent"


@pytest.mark.parametrize(
    ("mark", "later", "counts"),
    [
        ({"requested": 3}, timedelta(), True),
        ({"requested": 3}, SECOND, True),
        ({"requested": 3}, -SECOND, False),
        ({"requested": 2}, SECOND, False),
        ({"requested": 4}, SECOND, False),
        ({"requested": 0}, SECOND, False),
        ({"requested": "3"}, SECOND, False),
        ({"requested": 1, "left_out": {"count": 2, "reasons": {"held": 2}, "backups": []}}, SECOND, True),
        ({"requested": 1, "left_out": {"count": 1, "reasons": {"held": 1}, "backups": []}}, SECOND, False),
        ({"requested": 5, "left_out": {"count": -2, "reasons": {}, "backups": []}}, SECOND, False),
        ({"requested": 0, "left_out": {"count": 3, "reasons": {}, "backups": []}}, SECOND, False),
    ],
)
def test_mark_counts_only_with_the_hash_and_all_deletions_of_a_plan_that_is_not_younger(
    mark: dict[str, Any], later: timedelta, *, counts: bool
) -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    put_mark(world, {"plan": sha256} | mark, later=later)
    answer = world.approve(sha256)
    assert answer["outcome"] == ("already_sent" if counts else "completed")
    assert len(world.queue.sent) == (0 if counts else 3)


def test_mark_of_the_due_deletions_does_not_count_for_those_in_grace() -> None:
    world = World([*nightly(5), *(record(50 + n, age=timedelta(days=n, hours=2), name="daily-x") for n in range(2))])
    sha256 = previewed(world, grace="7d")
    put_mark(world, {"plan": sha256, "requested": 5}, later=SECOND)
    assert world.approve(sha256, include_grace=True)["requested"] == 5
    assert world.approve(sha256, include_grace=True)["outcome"] == "already_sent"


def test_mark_of_an_earlier_version_is_the_whole_result_and_counts() -> None:
    """It was `already_sent` by its existence; its content is the encoded result, without `left_out` if that is 0."""
    world = World(nightly(5))
    answer = world.run()
    assert json.loads(world.plans.objects[SENT]) == json.loads(json.dumps(answer))
    world.clock.advance(60)
    assert world.run()["outcome"] == "already_sent"


def test_mark_states_what_was_requested_and_what_was_left_out() -> None:
    rows = nightly(6)
    world = World(rows)
    sha256 = previewed(world)
    rows[3]["description"] = "[hold]"
    world.approve(sha256)
    assert record_of(world) == {"plan": sha256, "requested": 3, "left_out": 1}


def test_marks_that_fill_every_name_do_not_keep_a_run_from_ending() -> None:
    world = World(nightly(5))
    for name in ["sent", *(f"sent.{number}" for number in range(1, 99))]:
        put_mark(world, b"{}", name)
    assert world.run()["requested"] == 3


# ── Format 1 ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def store_as_format_1(world: World, run: str = RUN) -> str:
    """Replace a stored plan by what an earlier version would have stored."""
    found = read_plan(world.plans.objects["nightly", run, "json"])
    found = replace(found, format=1, guards=found.guards[:2], sha256=None)
    sha256 = sha256_of(found)
    world.plans.objects["nightly", run, "json"] = encode_plan(replace(found, sha256=sha256))
    world.plans.hashes["nightly", run] = sha256
    return sha256


def test_plan_of_format_1_is_approved() -> None:
    world = World(nightly(5))
    previewed(world)
    sha256 = store_as_format_1(world)
    assert world.approve(sha256)["requested"] == 3
    assert world.approve(sha256)["outcome"] == "already_sent"


def test_approval_of_a_plan_of_format_1_with_groups_by_name_deletes_no_only_copy() -> None:
    """Format 1 has no reading of `max_volumes_left_without`, so the plan has not shown the volumes."""
    rows = [record(n, age=timedelta(days=n, hours=1), name="daily-db", volume_id=backup_id(10**9)) for n in range(4)]
    rows += [record(n, age=timedelta(days=n), name="daily-db", volume_id=backup_id(10**9 + 1)) for n in (8, 9)]
    world = World(rows)
    previewed(world, group_by="name")
    answer = world.approve(store_as_format_1(world))
    assert (answer["requested"], answer["left_out"]["reasons"]) == (3, {"only_copy": 1})
    assert backup_id(8) not in world.queue.ids


def test_plan_of_format_1_must_match_its_backups_too() -> None:
    world = World(nightly(5))
    previewed(world)
    key = "nightly", RUN, "json"
    found = read_plan(world.plans.objects[key])
    world.plans.objects[key] = encode_plan(replace(found, guards=found.guards[:1]))
    assert_refused(world, world.approve(store_as_format_1(world)), "plan_changed", "find out who wrote it")


def test_plan_of_format_1_is_sent_by_a_repeated_run() -> None:
    world = World(nightly(5))
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    store_as_format_1(world)
    world.queue = StoppingQueue()
    assert world.run()["requested"] == 3


def test_grace_continues_from_plans_of_format_1() -> None:
    world = World(nightly(5), ManualClock(NOW))
    for day in range(3):
        answer = world.run(f"2026-11-{25 + day}T03:00:00Z", grace="2d")
        if day < 2:
            store_as_format_1(world, answer["run"])
        world.wait(86400)
    assert answer["requested"] == 3


# ── Longer than an invocation ─────────────────────────────────────────────────────────────────────────────────────────


class SlowWorld(World):
    """Listing and sending take time on the clock, and an invocation ends after 15 minutes, as in Lambda."""

    def __init__(self, backups: int, *, list_s: float, batch_s: float) -> None:
        super().__init__(nightly(backups), ManualClock(NOW))
        self.cloud.page_size = backups
        self._list_s, self._batch_s = list_s, batch_s
        self._began = self.clock.now
        self.invocations = 0
        pages = self.cloud.list_backups

        def list_slowly(*args: Any, **options: Any) -> Any:  # noqa: ANN401  # as the port has it
            self.spend(self._list_s)
            return pages(*args, **options)

        self.cloud.list_backups = list_slowly  # type: ignore[method-assign]

    def spend(self, seconds: float) -> None:
        """Let time pass; the function is stopped when its own is over."""
        self.wait(seconds)
        self.seconds_left = 900 - (self.clock.now - self._began).total_seconds()
        if self.seconds_left <= 0:
            raise Killed

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """A batch takes its time."""
        self.spend(self._batch_s)
        return super().send(messages)

    def handle(self, event: object) -> dict[str, Any]:
        """One invocation."""
        self._began, self.seconds_left = self.clock.now, 900.0
        self.invocations += 1
        return super().handle(event)

    def until_it_ends(self, event: object, at_most: int) -> dict[str, Any]:
        """Invoke again what was not finished, a minute later."""
        for _ in range(at_most):
            try:
                return self.handle(event)
            except RunUnfinished:
                self.wait(60)
        raise AssertionError(f"not finished after {at_most} invocations")


def purge_event(world: World, **changes: object) -> dict[str, Any]:
    from tests.unit.purge.purge_world import POLICY, SCHEDULED  # noqa: PLC0415

    return {
        "run": POLICY | {"guards": {"max_fraction": 1, "max_deletions": 999}} | changes,
        "scheduled_time": SCHEDULED,
    }


@pytest.mark.parametrize("grace", [None, "2d"])
def test_repeated_run_ends_although_list_and_requests_take_longer_than_an_invocation(grace: str | None) -> None:
    """300 s for the list and 60 batches of 29 s are 34 minutes. Every repeat lists again."""
    world = SlowWorld(602, list_s=300, batch_s=29)
    changes = {} if grace is None else {"grace": grace}
    if grace:
        for day in range(2):
            world.handle(
                purge_event(world, **changes, mode="preview") | {"scheduled_time": f"2026-11-{25 + day}T02:00:00Z"}
            )
            world.wait(86400)
    invocations = world.invocations
    answer = world.until_it_ends(purge_event(world, **changes), at_most=4)
    assert answer["outcome"] == "completed"
    assert world.queue.ids == ids(*range(2, 602)), "each once, in the order of the plan"
    mark = record_of(world)
    assert (mark["requested"], mark["left_out"]) == (600, 0)
    assert "by earlier attempts" in answer["message"]
    assert sum(count for _, count in world.report.deletions) == 600
    assert world.invocations - invocations > 2
    assert world.handle(purge_event(world, **changes))["outcome"] == "already_sent"


def test_repeated_approval_ends_although_list_and_requests_take_longer_than_an_invocation() -> None:
    world = SlowWorld(302, list_s=400, batch_s=60)
    sha256 = world.handle(purge_event(world, mode="preview"))["plan"]
    answer = world.until_it_ends({"approve": {"policy": "nightly", "plan": sha256}}, at_most=5)
    assert world.queue.ids == ids(*range(2, 302))
    assert record_of(world)["requested"] == 300
    assert answer["outcome"] == "completed"
    assert world.bus.types.count("VBS Purge Completed") == 1


def test_continued_approval_counts_what_each_attempt_left_out() -> None:
    world = SlowWorld(302, list_s=400, batch_s=60)
    sha256 = world.handle(purge_event(world, mode="preview"))["plan"]
    approve = {"approve": {"policy": "nightly", "plan": sha256}}
    world.cloud.records[5]["description"] = "[hold]"
    with pytest.raises(RunUnfinished):
        world.handle(approve)
    first = list(world.queue.ids)
    assert record_of(world, "sent.part")["left_out"] == 1
    world.cloud.records[301]["description"] = "[hold]"
    world.cloud.records = [row for row in world.cloud.records if row["id"] not in first[:20]]
    answer = world.until_it_ends(approve, at_most=5)
    assert sorted(world.queue.ids) == sorted(ids(*(n for n in range(2, 301) if n != 5)))
    assert answer["left_out"]["reasons"] == {"held": 1}
    assert record_of(world) == {"plan": sha256, "requested": 298, "left_out": 2}


def test_function_that_is_killed_without_a_word_continues_from_the_last_part() -> None:
    world = World(nightly(52))
    world.queue.takes = 2
    with pytest.raises(RunUnfinished):
        world.run()
    world.queue = StoppingQueue(takes=1, then="killed after")
    with pytest.raises(Killed):
        world.run()
    assert world.queue.ids == ids(*range(22, 42))
    world.queue = StoppingQueue()
    assert world.run()["requested"] == 30
    assert world.queue.ids == ids(*range(22, 52))


@pytest.mark.parametrize(
    "forged",
    [
        {"plan": "0" * 64, "requested": 2},
        {"requested": 2},
        {"plan": "PLAN", "requested": 3},
        {"plan": "PLAN", "requested": 10**9},
        {"plan": "PLAN", "requested": 0},
    ],
)
def test_part_that_does_not_count_skips_nothing(forged: dict[str, Any]) -> None:
    world = World(nightly(5))
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    sha256 = world.document()["sha256"]
    put_mark(world, {key: sha256 if value == "PLAN" else value for key, value in forged.items()}, "sent.part")
    world.queue = StoppingQueue()
    assert world.run()["requested"] == 3
    assert world.queue.ids == ids(2, 3, 4)


def test_bucket_that_fails_when_a_part_is_written_does_not_hide_why_the_run_stopped() -> None:
    world = World(nightly(37))
    world.queue.takes, world.plans.busy_at = 2, "mark"
    with pytest.raises(RunUnfinished, match="the queue accepted 20 requests"):
        world.run()
    world.queue, world.plans.busy_at = StoppingQueue(), None
    assert world.run()["requested"] == 35


@many
@given(st.lists(st.integers(0, 12), max_size=6), st.sets(st.integers(2, 59)), st.booleans())
def test_however_often_an_approval_is_stopped_each_deletion_is_requested_once_or_left_out(
    stops: list[int], held: set[int], late: bool
) -> None:
    rows = nightly(60)
    world = World(rows, ManualClock(NOW))
    sha256 = previewed(world)
    sent: list[str] = []
    for number, takes in enumerate([*stops, None]):
        world.queue = StoppingQueue(takes=takes)
        if number == len(stops) // 2:
            for each in held:
                rows[each]["description"] = "[hold]"
        if late:
            world.wait(3601)
        try:
            answer = world.approve(sha256)
        except RunUnfinished:
            sent += world.queue.ids
            continue
        sent += world.queue.ids
        assert answer["outcome"] in {"completed", "already_sent"}
    assert len(sent) == len(set(sent))
    assert set(ids(*range(2, 60))) - set(sent) <= set(ids(*held))
    marks = [record_of(world, key[2]) for key in world.plans.objects if key[2] == "sent"]
    assert all(mark["requested"] == len(sent) and mark["requested"] + mark["left_out"] == 58 for mark in marks)
    assert marks or not sent
