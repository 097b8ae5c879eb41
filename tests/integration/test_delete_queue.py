from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config
from msgspec.structs import replace

from tests.support.log_lines import LogLines
from tests.support.poller import Poller, attributes_of
from tests.support.template_resources import TemplateResources
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.deletion.message import Message, NewMessage, read_message

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
BODY = '{"backup_id": "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"}'
LETTER = NewMessage(
    body=BODY,
    attributes={"reason": "held", "message": "Its name holds it: caf\u00e9", "request_id": "r-1", "sent_at": "t"},
    group="otc-prod",
)


@pytest.fixture
def queue(resources: TemplateResources) -> DeleteQueue:
    return DeleteQueue(boto3.client("sqs"), resources.delete_queue_url, resources.dead_letter_queue_url)


def test_the_identity_of_a_request_survives_being_sent_again(queue: DeleteQueue, delete_queue: Poller) -> None:
    first = Message(
        message_id="m-1",
        receipt_handle="h",
        body=BODY,
        receive_count=4,
        sent_at=NOW,
        request_id="r-1",
        first_sent_at=NOW,
        redrives=2,
    )
    assert queue.send([NewMessage(body=first.body, attributes=replace(first, asked_at=NOW, place="p a").attributes())])
    (record,) = delete_queue.receive()["Records"]
    again = read_message(record, datetime.now(UTC))
    assert again == replace(
        first,
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        receive_count=1,
        sent_at=again.sent_at,
        asked_at=NOW,
        place="p a",
        first_received_at=again.first_received_at,
    )


@pytest.mark.parametrize(
    ("bodies", "are_stored"),
    [
        ([f'{{"part": {number}}}' for number in range(105)], True),
        (["x" * 128 * 1024] * 10, True),
        (["x" * 300 * 1024], False),
    ],
    ids=["a bulk", "large ones", "larger than the queue takes"],
)
def test_messages_of_any_number_and_size_are_stored(
    queue: DeleteQueue, delete_queue: Poller, bodies: list[str], are_stored: bool
) -> None:
    assert queue.send([NewMessage(body=body, group="otc-prod") for body in bodies]) is are_stored
    assert delete_queue.count()["visible"] == (len(bodies) if are_stored else 0)
    if are_stored:
        record = delete_queue.receive()["Records"][0]
        assert (record["body"] in bodies, record["attributes"]["MessageGroupId"]) == (True, "otc-prod")
    assert queue.send([NewMessage(body=BODY, delay_s=900)])
    assert delete_queue.count()["delayed"] == 1


def test_a_dead_letter_has_the_original_body_and_its_reason(
    queue: DeleteQueue, delete_queue: Poller, dead_letters: Poller
) -> None:
    assert queue.dead_letter(LETTER)
    (record,) = dead_letters.peek()
    assert record["body"] == BODY
    assert attributes_of(record) == {
        "reason": "held",
        "message": "Its name holds it: caf\\xe9",
        "request_id": "r-1",
        "sent_at": "t",
    }
    assert delete_queue.count()["visible"] == 0


@pytest.mark.parametrize(("body", "stored"), [("", '""'), ("\x00\uffff", "\\u0000\\uffff")])
def test_a_body_that_sqs_rejects_is_escaped_in_the_dead_letter(
    queue: DeleteQueue, dead_letters: Poller, body: str, stored: str
) -> None:
    assert queue.dead_letter(replace(LETTER, body=body))
    (record,) = dead_letters.peek()
    assert record["body"] == stored
    assert attributes_of(record)["message"].startswith("(")


def test_a_message_can_be_hidden_for_longer_than_the_visibility_timeout_of_the_queue(
    queue: DeleteQueue, delete_queue: Poller
) -> None:
    queue.send([NewMessage(body=BODY), NewMessage(body=BODY)])
    one, other = (record["receiptHandle"] for record in delete_queue.receive()["Records"])
    queue.hide({one: 0, other: 7200})
    assert delete_queue.count() == {"visible": 1, "hidden": 1, "delayed": 0}


def test_hiding_for_longer_than_sqs_allows_is_logged_and_does_not_raise(
    queue: DeleteQueue, delete_queue: Poller, log_lines: LogLines
) -> None:
    queue.send([NewMessage(body=BODY)])
    (record,) = delete_queue.receive()["Records"]
    queue.hide({record["receiptHandle"]: 43_201})
    assert log_lines.all()
    assert delete_queue.count()["hidden"] == 1


def test_sending_to_a_missing_queue_returns_false(aws: str, log_lines: LogLines) -> None:
    nowhere = f"{aws}/123456789012/nowhere"
    queue = DeleteQueue(boto3.client("sqs"), nowhere, nowhere)
    assert not queue.send([NewMessage(body=BODY)])
    assert not queue.dead_letter(LETTER)
    queue.hide({"AQEB": 1})
    assert [line["code"] for line in log_lines.all()] == ["AWS.SimpleQueueService.NonExistentQueue"] * 3


@pytest.mark.usefixtures("aws")
def test_sending_to_unreachable_sqs_returns_false(log_lines: LogLines) -> None:
    once = Config(retries={"total_max_attempts": 1})
    sqs = boto3.client("sqs", endpoint_url="http://127.0.0.1:9", config=once)
    queue = DeleteQueue(sqs, "http://127.0.0.1:9/1/queue", "http://127.0.0.1:9/1/dead")
    assert not queue.send([NewMessage(body=BODY)])
    queue.hide({"AQEB": 1})
    assert [line["code"] for line in log_lines.all()] == ["EndpointConnectionError"] * 2
