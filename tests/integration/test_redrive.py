"""A redrive with queues in moto: which dead letters are moved, with which attributes, and that a kill loses none."""

import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import boto3
import pytest

from tests.integration.killed_redrive import HIDDEN_S, redrive, redrive_until_killed
from tests.support.template_resources import TemplateResources
from vbs_reaper.aws.queue_message import queue_entry
from vbs_reaper.cli.dead_letters import letter_queue
from vbs_reaper.cli.dead_letters.dead_letter import KINDS
from vbs_reaper.cli.dead_letters.letter_queue import HiddenLetters
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.reasons import Reason

HEAL = (Reason.THROTTLED, Reason.UNREACHABLE, Reason.SERVICE_DOWN, Reason.FORBIDDEN)
FINAL = (Reason.MALFORMED, Reason.HELD)
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000011"
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.integration.killed_redrive"])
PLACE = "5a1e0c7b9d3f4826a0b4c6d8e2f01357 https://vbs.example"


@pytest.fixture
def queues(resources: TemplateResources) -> TemplateResources:
    """Six dead letters with six reasons, four of which can heal. Each request names its reason in its body."""
    for reason in (*HEAL, *FINAL):
        attributes = {
            "request_id": reason.value.replace("_", "-"),
            "sent_at": "2026-11-01T02:00:00+00:00",
            "asked_at": "2026-11-01T02:00:01+00:00",
            "place": PLACE,
            "reason": reason.value,
            "message": reason.sentence,
        }
        backup_id = "not an ID" if reason is Reason.MALFORMED else BACKUP
        body = json.dumps({"backup_id": backup_id, "reason": reason.value.replace("_", "-")})
        entry: Any = {**queue_entry(NewMessage(body=body, attributes=attributes, group="otc-prod")), "Id": "0"}
        boto3.client("sqs").send_message_batch(QueueUrl=resources.dead_letter_queue_url, Entries=[entry])
    return resources


@pytest.fixture(autouse=True)
def _one_empty_receive_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter_queue, "EMPTY_RECEIVES", 1)  # the queue of moto has one server


def redrive_all(queues: TemplateResources) -> None:
    redrive(boto3.client("sqs"), queues.dead_letter_queue_url, queues.delete_queue_url)


def redrive_until_killed_after(queues: TemplateResources, effects: int) -> int | None:
    """Redrive in a process that is killed; returns its exit code."""
    where = (queues.dead_letter_queue_url, queues.delete_queue_url)
    process = PROCESSES.Process(target=redrive_until_killed, args=(dict(os.environ), *where, effects))
    process.start()
    process.join(240)
    return process.exitcode


def messages(url: str) -> list[Any]:
    """Return all messages of a queue. None is deleted, and none is hidden afterwards."""
    sqs = boto3.client("sqs")
    found: dict[str, Any] = {}
    while got := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=60,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages"):
        found |= {each["MessageId"]: each for each in got}
    for each in found.values():
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0)
    return list(found.values())


def request_ids(url: str) -> Counter[str]:
    """Return the reasons in the requests, which identify them: a redriven request has a new request ID."""
    return Counter(json.loads(each["Body"])["reason"] for each in messages(url))


def named(*reasons: Reason) -> set[str]:
    return {reason.value.replace("_", "-") for reason in reasons}


def test_a_redriven_request_keeps_only_its_body_target_and_place(queues: TemplateResources) -> None:
    redrive_all(queues)
    assert request_ids(queues.delete_queue_url) == Counter(named(*HEAL))
    assert request_ids(queues.dead_letter_queue_url) == Counter(named(*FINAL))
    for each in messages(queues.delete_queue_url):
        own = {name: value["StringValue"] for name, value in each["MessageAttributes"].items()}
        assert own == {"place": PLACE}
        assert json.loads(each["Body"])["backup_id"] == BACKUP
        assert each["Attributes"]["MessageGroupId"] == "otc-prod"


@pytest.mark.parametrize("effects", [1, 2, 3, 2 * len(HEAL)])
def test_a_redrive_killed_at_any_point_loses_none_and_a_repeated_one_moves_each_once(
    queues: TemplateResources, effects: int
) -> None:
    assert redrive_until_killed_after(queues, effects) == -signal.SIGKILL
    time.sleep(HIDDEN_S + 0.2)  # the letters that the killed process had hidden become visible
    everywhere = request_ids(queues.dead_letter_queue_url) + request_ids(queues.delete_queue_url)
    assert everywhere.keys() == named(*HEAL, *FINAL)
    redrive_all(queues)
    assert request_ids(queues.dead_letter_queue_url) == Counter(named(*FINAL))
    assert request_ids(queues.delete_queue_url).keys() == named(*HEAL)
    assert request_ids(queues.delete_queue_url).total() <= len(HEAL) + 1


def test_more_dead_letters_than_one_receive_returns_are_each_read_once_and_visible_again(
    queues: TemplateResources,
) -> None:
    sqs, url = boto3.client("sqs"), queues.dead_letter_queue_url
    for _ in range(15):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"backup_id": BACKUP}))
    with HiddenLetters(sqs, url) as letters:
        read = list(letters)
    assert len({each.message.message_id for each in read}) == len(read) == 21
    assert Counter(each.kind.code for each in read)["moved_by_sqs"] == 15
    assert len(messages(url)) == 21


def test_ctrl_c_makes_them_visible_again(queues: TemplateResources) -> None:
    with suppress(KeyboardInterrupt), HiddenLetters(boto3.client("sqs"), queues.dead_letter_queue_url) as letters:
        next(iter(letters))
        raise KeyboardInterrupt
    assert len(messages(queues.dead_letter_queue_url)) == 6


def test_every_reason_that_a_request_can_end_with_is_known() -> None:
    assert {reason.value for reason in (*HEAL, *FINAL, Reason.UNHEARD, Reason.HALTED)} <= KINDS.keys()
    assert not {Reason.DELETED.value, Reason.KEEP_LAST.value} & KINDS.keys()
