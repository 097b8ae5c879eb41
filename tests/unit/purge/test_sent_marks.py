"""Marks beside a plan: which count, what a run does that finds another one, and how a long sending is continued."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.purge_world import (
    POLICY,
    RUN,
    SCHEDULED,
    Killed,
    ListedCloud,
    StoppingQueue,
    World,
    assert_refused,
    previewed,
)
from tests.unit.purge.strategies import DAY, HOUR, backup_id, ids, many, nightly, record
from vbs_reaper.backups.answer import Answer, Page
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.mark_names import NAMES, endings_of, read_mark_key
from vbs_reaper.purge.ports import SentMark

SECOND = timedelta(seconds=1)


def put_mark(world: World, document: object, name: str = "sent", *, later: timedelta = timedelta()) -> None:
    """Store a mark of another writer, at the time of the plan or later."""
    key = "nightly", RUN, name
    world.plans.objects[key] = document if isinstance(document, bytes) else json.dumps(document).encode()
    world.plans.stored_at[key] = world.plans.stored_at.get(("nightly", RUN, "json"), world.clock.now) + later


def counts(world: World, name: str = "sent") -> tuple[str, int, int]:
    """The plan, how many were requested and how many left out, as stored under a name."""
    found = json.loads(world.plans.objects["nightly", RUN, name])
    return found["plan"], found["requested"], found.get("left_out", {"count": 0})["count"]


# ── Names ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", ["sent", "grace.sent", "sent.1", "sent.part", "grace.sent.part.2"])
def test_marks_and_parts_of_a_run_are_of_one_run(ending: str) -> None:
    found = read_mark_key(f"plans/p/r.{ending}")
    assert found is not None
    assert found.run == "plans/p/r"


@pytest.mark.parametrize("name", ["p/r.json", "p/r.html", "p/r.sent.json", "p/r.sent.100", "p.sent/r.json"])
def test_what_is_no_mark_is_of_no_run(name: str) -> None:
    assert read_mark_key(f"plans/{name}") is None


@pytest.mark.parametrize("mark", SentMark)
@pytest.mark.parametrize("is_part", [False, True])
def test_every_name_that_a_mark_may_have_is_read_as_that_mark(mark: SentMark, *, is_part: bool) -> None:
    endings = list(endings_of(mark, is_part=is_part))
    assert len(set(endings)) == NAMES
    for ending in endings:
        found = read_mark_key(f"plans/p/r.{ending}")
        assert found is not None
        assert (found.run, found.mark, found.is_part) == ("plans/p/r", mark, is_part)


# ── Which marks count ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "forged",
    [
        *(b"", b"{}", b"\xff", b"[" * 100_000),
        *({"plan": "0" * 64, "requested": 3}, {"requested": 3}, {"plan": None, "requested": 3}),
    ],
)
def test_run_whose_mark_was_written_before_its_plan_sends_and_ends_and_says_so(world: World, forged: object) -> None:
    put_mark(world, forged)
    answer = world.run()
    assert (answer["outcome"], answer["requested"]) == ("completed", 3)
    assert counts(world, "sent.1") == (answer["plan"], 3, 0)
    assert world.run()["outcome"] == "already_sent"
    assert world.queue.ids == ids(2, 3, 4)


def test_forged_mark_of_a_plan_does_not_silence_its_approval(world: World) -> None:
    sha256 = previewed(world)
    put_mark(world, {"plan": "1" * 64, "requested": 3})
    answer = world.approve(sha256)
    assert answer["requested"] == 3
    assert answer["message"].endswith(
        f"Marks that do not belong to this plan were ignored; find out who wrote them: plans/nightly/{RUN}.sent."
    )
    assert world.bus.published[-1][1].message == answer["message"]
    assert world.approve(sha256)["outcome"] == "already_sent"


@pytest.mark.parametrize(
    ("requested", "left_out", "later", "is_counted"),
    [
        (3, None, timedelta(), True),
        (3, None, SECOND, True),
        (3, None, -SECOND, False),
        (2, None, SECOND, False),
        (4, None, SECOND, False),
        (0, None, SECOND, False),
        ("3", None, SECOND, False),
        (1, {"count": 2, "reasons": {"held": 2}}, SECOND, True),
        (1, {"count": 1, "reasons": {"held": 1}}, SECOND, False),
        (5, {"count": -2, "reasons": {}}, SECOND, False),
        (0, {"count": 3, "reasons": {}}, SECOND, False),
    ],
)
def test_mark_counts_only_with_the_hash_and_all_deletions_of_a_plan_that_is_not_younger(
    world: World, requested: object, left_out: dict[str, Any] | None, later: timedelta, *, is_counted: bool
) -> None:
    sha256 = previewed(world)
    mark = {"plan": sha256, "requested": requested}
    put_mark(world, mark if left_out is None else mark | {"left_out": left_out | {"backups": []}}, later=later)
    answer = world.approve(sha256)
    assert answer["outcome"] == ("already_sent" if is_counted else "completed")
    assert len(world.queue.sent) == (0 if is_counted else 3)


def test_mark_of_the_due_deletions_does_not_count_for_those_in_grace() -> None:
    world = World([*nightly(5), *(record(50 + n, age=n * DAY + 2 * HOUR, name="daily-x") for n in range(2))])
    sha256 = previewed(world, grace="7d")
    put_mark(world, {"plan": sha256, "requested": 5}, later=SECOND)
    assert world.approve(sha256, include_grace=True)["requested"] == 5
    assert world.approve(sha256, include_grace=True)["outcome"] == "already_sent"


def test_mark_states_what_was_requested_and_what_was_left_out() -> None:
    world = World(nightly(6))
    sha256 = previewed(world)
    world.cloud.records[3]["description"] = "[hold]"
    world.approve(sha256)
    assert counts(world) == (sha256, 3, 1)


def test_marks_that_fill_every_name_do_not_keep_a_run_from_ending(world: World) -> None:
    for name in ["sent", *(f"sent.{number}" for number in range(1, 99))]:
        put_mark(world, b"{}", name)
    assert world.run()["requested"] == 3


# ── Format 1 ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def store_as_format_1(world: World, run: str = RUN, *, guards: int = 2) -> str:
    """Replace a stored plan by what an earlier version would have stored."""
    found = world.stored_plan(run)
    return world.replace_plan(replace(found, format=1, guards=found.guards[:guards]), run)


def test_plan_of_format_1_is_approved_unless_its_summary_does_not_match_its_backups(world: World) -> None:
    previewed(world)
    sha256 = store_as_format_1(world)
    forged = World(nightly(5))
    previewed(forged)
    refused = forged.approve(store_as_format_1(forged, guards=1))
    assert_refused(forged, refused, "plan_changed", "find out who wrote it")
    assert world.approve(sha256)["requested"] == 3
    assert world.approve(sha256)["outcome"] == "already_sent"


def test_approval_of_a_plan_of_format_1_with_groups_by_name_deletes_no_only_copy() -> None:
    """Format 1 has no reading of `max_volumes_left_without`, so the plan has not shown the volumes."""
    rows = nightly(4, name="daily-db")
    rows += [record(n, age=n * DAY, name="daily-db", volume_id=backup_id(10**9 + 1)) for n in (8, 9)]
    world = World(rows)
    previewed(world, group_by="name")
    answer = world.approve(store_as_format_1(world))
    assert (answer["requested"], answer["left_out"]["reasons"]) == (3, {"only_copy": 1})
    assert backup_id(8) not in world.queue.ids


def test_plan_of_format_1_is_sent_by_a_repeated_run(world: World) -> None:
    world.interrupt()
    store_as_format_1(world)
    assert world.run()["requested"] == 3


def test_grace_continues_from_plans_of_format_1(world: World) -> None:
    for day in range(3):
        answer = world.run(f"2026-11-{25 + day}T03:00:00Z", grace="2d")
        if day < 2:
            store_as_format_1(world, answer["run"])
        world.wait(days=1)
    assert answer["requested"] == 3


# ── Longer than an invocation ─────────────────────────────────────────────────────────────────────────────────────────


class SlowCloud(ListedCloud):
    world: "SlowWorld"

    def list_backups(self, *args: Any, **options: Any) -> Iterator[Page | Answer]:  # noqa: ANN401  # as the port has it
        self.world.spend(self.world.list_s)
        return super().list_backups(*args, **options)


class SlowWorld(World):
    """Listing and sending take time on the clock, and an invocation ends after 15 minutes, as in Lambda."""

    def __init__(self, backups: int, *, list_s: float, batch_s: float) -> None:
        cloud = SlowCloud(nightly(backups))
        cloud.world = self
        super().__init__(cloud=cloud)
        self.list_s, self.batch_s = list_s, batch_s
        self.began = self.clock.now
        self.invocations = 0

    def spend(self, seconds: float) -> None:
        """Advance the clock, and kill the function at its timeout."""
        self.wait(seconds)
        self.seconds_left = 900 - (self.clock.now - self.began).total_seconds()
        if self.seconds_left <= 0:
            raise Killed

    def send(self, messages: Sequence[NewMessage]) -> bool:
        self.spend(self.batch_s)
        return super().send(messages)

    def handle(self, event: object) -> dict[str, Any]:
        self.began, self.seconds_left = self.clock.now, 900.0
        self.invocations += 1
        return super().handle(event)

    def until_it_ends(self, event: object, at_most: int) -> dict[str, Any]:
        """Repeat an unfinished invocation every minute."""
        for _ in range(at_most):
            try:
                return self.handle(event)
            except RunUnfinished:
                self.wait(60)
        raise AssertionError(f"not finished after {at_most} invocations")


def purge(scheduled_time: str = SCHEDULED, **changes: object) -> dict[str, Any]:
    guards = {"max_fraction": 1, "max_deletions": 999}
    return {"run": POLICY | {"guards": guards} | changes, "scheduled_time": scheduled_time}


@pytest.mark.parametrize("changes", [{}, {"grace": "2d"}])
def test_repeated_run_ends_although_list_and_requests_take_longer_than_an_invocation(changes: dict[str, str]) -> None:
    """300 s for the list and 60 batches of 29 s are 34 minutes. Every repeat lists again."""
    world = SlowWorld(602, list_s=300, batch_s=29)
    for day in range(2 if changes else 0):
        world.handle(purge(f"2026-11-{25 + day}T02:00:00Z", **changes, mode="preview"))
        world.wait(days=1)
    invocations = world.invocations
    answer = world.until_it_ends(purge(**changes), at_most=4)
    assert answer["outcome"] == "completed"
    assert world.queue.ids == ids(*range(2, 602)), "each once, in the order of the plan"
    assert counts(world)[1:] == (600, 0)
    assert "by earlier attempts" in answer["message"]
    assert sum(count for _, count in world.report.deletions) == 600
    assert world.invocations - invocations > 2
    assert world.handle(purge(**changes))["outcome"] == "already_sent"


def test_repeated_approval_ends_and_counts_what_each_attempt_left_out() -> None:
    world = SlowWorld(302, list_s=400, batch_s=60)
    sha256 = world.handle(purge(mode="preview"))["plan"]
    approve = {"approve": {"policy": "nightly", "plan": sha256}}
    world.cloud.records[5]["description"] = "[hold]"
    with pytest.raises(RunUnfinished):
        world.handle(approve)
    assert counts(world, "sent.part")[2] == 1
    world.cloud.records[301]["description"] = "[hold]"
    gone = world.queue.ids[:20]
    world.cloud.records = [row for row in world.cloud.records if row["id"] not in gone]
    answer = world.until_it_ends(approve, at_most=5)
    assert answer["outcome"] == "completed"
    assert world.queue.ids == ids(*(n for n in range(2, 301) if n != 5)), "each once, in the order of the plan"
    assert answer["left_out"]["reasons"] == {"held": 2}, "one by an attempt that has published nothing"
    assert [each["id"] for each in answer["left_out"]["backups"]] == ids(5, 301)
    assert counts(world) == (sha256, 298, 2)
    assert world.bus.types.count("VBS Purge Completed") == 1


def test_function_that_is_killed_without_a_word_continues_from_the_last_part() -> None:
    world = World(nightly(52))
    world.interrupt(takes=2)
    world.queue = StoppingQueue(takes=1, then="killed after")
    with pytest.raises(Killed):
        world.run()
    assert world.queue.ids == ids(*range(22, 42))
    world.queue = StoppingQueue()
    assert world.run()["requested"] == 30
    assert world.queue.ids == ids(*range(22, 52))


@pytest.mark.parametrize(
    ("plan", "requested"), [("0" * 64, 2), (None, 2), ("right", 3), ("right", 10**9), ("right", 0)]
)
def test_part_that_does_not_count_skips_nothing(world: World, plan: str | None, requested: int) -> None:
    world.interrupt()
    sha256 = world.document()["sha256"] if plan == "right" else plan
    put_mark(world, {"requested": requested} | ({"plan": sha256} if sha256 else {}), "sent.part")
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
    world = World(nightly(60))
    sha256 = previewed(world)
    sent: list[str] = []
    for number, takes in enumerate([*stops, None]):
        world.queue = StoppingQueue(takes=takes)
        if number == len(stops) // 2:
            for each in held:
                world.cloud.records[each]["description"] = "[hold]"
        if late:
            world.wait(3601)
        with suppress(RunUnfinished):
            assert world.approve(sha256)["outcome"] in {"completed", "already_sent"}
        sent += world.queue.ids
    assert len(sent) == len(set(sent))
    assert set(ids(*range(2, 60))) - set(sent) <= set(ids(*held))
    if sent:
        _, requested, left_out = counts(world)
        assert (requested, requested + left_out) == (len(sent), 58)
