"""What every tier on the local stack shares: the stack itself, and waiting for what it does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.local.stack import DeadLetter, LocalStack
from tests.support.local.waiting import wait_until

WITHIN_S = 150.0
"""How long anything may take on a busy machine; what goes well takes a few seconds."""
HIDDEN_S = 75
"""The visibility timeout of the delete queue. It is less than WITHIN_S, so that a test waits out the death of a
function, and more than the timeout of the deleter. In the template it is 20 minutes."""
CLOCK_STEP = timedelta(seconds=10)
"""How far the clock of this machine may be set back during a test."""

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
    """The time from which the log contains lines of this test."""
    return datetime.now(UTC) - CLOCK_STEP


@pytest.fixture
def drained(stack: LocalStack) -> Iterator[None]:
    """Let every message end before the next test: else it would ask the next test's cloud in this one's name."""
    yield
    wait_until("the queue is empty", lambda: is_empty(stack), within_s=WITHIN_S)


@pytest.fixture
def letter(stack: LocalStack) -> FindLetter:
    """Wait for the dead letter of a request."""

    def find(request_id: str) -> DeadLetter:
        return wait_until(
            f"a dead letter for {request_id}",
            lambda: next((found for found in stack.dead_letters() if found.request_id == request_id), None),
            within_s=WITHIN_S,
        )

    return find


@pytest.fixture
def log_line(stack: LocalStack) -> FindLine:
    """Wait for a line of the deleter's log with these fields, written since the test began."""
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
    """A target nobody else uses: what a function remembers of one test's target cannot touch the next test."""
    letters = "".join(char if char.isascii() and char.isalnum() else "-" for char in request.node.name.lower())
    return str(letters.removeprefix("test-")[-60:].strip("-"))


def is_empty(stack: LocalStack) -> bool:
    """A message on its way from one delivery to the next is nowhere for a moment: so looked at several times."""
    return all(stack.depth().total == 0 for _ in range(5))
