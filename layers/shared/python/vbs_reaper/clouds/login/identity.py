"""Identifies the account whose failed logins a cloud counts: a user, an application credential or an access key."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from vbs_reaper.backups.secret_text import Secret
    from vbs_reaper.clouds.target import Target

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def identity_of(target: Target) -> str:
    """Return a hash of Keystone's host, and of the user with its domain or of the ID of the application credential.

    An access key is an identity of its own: its ID is unique, and the gateways of all services and regions may share
    the counter of its failures.

    Targets with the same identity share one counter of failed logins. Names are compared without regard to case, as
    Keystone compares them. A domain given by name and the same domain given by ID are two identities.
    """
    auth = target.auth
    if target.uses_access_key:
        return hash_of("access_key", auth.access_key)
    host = _host_of(auth.auth_url)
    if target.uses_application_credential:
        return hash_of("application_credential", host, auth.application_credential_id)
    domain = f"id {auth.user_domain_id}" if auth.user_domain_id else f"name {auth.user_domain_name.casefold()}"
    return hash_of("user", host, domain, auth.username.casefold())


def credential_of(target: Target) -> Secret:
    """Return what proves the identity: the password, the secret of the application credential, or the secret key."""
    auth = target.auth
    if target.uses_access_key:
        return auth.secret_key
    return auth.application_credential_secret if target.uses_application_credential else auth.password


def hash_of(*parts: str) -> str:
    """Return a hash of texts as 32 hexadecimal digits, fit for the key of an object."""
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


def _host_of(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return f"{(parts.hostname or '').removesuffix('.')}:{port}"
