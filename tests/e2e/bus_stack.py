"""A local stack whose bus is listened to, and what the tests on it look at."""

from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.e2e.conftest import WITHIN_S
from tests.e2e.ear import Ear
from tests.support.local.fixtures import started_stack
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation
from vbs_reaper.deletion.result import SOURCE

ALLOWED_TOPICS = "arn:aws:sns:eu-central-1:000000000000:allowed-*"


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack of its own: its queue takes from topics, and its bus says nothing of other tests."""
    with started_stack(AllowedSourceArns=ALLOWED_TOPICS) as stack:
        yield stack


@pytest.fixture(scope="module")
def ear(stack: LocalStack) -> Ear:
    return Ear.for_pattern(stack, "ear", {"source": [SOURCE]})


@pytest.fixture(autouse=True)
def default_target(stack: LocalStack, cloud: Cloud) -> None:
    """What is pasted names no target."""
    stack.store_secret("default", cloud.target_secret())


def add_backup(cloud: Cloud, name: str = "daily") -> str:
    """A backup with an id that no other test has: one bus and one queue hear of all of them."""
    return cloud.add_backup(id=str(uuid4()), name=name)


def deletes_sent(cloud: Cloud) -> dict[str | None, int]:
    """How often each backup's DELETE was sent, accepted or not."""
    return dict(Counter(call.backup_id for call in cloud.journal.calls_of(Operation.DELETE)))


def letters_of(stack: LocalStack, request_id: str) -> int:
    """How many dead letters a request has left."""
    return sum(letter.request_id == request_id for letter in stack.dead_letters())


def wait_until_empty(stack: LocalStack) -> None:
    """Wait until the delete queue holds nothing, visible or not."""
    wait_until("the queue is empty", lambda: not stack.depth().total, within_s=WITHIN_S)
