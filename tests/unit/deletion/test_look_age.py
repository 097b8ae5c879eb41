"""The DELETE follows a look that is at most two seconds old: a hold set while survivors are looked at is respected."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.world import MemoryCloud, World, answer, backup_id, found
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import Asked, Decision, Halt, Refused, Wait
from vbs_reaper.reasons import Reason

ONE, TWO, THREE = (backup_id(number) for number in (1, 2, 3))


class SlowCloud(MemoryCloud):
    """Calls take time, by operation and backup; meanwhile other people do what they have planned."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, world.trouble)
        self.takes_s: dict[tuple[str, str], list[float]] = {}
        self.plans: list[tuple[float, Callable[[], None]]] = []
        self.begun = world.clock()
        self.logins_before_delete_s: list[float] = []
        self.asked_at_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        return (self.clock() - self.begun).total_seconds()

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self._pass("show", ref)
        shown = replace(super().show_backup(ref, time_left), at=self.clock())
        if ref.wants_fail_reason:
            self._pass("follow up", ref)
        return shown

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        if self.logins_before_delete_s:
            self._advance(self.logins_before_delete_s.pop(0))
        if ref.not_after is None or self.clock() > ref.not_after:
            return replace(answer(AnswerName.OUT_OF_TIME), is_late=True)
        self.asked_at_s = self.elapsed_s
        return super().delete_backup(ref, time_left)

    def _pass(self, operation: str, ref: BackupRef) -> None:
        durations = self.takes_s.get((operation, ref.backup_id))
        self._advance(durations.pop(0) if durations else 0.0)

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
        """While the first survivor is looked at, somebody changes the backup."""
        self.slow.plans.append((after_s, lambda: self.cloud.has(ONE, **fields)))

    def ask(self, *survivors: str, **more: object) -> Decision:
        expect = {"expect": {"survivors": list(survivors)}} if survivors else {}
        self.deliver(self.message({"backup_id": ONE, **expect, **more}))
        return self.report.last("m-1")


@pytest.fixture
def world() -> SlowWorld:
    return SlowWorld()


def test_a_hold_set_while_survivors_are_looked_at_keeps_the_backup(world: SlowWorld) -> None:
    world.slow.takes_s["show", TWO] = [9.0]
    world.changes(1.0, description="[hold] legal")
    decision = world.ask(TWO, THREE)
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.HELD
    assert world.cloud.calls == [("show", ONE), ("show", TWO), ("show", THREE), ("show", ONE)]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"name": "renamed"}, (Refused, Reason.EXPECTATION_FAILED)),
        ({"os-bak-tenant-attr:tenant_id": "f" * 32}, (Refused, Reason.NOT_OWNED)),
        ({"created_at": None}, (Refused, Reason.EXPECTATION_FAILED)),
        ({"volume_id": None}, (Wait, Reason.UNKNOWN_FIELD)),
        ({"status": "restoring"}, (Wait, Reason.BUSY)),
        ({"status": "deleting"}, (Wait, Reason.DELETING)),
        ({"status": "error_deleting"}, (Refused, Reason.DELETION_FAILED)),
        ({"metadata": {"HOLD": "1"}}, (Refused, Reason.HELD)),
    ],
)
def test_whatever_changed_while_survivors_were_looked_at_is_judged_on_the_newest_look(
    world: SlowWorld, fields: dict[str, Any], wanted: tuple[type, Reason]
) -> None:
    world.slow.takes_s["show", TWO] = [2.5]
    world.changes(1.0, **fields)
    expect = {"name": "daily", "created_at": "2026-11-20T02:00:00Z", "survivors": [TWO]}
    decision = world.ask(expect=expect)
    assert (type(decision), decision.reason) == wanted  # type: ignore[union-attr]  # these have one
    assert ("delete", ONE) not in world.cloud.calls


@pytest.mark.parametrize(("seconds", "looks"), [(2.0, 1), (2.001, 2), (9.0, 2)])
def test_a_look_is_as_old_as_its_response_whatever_calls_followed_it(
    world: SlowWorld, seconds: float, looks: int
) -> None:
    world.slow.takes_s["follow up", ONE] = [seconds]
    assert isinstance(world.ask(), Asked)
    assert world.cloud.calls == [*[("show", ONE)] * looks, ("delete", ONE)]


def test_a_failed_backup_is_deleted_however_long_it_takes_to_find_out_why_it_failed(world: SlowWorld) -> None:
    world.cloud.has(ONE, status="error", fail_reason="the storage is read-only")
    world.slow.takes_s["follow up", ONE] = [3.0, 3.0]
    assert isinstance(world.ask(), Asked)
    assert world.cloud.calls == [("show", ONE), ("show", ONE), ("delete", ONE)]


def test_a_request_that_expires_while_survivors_are_looked_at_is_refused(world: SlowWorld) -> None:
    world.slow.takes_s["show", TWO] = [5.0]
    decision = world.ask(TWO, expires_at="2026-11-25T04:00:03Z")
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.EXPIRED


def test_a_backup_that_goes_while_survivors_are_looked_at_is_gone(world: SlowWorld) -> None:
    world.slow.takes_s["show", TWO] = [5.0]
    world.slow.plans.append((1.0, lambda: world.cloud.backups.__delitem__(ONE)))
    world.ask(TWO)
    assert [result.outcome for result in world.bus.results] == ["deleted"]


@pytest.mark.parametrize(("seconds", "looks"), [(0.0, 1), (2.0, 1), (2.001, 2), (40.0, 2)])
def test_a_second_look_costs_a_call_only_if_the_first_is_older_than_two_seconds(
    world: SlowWorld, seconds: float, looks: int
) -> None:
    world.slow.takes_s["show", TWO] = [seconds]
    assert isinstance(world.ask(TWO), Asked)
    assert world.cloud.calls.count(("show", ONE)) == looks
    assert world.cloud.calls.count(("show", TWO)) == 1


def test_without_survivors_a_deletion_costs_one_look_and_one_delete(world: SlowWorld) -> None:
    world.slow.takes_s["show", ONE] = [9.0]
    assert isinstance(world.ask(), Asked)
    assert world.cloud.calls == [("show", ONE), ("delete", ONE)]


def test_a_second_look_that_takes_long_is_not_repeated(world: SlowWorld) -> None:
    world.slow.takes_s["show", TWO] = [5.0]
    world.slow.takes_s["show", ONE] = [5.0, 5.0, 5.0]
    assert isinstance(world.ask(TWO), Asked)
    assert world.cloud.calls == [("show", ONE), ("show", TWO), ("show", ONE), ("delete", ONE)]


def test_a_second_look_that_fails_is_judged_as_any_look(world: SlowWorld) -> None:
    world.slow.takes_s["show", TWO] = [5.0]
    world.cloud.answers("show", ONE, found(ONE), answer(AnswerName.UNAVAILABLE))
    decision = world.ask(TWO)
    assert isinstance(decision, Halt)
    assert decision.reason is Reason.SERVICE_DOWN
    assert ("delete", ONE) not in world.cloud.calls


def test_after_the_delete_the_backup_may_be_looked_at_a_third_time(world: SlowWorld) -> None:
    world.slow.takes_s["show", TWO] = [5.0]
    world.cloud.answers("delete", ONE, answer(AnswerName.CONFLICT))
    decision = world.ask(TWO)
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.CONFLICT
    assert world.cloud.calls == [("show", ONE), ("show", TWO), ("show", ONE), ("delete", ONE), ("show", ONE)]


def test_a_clock_that_was_set_back_makes_the_look_doubtful(world: SlowWorld) -> None:
    world.slow.takes_s["show", TWO] = [-60.0]
    world.changes(-60.0, description="[hold]")
    decision = world.ask(TWO)
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.HELD


# A login before the DELETE


def test_a_login_that_takes_long_before_the_delete_is_followed_by_another_look(world: SlowWorld) -> None:
    world.slow.logins_before_delete_s = [5.0]
    world.changes(3.0, name="[hold]")
    decision = world.ask()
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.HELD
    assert world.cloud.calls == [("show", ONE), ("show", ONE)]


def test_after_the_second_look_the_delete_is_sent(world: SlowWorld) -> None:
    world.slow.logins_before_delete_s = [5.0]
    assert isinstance(world.ask(), Asked)
    assert world.cloud.calls == [("show", ONE), ("show", ONE), ("delete", ONE)]


def test_a_delete_that_is_too_late_twice_waits(world: SlowWorld) -> None:
    world.slow.logins_before_delete_s = [5.0, 5.0]
    decision = world.ask()
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.OUT_OF_TIME
    assert world.cloud.calls == [("show", ONE), ("show", ONE)]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (AnswerName.UNAUTHORIZED, (Halt, Reason.CREDENTIALS_REJECTED)),
        (AnswerName.FORBIDDEN, (Wait, Reason.FORBIDDEN)),
    ],
)
def test_a_delete_that_is_refused_again_and_again_ends_in_that_refusal(
    world: SlowWorld, name: AnswerName, wanted: tuple[type, Reason]
) -> None:
    world.cloud.answers("delete", ONE, *[replace(answer(name), is_late=True)] * 2)
    decision = world.ask()
    assert (type(decision), decision.reason) == wanted  # type: ignore[union-attr]  # these have one
    assert [operation for operation, _ in world.cloud.calls] == ["show", "delete", "show", "delete"]


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
    world.slow.takes_s["show", ONE] = list(shows)
    names = [TWO, THREE][: len(survivors)]
    for name, seconds in zip(names, survivors, strict=True):
        world.slow.takes_s["show", name] = [seconds]
    world.slow.logins_before_delete_s = list(logins)
    world.changes(held_at, description="[hold]")
    world.ask(*names)
    if world.slow.asked_at_s is not None:
        assert world.slow.asked_at_s <= held_at + 2.0 + 1e-6
    assert world.cloud.calls.count(("show", ONE)) <= 2
    assert world.cloud.calls.count(("delete", ONE)) <= 1
