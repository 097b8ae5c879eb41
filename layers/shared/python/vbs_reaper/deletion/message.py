"""One delivery of one SQS message: what SQS reports about it, and the state that its attributes carry."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from vbs_reaper.backups.answer import CallRecord
from vbs_reaper.backups.identifiers import is_backup_id
from vbs_reaper.reasons import Reason
from vbs_reaper.timestamps import read_instant

_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}(?:/[0-9a-f-]{1,36})?", re.ASCII)
"""A message ID, or one followed by the part of a bulk request. An attribute of any other form is not the deleter's."""
_PURGE_RUN: Final = re.compile(r"[0-9A-Za-z._-]{1,63}/[0-9A-Za-z-]{1,64}", re.ASCII)

ATTRIBUTES: Final = (
    "request_id",
    "sent_at",
    "asked_at",
    "unanswered_at",
    "place",
    "volume_id",
    "purge_run",
    "redrives",
    "reason",
    "message",
)
"""All attributes that a message or a dead letter may carry. SQS accepts ten. Messages since version 0.2.0 carry no
`redrives`, so one is left for tracing by others."""

DELAY_LIMIT_S: Final = 900
"""The longest delay that SQS accepts for a new message, in seconds."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A delivered message. Timestamps are in UTC; `receive_count` includes this delivery."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    """When this message was sent. Its own age counts from here: it is parked after 12 days."""
    request_id: str
    """The request's identity: the ID of the first message that carried it."""
    first_sent_at: datetime
    """When the request was first sent. Both age metrics count from here."""
    first_received_at: datetime | None = None
    """When SQS first delivered this message."""
    asked_at: datetime | None = None
    """When the cloud first accepted the deletion, if it did."""
    unanswered_at: datetime | None = None
    """When a DELETE was first sent without getting an answer, if that happened: it may have been accepted."""
    place: str | None = None
    """Where the backup was listed or the deletion was requested (`TargetInfo.place`)."""
    volume_id: str | None = None
    """The volume of the backup, as it was seen at that place. A proof of deletion may need it."""
    purge_run: str | None = None
    """The run of a purge policy that sent this request, as `<policy>/<run>`; None if the purger did not send it."""
    redrives: int = 0

    def attributes(self) -> dict[str, str]:
        """Return the attributes of every message that carries this request on, as SQS strings."""
        attributes = {"request_id": self.request_id, "sent_at": self.first_sent_at.isoformat()}
        if self.asked_at:
            attributes["asked_at"] = self.asked_at.isoformat()
        if self.unanswered_at:
            attributes["unanswered_at"] = self.unanswered_at.isoformat()
        if self.place:
            attributes["place"] = self.place
        if self.volume_id:
            attributes["volume_id"] = self.volume_id
        if self.purge_run:
            attributes["purge_run"] = self.purge_run
        if self.redrives:
            attributes["redrives"] = str(self.redrives)
        return attributes


class NewMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message to send. `group` is the tenant of the fair queue: the target. `delay_s` is 0 to 900 whole seconds."""

    body: str
    attributes: Mapping[str, str] = {}
    group: str | None = None
    delay_s: int = 0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message being processed, with everything that is fixed for this pass."""

    message: Message
    now: datetime
    """Read once, before any call."""
    base_s: int
    """The base of the backoff, in seconds."""
    jitter: float
    """A random number in [0, 1) that every delay of this pass is drawn with."""
    minimum_age: timedelta = timedelta()
    """Younger available backups are not deleted."""
    is_direct: bool = False
    """The function was invoked directly: there is no message in the queue."""
    target: str | None = None
    """The target of the request, once it is read."""
    calls: list[CallRecord] = []
    """Every HTTP exchange so far. Appended as it happens, so that an exception cannot lose it."""


def read_message(record: Mapping[str, Any], now: datetime, trusted_senders: Collection[str] | None = None) -> Message:
    """Read one record of Lambda's SQS event. A missing or unreadable attribute counts as absent.

    All attributes except `place` are claims. They count only if SQS reports one of `trusted_senders` as the sender (the
    unique IDs of our roles); None trusts every sender. `place` can only restrict a request, so anyone may state it. A
    message that came back from the dead-letter queue gets a new identity, because its request has already ended once. A
    person has sent it again, so it is not a request of the purger any more.

    Raises:
        KeyError: the record has no `messageId`, so it is not an SQS record.
    """
    message_id = str(record["messageId"])
    system = record.get("attributes") or {}
    stated = record.get("messageAttributes") or {}
    own = stated if trusted_senders is None or _sender(system) in trusted_senders else {}
    sent_at = _epoch_ms(system.get("SentTimestamp")) or now
    first_sent_at = read_instant(_text(own, "sent_at"))
    # `request_id` counts only together with `sent_at`: both are written by the deleter.
    identity = _text(own, "request_id") if first_sent_at else ""
    purge_run = _text(own, "purge_run")
    volume_id = _text(own, "volume_id")
    is_returned = bool(_text(own, "reason")) and trusted_senders is not None
    is_misplaced = _text(stated, "reason") == Reason.ASKED_ELSEWHERE
    return Message(
        message_id=message_id,
        receipt_handle=str(record.get("receiptHandle", "")),
        body=str(record.get("body") or ""),
        receive_count=max(_count(system.get("ApproximateReceiveCount")), 1),
        sent_at=sent_at,
        first_received_at=_epoch_ms(system.get("ApproximateFirstReceiveTimestamp")),
        request_id=identity if _REQUEST_ID.fullmatch(identity) and not is_returned else message_id,
        first_sent_at=first_sent_at or sent_at,
        asked_at=None if is_misplaced else read_instant(_text(own, "asked_at")),
        unanswered_at=None if is_misplaced else read_instant(_text(own, "unanswered_at")),
        place=None if is_misplaced else _text(stated, "place") or None,
        volume_id=volume_id if is_backup_id(volume_id) and not is_misplaced else None,
        purge_run=purge_run if _PURGE_RUN.fullmatch(purge_run) and not is_returned else None,
        redrives=_count(_text(own, "redrives")),
    )


def _sender(system: Mapping[str, Any]) -> str:
    """Return the unique ID of the sender. SQS adds the name of the session to the ID of a role, after a colon."""
    return str(system.get("SenderId") or "").partition(":")[0]


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    text = value.get("stringValue") if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


def _count(text: object) -> int:
    digits = str(text)
    return int(digits[:9]) if digits.isascii() and digits.isdigit() else 0


def _epoch_ms(text: object) -> datetime | None:
    milliseconds = str(text)
    if not (milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) <= 14):
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
