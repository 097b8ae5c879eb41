"""Which kind a dead letter is read as, whether the deleter or AWS put it there, and how its request is sent again."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.deletion.world import World, backup_id, sqs_record
from vbs_reaper.cli.dead_letters.dead_letter import (
    FAILED_RUN,
    KINDS,
    MOVED_BY_SQS,
    UNDELIVERED,
    Letter,
    find_kind,
    read_letter,
)
from vbs_reaper.cli.dead_letters.render import age
from vbs_reaper.deletion.decision import Asked
from vbs_reaper.errors import CommandError

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000011"
OTHER = backup_id(7)


def letter(body: object = None, **own: str) -> Letter:
    received: dict[str, Any] = {
        "MessageId": "7a003700-42e8-4007-9d2c-a31327ccf42d",
        "ReceiptHandle": "h",
        "Body": json.dumps(body or {"backup_id": BACKUP, "target": "otc-prod"}),
        "Attributes": {"SentTimestamp": "1795579200184"},
        "MessageAttributes": {name: {"StringValue": text} for name, text in own.items()},
    }
    return read_letter(received, NOW)


def test_a_letter_of_the_deleter_says_its_reason_and_which_request_it_was() -> None:
    found = letter(reason="held", message="on hold", request_id="b64e34c5", sent_at="2026-11-20T03:00:00+00:00")
    assert (found.kind.code, found.detail, found.message.request_id) == ("held", "on hold", "b64e34c5")
    assert (found.backup_id, found.target) == (BACKUP, "otc-prod")


def test_a_letter_without_a_reason_was_moved_by_sqs() -> None:
    assert letter().kind == MOVED_BY_SQS


def test_a_redriven_request_is_a_new_request_for_the_same_place() -> None:
    past = {"request_id": "b64e34c5", "sent_at": "2026-11-20T03:00:00+00:00", "asked_at": "2026-11-20T03:01:00+00:00"}
    assert letter(reason="held", **past).redrive_message().attributes == {}
    assert letter(reason="held", place="p https://a", **past).redrive_message().attributes == {"place": "p https://a"}


def test_a_request_that_was_not_found_at_its_place_is_redriven_without_it() -> None:
    assert letter(reason="asked_elsewhere", place="p https://a").redrive_message().attributes == {}


@pytest.mark.parametrize("mark", ["asked_at", "unanswered_at"])
def test_a_backup_whose_deletion_failed_is_deleted_after_an_administrator_has_reset_its_state(mark: str) -> None:
    world = World()
    expect = {"status": "available", "name": "daily"}
    failed = letter(
        {"backup_id": OTHER, "expect": expect, "requested_by": "nightly/1"},
        reason="deletion_failed",
        **{mark: "2026-11-25T02:00:00+00:00"},
    )
    world.cloud.has(OTHER, status="error", name="daily")
    again = failed.redrive_message()
    world.deliver(sqs_record(again.body, "m-1", sent_at=world.clock(), sender="AROAOPERATOR"))
    assert isinstance(world.report.last("m-1"), Asked)
    assert json.loads(again.body)["expect"] == {"name": "daily"}


def test_a_state_is_expected_again_if_no_delete_was_sent_or_if_the_backup_had_failed_before() -> None:
    usable: dict[str, Any] = {"backup_id": OTHER, "expect": {"status": "available"}}
    failed: dict[str, Any] = {"backup_id": OTHER, "expect": {"status": "error"}}
    asked = {"reason": "deletion_failed", "asked_at": "2026-11-25T02:00:00+00:00"}
    assert json.loads(letter(usable, reason="held").redrive_message().body) == usable
    assert json.loads(letter(failed, **asked).redrive_message().body) == failed


def test_a_request_that_an_earlier_version_did_not_understand_can_be_sent_again() -> None:
    assert letter(reason="malformed", message='unknown key of 6 characters in "expect"').can_heal
    assert not letter({"backup_id": "x"}, reason="malformed").can_heal
    assert not letter(reason="expired").can_heal


def test_what_a_service_could_not_deliver_is_told_from_a_run_that_failed() -> None:
    assert letter(ERROR_CODE="NO_PERMISSIONS").kind == UNDELIVERED
    assert letter({"run": {"policy": "nightly"}}, ErrorCode="200").kind == FAILED_RUN
    assert not FAILED_RUN.can_heal


def test_a_reason_of_a_later_version_is_shown_and_not_sent_again() -> None:
    found = letter(reason="quota_\x1b[31m")
    assert found.kind.code == "quota_\\x1b[31m"
    assert not found.kind.can_heal


@pytest.mark.parametrize(("typed", "meant"), [("hold", "held"), ("service-down", "service_down"), ("", "")])
def test_an_unknown_reason_is_told_the_nearest_valid_one(typed: str, meant: str) -> None:
    with pytest.raises(CommandError, match=f'did you mean "{meant}'):
        find_kind(typed)


def test_what_stands_in_the_request_itself_cannot_heal() -> None:
    final = {code for code, kind in KINDS.items() if not kind.can_heal}
    assert final == {
        "malformed",
        "wrong_project",
        "expired",
        "expectation_failed",
        "not_owned",
        "not_a_volume_backup",
        "failed_run",
    }


@pytest.mark.parametrize(("seconds", "said"), [(5, "5 s"), (121, "2 min"), (7200, "2 h"), (86400 * 13 + 5, "13 d")])
def test_an_age_is_said_in_the_largest_unit_of_which_there_are_two(seconds: float, said: str) -> None:
    assert age(seconds) == said
