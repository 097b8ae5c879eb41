"""A target's secret: one clouds.yaml cloud entry as JSON, read strictly; every refusal names the key and the fix.

Source of the keys: openstacksdk, "Configuring OpenStack SDK Applications"; those of our own begin `volume_backup_`, or
are `hold_marker`, `allow_admin`, `insecure_http`.
"""

from typing import Final
from typing import Literal

import msgspec

from vbs_reaper.openstack.endpoint import ApiVersion
from vbs_reaper.openstack.secret import Secret
from vbs_reaper.openstack.secret import SecretUnusable
from vbs_reaper.openstack.secret import StoredSecret
from vbs_reaper.openstack.target_check import find_fault
from vbs_reaper.openstack.target_check import find_misplaced_key
from vbs_reaper.strict_json import JsonRefused
from vbs_reaper.strict_json import explain
from vbs_reaper.strict_json import read_json

SECRET_BYTES: Final = 65_536
"""The most Secrets Manager stores."""

HOLD_MARKER: Final = "[hold]"

Service = Literal["vbs", "cinder"]


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to log in, and to which project. What is not given is empty."""

    auth_url: str = ""
    username: str = ""
    password: Secret = Secret("")
    user_domain_name: str = ""
    user_domain_id: str = ""
    project_id: str = ""
    project_name: str = ""
    project_domain_name: str = ""
    project_domain_id: str = ""
    application_credential_id: str = ""
    application_credential_secret: Secret = Secret("")


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A configured cloud project: endpoint and credentials. Every value is checked; see `read_target`."""

    auth: Auth = Auth()
    auth_type: str = "password"
    region_name: str = ""
    regions: tuple[str, ...] = ()
    interface: str = "public"
    identity_api_version: int | str = 3
    cacert: str = ""
    verify: bool = True
    """Only `true` passes: it is there because people paste it."""
    volume_backup_service: str = "vbs"
    volume_backup_api_version: str = ""
    volume_backup_endpoint_override: str = ""
    hold_marker: str = HOLD_MARKER
    allow_admin: bool = False
    insecure_http: bool = False

    @property
    def region(self) -> str:
        """The one region, empty where none is named."""
        return self.region_name or "".join(self.regions)

    @property
    def service(self) -> Service:
        """Whose backups these are."""
        return "cinder" if self.volume_backup_service == "cinder" else "vbs"

    @property
    def api_version(self) -> ApiVersion:
        """The version in the path of every call: as stated, else v2 for VBS and v3 for Cinder."""
        if self.volume_backup_api_version:
            return "v3" if self.volume_backup_api_version == "v3" else "v2"
        return "v3" if self.service == "cinder" else "v2"

    @property
    def uses_application_credential(self) -> bool:
        """Whether it logs in with an application credential instead of a password."""
        return self.auth_type == "v3applicationcredential"


def read_target(name: str, stored: StoredSecret) -> Target:
    """Read and check a target's secret.

    Raises:
        SecretUnusable: with a sentence that names target, secret, key and fix.
    """
    target = _convert(stored)
    fault = target if isinstance(target, str) else find_fault(target)
    if fault is not None or isinstance(target, str):
        # Raised out here, so that no exception that knows the text hangs on it.
        raise SecretUnusable(f'target "{name}": {stored} {fault}')
    return target


def _convert(stored: StoredSecret) -> Target | str:
    try:
        document = read_json(stored.text.reveal(), limit=SECRET_BYTES)
        misplaced = find_misplaced_key(document)
        return misplaced or msgspec.convert(document, Target, strict=True, dec_hook=_make_secret)
    except JsonRefused as refused:
        return str(refused)
    except msgspec.ValidationError as error:
        return f"has a fault: {explain(error, _known_at(str(error)))}"


def _make_secret(kind: type, value: object) -> Secret:
    if kind is not Secret or not isinstance(value, str):
        raise TypeError("expected a text")
    return Secret(value)


def _known_at(error: str) -> tuple[str, ...]:
    """The keys of the part that the complaint is about."""
    return (Auth if "`$.auth`" in error else Target).__struct_fields__
