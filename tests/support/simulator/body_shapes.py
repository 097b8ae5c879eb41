"""Every shape of body that was observed or is documented for the backup APIs, and for servers in front of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.support.simulator.exchange import new_request_id, standard_phrase

JSON = "application/json"
HTML = "text/html; charset=UTF-8"
ANOTHER_BACKUP = "99999999-8888-4777-8666-555555555555"
DEEP = 200_000

FAULT_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}
"""The key that Cinder uses for a status. All others are `computeFault`."""


class BodyShape(StrEnum):
    """The shape of a response body."""

    CINDER = "cinder"
    """`{"itemNotFound": {"code": 404, "message": …}}`, with a key that depends on the status."""
    GONE = "gone"
    """Cinder's proof that the backup is gone. If it is not, no client can detect that."""
    ANOTHER_GONE = "another_gone"
    """The same for another backup."""
    SERVICE_DOWN = "service_down"
    """Cinder's 404 if no backup service is running."""
    WRONG_STATE = "wrong_state"
    HAS_CHILDREN = "has_children"
    MALFORMED_URL = "malformed_url"
    STRING_CODE = "string_code"
    """`{"badrequest": {"code": "400", …}}`: a lower-case key, and the code as a string."""
    TEXT_VALUE = "text_value"
    """`{"badRequest": "text"}`."""
    VBS_ERROR = "vbs_error"
    """`{"error": {"code": "VolumeBackup.0102", …}}`."""
    FAILED_RESOURCES = "failed_resources"
    """`{"fail_resources": […]}`; real services send it with 200."""
    CBR = "cbr"
    """`{"error_code": "BackupService.…", "error_msg": …}`: flat."""
    GATEWAY = "gateway"
    """`{"error_msg": …, "error_code": "APIGW.…"}`."""
    GATEWAY_APIG = "gateway_apig"
    """The same with the other code prefix of the gateway, APIG."""
    IAM = "iam"
    """The same with codes of IAM."""
    KEYSTONE = "keystone"
    """`{"error": {"code": 401, "message": …, "title": …}}`."""
    ERROR_CODE_INSIDE = "error_code_inside"
    """`{"error": {"error_code": …, "error_msg": …}}`."""
    OVER_LIMIT = "over_limit"
    """The old rate limiter of Cinder: JSON with the content type text/html."""
    HTML = "html"
    """An HTML page of a load balancer."""
    CINDER_HTML = "cinder_html"
    """The HTML page of Cinder's router for an unknown path."""
    ROUTER = "router"
    """`{"code": "404 Not Found", "title": …}`."""
    EMPTY = "empty"
    EMPTY_JSON = "empty_json"
    """`{}`."""
    TEXT = "text"
    """Plain text that is not JSON."""
    BROKEN_JSON = "broken_json"
    """Truncated JSON."""
    DEEP_JSON = "deep_json"
    """200,000 opening brackets."""
    JSON_LIST = "json_list"
    ANOTHER_BACKUP = "another_backup"
    """A successful response to a GET, with another backup."""
    OVERSIZED = "oversized"
    """More than a mebibyte of valid JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyArguments:
    """The values in a body. Empty ones are replaced by defaults of the shape."""

    status: int
    backup_id: str
    code: str = ""
    message: str = ""
    size: int = 2 * 1024 * 1024


def fault(status: int, message: str) -> dict[str, Any]:
    """Return an error body of Cinder."""
    return {FAULT_NAMES.get(status, "computeFault"): {"code": status, "message": message}}


def gateway(arguments: BodyArguments, prefix: str, number: str) -> dict[str, Any]:
    """Return an error body of the gateway."""
    return {
        "error_msg": arguments.message or "the gateway refused the request",
        "error_code": arguments.code or f"{prefix}.{number}",
        "request_id": new_request_id().removeprefix("req-"),
    }


def make_body(shape: BodyShape, arguments: BodyArguments) -> tuple[str | None, bytes]:
    """Return the content type and the bytes of a body of this shape."""
    if shape in _TEXTS:
        content_type, make_text = _TEXTS[shape]
        return content_type, make_text(arguments).encode()
    content_type = HTML if shape is BodyShape.OVER_LIMIT else JSON
    return content_type, json.dumps(_VALUES[shape](arguments)).encode()


GATEWAY_NUMBERS = {401: "0301", 403: "0302", 404: "0101", 405: "0501", 429: "0308", 502: "0202", 503: "0613"}


def _gateway_number(arguments: BodyArguments) -> str:
    return GATEWAY_NUMBERS.get(arguments.status, "0601" if arguments.status >= 500 else "0201")


def _cinder(message: str) -> Callable[[BodyArguments], Any]:
    return lambda arguments: fault(arguments.status, arguments.message or message.format(id=arguments.backup_id))


def _named(arguments: BodyArguments) -> str:
    return FAULT_NAMES.get(arguments.status, "computeFault")


_VALUES: dict[BodyShape, Callable[[BodyArguments], Any]] = {
    BodyShape.CINDER: lambda o: fault(o.status, o.message or standard_phrase(o.status)),
    BodyShape.GONE: _cinder("Backup {id} could not be found."),
    BodyShape.ANOTHER_GONE: _cinder(f"Backup {ANOTHER_BACKUP} could not be found."),
    BodyShape.SERVICE_DOWN: _cinder("Service cinder-backup could not be found."),
    BodyShape.WRONG_STATE: _cinder("Invalid backup: Backup status must be available or error"),
    BodyShape.HAS_CHILDREN: _cinder("Invalid backup: Incremental backups exist for this backup."),
    BodyShape.MALFORMED_URL: _cinder("Malformed request url"),
    BodyShape.STRING_CODE: lambda o: {
        _named(o).lower(): {"code": o.code or str(o.status), "message": o.message or "something is wrong"}
    },
    BodyShape.TEXT_VALUE: lambda o: {_named(o): o.message or "something is wrong"},
    BodyShape.VBS_ERROR: lambda o: {
        "error": {"code": o.code or "VolumeBackup.0102", "message": o.message or "the backup was not deleted"}
    },
    BodyShape.FAILED_RESOURCES: lambda o: {
        "fail_resources": [
            {"resource_id": o.backup_id, "code": o.code or "VBS.0002", "message": o.message or "it failed"}
        ]
    },
    BodyShape.CBR: lambda o: {
        "error_code": o.code or "BackupService.9999",
        "error_msg": o.message or "something is wrong",
    },
    BodyShape.GATEWAY: lambda o: gateway(o, "APIGW", _gateway_number(o)),
    BodyShape.GATEWAY_APIG: lambda o: gateway(o, "APIG", _gateway_number(o)),
    BodyShape.IAM: lambda o: gateway(
        o, "IAM", {401: "0061", 403: "0002", 404: "0004", 429: "0012"}.get(o.status, "0006")
    ),
    BodyShape.KEYSTONE: lambda o: {
        "error": {
            "code": o.status,
            "message": o.message or "The request you have made requires authentication.",
            "title": standard_phrase(o.status),
        }
    },
    BodyShape.ERROR_CODE_INSIDE: lambda o: {
        "error": {"error_code": o.code or "IAM.0011", "error_msg": o.message or "something is wrong"}
    },
    BodyShape.OVER_LIMIT: lambda o: {
        "overLimitFault": {
            "code": o.status,
            "message": o.message or "This request was rate-limited.",
            "details": "Only 3 DELETE request(s) can be made to * every minute.",
        }
    },
    BodyShape.ROUTER: lambda o: {
        "code": f"{o.status} {standard_phrase(o.status)}",
        "title": standard_phrase(o.status),
        "message": o.message or "The resource could not be found.<br /><br />\n\n\n",
    },
    BodyShape.EMPTY_JSON: lambda o: {},
    BodyShape.JSON_LIST: lambda o: [o.message or "something", "is wrong"],
    BodyShape.ANOTHER_BACKUP: lambda o: {
        "backup": {
            "id": ANOTHER_BACKUP,
            "status": "available",
            "name": "another",
            "description": None,
            "volume_id": ANOTHER_BACKUP,
            "created_at": "2026-01-01T00:00:00.000000",
            "metadata": {},
        }
    },
    BodyShape.OVERSIZED: lambda o: {"padding": "x" * o.size},
}

HTML_PAGE = """<html>
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
  {text}



 </body>
</html>"""


def cinder_page(status: int, text: str) -> str:
    """Return an HTML page of Cinder's router."""
    return HTML_PAGE.format(title=f"{status} {standard_phrase(status)}", text=text + "<br /><br />")


_TEXTS: dict[BodyShape, tuple[str | None, Callable[[BodyArguments], str]]] = {
    BodyShape.HTML: (
        "text/html",
        lambda o: f"<html><body><center><h1>{o.status} {standard_phrase(o.status)}</h1></center></body></html>\r\n",
    ),
    BodyShape.CINDER_HTML: (HTML, lambda o: cinder_page(o.status, "The resource could not be found.")),
    BodyShape.EMPTY: (None, lambda o: ""),
    BodyShape.TEXT: ("text/plain", lambda o: o.message or "upstream connect error or disconnect/reset before headers"),
    BodyShape.BROKEN_JSON: (JSON, lambda o: '{"itemNotFound": {"code": 404, "mess'),
    BodyShape.DEEP_JSON: (JSON, lambda o: "[" * DEEP),
}
