"""The handler of the deleter with every file of events/, with moto and a simulated cloud over HTTP."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.benchmarks.money import DELETION_METRICS
from tests.conftest import ROOT, Event
from tests.integration.event_recorder import EventRecorder
from tests.support.doubles import FakeLambdaContext
from tests.support.local.function_log import samples
from tests.support.log_lines import LogLines
from tests.support.poller import Invoke, Poller, attributes_of
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.template_resources import TemplateResources
from vbs_reaper.errors import RequestNotQueued, SettingsError

EVENTS = sorted(path.stem for path in (ROOT / "events" / "deleter").glob("*.json"))
SENT_AT_FIRST_PASS = {
    "sqs_bare": 1,
    "sqs_purge": 2,
    "sqs_eventbridge": 4,
    "sqs_sns": 5,
    "sqs_sns_raw": 6,
    "sqs_cloudevent": 7,
    "sqs_redriven": 11,
}
"""Files with one request, which is sent to the cloud in its first pass, and its backup."""
TESTED_SEPARATELY = {"direct", "sqs_asked", "sqs_bulk", "sqs_malformed", "sqs_mixed_batch"}
"""Files that have their own tests."""
MADE_AT = "2026-10-01T02:00:00Z"
VOLUME = "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31"


def backup_id(number: int) -> str:
    """Return a backup ID of the files of events/."""
    return f"0b5e4f6a-7c1d-4e2f-9a3b-{number:012}"


@pytest.fixture
def cloud_with_backups(cloud: Cloud) -> Cloud:
    """The cloud with every backup that is named in events/."""
    for number in range(1, 23):
        if number not in {2, 3, 10, 12}:
            cloud.add_backup(id=backup_id(number))
    created_at = datetime.fromisoformat(MADE_AT)
    cloud.add_backup(id=backup_id(2), volume_id=VOLUME, name="daily-2026-10-01", created_at=created_at)
    cloud.add_backup(id=backup_id(3), volume_id=VOLUME, created_at=created_at + timedelta(days=1))
    return cloud


def invoke_with(invoke: Invoke, event: Callable[[str], Event], name: str) -> dict[str, Any]:
    """Invoke the function with a file of events/, with the current time as its time of sending."""
    document = event(f"deleter/{name}")
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    for record in document.get("Records", []):
        record["attributes"]["SentTimestamp"] = str(now_ms - 1000)
    return invoke(document)


def test_every_file_of_events_is_tested_here() -> None:
    assert set(EVENTS) == SENT_AT_FIRST_PASS.keys() | TESTED_SEPARATELY


@pytest.mark.parametrize("name", EVENTS)
def test_a_file_of_events_is_as_sqs_writes_it(event: Callable[[str], Event], name: str) -> None:
    for record in event(f"deleter/{name}").get("Records", []):
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()  # noqa: S324  # SQS's own
        assert set(record) - {"md5OfMessageAttributes"} == {
            "messageId",
            "receiptHandle",
            "body",
            "attributes",
            "messageAttributes",
            "md5OfBody",
            "eventSource",
            "eventSourceARN",
            "awsRegion",
        }


@pytest.mark.parametrize(("name", "number"), SENT_AT_FIRST_PASS.items())
def test_a_request_in_any_envelope_is_asked_for_sent_again_and_acknowledged(
    invoke: Invoke, event: Callable[[str], Event], cloud_with_backups: Cloud, delete_queue: Poller, log_lines: LogLines,
    name: str, number: int,
) -> None:  # fmt: skip
    answer = invoke_with(invoke, event, name)
    assert json.dumps(answer) == '{"batchItemFailures": []}'
    assert {line["function_request_id"] for line in log_lines.all()} == {FakeLambdaContext().aws_request_id}
    assert [delete.backup_id for delete in cloud_with_backups.journal.deletes] == [backup_id(number)]
    assert delete_queue.count() == {"visible": 0, "hidden": 0, "delayed": 1}


def test_a_bulk_becomes_single_requests_and_only_a_malformed_id_is_refused(
    invoke: Invoke, event: Callable[[str], Event], cloud_with_backups: Cloud, delete_queue: Poller, dead_letters: Poller
) -> None:
    parent = event("deleter/sqs_bulk")["Records"][0]["messageId"]
    assert invoke_with(invoke, event, "sqs_bulk") == {"batchItemFailures": []}
    said = {"reason": "project closed", "requested_by": "operations"}
    assert {attributes_of(child)["request_id"]: json.loads(child["body"]) for child in delete_queue.peek()} == {
        f"{parent}/{backup_id(8)}": {"backup_id": backup_id(8), **said},
        f"{parent}/{backup_id(9)}": {"backup_id": backup_id(9), **said},
        f"{parent}/2": {"backup_id": "not-an-id"},
    }
    assert cloud_with_backups.journal.calls == []
    assert delete_queue.deliver(invoke) == {"batchItemFailures": []}
    assert sorted(delete.backup_id for delete in cloud_with_backups.journal.deletes) == [backup_id(8), backup_id(9)]
    (letter,) = dead_letters.peek()
    assert json.loads(letter["body"]) == {"backup_id": "not-an-id"}
    assert attributes_of(letter)["reason"] == "malformed"


def test_a_malformed_request_becomes_a_dead_letter_without_a_call(
    invoke: Invoke,
    event: Callable[[str], Event],
    cloud_with_backups: Cloud,
    recorder: EventRecorder,
    dead_letters: Poller,
) -> None:
    (record,) = event("deleter/sqs_malformed")["Records"]
    assert invoke_with(invoke, event, "sqs_malformed") == {"batchItemFailures": []}
    (letter,) = dead_letters.peek()
    attributes = attributes_of(letter)
    assert letter["body"] == record["body"]
    assert attributes["reason"] == "malformed"
    assert attributes["request_id"] == record["messageId"]
    assert '"backup_id"' in attributes["message"]
    assert [each["detail-type"] for each in recorder.events()] == ["VBS Backup Delete Refused"]
    assert cloud_with_backups.journal.calls == []


def test_in_a_mixed_batch_no_record_affects_another(
    invoke: Invoke, event: Callable[[str], Event], cloud_with_backups: Cloud, delete_queue: Poller, dead_letters: Poller
) -> None:
    records = event("deleter/sqs_mixed_batch")["Records"]
    answer = invoke_with(invoke, event, "sqs_mixed_batch")
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[-1]["messageId"]}]}
    assert sorted(delete.backup_id for delete in cloud_with_backups.journal.deletes) == [
        backup_id(n) for n in range(13, 19)
    ]
    assert delete_queue.count()["delayed"] == 6
    assert sorted(letter["body"] for letter in dead_letters.peek()) == sorted(record["body"] for record in records[6:9])


@pytest.mark.parametrize(("is_there", "reason"), [(True, "accepted"), (False, "unconfirmed")])
def test_a_direct_request_that_one_pass_does_not_finish_is_queued(
    invoke: Invoke,
    event: Callable[[str], Event],
    cloud_with_backups: Cloud,
    delete_queue: Poller,
    is_there: bool,
    reason: str,
) -> None:
    if not is_there:
        cloud_with_backups.remove_backup(backup_id(22))
    answer = invoke_with(invoke, event, "direct")
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["outcome"], answer["request_id"]) == ("queued", FakeLambdaContext().aws_request_id)
    assert answer["reason"] == reason
    assert cloud_with_backups.journal.accepted(backup_id(22)) == int(is_there)
    assert delete_queue.count()["delayed"] == 1


def test_a_deletion_takes_three_calls_and_one_login(
    invoke: Invoke,
    cloud_with_backups: Cloud,
    delete_queue: Poller,
    recorder: EventRecorder,
    resources: TemplateResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BACKOFF_BASE_IN_SECONDS", "1")
    cloud_with_backups.change_settings(delete_seconds=0.0)
    boto3.client("sqs").send_message(
        QueueUrl=resources.delete_queue_url, MessageBody=json.dumps({"backup_id": backup_id(1)})
    )
    while any(delete_queue.count().values()):
        delete_queue.deliver(invoke)
        time.sleep(0.05)
    assert [(call.method, call.status) for call in cloud_with_backups.journal.calls if call.backup_id] == [
        ("GET", 200),
        ("DELETE", 202),
        ("GET", 404),
    ]
    assert len(cloud_with_backups.journal.logins) == 1
    assert [each["detail-type"] for each in recorder.events()] == ["VBS Backup Deleted"]


def test_a_deletion_is_published_and_writes_the_number_of_metrics_in_the_cost_table(
    invoke: Invoke, event: Callable[[str], Event], cloud_with_backups: Cloud, recorder: EventRecorder,
    delete_queue: Poller, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    invoke_with(invoke, event, "sqs_bare")
    cloud_with_backups.add_backup(id=backup_id(10), status="deleting")
    invoke_with(invoke, event, "sqs_asked")
    cloud_with_backups.remove_backup(backup_id(10))
    waiting = delete_queue.count()
    assert invoke_with(invoke, event, "sqs_asked") == {"batchItemFailures": []}
    assert delete_queue.count() == waiting
    (published,) = recorder.events()
    assert (published["detail-type"], published["detail"]["backup_id"]) == ("VBS Backup Deleted", backup_id(10))
    assert published["detail"]["proof"]["status"] == 404
    found = list(samples(json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line))
    written = {(each.name, *(value for key, value in each.dimensions.items() if key != "Stack")) for each in found}
    assert {("Waits", "deleting"), ("Outcomes", "deleted")} <= written
    responses = {(each.dimensions["Operation"], each.dimensions["StatusCode"]) for each in found
                 if each.name == "Responses" and "StatusCode" in each.dimensions}  # fmt: skip
    assert responses == {("Authenticate", "201"), ("ShowBackup", "200"), ("DeleteBackup", "202"), ("ShowBackup", "404")}
    assert len([each for each in written if "Authenticate" not in each]) == DELETION_METRICS


def test_metrics_are_written_even_if_the_invocation_fails(
    invoke: Invoke,
    event: Callable[[str], Event],
    cloud_with_backups: Cloud,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    forget_deleter: Callable[[], None],
) -> None:
    monkeypatch.setenv("DELETE_QUEUE_URL", f"{os.environ['AWS_ENDPOINT_URL']}/123456789012/nowhere")
    forget_deleter()
    with pytest.raises(RequestNotQueued):
        invoke_with(invoke, event, "direct")
    assert cloud_with_backups.journal.deletes
    assert '"StatusCode":"202","Responses":[1.0]' in capsys.readouterr().out


def test_a_function_without_settings_names_every_missing_one(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, forget_deleter: Callable[[], None]
) -> None:
    for name in ("DELETE_QUEUE_URL", "CALLS_AT_ONCE"):
        monkeypatch.delenv(name)
    forget_deleter()
    with pytest.raises(SettingsError, match=r"DELETE_QUEUE_URL is not set.*CALLS_AT_ONCE is not set"):
        invoke({"Records": []})


DOCUMENTED = {
    202: ("asked", None),
    400: ("waiting", "bad_request"),
    401: ("halted", "credentials_rejected"),
    403: ("waiting", "forbidden"),
    404: ("deleted", None),
    405: ("halted", "wrong_endpoint"),
    406: ("halted", "wrong_endpoint"),
    407: ("halted", "proxy"),
    408: ("waiting", "timed_out"),
    409: ("waiting", "conflict"),
    500: ("waiting", "server_error"),
    501: ("halted", "wrong_endpoint"),
    502: ("halted", "service_down"),
    503: ("halted", "service_down"),
    504: ("halted", "service_down"),
}
"""The codes that the page "Deleting a VBS Backup (Native OpenStack API)" documents, with outcome and reason.

The 404 is the one that proves that the backup is gone; the 400 is one without a special meaning.
"""
ENDS = {"asked", "refused", "deleted"}
LOST_ANSWERS = {408, 500, 502, 504}
"""The DELETE may have been accepted, so the message is sent again with `unanswered_at`."""


def counted(lines: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield the EMF documents of one metric."""
    documents = (json.loads(line) for line in lines.splitlines() if '"_aws"' in line)
    return (document for document in documents if name in document)


@pytest.mark.parametrize("code", DOCUMENTED)
def test_a_documented_code_has_its_outcome_and_its_metric(
    invoke: Invoke, cloud: Cloud, resources: TemplateResources, delete_queue: Poller,
    capsys: pytest.CaptureFixture[str], code: int,
) -> None:  # fmt: skip
    outcome, reason = DOCUMENTED[code]
    backup_id = cloud.add_backup()
    if code != 202:
        shape = BodyShape.GONE if code == 404 else BodyShape.CINDER
        cloud.inject(Fault(operation=Operation.DELETE, status=code, body=shape, times=None))
    boto3.client("sqs").send_message(
        QueueUrl=resources.delete_queue_url, MessageBody=json.dumps({"backup_id": backup_id})
    )
    capsys.readouterr()

    answer = delete_queue.deliver(invoke)

    lines = capsys.readouterr().out
    codes = {each["StatusCode"] for each in counted(lines, "Responses") if each["Operation"] == "DeleteBackup"}
    assert codes == {str(code)}
    assert [each["Outcome"] for each in counted(lines, "Outcomes")] == [outcome]
    assert [each["Reason"] for each in counted(lines, "Waits")] == ([] if outcome in ENDS else [reason])
    assert (answer["batchItemFailures"] == []) == (outcome in ENDS or code in LOST_ANSWERS)
