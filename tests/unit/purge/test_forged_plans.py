"""What is believed of a stored plan: rows, summaries, time of storage, and graces that other plans prove."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge import strategies as draw
from tests.unit.purge.purge_world import RUN, World, assert_refused, previewed
from tests.unit.purge.strategies import NOW, Record, backup_id, ids, inventory, nightly
from vbs_reaper.purge.calendar.zone import to_micros
from vbs_reaper.purge.plan import Plan, is_consistent, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.policy import PurgePolicy

KEY = "nightly", RUN, "json"
TOO_LATE = timedelta(minutes=30, seconds=1)
TOO_EARLY = -timedelta(minutes=5, seconds=1)


def select_all(forged: Plan) -> Plan:
    for row in forged.backups:
        row.keep, row.due_at, row.selected_since = False, forged.made_at, forged.made_at
    return forged


# ── Summaries ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("part", ["groups", "guards", "totals", "guards and groups", "survivors"])
def test_a_plan_whose_summary_does_not_match_its_backups_is_not_sent(part: str) -> None:
    world, other = World(nightly(9)), World(nightly(5))
    world.preview()
    other.preview()
    forged = world.stored_plan()
    if part == "guards and groups":
        sha256 = world.replace_plan(replace(select_all(forged), groups=(), guards=()))
    elif part == "survivors":
        sha256 = world.replace_plan(select_all(forged), recomputed=True)
    else:
        parts: dict[str, Any] = {part: getattr(other.stored_plan(), part)}
        sha256 = world.replace_plan(replace(forged, **parts))
    for answer in (world.run(), world.approve(sha256)):
        assert_refused(world, answer, "plan_changed", f"nightly/{RUN}", "do not match its backups")


@draw.many
@given(draw.policies(), draw.records(), draw.surroundings)
def test_every_plan_is_consistent_when_made_and_when_read_back(
    chosen: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(chosen, inventory(rows, **around), NOW)
    assert is_consistent(made)
    assert is_consistent(read_plan(encode_plan(made)))


# ── The time of storage ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("late", [TOO_LATE, TOO_EARLY, timedelta(days=1)])
def test_a_plan_that_was_stored_at_another_time_than_it_was_made_is_not_sent(world: World, late: timedelta) -> None:
    sha256 = previewed(world)
    world.plans.stored_at[KEY] = NOW + late
    words = f"nightly/{RUN}", "within 30 minutes"
    assert_refused(world, world.approve(sha256), "plan_changed", *words)
    world.replace_plan(replace(select_all(world.stored_plan()), groups=(), guards=()))
    again = "2026-11-25T03:00:00Z", "another scheduled_time"
    assert_refused(world, world.run(), "plan_changed", *words, *again)
    assert world.cloud.listings == 1


@pytest.mark.parametrize("late", [timedelta(minutes=30), timedelta(minutes=-5)])
def test_a_plan_may_take_half_an_hour_to_be_stored_and_clocks_may_differ_by_five_minutes(
    world: World, late: timedelta
) -> None:
    sha256 = previewed(world)
    world.plans.stored_at[KEY] = NOW + late
    assert world.approve(sha256)["requested"] == 3


@pytest.mark.parametrize("late", [TOO_LATE, TOO_EARLY])
def test_no_grace_continues_from_a_plan_that_was_stored_at_another_time_than_it_was_made(
    world: World, late: timedelta
) -> None:
    world.run(grace="1d")
    world.plans.stored_at[KEY] = NOW + late
    world.wait(days=1)
    assert world.run("2026-11-26T03:00:00Z", grace="1d")["requested"] == 0
    ((policy, why),) = world.report.unreadable_plans
    assert (policy, "within 30 minutes" in why) == ("nightly", True)


def test_a_plan_by_other_rules_that_was_stored_at_another_time_is_not_compared_with(world: World) -> None:
    world.preview(keep={"last": 3})
    world.plans.stored_at[KEY] = NOW + TOO_LATE
    world.run("2026-11-26T03:00:00Z", mode="preview")
    assert world.document("2026-11-26T03-00-00Z")["difference"] is None
    assert len(world.report.unreadable_plans) == 1


# ── A grace ends only if a plan that was stored a grace ago selects the backup too ────────────────────────────────────


class Nights:
    """A policy with a grace of three days that runs every night at three."""

    def __init__(self, backups: int = 6, **changes: object) -> None:
        self.world = World(nightly(backups))
        self.changes = {"grace": "3d"} | changes
        self.runs: list[str] = []

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    def run(self, **changes: object) -> dict[str, Any]:
        """Tonight's run; then it is tomorrow."""
        answer = self.world.run(self.now.isoformat(), **(self.changes | changes))
        self.runs.append(answer["run"])
        self.world.wait(days=1)
        return answer

    def preview(self, nights: int) -> None:
        for _ in range(nights):
            self.run(mode="preview")

    def requested(self, nights: int) -> list[int]:
        return [self.run()["requested"] for _ in range(nights)]

    def warnings(self) -> list[str]:
        """Those of the last run about graces."""
        return [each for each in self.world.warnings(self.runs[-1]) if "starts again" in each]

    def forge_newest(self) -> None:
        """Replace the newest plan by one that claims that every selected backup is selected for a year."""
        forged = self.world.stored_plan(self.runs[-1])
        for row in forged.backups:
            if not row.keep:
                row.selected_since = to_micros(self.now - timedelta(days=365))
        self.world.replace_plan(forged, self.runs[-1], recomputed=True)


@pytest.fixture
def nights() -> Nights:
    return Nights()


def test_grace_that_two_plans_prove_ends(nights: Nights) -> None:
    assert nights.requested(4) == [0, 0, 0, 4]


def test_forged_newest_plan_ends_no_grace(nights: Nights) -> None:
    nights.run()
    nights.forge_newest()
    assert nights.requested(1) == [0]
    assert nights.warnings() == [
        "The grace of 4 backups starts again: no stored plan that is 3d old selects by the same rules; "
        "plans are kept for PlanRetentionInDays."
    ]
    assert nights.requested(3) == [0, 0, 4]


def test_forged_newest_plan_ends_no_grace_of_a_backup_that_an_old_plan_keeps(nights: Nights) -> None:
    """For long the policy has run; one backup was on hold when the older plan was made."""
    nights.world.cloud.records[5]["description"] = "[hold]"
    nights.preview(4)
    nights.world.cloud.records[5]["description"] = None
    nights.preview(1)
    nights.forge_newest()
    nights.run()
    assert nights.world.queue.ids == ids(2, 3, 4)
    (warning,) = nights.warnings()
    assert warning.startswith("The grace of 1 backup starts again: the plan 2026-11-27T03-00-00Z, which is 3d old,")


def test_forged_plan_of_tonight_is_not_sent_by_its_word(nights: Nights) -> None:
    """It was stored under the name of the run before the run, within the guards, and says that graces have ended."""
    nights.preview(1)
    nights.run()
    forged = nights.world.stored_plan(nights.runs[-1])
    for row in forged.backups:
        if not row.keep:
            row.selected_since = row.due_at = forged.made_at
    nights.world.replace_plan(forged, nights.runs[-1], recomputed=True)
    nights.world.wait(days=-1)
    answer = nights.run()
    assert (answer["requested"], answer["left_out"]["reasons"]) == (0, {"in_grace": 4})
    assert nights.world.queue.sent == []


def test_older_plans_that_the_lifecycle_rule_has_removed_prove_nothing(nights: Nights) -> None:
    nights.preview(4)
    for run in nights.runs[:-1]:
        del nights.world.plans.objects["nightly", run, "json"]
    assert nights.requested(1) == [0]
    assert "plans are kept for PlanRetentionInDays" in nights.warnings()[0]


def test_older_plan_that_cannot_be_read_proves_nothing_and_is_reported(nights: Nights) -> None:
    nights.preview(3)
    key = "nightly", nights.runs[0], "json"
    nights.world.plans.objects[key] = nights.world.plans.objects[key].replace(b'"size":10', b'"size":11', 1)
    assert nights.requested(1) == [0]
    assert "cannot be read" in nights.warnings()[0]
    ((policy, fault),) = nights.world.report.unreadable_plans
    assert (policy, "was changed" in fault) == ("nightly", True)


def test_older_plan_that_was_stored_later_than_it_was_made_proves_nothing(nights: Nights) -> None:
    nights.preview(3)
    nights.world.plans.stored_at["nightly", nights.runs[0], "json"] += timedelta(minutes=31)
    assert nights.requested(1) == [0]


def test_older_plan_of_other_rules_proves_nothing_and_hides_none(nights: Nights) -> None:
    nights.preview(1)
    nights.world.wait(days=-1, seconds=60)
    nights.run(mode="preview", keep={"last": 5})
    nights.world.wait(-60)
    nights.preview(2)
    assert nights.requested(1) == [4]


def test_one_older_plan_is_read_however_many_nights_the_graces_began_in() -> None:
    nights = Nights(4)
    for night in range(20):
        new = nightly(1, id=backup_id(1000 + night), created_at=nights.now.isoformat(), name="daily-n")
        nights.world.cloud.records = [*new, *nights.world.cloud.records]
        nights.preview(1)
    nights.world.plans.reads.clear()
    answer = nights.run(guards={"max_fraction": 1, "max_deletions": 1})
    assert answer["totals"]["due"] > 15
    assert len(nights.world.plans.reads) <= 3, "the last plan, and the headers around the older one"


def test_last_plan_that_is_itself_a_grace_old_needs_no_other() -> None:
    nights = Nights(grace="12h")
    nights.run()
    nights.world.plans.reads.clear()
    assert nights.requested(1) == [4]
    assert len(nights.world.plans.reads) == 1


def test_policy_with_a_grace_that_runs_every_two_hours_deletes_when_its_grace_has_ended() -> None:
    nights = Nights(guards={"max_fraction": 1})
    requested = []
    for _ in range(12 * 3 + 2):
        requested.append(nights.run()["requested"])
        nights.world.wait(days=-1, hours=2)
    assert requested == [0] * 36 + [4, 4]


@pytest.mark.parametrize("changes", [{}, {"keep": {"last": 1}}])
def test_previews_of_one_evening_restart_no_grace_then_or_a_grace_later(
    nights: Nights, changes: dict[str, object]
) -> None:
    nights.preview(4)
    nights.world.wait(hours=-12)
    for _ in range(12):
        nights.run(mode="preview", **changes)
        nights.world.wait(days=-1, seconds=60)
    nights.world.wait(hours=12, minutes=-12)
    for _ in range(6):
        assert nights.run(mode="preview")["totals"]["due"] == 4
        assert nights.warnings() == []


def test_approval_proves_the_grace_again() -> None:
    nights = Nights(guards={"max_deletions": 1})
    nights.requested(3)
    refused = nights.run()
    assert refused["reason"] == "guard_exceeded"
    assert nights.world.approve(refused["plan"])["requested"] == 4


@draw.many
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
            nights.world.wait(days=1)
            continue
        made_at = nights.now
        nights.preview(1)
        selected_at.append((made_at, {row.id for row in nights.world.stored_plan(nights.runs[-1]).selected}))
    if forged and selected_at:
        nights.forge_newest()
    moment = nights.now
    nights.run()
    witnesses = [chosen for made_at, chosen in selected_at if moment - made_at >= timedelta(days=3)]
    assert set(nights.world.queue.ids) <= (witnesses[-1] if witnesses else set())
