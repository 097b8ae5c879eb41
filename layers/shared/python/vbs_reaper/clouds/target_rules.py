"""The rules for the values of a target's secret. A fault is a clause that names the key and the fix, never a value."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from vbs_reaper.backups.answer import SERVICES
from vbs_reaper.backups.hold_marker import is_empty_marker
from vbs_reaper.backups.identifiers import is_project_id
from vbs_reaper.clouds.apis.registry import APIS
from vbs_reaper.clouds.endpoint import read_endpoint
from vbs_reaper.clouds.login.service_hosts import OTC_REGIONS
from vbs_reaper.clouds.target import ACCESS_KEY_TYPE
from vbs_reaper.errors import InvalidEndpoint

if TYPE_CHECKING:
    from vbs_reaper.clouds.target import Target

_PASSWORD_TYPES: Final = ("password", "v3password")
_CREDENTIAL_TYPE: Final = "v3applicationcredential"
_CREDENTIAL_KEYS: Final = ("application_credential_id", "application_credential_secret")
_LOGIN_KEYS: Final = ("username", "password", "user_domain_name", "user_domain_id")
_ACCESS_KEYS: Final = ("access_key", "secret_key")
_NOT_WITH_ACCESS_KEY: Final = (
    *_LOGIN_KEYS,
    *_CREDENTIAL_KEYS,
    "auth_url",
    "project_name",
    "project_domain_name",
    "project_domain_id",
)

_ACCESS_KEY: Final = re.compile(r"[A-Za-z0-9]{1,128}", re.ASCII)
_SECRET_KEY: Final = re.compile(r"[!-~]{1,256}", re.ASCII)

MISPLACED_KEYS: Final = {
    "clouds": "store the one entry below it, not the whole file",
    "cloud": "store the entry itself, not its name",
    "profile": 'remove it, and give the values of the profile instead: "auth.auth_url", "region_name"',
    "insecure": 'remove it: certificates are always verified; give the certificate of a private authority as "cacert"',
    "cert": "remove it: client certificates are not supported",
    "key": "remove it: client certificates are not supported",
    "endpoint_type": 'rename it to "interface"',
    "ak": 'give it as "auth.access_key", with "auth_type": "aksk"',
    "sk": 'give it as "auth.secret_key", with "auth_type": "aksk"',
    "access_key": 'give it as "auth.access_key", with "auth_type": "aksk"',
    "secret_key": 'give it as "auth.secret_key", with "auth_type": "aksk"',
    "volume_endpoint_override": 'rename it to "volume_backup_endpoint_override"',
    "volume_api_version": 'rename it to "volume_backup_api_version": v2 or v3',
}
"""Keys that other programs accept in a `clouds.yaml` entry, but that a target's secret must not contain."""

MISPLACED_KEYS_OF_AUTH: Final = {
    "token": "remove it: a token expires; give a user or an application credential",
    "ak": 'rename it to "auth.access_key", and give "auth_type": "aksk"',
    "sk": 'rename it to "auth.secret_key", and give "auth_type": "aksk"',
    "security_token": "remove it: a temporary access key expires; give a permanent one",
    "user_id": 'give "auth.username" with "auth.user_domain_name"',
    "tenant_name": 'rename it to "auth.project_name"',
    "tenant_id": 'rename it to "auth.project_id"',
    "domain_name": 'rename it to "auth.user_domain_name"; the scope is always a project',
    "domain_id": 'rename it to "auth.user_domain_id"; the scope is always a project',
    "passcode": "remove it, and give a user without multi-factor authentication",
    "application_credential_name": 'give "auth.application_credential_id"',
}
"""The same for the keys below `auth`."""


def find_misplaced_key(document: object) -> str | None:
    """Return the fault of a key that other programs accept here; None if there is none.

    These keys have a message of their own, because a list of the known keys would not explain what to do instead.
    """
    if not isinstance(document, dict):
        return None
    auth = document.get("auth")
    for prefix, members, known in (("", document, MISPLACED_KEYS), ("auth.", auth, MISPLACED_KEYS_OF_AUTH)):
        if isinstance(members, dict):
            for key, fix in known.items():
                if key in members:
                    return f'has "{prefix}{key}", which is not accepted here; {fix}'
    return None


def find_fault(target: Target) -> str | None:
    """Return the first fault of the values; None if there is none."""
    login = _access_key(target) if target.uses_access_key else _login(target)
    for faults in (login, _project(target), _choices(target), _addresses(target), _authority(target)):
        for fault in faults:
            return fault
    return None


def _access_key(target: Target) -> Iterator[str]:
    auth = target.auth
    for key in (*_ACCESS_KEYS, "project_id"):
        if not getattr(auth, key):
            yield _lacks(f"auth.{key}")
    yield from _unused(target, _NOT_WITH_ACCESS_KEY)
    if not _ACCESS_KEY.fullmatch(auth.access_key):
        yield _must_be("auth.access_key", "letters and digits")
    if not _SECRET_KEY.fullmatch(auth.secret_key.reveal()):
        yield _must_be("auth.secret_key", "ASCII characters without blanks")
    if not target.address:
        yield f'lacks "volume_backup_endpoint_override", and {_why_no_address(target)}'


def _why_no_address(target: Target) -> str:
    if target.service not in OTC_REGIONS:
        clouds = f'in Open Telekom Cloud and Huawei Cloud, "volume_backup_service" is {" or ".join(OTC_REGIONS)}'
        return f"hosts of {target.service} are not documented; {clouds}"
    if not target.region:
        return 'it has no "region_name", by which the host of the service could be known'
    return f'"region_name" is not a region where its host of {target.service} is documented'


def _login(target: Target) -> Iterator[str]:
    auth = target.auth
    if not auth.auth_url:
        yield _lacks("auth.auth_url")
    if target.auth_type not in (*_PASSWORD_TYPES, _CREDENTIAL_TYPE):
        yield _must_be("auth_type", f"password, v3password, v3applicationcredential or {ACCESS_KEY_TYPE}")
    by_credential = target.uses_application_credential
    needed, unused = (_CREDENTIAL_KEYS, _LOGIN_KEYS) if by_credential else (_LOGIN_KEYS[:2], _CREDENTIAL_KEYS)
    for key in needed:
        if not getattr(auth, key):
            yield _lacks(f"auth.{key}")
    yield from _unused(target, (*unused, *_ACCESS_KEYS))
    if not by_credential:
        yield from _one_of(target, "user_domain_name", "user_domain_id")


def _unused(target: Target, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if getattr(target.auth, key):
            yield f'has "auth.{key}", which its "auth_type" does not use; remove one of the two'


def _project(target: Target) -> Iterator[str]:
    auth = target.auth
    if not (auth.project_id or auth.project_name or target.uses_application_credential):
        yield _lacks("auth.project_id")
    if auth.project_id and not is_project_id(auth.project_id):
        yield _must_be("auth.project_id", "32 lower-case hexadecimal digits")
    if auth.project_domain_name and auth.project_domain_id:
        yield _both("project_domain_name", "project_domain_id")


def _choices(target: Target) -> Iterator[str]:
    versions = [version for service, version in APIS if service == target.service]
    for key, value, choices in (
        ("interface", target.interface, ("public", "internal", "admin")),
        ("signature", target.signature, ("access", "credential")),
        ("volume_backup_service", target.volume_backup_service, SERVICES),
        ("volume_backup_api_version", target.volume_backup_api_version or target.api_version, versions),
    ):
        if value not in choices:
            yield _must_be(key, " or ".join(choices))
    if str(target.identity_api_version) != "3":
        yield _must_be("identity_api_version", "3")
    if len(target.regions) > 1:
        yield 'has several "regions"; a target is one project in one region: give one, and store one secret per region'
    if target.region_name and target.regions and target.regions != (target.region_name,):
        yield 'has "region_name" and "regions" that differ; remove one of the two'
    if is_empty_marker(target.hold_marker):
        yield 'has an empty "hold_marker", which every name contains; give the text that marks a hold, or remove it'


def _addresses(target: Target) -> Iterator[str]:
    for key, url in (
        ("auth.auth_url", target.auth.auth_url),
        ("volume_backup_endpoint_override", target.volume_backup_endpoint_override),
    ):
        if not url:
            continue
        try:
            endpoint = read_endpoint(url, insecure_http=target.insecure_http)
        except InvalidEndpoint as invalid:
            yield f'has "{key}", which {invalid}'
            continue
        if key.startswith("auth"):
            continue
        if endpoint.version not in (None, target.api_version):
            yield f'has "{key}" with another version than "volume_backup_api_version"; make them agree'
        if target.auth.project_id and endpoint.project_id not in (None, target.auth.project_id):
            yield f'has "{key}" with another project than "auth.project_id"; make them agree'


def _authority(target: Target) -> Iterator[str]:
    if not target.verify:
        yield 'has "verify": false; remove it, and give the certificate of a private authority as "cacert"'
    if not target.cacert:
        return
    if "-----BEGIN CERTIFICATE-----" not in target.cacert:
        yield 'has a "cacert" that is not a certificate; give the PEM text itself, not a path to it'
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=target.cacert)
    except (ssl.SSLError, ValueError, TypeError):  # TypeError: it is not ASCII
        yield 'has a "cacert" that cannot be read; give the PEM text of the authority\'s certificate'


def _one_of(target: Target, first: str, second: str) -> Iterator[str]:
    named, by_id = getattr(target.auth, first), getattr(target.auth, second)
    if named and by_id:
        yield _both(first, second)
    if not named and not by_id:
        yield _lacks(f"auth.{first}")


def _both(first: str, second: str) -> str:
    return f'has both "auth.{first}" and "auth.{second}"; remove one of the two'


def _lacks(key: str) -> str:
    return f'lacks "{key}"'


def _must_be(key: str, accepted: str) -> str:
    return f'has "{key}" with a value that cannot be used; it must be {accepted}'
