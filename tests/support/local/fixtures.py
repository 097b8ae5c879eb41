"""Fixtures of all tests that use the local stack."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.local.stack import DeadLetter, LocalStack
from tests.support.local.waiting import wait_until

WITHIN_S = 150.0
"""The timeout of every wait on a busy machine. Most waits take a few seconds."""
HIDDEN_S = 75
"""The visibility timeout of the delete queue; 20 minutes by default. It exceeds the timeout of the deleter. It is
less than WITHIN_S, so that a message whose function died is delivered again before a test gives up."""
CLOCK_STEP = timedelta(seconds=10)
"""The clock of this machine may be set back by this much during a test."""

FindLetter = Callable[[str], DeadLetter]
FindLine = Callable[..., dict[str, Any]]


@contextmanager
def started_stack(**parameters: str) -> Iterator[LocalStack]:
    """Start a local stack for tests, with these parameters of the template."""
    with LocalStack(parameters=parameters) as stack:
        stack.aws.client("sqs").set_queue_attributes(
            QueueUrl=stack.outputs["DeleteQueueUrl"], Attributes={"VisibilityTimeout": str(HIDDEN_S)}
        )
        yield stack


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    with started_stack() as stack:
        yield stack


@pytest.fixture
def began() -> datetime:
    """Return the start time of this test, for reading the log."""
    return datetime.now(UTC) - CLOCK_STEP


@pytest.fixture
def drained(stack: LocalStack) -> Iterator[None]:
    """Wait after the test until the queue is empty, so that no message is processed during the next test."""
    yield
    wait_until("the queue is empty", lambda: is_empty(stack), within_s=WITHIN_S)


@pytest.fixture
def letter(stack: LocalStack) -> FindLetter:
    """Return a function that waits for the dead letter of a request."""

    def find(request_id: str) -> DeadLetter:
        return wait_until(
            f"a dead letter for {request_id}",
            lambda: next((found for found in stack.dead_letters() if found.request_id == request_id), None),
            within_s=WITHIN_S,
        )

    return find


@pytest.fixture
def log_line(stack: LocalStack) -> FindLine:
    """Return a function that waits for a line with these fields, written by the deleter since the test began."""
    began = datetime.now(UTC) - CLOCK_STEP

    def find(**fields: object) -> dict[str, Any]:
        return wait_until(
            f"a log line with {fields}",
            lambda: next((line for line in stack.log().documents(began) if fields.items() <= line.items()), None),
            within_s=WITHIN_S,
        )

    return find


@pytest.fixture
def target_name(request: pytest.FixtureRequest) -> str:
    """Return a target name that no other test uses, because functions cache data about targets."""
    letters = "".join(char if char.isascii() and char.isalnum() else "-" for char in request.node.name.lower())
    return str(letters.removeprefix("test-")[-60:].strip("-"))


def is_empty(stack: LocalStack) -> bool:
    """Return whether the queue is empty in several polls: a message that is being replaced is briefly not counted."""
    return all(stack.depth().total == 0 for _ in range(5))
