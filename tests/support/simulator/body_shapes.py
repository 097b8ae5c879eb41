"""Every shape of body seen or documented in front of, beside and in the backup API."""

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
"""Cinder's word for a status; any other is a `computeFault`."""


class BodyShape(StrEnum):
    """Who speaks, and how."""

    CINDER = "cinder"
    """`{"itemNotFound": {"code": 404, "message": …}}`, the word after the status."""
    GONE = "gone"
    """Cinder's proof that this very backup is gone. A lie when it is not: no client can tell."""
    ANOTHER_GONE = "another_gone"
    """The same, naming another backup."""
    SERVICE_DOWN = "service_down"
    """Cinder's 404 for want of a backup service."""
    WRONG_STATE = "wrong_state"
    HAS_CHILDREN = "has_children"
    MALFORMED_URL = "malformed_url"
    STRING_CODE = "string_code"
    """`{"badrequest": {"code": "400", …}}`: lower case, the code a text."""
    TEXT_VALUE = "text_value"
    """`{"badRequest": "text"}`."""
    VBS_ERROR = "vbs_error"
    """`{"error": {"code": "VolumeBackup.0102", …}}`."""
    FAILED_RESOURCES = "failed_resources"
    """`{"fail_resources": […]}`, with 200 in real life."""
    CBR = "cbr"
    """`{"error_code": "BackupService.…", "error_msg": …}`: flat."""
    GATEWAY = "gateway"
    """`{"error_msg": …, "error_code": "APIGW.…"}`."""
    GATEWAY_APIG = "gateway_apig"
    """The same gateway under its other name."""
    IAM = "iam"
    """The gateway's shape with IAM's codes."""
    KEYSTONE = "keystone"
    """`{"error": {"code": 401, "message": …, "title": …}}`."""
    ERROR_CODE_INSIDE = "error_code_inside"
    """`{"error": {"error_code": …, "error_msg": …}}`."""
    OVER_LIMIT = "over_limit"
    """The old limiter's: JSON under the name of text/html."""
    HTML = "html"
    """A load balancer's page."""
    CINDER_HTML = "cinder_html"
    """The page of Cinder's router for a path nobody serves."""
    ROUTER = "router"
    """`{"code": "404 Not Found", "title": …}`."""
    EMPTY = "empty"
    EMPTY_JSON = "empty_json"
    """`{}`."""
    TEXT = "text"
    """Plain text that is no JSON."""
    BROKEN_JSON = "broken_json"
    """JSON cut in the middle."""
    DEEP_JSON = "deep_json"
    """200,000 opening brackets."""
    JSON_LIST = "json_list"
    ANOTHER_BACKUP = "another_backup"
    """A good answer to a look, about another backup."""
    OVERSIZED = "oversized"
    """A mebibyte and more of good JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a body speaks of. Empty texts are filled in by the shape."""

    status: int
    backup_id: str
    code: str = ""
    message: str = ""
    size: int = 2 * 1024 * 1024


def fault(status: int, message: str) -> dict[str, Any]:
    """Cinder's way to say no."""
    return {FAULT_NAMES.get(status, "computeFault"): {"code": status, "message": message}}


def gateway(occasion: Occasion, prefix: str, number: str) -> dict[str, Any]:
    """The gateway's way to say no."""
    return {
        "error_msg": occasion.message or "the gateway says no",
        "error_code": occasion.code or f"{prefix}.{number}",
        "request_id": new_request_id().removeprefix("req-"),
    }


def make_body(shape: BodyShape, occasion: Occasion) -> tuple[str | None, bytes]:
    """Content type and bytes of a body of this shape."""
    if shape in _TEXTS:
        content_type, make_text = _TEXTS[shape]
        return content_type, make_text(occasion).encode()
    content_type = HTML if shape is BodyShape.OVER_LIMIT else JSON
    return content_type, json.dumps(_VALUES[shape](occasion)).encode()


GATEWAY_NUMBERS = {401: "0301", 403: "0302", 404: "0101", 405: "0501", 429: "0308", 502: "0202", 503: "0613"}


def _gateway_number(occasion: Occasion) -> str:
    return GATEWAY_NUMBERS.get(occasion.status, "0601" if occasion.status >= 500 else "0201")


def _cinder(message: str) -> Callable[[Occasion], Any]:
    return lambda occasion: fault(occasion.status, occasion.message or message.format(id=occasion.backup_id))


def _named(occasion: Occasion) -> str:
    return FAULT_NAMES.get(occasion.status, "computeFault")


_VALUES: dict[BodyShape, Callable[[Occasion], Any]] = {
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
    """The page Cinder's router answers with."""
    return HTML_PAGE.format(title=f"{status} {standard_phrase(status)}", text=text + "<br /><br />")


_TEXTS: dict[BodyShape, tuple[str | None, Callable[[Occasion], str]]] = {
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
