"""Deletions on the local stack, from the queue or bus to an end that the journal of the cloud proves."""

import json
from datetime import datetime

import pytest

from tests.support.local.fixtures import WITHIN_S, FindLetter, FindLine
from tests.support.local.function_log import total
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation

FULL_WIDTH = {ord("0") + digit: ord("\uff10") + digit for digit in range(10)}
"""Digits that `\\d` and `int` of Python accept, but that a URL must not contain."""


def _gone(cloud: Cloud, backup_id: str) -> None:
    wait_until(f"{backup_id} is gone", lambda: cloud.journal.is_gone(backup_id), within_s=WITHIN_S)


def test_a_request_in_the_queue_ends_with_its_backup_proven_gone(
    stack: LocalStack, cloud: Cloud, target: str, log_line: FindLine
) -> None:
    backup_id = cloud.add_backup()
    neighbour = cloud.add_backup()
    request_id = stack.send({"backup_id": backup_id, "target": target})
    ended = log_line(request_id=request_id, outcome="deleted")
    assert ended["backup_id"] == backup_id
    assert cloud.journal.history(backup_id) == ["available", "deleting", "deleted"]
    assert cloud.status_of(neighbour) == "available"
    calls = [(call.method, call.status) for call in cloud.journal.calls if call.backup_id == backup_id]
    assert calls[:2] == [("GET", 200), ("DELETE", 202)]
    assert calls[-1] == ("GET", 404)
    assert [call.raw_path for call in cloud.journal.calls_of(Operation.DELETE)] == [
        f"/v2/{cloud.project_id}/backups/{backup_id}"
    ]


def test_a_request_on_the_bus_ends_the_same(stack: LocalStack, cloud: Cloud, target: str) -> None:
    backup_id = cloud.add_backup()
    stack.put_event({"backup_id": backup_id, "target": target})
    _gone(cloud, backup_id)


def test_a_request_for_a_missing_backup_ends_as_already_gone(
    stack: LocalStack, cloud: Cloud, target: str, log_line: FindLine
) -> None:
    request_id = stack.send({"backup_id": cloud.new_id(), "target": target})
    log_line(request_id=request_id, outcome="already_gone")
    assert not cloud.journal.deletes


@pytest.mark.parametrize("service", ["vbs", "cinder"])
def test_a_held_backup_is_kept_and_its_request_becomes_a_dead_letter(
    stack: LocalStack, cloud: Cloud, target: str, letter: FindLetter, service: str
) -> None:
    stack.store_secret(target, cloud.target_secret(service=service))
    held = {"metadata": {"hold": ""}} if service == "cinder" else {"name": "[hold] audit"}
    backup_id = cloud.add_backup(**held)
    body = json.dumps({"backup_id": backup_id, "target": target})
    found = letter(stack.send(body))
    assert found.body == body
    assert found.reason == "held"
    assert found.attributes["message"].startswith("The backup is on hold")
    assert {"reason", "message", "request_id", "sent_at"} <= set(found.attributes)
    assert cloud.status_of(backup_id) == "available"


def test_malformed_messages_become_dead_letters_without_affecting_others(
    stack: LocalStack, cloud: Cloud, target: str, letter: FindLetter
) -> None:
    good = [cloud.add_backup() for _ in range(3)]
    spared = cloud.add_backup()
    bad = [
        "{",
        json.dumps({"backup_id": spared.upper(), "target": target}),
        json.dumps({"backup_id": f"../volumes/{spared}", "target": target}),
        json.dumps({"backup_id": spared + "\n", "target": target}),
        json.dumps({"backup_id": f"{{{spared}}}", "target": target}),
        json.dumps({"backup_id": f"%2e%2e/{spared}", "target": target}),
        json.dumps({"backup_id": spared.translate(FULL_WIDTH), "target": target}),
        json.dumps({"backup_id": "", "target": target}),
        json.dumps({"backup_id": [spared], "target": target}),
        json.dumps({"backup_id": spared, "target": target, "force": True}),
        json.dumps({"backup_id": spared, "target": target, "expires_at": float("nan")}),
        "[" * 200_000,
        json.dumps({"backup_id": spared, "target": target, "reason": "x" * (128 * 1024)}),
    ]
    ids = stack.send_all([json.dumps({"backup_id": backup_id, "target": target}) for backup_id in good] + bad)
    letters = [letter(request_id) for request_id in ids[3:]]
    assert [found.reason for found in letters] == ["malformed"] * len(bad)
    assert [found.body for found in letters] == bad
    for backup_id in good:
        _gone(cloud, backup_id)
    assert cloud.status_of(spared) == "available"
    assert not [call for call in cloud.journal.calls if call.backup_id == spared]


def test_a_backup_of_another_project_is_neither_shown_nor_changed(
    stack: LocalStack, cloud: Cloud, target: str, letter: FindLetter
) -> None:
    request = {"backup_id": cloud.add_backup(), "target": target, "project_id": "f" * 32}
    found = letter(stack.send(request))
    assert found.reason == "wrong_project"
    assert not cloud.journal.calls_of(Operation.SHOW)


def test_a_request_for_an_unknown_target_waits_until_its_secret_exists(
    stack: LocalStack, cloud: Cloud, log_line: FindLine
) -> None:
    backup_id = cloud.add_backup()
    request_id = stack.send({"backup_id": backup_id, "target": "not-yet"})
    waiting = log_line(request_id=request_id, reason="secret_unusable")
    assert "vbs-reaper/not-yet" in waiting["detail"]
    stack.store_secret("not-yet", cloud.target_secret())
    _gone(cloud, backup_id)


def test_a_request_waits_for_a_missing_key_of_the_secret_and_names_it(
    stack: LocalStack, cloud: Cloud, target: str, log_line: FindLine
) -> None:
    entry = cloud.target_secret()
    del entry["auth"]["auth_url"]
    stack.store_secret(target, entry)
    request_id = stack.send({"backup_id": cloud.add_backup(), "target": target})
    assert "auth.auth_url" in log_line(request_id=request_id, reason="secret_unusable")["detail"]
    stack.store_secret(target, cloud.target_secret())
    log_line(request_id=request_id, outcome="deleted")


def test_a_direct_invocation_answers_with_its_outcome(stack: LocalStack, cloud: Cloud, target: str) -> None:
    backup_id = cloud.add_backup()
    assert stack.invoke({"backup_id": cloud.new_id(), "target": target})["reason"] == "unconfirmed"
    assert stack.invoke({"backup_id": backup_id.upper(), "target": target})["outcome"] == "refused"
    assert stack.invoke({"backup_id": backup_id, "target": target})["outcome"] == "queued"
    _gone(cloud, backup_id)


DOCUMENTED = [202, 400, 401, 403, 404, 405, 406, 407, 408, 409, 500, 501, 502, 503, 504]


def test_every_documented_code_is_sent_over_http_and_appears_as_its_metric(
    stack: LocalStack, cloud: Cloud, target: str, began: datetime
) -> None:
    def counted() -> dict[int, float]:
        samples = stack.log().samples(began)
        return {
            status: total(samples, "Responses", Operation="DeleteBackup", StatusCode=str(status))
            for status in DOCUMENTED
        }

    before = counted()
    backups = dict(zip(DOCUMENTED, cloud.add_backups(len(DOCUMENTED)), strict=True))
    for status, backup_id in backups.items():
        if status != 202:
            fault = Fault(operation=Operation.DELETE, backup_id=backup_id, status=status, body=BodyShape.CINDER)
            cloud.inject(*([fault] * (2 if status in {401, 403} else 1)))  # the deleter retries with a new token
    stack.send_all([{"backup_id": each, "target": target} for each in backups.values()])
    for backup_id in backups.values():
        _gone(cloud, backup_id)
    assert [status for status, count in counted().items() if count <= before[status]] == []
