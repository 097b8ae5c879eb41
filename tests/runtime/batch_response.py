"""Determines which messages of a batch Lambda deletes (Lambda developer guide, "Handling errors for an SQS event source
in Lambda").
"""

import json
from typing import Any

from tests.runtime.emulator import Invocation


def deleted(invocation: Invocation, batch: set[str]) -> set[str]:
    """Return the IDs of the messages that Lambda deletes after this response; none if all of the batch failed."""
    if invocation.status != 200:
        return set()
    try:
        answer = json.loads(invocation.body) if invocation.body else None
    except json.JSONDecodeError:
        return set()
    return batch - _failed(answer, batch)


def _failed(answer: Any, batch: set[str]) -> set[str]:  # noqa: ANN401  # any JSON
    if answer is None:
        return set()
    if not isinstance(answer, dict) or "errorType" in answer:  # the emulator's form of an exception of the function
        return batch
    failures = answer.get("batchItemFailures") or []
    named = {failure.get("itemIdentifier") for failure in failures}
    return named if named <= batch else batch
