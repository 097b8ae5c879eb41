"""`vbs-reaper dead-letters`, `pause` and `resume` on a deployed stack, with the operator's permissions."""

import json
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud


@pytest.fixture
def cli(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorCli]:
    """The CLI. All dead letters are deleted before and after the test."""
    stack.dead_letters()
    yield OperatorCli(stack, tmp_path)
    stack.dead_letters()


@pytest.fixture
def refused(stack: LocalStack, cloud: Cloud, target: str, cli: OperatorCli) -> dict[str, str]:
    """Three dead letters: request IDs by reason (`held`, `deletion_failed` and `malformed`)."""
    held, failed = cloud.add_backup(), cloud.add_backup(status="error_deleting")
    cloud.hold(held)
    requests = {
        "held": stack.send({"backup_id": held, "target": target}),
        "deletion_failed": stack.send({"backup_id": failed, "target": target}),
        "malformed": stack.send("delete everything"),
    }
    wait_until("the dead letters exist", lambda: count(stack) == 3, within_s=WITHIN_S)
    return requests


def count(stack: LocalStack) -> int:
    """Return the number of visible dead letters."""
    return stack.depth("DeadLetter").visible


def reasons(cli: OperatorCli) -> list[str]:
    return [each["reason"] for each in json.loads(cli.run("dead-letters", "list", "--json")[1])["reasons"]]


def test_dead_letters_are_listed_by_reason_and_not_changed(
    cli: OperatorCli, refused: dict[str, str], stack: LocalStack
) -> None:
    code, stdout, _ = cli.run("dead-letters", "list", "--json")
    assert code == 0
    listed = {each["reason"]: each for each in json.loads(stdout)["reasons"]}
    assert {reason: each["requests"][0]["request_id"] for reason, each in listed.items()} == refused
    assert [listed[reason]["can_heal"] for reason in ("held", "deletion_failed", "malformed")] == [True, True, False]
    code, stdout, stderr = cli.run("dead-letters", "list")
    assert (code, stderr) == (0, "")
    stuck = listed["deletion_failed"]["requests"][0]["backup_id"]
    assert f"openstack volume backup set --state error {stuck}" in stdout
    assert f"cinder backup-reset-state --state error {stuck}" in stdout
    assert "Remove the hold first" in stdout
    assert count(stack) == 3, "a list deletes nothing and hides nothing"


def test_redrive_by_reason_succeeds_after_the_fix_and_the_others_remain(
    cli: OperatorCli, refused: dict[str, str], cloud: Cloud
) -> None:
    for backup_id in cloud.remaining():
        cloud.change_backup(backup_id, status="available", description="", metadata={})
    code, stdout, stderr = cli.run("dead-letters", "redrive", "--all-that-can-heal", "--yes", "--json")
    assert (code, json.loads(stdout)["request_ids"]) == (0, []), "these need a change of the backups first"
    assert json.loads(stdout)["left_out"] == {"held": 1, "deletion_failed": 1}
    assert "select them with --reason" in stderr
    ids = (refused["held"], refused["deletion_failed"])
    code, stdout, stderr = cli.run("dead-letters", "redrive", "--request-id", *ids, "--yes", "--json")
    assert code == 0, stderr
    assert {*json.loads(stdout)["request_ids"]} == {*ids}
    wait_until("both are gone", lambda: not cloud.remaining(), within_s=WITHIN_S)
    assert reasons(cli) == ["malformed"]


def test_ctrl_c_finishes_the_current_letter_and_reports_how_many_were_moved(
    cli: OperatorCli, refused: dict[str, str], stack: LocalStack
) -> None:
    words = ("redrive", "--request-id", refused["held"], refused["deletion_failed"], "--yes", "--rate", "0.1")
    assert cli.run("pause")[0] == 0  # otherwise the first could be refused again before the test sees that it was moved
    with cli.start("dead-letters", *words) as process:
        wait_until("the first was moved", lambda: stack.depth("DeadLetter").total == 2, within_s=WITHIN_S)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, stderr
    assert stdout.startswith("interrupted: 1 of 2 letters sent again")
    assert cli.run("resume")[0] == 0
    # One was sent again and is refused again, because nothing was fixed. None is lost.
    wait_until("all are dead letters again", lambda: count(stack) == 3, within_s=WITHIN_S)
    assert sorted(reasons(cli)) == sorted(refused)


def test_a_redrive_of_what_cannot_heal_is_refused_and_an_unknown_reason_gets_a_suggestion(
    cli: OperatorCli, refused: dict[str, str], stack: LocalStack
) -> None:
    for words, sentence in {
        ("redrive", "--reason", "malformed"): "cannot heal",
        ("redrive", "--request-id", refused["malformed"]): "cannot heal",
        ("redrive", "--reason", "hold"): 'did you mean "held"?',
        ("list", "--reason", "hold"): 'did you mean "held"?',
        ("drop", "--request-id", "unknown"): "no dead letter has the request ID unknown",
        ("redrive", "--all-that-can-heal", "--rate", "0"): "is not a rate",
        ("redrive",): "is required",
    }.items():
        code, stdout, stderr = cli.run("dead-letters", *words)
        assert (code, stdout, sentence in stderr) == (1, "", True), stderr
    assert count(stack) == 3


@pytest.mark.parametrize("act", ["drop", "redrive"])
def test_nothing_is_moved_unless_the_number_is_typed(
    cli: OperatorCli, refused: dict[str, str], stack: LocalStack, act: str
) -> None:
    for typed in ("", "yes\n", "2\n"):
        code, _, stderr = cli.run("dead-letters", act, "--reason", "held", typed=typed)
        done = "sent again" if act == "redrive" else "dropped"
        assert (code, f"nothing was {done}" in stderr or "add --yes; nothing was" in stderr) == (1, True)
    assert count(stack) == 3


def test_a_dropped_letter_is_printed_first_and_is_gone_afterwards(cli: OperatorCli, refused: dict[str, str]) -> None:
    code, stdout, stderr = cli.run("dead-letters", "drop", "--reason", "malformed", typed="1\n")
    assert (code, stdout) == (0, "1 letter dropped\n")
    assert refused["malformed"] in stderr
    assert sorted(reasons(cli)) == ["deletion_failed", "held"]


def test_an_empty_queue_is_reported_and_is_not_an_error(cli: OperatorCli) -> None:
    assert cli.run("dead-letters", "list")[:2] == (0, "there are no dead letters\n")
    assert cli.run("dead-letters", "redrive", "--all-that-can-heal")[:2] == (0, "there are no dead letters\n")


def test_a_pause_holds_requests_back_until_resume_and_a_second_pause_is_reported(
    cli: OperatorCli, stack: LocalStack, cloud: Cloud, target: str
) -> None:
    backup_id = cloud.add_backup()
    try:
        today = datetime.now(UTC)
        lost_on = {f"{day + timedelta(days=14):%Y-%m-%d}" for day in (today, today + timedelta(minutes=5))}
        code, stdout, stderr = cli.run("pause")
        assert (code, stdout.startswith("paused")) == (0, True), stderr
        assert lost_on & {*re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", stdout)}
        code, stdout, _ = cli.run("pause")
        assert (code, "paused already" in stdout) == (0, True)
        assert lost_on & {*re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", stdout)}
        stack.send({"backup_id": backup_id, "target": target})
        stdout = json.loads(cli.run("pause", "--json")[1])
        assert (stdout["state"], stdout["changed"]) == ("paused", False)
        assert stack.depth().total == 1
        assert cloud.status_of(backup_id) == "available"
    finally:
        code, stdout, stderr = cli.run("resume")
    assert (code, stdout.startswith("resumed")) == (0, True), stderr
    wait_until("the request ends", lambda: cloud.status_of(backup_id) is None, within_s=WITHIN_S)
    assert cli.run("resume")[:2] == (0, "it is not paused\n")


def test_a_missing_stack_is_one_sentence(cli: OperatorCli) -> None:
    for words in (("pause",), ("resume",), ("dead-letters", "list")):
        code, stdout, stderr = cli.run(*words, stack="nowhere")
        assert (code, stdout, stderr.count("\n")) == (1, "", 1), stderr
    # The operator has no permission to describe another stack. A user who has it gets a clear error.
    cli.environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    assert cli.run("pause", stack="nowhere")[2].startswith('vbs-reaper: there is no stack "nowhere"')
