"""Which record may call a target while a call of another one is in flight. Without threads and a wall clock."""

import pytest

from tests.unit.deletion.world import ASKED, ONE, THREE, TWO, World, answer, ask
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.backups.ports import BackupRef

DOWN = answer(AnswerName.UNAVAILABLE)


class ConcurrentWorld(World):
    """A world in which another request can arrive while a call is in flight."""

    def __init__(self, base_s: int = 60) -> None:
        super().__init__(ONE, TWO, THREE, base_s=base_s)

    def request(self, backup: str) -> str:
        return self.process(ask(backup), backup)

    def during(self, operation: str, backup: str, other: str) -> None:
        """During this call the other backup is requested once, with too little time to wait for long."""

        def request_in_a_hurry(called: str, ref: BackupRef) -> None:
            if (called, ref.backup_id) == (operation, backup):
                self.cloud.meanwhile = lambda _operation, _ref: None
                # Time to begin, to get a slot and to pass the breaker; then too little to begin, and to send a DELETE.
                seconds = iter([60.0, 60.0, 60.0, 29.0])
                self.deleter.handle({"Records": [self.message(ask(other), other)]}, lambda: next(seconds, 10.0), "i")

        self.cloud.meanwhile = request_in_a_hurry

    def wait_of(self, backup: str) -> tuple[str, str]:
        return self.decision(backup), getattr(self.report.last(backup), "message", "")


def test_while_the_first_record_probes_no_other_calls_the_target() -> None:
    world = ConcurrentWorld()
    world.during("show", ONE, TWO)
    world.request(ONE)
    assert TWO not in world.called("show")
    assert world.wait_of(TWO) == ("wait out_of_time", "too little time was left to begin")


@pytest.mark.parametrize("halts_at", [None, "show", "delete"])
def test_after_a_good_get_other_records_observe_before_the_pass_has_ended(halts_at: str | None) -> None:
    world = ConcurrentWorld()
    if halts_at:
        world.cloud.answers(halts_at, ONE, DOWN)
        world.request(ONE)
        world.clock.advance(60)
    world.during("delete", ONE, TWO)
    world.request(ONE)
    assert TWO in world.called("show")
    assert (TWO in world.called("delete")) is (halts_at != "delete"), "a halted DELETE waits for that of the probe"
    world.request(THREE)
    assert THREE in world.called("delete"), "the DELETE of the probe was accepted"


def test_while_deletes_are_halted_observations_and_proofs_continue() -> None:
    world = ConcurrentWorld()
    world.cloud.answers("delete", ONE, DOWN)
    world.request(ONE)
    del world.cloud.backups[THREE]
    assert world.process(ask(THREE), attributes=ASKED) == "deleted"
    world.request(TWO)
    assert world.wait_of(TWO) == ("wait halted", "the target is halted for 60 s more")
    assert world.cloud.calls[-2:] == [("show", THREE), ("show", TWO)]


def test_an_accepted_delete_ends_the_halt_of_deletes() -> None:
    world = ConcurrentWorld()
    world.cloud.answers("delete", ONE, DOWN)
    world.request(ONE)
    world.clock.advance(60)
    world.request(ONE)
    world.during("delete", TWO, THREE)
    world.request(TWO)
    assert THREE in world.called("delete")


def test_a_good_get_with_an_answer_that_arrives_after_a_halt_does_not_end_it() -> None:
    world = ConcurrentWorld(base_s=1)
    world.request(THREE)
    world.cloud.has(ONE, status="creating")
    world.cloud.answers("show", TWO, answer(AnswerName.THROTTLED))
    world.during("show", ONE, TWO)
    world.request(ONE)
    assert world.request(THREE) == "wait halted"


@pytest.mark.parametrize("name", [AnswerName.OUT_OF_TIME, AnswerName.BAD_REQUEST])
def test_after_a_pass_without_a_call_the_next_record_probes_too(name: AnswerName) -> None:
    world = ConcurrentWorld()
    world.cloud.answers("show", ONE, answer(name))
    world.request(ONE)
    world.during("show", TWO, THREE)
    world.request(TWO)
    assert (THREE in world.called("show")) is (name is not AnswerName.OUT_OF_TIME)


@pytest.mark.parametrize(
    ("name", "interrupted", "interrupting"),
    [
        (AnswerName.THROTTLED, "wait halted", "halt throttled"),
        (AnswerName.UNAVAILABLE, "asked", "wait service_down"),  # a doubtful halt of a target that answers
    ],
)
def test_a_halt_caused_by_another_record_stops_a_pass_before_its_delete(
    name: AnswerName, interrupted: str, interrupting: str
) -> None:
    world = ConcurrentWorld(base_s=1)
    world.request(THREE)
    world.cloud.answers("show", TWO, answer(name))
    world.during("show", ONE, TWO)
    assert (world.request(ONE), world.decision(TWO)) == (interrupted, interrupting)
    assert (ONE in world.called("delete")) is (interrupted == "asked")
