"""The error bodies of OpenStack services and of API gateways: a dozen shapes, read into one value."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from vbs_reaper.text import printable

_GATEWAY_CODES: Final = ("APIG.", "APIGW.")
ERROR_BYTES: Final = 64 * 1024
"""Larger bodies are not read: as Python objects they could take more memory than the function has."""
RETRY_AFTER_LIMITS_S: Final = (1.0, 3600.0)


class ErrorBody(msgspec.Struct, frozen=True):
    """An error body of any known shape. `is_json` is true only for a JSON object."""

    is_json: bool = False
    code: str = ""
    message: str = ""
    retry_after: object = None
    from_gateway: bool = False
    """Whether an error code in the body is one of the API gateway in front of the service."""


def read_error_body(body: bytes) -> ErrorBody:
    """Read an error body. Never raises: a body that is not a JSON object has no code and no message."""
    if len(body) > ERROR_BYTES:
        return ErrorBody()
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ErrorBody()
    if not isinstance(document, dict):
        return ErrorBody()
    inner = next((value for value in document.values() if isinstance(value, dict)), document)
    code = inner.get("code", inner.get("error_code", document.get("error_code", "")))
    message = inner.get("message", inner.get("error_msg"))
    if message is None:
        message = next((value for value in document.values() if isinstance(value, str)), "")
    return ErrorBody(
        is_json=True,
        code=str(code),
        message=message if isinstance(message, str) else "",
        retry_after=inner.get("retryAfter"),
        from_gateway=any(code.startswith(_GATEWAY_CODES) for code in _codes(document)),
    )


def _codes(document: dict[str, Any]) -> Iterator[str]:
    """Every error code of a body: its own, and those of the objects in it."""
    inner = [each for value in document.values() for each in (value if isinstance(value, list) else [value])]
    for part in (document, *inner):
        if isinstance(part, dict):
            yield from (code for name in ("code", "error_code") if isinstance(code := part.get(name), str))


def read_retry_after(header: str | None, in_body: object, now: datetime) -> float | None:
    """Read `Retry-After` (RFC 9110 section 10.2.3), else the body's `retryAfter`; in seconds, from 1 s to 1 h."""
    for value in (header, in_body):
        text = str(value).strip() if isinstance(value, str | int) else ""
        seconds = _seconds(text, now)
        if seconds is not None:
            low, high = RETRY_AFTER_LIMITS_S
            return min(max(seconds, low), high)
    return None


def _seconds(text: str, now: datetime) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()


class _WithRequestId(msgspec.Struct, frozen=True):
    request_id: str = ""


def read_request_id(headers: Mapping[str, str], body: bytes) -> str:
    """Return the cloud's own ID of a call, printable; empty if there is none. Names in `headers` are in lower case."""
    named = headers.get("x-openstack-request-id") or headers.get("x-compute-request-id")
    if named:
        return printable(named)
    try:
        return printable(msgspec.json.decode(body, type=_WithRequestId).request_id)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
