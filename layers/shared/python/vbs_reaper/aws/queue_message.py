"""A message as SQS takes it: text it refuses escaped, attributes printable, short and never empty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.openstack.fault import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from vbs_reaper.deletion.message import NewMessage

ATTRIBUTES_LIMIT: Final = 1024
"""Bytes of all attributes together: names, types and values, as SQS counts them."""
TEXT_LIMIT: Final = 128
"""Characters of an attribute other than `message`: all that we ever send are shorter."""
_REFUSED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""SQS carries what XML 1.0 can: SendMessage, "MessageBody"."""
_EMPTY: Final = "-"
_CUT: Final = "message"


def queue_entry(message: NewMessage) -> SendMessageBatchRequestEntryTypeDef:
    """Write a message as an entry of SendMessageBatch; its `Id` is given with its place in a batch."""
    body, note = _carried(message.body)
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
    """Bytes of an entry as SQS counts them, attributes at their limit."""
    return len(entry["MessageBody"].encode()) + ATTRIBUTES_LIMIT


def _carried(body: str) -> tuple[str, str]:
    """The body as SQS can carry it, and what to say of it where that is not the very same text.

    Inside JSON the escape is another spelling of the same text, so a request stays the request it was.
    """
    if not body:
        return '""', "(the body was empty) "
    escaped = _REFUSED.sub(lambda found: f"\\u{ord(found.group()):04x}", body)
    return escaped, "" if escaped == body else "(characters of the body that SQS refuses are escaped) "


def _attributes(texts: Mapping[str, str], note: str) -> dict[str, MessageAttributeValueTypeDef]:
    values = {name: printable(text)[:TEXT_LIMIT] or _EMPTY for name, text in texts.items()}
    if _CUT in values:
        rest = sum(_attribute_size(name, value) for name, value in values.items() if name != _CUT)
        left = max(ATTRIBUTES_LIMIT - rest - _attribute_size(_CUT, ""), 1)
        values[_CUT] = "".join(map(printable, note + texts[_CUT]))[:left] or _EMPTY
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def _attribute_size(name: str, value: str) -> int:
    return len(name) + len("String") + len(value)
