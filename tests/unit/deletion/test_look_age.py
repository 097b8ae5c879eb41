"""The DELETE follows a GET that is at most two seconds old: a hold set while survivors are observed is respected."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from tests.unit.deletion.world import ONE, THREE, TWO, MemoryCloud, World, answer, ask, found
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft


class SlowCloud(MemoryCloud):
    """Calls take time, in which scheduled changes happen."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, world.trouble)
        self.show_takes_s: dict[str, list[float]] = {}
        self.follow_up_takes_s: list[float] = []
        self.login_before_delete_takes_s: list[float] = []
        self.plans: list[tuple[float, Callable[[], None]]] = []
        self.begun = world.clock()
        self.deleted_at_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        return (self.clock() - self.begun).total_seconds()

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        durations = self.show_takes_s.get(ref.backup_id)
        self._advance(durations.pop(0) if durations else 0.0)
        shown = replace(super().show_backup(ref, time_left), at=self.clock())
        if ref.wants_fail_reason:
            self._advance(self.follow_up_takes_s.pop(0) if self.follow_up_takes_s else 0.0)
        return shown

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        if self.login_before_delete_takes_s:
            self._advance(self.login_before_delete_takes_s.pop(0))
        if ref.not_after is None or self.clock() > ref.not_after:
            return replace(answer(AnswerName.OUT_OF_TIME), is_late=True)
        self.deleted_at_s = self.elapsed_s
        return super().delete_backup(ref, time_left)

    def _advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        due = [plan for plan in self.plans if plan[0] <= self.elapsed_s]
        self.plans = [plan for plan in self.plans if plan not in due]
        for _, deed in due:
            deed()


class SlowWorld(World):
    def __init__(self) -> None:
        super().__init__()
        self.cloud = self.slow = SlowCloud(self)
        self.deleter = self.new_environment()
        for each in (ONE, TWO, THREE):
            self.cloud.has(each)

    def changes(self, after_s: float, **fields: Any) -> None:  # noqa: ANN401  # fields of a record
        """Schedule a change of the backup."""
        self.slow.plans.append((after_s, lambda: self.cloud.has(ONE, **fields)))


@pytest.fixture
def world() -> SlowWorld:
    return SlowWorld()


SHOW, SHOW_SURVIVOR, DELETE = ("show", ONE), ("show", TWO), ("delete", ONE)


@pytest.mark.parametrize(
    ("fields", "decision"),
    [
        ({"description": "[hold] legal"}, "refused held"),
        ({"metadata": {"HOLD": "1"}}, "refused held"),
        ({"name": "renamed"}, "refused expectation_failed"),
        ({"created_at": None}, "refused expectation_failed"),
        ({"os-bak-tenant-attr:tenant_id": "f" * 32}, "refused not_owned"),
        ({"volume_id": None}, "wait unknown_field"),
        ({"status": "restoring"}, "wait busy"),
        ({"status": "deleting"}, "wait deleting"),
        ({"status": "error_deleting"}, "refused deletion_failed"),
    ],
)
def test_what_changed_while_survivors_were_observed_is_judged_on_the_newest_answer(
    world: SlowWorld, fields: dict[str, Any], decision: str
) -> None:
    world.slow.show_takes_s[TWO] = [2.5]
    world.changes(1.0, **fields)
    expect = {"name": "daily", "created_at": "2026-11-20T02:00:00Z", "survivors": [TWO, THREE]}
    assert world.process(ask(ONE, expect=expect)) == decision
    assert world.cloud.calls == [SHOW, SHOW_SURVIVOR, ("show", THREE), SHOW]


def test_what_expires_or_goes_while_survivors_are_observed_ends(world: SlowWorld) -> None:
    world.slow.show_takes_s[TWO] = [5.0, 5.0]
    assert world.process(ask(ONE, TWO, expires_at="2026-11-25T04:00:03Z")) == "refused expired"
    world.slow.plans.append((6.0, lambda: world.cloud.backups.__delitem__(ONE)))
    assert world.process(ask(ONE, TWO)) == "deleted"


def test_a_failed_backup_is_deleted_however_long_it_takes_to_find_out_why_it_failed(world: SlowWorld) -> None:
    world.cloud.has(ONE, status="error", fail_reason="the storage is read-only")
    world.slow.follow_up_takes_s = [3.0, 3.0]
    assert world.process(ask(ONE)) == "asked"
    assert world.cloud.calls == [SHOW, SHOW, DELETE]


def test_if_the_clock_was_set_back_the_backup_is_observed_again(world: SlowWorld) -> None:
    world.slow.show_takes_s[TWO] = [-60.0]
    world.changes(-60.0, description="[hold]")
    assert world.process(ask(ONE, TWO)) == "refused held"


@pytest.mark.parametrize(("seconds", "gets"), [(0.0, 1), (2.0, 1), (2.001, 2), (40.0, 2)])
def test_a_second_get_is_made_only_if_the_first_is_older_than_two_seconds(
    world: SlowWorld, seconds: float, gets: int
) -> None:
    world.slow.show_takes_s[TWO] = [seconds]
    assert world.process(ask(ONE, TWO)) == "asked"
    assert world.cloud.calls == [SHOW, SHOW_SURVIVOR, SHOW, DELETE] if gets == 2 else [SHOW, SHOW_SURVIVOR, DELETE]


@pytest.mark.parametrize(("seconds", "gets"), [(2.0, 1), (2.001, 2), (9.0, 2)])
def test_an_observation_is_as_old_as_its_response_whatever_calls_followed_it(
    world: SlowWorld, seconds: float, gets: int
) -> None:
    world.slow.show_takes_s[ONE] = [9.0]
    world.slow.follow_up_takes_s = [seconds]
    assert world.process(ask(ONE)) == "asked"
    assert world.cloud.calls == [*[SHOW] * gets, DELETE]


def test_a_second_get_that_takes_long_is_not_repeated(world: SlowWorld) -> None:
    world.slow.show_takes_s = {ONE: [5.0, 5.0, 5.0], TWO: [5.0]}
    assert world.process(ask(ONE, TWO)) == "asked"
    assert world.cloud.calls == [SHOW, SHOW_SURVIVOR, SHOW, DELETE]


def test_a_second_get_that_fails_is_judged_as_any_other(world: SlowWorld) -> None:
    world.slow.show_takes_s[TWO] = [5.0]
    world.cloud.answers("show", ONE, found(ONE), answer(AnswerName.UNAVAILABLE))
    assert world.process(ask(ONE, TWO)) == "halt service_down"
    assert DELETE not in world.cloud.calls


def test_after_the_delete_the_backup_may_be_observed_a_third_time(world: SlowWorld) -> None:
    world.slow.show_takes_s[TWO] = [5.0]
    world.cloud.answers("delete", ONE, answer(AnswerName.CONFLICT))
    assert world.process(ask(ONE, TWO)) == "wait conflict"
    assert world.cloud.calls == [SHOW, SHOW_SURVIVOR, SHOW, DELETE, SHOW]


# A login before the DELETE


@pytest.mark.parametrize(
    ("logins_s", "fields", "decision"),
    [
        ([5.0], {"name": "[hold]"}, "refused held"),
        ([5.0], {}, "asked"),
        ([5.0, 5.0], {}, "wait out_of_time"),
    ],
)
def test_a_login_that_takes_long_before_the_delete_is_followed_by_another_get(
    world: SlowWorld, logins_s: list[float], fields: dict[str, str], decision: str
) -> None:
    world.slow.login_before_delete_takes_s = [*logins_s]
    world.changes(3.0, **fields)
    assert world.process(ask(ONE)) == decision
    assert world.cloud.calls == [SHOW, SHOW, *[DELETE] * (decision == "asked")]


def test_a_login_counts_from_the_observation_also_if_a_survivor_was_observed_since(world: SlowWorld) -> None:
    world.slow.show_takes_s[TWO] = [1.5]
    world.slow.login_before_delete_takes_s = [1.0]
    assert world.process(ask(ONE, TWO)) == "asked"
    assert world.cloud.calls == [SHOW, SHOW_SURVIVOR, SHOW, SHOW_SURVIVOR, DELETE]


@pytest.mark.parametrize(
    ("name", "decision"),
    [(AnswerName.UNAUTHORIZED, "halt credentials_rejected"), (AnswerName.FORBIDDEN, "wait forbidden")],
)
def test_a_delete_that_is_rejected_again_and_again_ends_in_that_rejection(
    world: SlowWorld, name: AnswerName, decision: str
) -> None:
    world.cloud.answers("delete", ONE, *[replace(answer(name), is_late=True)] * 2)
    assert world.process(ask(ONE)) == decision
    assert world.cloud.calls == [SHOW, DELETE, SHOW, DELETE]


durations = st.floats(0, 12, allow_nan=False)


@given(
    shows=st.lists(durations, max_size=3),
    survivors=st.lists(durations, max_size=2),
    logins=st.lists(durations, max_size=2),
    held_at=st.floats(0, 60, allow_nan=False),
)
def test_no_delete_is_sent_more_than_two_seconds_after_a_hold(
    shows: list[float], survivors: list[float], logins: list[float], held_at: float
) -> None:
    world = SlowWorld()
    names = [TWO, THREE][: len(survivors)]
    world.slow.show_takes_s[ONE] = shows
    for name, seconds in zip(names, survivors, strict=True):
        world.slow.show_takes_s[name] = [seconds]
    world.slow.login_before_delete_takes_s = logins
    world.changes(held_at, description="[hold]")
    world.process(ask(ONE, *names))
    if world.slow.deleted_at_s is not None:
        assert world.slow.deleted_at_s <= held_at + 2.0 + 1e-6
    assert world.cloud.calls.count(SHOW) <= 2
    assert world.cloud.calls.count(DELETE) <= 1
