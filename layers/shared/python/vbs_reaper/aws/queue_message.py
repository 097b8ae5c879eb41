"""Builds SQS messages: characters that SQS rejects are escaped; attributes are printable, short and never empty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vbs_reaper.backups.answer import PLACE_LIMIT
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

    from vbs_reaper.deletion.message import NewMessage

ATTRIBUTES_LIMIT: Final = 1024
"""Maximum bytes of all attributes together: names, types and values, as SQS counts them."""
TEXT_LIMIT: Final = PLACE_LIMIT
"""Maximum characters of an attribute other than `message`. Everything we send is at most as long."""
_REFUSED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that SQS rejects: it accepts what XML 1.0 allows (SendMessage, "MessageBody"). Their complement would take
a hundredth of a cold start to compile."""
_EMPTY: Final = "-"
_TRUNCATED: Final = "message"


def queue_entry(message: NewMessage) -> SendMessageBatchRequestEntryTypeDef:
    """Return a message as an entry of SendMessageBatch. The caller sets its `Id`."""
    body, note = _sendable(message.body)
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": "",
        "MessageBody": body,
        "DelaySeconds": message.delay_s,
        "MessageAttributes": _attributes(message.attributes, note),
    }
    if message.group:
        entry["MessageGroupId"] = message.group
    return entry


def entry_size(entry: SendMessageBatchRequestEntryTypeDef) -> int:
    """Return the size of an entry in bytes as SQS counts it, with attributes at their limit."""
    return len(entry["MessageBody"].encode()) + ATTRIBUTES_LIMIT


def _sendable(body: str) -> tuple[str, str]:
    """Return the body as SQS accepts it, and a note if it was changed.

    Inside JSON an escape is another spelling of the same text, so a request keeps its meaning.
    """
    if not body:
        return '""', "(the body was empty) "
    escaped = _REFUSED.sub(lambda found: f"\\u{ord(found.group()):04x}", body)
    return escaped, "" if escaped == body else "(characters of the body that SQS rejects are escaped) "


def _attributes(texts: Mapping[str, str], note: str) -> dict[str, MessageAttributeValueTypeDef]:
    values = {name: printable(text)[:TEXT_LIMIT] or _EMPTY for name, text in texts.items()}
    if _TRUNCATED in values:
        rest = sum(_attribute_size(name, value) for name, value in values.items() if name != _TRUNCATED)
        left = max(ATTRIBUTES_LIMIT - rest - _attribute_size(_TRUNCATED, ""), 1)
        values[_TRUNCATED] = "".join(map(printable, note + texts[_TRUNCATED]))[:left] or _EMPTY
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def _attribute_size(name: str, value: str) -> int:
    return len(name) + len("String") + len(value)
