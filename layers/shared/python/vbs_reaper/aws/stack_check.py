"""Checks that the stack's own queues and event bus exist, that its holds can be read, and whether it is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.checking.ports import OwnSide
from vbs_reaper.errors import BucketUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

    from vbs_reaper.backups.ports import HoldStore

_MISSING: Final = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
)
"""The error codes of EventBridge and of SQS (query and JSON protocol) for a resource that does not exist."""


class StackCheck:
    """Checks queues, given by the name used in messages, one event bus, the holds, and the deleter's mapping.

    Implements `checking.ports.StackCheck`.
    """

    def __init__(
        self,
        sqs: SQSClient,
        events: EventBridgeClient,
        queue_urls: Mapping[str, str],
        event_bus_name: str,
        holds: HoldStore,
        functions: LambdaClient,
        mapping_id: str,
    ) -> None:
        self._lookups: dict[str, Callable[[], object]] = {
            f"the {name}": lambda url=url: sqs.get_queue_attributes(QueueUrl=url)  # type: ignore[misc]
            for name, url in queue_urls.items()
        }
        self._lookups["the event bus"] = lambda: events.describe_event_bus(Name=event_bus_name)
        self._lookups["the list of holds"] = holds.list_holds
        self._functions = functions
        self._mapping_id = mapping_id

    def check(self) -> OwnSide:
        """Look at every part. A fault is one sentence, with AWS's code and what to do."""
        states: list[str] = []
        mapping = {"the event source mapping of the deleter": lambda: states.append(self._state())}
        lookups = {**self._lookups, **mapping}
        faults = tuple(fault for name, lookup in lookups.items() if (fault := _fault(name, lookup)))
        return OwnSide(healthy=not faults, faults=faults, deleter=states[0] if states else None)

    def _state(self) -> str:
        return self._functions.get_event_source_mapping(UUID=self._mapping_id)["State"]


def _fault(name: str, lookup: Callable[[], object]) -> str | None:
    try:
        lookup()
    except BucketUnusable as unusable:
        return f"{unusable}; no backup is deleted until this is repaired"
    except AWS_ERRORS as error:
        code = code_of(error)
        if code in _MISSING:
            return f"{name} does not exist; deploy the stack again"
        return f"{name} cannot be checked ({code}); check the role of the checker, or wait if AWS itself fails"
    return None
