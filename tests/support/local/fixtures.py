"""What every tier on the local stack shares: the stack itself, and waiting for what it does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.local.stack import DeadLetter, LocalStack
from tests.support.local.waiting import wait_until

WITHIN_S = 60.0
"""How long anything may take on a busy machine; what goes well takes a few seconds."""

FindLetter = Callable[[str], DeadLetter]
FindLine = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    with LocalStack() as stack:
        yield stack


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
    """Wait for a line of the deleter's log with these fields."""

    def find(**fields: object) -> dict[str, Any]:
        return wait_until(
            f"a log line with {fields}",
            lambda: next((line for line in stack.log().documents() if fields.items() <= line.items()), None),
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
