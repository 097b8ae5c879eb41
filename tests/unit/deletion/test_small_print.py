"""What shows only at the edge of a number, a word or a fault of our own."""

from dataclasses import replace
from threading import Event

import msgspec
import pytest
from msgspec import UNSET

from tests.unit.deletion.test_bad_envelopes import refusal
from tests.unit.deletion.test_decision import one_pass
from tests.unit.deletion.world import PROJECT, VIEW, MemoryCloud, World, answer, backup_id, read, record
from vbs_reaper.backups.answer import Answer, AnswerName, Listing
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.decide import after_delete, after_listing
from vbs_reaper.deletion.decision import Wait
from vbs_reaper.deletion.message import read_message
from vbs_reaper.deletion.reconcile import BEGIN_S
from vbs_reaper.deletion.request import read_request
from vbs_reaper.reasons import Reason

ONE, TWO = backup_id(1), backup_id(2)
LOWER_CASE_UUID = "give a lower-case UUID such as 1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (7, '"7"'),
        ({"id": "x"}, '"{"id":"x"}"'),
        ("x" * 64, f'"{"x" * 64}"'),
        ("x" * 65, f'"{"x" * 64}..."'),
    ],
)
def test_what_was_found_is_quoted_up_to_64_characters(value: object, found: str) -> None:
    assert refusal({"backup_id": value}) == f'"backup_id" is {found}; {LOWER_CASE_UUID}'


def test_an_end_without_a_request_names_none() -> None:
    world = World()
    world.deliver(world.message("nothing"))
    (result,) = world.bus.results
    assert result.request is UNSET
    assert "request" not in msgspec.to_builtins(result)


def test_a_message_that_does_not_say_when_it_was_sent_was_sent_now() -> None:
    world = World()
    message = world.message({"backup_id": ONE})
    message["attributes"] = {}
    world.cloud.has(ONE)
    world.deliver(message)
    (anew,) = world.queue.sent
    assert anew.attributes["sent_at"] == world.clock().isoformat()


def test_a_report_that_cannot_even_say_what_failed_costs_no_request_anything() -> None:
    world = World()
    world.trouble.raises = frozenset({("failed", 0)})
    world.trouble.refuses = frozenset({("publish", 1)})
    assert world.deliver(world.second_delivery({"backup_id": ONE})) == ["m-1"]
    assert world.queue.hidden == {"receipt-of-m-1": 90}
    assert world.deliver(world.second_delivery({"backup_id": ONE})) == []


def test_a_survivor_that_could_not_be_shown_is_no_survivor_that_is_there() -> None:
    world = World()
    world.cloud.has(ONE)
    world.cloud.answers("show", TWO, replace(answer(AnswerName.TIMED_OUT), target=VIEW))
    assert world.deliver(world.message({"backup_id": ONE, "expect": {"survivors": [TWO]}})) == ["m-1"]
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.TIMED_OUT


def test_where_the_backup_itself_was_not_seen_every_other_one_counts_as_newer() -> None:
    others = tuple(read(record(backup_id(number))) for number in (1, 5, 6))
    decision = after_listing(one_pass(), Listing(backups=others))
    assert isinstance(decision, Wait)
    assert decision.message == "2 newer backups of the volume are still listed"


def test_the_first_wait_of_an_asked_message_is_no_longer_than_sqs_delays_one() -> None:
    assert backoff.asked_delay_s(3600, 0.9, 0) == 900


def test_a_halt_that_ends_in_a_second_is_waited_for_no_longer() -> None:
    world = World(base_s=1)
    world.cloud.answers("show", ONE, answer(AnswerName.THROTTLED, retry_after_s=90))
    world.deliver(world.message({"backup_id": ONE}))
    world.clock.advance(89.5)
    world.deliver(world.message({"backup_id": ONE}, "m-2"))
    decision = world.report.last("m-2")
    assert isinstance(decision, Wait)
    assert (decision.reason, decision.delay_s) == (Reason.HALTED, 2)


@pytest.mark.parametrize("late", [AnswerName.OUT_OF_TIME, AnswerName.OTHER_PROJECT])
def test_one_that_found_nothing_out_leaves_the_next_one_to_go_alone(late: AnswerName) -> None:
    world = World()
    batch = [backup_id(number) for number in range(1, 5)]
    for each in batch:
        world.cloud.has(each)
    world.cloud.answers("show", batch[0], answer(late))
    world.cloud.answers("show", batch[1], answer(AnswerName.UNAVAILABLE))
    requests = [{"backup_id": each, "project_id": PROJECT} for each in batch]
    world.deliver(*(world.message(each, f"m-{number}") for number, each in enumerate(requests)))
    assert [backup for _, backup in world.cloud.calls] == batch[:2]


def test_half_a_minute_is_just_enough_to_begin() -> None:
    world = World()
    world.left_s = BEGIN_S
    assert world.deliver(world.second_delivery({"backup_id": ONE})) == []


def test_a_request_without_a_guard_states_no_project() -> None:
    assert read_request({"backup_id": ONE}, World().clock()).project_id is None


def test_dependents_of_a_backup_that_was_not_seen_count_as_one() -> None:
    decision = after_delete(one_pass(), answer(AnswerName.HAS_DEPENDENTS))
    assert isinstance(decision, Wait)
    assert decision.message == "1 newer backups of the volume are still listed"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("target", "A", '"target" is "A"; give up to 63 lower-case letters, digits and dashes'),
        ("project_id", "F", '"project_id" is "F"; give 32 lower-case hexadecimal digits'),
        (
            "expect",
            {"survivors": [ONE]},
            '"expect.survivors" names the backup itself; name a backup that stays, or leave it out',
        ),
    ],
)
def test_a_field_that_cannot_be_is_refused_in_these_words(field: str, value: object, sentence: str) -> None:
    assert refusal({"backup_id": ONE, field: value}) == sentence


def test_a_name_that_is_the_word_null_is_a_name() -> None:
    request = read_request({"backup_id": ONE, "expect": {"name": "null"}}, World().clock())
    assert request.expect.name == "null"


def test_a_target_gets_no_more_calls_at_once_than_configured() -> None:
    world = World()
    two_looks = Event()

    class CountingCloud(MemoryCloud):
        under_way = 0

        def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
            self.under_way += 1
            if self.under_way > 1:
                two_looks.set()
            two_looks.wait(0.05 if self.calls else 0)
            self.under_way -= 1
            return super().show_backup(ref, time_left)

    deleter = world.new_environment(backups=CountingCloud(world.clock), calls_at_once=1, threads=None)
    batch = [world.message({"backup_id": backup_id(number)}, f"m-{number}") for number in range(6)]
    deleter.handle({"Records": batch}, lambda: 60.0, "i")
    assert not two_looks.is_set()


@pytest.mark.parametrize(
    ("milliseconds", "is_read"), [("9" * 13, True), ("1" + "0" * 13, True), ("1" + "0" * 14, False), ("-1", False)]
)
def test_a_time_of_sending_has_up_to_fourteen_digits(milliseconds: str, is_read: bool) -> None:  # noqa: FBT001
    now = World().clock()
    message = read_message({"messageId": "m", "attributes": {"SentTimestamp": milliseconds}}, now)
    assert (message.sent_at != now) is is_read


def test_what_a_record_does_not_say_is_empty_and_a_count_has_nine_digits() -> None:
    message = read_message({"messageId": "m", "attributes": {"ApproximateReceiveCount": "1234567890"}}, World().clock())
    assert (message.receipt_handle, message.body, message.receive_count) == ("", "", 123456789)
