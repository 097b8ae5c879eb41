"""The codes that the page "Deleting a VBS Backup (Native OpenStack API)" documents: from queue to outcome over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.support.poller import Invoke, Poller
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.template_resources import TemplateResources

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
"""Of the 404s the one that proves the backup gone; of the 400s one that nobody has named."""
ENDS = {"asked", "refused", "deleted"}
LOST_ANSWERS = {408, 500, 502, 504}
"""The DELETE may have been accepted: the message is replaced by one that says so."""


def counted(lines: str, name: str) -> Iterator[dict[str, Any]]:
    """The documents of one metric."""
    documents = (json.loads(line) for line in lines.splitlines() if '"_aws"' in line)
    return (document for document in documents if name in document)


@pytest.mark.parametrize("code", DOCUMENTED)
def test_a_documented_code_has_its_outcome_and_its_metric(
    invoke: Invoke, cloud: Cloud, resources: TemplateResources, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    outcome, reason = DOCUMENTED[code]
    backup_id = cloud.add_backup()
    if code != 202:
        shape = BodyShape.GONE if code == 404 else BodyShape.CINDER
        cloud.inject(Fault(operation=Operation.DELETE, status=code, body=shape, times=None))
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=resources.delete_queue_url, MessageBody=json.dumps({"backup_id": backup_id}))
    capsys.readouterr()

    answer = Poller(sqs, resources.delete_queue_url).deliver(invoke)

    lines = capsys.readouterr().out
    codes = {each["StatusCode"] for each in counted(lines, "Responses") if each["Operation"] == "DeleteBackup"}
    assert codes == {str(code)}
    assert [each["Outcome"] for each in counted(lines, "Outcomes")] == [outcome]
    assert [each["Reason"] for each in counted(lines, "Waits")] == ([] if outcome in ENDS else [reason])
    assert (answer["batchItemFailures"] == []) == (outcome in ENDS or code in LOST_ANSWERS)
