"""A grace ends only if a plan that was stored a grace ago selects the backup too."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import StoppingQueue, World
from tests.unit.purge.strategies import NOW, backup_id, many, nightly
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.calendar.zone import to_micros
from vbs_reaper.purge.plan import recompute
from vbs_reaper.purge.plan_file import encode_plan, read_plan, sha256_of

DAY_S = 86400


def ids(*numbers: int) -> list[str]:
    return [backup_id(number) for number in numbers]


class Nights:
    """A policy with a grace of three days that runs every night at three."""

    def __init__(self, backups: int = 6, **changes: Any) -> None:  # noqa: ANN401  # parts of a policy
        self.world = World(nightly(backups), ManualClock(NOW))
        self.changes = {"grace": "3d"} | changes

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    def run(self, **changes: object) -> dict[str, Any]:
        """Tonight's run; then it is tomorrow."""
        answer = self.world.run(self.now.isoformat(), **(self.changes | changes))
        self.world.wait(DAY_S)
        return answer

    def warnings(self, answer: dict[str, Any]) -> list[str]:
        found = self.world.document(answer["run"])["warnings"]
        return [each for each in found if "starts again" in each]

    def forge_newest(self, **parts: object) -> None:
        """Replace the newest plan by one that claims that every selected backup is selected for a year."""
        key = [key for key in self.world.plans.objects if key[2] == "json"][-1]
        found = read_plan(self.world.plans.objects[key])
        long_ago = to_micros(self.now - timedelta(days=365))
        for row in found.backups:
            if not row.keep:
                row.selected_since = long_ago
        self.store(key, replace(found, **parts))  # type: ignore[arg-type]  # any part

    def store(self, key: tuple[str, str, str], found: Any) -> None:  # noqa: ANN401  # a plan
        groups, totals, guards = recompute(found)
        found = replace(found, groups=groups, totals=totals, guards=guards, sha256=None)
        self.world.plans.objects[key] = encode_plan(replace(found, sha256=sha256_of(found)))


def test_grace_that_two_plans_prove_ends() -> None:
    nights = Nights()
    assert [nights.run()["requested"] for _ in range(4)] == [0, 0, 0, 4]


def test_forged_newest_plan_ends_no_grace() -> None:
    nights = Nights()
    nights.run()
    nights.forge_newest()
    answer = nights.run()
    assert (answer["requested"], nights.world.queue.sent) == (0, [])
    (warning,) = nights.warnings(answer)
    assert warning == (
        "The grace of 4 backups starts again: no stored plan that is 3d old selects by the same rules; "
        "plans are kept for PlanRetentionInDays."
    )
    assert [nights.run()["requested"] for _ in range(3)] == [0, 0, 4]


def test_forged_newest_plan_ends_no_grace_of_a_backup_that_an_old_plan_keeps() -> None:
    """For long the policy has run; one backup was on hold when the older plan was made."""
    nights = Nights()
    held = nights.world.cloud.records[5]
    held["description"] = "[hold]"
    for _ in range(4):
        nights.run(mode="preview")
    held["description"] = None
    nights.run(mode="preview")
    nights.forge_newest()
    answer = nights.run()
    assert nights.world.queue.ids == ids(2, 3, 4)
    (warning,) = nights.warnings(answer)
    assert warning.startswith("The grace of 1 backup starts again: the plan 2026-11-27T03-00-00Z, which is 3d old,")


def test_one_older_plan_is_read_however_many_nights_the_graces_began_in() -> None:
    nights = Nights(4)
    for _ in range(20):
        nights.world.cloud.records = [
            *(row | {"created_at": nights.now.strftime("%Y-%m-%dT%H:%M:%S")} for row in nightly(1)),
            *nights.world.cloud.records,
        ]
        nights.world.cloud.records[0] |= {
            "id": backup_id(1000 + nights.now.day + 50 * nights.now.month),
            "name": "daily-n",
        }
        nights.run(mode="preview")
    nights.world.plans.reads.clear()
    answer = nights.run(guards={"max_fraction": 1, "max_deletions": 1})
    assert nights.world.document(answer["run"])["totals"]["due"] > 15
    assert len(nights.world.plans.reads) <= 3, "the last plan, and the headers around the older one"


def test_older_plans_that_the_lifecycle_rule_has_removed_prove_nothing() -> None:
    nights = Nights()
    runs = [nights.run(mode="preview")["run"] for _ in range(4)]
    for run in runs[:-1]:
        del nights.world.plans.objects["nightly", run, "json"]
    answer = nights.run()
    assert answer["requested"] == 0
    assert "plans are kept for PlanRetentionInDays" in nights.warnings(answer)[0]


def test_older_plan_that_cannot_be_read_proves_nothing_and_is_reported() -> None:
    nights = Nights()
    runs = [nights.run(mode="preview")["run"] for _ in range(3)]
    key = "nightly", runs[0], "json"
    nights.world.plans.objects[key] = nights.world.plans.objects[key].replace(b'"size":10', b'"size":11', 1)
    answer = nights.run()
    assert answer["requested"] == 0
    assert "cannot be read" in nights.warnings(answer)[0]
    ((policy, fault),) = nights.world.report.unreadable_plans
    assert (policy, "was changed" in fault) == ("nightly", True)


def test_older_plan_that_was_stored_later_than_it_was_made_proves_nothing() -> None:
    nights = Nights()
    runs = [nights.run(mode="preview")["run"] for _ in range(3)]
    nights.world.plans.stored_at["nightly", runs[0], "json"] += timedelta(minutes=31)
    assert nights.run()["requested"] == 0


def test_older_plan_of_other_rules_proves_nothing_and_hides_none() -> None:
    nights = Nights()
    nights.run(mode="preview")
    nights.world.wait(-DAY_S + 60)
    nights.run(mode="preview", keep={"last": 5})
    nights.world.wait(-60)
    nights.run(mode="preview")
    nights.run(mode="preview")
    assert nights.run()["requested"] == 4


def test_policy_with_a_grace_that_runs_every_two_hours_deletes_when_its_grace_has_ended() -> None:
    world = World(nightly(6), ManualClock(NOW))
    requested = []
    for _ in range(12 * 3 + 2):
        answer = world.run(world.clock.now.isoformat(), grace="3d", guards={"max_fraction": 1})
        requested.append(answer["requested"])
        world.wait(7200)
    assert requested == [0] * 36 + [4, 4]


def previews_of_an_evening(nights: Nights, **changes: object) -> None:
    nights.world.wait(-DAY_S // 2)
    for _ in range(12):
        nights.world.run(nights.now.isoformat(), **({"mode": "preview"} | nights.changes | changes))
        nights.world.wait(60)
    nights.world.wait(DAY_S // 2 - 12 * 60)


@pytest.mark.parametrize("changes", [{}, {"keep": {"last": 1}}])
def test_previews_of_one_evening_restart_no_grace_then_or_a_grace_later(changes: dict[str, Any]) -> None:
    nights = Nights()
    for _ in range(4):
        nights.run(mode="preview")
    previews_of_an_evening(nights, **changes)
    answers = [nights.run(mode="preview") for _ in range(6)]
    assert [nights.world.document(answer["run"])["totals"]["due"] for answer in answers] == [4] * 6
    assert not any(nights.warnings(answer) for answer in answers)


def test_last_plan_that_is_itself_a_grace_old_needs_no_other() -> None:
    nights = Nights(grace="12h")
    nights.run()
    nights.world.plans.reads.clear()
    assert nights.run()["requested"] == 4
    assert len(nights.world.plans.reads) == 1


def test_forged_plan_of_tonight_is_not_sent_by_its_word() -> None:
    """It was stored under the name of the run before the run, within the guards, and says that graces have ended."""
    nights = Nights()
    nights.run(mode="preview")
    nights.run()
    key = [key for key in nights.world.plans.objects if key[2] == "json"][-1]
    found = read_plan(nights.world.plans.objects[key])
    nights.world.wait(-DAY_S)
    for row in found.backups:
        if not row.keep:
            row.selected_since = row.due_at = found.made_at
    nights.store(key, found)
    answer = nights.world.run(nights.now.isoformat(), **nights.changes)
    assert (answer["requested"], answer["left_out"]["reasons"]) == (0, {"in_grace": 4})
    assert nights.world.queue.sent == []


def test_approval_and_late_repeat_prove_the_grace_again() -> None:
    nights = Nights(guards={"max_deletions": 1})
    for _ in range(3):
        nights.run()
    refused = nights.run()
    assert refused["reason"] == "guard_exceeded"
    assert nights.world.approve(refused["plan"])["requested"] == 4


def test_busy_bucket_fails_the_late_repeat_instead_of_refusing_it() -> None:
    world = World(nightly(5), ManualClock(NOW))
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    world.wait(3601)
    world.queue, world.plans.busy_at = StoppingQueue(), "newest"
    with pytest.raises(RunUnfinished, match="SlowDown"):
        world.run()
    world.plans.busy_at = None
    assert world.run()["requested"] == 3


@many
@given(
    st.lists(st.tuples(st.sampled_from(["run", "hold", "none"]), st.integers(0, 7)), min_size=4, max_size=9),
    st.booleans(),
)
def test_nothing_is_requested_that_was_not_selected_in_an_honest_plan_a_grace_ago(
    nights_of: list[tuple[str, int]], forged: bool
) -> None:
    """Whatever the newest plan claims. What an honest plan of at least three days ago kept is not requested."""
    nights = Nights(8)
    selected_at: list[tuple[datetime, set[str]]] = []
    for what, number in nights_of:
        nights.world.cloud.records[number]["description"] = "[hold]" if what == "hold" else None
        if what == "none":
            nights.world.wait(DAY_S)
            continue
        made_at = nights.now
        answer = nights.run(mode="preview")
        rows = nights.world.document(answer["run"])["backups"]
        selected_at.append((made_at, {row["id"] for row in rows if not row["keep"]}))
    if forged and selected_at:
        nights.forge_newest()
    moment = nights.now
    nights.run()
    witnesses = [chosen for made_at, chosen in selected_at if moment - made_at >= timedelta(days=3)]
    assert set(nights.world.queue.ids) <= (witnesses[-1] if witnesses else set())
