"""Dead letters: how they are read, redriven and displayed, and the options of the commands."""

import argparse
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tests.unit.deletion.world import ONE, World
from vbs_reaper.cli.dead_letters.command import add_to
from vbs_reaper.cli.dead_letters.dead_letter import (
    FAILED_RUN,
    KINDS,
    MOVED_BY_SQS,
    UNDELIVERED,
    Letter,
    find_kind,
    read_letter,
)
from vbs_reaper.cli.dead_letters.move import select_letters
from vbs_reaper.cli.dead_letters.render import WIDTH, age, print_letters
from vbs_reaper.errors import CommandError
from vbs_reaper.reasons import Reason

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000011"
PLACE = {"place": "p https://a"}
REQUEST = {"request_id": "b64e34c5", "sent_at": (NOW - timedelta(days=2)).isoformat()}


def letter(body: object = None, **attributes: str) -> Letter:
    received: dict[str, Any] = {
        "MessageId": "7a003700-42e8-4007-9d2c-a31327ccf42d",
        "ReceiptHandle": "h",
        "Body": json.dumps(body or {"backup_id": BACKUP, "target": "otc-prod"}),
        "Attributes": {"SentTimestamp": str(int((NOW.timestamp() - 7200) * 1000))},
        "MessageAttributes": {name: {"StringValue": text} for name, text in attributes.items()},
    }
    return read_letter(received, NOW)


# ── Kinds ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_letter_of_the_deleter_has_its_reason_and_request_id() -> None:
    found = letter(reason="held", message="on hold", **REQUEST)
    assert (found.kind.code, found.detail, found.message.request_id) == ("held", "on hold", "b64e34c5")
    assert (found.backup_id, found.target) == (BACKUP, "otc-prod")


def test_letters_without_a_reason_are_classified_by_who_moved_them() -> None:
    assert letter().kind == MOVED_BY_SQS
    assert letter(ERROR_CODE="NO_PERMISSIONS").kind == UNDELIVERED
    assert letter({"run": {"policy": "nightly"}}, ErrorCode="200").kind == FAILED_RUN


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"run": {"policy": "nightly"}, "scheduled_time": "2026-11-25T04:00:00Z"}, "failed_run"),
        ({"approve": {"policy": "nightly", "plan": "a" * 64}}, "failed_run"),
        ({"targets": [], "scheduled_time": "2026-11-25T04:00:00Z"}, "failed_run"),
        ({"backup_id": "not an ID"}, "malformed"),
        ({"detail-type": "VBS Backup Delete Requested", "detail": {"backup_id": BACKUP, "x": "y"}}, "malformed"),
        ({"backup_id": BACKUP}, "undelivered"),
    ],
)
def test_an_undelivered_request_that_is_malformed_is_not_taken_for_a_run(body: dict[str, object], kind: str) -> None:
    found = letter(body, ERROR_CODE="NO_PERMISSIONS")
    assert (found.kind.code, found.can_heal) == (kind, kind == "undelivered")


@pytest.mark.parametrize("condition", ["RetriesExhausted", "EventAgeExceeded", "Unhandled"])
def test_the_event_of_a_purge_that_failed_three_times_is_not_sent_to_the_deleter(condition: str) -> None:
    """Lambda writes an invocation record to the destination of the function, without attributes."""
    record = {
        "version": "1.0",
        "timestamp": "2026-11-25T04:00:00.000Z",
        "requestContext": {"requestId": "e4b46cbf", "condition": condition, "approximateInvokeCount": 3},
        "requestPayload": {"run": {"policy": "nightly"}},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "RunUnfinished"},
    }
    found = letter(record)
    assert found.kind == FAILED_RUN
    assert select_letters([found], None, None, for_redrive=True) == []


@pytest.mark.parametrize(
    ("attributes", "sent_again"),
    [
        ({"reason": "held"} | REQUEST | {"asked_at": NOW.isoformat()}, {}),
        ({"reason": "held"} | REQUEST | PLACE, PLACE),
        ({"reason": "asked_elsewhere"} | PLACE, {}),
    ],
)
def test_a_redriven_request_is_a_new_one_for_the_same_place_unless_it_was_not_found_there(
    attributes: dict[str, str], sent_again: dict[str, str]
) -> None:
    assert letter(**attributes).redrive_message().attributes == sent_again


@pytest.mark.parametrize("mark", ["asked_at", "unanswered_at"])
def test_a_backup_whose_deletion_failed_is_deleted_after_an_administrator_has_reset_its_state(mark: str) -> None:
    world = World()
    expect = {"status": "available", "name": "daily"}
    asked = {"reason": "deletion_failed", mark: "2026-11-25T02:00:00+00:00"}
    failed = letter({"backup_id": ONE, "expect": expect, "requested_by": "nightly/1"}, **asked)
    world.cloud.has(ONE, status="error", name="daily")
    again = failed.redrive_message()
    assert json.loads(again.body)["expect"] == {"name": "daily"}
    assert world.process(json.loads(again.body)) == "asked"


def test_a_state_is_expected_again_if_no_delete_was_sent_or_if_the_backup_had_failed_before() -> None:
    usable: dict[str, Any] = {"backup_id": ONE, "expect": {"status": "available"}}
    failed: dict[str, Any] = {"backup_id": ONE, "expect": {"status": "error"}}
    asked = {"reason": "deletion_failed", "asked_at": "2026-11-25T02:00:00+00:00"}
    assert json.loads(letter(usable, reason="held").redrive_message().body) == usable
    assert json.loads(letter(failed, **asked).redrive_message().body) == failed


def test_a_request_that_an_earlier_version_did_not_understand_can_be_sent_again() -> None:
    assert letter(reason="malformed", message='unknown key of 6 characters in "expect"').can_heal
    assert not letter({"backup_id": "x"}, reason="malformed").can_heal
    assert not letter(reason="expired").can_heal


def test_a_fault_in_the_request_itself_cannot_heal() -> None:
    final = "malformed wrong_project expired expectation_failed not_owned not_a_volume_backup failed_run"
    assert {code for code, kind in KINDS.items() if not kind.can_heal} == {*final.split()}


def test_a_reason_of_a_later_version_is_shown_and_not_sent_again() -> None:
    found = letter(reason="quota_\x1b[31m")
    assert (found.kind.code, found.kind.can_heal) == ("quota_\\x1b[31m", False)


@pytest.mark.parametrize(("typed", "meant"), [("hold", "held"), ("service-down", "service_down"), ("", "")])
def test_an_unknown_reason_gets_the_nearest_valid_one(typed: str, meant: str) -> None:
    with pytest.raises(CommandError, match=f'did you mean "{meant}'):
        find_kind(typed)


# ── Shown in a terminal ───────────────────────────────────────────────────────────────────────────────────────────────

REASONS = (Reason.HELD, Reason.ADMINISTRATOR_REFUSED, Reason.DELETION_FAILED, Reason.EXPECTATION_FAILED)


def letters(*reasons: Reason, target: str = "default") -> list[Letter]:
    return [
        letter(
            {"backup_id": f"0b5e4f6a-7c1d-4e2f-9a3b-{number:012}", "target": target},
            **REQUEST | {"request_id": f"5b1f0c7e-3c55-4d0e-9a61-{number:012}"},
            reason=reason.value,
            message=f"{reason.sentence} And some more words about it.",
        )
        for number, reason in enumerate(reasons)
    ]


def shown(letters: list[Letter], width: int) -> list[str]:
    written = StringIO()
    console = Console(width=width, file=written, force_terminal=False)
    print_letters(letters, console, NOW, "vbs-reaper", show_all=False)
    return written.getvalue().splitlines()


@pytest.mark.parametrize("width", [10, 40, 60, 80, 100, 110, 120, 130, 160, WIDTH])
@pytest.mark.parametrize("target", ["default", "t" * 63])
def test_no_id_reason_command_or_message_is_truncated_or_wrapped(width: int, target: str) -> None:
    found = letters(*REASONS, target=target)
    lines = shown(found, width)
    text = " ".join(lines).replace(" ", "")
    for each in found:
        for word in (each.message.request_id, each.backup_id, each.kind.code, f"({target})"):
            assert any(word in line for line in lines), word
        # Up to this width it is a block of lines; in a table the words of a message are next to other columns.
        assert width > 120 or each.detail.replace(" ", "") in text
    assert not [line for line in lines if "…" in line]
    assert f"openstack volume backup set --state error {found[2].backup_id}" in lines


@pytest.mark.parametrize("width", [60, 160])
def test_a_reason_with_many_letters_shows_how_many_more_there_are(width: int) -> None:
    text = " ".join(shown(letters(*[Reason.HELD] * 25), width))
    assert "and 15 more; use --reason held or --json to list them" in text


@pytest.mark.parametrize(("seconds", "said"), [(5, "5 s"), (121, "2 min"), (7200, "2 h"), (86400 * 13 + 5, "13 d")])
def test_an_age_is_shown_in_the_largest_unit_with_a_value_of_at_least_two(seconds: float, said: str) -> None:
    assert age(seconds) == said


# ── Options ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def redrive_at(rate: str) -> float:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_to(parser.add_subparsers())
    argv = ["dead-letters", "--stack", "s", "redrive", "--all-that-can-heal", "--rate", rate]
    parsed: float = parser.parse_args(argv).rate
    return parsed


@pytest.mark.parametrize("rate", ["0.1", "5", "1000"])
def test_a_rate_is_from_a_tenth_to_a_thousand(rate: str) -> None:
    assert redrive_at(rate) == float(rate)


@pytest.mark.parametrize("rate", ["0.0999", "1e-9", "0", "-1", "1000.1", "nan", "inf", "fast", ""])
def test_any_other_rate_is_refused_with_what_to_give(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        redrive_at(rate)
    assert f'"{rate}" is not a rate; give letters per second, from 0.1 to 1000' in capsys.readouterr().err
