"""One delivery of one message: what SQS said of it, and what it carries from hop to hop."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Final

from vbs_reaper.openstack.answer import Called
from vbs_reaper.openstack.backup import read_instant

_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}(?:/[0-9a-f-]{1,36})?", re.ASCII)
"""A message id, or one with a part of a bulk behind it; any other attribute of that name is a stranger's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A delivered message. Instants are UTC; `receive_count` counts this delivery too."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    """When this very message was sent: its own age counts from here (dispositions: 12 days)."""
    request_id: str
    """The request's identity: the first message id that carried it."""
    first_sent_at: datetime
    """When the request was first sent: both age metrics count from here."""
    asked_at: datetime | None = None
    """When the cloud first accepted its deletion, if it did."""
    redrives: int = 0

    def attributes(self, *, asked_at: datetime | None = None) -> dict[str, str]:
        """What travels with everything sent onward for this request, as SQS string attributes."""
        asked = asked_at or self.asked_at
        travelling = {"request_id": self.request_id, "sent_at": self.first_sent_at.isoformat()}
        if asked:
            travelling["asked_at"] = asked.isoformat()
        if self.redrives:
            travelling["redrives"] = str(self.redrives)
        return travelling


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to send. `group` names the tenant of a fair queue: the target; delay in whole seconds, 0 to 900."""

    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    delay_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message in hand: when it was taken up, and the luck its waits are drawn with (`dice` in [0, 1))."""

    message: Message
    now: datetime
    """Read once, before any call."""
    base_s: int
    dice: float
    is_direct: bool = False
    """Invoked directly: no message in the queue stands behind it."""
    target: str | None = None
    """Whose backup it is about, once the request is read."""
    calls: list[Called] = field(default_factory=list, compare=False, repr=False)
    """What went over the wire for it so far: written down as it happens, so that no fault can hide it."""


def read_message(record: Mapping[str, Any], now: datetime) -> Message:
    """Read one record of Lambda's SQS event. Attributes that are missing or unreadable count as not there.

    Raises KeyError only where the record has no `messageId`: then it is no SQS record.
    """
    message_id = str(record["messageId"])
    system = record.get("attributes") or {}
    own = record.get("messageAttributes") or {}
    sent_at = _epoch_ms(system.get("SentTimestamp")) or now
    # What we send on has both: of a producer's own "request_id" nobody knows what it means, or how often it stands.
    identity = _text(own, "request_id") if read_instant(_text(own, "sent_at")) else ""
    return Message(
        message_id=message_id,
        receipt_handle=str(record.get("receiptHandle", "")),
        body=str(record.get("body") or ""),
        receive_count=max(_count(system.get("ApproximateReceiveCount")), 1),
        sent_at=sent_at,
        request_id=identity if _REQUEST_ID.fullmatch(identity) else message_id,
        first_sent_at=read_instant(_text(own, "sent_at")) or sent_at,
        asked_at=read_instant(_text(own, "asked_at")),
        redrives=_count(_text(own, "redrives")),
    )


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    text = value.get("stringValue") if isinstance(value, Mapping) else None
    return text if isinstance(text, str) else ""


def _count(text: object) -> int:
    digits = str(text)
    return int(digits[:9]) if digits.isascii() and digits.isdigit() else 0


def _epoch_ms(text: object) -> datetime | None:
    milliseconds = str(text)
    if not (milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) <= 14):
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
