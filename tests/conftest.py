"""Fixtures that all tiers share."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.doubles import FakeLambdaContext, ManualClock
from tests.support.log_lines import LogLines, reading_log

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "tests" / "unit"
Event = dict[str, Any]

settings.register_profile(
    "here",
    settings(),
    max_examples=int(os.environ.get("EXAMPLES", "25")),
    deadline=None,
    derandomize="EXAMPLES" not in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("here")
"""Every run tests the same 25 examples, so that a test fails only because of a change; with EXAMPLES, as in
`make nightly`, they are random. Examples have no deadline, because the machine may be busy. A failure prints how to
reproduce it."""
settings.register_profile("mutants", settings(), max_examples=25, phases=(Phase.explicit, Phase.generate))
"""For `make mutants`, without shrinking: it runs the tests thousands of times, and shrinking takes minutes."""


def pytest_configure() -> None:
    """Restore the default action of SIGINT for child processes. A shell ignores it for commands in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Block sockets in the unit tests."""
    for item in items:
        if item.path.is_relative_to(UNIT):
            item.add_marker(pytest.mark.disable_socket)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def lambda_context() -> FakeLambdaContext:
    return FakeLambdaContext()


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """The product's log at DEBUG."""
    with reading_log() as lines:
        yield lines


@pytest.fixture
def event() -> Callable[[str], Event]:
    """Return a function that reads a file of events/, for example `event("deleter/sqs_bare")`."""
    return lambda name: json.loads((ROOT / "events" / f"{name}.json").read_text())
