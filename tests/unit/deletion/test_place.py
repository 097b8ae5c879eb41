"""The place of a request: the project and the address where its backup was listed or its deletion was requested."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.world import PROJECT, VIEW, VOLUME, World, answer, backup_id
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.deletion.decision import AlreadyGone, Asked, Deleted, Wait
from vbs_reaper.deletion.message import ATTRIBUTES
from vbs_reaper.reasons import Reason

ONE = backup_id(1)
REQUEST = {"backup_id": ONE}
HERE = replace(VIEW, address="https://vbs.here")
ELSEWHERE = f"{PROJECT} https://vbs.elsewhere"
STRANGER = "AIDASTRANGER"


@pytest.fixture
def world() -> World:
    return world_here()


def world_here() -> World:
    world = World()
    world.cloud.view = HERE
    return world


def outcomes(world: World) -> list[tuple[str, str]]:
    return [(result.outcome.value, result.reason) for result in world.bus.results]


def test_the_place_is_the_project_and_the_address() -> None:
    assert HERE.place == f"{PROJECT} https://vbs.here"
    assert VIEW.place == PROJECT


def test_the_first_202_records_where_it_was(world: World) -> None:
    world.cloud.has(ONE)
    world.deliver(world.message(REQUEST))
    assert world.queue.sent[0].attributes["place"] == HERE.place


def test_a_delete_without_an_answer_records_where_it_was_sent(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.TIMED_OUT))
    world.deliver(world.message(REQUEST))
    assert world.queue.sent[0].attributes["place"] == HERE.place


@pytest.mark.parametrize("claims", [{}, {"asked_at": "2026-11-25T03:00:00+00:00"}])
@pytest.mark.parametrize("receives", [1, 2, 700])
def test_a_404_at_another_place_is_no_proof(world: World, claims: dict[str, str], receives: int) -> None:
    kept = world.deliver(
        world.second_delivery(REQUEST, attributes={"place": ELSEWHERE, **claims}, receives=receives),
        world.second_delivery(
            REQUEST, "m-2", attributes={"place": ELSEWHERE, "unanswered_at": "2026-11-25T03:00:00+00:00"}
        ),
    )
    assert kept == ["m-1", "m-2"]
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.ASKED_ELSEWHERE
    assert decision.message == f'the request is for "{ELSEWHERE}"; the target is at "{HERE.place}" now'
    assert world.bus.results == []


@pytest.mark.parametrize(("hours", "reason"), [(1, Reason.ASKED_ELSEWHERE), (24, None)])
def test_a_404_at_another_place_that_needs_confirmation_is_none_either(
    world: World, hours: float, reason: Reason | None
) -> None:
    world.cloud.answers("show", ONE, answer(AnswerName.MAYBE_GONE, view=HERE))
    sent_at = world.clock() - timedelta(hours=hours)
    world.deliver(world.second_delivery(REQUEST, attributes={"place": ELSEWHERE}, sent_at=sent_at))
    decision = world.report.last("m-1")
    assert (decision.reason if isinstance(decision, Wait) else None) is reason
    assert outcomes(world) == ([] if reason else [("refused", "asked_elsewhere")])


@pytest.mark.parametrize(("hours", "is_refused"), [(23.99, False), (24, True), (287, True), (299, True)])
def test_a_day_later_it_is_refused(world: World, hours: float, is_refused: bool) -> None:  # noqa: FBT001
    sent_at = world.clock() - timedelta(hours=hours)
    world.deliver(world.second_delivery(REQUEST, attributes={"place": ELSEWHERE}, sent_at=sent_at))
    assert outcomes(world) == ([("refused", "asked_elsewhere")] if is_refused else [])
    assert [letter.attributes["place"] for letter in world.queue.letters] == ([ELSEWHERE] if is_refused else [])


@pytest.mark.parametrize("place", [None, HERE.place, ""])
@pytest.mark.parametrize(("asked_at", "end"), [(None, AlreadyGone), ("2026-11-25T03:00:00+00:00", Deleted)])
def test_a_404_at_the_same_place_or_without_a_stated_one_is_proof(
    world: World, place: str | None, asked_at: str | None, end: type
) -> None:
    attributes = {"place": place, "asked_at": asked_at}
    stated = {name: value for name, value in attributes.items() if value is not None}
    assert world.deliver(world.second_delivery(REQUEST, attributes=stated)) == []
    assert isinstance(world.report.last("m-1"), end)


def test_a_202_at_another_place_is_a_first_202(world: World) -> None:
    world.cloud.has(ONE)
    attributes = {"place": ELSEWHERE, "asked_at": "2026-11-25T03:00:00+00:00"}
    assert world.deliver(world.message(REQUEST, attributes=attributes)) == []
    assert isinstance(world.report.last("m-1"), Asked)
    (again,) = world.queue.sent
    assert (again.attributes["asked_at"], again.attributes["place"]) == (world.clock().isoformat(), HERE.place)
    world.clock.advance(60)
    assert world.deliver(world.message(REQUEST, "m-2", attributes=again.attributes)) == []
    assert outcomes(world) == [("deleted", "deleted")]


def test_a_backup_that_this_pass_saw_here_before_it_was_gone_is_deleted(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.GONE, at=world.clock(), view=HERE))
    world.deliver(world.message(REQUEST, attributes={"place": ELSEWHERE}))
    assert outcomes(world) == [("deleted", "deleted")]


def test_when_the_target_returns_to_the_stated_place_the_request_ends(world: World) -> None:
    attributes = {"place": HERE.place, "asked_at": "2026-11-25T03:00:00+00:00"}
    world.cloud.view = replace(VIEW, address="https://vbs.elsewhere")
    assert world.deliver(world.message(REQUEST, attributes=attributes)) == ["m-1"]
    world.cloud.view = HERE
    assert world.deliver(world.message(REQUEST, attributes=attributes, receives=2)) == []
    assert outcomes(world) == [("deleted", "deleted")]


def test_what_came_back_as_asked_elsewhere_counts_for_the_present_place(world: World) -> None:
    sent_at = (world.clock() - timedelta(days=2)).isoformat()
    letter = {
        "reason": "asked_elsewhere",
        "place": ELSEWHERE,
        "asked_at": sent_at,
        "unanswered_at": sent_at,
        "request_id": "m-0",
        "sent_at": sent_at,
    }
    assert world.deliver(world.message(REQUEST, attributes=letter)) == ["m-1"]
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.UNCONFIRMED
    assert world.deliver(world.second_delivery(REQUEST, attributes=letter)) == []
    assert outcomes(world) == [("already_gone", "already_gone")]


@pytest.mark.parametrize("reason", ["deleting", "halted", "held"])
def test_what_came_back_for_another_reason_keeps_its_place(world: World, reason: str) -> None:
    assert world.deliver(world.second_delivery(REQUEST, attributes={"reason": reason, "place": ELSEWHERE})) == ["m-1"]
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.ASKED_ELSEWHERE


@pytest.mark.parametrize("place", [ELSEWHERE, HERE.place])
def test_the_status_is_not_compared_any_more_once_a_delete_was_sent_anywhere(world: World, place: str) -> None:
    world.cloud.has(ONE, status="error")
    asked = {"asked_at": "2026-11-25T03:00:00+00:00", "place": place}
    world.deliver(world.message(REQUEST | {"expect": {"status": "available"}}, attributes=asked))
    assert world.cloud.calls == [("show", ONE), ("delete", ONE)]


def test_a_request_whose_place_changes_again_and_again_is_parked_after_twelve_days(world: World) -> None:
    world.cloud.has(ONE, status="error")
    long_ago = (world.clock() - timedelta(days=12)).isoformat()
    past = {"request_id": "r", "sent_at": long_ago, "asked_at": long_ago, "place": ELSEWHERE}
    world.deliver(world.message(REQUEST, attributes=past))
    assert isinstance(world.report.last("m-1"), Wait)
    assert world.queue.sent == []


def test_parts_of_a_bulk_keep_the_place_of_the_whole(world: World) -> None:
    world.deliver(world.message({"backup_ids": [ONE]}, attributes={"place": ELSEWHERE}, sender=STRANGER))
    assert [part.attributes["place"] for part in world.queue.sent] == [ELSEWHERE]


def test_no_message_has_more_attributes_than_sqs_accepts_with_one_for_tracing(world: World) -> None:
    world.cloud.has(ONE, status="error_deleting")
    claims = dict.fromkeys(("sent_at", "asked_at", "unanswered_at"), "2026-11-25T03:00:00+00:00")
    world.deliver(
        world.message(
            REQUEST,
            attributes=claims
            | {"request_id": "m-0", "place": ELSEWHERE, "volume_id": VOLUME, "purge_run": "p/r", "redrives": "1"},
        )
    )
    (letter,) = world.queue.letters
    assert set(letter.attributes) == set(ATTRIBUTES)
    assert len(set(ATTRIBUTES) - {"redrives"}) <= 9  # only messages from before version 0.2.0 have it


GONE_OR_THERE = st.sampled_from([None, "available", "deleting", "error", "error_deleting", "creating"])
places = st.none() | st.just(HERE.place) | st.just(ELSEWHERE) | st.text(min_size=1)


@given(
    status=GONE_OR_THERE,
    place=places,
    receives=st.integers(1, 3),
    hours=st.sampled_from([0, 1, 25, 290]),
    sender=st.sampled_from([STRANGER, None]),
    asked=st.booleans(),
)
def test_a_stated_place_only_restricts(
    status: str | None,
    place: str | None,
    receives: int,
    hours: float,
    sender: str | None,
    asked: bool,  # noqa: FBT001
) -> None:
    """With any place the request ends in the same way as without one, or as `asked_elsewhere`, or it is asked again."""

    def run(attributes: dict[str, str]) -> tuple[list[str], list[tuple[str, str]], list[str]]:
        world = world_here()
        if status:
            world.cloud.has(ONE, status=status)
        sent_at = world.clock() - timedelta(hours=hours)
        claims = {"asked_at": sent_at.isoformat()} if asked else {}
        how = {"sender": sender} if sender else {}
        world.deliver(
            world.second_delivery(REQUEST, attributes=claims | attributes, receives=receives, sent_at=sent_at, **how)
        )
        return (
            [operation for operation, _ in world.cloud.calls],
            outcomes(world),
            [letter.attributes["reason"] for letter in world.queue.letters],
        )

    calls, ends, letters = run({"place": place} if place else {})
    plain_calls, plain_ends, plain_letters = run({})
    assert calls == plain_calls
    if (ends, letters) != (plain_ends, plain_letters):
        assert place not in {None, HERE.place}
        assert ends in ([], [("refused", "asked_elsewhere")])
        was_gone = plain_ends in ([("already_gone", "already_gone")], [("deleted", "deleted")], [])
        assert was_gone or (asked and status in {"available", "error"})
