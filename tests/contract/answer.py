"""A response in comparable form: only the relevant headers, and names instead of values that vary."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

REQUEST_ID = "req-…"
TOKEN = "a token"
TIME = "a time"
CONTAINER = "a container"
HTML_404 = (
    "<html> <head> <title>404 Not Found</title> </head> <body> <h1>404 Not Found</h1>"
    " The resource could not be found.<br /><br /> </body> </html>"
)
MATTERS = (
    "Content-Type",
    "OpenStack-API-Version",
    "Retry-After",
    "Vary",
    "WWW-Authenticate",
    "X-Compute-Request-Id",
    "X-OpenStack-Request-Id",
    "X-Subject-Token",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, all relevant headers (a missing one was not sent), and the body."""

    status: int
    headers: Mapping[str, str]
    body: Any


def cinder(status: int, body: object, *, version: str = "3.0") -> Answer:
    """Return a response of the API of Cinder."""
    headers = {
        "Content-Type": "application/json",
        "OpenStack-API-Version": f"volume {version}",
        "Vary": "OpenStack-API-Version",
        "X-Compute-Request-Id": REQUEST_ID,
        "X-OpenStack-Request-Id": REQUEST_ID,
    }
    return Answer(status=status, headers=headers, body=body)


def fault(status: int, kind: str, message: str, *, version: str = "3.0") -> Answer:
    """Return an error response of Cinder."""
    return cinder(status, {kind: {"code": status, "message": message}}, version=version)


def not_served() -> Answer:
    """Return the 404 for an unknown path, which comes from the router of Cinder."""
    headers = {"Content-Type": "text/html; charset=UTF-8", "X-OpenStack-Request-Id": REQUEST_ID}
    return Answer(status=404, headers=headers, body=HTML_404)


def unauthenticated() -> Answer:
    """Return the 401 of keystonemiddleware, which verifies the tokens of requests to Cinder."""
    headers = {
        "Content-Type": "application/json",
        "WWW-Authenticate": 'Keystone uri="KEYSTONE"',
        "X-OpenStack-Request-Id": REQUEST_ID,
    }
    message = "The request you have made requires authentication."
    body = {"error": {"code": 401, "title": "Unauthorized", "message": message}}
    return Answer(status=401, headers=headers, body=body)


def keystone(status: int, body: object, **more: str) -> Answer:
    """Return a response of Keystone."""
    headers = {"Content-Type": "application/json", "Vary": "X-Auth-Token", "X-OpenStack-Request-Id": REQUEST_ID}
    return Answer(status=status, headers=headers | more, body=body)


ACCEPTED = cinder(202, "")


def read_answer(response: requests.Response, names: Mapping[str, str]) -> Answer:
    """Convert a response. Every key of `names` in it is replaced by its name, longest first."""
    text = response.text
    headers = {name: response.headers[name] for name in MATTERS if name in response.headers}
    for found in sorted(names, key=len, reverse=True):
        text = text.replace(found, names[found])
        headers = {name: value.replace(found, names[found]) for name, value in headers.items()}
    text = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?![\dZ])", TIME, text)
    return Answer(
        status=response.status_code,
        headers={name: _replace_variable_value(name, value) for name, value in headers.items()},
        body=_read_body(text),
    )


def _replace_variable_value(header: str, value: str) -> str:
    if header == "X-Subject-Token" and value:
        return TOKEN
    return REQUEST_ID if re.fullmatch(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) else value


def _read_body(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_replace_container)
    except ValueError:
        return " ".join(text.split())


def _replace_container(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Replace the container, which depends on the backup driver."""
    return {key: CONTAINER if key == "container" and isinstance(value, str) else value for key, value in pairs}
