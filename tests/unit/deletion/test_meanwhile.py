"""Who may enter a target's gate while another record's call is under way, told without threads or clocks."""

from collections.abc import Callable

import pytest

from tests.unit.deletion.world import MemoryCloud, World, answer, backup_id
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import Wait
from vbs_reaper.reasons import Reason

ONE, TWO, THREE = (backup_id(number) for number in (1, 2, 3))


class InterruptedCloud(MemoryCloud):
    """During one call something else happens, before its answer is there."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, world.trouble)
        self.interruptions: dict[tuple[str, str], Callable[[], None]] = {}

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self.interruptions.pop(("show", ref.backup_id), lambda: None)()
        return super().show_backup(ref, time_left)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self.interruptions.pop(("delete", ref.backup_id), lambda: None)()
        return super().delete_backup(ref, time_left)


class Meanwhile(World):
    """A world in which another request can come while a call is under way."""

    def __init__(self, base_s: int = 60) -> None:
        super().__init__(base_s=base_s)
        self.cloud = self.interrupted = InterruptedCloud(self)
        self.deleter = self.new_environment()
        for each in (ONE, TWO, THREE):
            self.cloud.has(each)

    def ask(self, backup: str) -> None:
        self.deliver(self.message({"backup_id": backup}, f"m-{backup}"))

    def during(self, operation: str, backup: str, other: str) -> None:
        """While this call is under way the other is asked for, with no time to wait long."""
        self.interrupted.interruptions[operation, backup] = lambda: self._ask_in_a_hurry(other)

    def _ask_in_a_hurry(self, backup: str) -> None:
        seconds = iter([60.0, 60.0])  # to begin, and to enter; then it is over
        record = self.message({"backup_id": backup}, f"m-{backup}")
        self.deleter.handle({"Records": [record]}, lambda: next(seconds, 29.0), "i")

    def has_entered(self, backup: str) -> bool:
        return ("show", backup) in self.cloud.calls

    def waits(self, backup: str) -> tuple[Reason, str]:
        decision = self.report.last(f"m-{backup}")
        assert isinstance(decision, Wait)
        return decision.reason, decision.message


def test_while_the_first_one_looks_nobody_else_enters() -> None:
    world = Meanwhile()
    world.during("show", ONE, TWO)
    world.ask(ONE)
    assert not world.has_entered(TWO)
    assert world.waits(TWO) == (Reason.OUT_OF_TIME, "too little time was left to begin")


def test_once_its_look_is_good_others_enter_before_it_has_ended() -> None:
    world = Meanwhile()
    world.during("delete", ONE, TWO)
    world.ask(ONE)
    assert world.has_entered(TWO)


@pytest.mark.parametrize(("halts_at", "enters"), [("show", True), ("delete", False)])
def test_where_a_deletion_had_halted_a_good_look_lets_nobody_in(halts_at: str, enters: bool) -> None:  # noqa: FBT001
    world = Meanwhile()
    world.cloud.answers(halts_at, ONE, answer(AnswerName.UNAVAILABLE))
    world.ask(ONE)
    world.clock.advance(60)
    world.during("delete", ONE, TWO)
    world.ask(ONE)
    assert world.has_entered(TWO) is enters
    world.during("show", THREE, TWO)
    world.ask(THREE)
    assert world.has_entered(TWO), "the whole pass was good"


def test_a_pass_that_was_good_is_the_end_of_what_a_deletion_had_halted() -> None:
    world = Meanwhile()
    world.cloud.answers("delete", ONE, answer(AnswerName.UNAVAILABLE))
    world.ask(ONE)
    world.clock.advance(60)
    world.ask(ONE)
    world.cloud.answers("show", TWO, answer(AnswerName.UNAVAILABLE))
    world.ask(TWO)
    world.clock.advance(60)
    world.during("delete", TWO, THREE)
    world.ask(TWO)
    assert world.has_entered(THREE), "a look halted last"


def test_a_good_look_that_was_overtaken_by_a_halt_does_not_lift_it() -> None:
    world = Meanwhile(base_s=1)
    world.ask(THREE)
    world.cloud.has(ONE, status="creating")
    world.cloud.answers("show", TWO, answer(AnswerName.UNAVAILABLE))
    world.during("show", ONE, TWO)
    world.ask(ONE)
    world.ask(THREE)
    assert world.waits(THREE)[0] is Reason.HALTED


@pytest.mark.parametrize("name", [AnswerName.OUT_OF_TIME, AnswerName.LOGIN_BUSY, AnswerName.TIMED_OUT])
def test_after_one_that_made_no_call_the_next_goes_alone_too(name: AnswerName) -> None:
    world = Meanwhile()
    world.cloud.answers("show", ONE, answer(name))
    world.ask(ONE)
    world.during("show", TWO, THREE)
    world.ask(TWO)
    assert world.has_entered(THREE) is (name is AnswerName.TIMED_OUT)


def test_a_halt_that_another_brought_about_stops_a_pass_before_its_deletion() -> None:
    world = Meanwhile(base_s=1)
    world.ask(THREE)
    world.cloud.answers("show", TWO, answer(AnswerName.UNAVAILABLE))
    world.during("show", ONE, TWO)
    world.ask(ONE)
    assert ("delete", ONE) not in world.cloud.calls
    assert world.waits(ONE) == (Reason.HALTED, "the target is halted for 1 s more")
