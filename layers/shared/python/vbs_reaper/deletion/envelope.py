"""Unwraps a message body: finds the delete request in whatever envelope it arrived in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vbs_reaper.backups.identifiers import is_backup_id
from vbs_reaper.deletion.request import QUOTABLE_KEYS, DeleteRequest, read_request
from vbs_reaper.deletion.request_json import BULK_LIMIT
from vbs_reaper.deletion.result import REQUESTED
from vbs_reaper.errors import InvalidJson, InvalidRequest
from vbs_reaper.strict_json import read_json

BODY_LIMIT: Final = 128 * 1024
"""Maximum number of bytes of a body, checked before parsing."""
DEPTH_LIMIT: Final = 3
"""Maximum number of envelopes around a request."""
ELEMENT_LIMIT: Final = 16 * 1024
"""Maximum number of characters of an element that is not a backup ID."""
_NO_BACKUP: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadElement:
    """An element of a bulk request that is not a backup ID. It becomes its own message, which is then refused."""

    position: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """A bulk request, split into single requests."""

    requests: tuple[DeleteRequest, ...]
    bad: tuple[BadElement, ...]
    target: str | None = None


def open_envelope(body: str, sent_at: datetime) -> DeleteRequest | Bulk:
    """Read the request, or the bulk of them, out of a message's body.

    Raises:
        InvalidRequest: with one sentence that names field, finding and fix.
    """
    try:
        document = _unwrap(_read(body), 0)
        if "backup_ids" in document:
            return _split(document, sent_at)
        return read_request(document, sent_at)
    except RecursionError:
        raise InvalidRequest('the body is nested too deeply; send one JSON object with "backup_id"') from None


def _read(body: str, what: str = "the body") -> Any:  # noqa: ANN401  # JSON is any value
    try:
        return read_json(body, limit=BODY_LIMIT, quotable=QUOTABLE_KEYS)
    except InvalidJson as refused:
        raise InvalidRequest(f'{what} {refused}; send one JSON object with "backup_id"') from None


def _unwrap(document: object, depth: int) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise InvalidRequest('the body is not a JSON object; send {"backup_id": "<id>"}')
    inner = _content(document)
    if inner is None:
        return document
    if depth == DEPTH_LIMIT:
        raise InvalidRequest(f"the request is wrapped more than {DEPTH_LIMIT} times; send it with fewer envelopes")
    return _unwrap(inner, depth + 1)


def _content(document: Mapping[str, Any]) -> object | None:
    """Return the content of an envelope, or None if the document is not an envelope."""
    if "backup_id" in document or "backup_ids" in document:
        return None
    if "detail-type" in document and "detail" in document:
        return _eventbridge(document)
    if document.get("Type") == "Notification" and "Message" in document:
        return _sns(document)
    if document.get("Type") == "SubscriptionConfirmation":
        raise InvalidRequest('an SNS subscription must be confirmed; open its "SubscribeURL" once')
    if "specversion" in document:
        return _cloudevent(document)
    return None


def _eventbridge(event: Mapping[str, Any]) -> object:
    if event["detail-type"] != REQUESTED:
        raise InvalidRequest(f'"detail-type" is not "{REQUESTED}"; let the rule match that only')
    return event["detail"]


def _sns(notification: Mapping[str, Any]) -> object:
    if not isinstance(notification["Message"], str):
        raise InvalidRequest('"Message" of the SNS notification is not text; publish the request as JSON text')
    return _read(notification["Message"], '"Message" of the SNS notification')


def _cloudevent(event: Mapping[str, Any]) -> object:
    if event["specversion"] != "1.0":
        raise InvalidRequest('"specversion" is not "1.0"; send CloudEvents 1.0 in structured JSON')
    if "data_base64" in event:
        raise InvalidRequest('the CloudEvent has binary "data_base64"; give the request as JSON in "data"')
    for attribute in ("id", "source", "type"):
        if not isinstance(event.get(attribute), str) or not event[attribute]:
            raise InvalidRequest(f'the CloudEvent lacks "{attribute}"; CloudEvents 1.0 requires it')
    if "data" not in event:
        raise InvalidRequest('the CloudEvent lacks "data"; give the request there')
    return event["data"]


def _split(document: Mapping[str, Any], sent_at: datetime) -> Bulk:
    elements = document["backup_ids"]
    if "backup_id" in document:
        raise InvalidRequest('both "backup_id" and "backup_ids" are given; give one of them')
    if not isinstance(elements, list) or not 1 <= len(elements) <= BULK_LIMIT:
        raise InvalidRequest(
            f'"backup_ids" must be a list of 1 to {BULK_LIMIT} ids; split a longer list into several requests'
        )
    shared = {key: value for key, value in document.items() if key != "backup_ids"}
    shared_fields = _check_shared(shared, elements, sent_at)
    good = dict.fromkeys(element for element in elements if is_backup_id(element))
    return Bulk(
        requests=tuple(read_request({**shared, "backup_id": backup_id}, sent_at) for backup_id in good),
        bad=tuple(
            BadElement(position=position, body=_body_of_bad(element))
            for position, element in enumerate(elements)
            if not is_backup_id(element)
        ),
        target=shared_fields.target,
    )


def _body_of_bad(element: object) -> str:
    """Return a request for an element that is not a backup ID. A large element is truncated, and becomes text.

    The body that the element comes from was not too large for SQS, but the same value may be: `1e15` is written as
    `1000000000000000.0`.
    """
    body = json.dumps({"backup_id": element}, ensure_ascii=False)
    if len(body) <= ELEMENT_LIMIT:
        return body
    return json.dumps({"backup_id": json.dumps(element, ensure_ascii=False)[:ELEMENT_LIMIT]}, ensure_ascii=False)


def _check_shared(shared: Mapping[str, Any], elements: list[object], sent_at: datetime) -> DeleteRequest:
    """Reject the whole bulk if a shared field is wrong: no part of it could be carried out as intended."""
    request = read_request({**shared, "backup_id": _NO_BACKUP}, sent_at)
    both = next((survivor for survivor in request.expect.survivors if survivor in elements), None)
    if both:
        raise InvalidRequest(f'"expect.survivors" names {both}, which "backup_ids" names too; remove it from one')
    return request
