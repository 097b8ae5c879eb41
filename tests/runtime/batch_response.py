"""What Lambda makes of a function's answer to a batch of SQS (Lambda developer guide, "Handling errors for an SQS event
source in Lambda"): which messages it deletes.
"""

import json
from typing import Any

from tests.runtime.emulator import Invocation


def deleted(invocation: Invocation, batch: set[str]) -> set[str]:
    """The ids of the messages that Lambda would delete after this answer; none where it counts as a total failure."""
    if invocation.status != 200:
        return set()
    try:
        answer = json.loads(invocation.body) if invocation.body else None
    except json.JSONDecodeError:
        return set()
    return batch - _failed(answer, batch)


def _failed(answer: Any, batch: set[str]) -> set[str]:  # noqa: ANN401  # JSON is any value
    if answer is None:
        return set()
    if not isinstance(answer, dict) or "errorType" in answer:  # so the emulator writes an exception of the function
        return batch
    failures = answer.get("batchItemFailures") or []
    named = {failure.get("itemIdentifier") for failure in failures}
    return named if named <= batch else batch
