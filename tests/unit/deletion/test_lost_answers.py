"""A DELETE without an answer may have been accepted: the request remembers that in its message."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import DELETER
from tests.unit.deletion.world import VIEW, Trouble, World, answer, backup_id, found
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.deletion.decide import is_unanswered
from vbs_reaper.deletion.decision import Asked, Halt, Parked, Wait
from vbs_reaper.reasons import Reason

ONE, TWO = backup_id(1), backup_id(2)
REQUEST = {"backup_id": ONE}
THEN = "2026-11-25T03:00:00+00:00"
LOST = {
    "timed out": (answer(AnswerName.TIMED_OUT), Reason.TIMED_OUT),
    "connection lost": (answer(AnswerName.CONNECTION_LOST), Reason.CONNECTION_LOST),
    "408": (answer(AnswerName.TIMED_OUT, status=408), Reason.TIMED_OUT),
    "500": (answer(AnswerName.SERVER_ERROR, status=500), Reason.SERVER_ERROR),
    "502": (answer(AnswerName.UNAVAILABLE, status=502), Reason.SERVICE_DOWN),
    "504": (answer(AnswerName.UNAVAILABLE, status=504), Reason.SERVICE_DOWN),
}
ANSWERED = [
    name
    for name in AnswerName
    if name not in {AnswerName.TIMED_OUT, AnswerName.CONNECTION_LOST, AnswerName.SERVER_ERROR, AnswerName.ACCEPTED}
]


def world_with(*deletes: Answer) -> World:
    world = World()
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, *deletes)
    return world


def proof(world: World) -> str:
    (result,) = world.bus.results
    return f"{result.outcome.value}: {result.message}"


@pytest.mark.parametrize("what", LOST)
def test_the_first_lost_answer_is_recorded_in_a_new_message(what: str) -> None:
    lost, reason = LOST[what]
    world = world_with(lost)
    sent_at = world.clock() - timedelta(hours=1)
    assert world.deliver(world.message(REQUEST, attributes={"redrives": "1"}, sent_at=sent_at)) == []
    (again,) = world.queue.sent
    assert again.attributes == {
        "request_id": "m-1",
        "sent_at": sent_at.isoformat(),
        "unanswered_at": world.clock().isoformat(),
        "place": VIEW.place,
        "redrives": "1",
    }
    assert (again.group, again.delay_s) == ("default", 45)
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait | Halt)
    assert decision.reason is reason
    assert world.queue.letters == []
    assert world.bus.results == []


@pytest.mark.parametrize("name", ANSWERED)
def test_no_other_answer_is_recorded_as_lost(name: AnswerName) -> None:
    world = world_with(answer(name))
    world.deliver(world.message(REQUEST))
    assert all("unanswered_at" not in message.attributes for message in world.queue.sent)


@pytest.mark.parametrize(("status", "is_lost"), [(408, True), (500, True), (502, True), (503, False), (504, True)])
def test_of_an_unavailable_service_these_statuses_leave_the_outcome_open(status: int, is_lost: bool) -> None:  # noqa: FBT001
    assert is_unanswered(answer(AnswerName.UNAVAILABLE, status=status)) is is_lost


@pytest.mark.parametrize("receives", [1, 8, 100])
def test_the_new_message_waits_no_longer_than_sqs_delays_one(receives: int) -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    world.deliver(world.message(REQUEST, receives=receives))
    assert world.queue.sent[0].delay_s == (45 if receives == 1 else 900)


def test_a_lost_answer_to_a_get_is_not_recorded() -> None:
    world = World()
    world.cloud.answers("show", ONE, answer(AnswerName.TIMED_OUT))
    assert world.deliver(world.message(REQUEST)) == ["m-1"]
    assert world.queue.sent == []


@pytest.mark.parametrize("mark", ["unanswered_at", "asked_at"])
@pytest.mark.parametrize("place", [{}, {"place": VIEW.place}])
@pytest.mark.parametrize("what", LOST)
def test_a_further_lost_answer_is_an_ordinary_wait(what: str, place: dict[str, str], mark: str) -> None:
    lost, reason = LOST[what]
    world = world_with(lost)
    assert world.deliver(world.message(REQUEST, attributes={mark: THEN, **place})) == ["m-1"]
    assert world.queue.sent == []
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait | Halt)
    assert decision.reason is reason


def test_a_202_after_a_lost_answer_is_the_first_202() -> None:
    world = world_with()
    world.deliver(world.message(REQUEST, attributes={"unanswered_at": THEN, "place": VIEW.place}))
    assert isinstance(world.report.last("m-1"), Asked)
    (again,) = world.queue.sent
    assert (again.attributes["asked_at"], again.attributes["unanswered_at"]) == (world.clock().isoformat(), THEN)


def test_a_proven_404_after_a_lost_answer_is_deleted_with_a_note() -> None:
    world = World()
    assert world.deliver(world.message(REQUEST, attributes={"unanswered_at": THEN, "place": VIEW.place})) == []
    assert proof(world).startswith("deleted: ")
    assert "the answer to its DELETE was lost" in proof(world)


def test_a_proven_404_after_a_202_has_no_note() -> None:
    world = World()
    world.deliver(world.message(REQUEST, attributes={"asked_at": THEN, "unanswered_at": THEN}))
    assert proof(world).startswith("deleted: ")
    assert "lost" not in proof(world)


def test_while_the_deletion_runs_the_request_waits() -> None:
    world = World()
    world.cloud.has(ONE, status="deleting")
    assert world.deliver(world.message(REQUEST, attributes={"unanswered_at": THEN})) == ["m-1"]
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.DELETING


def test_a_delete_that_was_applied_although_its_answer_is_lost_ends_as_deleted() -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    world.deliver(world.message(REQUEST))
    del world.cloud.backups[ONE]
    (again,) = world.queue.sent
    assert world.deliver(world.message(REQUEST, "m-2", attributes=again.attributes)) == []
    assert proof(world).startswith("deleted: ")
    assert [result.request_id for result in world.bus.results] == ["m-1"]


@pytest.mark.parametrize("how", ["refuses", "raises"])
def test_if_the_new_message_is_not_stored_the_old_one_waits(how: str) -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    setattr(world.trouble, how, frozenset({("send", 1)}))
    assert world.deliver(world.message(REQUEST)) == ["m-1"]
    assert world.queue.hidden == {"receipt-of-m-1": 45}
    assert world.report.failures == [("m-1", "send")]


def test_if_the_new_message_is_not_stored_the_old_one_waits_as_long_as_the_service_asked_for() -> None:
    world = world_with(answer(AnswerName.UNAVAILABLE, status=502, retry_after_s=1800.0))
    world.trouble.refuses = frozenset({("send", 1)})
    assert world.deliver(world.message(REQUEST)) == ["m-1"]
    assert world.queue.hidden["receipt-of-m-1"] >= 1800
    assert isinstance(world.report.last("m-1"), Halt)


def test_if_the_new_message_is_not_stored_after_twelve_days_the_request_is_parked() -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    world.trouble.refuses = frozenset({("send", 0)})
    assert world.deliver(world.message(REQUEST, sent_at=world.clock() - timedelta(days=12))) == []
    assert isinstance(world.report.last("m-1"), Parked)
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["timed_out"]


def test_a_lost_answer_that_the_second_look_explains_is_not_needed() -> None:
    """After a conflict the backup is observed again in the same pass."""
    world = world_with(answer(AnswerName.CONFLICT))
    world.cloud.answers("show", ONE, found(ONE), answer(AnswerName.GONE, at=world.clock(), view=VIEW))
    assert world.deliver(world.message(REQUEST)) == []
    assert proof(world).startswith("deleted: ")
    assert world.queue.sent == []


def test_a_direct_request_without_an_answer_is_queued_once() -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    outcome = world.deleter.handle(REQUEST, lambda: 60.0, "i-1")
    assert (outcome["outcome"], outcome["reason"]) == ("queued", "timed_out")
    (message,) = world.queue.sent
    assert message.attributes["request_id"] == "i-1"
    assert message.attributes["unanswered_at"] == world.clock().isoformat()


def test_the_status_is_not_compared_after_a_lost_answer() -> None:
    world = World()
    world.cloud.has(ONE, status="error")
    body = REQUEST | {"expect": {"status": "available"}}
    world.deliver(world.message(body, attributes={"unanswered_at": THEN}))
    assert isinstance(world.report.last("m-1"), Asked)
    world.cloud.has(ONE, status="error")
    world.deliver(world.message(body, "m-2"))
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["expectation_failed"]


def test_an_expired_request_whose_deletion_failed_says_so() -> None:
    expired = REQUEST | {"expires_at": "2026-11-25T04:00:00Z"}
    for status, mark, reason in (
        ("error", {"asked_at": THEN}, "deletion_failed"),
        ("available", {"asked_at": THEN}, "expired"),
        ("error", {}, "expired"),
    ):
        world = World()
        world.cloud.has(ONE, status=status, fail_reason="disk full")
        world.deliver(world.message(expired, attributes=mark))
        (letter,) = world.queue.letters
        assert letter.attributes["reason"] == reason
        assert ("disk full" in letter.attributes["message"]) is (reason == "deletion_failed")
        assert world.cloud.calls == [("show", ONE)]


names = st.sampled_from([*LOST, "accepted", "unavailable", "conflict", "dependents"])
SCRIPT = {
    "accepted": answer(AnswerName.ACCEPTED),
    "unavailable": answer(AnswerName.UNAVAILABLE),
    "conflict": answer(AnswerName.CONFLICT),
    "dependents": answer(AnswerName.HAS_DEPENDENTS),
}


@given(st.lists(names, min_size=1, max_size=8))
def test_a_request_is_sent_again_at_most_once_for_a_lost_answer_and_once_for_a_202(answers: list[str]) -> None:
    world = world_with()
    attributes: dict[str, str] = {}
    marks = []
    for number, name in enumerate(answers):
        world.cloud.answers("delete", ONE, LOST[name][0] if name in LOST else SCRIPT[name])
        world.clock.advance(7200)
        kept = world.deliver(world.message(REQUEST, f"m-{number}", attributes=attributes, sender=DELETER))
        assert bool(kept) is not bool(world.queue.sent)
        for message in world.queue.sent:
            attributes = dict(message.attributes)
            marks.append({"asked_at", "unanswered_at"} & set(attributes))
        world.queue.sent.clear()
    assert len(marks) <= 2
    assert marks in ([], [{"asked_at"}], [{"unanswered_at"}], [{"unanswered_at"}, {"asked_at", "unanswered_at"}])
    assert datetime.fromisoformat(attributes.get("sent_at", THEN))


@pytest.mark.parametrize("lost", [AnswerName.ACCEPTED, AnswerName.TIMED_OUT])
def test_a_direct_request_keeps_what_its_delete_has_added_if_it_can_only_be_queued_at_the_second_try(
    lost: AnswerName,
) -> None:
    world = World(trouble=Trouble(refuses=frozenset({("send", 1)})))
    world.cloud.has(backup_id(1))
    world.cloud.answers("delete", backup_id(1), answer(lost))
    world.deleter.handle({"backup_id": backup_id(1)}, lambda: 60.0, "invocation")
    (queued,) = world.queue.sent
    assert ("asked_at" if lost is AnswerName.ACCEPTED else "unanswered_at") in queued.attributes
