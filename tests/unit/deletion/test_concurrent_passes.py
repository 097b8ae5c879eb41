"""Which record may call a target while a call of another one is in flight. Without threads and a wall clock."""

from collections.abc import Callable

import pytest

from tests.unit.deletion.world import MemoryCloud, World, answer, backup_id
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import Asked, Wait
from vbs_reaper.reasons import Reason

ONE, TWO, THREE = (backup_id(number) for number in (1, 2, 3))


class InterruptedCloud(MemoryCloud):
    """During a call something else happens before its answer arrives."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, world.trouble)
        self.interruptions: dict[tuple[str, str], Callable[[], None]] = {}

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self.interruptions.pop(("show", ref.backup_id), lambda: None)()
        return super().show_backup(ref, time_left)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self.interruptions.pop(("delete", ref.backup_id), lambda: None)()
        return super().delete_backup(ref, time_left)


class ConcurrentWorld(World):
    """A world in which another request can arrive while a call is in flight."""

    def __init__(self, base_s: int = 60) -> None:
        super().__init__(base_s=base_s)
        self.cloud = self.interrupted = InterruptedCloud(self)
        self.deleter = self.new_environment()
        for each in (ONE, TWO, THREE):
            self.cloud.has(each)

    def request(self, backup: str) -> None:
        self.deliver(self.message({"backup_id": backup}, f"m-{backup}"))

    def during(self, operation: str, backup: str, other: str) -> None:
        """While this call is in flight, the other backup is requested, with too little time to wait for long."""
        self.interrupted.interruptions[operation, backup] = lambda: self._request_in_a_hurry(other)

    def _request_in_a_hurry(self, backup: str) -> None:
        # Time to begin, to get a slot and to pass the breaker; then too little to begin, and at last to send a DELETE.
        seconds = iter([60.0, 60.0, 60.0, 29.0])
        record = self.message({"backup_id": backup}, f"m-{backup}")
        self.deleter.handle({"Records": [record]}, lambda: next(seconds, 10.0), "i")

    def was_called_for(self, backup: str) -> bool:
        return ("show", backup) in self.cloud.calls

    def waits(self, backup: str) -> tuple[Reason, str]:
        decision = self.report.last(f"m-{backup}")
        assert isinstance(decision, Wait)
        return decision.reason, decision.message


def test_while_the_first_record_probes_no_other_calls_the_target() -> None:
    world = ConcurrentWorld()
    world.during("show", ONE, TWO)
    world.request(ONE)
    assert not world.was_called_for(TWO)
    assert world.waits(TWO) == (Reason.OUT_OF_TIME, "too little time was left to begin")


def test_after_a_good_get_other_records_call_the_target_before_the_pass_has_ended() -> None:
    world = ConcurrentWorld()
    world.during("delete", ONE, TWO)
    world.request(ONE)
    assert world.was_called_for(TWO)


@pytest.mark.parametrize("halts_at", ["show", "delete"])
def test_after_any_halt_a_good_get_lets_the_others_observe(halts_at: str) -> None:
    world = ConcurrentWorld()
    world.cloud.answers(halts_at, ONE, answer(AnswerName.UNAVAILABLE))
    world.request(ONE)
    world.clock.advance(60)
    world.during("delete", ONE, TWO)
    world.request(ONE)
    assert world.was_called_for(TWO)


@pytest.mark.parametrize(("halts_at", "sends"), [("show", True), ("delete", False)])
def test_after_a_delete_that_halted_others_wait_with_their_delete_for_the_probe(halts_at: str, sends: bool) -> None:  # noqa: FBT001
    world = ConcurrentWorld()
    world.cloud.answers(halts_at, ONE, answer(AnswerName.UNAVAILABLE))
    world.request(ONE)
    world.clock.advance(60)
    world.during("delete", ONE, TWO)
    world.request(ONE)
    assert (("delete", TWO) in world.cloud.calls) is sends
    world.request(THREE)
    assert ("delete", THREE) in world.cloud.calls, "the DELETE of the probe was accepted"


def test_while_deletes_are_halted_observations_and_proofs_continue() -> None:
    world = ConcurrentWorld()
    world.cloud.answers("delete", ONE, answer(AnswerName.UNAVAILABLE))
    world.request(ONE)
    del world.cloud.backups[THREE]
    asked = {"asked_at": world.clock().isoformat()}
    assert world.deliver(world.message({"backup_id": THREE}, "m-3", attributes=asked)) == []
    world.request(TWO)
    assert world.waits(TWO) == (Reason.HALTED, "the target is halted for 60 s more")
    assert [result.outcome for result in world.bus.results] == ["deleted"]
    assert world.cloud.calls[-2:] == [("show", THREE), ("show", TWO)]


def test_an_accepted_delete_ends_the_halt_of_deletes() -> None:
    world = ConcurrentWorld()
    world.cloud.answers("delete", ONE, answer(AnswerName.UNAVAILABLE))
    world.request(ONE)
    world.clock.advance(60)
    world.request(ONE)
    world.during("delete", TWO, THREE)
    world.request(TWO)
    assert ("delete", THREE) in world.cloud.calls


def test_a_good_get_whose_answer_arrives_after_a_halt_does_not_end_it() -> None:
    world = ConcurrentWorld(base_s=1)
    world.request(THREE)
    world.cloud.has(ONE, status="creating")
    world.cloud.answers("show", TWO, answer(AnswerName.THROTTLED))
    world.during("show", ONE, TWO)
    world.request(ONE)
    world.request(THREE)
    assert world.waits(THREE)[0] is Reason.HALTED


@pytest.mark.parametrize("name", [AnswerName.OUT_OF_TIME, AnswerName.BAD_REQUEST])
def test_after_a_pass_without_a_call_the_next_record_probes_too(name: AnswerName) -> None:
    world = ConcurrentWorld()
    world.cloud.answers("show", ONE, answer(name))
    world.request(ONE)
    world.during("show", TWO, THREE)
    world.request(TWO)
    assert world.was_called_for(THREE) is (name is not AnswerName.OUT_OF_TIME)


def test_a_halt_caused_by_another_record_stops_a_pass_before_its_delete() -> None:
    world = ConcurrentWorld(base_s=1)
    world.request(THREE)
    world.cloud.answers("show", TWO, answer(AnswerName.THROTTLED))
    world.during("show", ONE, TWO)
    world.request(ONE)
    assert ("delete", ONE) not in world.cloud.calls
    assert world.waits(ONE) == (Reason.HALTED, "the target is halted for 1 s more")


def test_a_doubtful_halt_of_another_record_does_not_stop_a_pass_of_a_target_that_answers() -> None:
    world = ConcurrentWorld(base_s=1)
    world.request(THREE)
    world.cloud.answers("show", TWO, answer(AnswerName.UNAVAILABLE))
    world.during("show", ONE, TWO)
    world.request(ONE)
    assert world.waits(TWO) == (Reason.SERVICE_DOWN, "unavailable")
    assert isinstance(world.report.last(f"m-{ONE}"), Asked)
