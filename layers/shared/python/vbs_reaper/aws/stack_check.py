"""Checks that the stack's own queues and event bus exist, that its holds can be read, and whether it is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.checking.ports import OwnSide
from vbs_reaper.errors import BucketUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

    from vbs_reaper.backups.ports import HoldStore

_T = TypeVar("_T")

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
        others = [_look_up(name, lookup) for name, lookup in self._lookups.items()]
        state, fault = _look_up("the event source mapping of the deleter", self._state)
        faults = tuple(each for each in (*(other for _, other in others), fault) if each is not None)
        return OwnSide(healthy=not faults, faults=faults, deleter=state)

    def _state(self) -> str:
        return self._functions.get_event_source_mapping(UUID=self._mapping_id)["State"]


def _look_up(name: str, lookup: Callable[[], _T]) -> tuple[_T | None, str | None]:
    """Return what was found, or else the fault."""
    try:
        return lookup(), None
    except BucketUnusable as unusable:
        return None, f"{unusable}; no backup is deleted until this is repaired"
    except AWS_ERRORS as error:
        code = code_of(error)
        if code in _MISSING:
            return None, f"{name} does not exist; deploy the stack again"
        return None, f"{name} cannot be checked ({code}); check the role of the checker, or wait if AWS itself fails"
