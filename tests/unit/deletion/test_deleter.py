"""Batches, bulks and direct requests: which messages are kept, the order of steps of an end, and what is sent again."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, current_thread, main_thread
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from msgspec import UNSET

from tests.unit.deletion.world import (
    ASKED,
    OLD,
    ONE,
    THEN,
    THREE,
    TWO,
    VIEW,
    VOLUME,
    InjectedFaults,
    World,
    ask,
    backup_id,
)
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.errors import RequestNotQueued


@pytest.fixture
def world() -> World:
    return World()


# One request


def test_one_deletion_costs_a_get_a_delete_and_a_get() -> None:
    world = World(ONE)
    assert world.process(ask(ONE)) == "asked"
    (again,) = world.queue.sent
    world.clock.advance(60)
    assert world.process(again.body, "m-2", attributes=again.attributes) == "deleted"
    assert [operation for operation, _ in world.cloud.calls] == ["show", "delete", "show"]
    assert world.letters == []


def test_the_first_202_is_sent_again_word_for_word() -> None:
    world = World(ONE)
    body = json.dumps(ask(ONE, target="otc-prod", reason="caf\u00e9"), indent=1)
    world.process(body)
    (again,) = world.queue.sent
    assert (again.body, again.group, again.delay_s) == (body, "otc-prod", 15)


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({"redrives": "2"}, {"redrives": "2"}),
        ({"request_id": f"first/{ONE}", "sent_at": THEN}, {"request_id": f"first/{ONE}", "sent_at": THEN}),
        ({"sent_at": "x", "asked_at": "yesterday", "redrives": "-1"}, {}),  # unreadable
    ],
)
def test_the_first_202_is_sent_again_with_the_time_and_the_identity_of_the_request(
    attributes: dict[str, str], kept: dict[str, str]
) -> None:
    world = World(ONE)
    world.process(ask(ONE), attributes=attributes, age=timedelta(hours=3))
    assert world.queue.sent[0].attributes == {
        "request_id": "m-1",
        "sent_at": (world.clock() - timedelta(hours=3)).isoformat(),
        "asked_at": world.clock().isoformat(),
        "place": VIEW.place,
        "volume_id": VOLUME,
        **kept,
    }


@pytest.mark.parametrize("body", ["", "{", "[" * 200_000, json.dumps(ask("../volumes/x")), "\x00"])
def test_what_is_not_a_request_goes_to_the_dead_letters_word_for_word(world: World, body: str) -> None:
    assert world.process(body) == "refused malformed"
    assert world.cloud.calls == []
    (letter,) = world.queue.letters
    assert (letter.body, letter.attributes["reason"], letter.group) == (body, "malformed", None)
    assert world.bus.results[0].request is UNSET


def test_each_survivor_is_observed_before_the_delete() -> None:
    world = World(ONE, TWO)
    world.cloud.has(THREE, status="restoring")
    world.process(ask(ONE, TWO, THREE))
    assert world.cloud.calls == [("show", ONE), ("show", TWO), ("show", THREE), ("delete", ONE)]


@pytest.mark.parametrize(
    ("age", "receives", "decision"),
    [
        (timedelta(), 979, "wait busy"),
        (timedelta(days=11, hours=23), 979, "wait busy"),
        (timedelta(days=12, hours=11), 979, "parked busy"),
        (timedelta(days=12, hours=12), 1, "parked internal_error"),
        (timedelta(), 980, "parked internal_error"),
        (timedelta(days=13), 1000, "parked internal_error"),
    ],
)
def test_a_message_whose_passes_never_complete_is_parked_without_a_pass(
    world: World, age: timedelta, receives: int, decision: str
) -> None:
    world.cloud.has(ONE, status="creating")
    assert world.process(ask(ONE), age=age, receives=receives) == decision
    assert world.called("show") == ([] if "internal_error" in decision else [ONE])
    assert world.letters == decision.split()[1:] * decision.startswith("parked")


# The response to a batch


def test_the_response_names_the_messages_that_stay_and_nothing_else() -> None:
    world = World(TWO)
    world.cloud.has(ONE, status="creating")
    records = [world.second_delivery(ask(each), f"m-{number}") for number, each in enumerate([ONE, TWO, THREE])]
    response = world.deleter.handle({"Records": records}, lambda: 60.0, "i")
    assert json.dumps(response) == '{"batchItemFailures": [{"itemIdentifier": "m-0"}]}'
    assert world.queue.hidden == {"receipt-of-m-0": 90}


def test_if_nothing_stays_the_response_is_an_empty_list(world: World) -> None:
    assert world.deleter.handle({"Records": []}, lambda: 60.0, "i") == {"batchItemFailures": []}
    records = [world.second_delivery(ask(ONE))]
    assert world.deleter.handle({"Records": records}, lambda: 60.0, "i") == {"batchItemFailures": []}


def test_the_order_of_the_steps_of_an_end_is_reversed_past_twelve_days(world: World) -> None:
    world.cloud.has(ONE, name="[hold]")
    world.process(ask(ONE))
    world.process(ask(ONE), age=OLD)
    steps = [step for step in world.trouble.story if step in {"publish", "dead_letter"}]
    assert steps == ["publish", "dead_letter", "dead_letter", "publish"]


PORTS = ["show", "delete", "list", "hide", "send", "dead_letter", "publish", "began", "decided", "failed", "split"]
calls = st.frozensets(st.tuples(st.sampled_from(PORTS), st.integers(0, 4)), max_size=4)
BODIES: list[object] = [
    ask(ONE),
    ask(TWO),
    ask(THREE),
    ask(backup_id(4)),
    ask(backup_id(5), expect={"name": "another"}),
    {"backup_ids": [ONE, "x"]},
    "no request",
]


@settings(max_examples=400)
@given(
    raises=calls,
    refuses=calls,
    bodies=st.lists(st.sampled_from(BODIES), min_size=1, max_size=10),
    is_old=st.booleans(),
    receives=st.integers(1, 2),
    attributes=st.sampled_from([{}, ASKED]),
)
def test_whatever_a_port_does_exactly_what_is_recorded_may_be_acknowledged(
    raises: frozenset[tuple[str, int]],
    refuses: frozenset[tuple[str, int]],
    bodies: list[object],
    is_old: bool,  # noqa: FBT001
    receives: int,
    attributes: dict[str, str],
) -> None:
    world = World(ONE, backup_id(5), trouble=InjectedFaults(raises=raises, refuses=refuses))
    world.cloud.has(TWO, status="deleting")
    world.cloud.has(THREE, name="[hold]")
    how: dict[str, Any] = {"receives": receives, "attributes": attributes}
    how["age"] = timedelta(hours=290 if is_old else 0, minutes=1)
    ids = [f"m-{number}" for number in range(len(bodies))]
    stayed = world.deliver(*[world.message(body, name, **how) for name, body in zip(ids, bodies, strict=True)])
    assert len(stayed) == len(set(stayed))
    assert set(stayed) <= set(ids)
    heard = {result.request_id: result.outcome for result in world.bus.results}
    letters = {letter.attributes["request_id"] for letter in world.queue.letters}
    sent = {message.attributes["request_id"] for message in world.queue.sent}
    for message_id in set(ids) - set(stayed):
        lives_on = message_id in sent or {f"{message_id}/{ONE}", f"{message_id}/1"} <= sent
        gone = heard.get(message_id) in {"deleted", "already_gone"}
        buried = message_id in letters and (message_id in heard or is_old)
        assert lives_on or gone or buried


@pytest.mark.parametrize("port", ["show", "delete", "publish", "dead_letter", "send", "began", "decided"])
def test_a_record_that_raises_does_not_affect_the_others(port: str) -> None:
    world = World(ONE, TWO, THREE, trouble=InjectedFaults(raises=frozenset({(port, 1)})))
    world.cloud.has(backup_id(4), name="[hold]")
    names = [ONE, TWO, THREE, backup_id(4), backup_id(6)]
    stayed = world.deliver(*[world.second_delivery(ask(each), each) for each in names])
    assert len(stayed) <= 1


@pytest.mark.parametrize("port", ["began", "decided", "failed", "split"])
def test_a_broken_report_costs_no_request_anything(port: str) -> None:
    trouble = InjectedFaults(raises=frozenset({(port, 0)}), refuses=frozenset({("publish", 1)}))
    world = World(ONE, trouble=trouble)
    world.cloud.has(TWO, name="[hold]")
    bodies = [ask(TWO), ask(ONE), {"backup_ids": [THREE]}, ask(backup_id(9))]
    records = [world.second_delivery(body, f"m-{number}") for number, body in enumerate(bodies)]
    assert world.deliver(*records) == ["m-0"], "its end was not published"
    assert world.queue.hidden == {"receipt-of-m-0": 90}
    assert world.deliver(records[0]) == []


# Threads


def test_records_run_side_by_side(world: World) -> None:
    """Each GET waits until that of the other record has begun."""
    world.deleter = world.new_environment(threads=None)
    world.process(ask(THREE), "m-first")  # the breaker is closed now
    begun = {ONE: Event(), TWO: Event()}

    def meet(_: str, ref: BackupRef) -> None:
        begun[ref.backup_id].set()
        assert all(each.wait(60) for each in begun.values())

    world.cloud.meanwhile = meet
    assert world.deliver(*[world.second_delivery(ask(each), each) for each in (ONE, TWO)]) == []


def test_a_record_that_hangs_is_kept_and_what_had_not_begun_never_does(world: World) -> None:
    release, begun, ended = Event(), Event(), Event()

    def hang(_operation: str, _ref: BackupRef) -> None:
        begun.set()
        assert release.wait(60)
        ended.set()

    def left_s() -> float:
        """Time for the first record to begin; from then on none for the batch to wait."""
        if current_thread() is main_thread():
            assert begun.wait(60)
        return 0.0 if begun.is_set() else 60.0

    world.cloud.meanwhile = hang
    with ThreadPoolExecutor(1) as pool:
        deleter = world.new_environment(threads=pool)
        batch = [world.message(ask(each), each) for each in (ONE, TWO)]
        response = deleter.handle({"Records": batch}, left_s, "i")
        release.set()
        assert ended.wait(60), "the response waited for the record"
    assert response == {"batchItemFailures": [{"itemIdentifier": ONE}, {"itemIdentifier": TWO}]}
    assert world.cloud.calls == [("show", ONE)]


def test_the_deleter_has_threads_of_its_own_if_it_is_given_none(world: World) -> None:
    world.deleter = world.new_environment(calls_at_once=2, threads=None)
    assert world.deliver(*[world.second_delivery(ask(backup_id(number)), f"m-{number}") for number in range(10)]) == []


# Bulks


def test_a_bulk_becomes_messages_of_its_own_in_one_step(world: World) -> None:
    body = {"backup_ids": [ONE, "x\u00e9", TWO, 7], "target": "otc-prod", "reason": "superfluous"}
    assert world.deliver(world.message(body, age=timedelta(minutes=1))) == []
    assert [(part.attributes["request_id"], json.loads(part.body)) for part in world.queue.sent] == [
        (f"m-1/{ONE}", ask(ONE, target="otc-prod", reason="superfluous")),
        (f"m-1/{TWO}", ask(TWO, target="otc-prod", reason="superfluous")),
        ("m-1/1", {"backup_id": "x\u00e9"}),
        ("m-1/3", {"backup_id": 7}),
    ]
    sent_at = (world.clock() - timedelta(minutes=1)).isoformat()
    assert {(part.attributes["sent_at"], part.group) for part in world.queue.sent} == {(sent_at, "otc-prod")}
    assert world.trouble.story.count("send") == 1
    assert world.bus.results == []
    assert world.report.splits == [(2, 2)]


def test_a_part_that_is_not_an_id_is_refused_alone_under_its_own_name(world: World) -> None:
    world.deliver(world.message({"backup_ids": ["x"]}))
    (part,) = world.queue.sent
    assert part.group == "default"
    world.process(part.body, "m-2", attributes=part.attributes)
    (letter,) = world.queue.letters
    assert letter.body == '{"backup_id": "x"}'
    assert (letter.attributes["request_id"], letter.attributes["reason"]) == ("m-1/0", "malformed")


def test_a_bulk_whose_parts_are_not_all_stored_stays_and_repeats_the_same_parts(world: World) -> None:
    world.trouble.refuses = frozenset({("send", 1)})
    body = {"backup_ids": [ONE, "x"]}
    assert world.process(body) == "wait not_stored"
    assert world.deliver(world.message(body, receives=2)) == []
    assert [part.attributes["request_id"] for part in world.queue.sent] == [f"m-1/{ONE}", "m-1/1"]


def test_a_bulk_whose_passes_never_complete_is_parked_too(world: World) -> None:
    age = timedelta(days=12, hours=12)
    assert world.process({"backup_ids": [ONE], "target": "otc-prod"}, age=age) == "parked internal_error"
    assert world.queue.sent == []
    assert world.letters == ["internal_error"]


# Direct invocation; `test_situations.py` has the outcome of every decision.


@pytest.mark.parametrize("request_", [{}, [], "x", 7, None, {"backup_id": "x"}, {"backup_id": float("nan")}])
def test_a_direct_request_that_is_none_is_refused(world: World, request_: object) -> None:
    assert world.invoke(request_)["reason"] == "malformed"


def test_a_long_wait_of_a_direct_request_is_cut_to_what_sqs_can_delay(world: World) -> None:
    world.invoke(ask(ONE, not_before="2026-11-25T12:00:00Z"))
    assert world.queue.sent[0].delay_s == 900


def test_a_direct_bulk_is_queued_in_parts_and_says_so(world: World) -> None:
    outcome = world.invoke({"backup_ids": [ONE, "x"]})
    assert (outcome["outcome"], outcome["reason"]) == ("queued", "split")
    assert [part.attributes["request_id"] for part in world.queue.sent] == [f"i-1/{ONE}", "i-1/1"]


def test_a_direct_request_that_has_neither_ended_nor_been_stored_raises(world: World) -> None:
    world.trouble.refuses = frozenset({("send", 0)})
    with pytest.raises(RequestNotQueued, match="could not be queued"):
        world.invoke(ask(ONE))


@pytest.mark.parametrize(("trouble", "reason"), [("refuses publish", "unheard"), ("raises show", "internal_error")])
def test_a_direct_request_that_could_not_end_is_queued(world: World, trouble: str, reason: str) -> None:
    world.cloud.has(ONE, name="[hold]")
    how, port = trouble.split()
    setattr(world.trouble, how, frozenset({(port, 1)}))
    assert world.invoke(ask(ONE))["reason"] == reason
    assert len(world.queue.sent) == 1
