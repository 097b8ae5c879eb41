"""Which stored plan a run counts on: the newest that chose alike, also where people looked at other choices since."""

from datetime import timedelta

import pytest

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import World
from tests.unit.purge.strategies import NOW, backup_id, nightly
from vbs_reaper.purge import comparable_plan
from vbs_reaper.purge.comparable_plan import FEWEST

HOUR = timedelta(hours=1)
OTHER = {"keep": {"last": 4}}


class Runs:
    """Runs of a policy with a grace of a day, each at an hour of its own."""

    def __init__(self) -> None:
        self.world = World(nightly(5), ManualClock(NOW))

    def at(self, hour: int, **changes: object) -> str:
        """A preview at that hour; returns its name."""
        now = NOW + hour * HOUR
        self.world.clock.now = self.world.cloud.date = now
        self.world.plans.reads.clear()
        name: str = self.world.run(now.isoformat(), **{"mode": "preview", "grace": "1d", **changes})["run"]
        return name

    def due(self, run: str) -> int:
        """How many a run's plan calls due."""
        due: int = self.world.document(run)["totals"]["due"]
        return due

    def last_of(self, run: str) -> tuple[str, bool]:
        """The hash of the plan that a run's plan is compared with, and whether that one chose alike."""
        difference = self.world.document(run)["difference"]
        return difference["last_sha256"], difference["comparable"]

    def sha256(self, run: str) -> str:
        """A plan's hash."""
        sha256: str = self.world.document(run)["sha256"]
        return sha256


def test_a_look_at_another_choice_begins_no_grace_anew() -> None:
    runs = Runs()
    first = runs.at(0)
    runs.at(12, **OTHER)
    second = runs.at(24)
    assert (runs.due(first), runs.due(second)) == (0, 3)
    assert runs.last_of(second) == (runs.sha256(first), True)


def test_where_the_newest_plan_chose_alike_no_other_is_read() -> None:
    runs = Runs()
    runs.at(0, **OTHER)
    alike = runs.at(1)
    runs.at(2)
    assert runs.world.plans.reads == [alike]


def test_plans_with_other_rules_do_not_hide_the_last_plan_however_many_they_are() -> None:
    runs = Runs()
    alike = runs.at(0)
    others = [runs.at(hour, **OTHER) for hour in range(1, 24)]
    found = runs.at(24)
    assert runs.world.plans.reads == [*reversed(others), alike]
    assert (runs.due(found), runs.last_of(found)) == (3, (runs.sha256(alike), True))
    assert runs.world.document(found)["warnings"] == []


def test_search_ends_with_the_plans_that_are_too_old_to_count_and_the_plan_warns() -> None:
    """A grace continues from a plan of the last 48 hours or of the grace; ten plans are opened whatever their age."""
    runs = Runs()
    runs.at(0)
    others = [runs.at(hour, **OTHER) for hour in range(1, FEWEST + 1)]
    made = runs.at(24 * 7)
    assert runs.world.plans.reads == [*reversed(others)]
    assert (runs.due(made), runs.last_of(made)) == (0, (runs.sha256(others[-1]), False))
    (warning,) = runs.world.document(made)["warnings"]
    assert warning == "Every grace starts again: none of the policy's last plans selects by the same rules."


def test_search_ends_after_so_many_plans_that_a_run_has_time_to_open_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparable_plan, "MOST", 3)
    runs = Runs()
    runs.at(0)
    others = [runs.at(hour, **OTHER) for hour in range(1, 4)]
    made = runs.at(24)
    assert runs.world.plans.reads == [*reversed(others)]
    assert (runs.due(made), runs.last_of(made)) == (0, (runs.sha256(others[-1]), False))
    assert "Every grace starts again" in runs.world.document(made)["warnings"][0]


def test_policy_without_a_grace_is_not_warned_of_graces() -> None:
    world = World(nightly(5), ManualClock(NOW))
    world.preview(**OTHER)
    world.wait(60)
    made = world.run("2026-11-25T03:05:00Z", mode="preview")["run"]
    assert world.document(made)["difference"]["comparable"] is False
    assert world.document(made)["warnings"] == []


def test_a_plan_from_the_future_is_passed_over() -> None:
    runs = Runs()
    earlier = runs.at(0)
    runs.at(30)
    made = runs.at(29)
    assert (runs.due(made), runs.last_of(made)) == (3, (runs.sha256(earlier), True))


def test_a_plan_of_the_very_moment_is_not_from_the_future() -> None:
    runs = Runs()
    runs.at(0)
    alike = runs.at(24)
    runs.world.run("2026-11-26T03:00:01Z", mode="preview", grace="1d")
    assert runs.last_of("2026-11-26T03-00-01Z") == (runs.sha256(alike), True)


def test_a_plan_that_cannot_be_read_hides_those_before_it() -> None:
    """What stood in it nobody knows."""
    runs = Runs()
    runs.at(0)
    runs.world.plans.objects["nightly", "odd", "json"] = b"{}"
    made = runs.at(24)
    assert (runs.due(made), runs.world.document(made)["difference"]) == (0, None)
    assert runs.world.report.unreadable_plans == [
        ("nightly", "this is not a plan that this version can read: Object missing required field `policy`")
    ]


def test_a_plan_that_only_says_it_chose_alike_is_none() -> None:
    runs = Runs()
    first = runs.at(0)
    key = "nightly", first, "json"
    runs.world.plans.objects[key] = runs.world.plans.objects[key].replace(backup_id(4).encode(), backup_id(44).encode())
    made = runs.at(24)
    assert (runs.due(made), runs.world.document(made)["difference"]) == (0, None)
    ((policy, why),) = runs.world.report.unreadable_plans
    assert policy == "nightly"
    assert why.startswith("the plan was changed after it was written")


def test_other_choices_alone_are_no_plan_to_count_on() -> None:
    runs = Runs()
    other = runs.at(0, **OTHER)
    assert runs.last_of(runs.at(24)) == (runs.sha256(other), False)
    assert runs.world.document(other)["difference"] is None
