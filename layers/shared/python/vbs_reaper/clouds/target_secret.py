"""Reads a target's secret: one entry of a `clouds.yaml` file, as JSON. Every rejection names the key and the fix.

The keys are those of openstacksdk ("Configuring OpenStack SDK Applications"). Keys that this application adds begin
with `volume_backup_`, or are `hold_marker`, `allow_admin`, `insecure_http`, and those of an access key: `signature`,
`auth.access_key` and `auth.secret_key`.
"""

from typing import Final

import msgspec

from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clouds.endpoint import read_endpoint
from vbs_reaper.clouds.target import Auth, Target
from vbs_reaper.clouds.target_rules import (
    MISPLACED_KEYS,
    MISPLACED_KEYS_OF_AUTH,
    find_fault,
    find_misplaced_key,
)
from vbs_reaper.errors import InvalidJson, InvalidSecret
from vbs_reaper.strict_json import explain, read_json

SECRET_BYTES: Final = 65_536
"""The maximum size of a secret in Secrets Manager."""

_KNOWN_KEYS: Final = (*Target.__struct_fields__, *(f"auth.{name}" for name in Auth.__struct_fields__))
QUOTABLE_KEYS: Final = frozenset(
    {*Target.__struct_fields__, *Auth.__struct_fields__, *MISPLACED_KEYS, *MISPLACED_KEYS_OF_AUTH}
)
"""The keys that messages may quote. Any other key may be a secret that was pasted in the wrong place."""


def read_target(name: str, stored: StoredSecret) -> Target:
    """Read and check a target's secret.

    Raises:
        InvalidSecret: the message names target, secret, key and fix.
    """
    target = _convert(stored)
    fault = target if isinstance(target, str) else find_fault(target)
    if fault is not None or isinstance(target, str):
        # Raised outside of any `except` block, so that the context of this exception cannot contain the secret.
        raise InvalidSecret(f'target "{name}": {stored} {fault}')
    if target.uses_access_key:
        return target
    auth_url = read_endpoint(target.auth.auth_url, insecure_http=target.insecure_http).url
    return msgspec.structs.replace(target, auth=msgspec.structs.replace(target.auth, auth_url=auth_url))


def _convert(stored: StoredSecret) -> Target | str:
    try:
        document = read_json(stored.text.reveal(), limit=SECRET_BYTES, quotable=QUOTABLE_KEYS)
        misplaced = find_misplaced_key(document)
        return misplaced or msgspec.convert(document, Target, strict=True, dec_hook=_make_secret)
    except InvalidJson as invalid:
        return str(invalid)
    except msgspec.ValidationError as error:
        return f"is invalid: {explain(error, _KNOWN_KEYS, quotes_unknown=False)}"


def _make_secret(type_: type, value: object) -> Secret:
    if type_ is not Secret or not isinstance(value, str):
        raise TypeError("expected a string")
    return Secret(value)
