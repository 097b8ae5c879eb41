"""Which stored plans a run counts on: its policy's newest by the same rules, and those of other policies to warn of."""

from typing import Any

import pytest

from tests.support.cases import cases
from tests.unit.purge.purge_world import RUN, World, assert_refused, previewed
from tests.unit.purge.strategies import HOUR, NOW, backup_id, nightly
from vbs_reaper.purge import comparable_plan
from vbs_reaper.purge.comparable_plan import FEWEST
from vbs_reaper.purge.other_policies import OTHER_POLICIES

OTHER = {"keep": {"last": 4}}
RESTARTED = "Every grace starts again: none of the policy's last plans selects by the same rules."


class Runs(World):
    """Previews of a policy with a grace of a day, each at an hour of its own."""

    def __init__(self) -> None:
        super().__init__(nightly(5))

    def at(self, hour: int, **changes: object) -> str:
        """The name of a preview at that hour."""
        self.clock.now = self.cloud.date = NOW + hour * HOUR
        self.plans.reads.clear()
        name: str = self.run(self.clock.now.isoformat(), **{"mode": "preview", "grace": "1d", **changes})["run"]
        return name

    def number_due(self, run: str) -> int:
        return len(self.due(run))

    def compared_with(self, run: str) -> tuple[str, bool]:
        """The hash of the plan that a run's plan is compared with, and whether that one has the same rules."""
        difference = self.document(run)["difference"]
        return difference["last_sha256"], difference["comparable"]

    def sha256(self, run: str) -> str:
        sha256: str = self.document(run)["sha256"]
        return sha256


@pytest.fixture
def runs() -> Runs:
    return Runs()


# ── The last plan ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("others", [1, 23])
def test_previews_of_other_rules_do_not_hide_the_last_plan_however_many_they_are(runs: Runs, others: int) -> None:
    alike = runs.at(0)
    made = [runs.at(hour, **OTHER) for hour in range(1, others + 1)]
    found = runs.at(24)
    assert runs.plans.reads == [*reversed(made), alike]
    assert (runs.number_due(alike), runs.number_due(found)) == (0, 3)
    assert runs.compared_with(found) == (runs.sha256(alike), True)
    assert runs.warnings(found) == []


def test_if_the_newest_plan_has_the_same_rules_no_other_is_read(runs: Runs) -> None:
    runs.at(0, **OTHER)
    alike = runs.at(1)
    runs.at(2)
    assert runs.plans.reads == [alike]


@pytest.mark.parametrize(
    ("others", "hour", "most"),
    cases({"too old to count": (FEWEST, 24 * 7, comparable_plan.MOST), "too many to open in time": (3, 24, 3)}),
)
def test_search_ends_with_plans_that_are_too_old_or_too_many_and_the_plan_warns(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, others: int, hour: int, most: int
) -> None:
    """A grace continues from a plan of the last 48 hours or of the grace; ten plans are opened whatever their age."""
    monkeypatch.setattr(comparable_plan, "MOST", most)
    runs.at(0)
    opened = [runs.at(hour, **OTHER) for hour in range(1, others + 1)]
    made = runs.at(hour)
    assert runs.plans.reads == [*reversed(opened)]
    assert (runs.number_due(made), runs.compared_with(made)) == (0, (runs.sha256(opened[-1]), False))
    assert runs.warnings(made) == [RESTARTED]


def test_policy_without_a_grace_is_not_warned_of_graces(world: World) -> None:
    world.preview(**OTHER)
    world.wait(60)
    made = world.run("2026-11-25T03:05:00Z", mode="preview")["run"]
    assert world.document(made)["difference"]["comparable"] is False
    assert world.warnings(made) == []


def test_a_plan_from_the_future_is_passed_over_and_one_of_the_very_moment_is_not(runs: Runs) -> None:
    earlier = runs.at(0)
    runs.at(30)
    made = runs.at(29)
    assert (runs.number_due(made), runs.compared_with(made)) == (3, (runs.sha256(earlier), True))
    runs.run("2026-11-26T08:00:01Z", mode="preview", grace="1d")
    assert runs.compared_with("2026-11-26T08-00-01Z") == (runs.sha256(made), True)


def test_a_plan_that_cannot_be_read_hides_those_before_it(runs: Runs) -> None:
    runs.at(0)
    runs.plans.objects["nightly", "odd", "json"] = b"{}"
    made = runs.at(24)
    assert (runs.number_due(made), runs.document(made)["difference"]) == (0, None)
    assert runs.report.unreadable_plans == [
        ("nightly", "this is not a plan that this version can read: Object missing required field `policy`")
    ]


def test_a_plan_that_was_changed_is_not_counted_on(runs: Runs) -> None:
    key = "nightly", runs.at(0), "json"
    runs.plans.objects[key] = runs.plans.objects[key].replace(backup_id(4).encode(), backup_id(44).encode())
    made = runs.at(24)
    assert (runs.number_due(made), runs.document(made)["difference"]) == (0, None)
    ((policy, why),) = runs.report.unreadable_plans
    assert policy == "nightly"
    assert why.startswith("the plan was changed after it was written")


def test_a_plan_of_other_rules_alone_is_compared_with_but_not_counted_on(runs: Runs) -> None:
    other = runs.at(0, **OTHER)
    assert runs.document(other)["difference"] is None
    assert runs.compared_with(runs.at(24)) == (runs.sha256(other), False)


# ── Other policies of the target ──────────────────────────────────────────────────────────────────────────────────────

WEEKLY: dict[str, Any] = {"policy": "weekly", "mode": "preview", "keep": {"last": 4}}


@pytest.fixture
def nine() -> World:
    return World(nightly(9))


def test_a_plan_counts_what_another_policy_keeps_and_it_selects(nine: World) -> None:
    nine.run(**WEEKLY)
    nine.preview()
    assert nine.warnings() == [
        'Policy "weekly" of the same target keeps 2 of the backups that this policy selects, according to its plan of '
        "2026-11-25; change a match, or make one policy of both."
    ]


@pytest.mark.parametrize(
    "other",
    [{"keep": {"last": 2}}, {"match": {"name": "by hand*"}}, {"target": "otc-test"}],
    ids=["keeps the same", "applies to none of them", "other target"],
)
def test_a_policy_that_keeps_none_of_them_is_not_mentioned(nine: World, other: dict[str, object]) -> None:
    nine.run(**(WEEKLY | other))
    nine.preview()
    assert nine.warnings() == []


def test_a_plan_that_selects_nothing_is_not_compared() -> None:
    world = World(nightly(2))
    world.run(**WEEKLY)
    world.plans.busy_at = "newest_of_others"
    assert world.preview()["outcome"] == "planned"


@pytest.mark.parametrize(("days", "is_compared"), [(35, True), (36, False)])
def test_a_policy_that_is_no_longer_run_is_not_compared(nine: World, days: int, *, is_compared: bool) -> None:
    nine.run(**WEEKLY)
    nine.wait(days=days)
    nine.preview()
    assert bool(nine.warnings()) is is_compared


def test_the_newest_plan_of_the_other_policy_counts_and_its_own_earlier_plans_do_not(nine: World) -> None:
    nine.run(**WEEKLY)
    nine.run("2026-11-25T04:00:00Z", **(WEEKLY | {"keep": {"last": 2}}))
    nine.run("2026-11-25T05:00:00Z", mode="preview", keep={"last": 9})
    nine.preview()
    assert nine.warnings() == []


def test_a_plan_of_another_policy_that_cannot_be_read_is_left_out(nine: World) -> None:
    nine.run(**WEEKLY)
    nine.plans.objects["weekly", RUN, "json"] = b"{}"
    assert nine.run()["requested"] == 7
    assert nine.warnings() == []


def test_a_plan_of_another_policy_whose_key_may_not_be_used_is_left_out(nine: World) -> None:
    nine.run(**WEEKLY)
    nine.plans.denied.add(("weekly", RUN))
    assert nine.run()["requested"] == 7
    assert nine.warnings() == []


def test_after_a_change_of_the_key_every_grace_starts_again_and_then_continues() -> None:
    runs = Runs()
    before = runs.at(0)
    runs.plans.denied.add(("nightly", before))
    assert runs.number_due(runs.at(24)) == 0
    assert runs.number_due(runs.at(47)) == 0
    assert runs.number_due(runs.at(48)) > 0


def test_a_plan_whose_key_may_not_be_used_cannot_be_approved(nine: World) -> None:
    sha256 = previewed(nine)
    nine.plans.denied.add(("nightly", RUN))
    assert_refused(nine, nine.approve(sha256), "plans_unusable", "AccessDenied")


def test_no_more_than_a_few_policies_are_compared(nine: World) -> None:
    for number in range(OTHER_POLICIES + 2):
        nine.run(**(WEEKLY | {"policy": f"other-{number:02}"}))
    nine.preview()
    assert len(nine.warnings()) == OTHER_POLICIES


def test_a_bucket_that_cannot_be_listed_is_not_ignored(nine: World) -> None:
    nine.plans.is_readable = False
    assert_refused(nine, nine.run(), "plans_unusable")
