"""Signs requests with an access key: SDK-HMAC-SHA256 of Open Telekom Cloud and Huawei Cloud, in both of its dialects.

Source: "API Request Signing Guide" of Huawei Cloud, and its copy in the documentation of Open Telekom Cloud's API
Gateway. The dialect `credential` is that of gophertelekomcloud, and so of the Terraform provider of that cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote, unquote, urlsplit

from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.http.transport import HttpRequest, NotSendable

if TYPE_CHECKING:
    from datetime import datetime

Dialect = Literal["access", "credential"]
"""`access` signs with the secret key itself, `credential` with a key derived from it and from the date."""

ALGORITHM: Final = "SDK-HMAC-SHA256"
_NO_REGION: Final = ""
_NO_SERVICE: Final = ""
"""The scope of `credential` has neither, as gophertelekomcloud sends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An access key with its secret key. Implements `Credentials`."""

    access_key: str
    secret_key: Secret
    project_id: ProjectId
    dialect: Dialect

    def authenticate(self, request: HttpRequest, now: datetime) -> Secret:
        """Sign the request: its method, URL, host, project, time and body. Returns the signature.

        Raises:
            NotSendable: the URL is not in the form that is signed, so the gateway might read another one from it.
        """
        parts = urlsplit(request.url)
        query = _parse_query(parts.query)
        if parts.query != canonical_query(query) or f"{parts.path}/" != canonical_path(parts.path):
            raise NotSendable("the URL is not in the form in which it is signed")
        signed = {
            "Host": parts.netloc,
            "X-Project-Id": self.project_id,
            "X-Sdk-Date": now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"),
        }
        canonical = canonical_request(request.method, parts.path, query, signed, request.body or b"")
        authorization, signature = self.sign(canonical, signed)
        request.headers.update(signed)
        request.headers["Authorization"] = authorization
        return Secret(signature)

    def sign(self, canonical: str, signed: Mapping[str, str]) -> tuple[str, str]:
        """Return the header `Authorization` for a canonical request with these headers, and the signature in it."""
        date = _by_name(signed)["x-sdk-date"]
        key, who, lines = self.secret_key.reveal().encode(), f"Access={self.access_key}", [ALGORITHM, date]
        if self.dialect == "credential":
            scope = f"{date[:8]}/{_NO_REGION}/{_NO_SERVICE}/sdk_request"
            key, who = b"SDK" + key, f"Credential={self.access_key}/{scope}"
            for part in scope.split("/"):
                key = digest(key, part.encode(), "sha256")
            lines.append(scope)
        to_sign = "\n".join([*lines, sha256(canonical.encode()).hexdigest()])
        signature = digest(key, to_sign.encode(), "sha256").hex()
        return f"{ALGORITHM} {who}, SignedHeaders={_names(signed)}, Signature={signature}", signature


def canonical_request(
    method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str], body: bytes = b""
) -> str:
    """Return the text whose hash is signed. `query` contains the names and values as they are meant, not as sent."""
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in _by_name(headers).items())
    return "\n".join(
        [method, canonical_path(path), canonical_query(query), lines, _names(headers), sha256(body).hexdigest()]
    )


def canonical_path(path: str) -> str:
    """Return the path with every segment encoded as in RFC 3986, and with a slash at the end, which is not sent."""
    encoded = "/".join(_encode(unquote(segment)) for segment in path.split("/"))
    return encoded if encoded.endswith("/") else f"{encoded}/"


def canonical_query(query: Iterable[tuple[str, str]]) -> str:
    """Return the query, sorted by name and value, and encoded as in RFC 3986."""
    return "&".join(f"{_encode(name)}={_encode(value)}" for name, value in sorted(query))


def _parse_query(query: str) -> list[tuple[str, str]]:
    """Return names and values. A plus sign is itself, because RFC 3986 has no other way to write a blank than %20."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _encode(text: str) -> str:
    return quote(text, safe="~")


def _by_name(headers: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted((name.lower(), value) for name, value in headers.items()))


def _names(headers: Mapping[str, str]) -> str:
    return ";".join(_by_name(headers))
