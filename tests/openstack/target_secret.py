"""Creates target secrets for users of this cloud."""

from tests.openstack.accounts import ApplicationCredential, User
from tests.openstack.configuration import REGION

Secret = dict[str, object]


def password_secret(auth_url: str, user: User, service: str) -> Secret:
    """`service` is `cinder` (v3) or `vbs` (the alias /v2)."""
    login = {
        "auth_url": auth_url,
        "username": user.name,
        "password": user.password,
        "user_domain_name": user.domain_name,
        "project_id": user.project_id,
    }
    return {"auth": login} | _entry(service)


def application_credential_secret(auth_url: str, credential: ApplicationCredential, service: str) -> Secret:
    """The same with an application credential."""
    login = {
        "auth_url": auth_url,
        "application_credential_id": credential.id,
        "application_credential_secret": credential.secret,
    }
    return {"auth_type": "v3applicationcredential", "auth": login} | _entry(service)


def _entry(service: str) -> Secret:
    return {"region_name": REGION, "volume_backup_service": service, "insecure_http": True}
