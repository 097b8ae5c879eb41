"""The error bodies these clouds send: a dozen shapes read into one fault; and their words made fit to be written."""

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from typing import Final

import msgspec

MESSAGE_LENGTH: Final = 256
_GATEWAY_CODES: Final = ("APIG.", "APIGW.")
RETRY_AFTER_LIMITS_S: Final = (1.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error body, whichever of the known shapes it had. `is_json` only for a JSON object."""

    is_json: bool = False
    kind: str = ""
    code: str = ""
    message: str = ""
    retry_after: object = None
    from_gateway: bool = field(default=False, compare=False)
    """Whether an error code in the body is one of the API gateway in front of the service."""


def read_fault(body: bytes) -> Fault:
    """Read any of the error bodies these clouds send; what is no JSON object is no fault we know."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Fault()
    if not isinstance(document, dict):
        return Fault()
    kind, inner = next(((key, value) for key, value in document.items() if isinstance(value, dict)), ("", document))
    code = inner.get("code", inner.get("error_code", document.get("error_code", "")))
    message = inner.get("message", inner.get("error_msg"))
    if message is None:
        kind, message = next(((key, value) for key, value in document.items() if isinstance(value, str)), (kind, ""))
    return Fault(
        is_json=True,
        kind=kind,
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
    """Read seconds or an HTTP date (RFC 9110 section 10.2.3), the body's `retryAfter` where no header is readable."""
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


def printable(text: str) -> str:
    """Cut a stranger's words to 256 characters and escape what is not printable ASCII: fit for logs and attributes."""
    escaped = "".join(char if " " <= char <= "~" else char.encode("unicode_escape").decode() for char in text[:256])
    return escaped[:MESSAGE_LENGTH]
