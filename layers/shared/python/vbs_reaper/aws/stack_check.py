"""Checks that the stack's own queues and event bus exist, and that its holds can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.errors import BucketUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

    from vbs_reaper.backups.ports import HoldStore

_MISSING: Final = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
)
"""The error codes of EventBridge and of SQS (query and JSON protocol) for a resource that does not exist."""


class StackCheck:
    """Checks queues, given by the name used in messages, one event bus and the holds.

    Implements `checking.ports.StackCheck`.
    """

    def __init__(
        self,
        sqs: SQSClient,
        events: EventBridgeClient,
        queue_urls: Mapping[str, str],
        event_bus_name: str,
        holds: HoldStore,
    ) -> None:
        self._lookups: dict[str, Callable[[], object]] = {
            f"the {name}": lambda url=url: sqs.get_queue_attributes(QueueUrl=url)  # type: ignore[misc]
            for name, url in queue_urls.items()
        }
        self._lookups["the event bus"] = lambda: events.describe_event_bus(Name=event_bus_name)
        self._lookups["the list of holds"] = holds.list_holds

    def faults(self) -> tuple[str, ...]:
        """Return one sentence for each part that is missing or cannot be checked, with AWS's code and what to do."""
        return tuple(fault for name, lookup in self._lookups.items() if (fault := _fault(name, lookup)))


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
