"""The API gateway, which verifies signed requests (SDK-HMAC-SHA256) and locks access keys.

Written from the vendor's "API Request Signing Guide" and its list of common errors, independently of the product.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_to_bytes

from tests.support.simulator.cloud import Cloud
from tests.support.simulator.exchange import Answer, Request, new_request_id, to_json
from tests.support.simulator.identity import AccessKey, Token
from tests.support.simulator.journal import Call, Login

SCHEME = "SDK-HMAC-SHA256 "
VALID_FOR = timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=5)
FAILURES = 5
"""A key is locked when it fails more often than this in a row."""
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
HEADER = re.compile(
    r"SDK-HMAC-SHA256 (?:Access=(?P<access>[^/, ]+)|Credential=(?P<credential>[^/, ]+)/(?P<scope>[^, ]+)), "
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
TOO_OFTEN = "AK access failed to reach the limit,forbidden."
WRONG = "verify aksk signature fail"


def is_signed(request: Request) -> bool:
    """Return whether a request has a signature instead of a token."""
    return (request.header("Authorization") or "").startswith(SCHEME)


def authenticate(cloud: Cloud, request: Request, call: Call) -> Token | Answer:
    """Return a token with the rights of the signer, or the error response of the gateway, after recording it."""
    now, shown = cloud.now(), HEADER.fullmatch(request.header("Authorization") or "")
    if shown is None:
        return _refuse(cloud, call, "", "the header Authorization has another form")
    access_key = shown["access"] or shown["credential"]
    key = cloud.identity.access_keys.get(access_key)
    if key is None:
        return _refuse(cloud, call, access_key, f"Get secretKey failed,ak:{access_key},err:ak not exist")
    if key.locked_until is not None and now < key.locked_until:
        return _refuse(cloud, call, access_key, TOO_OFTEN)
    signed_at = request.header("X-Sdk-Date") or ""
    if not _is_fresh(signed_at, now):
        times = f"signature time:{signed_at},server time:{now:%Y%m%dT%H%M%SZ}"
        return _refuse(cloud, call, access_key, f"calc aksk signature fail:signature expired, {times}")
    names = shown["names"].split(";")
    if not verify(request, names, key.secret, shown["scope"], shown["signature"]):
        _count_failure(key, now)
        return _refuse(cloud, call, access_key, WRONG)
    key.failures, key.locked_until = 0, None
    user = cloud.identity.users[key.user]
    return Token(
        value="",
        user=user,
        project=user.project,
        roles=user.roles,
        methods=("aksk",),
        issued_at=now,
        expires_at=now + VALID_FOR,
    )


def verify(request: Request, names: Iterable[str], secret: str, scope: str | None, signature: str) -> bool:
    """Return whether the signature is the one that the guide prescribes."""
    names = list(names)
    if names != sorted(names) or "x-sdk-date" not in names:
        return False
    whole_path, _, whole_query = request.raw_path.partition("?")
    lines = [request.method, _canonical_path(whole_path), _canonical_query(whole_query)]
    lines += [f"{name}:{(request.header(name) or '').strip()}" for name in names]
    lines += ["", ";".join(names), hashlib.sha256(request.body).hexdigest()]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    date = request.header("X-Sdk-Date") or ""
    if scope is None:
        expected = _mac(secret.encode(), f"SDK-HMAC-SHA256\n{date}\n{digest}")
    else:
        day, region, service, end = scope.split("/")
        if day != date[:8] or end != "sdk_request":
            return False
        key = _mac(_mac(_mac(_mac(f"SDK{secret}".encode(), day), region), service), end)
        expected = _mac(key, f"SDK-HMAC-SHA256\n{date}\n{scope}\n{digest}")
    return hmac.compare_digest(expected.hex(), signature)


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _canonical_path(raw: str) -> str:
    segments = [_encode(unquote_to_bytes(segment)) for segment in raw.split("/")]
    return "/".join(segments) + ("" if segments[-1] == "" else "/")


def _canonical_query(raw: str) -> str:
    parameters = []
    for part in filter(None, raw.split("&")):
        name, _, value = part.partition("=")
        parameters.append((unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode()))
    return "&".join(f"{_encode(name.encode())}={_encode(value.encode())}" for name, value in sorted(parameters))


def _encode(text: bytes) -> str:
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in text)


def _is_fresh(signed_at: str, now: datetime) -> bool:
    try:
        at = datetime.strptime(signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - at) <= VALID_FOR


def _count_failure(key: AccessKey, now: datetime) -> None:
    key.failures += 1
    if key.failures > FAILURES:
        key.failures, key.locked_until = 0, now + LOCKED_FOR


def _refuse(cloud: Cloud, call: Call, access_key: str, words: str) -> Answer:
    cloud.journal.logins.append(
        Login(call=call.index, at=cloud.now(), user=access_key, succeeded=False, reason=words.partition(",")[0])
    )
    value: Mapping[str, str] = {
        "error_msg": f"Incorrect IAM authentication information: {words}",
        "error_code": "APIGW.0301",
        "request_id": new_request_id().removeprefix("req-").replace("-", ""),
    }
    body = to_json(value)
    return Answer(
        status=401, headers=[("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body=body
    )
