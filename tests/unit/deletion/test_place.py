"""The place of a request: the project and the address where its backup was listed or its deletion was requested."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.world import ASKED, OLD, ONE, PROJECT, THEN, TWO, UNANSWERED, VIEW, VOLUME, World, answer, ask
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.deletion.message import ATTRIBUTES

REQUEST = ask(ONE)
HERE = replace(VIEW, address="https://vbs.here")
ELSEWHERE = f"{PROJECT} https://vbs.elsewhere"
AT_OTHER_PLACE = {"place": ELSEWHERE}
IS_ELSEWHERE = f'the request is for "{ELSEWHERE}"; the target is at "{HERE.place}" now'
STRANGER = "AIDASTRANGER"
OTHER_VOLUME = "8e3f4b21-69d5-4c8f-9a2a-3d7b0f1c5e42"


@pytest.fixture
def world() -> World:
    return world_here()


def world_here() -> World:
    world = World()
    world.cloud.view = HERE
    return world


def test_the_place_is_the_project_and_the_address() -> None:
    assert HERE.place == f"{PROJECT} https://vbs.here"
    assert VIEW.place == PROJECT


def test_after_the_first_get_all_calls_go_to_the_place_that_was_observed(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.has(TWO)
    world.process(ask(ONE, TWO))
    first, *others = [(ref.target, ref.project_id, ref.address) for ref in world.cloud.refs]
    assert first == ("default", None, None)
    assert others == [("default", PROJECT, "https://vbs.here")] * 2


@pytest.mark.parametrize("name", [AnswerName.ACCEPTED, AnswerName.TIMED_OUT])
def test_a_delete_that_may_be_accepted_records_where_it_was_sent(world: World, name: AnswerName) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(name, view=HERE))
    world.process(REQUEST)
    assert world.queue.sent[0].attributes["place"] == HERE.place


@pytest.mark.parametrize("claims", [{}, ASKED, UNANSWERED])
@pytest.mark.parametrize("receives", [1, 2, 700])
def test_a_404_at_another_place_is_not_proof(world: World, claims: dict[str, str], receives: int) -> None:
    attributes = AT_OTHER_PLACE | claims
    assert world.deliver(world.second_delivery(REQUEST, attributes=attributes, receives=receives)) == ["m-1"]
    assert world.decision() == "wait asked_elsewhere"
    assert getattr(world.report.last("m-1"), "message", "") == IS_ELSEWHERE
    assert world.ends == []


@pytest.mark.parametrize("name", [AnswerName.GONE, AnswerName.MAYBE_GONE])
@pytest.mark.parametrize(("hours", "kind"), [(23.99, "wait"), (24, "refused"), (287, "refused"), (299, "refused")])
def test_a_day_later_it_is_refused(world: World, name: AnswerName, hours: float, kind: str) -> None:
    world.cloud.answers("show", ONE, answer(name, view=HERE))
    age = timedelta(hours=hours)
    assert world.process(REQUEST, attributes=AT_OTHER_PLACE, age=age, receives=2) == f"{kind} asked_elsewhere"
    assert getattr(world.report.last("m-1"), "message", "") == IS_ELSEWHERE
    places = [letter.attributes["place"] for letter in world.queue.letters]
    assert places == ([ELSEWHERE] if kind == "refused" else [])


@pytest.mark.parametrize("place", [{}, {"place": HERE.place}, {"place": ""}])
@pytest.mark.parametrize(("asked", "end"), [({}, "already_gone already_gone"), (ASKED, "deleted deleted")])
def test_a_404_at_the_same_place_or_without_a_stated_one_is_proof(
    world: World, place: dict[str, str], asked: dict[str, str], end: str
) -> None:
    world.deliver(world.second_delivery(REQUEST, attributes=place | asked))
    assert world.ends == [end]


def test_a_202_at_another_place_is_a_first_202(world: World) -> None:
    world.cloud.has(ONE)
    assert world.process(REQUEST, attributes=AT_OTHER_PLACE | ASKED) == "asked"
    (again,) = world.queue.sent
    assert (again.attributes["asked_at"], again.attributes["place"]) == (world.clock().isoformat(), HERE.place)
    world.clock.advance(60)
    assert world.process(REQUEST, "m-2", attributes=again.attributes) == "deleted"


def test_a_lost_answer_to_a_delete_at_another_place_does_not_keep_what_was_accepted_elsewhere(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.TIMED_OUT, view=HERE))
    world.process(REQUEST, attributes=AT_OTHER_PLACE | ASKED)
    (again,) = world.queue.sent
    assert (again.attributes["unanswered_at"], again.attributes["place"]) == (world.clock().isoformat(), HERE.place)
    assert "asked_at" not in again.attributes


def test_a_backup_that_this_pass_saw_here_before_it_was_gone_is_deleted(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.GONE, at=world.clock(), view=HERE))
    assert world.process(REQUEST, attributes=AT_OTHER_PLACE) == "deleted"


def test_when_the_target_returns_to_the_stated_place_the_request_ends(world: World) -> None:
    attributes = ASKED | {"place": HERE.place}
    world.cloud.view = replace(VIEW, address="https://vbs.elsewhere")
    assert world.process(REQUEST, attributes=attributes) == "wait asked_elsewhere"
    world.cloud.view = HERE
    assert world.process(REQUEST, attributes=attributes, receives=2) == "deleted"


def test_what_came_back_as_asked_elsewhere_counts_for_the_present_place(world: World) -> None:
    letter = AT_OTHER_PLACE | ASKED | UNANSWERED | {"reason": "asked_elsewhere", "request_id": "m-0", "sent_at": THEN}
    assert world.process(REQUEST, attributes=letter) == "wait unconfirmed"
    world.deliver(world.second_delivery(REQUEST, attributes=letter))
    assert world.ends == ["already_gone already_gone"]


@pytest.mark.parametrize("reason", ["deleting", "halted", "held"])
def test_what_came_back_for_another_reason_keeps_its_place(world: World, reason: str) -> None:
    world.deliver(world.second_delivery(REQUEST, attributes=AT_OTHER_PLACE | {"reason": reason}))
    assert world.decision() == "wait asked_elsewhere"


@pytest.mark.parametrize("place", [ELSEWHERE, HERE.place])
def test_the_status_is_not_compared_any_more_once_a_delete_was_sent_anywhere(world: World, place: str) -> None:
    world.cloud.has(ONE, status="error")
    world.process(ask(ONE, expect={"status": "available"}), attributes=ASKED | {"place": place})
    assert world.cloud.calls == [("show", ONE), ("delete", ONE)]


def test_a_request_that_is_asked_at_one_place_after_another_for_twelve_days_is_not_sent_again(world: World) -> None:
    world.cloud.has(ONE, status="error")
    long_ago = (world.clock() - OLD).isoformat()
    past = AT_OTHER_PLACE | {"request_id": "r", "sent_at": long_ago, "asked_at": long_ago}
    assert world.process(REQUEST, attributes=past) == "wait deletion_failed"
    assert world.queue.sent == []


def test_parts_of_a_bulk_keep_the_place_of_the_whole(world: World) -> None:
    world.deliver(world.message({"backup_ids": [ONE]}, attributes=AT_OTHER_PLACE, sender=STRANGER))
    assert [part.attributes["place"] for part in world.queue.sent] == [ELSEWHERE]


def test_no_message_has_more_attributes_than_sqs_accepts_with_one_for_tracing(world: World) -> None:
    world.cloud.has(ONE, status="error_deleting")
    claims = AT_OTHER_PLACE | ASKED | UNANSWERED | {"sent_at": THEN, "request_id": "m-0"}
    claims |= {"volume_id": VOLUME, "purge_run": "p/r", "redrives": "1"}
    world.process(REQUEST, attributes=claims)
    (letter,) = world.queue.letters
    assert set(letter.attributes) == set(ATTRIBUTES)
    assert len(set(ATTRIBUTES) - {"redrives"}) <= 9  # only messages from before version 0.2.0 have it


# A proof of deletion may need the volume of the backup.


def volumes_stated(world: World) -> list[tuple[str, str | None]]:
    return [(operation, ref.volume_id) for (operation, _), ref in zip(world.cloud.calls, world.cloud.refs, strict=True)]


def test_a_call_states_the_volume_that_was_seen_last(world: World) -> None:
    world.cloud.has(ONE)
    world.process(REQUEST, attributes={"volume_id": OTHER_VOLUME})
    assert volumes_stated(world) == [("show", OTHER_VOLUME), ("delete", VOLUME)]
    assert world.queue.sent[0].attributes["volume_id"] == VOLUME


def test_neither_a_survivor_nor_an_expectation_says_what_the_volume_is(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.has(TWO)
    world.process(ask(ONE, expect={"survivors": [TWO], "volume_id": VOLUME}))
    assert volumes_stated(world) == [("show", None), ("show", None), ("delete", VOLUME)]


@given(
    status=st.sampled_from([None, "available", "deleting", "error", "error_deleting", "creating"]),
    place=st.none() | st.just(HERE.place) | st.just(ELSEWHERE) | st.text(min_size=1),
    how=st.fixed_dictionaries(
        {"receives": st.integers(1, 3), "age": st.sampled_from([0, 1, 25, 290]).map(lambda h: timedelta(hours=h))},
        optional={"sender": st.just(STRANGER)},
    ),
    claims=st.sampled_from([{}, ASKED]),
)
def test_a_stated_place_only_restricts(
    status: str | None, place: str | None, how: dict[str, Any], claims: dict[str, str]
) -> None:
    """With any place the request ends in the same way as without one, or as `asked_elsewhere`, or it is asked again."""

    def run(attributes: dict[str, str]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
        world = world_here()
        if status:
            world.cloud.has(ONE, status=status)
        world.deliver(world.second_delivery(REQUEST, attributes=claims | attributes, **how))
        return world.cloud.calls, world.ends, world.letters

    calls, ends, letters = run({"place": place} if place else {})
    plain_calls, plain_ends, plain_letters = run({})
    assert calls == plain_calls
    if (ends, letters) != (plain_ends, plain_letters):
        assert place not in {None, HERE.place}
        assert ends in ([], ["refused asked_elsewhere"])
        was_gone = plain_ends in (["already_gone already_gone"], ["deleted deleted"], [])
        assert was_gone or (claims and status in {"available", "error"})
