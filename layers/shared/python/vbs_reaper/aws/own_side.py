"""Our own side of a deletion: whether the queues and the bus that the template names are there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

_MISSING: Final = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
)
"""How EventBridge and SQS (its old protocol, and its new one) say that there is none."""


class OwnSide:
    """Queues by what they are called in sentences, and one bus. Looks only."""

    def __init__(
        self, sqs: SQSClient, events: EventBridgeClient, queue_urls: Mapping[str, str], event_bus_name: str
    ) -> None:
        self._looks: dict[str, Callable[[], object]] = {
            f"the {name}": lambda url=url: sqs.get_queue_attributes(QueueUrl=url)  # type: ignore[misc]
            for name, url in queue_urls.items()
        }
        self._looks["the event bus"] = lambda: events.describe_event_bus(Name=event_bus_name)

    def faults(self) -> tuple[str, ...]:
        """One sentence for each that cannot be found, with AWS's code and what to do; none where all is well."""
        return tuple(fault for name, look in self._looks.items() if (fault := _fault(name, look)))


def _fault(name: str, look: Callable[[], object]) -> str | None:
    try:
        look()
    except AWS_ERRORS as error:
        code = code_of(error)
        if code in _MISSING:
            return f"{name} does not exist; deploy the stack again"
        return f"{name} cannot be looked at ({code}); check the checker's role, or wait if AWS itself fails"
    return None
