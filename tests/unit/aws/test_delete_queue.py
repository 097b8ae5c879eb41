"""Responses of SQS with failed entries, which no emulator returns."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from tests.support.log_lines import LogLines
from vbs_reaper.aws.batches import TRIES
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.deletion.message import NewMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/delete"
DEAD_LETTERS = "https://sqs.eu-central-1.amazonaws.com/123456789012/dead"


@pytest.fixture
def queue(sqs: "SQSClient") -> DeleteQueue:
    return DeleteQueue(sqs, QUEUE, DEAD_LETTERS)


def stored(entry_id: str) -> dict[str, str]:
    return {"Id": entry_id, "MessageId": f"m-{entry_id}", "MD5OfMessageBody": "0" * 32}


def failed(entry_id: str, code: str = "InternalError") -> dict[str, Any]:
    return {"Id": entry_id, "Code": code, "SenderFault": False}


def sent(url: str, *bodies: str) -> dict[str, Any]:
    return {
        "QueueUrl": url,
        "Entries": [
            {"Id": str(place), "MessageBody": body, "DelaySeconds": 0, "MessageAttributes": {}}
            for place, body in enumerate(bodies)
        ],
    }


def hidden(**delays_s: int) -> dict[str, Any]:
    return {
        "QueueUrl": QUEUE,
        "Entries": [
            {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": delay_s}
            for place, (handle, delay_s) in enumerate(delays_s.items())
        ],
    }


def test_only_failed_entries_are_sent_again(queue: DeleteQueue, sqs_stub: Stubber) -> None:
    sqs_stub.add_response(
        "send_message_batch",
        {"Successful": [stored("0"), stored("2")], "Failed": [failed("1")]},
        sent(QUEUE, "a", "b", "c"),
    )
    sqs_stub.add_response("send_message_batch", {"Successful": [stored("0")], "Failed": []}, sent(QUEUE, "b"))
    assert queue.send([NewMessage(body=body) for body in "abc"])


def test_sending_returns_false_if_an_entry_always_fails(
    queue: DeleteQueue, sqs_stub: Stubber, log_lines: LogLines
) -> None:
    for _ in range(TRIES):
        sqs_stub.add_response("send_message_batch", {"Successful": [], "Failed": [failed("0")]})
    assert not queue.send([NewMessage(body="a")])
    assert log_lines.only().items() >= {"message": "message not stored", "code": "InternalError"}.items()


def test_an_entry_the_reply_does_not_name_is_not_stored(queue: DeleteQueue, sqs_stub: Stubber) -> None:
    for _ in range(TRIES):
        sqs_stub.add_response("send_message_batch", {"Successful": [], "Failed": []})
    assert not queue.dead_letter(NewMessage(body="a"))


def test_sending_returns_false_and_logs_the_code_if_sqs_rejects_the_call(
    queue: DeleteQueue, sqs_stub: Stubber, log_lines: LogLines
) -> None:
    sqs_stub.add_client_error("send_message_batch", "AccessDenied", "User alice is not authorized", 403)
    assert not queue.dead_letter(NewMessage(body="a"))
    assert log_lines.only().items() >= {"message": "messages not stored", "code": "AccessDenied"}.items()
    assert "alice" not in log_lines.text()


def test_a_dead_letter_goes_to_the_dead_letters(queue: DeleteQueue, sqs_stub: Stubber) -> None:
    sqs_stub.add_response("send_message_batch", {"Successful": [stored("0")], "Failed": []}, sent(DEAD_LETTERS, "a"))
    assert queue.dead_letter(NewMessage(body="a"))


def test_each_message_is_hidden_for_its_own_time(queue: DeleteQueue, sqs_stub: Stubber) -> None:
    sqs_stub.add_response(
        "change_message_visibility_batch",
        {"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []},
        hidden(r1=47, r2=7200),
    )
    queue.hide({"r1": 47, "r2": 7200})


def test_a_message_that_cannot_be_hidden_is_logged_without_raising(
    queue: DeleteQueue, sqs_stub: Stubber, log_lines: LogLines
) -> None:
    sqs_stub.add_response(
        "change_message_visibility_batch",
        {"Successful": [{"Id": "0"}], "Failed": [failed("1", "ReceiptHandleIsInvalid")]},
    )
    queue.hide({"r1": 47, "r2": 7200})
    assert log_lines.only().items() >= {"message": "message not hidden", "code": "ReceiptHandleIsInvalid"}.items()


def test_one_rejected_call_does_not_prevent_hiding_other_messages(
    queue: DeleteQueue, sqs_stub: Stubber, log_lines: LogLines
) -> None:
    sqs_stub.add_client_error("change_message_visibility_batch", "RequestThrottled")
    sqs_stub.add_response("change_message_visibility_batch", {"Successful": [{"Id": "0"}], "Failed": []}, hidden(r10=5))
    queue.hide({f"r{number}": 5 for number in range(11)})
    assert log_lines.only().items() >= {"message": "messages not hidden", "code": "RequestThrottled"}.items()


def test_nothing_to_hide_makes_no_call(queue: DeleteQueue, sqs_stub: Stubber) -> None:
    queue.hide({})
