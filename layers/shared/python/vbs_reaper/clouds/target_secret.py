"""Reads a target's secret: one entry of a `clouds.yaml` file, as JSON. Every rejection names the key and the fix.

The keys are those of openstacksdk ("Configuring OpenStack SDK Applications"). Keys that this application adds begin
with `volume_backup_`, or are `hold_marker`, `allow_admin` and `insecure_http`.
"""

from typing import Final

import msgspec

from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clouds.target import Auth, Target
from vbs_reaper.clouds.target_rules import find_fault, find_misplaced_key
from vbs_reaper.errors import InvalidJson, InvalidSecret
from vbs_reaper.strict_json import explain, read_json

SECRET_BYTES: Final = 65_536
"""The maximum size of a secret in Secrets Manager."""


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
    return target


def _convert(stored: StoredSecret) -> Target | str:
    try:
        document = read_json(stored.text.reveal(), limit=SECRET_BYTES)
        misplaced = find_misplaced_key(document)
        return misplaced or msgspec.convert(document, Target, strict=True, dec_hook=_make_secret)
    except InvalidJson as invalid:
        return str(invalid)
    except msgspec.ValidationError as error:
        return f"is invalid: {explain(error, _known_keys(str(error)))}"


def _make_secret(type_: type, value: object) -> Secret:
    if type_ is not Secret or not isinstance(value, str):
        raise TypeError("expected a string")
    return Secret(value)


def _known_keys(error: str) -> tuple[str, ...]:
    """Return the known keys of the part of the document that contains the fault."""
    return (Auth if "`$.auth`" in error else Target).__struct_fields__
