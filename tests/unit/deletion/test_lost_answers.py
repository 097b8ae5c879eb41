"""A DELETE without an answer may have been accepted: the request remembers that in its message."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from tests.support.doubles import DELETER
from tests.unit.deletion.world import ASKED, OLD, ONE, THEN, UNANSWERED, VIEW, VOLUME, World, answer, ask, found
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.deletion.decide import is_unanswered

REQUEST = ask(ONE)
LOST = {
    "timed out": (answer(AnswerName.TIMED_OUT), "wait timed_out"),
    "connection lost": (answer(AnswerName.CONNECTION_LOST), "wait connection_lost"),
    "408": (answer(AnswerName.TIMED_OUT, status=408), "wait timed_out"),
    "500": (answer(AnswerName.SERVER_ERROR, status=500), "wait server_error"),
    "502": (answer(AnswerName.UNAVAILABLE, status=502), "halt service_down"),
    "504": (answer(AnswerName.UNAVAILABLE, status=504), "halt service_down"),
}


def world_with(*deletes: Answer) -> World:
    world = World(ONE)
    world.cloud.answers("delete", ONE, *deletes)
    return world


@pytest.mark.parametrize("what", LOST)
def test_the_first_lost_answer_is_recorded_in_a_new_message(what: str) -> None:
    lost, decision = LOST[what]
    world = world_with(lost)
    assert world.process(REQUEST, attributes={"redrives": "1"}, age=timedelta(hours=1)) == decision
    (again,) = world.queue.sent
    assert again.attributes == {
        "request_id": "m-1",
        "sent_at": THEN,
        "unanswered_at": world.clock().isoformat(),
        "place": VIEW.place,
        "volume_id": VOLUME,
        "redrives": "1",
    }
    assert (again.group, again.delay_s) == ("default", 45)
    assert (world.letters, world.ends, world.queue.hidden) == ([], [], {})


@pytest.mark.parametrize("mark", [ASKED, UNANSWERED])
@pytest.mark.parametrize("place", [{}, {"place": VIEW.place}])
@pytest.mark.parametrize("what", LOST)
def test_a_further_lost_answer_is_an_ordinary_wait(what: str, place: dict[str, str], mark: dict[str, str]) -> None:
    lost, decision = LOST[what]
    world = world_with(lost)
    assert world.process(REQUEST, attributes=mark | place) == decision
    assert world.queue.sent == []
    assert world.queue.hidden


@pytest.mark.parametrize("name", AnswerName)
def test_no_other_answer_is_recorded_as_lost(name: AnswerName) -> None:
    world = world_with(answer(name))
    world.process(REQUEST)
    is_lost = name in {AnswerName.TIMED_OUT, AnswerName.CONNECTION_LOST, AnswerName.SERVER_ERROR}
    assert any("unanswered_at" in message.attributes for message in world.queue.sent) is is_lost


@pytest.mark.parametrize(("status", "is_lost"), [(408, True), (500, True), (502, True), (503, False), (504, True)])
def test_of_an_unavailable_service_these_statuses_leave_the_outcome_open(status: int, is_lost: bool) -> None:  # noqa: FBT001
    assert is_unanswered(answer(AnswerName.UNAVAILABLE, status=status)) is is_lost


@pytest.mark.parametrize(("receives", "delay_s"), [(1, 45), (8, 900), (100, 900)])
def test_the_new_message_waits_no_longer_than_sqs_delays_one(receives: int, delay_s: int) -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    world.process(REQUEST, receives=receives)
    assert world.queue.sent[0].delay_s == delay_s


def test_a_202_after_a_lost_answer_is_the_first_202() -> None:
    world = World(ONE)
    assert world.process(REQUEST, attributes=UNANSWERED | {"place": VIEW.place}) == "asked"
    (again,) = world.queue.sent
    assert (again.attributes["asked_at"], again.attributes["unanswered_at"]) == (world.clock().isoformat(), THEN)


@pytest.mark.parametrize(
    ("marks", "has_note"), [(UNANSWERED | {"place": VIEW.place}, True), (UNANSWERED | ASKED, False)]
)
def test_a_proven_404_after_a_lost_answer_is_deleted_with_a_note(marks: dict[str, str], has_note: bool) -> None:  # noqa: FBT001
    world = World()
    assert world.process(REQUEST, attributes=marks) == "deleted"
    assert ("the answer to its DELETE was lost" in world.bus.results[0].message) is has_note


def test_a_delete_that_was_applied_although_its_answer_is_lost_ends_as_deleted() -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    world.process(REQUEST)
    del world.cloud.backups[ONE]
    (again,) = world.queue.sent
    assert world.process(REQUEST, "m-2", attributes=again.attributes) == "deleted"
    assert world.bus.results[0].request_id == "m-1"


@pytest.mark.parametrize("how", ["refuses", "raises"])
def test_if_the_new_message_is_not_stored_the_old_one_waits(how: str) -> None:
    world = world_with(answer(AnswerName.TIMED_OUT), answer(AnswerName.UNAVAILABLE, status=502, retry_after_s=1800.0))
    setattr(world.trouble, how, frozenset({("send", 0)}))
    assert world.process(REQUEST) == "wait timed_out"
    assert world.queue.hidden == {"receipt-of-m-1": 45}
    assert world.report.failures == [("m-1", "send")]
    assert world.process(REQUEST) == "halt service_down"
    assert world.queue.hidden["receipt-of-m-1"] >= 1800, "the service asked for that"


def test_if_the_new_message_is_not_stored_after_twelve_days_the_request_is_parked() -> None:
    world = world_with(answer(AnswerName.TIMED_OUT))
    world.trouble.refuses = frozenset({("send", 0)})
    assert world.process(REQUEST, age=OLD) == "parked timed_out"
    assert world.letters == ["timed_out"]


def test_a_conflict_that_the_second_get_explains_is_not_recorded() -> None:
    world = world_with(answer(AnswerName.CONFLICT))
    world.cloud.answers("show", ONE, found(ONE), answer(AnswerName.GONE, at=world.clock(), view=VIEW))
    assert world.process(REQUEST) == "deleted"
    assert world.queue.sent == []


@pytest.mark.parametrize(("name", "mark"), [(AnswerName.ACCEPTED, "asked_at"), (AnswerName.TIMED_OUT, "unanswered_at")])
@pytest.mark.parametrize("refuses", [frozenset(), frozenset({("send", 1)})])
def test_a_direct_request_is_queued_once_with_what_its_delete_has_added(
    name: AnswerName, mark: str, refuses: frozenset[tuple[str, int]]
) -> None:
    """If it cannot be queued at first, it still remembers its DELETE when it is queued at the second try."""
    world = world_with(answer(name))
    world.trouble.refuses = refuses
    assert world.invoke(REQUEST)["outcome"] == "queued"
    (queued,) = world.queue.sent
    assert (queued.attributes["request_id"], queued.attributes[mark]) == ("i-1", world.clock().isoformat())


@pytest.mark.parametrize(("marks", "decision"), [(UNANSWERED, "asked"), ({}, "refused expectation_failed")])
def test_the_status_is_not_compared_after_a_lost_answer(marks: dict[str, str], decision: str) -> None:
    world = World()
    world.cloud.has(ONE, status="error")
    assert world.process(ask(ONE, expect={"status": "available"}), attributes=marks) == decision


SCRIPT = {name: lost for name, (lost, _) in LOST.items()} | {
    "accepted": answer(AnswerName.ACCEPTED),
    "unavailable": answer(AnswerName.UNAVAILABLE),
    "conflict": answer(AnswerName.CONFLICT),
    "dependents": answer(AnswerName.HAS_DEPENDENTS),
}


@given(st.lists(st.sampled_from(list(SCRIPT)), min_size=1, max_size=8))
def test_a_request_is_sent_again_at_most_once_for_a_lost_answer_and_once_for_a_202(answers: list[str]) -> None:
    world = World(ONE)
    attributes: dict[str, str] = {}
    marks = []
    for number, name in enumerate(answers):
        world.cloud.answers("delete", ONE, SCRIPT[name])
        world.clock.advance(7200)
        kept = world.deliver(world.message(REQUEST, f"m-{number}", attributes=attributes, sender=DELETER))
        assert bool(kept) is not bool(world.queue.sent)
        for message in world.queue.sent:
            attributes = dict(message.attributes)
            marks.append({"asked_at", "unanswered_at"} & set(attributes))
        world.queue.sent.clear()
    assert marks in ([], [{"asked_at"}], [{"unanswered_at"}], [{"unanswered_at"}, {"asked_at", "unanswered_at"}])
    assert datetime.fromisoformat(attributes.get("sent_at", THEN))


REPEATED = {
    "not sent again": (answer(AnswerName.UNREACHABLE), "halt unreachable"),
    "too late to send it again": (replace(answer(AnswerName.OUT_OF_TIME), is_late=True), "wait out_of_time"),
    "rejected": (answer(AnswerName.UNAUTHORIZED, status=401), "halt credentials_rejected"),
}


@pytest.mark.parametrize("what", REPEATED)
def test_a_delete_that_was_repeated_may_have_been_accepted_the_first_time(what: str) -> None:
    repeated, decision = REPEATED[what]
    world = world_with(*[replace(repeated, is_repeat=True)] * 2)
    assert world.process(REQUEST) == decision
    (again,) = world.queue.sent
    assert again.attributes["unanswered_at"]


@pytest.mark.parametrize(
    "name", [AnswerName.WRONG_STATE, AnswerName.CONFLICT, AnswerName.MAYBE_ACCEPTED, AnswerName.OUT_OF_TIME]
)
def test_a_repeated_delete_whose_backup_is_deleting_is_accepted(name: AnswerName) -> None:
    world = world_with(replace(answer(name), is_repeat=True, is_late=name is AnswerName.OUT_OF_TIME))
    world.cloud.answers("show", ONE, found(ONE), found(ONE, status="deleting"))
    assert world.process(REQUEST) == "asked"
    (again,) = world.queue.sent
    assert again.attributes["asked_at"]


@pytest.mark.parametrize("name", [AnswerName.WRONG_STATE, AnswerName.CONFLICT])
def test_without_a_repeat_another_request_is_deleting_the_backup(name: AnswerName) -> None:
    world = world_with(answer(name))
    world.cloud.answers("show", ONE, found(ONE), found(ONE, status="deleting"))
    assert world.process(REQUEST) == "wait deleting"
    assert world.queue.sent == []


def test_a_repeated_delete_of_a_backup_with_dependents_was_not_accepted_the_first_time() -> None:
    world = world_with(replace(answer(AnswerName.HAS_DEPENDENTS), is_repeat=True))
    assert world.process(REQUEST) == "wait has_dependents"
    assert world.queue.sent == []
