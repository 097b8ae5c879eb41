"""A configured target, as described by its secret. `target_secret` reads and checks it."""

from typing import Final

import msgspec

from vbs_reaper.backups.answer import SERVICES, Service, TargetInfo
from vbs_reaper.backups.hold_marker import HOLD_MARKER
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.apis.interface import BackupApi
from vbs_reaper.clouds.apis.registry import APIS, DEFAULT_VERSIONS
from vbs_reaper.clouds.endpoint import ApiVersion
from vbs_reaper.clouds.login.service_hosts import find_service_address

ACCESS_KEY_TYPE: Final = "aksk"


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Credentials, and the project to log in to. A key that is not given is empty."""

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
    access_key: str = ""
    secret_key: Secret = Secret("")


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A configured project of a cloud: endpoint and credentials. `read_target` has checked every value."""

    auth: Auth = Auth()
    auth_type: str = "password"
    region_name: str = ""
    regions: tuple[str, ...] = ()
    interface: str = "public"
    identity_api_version: int | str = 3
    cacert: str = ""
    verify: bool = True
    """Only `true` is accepted. The key exists because existing `clouds.yaml` entries contain it."""
    volume_backup_service: str = "vbs"
    volume_backup_api_version: str = ""
    volume_backup_endpoint_override: str = ""
    hold_marker: str = HOLD_MARKER
    allow_admin: bool = False
    insecure_http: bool = False
    signature: str = "access"
    """How requests are signed with an access key: `access` or `credential`."""

    @property
    def region(self) -> str:
        """The region; empty if none is given."""
        return self.region_name or "".join(self.regions)

    @property
    def service(self) -> Service:
        """The kind of backup service."""
        return next((known for known in SERVICES if known == self.volume_backup_service), "vbs")

    @property
    def api_version(self) -> ApiVersion:
        """The version in the path of every call: the configured one, or else the default of the service."""
        configured = self.volume_backup_api_version
        if configured:
            return "v3" if configured == "v3" else "v2"
        return DEFAULT_VERSIONS[self.service]

    @property
    def api(self) -> BackupApi:
        """The API of the backup service."""
        return APIS[self.service, self.api_version]

    @property
    def uses_application_credential(self) -> bool:
        """Whether to log in with an application credential instead of a password."""
        return self.auth_type == "v3applicationcredential"

    @property
    def uses_access_key(self) -> bool:
        """Whether every request is signed with an access key, instead of carrying a token."""
        return self.auth_type == ACCESS_KEY_TYPE

    def describe(self, project_id: ProjectId, address: str, roles: tuple[str, ...] = ()) -> TargetInfo:
        """Describe the target after a login to a project. `address` is the root of the service; see `TargetInfo`."""
        return TargetInfo(
            project_id=project_id,
            hold_marker=self.hold_marker,
            shows_metadata=self.api.shows_metadata,
            service=self.service,
            address=address,
            api_version=self.api_version,
            roles=roles,
        )

    @property
    def address(self) -> str:
        """The address of the backup service without a catalog: configured, or documented; empty if there is none."""
        return self.volume_backup_endpoint_override or find_service_address(self.service, self.region) or ""
