"""`vbs-reaper dead-letters`, `pause` and `resume` on a deployed stack, as processes with the operator's permissions."""

import json
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.desk import Desk
from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud


@pytest.fixture
def desk(stack: LocalStack, tmp_path: Path) -> Iterator[Desk]:
    """The operator's terminal. There are no dead letters before and after the test."""
    stack.dead_letters()
    yield Desk(stack, tmp_path)
    stack.dead_letters()


@pytest.fixture
def refused(stack: LocalStack, cloud: Cloud, target: str, desk: Desk) -> dict[str, str]:
    """Request IDs by reason: a held backup, a backup whose deletion failed, and a message that is not a request."""
    held, failed = cloud.add_backup(), cloud.add_backup(status="error_deleting")
    cloud.hold(held)
    requests = {
        "held": stack.send({"backup_id": held, "target": target}),
        "deletion_failed": stack.send({"backup_id": failed, "target": target}),
        "malformed": stack.send("delete everything"),
    }
    wait_until("the dead letters are there", lambda: rest(stack) == 3, within_s=WITHIN_S)
    return requests


def rest(stack: LocalStack) -> int:
    """Return the number of visible dead letters: those that a command left hidden do not count."""
    return stack.depth("DeadLetter").visible


def reasons(desk: Desk) -> list[str]:
    return [each["reason"] for each in json.loads(desk.run("dead-letters", "list", "--json")[1])["reasons"]]


def test_they_are_listed_by_reason_and_stay_where_they_are(
    desk: Desk, refused: dict[str, str], stack: LocalStack
) -> None:
    code, said, _ = desk.run("dead-letters", "list", "--json")
    assert code == 0
    listed = {each["reason"]: each for each in json.loads(said)["reasons"]}
    assert {reason: each["requests"][0]["request_id"] for reason, each in listed.items()} == refused
    assert [listed[reason]["can_heal"] for reason in ("held", "deletion_failed", "malformed")] == [True, True, False]
    code, said, complained = desk.run("dead-letters", "list")
    assert (code, complained) == (0, "")
    stuck = listed["deletion_failed"]["requests"][0]["backup_id"]
    assert f"openstack volume backup set --state error {stuck}" in said
    assert f"cinder backup-reset-state --state error {stuck}" in said
    assert "Remove the hold first" in said
    assert rest(stack) == 3, "a list deletes nothing and hides nothing"


def test_what_can_heal_ends_anew_once_it_is_mended_and_the_rest_stays(
    desk: Desk, refused: dict[str, str], cloud: Cloud
) -> None:
    for backup_id in cloud.remaining():
        cloud.change_backup(backup_id, status="available", description="", metadata={})
    code, said, complained = desk.run("dead-letters", "redrive", "--all-that-can-heal", "--yes", "--json")
    assert (code, json.loads(said)["request_ids"]) == (0, []), "nobody has said that these backups have changed"
    assert json.loads(said)["left_out"] == {"held": 1, "deletion_failed": 1}
    assert "select them with --reason" in complained
    ids = (refused["held"], refused["deletion_failed"])
    code, said, complained = desk.run("dead-letters", "redrive", "--request-id", *ids, "--yes", "--json")
    assert code == 0, complained
    assert {*json.loads(said)["request_ids"]} == {*ids}
    wait_until("both are gone", lambda: not cloud.remaining(), within_s=WITHIN_S)
    assert reasons(desk) == ["malformed"]


def test_ctrl_c_finishes_the_letter_in_hand_and_says_how_many_were_moved(
    desk: Desk, refused: dict[str, str], stack: LocalStack
) -> None:
    words = ("redrive", "--request-id", refused["held"], refused["deletion_failed"], "--yes", "--rate", "0.1")
    assert desk.run("pause")[0] == 0  # otherwise the first may be refused again before the test sees that it was moved
    with desk.start("dead-letters", *words) as process:
        wait_until("the first is out", lambda: stack.depth("DeadLetter").total == 2, within_s=WITHIN_S)
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, complained
    assert said.startswith("interrupted: 1 of 2 letters sent again")
    assert desk.run("resume")[0] == 0
    # One was sent again and, as nothing was fixed, is refused again: none is lost.
    wait_until("all rest there again", lambda: rest(stack) == 3, within_s=WITHIN_S)
    assert sorted(reasons(desk)) == sorted(refused)


def test_what_cannot_heal_is_refused_and_an_unknown_reason_is_told_the_nearest(
    desk: Desk, refused: dict[str, str], stack: LocalStack
) -> None:
    for words, sentence in {
        ("redrive", "--reason", "malformed"): "cannot heal",
        ("redrive", "--request-id", refused["malformed"]): "cannot heal",
        ("redrive", "--reason", "hold"): 'did you mean "held"?',
        ("list", "--reason", "hold"): 'did you mean "held"?',
        ("drop", "--request-id", "nobody"): "no dead letter has the request ID nobody",
        ("redrive", "--all-that-can-heal", "--rate", "0"): "is not a rate",
        ("redrive",): "is required",
    }.items():
        code, said, complained = desk.run("dead-letters", *words)
        assert (code, said, sentence in complained) == (1, "", True), complained
    assert rest(stack) == 3


@pytest.mark.parametrize("act", ["drop", "redrive"])
def test_who_does_not_type_the_number_moves_nothing(
    desk: Desk, refused: dict[str, str], stack: LocalStack, act: str
) -> None:
    for typed in ("", "yes\n", "2\n"):
        code, _, complained = desk.run("dead-letters", act, "--reason", "held", typed=typed)
        assert (code, "nothing was moved" in complained or "add --yes; nothing was" in complained) == (1, True)
    assert rest(stack) == 3


def test_what_is_dropped_is_shown_first_and_is_gone_afterwards(desk: Desk, refused: dict[str, str]) -> None:
    code, said, complained = desk.run("dead-letters", "drop", "--reason", "malformed", typed="1\n")
    assert (code, said) == (0, "1 letter dropped\n")
    assert refused["malformed"] in complained
    assert sorted(reasons(desk)) == ["deletion_failed", "held"]


def test_an_empty_queue_is_said_and_is_no_fault(desk: Desk) -> None:
    assert desk.run("dead-letters", "list")[:2] == (0, "there are no dead letters\n")
    assert desk.run("dead-letters", "redrive", "--all-that-can-heal")[:2] == (0, "there are no dead letters\n")


def test_a_pause_holds_requests_back_until_it_is_resumed_and_a_second_one_says_so(
    desk: Desk, stack: LocalStack, cloud: Cloud, target: str
) -> None:
    backup_id = cloud.add_backup()
    try:
        today = datetime.now(UTC)
        lost_on = {f"{day + timedelta(days=14):%Y-%m-%d}" for day in (today, today + timedelta(minutes=5))}
        code, said, complained = desk.run("pause")
        assert (code, said.startswith("paused")) == (0, True), complained
        assert lost_on & {*re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", said)}
        code, said, _ = desk.run("pause")
        assert (code, "paused already" in said) == (0, True)
        assert lost_on & {*re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", said)}
        stack.send({"backup_id": backup_id, "target": target})
        said = json.loads(desk.run("pause", "--json")[1])
        assert (said["state"], said["changed"]) == ("paused", False)
        assert stack.depth().total == 1
        assert cloud.status_of(backup_id) == "available"
    finally:
        code, said, complained = desk.run("resume")
    assert (code, said.startswith("resumed")) == (0, True), complained
    wait_until("the request ends", lambda: cloud.status_of(backup_id) is None, within_s=WITHIN_S)
    assert desk.run("resume")[:2] == (0, "it is not paused\n")


def test_a_stack_that_is_not_there_is_one_sentence(desk: Desk) -> None:
    for words in (("pause",), ("resume",), ("dead-letters", "list")):
        code, said, complained = desk.run(*words, stack="nowhere")
        assert (code, said, complained.count("\n")) == (1, "", 1), complained
    # The operator has no permission to describe another stack. A user who has it is told that there is none.
    desk.environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    assert desk.run("pause", stack="nowhere")[2].startswith('vbs-reaper: there is no stack "nowhere"')
