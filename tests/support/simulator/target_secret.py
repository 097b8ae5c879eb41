"""Creates target secrets (clouds.yaml entries) for users of the simulated cloud."""

from typing import Any

from tests.support.simulator.identity import DOMAIN_NAME, Identity


def make_target_secret(
    identity: Identity, user: str, *, auth_url: str, region: str, service: str, application_credential: bool
) -> dict[str, Any]:
    """`service` is `vbs` (/v2), `cinder` (/v3) or `cbr`; plain HTTP is allowed if the simulator has no TLS."""
    secret: dict[str, Any] = {
        "auth_type": "v3applicationcredential" if application_credential else "v3password",
        "auth": {"auth_url": auth_url} | (_credential(identity) if application_credential else _login(identity, user)),
        "region_name": region,
        "volume_backup_service": service,
    }
    return secret | ({"insecure_http": True} if auth_url.startswith("http://") else {})


def make_access_key_secret(identity: Identity, user: str, address: str, region: str, service: str) -> dict[str, Any]:
    """The same with an access key. It overrides the endpoint, because the default is a host of the vendor."""
    key = next(key for key in identity.access_keys.values() if key.user == user)
    secret: dict[str, Any] = {
        "auth_type": "aksk",
        "auth": {"access_key": key.id, "secret_key": key.secret, "project_id": identity.users[user].project.id},
        "region_name": region,
        "volume_backup_service": service,
        "volume_backup_endpoint_override": address,
    }
    return secret | ({"insecure_http": True} if address.startswith("http://") else {})


def _credential(identity: Identity) -> dict[str, str]:
    credential = identity.credential
    return {
        "application_credential_id": credential.id,
        "application_credential_secret": credential.secret,
    }


def _login(identity: Identity, name: str) -> dict[str, str]:
    user = identity.users[name]
    return {
        "username": user.name,
        "password": user.password,
        "user_domain_name": DOMAIN_NAME,
        "project_id": user.project.id,
    }
