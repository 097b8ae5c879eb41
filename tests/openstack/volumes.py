"""Creates real volumes and backups with the API of Cinder, as the user `member`."""

from typing import Any

import requests

from tests.openstack.cloud import Cloud
from tests.openstack.waiting import wait_until

TIMEOUT_S = 30.0


def create_volume(cloud: Cloud, name: str) -> str:
    """Create a volume of nominally 1 GiB; return its ID when it is available."""
    return _create(cloud, "volume", {"name": name, "size": 1})


def create_backup(cloud: Cloud, volume_id: str, name: str, *, incremental: bool = False, **values: object) -> str:
    """Create a backup; return its ID when it is available."""
    return _create(cloud, "backup", {"name": name, "volume_id": volume_id, "incremental": incremental} | values)


def create_snapshot(cloud: Cloud, volume_id: str) -> str:
    """Create a snapshot; return its ID when it is available."""
    return _create(cloud, "snapshot", {"volume_id": volume_id})


def delete_backup(cloud: Cloud, backup_id: str) -> None:
    """Delete a backup with the API, and wait until it is gone."""
    with _member(cloud) as http:
        url = f"{_api(cloud)}/backups/{backup_id}"
        asked = http.delete(url, timeout=TIMEOUT_S)
        if not asked.ok:
            raise RuntimeError(f"Cinder did not delete the backup: {asked.status_code} {asked.text[:300]}")
        wait_until("the backup is gone", lambda: http.get(url, timeout=TIMEOUT_S).status_code == 404)


def change_backup(cloud: Cloud, backup_id: str, **values: object) -> None:
    """Change the name or description of a backup with the API."""
    with _member(cloud) as http:
        url = f"{_api(cloud)}/backups/{backup_id}"
        asked = http.put(url, json={"backup": values}, timeout=TIMEOUT_S)
        if not asked.ok:
            raise RuntimeError(f"Cinder did not change the backup: {asked.status_code} {asked.text[:300]}")


def _api(cloud: Cloud) -> str:
    return f"{cloud.cinder_url}/v3/{cloud.accounts.project_id}"


def _member(cloud: Cloud) -> requests.Session:
    http = requests.Session()
    http.trust_env = False
    http.headers.update({"X-Auth-Token": cloud.token(), "OpenStack-API-Version": "volume 3.43"})
    return http


def _create(cloud: Cloud, kind: str, values: dict[str, Any]) -> str:
    collection = f"{_api(cloud)}/{kind}s"
    with _member(cloud) as http:
        asked = http.post(collection, json={kind: values}, timeout=TIMEOUT_S)
        if not asked.ok:
            raise RuntimeError(f"Cinder did not create the {kind}: {asked.status_code} {asked.text[:300]}")
        made = str(asked.json()[kind]["id"])
        _wait_until_available(http, f"{collection}/{made}", kind)
    return made


def _wait_until_available(http: requests.Session, url: str, kind: str) -> None:
    def is_available() -> bool:
        status = http.get(url, timeout=TIMEOUT_S).json()[kind]["status"]
        if status.startswith("error"):
            raise RuntimeError(f"the {kind} is {status}")
        return bool(status == "available")

    wait_until(f"the {kind} is available", is_available)
