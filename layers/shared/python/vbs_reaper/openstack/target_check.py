"""What a target's secret must hold, key by key: each fault one clause that names the key and the fix, never a value."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.openstack.endpoint import EndpointUnusable
from vbs_reaper.openstack.endpoint import is_project_id
from vbs_reaper.openstack.endpoint import read_endpoint
from vbs_reaper.openstack.hold import is_empty_marker

if TYPE_CHECKING:
    from vbs_reaper.openstack.target import Target

_PASSWORD_TYPES: Final = ("password", "v3password")
_CREDENTIAL_TYPE: Final = "v3applicationcredential"
_CREDENTIAL_KEYS: Final = ("application_credential_id", "application_credential_secret")
_LOGIN_KEYS: Final = ("username", "password", "user_domain_name", "user_domain_id")

_NOT_HERE: Final = {
    "clouds": "store the one entry below it, not the whole file",
    "cloud": "store the entry itself, not the name of one",
    "profile": 'write what the profile stands for: "auth.auth_url", "region_name"',
    "insecure": 'remove it: certificates are always verified; give a private authority\'s certificate as "cacert"',
    "cert": "remove it: a client's certificate is not supported",
    "key": "remove it: a client's certificate is not supported",
    "endpoint_type": 'call it "interface"',
    "volume_endpoint_override": 'call it "volume_backup_endpoint_override"',
    "volume_api_version": 'call it "volume_backup_api_version": v2 or v3',
}
"""Keys that a clouds.yaml entry may have elsewhere and a target's secret must not."""

_NOT_IN_AUTH: Final = {
    "token": "remove it: a token ends; give a user or an application credential",
    "user_id": 'give "auth.username" with "auth.user_domain_name"',
    "tenant_name": 'call it "auth.project_name"',
    "tenant_id": 'call it "auth.project_id"',
    "domain_name": 'call it "auth.user_domain_name"; the scope is always a project',
    "domain_id": 'call it "auth.user_domain_id"; the scope is always a project',
    "passcode": "remove it: use a user without a second factor",
    "application_credential_name": 'give "auth.application_credential_id"',
}


def find_misplaced_key(document: object) -> str | None:
    """The fault of a key that is known elsewhere, which no list of the right keys would explain."""
    if not isinstance(document, dict):
        return None
    auth = document.get("auth")
    for prefix, members, known in (("", document, _NOT_HERE), ("auth.", auth, _NOT_IN_AUTH)):
        if isinstance(members, dict):
            for key, fix in known.items():
                if key in members:
                    return f'has "{prefix}{key}", which is not for here; {fix}'
    return None


def find_fault(target: Target) -> str | None:
    """The first fault of the values, None when all are right."""
    for faults in (_login(target), _project(target), _choices(target), _addresses(target), _authority(target)):
        for fault in faults:
            return fault
    return None


def _login(target: Target) -> Iterator[str]:
    auth = target.auth
    if not auth.auth_url:
        yield _lacks("auth.auth_url")
    if target.auth_type not in (*_PASSWORD_TYPES, _CREDENTIAL_TYPE):
        yield _must_be("auth_type", "password, v3password or v3applicationcredential")
    by_credential = target.uses_application_credential
    needed, foreign = (_CREDENTIAL_KEYS, _LOGIN_KEYS) if by_credential else (_LOGIN_KEYS[:2], _CREDENTIAL_KEYS)
    for key in needed:
        if not getattr(auth, key):
            yield _lacks(f"auth.{key}")
    for key in foreign:
        if getattr(auth, key):
            yield f'has "auth.{key}", which its "auth_type" does not use; remove one of the two'
    if not by_credential:
        yield from _one_of(target, "user_domain_name", "user_domain_id")


def _project(target: Target) -> Iterator[str]:
    auth = target.auth
    if not (auth.project_id or auth.project_name or target.uses_application_credential):
        yield _lacks("auth.project_id")
    if auth.project_id and not is_project_id(auth.project_id):
        yield _must_be("auth.project_id", "32 lower-case hexadecimal digits")
    if auth.project_domain_name and auth.project_domain_id:
        yield _both("project_domain_name", "project_domain_id")


def _choices(target: Target) -> Iterator[str]:
    for key, value, choices in (
        ("interface", target.interface, ("public", "internal", "admin")),
        ("volume_backup_service", target.volume_backup_service, ("vbs", "cinder")),
        ("volume_backup_api_version", target.volume_backup_api_version or "v2", ("v2", "v3")),
    ):
        if value not in choices:
            yield _must_be(key, " or ".join(choices))
    if str(target.identity_api_version) != "3":
        yield _must_be("identity_api_version", "3")
    if len(target.regions) > 1:
        yield 'has several "regions"; a target is one project in one region: give one, and the others a secret each'
    if target.region_name and target.regions and target.regions != (target.region_name,):
        yield 'has "region_name" and "regions" that differ; remove one of the two'
    if is_empty_marker(target.hold_marker):
        yield 'has an empty "hold_marker", which every name contains; give the text that holds a backup, or remove it'


def _addresses(target: Target) -> Iterator[str]:
    for key, url in (
        ("auth.auth_url", target.auth.auth_url),
        ("volume_backup_endpoint_override", target.volume_backup_endpoint_override),
    ):
        if not url:
            continue
        try:
            endpoint = read_endpoint(url, insecure_http=target.insecure_http)
        except EndpointUnusable as unusable:
            yield f'has "{key}", which {unusable}'
            continue
        if not key.startswith("auth") and endpoint.version not in (None, target.api_version):
            yield f'has "{key}" of another version than "volume_backup_api_version"; make them agree'


def _authority(target: Target) -> Iterator[str]:
    if not target.verify:
        yield 'has "verify": false; remove it, and give a private authority\'s certificate as "cacert"'
    if not target.cacert:
        return
    if "-----BEGIN CERTIFICATE-----" not in target.cacert:
        yield 'has "cacert" that is no certificate; give its PEM text itself, not a path to it'
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=target.cacert)
    except (ssl.SSLError, ValueError, TypeError):  # TypeError: it holds more than ASCII
        yield 'has "cacert" that cannot be read; give the PEM text of the authority\'s certificate'


def _one_of(target: Target, first: str, second: str) -> Iterator[str]:
    named, by_id = getattr(target.auth, first), getattr(target.auth, second)
    if named and by_id:
        yield _both(first, second)
    if not named and not by_id:
        yield _lacks(f"auth.{first}")


def _both(first: str, second: str) -> str:
    return f'has "auth.{first}" beside "auth.{second}"; remove one of the two'


def _lacks(key: str) -> str:
    return f'lacks "{key}"'


def _must_be(key: str, wanted: str) -> str:
    return f'has "{key}" with a value that cannot be used; it must be {wanted}'
