"""Holds and stops in the stack's bucket, and the minimum age, as a purge respects them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest

from tests.unit.purge.purge_world import POLICY, RUN, StoppingQueue, World, assert_refused, previewed
from tests.unit.purge.strategies import NOW, backup_id, nightly
from vbs_reaper.backups.holds import HoldKind, HoldRecord, name_of_hold
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.errors import RunUnfinished

VOLUME = backup_id(10**9)
N = "0123abcd"
DAY = timedelta(days=1)


def put_hold(world: World, kind: HoldKind, of: str, until: datetime | None = None) -> str:
    name = name_of_hold(kind, of, until, N)
    world.holds.put(name, HoldRecord(reason="case 7", by="arn:aws:iam::1:user/jane", at=NOW))
    return name


def test_a_backup_on_hold_in_the_bucket_is_kept_and_the_plan_says_by_whom_until_when_and_why() -> None:
    world = World(nightly(5))
    name = put_hold(world, HoldKind.BACKUP, backup_id(3))
    answer = world.run()
    assert (answer["outcome"], answer["requested"]) == ("completed", 2)
    (row,) = [row for row in world.document()["backups"] if row["id"] == backup_id(3)]
    assert (row["reasons"], row["detail"]) == (
        ["held"],
        f"by arn:aws:iam::1:user/jane until it is released: case 7 ({name})",
    )


def test_a_hold_on_a_volume_keeps_all_its_backups() -> None:
    world = World(nightly(5))
    put_hold(world, HoldKind.VOLUME, VOLUME)
    assert world.run()["requested"] == 0
    assert world.holds.reads == [f"volume/{VOLUME}/released-{N}"]


def test_a_hold_that_ends_within_fourteen_days_is_announced_in_plan_and_event() -> None:
    world = World(nightly(5))
    put_hold(world, HoldKind.BACKUP, backup_id(3), NOW + 14 * DAY)
    put_hold(world, HoldKind.BACKUP, backup_id(4), NOW + 15 * DAY)
    put_hold(world, HoldKind.BACKUP, backup_id(99), NOW + DAY)  # holds nothing that is listed
    world.run()
    announced = [warning for warning in world.document()["warnings"] if "ends within 14 days" in warning]
    assert len(announced) == 1
    assert "case 7" in announced[0]
    assert f"backup/{backup_id(3)}/" in announced[0]
    (planned, _) = [detail for _, detail in world.bus.heard]
    assert planned.warnings == tuple(announced)


def test_a_hold_that_has_ended_keeps_nothing() -> None:
    world = World(nightly(5))
    put_hold(world, HoldKind.VOLUME, VOLUME, NOW)
    assert world.run()["requested"] == 3


def test_an_approval_leaves_out_what_was_put_on_hold_after_the_plan() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    put_hold(world, HoldKind.BACKUP, backup_id(3))
    world.wait(60)
    answer = world.approve(sha256)
    assert answer["requested"] == 2
    assert answer["left_out"]["reasons"] == {"held": 1}


@pytest.mark.parametrize("of", [f"nightly/{RUN}", "nightly/*"])
def test_a_stopped_run_stores_its_plan_and_sends_nothing(of: str) -> None:
    world = World(nightly(5))
    put_hold(world, HoldKind.RUN, of)
    answer = world.run()
    assert_refused(world, answer, "stopped", "is stopped by arn:aws:iam::1:user/jane until it is released: case 7")
    assert world.document()["totals"]["due"] == 3


def test_a_stopped_run_cannot_be_approved_but_previewed() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    put_hold(world, HoldKind.RUN, "nightly/*")
    world.wait(31)
    assert_refused(world, world.approve(sha256), "stopped")
    assert world.preview()["outcome"] == "planned"


def test_a_stop_of_another_policy_or_run_stops_nothing() -> None:
    world = World(nightly(5))
    put_hold(world, HoldKind.RUN, "weekly/*")
    put_hold(world, HoldKind.RUN, "nightly/2026-11-24T03-00-00Z")
    assert world.run()["requested"] == 3


class StopWhileSending(StoppingQueue):
    """A batch takes 20 seconds, and after the third one somebody stops the run."""

    world: World

    def send(self, messages: Sequence[NewMessage]) -> bool:
        self.world.wait(20)
        if self.batches == 2:
            put_hold(self.world, HoldKind.RUN, f"nightly/{RUN}")
        return super().send(messages)


def test_a_run_that_is_sending_stops_within_thirty_seconds_and_says_how_much_was_sent() -> None:
    world = World(nightly(100))
    world.queue = queue = StopWhileSending()
    queue.world = world
    answer = world.run()
    assert (answer["outcome"], answer["reason"]) == ("refused", "stopped")
    assert len(queue.sent) == 40  # the fourth batch was sent by a listing that was 20 seconds old
    assert "40 requests were sent before" in answer["message"]
    assert world.report.deletions == [("nightly", 40)]
    assert ("nightly", RUN, "sent") not in world.plans.objects


@pytest.mark.parametrize("is_approved", [False, True])
def test_run_that_was_stopped_while_it_was_sending_continues_when_the_stop_is_released(is_approved: bool) -> None:  # noqa: FBT001
    world = World(nightly(100))
    sha256 = previewed(world) if is_approved else ""
    world.queue = queue = StopWhileSending()
    queue.world = world
    invoke = partial(world.approve, sha256) if is_approved else world.run
    assert invoke()["reason"] == "stopped"
    before = list(queue.ids)
    world.holds.records.clear()
    world.wait(31)
    world.queue = StoppingQueue()
    answer = invoke()
    assert (answer["outcome"], answer["requested"]) == ("completed", 58)
    assert "58 deletions were requested, after 40 by earlier attempts." in answer["message"]
    assert [*before, *world.queue.ids] == [backup_id(number) for number in range(2, 100)]


def test_run_that_cannot_list_the_holds_while_it_is_sending_continues_behind_what_was_sent() -> None:
    world = World(nightly(100))

    class Unlisted(StoppingQueue):
        """A batch takes 20 seconds, and after the third one the holds cannot be listed."""

        def send(self, messages: Sequence[NewMessage]) -> bool:
            world.wait(20)
            world.holds.is_unusable = self.batches >= 2
            return super().send(messages)

    world.queue = Unlisted()
    with pytest.raises(RunUnfinished, match="the holds cannot be read"):
        world.run()
    before = list(world.queue.ids)
    assert world.report.deletions == [("nightly", len(before))]
    world.holds.is_unusable = False
    world.wait(1)
    world.queue = StoppingQueue()
    assert world.run()["requested"] == 98 - len(before)
    assert [*before, *world.queue.ids] == [backup_id(number) for number in range(2, 100)]


def test_a_run_is_repeated_while_the_holds_cannot_be_listed() -> None:
    world = World(nightly(5))
    world.holds.is_unusable = True
    with pytest.raises(RunUnfinished, match="the holds cannot be read"):
        world.run()
    assert world.queue.sent == []
    assert world.plans.objects == {}
    world.holds.is_unusable = False
    world.wait(1)
    assert world.run()["requested"] == 3


def test_backups_younger_than_the_stacks_minimum_age_are_kept() -> None:
    world = World(nightly(5))
    world.use_purger(world.new_purger(minimum_age=3 * DAY))
    answer = world.run(keep={"last": 1})
    assert answer["requested"] == 2
    kept = {row["id"]: row["reasons"] for row in world.document()["backups"] if "due_at" not in row}
    assert kept == {
        backup_id(0): ["keep_last", "min_kept", "minimum_age"],
        backup_id(1): ["minimum_age"],
        backup_id(2): ["minimum_age"],
    }


def test_the_minimum_age_does_not_keep_failed_backups() -> None:
    world = World([*nightly(3), *[row | {"id": backup_id(50), "status": "error"} for row in nightly(1)]])
    world.use_purger(world.new_purger(minimum_age=30 * DAY))
    answer = world.run(match=POLICY["match"] | {"status": ["available", "error"]})
    assert world.queue.ids == [backup_id(50)], answer
