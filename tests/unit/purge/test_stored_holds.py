"""Holds and stops in the stack's bucket, and the minimum age, as a purge respects them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from tests.unit.purge.purge_world import POLICY, RUN, StoppingQueue, World, assert_refused, previewed
from tests.unit.purge.strategies import DAY, NOW, backup_id, ids, nightly
from vbs_reaper.backups.holds import HoldKind, HoldRecord, name_of_hold
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.errors import RunUnfinished

VOLUME = backup_id(10**9)
N = "0123abcd"


def put_hold(world: World, kind: HoldKind, of: str, until: datetime | None = None) -> str:
    name = name_of_hold(kind, of, until, N)
    world.holds.put(name, HoldRecord(reason="case 7", by="arn:aws:iam::1:user/jane", at=NOW))
    return name


# ── Holds ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_on_hold_in_the_bucket_is_kept_and_the_plan_says_by_whom_until_when_and_why(world: World) -> None:
    name = put_hold(world, HoldKind.BACKUP, backup_id(3))
    answer = world.run()
    assert (answer["outcome"], answer["requested"]) == ("completed", 2)
    (row,) = [row for row in world.document()["backups"] if row["id"] == backup_id(3)]
    by = f"by arn:aws:iam::1:user/jane until it is released: case 7 ({name})"
    assert (row["reasons"], row["detail"]) == (["held"], by)


@pytest.mark.parametrize(("until", "requested", "ending"), [(None, 0, "released"), (NOW, 3, None)])
def test_a_hold_on_a_volume_keeps_all_its_backups_until_it_ends(
    world: World, until: datetime | None, requested: int, ending: str | None
) -> None:
    put_hold(world, HoldKind.VOLUME, VOLUME, until)
    assert world.run()["requested"] == requested
    assert world.holds.reads == ([] if ending is None else [f"volume/{VOLUME}/{ending}-{N}"])


def test_a_hold_that_ends_within_fourteen_days_is_announced_in_plan_and_event(world: World) -> None:
    put_hold(world, HoldKind.BACKUP, backup_id(3), NOW + 14 * DAY)
    put_hold(world, HoldKind.BACKUP, backup_id(4), NOW + 15 * DAY)
    put_hold(world, HoldKind.BACKUP, backup_id(99), NOW + DAY)  # holds nothing that is listed
    world.run()
    (announced,) = [warning for warning in world.warnings() if "ends within 14 days" in warning]
    assert "case 7" in announced
    assert f"backup/{backup_id(3)}/" in announced
    assert world.bus.published[0][1].warnings == (announced,)


def test_an_approval_leaves_out_what_was_put_on_hold_after_the_plan(world: World) -> None:
    sha256 = previewed(world)
    put_hold(world, HoldKind.BACKUP, backup_id(3))
    world.wait(60)
    answer = world.approve(sha256)
    assert answer["requested"] == 2
    assert answer["left_out"]["reasons"] == {"held": 1}


# ── Stops ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("of", [f"nightly/{RUN}", "nightly/*"])
def test_a_stopped_run_stores_its_plan_and_sends_nothing_but_can_be_previewed(world: World, of: str) -> None:
    put_hold(world, HoldKind.RUN, of)
    answer = world.run()
    assert_refused(world, answer, "stopped", "is stopped by arn:aws:iam::1:user/jane until it is released: case 7")
    assert world.document()["totals"]["due"] == 3
    assert_refused(world, world.approve(answer["plan"]), "stopped")
    assert world.run("2026-11-25T04:00:00Z", mode="preview")["outcome"] == "planned"


def test_a_stopped_run_that_exceeds_a_guard_is_refused_as_stopped(world: World) -> None:
    put_hold(world, HoldKind.RUN, "nightly/*")
    assert_refused(world, world.run(guards={"max_deletions": 1}), "stopped")


def test_a_stop_of_another_policy_or_run_stops_nothing(world: World) -> None:
    put_hold(world, HoldKind.RUN, "weekly/*")
    put_hold(world, HoldKind.RUN, "nightly/2026-11-24T03-00-00Z")
    assert world.run()["requested"] == 3


class SlowQueue(StoppingQueue):
    """A batch takes 20 seconds. After the third one, the run is stopped or the holds cannot be listed."""

    world: World
    stops: bool = True

    def send(self, messages: Sequence[NewMessage]) -> bool:
        self.world.wait(20)
        if self.batches == 2 and self.stops:
            put_hold(self.world, HoldKind.RUN, f"nightly/{RUN}")
        self.world.holds.is_unusable = self.batches >= 2 and not self.stops
        return super().send(messages)


@pytest.fixture
def slow() -> World:
    """A world of a hundred backups and a `SlowQueue`."""
    world = World(nightly(100))
    world.queue = queue = SlowQueue()
    queue.world = world
    return world


@pytest.mark.parametrize("is_approved", [False, True])
def test_a_run_that_is_sending_stops_within_thirty_seconds_and_continues_when_the_stop_is_released(
    slow: World, *, is_approved: bool
) -> None:
    sha256 = previewed(slow) if is_approved else ""

    def send() -> dict[str, Any]:
        return slow.approve(sha256) if is_approved else slow.run()

    stopped = send()
    assert (stopped["outcome"], stopped["reason"]) == ("refused", "stopped")
    assert "40 requests were sent before" in stopped["message"]
    assert slow.queue.ids == ids(*range(2, 42)), "the fourth batch was sent by a listing that was 20 seconds old"
    assert slow.report.deletions == [("nightly", 40)]
    assert "sent" not in slow.kinds
    slow.holds.records.clear()
    slow.wait(31)
    slow.queue = StoppingQueue()
    answer = send()
    assert (answer["outcome"], answer["requested"]) == ("completed", 58)
    assert "58 deletions were requested, after 40 by earlier attempts." in answer["message"]
    assert slow.queue.ids == ids(*range(42, 100))


def test_run_that_cannot_list_the_holds_while_it_is_sending_continues_behind_what_was_sent(slow: World) -> None:
    assert isinstance(slow.queue, SlowQueue)
    slow.queue.stops = False
    with pytest.raises(RunUnfinished, match="the holds cannot be read"):
        slow.run()
    before = slow.queue.ids
    assert slow.report.deletions == [("nightly", len(before))]
    slow.holds.is_unusable = False
    slow.wait(1)
    slow.queue = StoppingQueue()
    assert slow.run()["requested"] == 98 - len(before)
    assert [*before, *slow.queue.ids] == ids(*range(2, 100))


def test_a_run_is_repeated_while_the_holds_cannot_be_listed(world: World) -> None:
    world.holds.is_unusable = True
    with pytest.raises(RunUnfinished, match="the holds cannot be read"):
        world.run()
    assert world.queue.sent == []
    assert world.plans.objects == {}
    world.holds.is_unusable = False
    world.wait(1)
    assert world.run()["requested"] == 3


# ── Minimum age ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_backups_younger_than_the_stacks_minimum_age_are_kept(world: World) -> None:
    world.start_environment(minimum_age=3 * DAY)
    assert world.run(keep={"last": 1})["requested"] == 2
    kept = {row["id"]: row["reasons"] for row in world.document()["backups"] if "due_at" not in row}
    assert kept == {
        backup_id(0): ["keep_last", "min_kept", "minimum_age"],
        backup_id(1): ["minimum_age"],
        backup_id(2): ["minimum_age"],
    }


def test_the_minimum_age_does_not_keep_failed_backups() -> None:
    world = World([*nightly(3), *nightly(1, id=backup_id(50), status="error")])
    world.start_environment(minimum_age=30 * DAY)
    answer = world.run(match=POLICY["match"] | {"status": ["available", "error"]})
    assert world.queue.ids == [backup_id(50)], answer
