"""One dead letter: which request it contains, why it is in the queue, and whether sending it again can succeed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from vbs_reaper.backups.backup import Status
from vbs_reaper.deletion.envelope import Bulk, open_envelope
from vbs_reaper.deletion.message import Message, NewMessage, read_message
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import CommandError, InvalidRequest
from vbs_reaper.reasons import Fix, Reason, Scope
from vbs_reaper.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterKind:
    """Why letters are in the queue. `can_heal`: the same request can succeed once something outside it is fixed."""

    code: str
    sentence: str
    action: str
    can_heal: bool
    is_refusal: bool = False
    """Whether the backup itself was refused: unless someone has changed it, the same happens again at once."""


MOVED_BY_SQS: Final = LetterKind(
    code="moved_by_sqs",
    sentence="SQS moved it after 1,000 receives: the deleter could not start.",
    action="Read the deleter's log, fix the cause, then redrive.",
    can_heal=True,
)
UNDELIVERED: Final = LetterKind(
    code="undelivered",
    sentence="EventBridge or Scheduler could not deliver the request to the delete queue.",
    action="Check the queue policy, the role and the KMS key; then redrive.",
    can_heal=True,
)
FAILED_RUN: Final = LetterKind(
    code="failed_run",
    sentence="A purge or a check failed three times; this is its event, not a delete request.",
    action="Read the function's log and run it again; then drop the letter.",
    can_heal=False,
)
KINDS: Final[Mapping[str, LetterKind]] = {
    kind.code: kind
    for kind in (
        *(
            LetterKind(
                code=reason.value,
                sentence=reason.sentence,
                action=reason.action,
                can_heal=reason.can_redrive,
                is_refusal=reason.scope is Scope.REQUEST,
            )
            for reason in Reason
            if reason.scope.is_of_requests and reason.scope is not Scope.PROGRESS
        ),
        MOVED_BY_SQS,
        UNDELIVERED,
        FAILED_RUN,
    )
}
"""Every kind of dead letter by its code: the reasons that a request is refused or parked with, and those of AWS."""
STUCK: Final = frozenset(reason.value for reason in Reason if reason.fix is Fix.CLOUD_ADMINISTRATOR)
"""Codes of the letters for which only an administrator of the cloud can change the state of the backup."""


_ERROR_CODES: Final = frozenset({"ERROR_CODE", "ErrorCode"})
"""Attributes of messages that EventBridge, Scheduler, SNS or Lambda could not deliver."""
_RUN_KEYS: Final = frozenset({"run", "approve", "targets"})
"""Keys of the events of the purger and the checker, by which they are recognized."""
_RECORD_KEYS: Final = frozenset({"requestContext", "requestPayload"})
"""Keys of Lambda's record of an invocation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message of the dead-letter queue."""

    message: Message
    kind: LetterKind
    detail: str
    """The message that was stored with the reason; empty if AWS itself put the letter there without one."""
    backup_id: str = ""
    target: str = ""
    group: str | None = None
    """The tenant of the fair queue that the message had before."""

    is_valid_now: bool = False
    """Whether this version understands the request. An earlier version may have refused it as malformed."""

    @property
    def can_heal(self) -> bool:
        """Whether the same request can succeed if it is sent again."""
        return self.kind.can_heal or (self.kind.code == Reason.MALFORMED and self.is_valid_now)

    @property
    def is_stuck(self) -> bool:
        """Whether an administrator of the cloud must change the backup's state."""
        return self.kind.code in STUCK and bool(self.backup_id)

    def redrive_message(self) -> NewMessage:
        """Return the request as it is sent again: a new request, with a new identity and 12 days of its own.

        The deleter does not believe what others state about the past of a request. The place only restricts it; it is
        left out if the backup was not found there.
        """
        attributes = {"place": self.message.place} if self.message.place else {}
        return NewMessage(body=_body_to_resend(self.message), attributes=attributes, group=self.group)


def read_letter(received: Mapping[str, Any], now: datetime) -> Letter:
    """Read a message in the form that ReceiveMessage returns."""
    attributes: dict[str, str] = {
        name: value.get("StringValue", "") for name, value in received.get("MessageAttributes", {}).items()
    }
    system: dict[str, str] = received.get("Attributes", {})
    record = {
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": system,
        "messageAttributes": {name: {"stringValue": text} for name, text in attributes.items()},
    }
    message = read_message(record, now)
    request = _read_request(message)
    return Letter(
        message=message,
        kind=_kind(attributes, is_request=request is not None, is_run=_is_run(message.body, attributes)),
        detail=printable(
            attributes.get("message") or attributes.get("ERROR_MESSAGE") or attributes.get("ErrorMessage") or ""
        ),
        backup_id=request.backup_id if isinstance(request, DeleteRequest) else "",
        target="" if request is None else request.target or "",
        group=system.get("MessageGroupId"),
        is_valid_now=request is not None,
    )


def find_kind(code: str) -> LetterKind:
    """Return the kind with this code.

    Raises:
        CommandError: the code is unknown; the message names the most similar one.
    """
    if code in KINDS:
        return KINDS[code]
    nearest = get_close_matches(code.lower().replace("-", "_"), KINDS, n=1, cutoff=0.0)
    raise CommandError(f'"{printable(code[:40])}" is not a reason of dead letters; did you mean "{nearest[0]}"?')


def _kind(attributes: Mapping[str, str], *, is_request: bool, is_run: bool) -> LetterKind:
    code = attributes.get("reason", "")
    if code in KINDS:
        return KINDS[code]
    if code:
        return LetterKind(
            code=printable(code),
            sentence="This version does not know the reason.",
            action="Update vbs-reaper.",
            can_heal=False,
        )
    if is_run:
        return FAILED_RUN
    if not _ERROR_CODES & attributes.keys():
        return MOVED_BY_SQS
    return UNDELIVERED if is_request else KINDS[Reason.MALFORMED]


def _is_run(body: str, attributes: Mapping[str, str]) -> bool:
    """Return whether the body is about a purge or a check, and not a request to the deleter.

    Scheduler sends the event itself, with attributes. Lambda sends a record of the invocation to the destination of the
    purger, without any (Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations").
    """
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    is_event = bool(_ERROR_CODES & attributes.keys() and _RUN_KEYS & found.keys())
    return is_event or found.keys() >= _RECORD_KEYS


def _body_to_resend(message: Message) -> str:
    """Return the body, without `expect.status` "available" if a DELETE was sent before.

    A failed deletion leaves the backup in `error`. The deleter does not compare the status after a DELETE either, but
    to the deleter a request that a person sends again has no past.
    """
    request = _read_request(message)
    was_asked = message.asked_at is not None or message.unanswered_at is not None
    if not was_asked or not isinstance(request, DeleteRequest) or request.expect.status != Status.AVAILABLE:
        return message.body
    expect = {name: value for name, value in request.fields["expect"].items() if name != "status"}
    return json.dumps({**request.fields, "expect": expect})


def _read_request(message: Message) -> DeleteRequest | Bulk | None:
    try:
        return open_envelope(message.body, message.sent_at)
    except InvalidRequest:
        return None
