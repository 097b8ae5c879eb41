"""Keystone v3 over HTTP: versions, login, show a token, revoke a token. Responses are those of Keystone 30."""

import json
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from tests.support.simulator.cloud import Cloud
from tests.support.simulator.exchange import Answer, Request, new_request_id
from tests.support.simulator.identity import DOMAIN_ID, DOMAIN_NAME, LoginRefused, Project, Token
from tests.support.simulator.journal import Call, Login
from tests.support.simulator.routes import CBR

AUTHENTICATION_REQUIRED = "The request you have made requires authentication."
NOT_JSON = (
    "Expecting to find valid JSON in request body. The server could not comply with the request since it is either"
    " malformed or otherwise incorrect. The client is assumed to be in error."
)
NOT_A_LOGIN = (
    "Expecting to find auth in request body. The server could not comply with the request since it is either"
    " malformed or otherwise incorrect. The client is assumed to be in error."
)
INTERFACES = ("public", "internal", "admin")
NAMES = {"identity": "keystone", "block-storage": "cinder", "volumev3": "cinderv3", "volumev2": "cinderv2"}
PREFIXES = {"cbr": CBR}
UNDER_V2 = frozenset({"vbs", "vbsv2", "volumev2"})


def handle(cloud: Cloud, request: Request, call: Call, path: str) -> Answer:
    """Answer a call under `/identity`; `path` is the rest of the path."""
    match request.method, path:
        case "POST", "/v3/auth/tokens":
            return _log_in(cloud, request, call)
        case "GET", "/v3/auth/tokens":
            return _show_token(cloud, request)
        case "DELETE", "/v3/auth/tokens":
            return _revoke(cloud, request)
        case "GET", "" | "/":
            return _answer(300, "MULTIPLE CHOICES", {"versions": {"values": [_version(cloud)]}})
        case "GET", "/v3" | "/v3/":
            return _answer(200, "OK", {"version": _version(cloud)})
        case _:
            return _refusal(cloud, 404, "NOT FOUND", "Not Found", f"Could not find {path}.")


def _log_in(cloud: Cloud, request: Request, call: Call) -> Answer:
    try:
        auth = json.loads(request.body)["auth"]
    except (ValueError, RecursionError):
        return _refusal(cloud, 400, "BAD REQUEST", "Bad Request", NOT_JSON)
    except (KeyError, TypeError):
        return _refusal(cloud, 400, "BAD REQUEST", "Bad Request", NOT_A_LOGIN)
    with cloud.lock:
        try:
            token = cloud.identity.log_in(auth, cloud.now(), cloud.settings)
        except LoginRefused as refusal:
            _record_login(cloud, call, refusal.user, refusal.reason)
            return _unauthorized(cloud)
        except (KeyError, TypeError, AttributeError, IndexError):
            return _refusal(cloud, 400, "BAD REQUEST", "Bad Request", NOT_A_LOGIN)
        _record_login(cloud, call, token.user.name)
        wants_catalog = not any(name == "nocatalog" for name, _ in request.query)
        return _token_answer(cloud, 201, "CREATED", token, wants_catalog=wants_catalog)


def _record_login(cloud: Cloud, call: Call, user: str, reason: str = "") -> None:
    known = cloud.identity.users.get(user)
    cloud.journal.logins.append(
        Login(
            call=call.index,
            at=cloud.now(),
            user=user,
            succeeded=not reason,
            reason=reason,
            locked=known is not None and known.is_locked(cloud.now()),
        )
    )


def _show_token(cloud: Cloud, request: Request) -> Answer:
    with cloud.lock:
        if cloud.identity.valid_token(request.header("X-Auth-Token"), cloud.now()) is None:
            return _unauthorized(cloud)
        token = cloud.identity.valid_token(request.header("X-Subject-Token"), cloud.now())
        if token is None:
            return _refusal(cloud, 404, "NOT FOUND", "Not Found", "Could not find token.")
        return _token_answer(cloud, 200, "OK", token, wants_catalog=True)


def _revoke(cloud: Cloud, request: Request) -> Answer:
    with cloud.lock:
        if cloud.identity.valid_token(request.header("X-Auth-Token"), cloud.now()) is None:
            return _unauthorized(cloud)
        token = cloud.identity.valid_token(request.header("X-Subject-Token"), cloud.now())
        if token is None:
            return _refusal(cloud, 404, "NOT FOUND", "Not Found", "Could not find token.")
        cloud.identity.revoke(token, cloud.now())
    headers = [("Vary", "X-Auth-Token"), ("x-openstack-request-id", new_request_id())]
    return Answer(status=204, phrase="NO CONTENT", headers=headers)


def _token_answer(cloud: Cloud, status: int, phrase: str, token: Token, *, wants_catalog: bool) -> Answer:
    shown = _token_view(token)
    if token.project and wants_catalog:
        shown["catalog"] = _catalog(cloud, token.project)
    return _answer(status, phrase, {"token": shown}, ("X-Subject-Token", token.value))


def _token_view(token: Token) -> dict[str, Any]:
    domain = {"id": DOMAIN_ID, "name": DOMAIN_NAME}
    view: dict[str, Any] = {
        "methods": list(token.methods),
        "user": {"domain": domain, "id": token.user.id, "name": token.user.name, "password_expires_at": None},
        "audit_ids": [token.identity],
        "expires_at": _instant(token.expires_at),
        "issued_at": _instant(token.issued_at),
    }
    if token.project:
        view["project"] = {"domain": domain, "id": token.project.id, "name": token.project.name}
        view["is_domain"] = False
        view["roles"] = [{"id": _stable_id(role), "name": role} for role in token.roles]
    return view


def _catalog(cloud: Cloud, project: Project) -> list[dict[str, Any]]:
    return [
        {
            "endpoints": [
                _endpoint(cloud, kind, interface, project, address)
                for address in _addresses(cloud, kind)
                for interface in INTERFACES
            ],
            "id": _stable_id(kind),
            "type": kind,
            "name": NAMES.get(kind, kind),
        }
        for kind in cloud.settings.catalog
    ]


def _addresses(cloud: Cloud, kind: str) -> tuple[str, ...]:
    return (cloud.url,) if kind == "identity" else cloud.settings.backup_addresses or (cloud.url,)


def _endpoint(cloud: Cloud, kind: str, interface: str, project: Project, address: str) -> dict[str, str]:
    version = "v2" if kind in UNDER_V2 else "v3"
    return {
        "id": _stable_id(f"{kind} {interface} {address}"),
        "interface": interface,
        "region_id": cloud.settings.region,
        "url": cloud.auth_url if kind == "identity" else f"{address}{PREFIXES.get(kind, '')}/{version}/{project.id}",
        "region": cloud.settings.region,
    }


def _version(cloud: Cloud) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{cloud.auth_url}/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def _instant(at: datetime) -> str:
    """Format a time as Keystone does, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _stable_id(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _unauthorized(cloud: Cloud) -> Answer:
    return _refusal(cloud, 401, "UNAUTHORIZED", "Unauthorized", AUTHENTICATION_REQUIRED)


def _refusal(cloud: Cloud, status: int, phrase: str, title: str, message: str) -> Answer:
    body = {"error": {"code": status, "message": message, "title": title}}
    text = json.dumps(body, separators=(",", ":")) + "\n"
    challenge = [("WWW-Authenticate", f'Keystone uri="{cloud.auth_url}"')] if status == 401 else []
    return Answer(status=status, phrase=phrase, headers=_headers(text.encode(), *challenge), body=text.encode())


def _answer(status: int, phrase: str, value: object, *more: tuple[str, str]) -> Answer:
    body = json.dumps(value).encode()
    return Answer(status=status, phrase=phrase, headers=_headers(body, *more), body=body)


def _headers(body: bytes, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        *more,
        ("Vary", "X-Auth-Token"),
        ("x-openstack-request-id", new_request_id()),
    ]
