"""Real volumes and backups: made, kept in a store of files, deleted from it."""

import pytest
import requests

from tests.openstack.cloud import Cloud
from tests.openstack.volumes import create_backup, create_volume
from tests.openstack.waiting import wait_until

pytestmark = pytest.mark.openstack


def stored_files(cloud: Cloud) -> list[str]:
    return [path.name for path in cloud.backup_store.rglob("*") if path.is_file()]


def delete(cloud: Cloud, backup_id: str) -> int:
    url = f"{cloud.cinder_url}/v3/{cloud.accounts.project_id}/backups/{backup_id}"
    return requests.delete(url, headers={"X-Auth-Token": cloud.token()}, timeout=30).status_code


def is_deleted(cloud: Cloud, backup_id: str) -> bool:
    return cloud.read_backups()[backup_id].deleted


def test_a_deleted_chain_leaves_an_empty_store(cloud: Cloud) -> None:
    volume_id = create_volume(cloud, "real")
    full = create_backup(cloud, volume_id, "full")
    incremental = create_backup(cloud, volume_id, "incremental", incremental=True)
    assert stored_files(cloud)
    assert delete(cloud, full) == 400
    assert delete(cloud, incremental) == 202
    wait_until("the incremental is gone", lambda: is_deleted(cloud, incremental))
    assert delete(cloud, full) == 202
    wait_until("the full backup is gone", lambda: is_deleted(cloud, full))
    assert stored_files(cloud) == []


def test_a_written_row_is_deleted_with_its_contents(cloud: Cloud) -> None:
    (backup_id,) = cloud.write_backups([{"display_name": "old", "created_at": "2020-02-29T12:00:00"}])
    assert len(stored_files(cloud)) == 1
    assert delete(cloud, backup_id) == 202
    wait_until("it is gone", lambda: is_deleted(cloud, backup_id))
    assert stored_files(cloud) == []
