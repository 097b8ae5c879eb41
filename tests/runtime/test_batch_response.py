"""Lambda's own rules, as its developer guide states them: what counts as success, and what as a failure of all."""

import pytest

from tests.runtime.batch_response import deleted
from tests.runtime.emulator import Invocation

BATCH = {"m1", "m2"}


@pytest.mark.parametrize("body", ["", "null", "{}", '{"batchItemFailures": []}', '{"batchItemFailures": null}'])
def test_an_answer_without_failures_deletes_everything(body: str) -> None:
    assert deleted(Invocation(status=200, body=body), BATCH) == BATCH


def test_what_is_named_stays() -> None:
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
def test_whatever_else_is_a_failure_of_all(body: str) -> None:
    assert deleted(Invocation(status=200, body=body), BATCH) == set()


def test_an_environment_that_failed_has_answered_nothing() -> None:
    assert deleted(Invocation(status=502, body=""), BATCH) == set()
