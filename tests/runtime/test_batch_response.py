"""The rules of Lambda about responses to a batch, as in its developer guide."""

import pytest

from tests.runtime.batch_response import deleted
from tests.runtime.emulator import Invocation

BATCH = {"m1", "m2"}


@pytest.mark.parametrize("body", ["", "null", "{}", '{"batchItemFailures": []}', '{"batchItemFailures": null}'])
def test_an_answer_without_failures_deletes_everything(body: str) -> None:
    assert deleted(Invocation(status=200, body=body), BATCH) == BATCH


def test_a_reported_message_is_not_deleted() -> None:
    answer = Invocation(status=200, body='{"batchItemFailures": [{"itemIdentifier": "m1"}]}')
    assert deleted(answer, BATCH) == {"m2"}


@pytest.mark.parametrize(
    "body",
    [
        "Task timed out after 3.00 seconds",
        "[]",
        '{"errorMessage": "boom", "errorType": "ValueError"}',
        '{"batchItemFailures": [{"itemIdentifier": ""}]}',
        '{"batchItemFailures": [{"itemIdentifier": null}]}',
        '{"batchItemFailures": [{"id": "m1"}]}',
        '{"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "of another batch"}]}',
    ],
)
def test_any_other_response_is_a_failure_of_the_whole_batch(body: str) -> None:
    assert deleted(Invocation(status=200, body=body), BATCH) == set()


def test_a_failed_invocation_deletes_nothing() -> None:
    assert deleted(Invocation(status=502, body=""), BATCH) == set()
