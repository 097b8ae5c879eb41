"""Batches: which messages stay, in which order an end is recorded, what is sent onward."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, current_thread, main_thread
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.unit.deletion.world import (
    PROJECT,
    VIEW,
    VOLUME,
    AtOnce,
    MemoryCloud,
    Trouble,
    World,
    answer,
    backup_id,
    sqs_record,
)
from vbs_reaper.backups.answer import Answer, AnswerName, TargetInfo
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import AlreadyGone, Deleted, Halt, Parked, Refused, Wait
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import result_id
from vbs_reaper.errors import RequestNotQueued
from vbs_reaper.reasons import Reason

ONE, TWO, THREE = backup_id(1), backup_id(2), backup_id(3)


@pytest.fixture
def world() -> World:
    return World()


def ask_for(backup: str, **fields: object) -> dict[str, object]:
    return {"backup_id": backup} | fields


def last_reason(world: World, message_id: str = "m-1") -> Reason:
    decision = world.report.last(message_id)
    assert isinstance(decision, Wait | Halt | Refused | Parked)
    return decision.reason


def only_letter(world: World) -> NewMessage:
    (letter,) = world.queue.letters
    return letter


# The life of one request


def test_one_deletion_costs_a_look_a_delete_and_a_look(world: World) -> None:
    world.cloud.has(ONE)
    assert world.deliver(world.message(ask_for(ONE))) == []
    (anew,) = world.queue.sent
    world.clock.advance(60)
    again = sqs_record(anew.body, "m-2", sent_at=world.clock(), attributes=anew.attributes)
    assert world.deliver(again) == []
    assert [operation for operation, _ in world.cloud.calls] == ["show", "delete", "show"]
    assert isinstance(world.report.last("m-2"), Deleted)
    assert world.queue.letters == []


def test_the_first_202_is_sent_anew_and_carries_who_asked_when(world: World) -> None:
    world.cloud.has(ONE)
    body = json.dumps(ask_for(ONE, target="otc-prod", reason="caf\u00e9"), indent=1)
    sent_at = world.clock() - timedelta(hours=3)
    world.deliver(world.message(body, attributes={"redrives": "2"}, sent_at=sent_at))
    assert world.queue.sent == [
        NewMessage(
            body=body,
            attributes={
                "request_id": "m-1",
                "sent_at": sent_at.isoformat(),
                "asked_at": world.clock().isoformat(),
                "place": VIEW.place,
                "volume_id": VOLUME,
                "redrives": "2",
            },
            group="otc-prod",
            delay_s=15,
        )
    ]


def test_what_was_sent_onward_keeps_its_first_identity_and_time(world: World) -> None:
    world.cloud.has(ONE)
    travelling = {"request_id": f"first/{ONE}", "sent_at": "2026-11-24T00:00:00+00:00"}
    world.deliver(world.message(ask_for(ONE), "m-9", attributes=travelling))
    (anew,) = world.queue.sent
    assert anew.attributes.items() >= travelling.items()


@pytest.mark.parametrize("strange", ["", "-" * 65, "a b", "a\n", "a/b/c", "\u00e9", f"a/{'f' * 37}"])
def test_a_request_id_that_the_deleter_cannot_have_written_is_ignored(world: World, strange: str) -> None:
    attributes = {"request_id": strange, "sent_at": world.clock().isoformat()}
    world.deliver(world.second_delivery(ask_for(ONE), attributes=attributes))
    assert world.bus.results[0].request_id == "m-1"


def test_unreadable_attributes_count_as_not_there(world: World) -> None:
    world.cloud.has(ONE)
    world.deliver(world.message(ask_for(ONE), attributes={"sent_at": "x", "asked_at": "yesterday", "redrives": "-1"}))
    assert world.queue.sent[0].attributes == {
        "request_id": "m-1",
        "sent_at": world.clock().isoformat(),
        "asked_at": world.clock().isoformat(),
        "place": VIEW.place,
        "volume_id": VOLUME,
    }


def test_a_message_that_was_asked_is_not_sent_anew_again(world: World) -> None:
    world.cloud.has(ONE)
    asked = {"asked_at": "2026-11-25T03:00:00+00:00"}
    assert world.deliver(world.message(ask_for(ONE), attributes=asked)) == ["m-1"]
    assert world.queue.sent == []
    assert last_reason(world) is Reason.ACCEPTED


def test_a_backup_that_this_request_has_never_seen_or_asked_for_is_already_gone(world: World) -> None:
    assert world.deliver(world.second_delivery(ask_for(ONE))) == []
    assert isinstance(world.report.last("m-1"), AlreadyGone)
    (result,) = world.bus.results
    assert result.proof
    assert (result.outcome, result.proof.status, result.proof.request_id) == ("already_gone", 404, "req-7")


def test_what_this_pass_saw_before_it_was_gone_is_deleted(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.GONE, at=world.clock()))
    world.deliver(world.message(ask_for(ONE)))
    assert isinstance(world.report.last("m-1"), Deleted)


def test_a_pass_sends_at_most_one_delete_and_two_looks(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.WRONG_STATE))
    assert world.deliver(world.message(ask_for(ONE))) == ["m-1"]
    assert [operation for operation, _ in world.cloud.calls] == ["show", "delete", "show"]
    assert last_reason(world) is Reason.UNEXPECTED_ANSWER


def test_a_conflict_that_leaves_the_backup_there_waits_as_one(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.CONFLICT))
    world.deliver(world.message(ask_for(ONE)))
    assert last_reason(world) is Reason.CONFLICT


# The response


def test_the_response_names_the_messages_that_stay_and_nothing_else(world: World) -> None:
    world.cloud.has(ONE, status="creating")
    world.cloud.has(TWO)
    records = [world.second_delivery(ask_for(each), f"m-{number}") for number, each in enumerate([ONE, TWO, THREE])]
    response = world.deleter.handle({"Records": records}, lambda: 60.0, "i")
    assert json.dumps(response) == '{"batchItemFailures": [{"itemIdentifier": "m-0"}]}'
    assert world.queue.hidden == {"receipt-of-m-0": 90}


def test_when_all_is_done_the_response_is_an_empty_list_and_not_nothing(world: World) -> None:
    response = world.deleter.handle({"Records": [world.second_delivery(ask_for(ONE))]}, lambda: 60.0, "i")
    assert json.dumps(response) == '{"batchItemFailures": []}'


def test_no_records_are_no_failures(world: World) -> None:
    assert world.deleter.handle({"Records": []}, lambda: 60.0, "i") == {"batchItemFailures": []}


PORTS = ["show", "delete", "list", "hide", "send", "dead_letter", "publish", "began", "decided", "failed", "split"]
calls = st.frozensets(st.tuples(st.sampled_from(PORTS), st.integers(0, 4)), max_size=4)
BODIES: list[object] = [
    ask_for(ONE),
    ask_for(TWO),
    ask_for(THREE),
    ask_for(backup_id(4)),
    ask_for(backup_id(5), expect={"name": "another"}),
    {"backup_ids": [ONE, "x"]},
    "no request",
]


@settings(max_examples=400)
@given(
    raises=calls,
    refuses=calls,
    bodies=st.lists(st.sampled_from(BODIES), min_size=1, max_size=10),
    hours=st.sampled_from([0, 290]),
    receives=st.integers(1, 2),
    asked=st.booleans(),
)
def test_whatever_a_port_does_exactly_what_is_recorded_may_be_acknowledged(
    raises: frozenset[tuple[str, int]],
    refuses: frozenset[tuple[str, int]],
    bodies: list[object],
    hours: int,
    receives: int,
    asked: bool,  # noqa: FBT001
) -> None:
    world = World(trouble=Trouble(raises=raises, refuses=refuses))
    world.cloud.has(ONE)
    world.cloud.has(TWO, status="deleting")
    world.cloud.has(THREE, name="[hold]")
    world.cloud.has(backup_id(5))
    sent_at = world.clock() - timedelta(hours=hours)
    attributes = {"asked_at": sent_at.isoformat()} if asked else {}
    how = {"receives": receives, "sent_at": sent_at - timedelta(seconds=60), "attributes": attributes}
    batch = [world.message(body, f"m-{number}", **how) for number, body in enumerate(bodies)]
    stayed = world.deliver(*batch)
    assert len(stayed) == len(set(stayed))
    assert set(stayed) <= {record["messageId"] for record in batch}
    heard = {result.request_id: result.outcome for result in world.bus.results}
    letters = {letter.attributes["request_id"] for letter in world.queue.letters}
    sent = {message.attributes["request_id"] for message in world.queue.sent}
    for record in batch:
        message_id = record["messageId"]
        if message_id in stayed:
            continue
        lives_on = message_id in sent or {f"{message_id}/{ONE}", f"{message_id}/1"} <= sent
        gone = heard.get(message_id) in {"deleted", "already_gone"}
        buried = message_id in letters and (message_id in heard or hours == 290)
        assert lives_on or gone or buried


@given(st.sampled_from(["show", "delete", "publish", "dead_letter", "send", "began", "decided"]))
def test_a_record_that_raises_does_not_touch_its_neighbours(port: str) -> None:
    world = World(trouble=Trouble(raises=frozenset({(port, 1)})))
    for each in (ONE, TWO, THREE):
        world.cloud.has(each)
    world.cloud.has(backup_id(4), name="[hold]")
    names = [ONE, TWO, THREE, backup_id(4), backup_id(6)]
    stayed = world.deliver(*[world.second_delivery(ask_for(each), f"m-{number}") for number, each in enumerate(names)])
    assert len(stayed) <= 1


@pytest.mark.parametrize("port", ["began", "decided", "failed", "split"])
def test_a_report_that_is_broken_for_good_costs_no_request_anything(port: str) -> None:
    world = World(trouble=Trouble(raises=frozenset({(port, 0)})))
    world.cloud.has(ONE)
    world.cloud.has(TWO, name="[hold]")
    bodies = [ask_for(ONE), ask_for(TWO), {"backup_ids": [THREE]}, ask_for(backup_id(9))]
    assert world.deliver(*[world.second_delivery(body, f"m-{number}") for number, body in enumerate(bodies)]) == []


def test_a_fault_of_ours_is_reported_and_waits_like_everything(world: World) -> None:
    world.trouble.raises = frozenset({("show", 1)})
    assert world.deliver(world.message(ask_for(ONE), receives=3)) == ["m-1"]
    assert last_reason(world) is Reason.INTERNAL_ERROR
    assert world.queue.hidden == {"receipt-of-m-1": 180}
    assert world.report.failures == [("m-1", "pass")]


def test_a_fault_of_ours_that_lasts_twelve_days_is_parked(world: World) -> None:
    world.trouble.raises = frozenset({("show", 0)})
    old = world.clock() - timedelta(days=12)
    assert world.deliver(world.message(ask_for(ONE), sent_at=old)) == []
    assert only_letter(world).attributes["reason"] == "internal_error"


def test_records_run_side_by_side(world: World) -> None:
    """Each look waits until the look of another record has begun."""
    world.cloud.has(THREE)
    cloud = MeetingCloud(world.cloud)
    with ThreadPoolExecutor(5) as pool:
        deleter = deleter_of(world, cloud, pool)
        deleter.handle({"Records": [world.message(ask_for(THREE), "m-0")]}, lambda: 60.0, "i")
        batch = [world.second_delivery(ask_for(each), f"m-{each}") for each in (ONE, TWO)]
        assert deleter.handle({"Records": batch}, lambda: 60.0, "i") == {"batchItemFailures": []}


class MeetingCloud:
    """Answers the look at ONE only once TWO is looked at, and the other way round."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self._cloud = cloud
        self._begun = {ONE: Event(), TWO: Event()}

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        if ref.backup_id in self._begun:
            self._begun[ref.backup_id].set()
            other = TWO if ref.backup_id == ONE else ONE
            assert self._begun[other].wait(60)
        return self._cloud.show_backup(ref, time_left)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        return self._cloud.delete_backup(ref, time_left)

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Any:  # noqa: ANN401  # handed on
        return self._cloud.list_volume(ref, volume_id, time_left)


def deleter_of(world: World, cloud: Any, pool: ThreadPoolExecutor) -> Deleter:  # noqa: ANN401  # some cloud
    return world.new_environment(backups=cloud, threads=pool)


def test_a_record_that_hangs_is_kept_and_what_had_not_begun_never_does(world: World) -> None:
    release, begun, ended = Event(), Event(), Event()
    looked: list[str] = []

    class HangingCloud(MeetingCloud):
        def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
            looked.append(ref.backup_id)
            begun.set()
            assert release.wait(60)
            ended.set()
            return super().show_backup(ref, time_left)

    def left_s() -> float:
        """Time for the first record to begin; from then on none for the batch to wait."""
        if current_thread() is main_thread():
            assert begun.wait(60)
        return 0.0 if begun.is_set() else 60.0

    with ThreadPoolExecutor(1) as pool:
        deleter = deleter_of(world, HangingCloud(world.cloud), pool)
        names = [THREE, backup_id(4)]
        batch = [world.message(ask_for(each), f"m-{number}") for number, each in enumerate(names)]
        response = deleter.handle({"Records": batch}, left_s, "i")
        release.set()
        assert ended.wait(60), "the response waited for the record"
    assert response == {"batchItemFailures": [{"itemIdentifier": "m-0"}, {"itemIdentifier": "m-1"}]}
    assert looked == [THREE]


def test_too_little_time_is_no_time_to_begin(world: World) -> None:
    world.left_s = 29.9
    assert world.deliver(world.message(ask_for(ONE))) == ["m-1"]
    assert world.cloud.calls == []
    assert last_reason(world) is Reason.OUT_OF_TIME


# Ends: publish, then dead-letter, then acknowledge


def test_a_refusal_is_published_before_it_is_dead_lettered(world: World) -> None:
    world.cloud.has(ONE, name="[hold]")
    assert world.deliver(world.message(ask_for(ONE))) == []
    assert world.trouble.steps("publish", "dead_letter") == ["publish", "dead_letter"]
    letter = only_letter(world)
    assert letter.body == json.dumps(ask_for(ONE), separators=(",", ":"))
    assert letter.group == "default"
    assert letter.attributes["reason"] == "held"
    assert letter.attributes["request_id"] == "m-1"
    assert letter.attributes["sent_at"] == world.clock().isoformat()


@pytest.mark.parametrize("how", ["refuses", "raises"])
@pytest.mark.parametrize("step", ["publish", "dead_letter"])
def test_a_step_that_fails_ends_the_pass_and_the_message_stays(world: World, step: str, how: str) -> None:
    world.cloud.has(ONE, name="[hold]")
    setattr(world.trouble, how, frozenset({(step, 1)}))
    assert world.deliver(world.message(ask_for(ONE))) == ["m-1"]
    assert world.report.failures == [("m-1", step)]
    assert last_reason(world) is (Reason.UNHEARD if step == "publish" else Reason.NOT_STORED)
    assert world.queue.letters == []


def test_a_repeated_end_has_the_same_id(world: World) -> None:
    world.cloud.has(ONE, name="[hold]")
    world.trouble.refuses = frozenset({("dead_letter", 1)})
    world.deliver(world.message(ask_for(ONE)))
    world.deliver(world.message(ask_for(ONE), receives=2))
    assert [result.id for result in world.bus.results] == [result_id("m-1", 0)] * 2


def test_a_redriven_request_has_another_end(world: World) -> None:
    world.deliver(
        world.second_delivery(ask_for(ONE)), world.second_delivery(ask_for(ONE), attributes={"redrives": "1"})
    )
    assert len({result.id for result in world.bus.results}) == 2


def test_past_twelve_days_the_dead_letter_comes_first_and_a_deaf_bus_is_only_reported(world: World) -> None:
    world.cloud.has(ONE, status="deleting")
    world.trouble.refuses = frozenset({("publish", 0)})
    old = world.clock() - timedelta(days=12)
    assert world.deliver(world.message(ask_for(ONE), sent_at=old)) == []
    assert world.trouble.steps("publish", "dead_letter") == ["dead_letter", "publish"]
    assert only_letter(world).attributes["reason"] == "deleting"
    assert world.report.failures == [("m-1", "publish")]
    assert isinstance(world.report.last("m-1"), Parked)


def test_past_twelve_days_a_dead_letter_that_is_not_stored_still_keeps_the_message(world: World) -> None:
    world.cloud.has(ONE, status="deleting")
    world.trouble.refuses = frozenset({("dead_letter", 0)})
    old = world.clock() - timedelta(days=12)
    assert world.deliver(world.message(ask_for(ONE), sent_at=old)) == ["m-1"]
    assert world.bus.results == []


@pytest.mark.parametrize("how", ["refuses", "raises"])
def test_an_end_nobody_could_hear_for_twelve_days_is_parked_as_unheard(world: World, how: str) -> None:
    setattr(world.trouble, how, frozenset({("publish", 0)}))
    attributes = {"asked_at": world.clock().isoformat()}
    young = world.message(ask_for(ONE), attributes=attributes, sent_at=world.clock() - timedelta(hours=287))
    assert world.deliver(young) == ["m-1"]
    assert world.queue.letters == []
    old = world.message(ask_for(ONE), attributes=attributes, sent_at=world.clock() - timedelta(hours=288))
    assert world.deliver(old) == []
    letter = only_letter(world)
    assert letter.attributes["reason"] == "unheard"
    assert "deleted" in letter.attributes["message"]
    assert last_reason(world) is Reason.UNHEARD


@pytest.mark.parametrize(
    ("age", "receives"), [(timedelta(days=12, hours=12), 1), (timedelta(), 980), (timedelta(days=13), 1000)]
)
def test_a_message_whose_passes_never_complete_is_parked_without_a_pass(
    world: World, age: timedelta, receives: int
) -> None:
    world.cloud.has(ONE, status="creating")
    assert world.deliver(world.message(ask_for(ONE), sent_at=world.clock() - age, receives=receives)) == []
    assert world.cloud.calls == []
    assert only_letter(world).attributes["reason"] == "internal_error"


@pytest.mark.parametrize(
    ("age", "receives", "ends"),
    [(timedelta(), 979, False), (timedelta(days=11, hours=23), 979, False), (timedelta(days=12, hours=11), 979, True)],
)
def test_until_then_every_delivery_is_a_pass(world: World, age: timedelta, receives: int, ends: bool) -> None:  # noqa: FBT001
    world.cloud.has(ONE, status="creating")
    kept = world.deliver(world.message(ask_for(ONE), sent_at=world.clock() - age, receives=receives))
    assert world.cloud.calls == [("show", ONE)]
    assert [letter.attributes["reason"] for letter in world.queue.letters] == (["busy"] if ends else [])
    assert kept == ([] if ends else ["m-1"])


@pytest.mark.parametrize("body", [{"backup_ids": [ONE, TWO]}, {"backup_ids": [ONE], "target": "otc-prod"}])
def test_a_bulk_whose_passes_never_complete_is_parked_too(world: World, body: object) -> None:
    old = world.clock() - timedelta(days=12, hours=12)
    assert world.deliver(world.message(body, sent_at=old)) == []
    assert world.queue.sent == []
    assert only_letter(world).attributes["reason"] == "internal_error"


def test_a_first_202_after_twelve_days_is_no_wait(world: World) -> None:
    world.cloud.has(ONE)
    assert world.deliver(world.message(ask_for(ONE), sent_at=world.clock() - timedelta(days=12, hours=11))) == []
    assert world.queue.letters == []
    assert len(world.queue.sent) == 1


def test_a_first_202_that_could_not_be_sent_anew_waits_and_past_twelve_days_is_parked(world: World) -> None:
    world.cloud.has(ONE)
    world.trouble.refuses = frozenset({("send", 0)})
    assert world.deliver(world.message(ask_for(ONE))) == ["m-1"]
    assert last_reason(world) is Reason.ACCEPTED
    world.cloud.has(ONE)
    assert world.deliver(world.message(ask_for(ONE), sent_at=world.clock() - timedelta(days=12))) == []
    assert only_letter(world).attributes["reason"] == "accepted"


@pytest.mark.parametrize("body", ["", "{", "[" * 200_000, json.dumps(ask_for("../volumes/x")), "\x00"])
def test_what_is_no_request_goes_to_the_dead_letters_word_for_word(world: World, body: str) -> None:
    assert world.deliver(world.message(body)) == []
    assert world.cloud.calls == []
    letter = only_letter(world)
    assert letter.body == body
    assert letter.attributes["reason"] == "malformed"
    assert letter.group is None


# Holds and expectations


@pytest.mark.parametrize("field", ["name", "description"])
def test_a_hold_in_name_or_description_keeps_the_backup(world: World, field: str) -> None:
    world.cloud.has(ONE, **{field: "do not touch [hold]"})
    world.deliver(world.message(ask_for(ONE)))
    assert world.cloud.calls == [("show", ONE)]
    assert only_letter(world).attributes["reason"] == "held"


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "[HOLD] legal"},
        {"name": "[Hold] x"},
        {"description": "[ hold ] x"},
        {"description": "［hold］"},  # noqa: RUF001  # full-width brackets
        {"description": "[ho\u200bld]"},
        {"description": "[hold\u00a0]"},
        {"metadata": {"Hold": "yes"}},
        {"metadata": {"HOLD": "1"}},
        {"metadata": {"hold ": "1"}},
    ],
)
def test_a_hold_in_any_spelling_keeps_the_backup(world: World, fields: dict[str, Any]) -> None:
    world.cloud.has(ONE, **fields)
    world.deliver(world.message(ask_for(ONE)))
    assert world.cloud.calls == [("show", ONE)]
    assert only_letter(world).attributes["reason"] == "held"


def test_on_v3_a_hold_in_the_metadata_keeps_the_backup(world: World) -> None:
    world.cloud.view = TargetInfo(project_id=PROJECT, hold_marker="[hold]", shows_metadata=True)
    world.cloud.has(ONE, metadata={"hold": "legal"})
    world.deliver(world.message(ask_for(ONE)))
    assert world.cloud.calls == [("show", ONE)]
    assert only_letter(world).attributes["reason"] == "held"


def test_on_v3_a_record_without_metadata_cannot_be_judged(world: World) -> None:
    world.cloud.view = TargetInfo(project_id=PROJECT, hold_marker="[hold]", shows_metadata=True)
    world.cloud.has(ONE)
    assert world.deliver(world.message(ask_for(ONE))) == ["m-1"]
    assert world.cloud.calls == [("show", ONE)]
    assert last_reason(world) is Reason.UNKNOWN_FIELD


def test_holds_and_expectations_speak_before_every_delete_and_not_only_the_first(world: World) -> None:
    world.cloud.has(ONE, status="error", name="[hold]")
    world.cloud.has(TWO, status="error")
    asked = {"asked_at": "2026-11-25T03:00:00+00:00"}
    world.deliver(world.message(ask_for(ONE), attributes=asked))
    world.deliver(world.message(ask_for(TWO, expect={"name": "x"}), attributes=asked))
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["held", "expectation_failed"]
    assert all(operation == "show" for operation, _ in world.cloud.calls)


def test_once_it_is_deleting_they_no_longer_speak(world: World) -> None:
    world.cloud.has(ONE, status="deleting", name="[hold]")
    assert world.deliver(world.message(ask_for(ONE, expect={"volume_id": "x"}))) == ["m-1"]
    assert last_reason(world) is Reason.DELETING


@pytest.mark.parametrize("status", ["deleting", "error", "error_deleting", "creating", "strange", None])
def test_a_survivor_that_is_not_available_keeps_the_backup(world: World, status: str | None) -> None:
    world.cloud.has(ONE)
    if status:
        world.cloud.has(TWO, status=status)
    world.deliver(world.message(ask_for(ONE, expect={"survivors": [THREE, TWO]})))
    assert ("delete", ONE) not in world.cloud.calls
    assert only_letter(world).attributes["reason"] == "expectation_failed"


def test_each_survivor_is_looked_at_before_the_delete(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.has(TWO)
    world.cloud.has(THREE, status="restoring")
    world.deliver(world.message(ask_for(ONE, expect={"survivors": [TWO, THREE]})))
    assert world.cloud.calls == [("show", ONE), ("show", TWO), ("show", THREE), ("delete", ONE)]


def test_of_copies_asked_for_together_the_one_they_all_name_stays(world: World) -> None:
    copies = [backup_id(number) for number in range(10, 16)]
    for copy in copies:
        world.cloud.has(copy)
    world.deliver(
        *[world.message(ask_for(copy, expect={"survivors": [copies[0]]}), f"m-{copy}") for copy in copies[1:]],
        world.message(ask_for(copies[0], expect={"survivors": [copies[1]]}), "m-keeper"),
    )
    assert sorted(world.cloud.deleted) == copies[1:]
    assert world.cloud.backups[copies[0]]["status"] == "available"


def test_a_request_that_names_itself_as_its_survivor_is_refused(world: World) -> None:
    world.cloud.has(ONE)
    world.deliver(world.message(ask_for(ONE, expect={"survivors": [ONE]})))
    assert world.cloud.calls == []


def test_what_expired_is_refused_while_it_is_still_there_and_not_once_it_goes(world: World) -> None:
    expired = {"expires_at": "2026-11-25T04:00:00Z"}
    world.cloud.has(ONE)
    world.cloud.has(TWO, status="deleting")
    assert world.deliver(world.message(ask_for(ONE, **expired)), world.message(ask_for(TWO, **expired), "m-2")) == [
        "m-2"
    ]
    assert only_letter(world).attributes["reason"] == "expired"


# Halts


def test_a_halt_is_remembered_for_its_target_and_no_other_record_asks(world: World) -> None:
    world.cloud.down = answer(AnswerName.UNAVAILABLE)
    batch = [world.message(ask_for(backup_id(number)), f"m-{number}") for number in range(10)]
    assert len(world.deliver(*batch)) == 10
    assert len(world.cloud.calls) == 1
    assert last_reason(world, "m-9") is Reason.HALTED


def test_another_target_is_still_asked(world: World) -> None:
    world.cloud.answers("show", ONE, answer(AnswerName.UNAVAILABLE))
    world.deliver(world.message(ask_for(ONE)), world.message(ask_for(TWO, target="other"), "m-2"))
    assert world.cloud.calls == [("show", ONE), ("show", TWO)]


def test_a_retry_after_is_kept(world: World) -> None:
    world.cloud.answers("show", ONE, answer(AnswerName.THROTTLED, retry_after_s=300.0))
    world.deliver(world.message(ask_for(ONE)))
    world.clock.advance(299)
    world.deliver(world.message(ask_for(TWO)))
    assert world.cloud.calls == [("show", ONE)]
    world.clock.advance(1)
    world.deliver(world.message(ask_for(TWO)))
    assert world.cloud.calls == [("show", ONE), ("show", TWO)]


@pytest.mark.parametrize("name", [AnswerName.OTHER_PROJECT, AnswerName.OUT_OF_TIME, AnswerName.LOGIN_BUSY])
def test_an_answer_without_a_call_does_not_close_the_breaker(world: World, name: AnswerName) -> None:
    world.cloud.answers("show", ONE, answer(AnswerName.UNAVAILABLE))
    world.deliver(world.message(ask_for(ONE)))
    world.clock.advance(60)
    world.cloud.answers("show", TWO, answer(name))
    world.cloud.answers("show", THREE, answer(AnswerName.UNAVAILABLE))
    others = [world.message(ask_for(backup_id(number)), f"m-{number}") for number in range(3, 8)]
    world.deliver(world.message(ask_for(TWO, project_id="f" * 32)), *others)
    assert world.cloud.calls[1:] == [("show", TWO), ("show", THREE)]


def test_while_the_service_shows_but_does_not_delete_only_one_record_sends_a_delete(world: World) -> None:
    batch = [backup_id(number) for number in range(10)]
    for each in batch:
        world.cloud.has(each)
        world.cloud.answers("delete", each, *[answer(AnswerName.NO_SERVICE)] * 5)
    records = [world.message(ask_for(each), f"m-{each}") for each in batch]
    for _ in range(2):
        world.cloud.calls.clear()
        world.deliver(*records)
        operations = [operation for operation, _ in world.cloud.calls]
        assert (operations.count("show"), operations.count("delete")) == (10, 1)
        world.clock.advance(60)


@pytest.mark.parametrize("name", [AnswerName.UNAVAILABLE, AnswerName.SECRET_UNUSABLE, AnswerName.THROTTLED])
def test_with_real_threads_too_a_dead_service_is_asked_once(name: AnswerName) -> None:
    for _ in range(20):
        world = World()
        world.cloud.down = answer(name)
        with ThreadPoolExecutor(5) as pool:
            deleter = deleter_of(world, world.cloud, pool)
            batch = [world.message(ask_for(backup_id(number)), f"m-{number}") for number in range(10)]
            response = deleter.handle({"Records": batch}, lambda: 60.0, "i")
        assert len(response["batchItemFailures"]) == 10
        assert len(world.cloud.calls) == 1
        assert len(world.queue.hidden) == 10


@pytest.mark.parametrize(("since_s", "at_most"), [(60, 30), (61, 5)])
def test_an_outage_costs_no_more_than_the_calls_on_their_way_once_a_base_has_passed(since_s: int, at_most: int) -> None:
    """Within a base of a good answer, each record makes its own call: only one backup's host may be down."""
    world = World()
    with ThreadPoolExecutor(5) as pool:
        deleter = deleter_of(world, world.cloud, pool)
        deleter.handle({"Records": [world.message(ask_for(backup_id(100)), "m-first")]}, lambda: 60.0, "i")
        world.cloud.down = answer(AnswerName.UNAVAILABLE)
        world.cloud.calls.clear()
        world.clock.advance(since_s)
        batch = [world.message(ask_for(backup_id(number)), f"m-{number}") for number in range(30)]
        deleter.handle({"Records": batch}, lambda: 60.0, "i")
    assert len(world.cloud.calls) <= at_most
    assert len(world.queue.hidden) == 30 + 1


# Bulks


def test_a_bulk_becomes_messages_of_its_own_in_one_step(world: World) -> None:
    body = {"backup_ids": [ONE, "x\u00e9", TWO, 7], "target": "otc-prod", "reason": "superfluous"}
    sent_at = world.clock() - timedelta(minutes=1)
    assert world.deliver(world.message(body, sent_at=sent_at)) == []
    assert [(each.attributes["request_id"], json.loads(each.body)) for each in world.queue.sent] == [
        (f"m-1/{ONE}", ask_for(ONE, target="otc-prod", reason="superfluous")),
        (f"m-1/{TWO}", ask_for(TWO, target="otc-prod", reason="superfluous")),
        ("m-1/1", {"backup_id": "x\u00e9"}),
        ("m-1/3", {"backup_id": 7}),
    ]
    assert {each.attributes["sent_at"] for each in world.queue.sent} == {sent_at.isoformat()}
    assert {each.group for each in world.queue.sent} == {"otc-prod"}
    assert world.trouble.steps("send") == ["send"]
    assert world.bus.results == []
    assert world.report.splits == [(2, 2)]


def test_a_part_that_is_no_id_goes_to_the_dead_letters_alone_under_its_own_name(world: World) -> None:
    world.deliver(world.message({"backup_ids": ["x"]}))
    (part,) = world.queue.sent
    world.deliver(world.message(part.body, "m-2", attributes=part.attributes))
    letter = only_letter(world)
    assert (letter.body, letter.attributes["request_id"], letter.attributes["reason"]) == (
        '{"backup_id": "x"}',
        "m-1/0",
        "malformed",
    )


def test_parts_without_a_target_travel_in_the_default_targets_group(world: World) -> None:
    world.deliver(world.message({"backup_ids": [ONE, "x"]}))
    assert [part.group for part in world.queue.sent] == ["default", "default"]


def test_a_bulk_whose_parts_are_not_all_stored_stays_and_repeats_the_same_parts(world: World) -> None:
    world.trouble.refuses = frozenset({("send", 1)})
    body = {"backup_ids": [ONE, "x"]}
    assert world.deliver(world.message(body)) == ["m-1"]
    assert last_reason(world) is Reason.NOT_STORED
    assert world.deliver(world.message(body, receives=2)) == []
    assert [part.attributes["request_id"] for part in world.queue.sent] == [f"m-1/{ONE}", "m-1/1"]


# Direct invocation


def direct(world: World, request: object) -> dict[str, Any]:
    return world.deleter.handle(request, lambda: world.left_s, "invocation-1")  # type: ignore[arg-type]  # anything


def test_a_direct_request_is_answered_with_its_end(world: World) -> None:
    world.cloud.has(ONE)
    world.cloud.answers("delete", ONE, answer(AnswerName.GONE, at=world.clock()))
    outcome = direct(world, ask_for(ONE))
    assert outcome["outcome"] == "deleted"
    assert outcome["request_id"] == "invocation-1"
    assert json.loads(json.dumps(outcome))["proof"]["status"] == 404
    assert len(world.bus.results) == 1


def test_a_direct_refusal_is_answered_and_published_and_is_no_dead_letter(world: World) -> None:
    world.cloud.has(ONE, name="[hold]")
    outcome = direct(world, ask_for(ONE))
    assert (outcome["outcome"], outcome["reason"]) == ("refused", "held")
    assert len(world.bus.results) == 1
    assert world.queue.letters == []


@pytest.mark.parametrize("request_", [{}, [], "x", 7, None, {"backup_id": "x"}, {"backup_id": float("nan")}])
def test_a_direct_request_that_is_none_is_refused(world: World, request_: object) -> None:
    assert direct(world, request_)["reason"] == "malformed"


def test_a_direct_request_that_was_accepted_is_queued_as_asked(world: World) -> None:
    world.cloud.has(ONE)
    outcome = direct(world, ask_for(ONE))
    assert (outcome["outcome"], outcome["reason"]) == ("queued", "accepted")
    (anew,) = world.queue.sent
    assert anew.attributes["request_id"] == "invocation-1"
    assert "asked_at" in anew.attributes


def test_a_direct_request_that_must_wait_is_queued_with_its_wait(world: World) -> None:
    world.cloud.has(ONE, status="creating")
    outcome = direct(world, ask_for(ONE, target="otc-prod"))
    assert (outcome["outcome"], outcome["reason"]) == ("queued", "busy")
    assert world.queue.sent == [
        NewMessage(
            body=json.dumps(ask_for(ONE, target="otc-prod")),
            attributes={"request_id": "invocation-1", "sent_at": world.clock().isoformat()},
            group="otc-prod",
            delay_s=45,
        )
    ]


def test_a_long_wait_of_a_direct_request_is_cut_to_what_sqs_can_delay(world: World) -> None:
    direct(world, ask_for(ONE, not_before="2026-11-25T12:00:00Z"))
    assert world.queue.sent[0].delay_s == 900


def test_a_direct_bulk_is_queued_in_parts_and_says_so(world: World) -> None:
    outcome = direct(world, {"backup_ids": [ONE, "x"]})
    assert (outcome["outcome"], outcome["reason"]) == ("queued", "split")
    assert [part.attributes["request_id"] for part in world.queue.sent] == [f"invocation-1/{ONE}", "invocation-1/1"]


def test_a_direct_request_that_is_neither_ended_nor_stored_fails_loudly(world: World) -> None:
    world.cloud.has(ONE, status="creating")
    world.trouble.refuses = frozenset({("send", 0)})
    with pytest.raises(RequestNotQueued, match="could not be queued"):
        direct(world, ask_for(ONE))


def test_a_direct_end_that_the_bus_did_not_hear_is_queued(world: World) -> None:
    world.trouble.refuses = frozenset({("publish", 1)})
    world.cloud.has(ONE, name="[hold]")
    assert direct(world, ask_for(ONE))["reason"] == "unheard"
    assert len(world.queue.sent) == 1


def test_a_direct_fault_of_ours_is_queued(world: World) -> None:
    world.trouble.raises = frozenset({("show", 1)})
    assert direct(world, ask_for(ONE))["reason"] == "internal_error"


def test_the_deleter_brings_its_own_threads_when_it_is_given_none() -> None:
    world = World(threads=AtOnce())
    deleter = world.new_environment(calls_at_once=2, threads=None)
    batch = [world.second_delivery(ask_for(backup_id(number)), f"m-{number}") for number in range(10)]
    assert deleter.handle({"Records": batch}, lambda: 60.0, "i") == {"batchItemFailures": []}
