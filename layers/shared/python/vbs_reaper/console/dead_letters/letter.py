"""One dead letter: which request it was, why it rests there, and whether the same request can go well another time."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any
from typing import Final

from msgspec import UNSET

from vbs_reaper.console.refusal import Refused
from vbs_reaper.deletion.envelope import Bulk
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.message import read_message
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.request import RequestRefused
from vbs_reaper.openstack.fault import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Why letters rest there. `can_heal`: the same request can go well once something outside of it is mended."""

    code: str
    sentence: str
    action: str
    can_heal: bool


_OF_NO_DELETION: Final = frozenset({Reason.DELETED, Reason.ALREADY_GONE, Reason.SPLIT, Reason.NOT_BEFORE})
_AFTER_THE_REQUESTS: Final = tuple(Reason).index(Reason.KEEP_LAST)
_FINAL: Final = frozenset(
    {
        Reason.MALFORMED,
        Reason.WRONG_PROJECT,
        Reason.EXPIRED,
        Reason.EXPECTATION_FAILED,
        Reason.NOT_OWNED,
    }
)
"""What is wrong stands in the request itself, or is so for good: the same words end the same."""
MOVED: Final = Kind(
    code="moved_by_sqs",
    sentence="SQS gave it up after 1,000 deliveries: the deleter could not start.",
    action="Read the deleter's log, mend it, then redrive.",
    can_heal=True,
)
UNDELIVERED: Final = Kind(
    code="undelivered",
    sentence="EventBridge or Scheduler could not deliver the request to the delete queue.",
    action="Check queue policy, role and key; then redrive.",
    can_heal=True,
)
FAILED_RUN: Final = Kind(
    code="failed_run",
    sentence="A purge or a check failed three times; this is its event, no delete request.",
    action="Read the function's log and run it again; then drop the letter.",
    can_heal=False,
)
KINDS: Final[Mapping[str, Kind]] = {
    kind.code: kind
    for kind in (
        *(
            Kind(code=each.value, sentence=each.sentence, action=each.action, can_heal=each not in _FINAL)
            for each in tuple(Reason)[:_AFTER_THE_REQUESTS]
            if each not in _OF_NO_DELETION
        ),
        MOVED,
        UNDELIVERED,
        FAILED_RUN,
    )
}
"""Every kind of dead letter by its code: the reasons that can end or park a request, and what AWS itself puts there."""
STUCK: Final = frozenset({Reason.DELETION_FAILED.value, Reason.DELETING.value, Reason.BUSY.value})
"""Where the backup's own state stands in the way: an administrator of the cloud can change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message of the dead-letter queue."""

    message: Message
    kind: Kind
    words: str
    """What was said of it beside its reason; empty where AWS itself put it there."""
    backup_id: str = ""
    target: str = ""
    group: str | None = None
    """The tenant of the fair queue, as it was before."""

    @property
    def is_stuck(self) -> bool:
        """Whether an administrator of the cloud must change the backup's state."""
        return self.kind.code in STUCK and bool(self.backup_id)

    def sent_again(self) -> NewMessage:
        """The request as it goes back: the same identity, first time and state, one redrive more, no reason.

        So its ends have an id of their own, and its 12 days begin anew.
        """
        again = replace(self.message, redrives=self.message.redrives + 1)
        return NewMessage(body=again.body, attributes=again.attributes(), group=self.group)


def read_letter(received: Mapping[str, Any], now: datetime) -> Letter:
    """Read a message as ReceiveMessage gives it."""
    own: dict[str, str] = {
        name: value.get("StringValue", "") for name, value in received.get("MessageAttributes", {}).items()
    }
    system: dict[str, str] = received.get("Attributes", {})
    record = {
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": system,
        "messageAttributes": {name: {"stringValue": text} for name, text in own.items()},
    }
    message = read_message(record, now)
    request = _request_in(message)
    return Letter(
        message=message,
        kind=_kind(own, is_request=request is not None),
        words=printable(own.get("message") or own.get("ERROR_MESSAGE") or own.get("ErrorMessage") or ""),
        backup_id=request.backup_id if isinstance(request, DeleteRequest) else "",
        target="" if request is None or request.target is UNSET else request.target,
        group=system.get("MessageGroupId"),
    )


def kind_named(code: str) -> Kind:
    """The kind of that code.

    Raises:
        Refused: there is none; the sentence names the nearest.
    """
    if code in KINDS:
        return KINDS[code]
    nearest = get_close_matches(code.lower().replace("-", "_"), KINDS, n=1, cutoff=0.0)
    raise Refused(f'no dead letter has a reason "{printable(code[:40])}"; did you mean "{nearest[0]}"?')


def _kind(own: Mapping[str, str], *, is_request: bool) -> Kind:
    code = own.get("reason", "")
    if code in KINDS:
        return KINDS[code]
    if code:
        return Kind(
            code=printable(code), sentence="This version knows no such reason.", action="Update it.", can_heal=False
        )
    if not {"ERROR_CODE", "ErrorCode"} & own.keys():
        return MOVED
    return UNDELIVERED if is_request else FAILED_RUN


def _request_in(message: Message) -> DeleteRequest | Bulk | None:
    try:
        return open_envelope(message.body, message.sent_at)
    except RequestRefused:
        return None
