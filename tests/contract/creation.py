"""Requests a backup of a volume from each kind of service. No other code creates backups.

Sources: Block Storage API V3, "Create a backup"; VBS API reference, "Creating a VBS Backup" (the call of native
OpenStack needs a snapshot); CBR API reference, "Creating a Restore Point" and "Querying the Vault List".
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.contract.cloud_peer import CloudPeer
from vbs_reaper.backups.answer import Service
from vbs_reaper.clouds.http.deadline import Reply

DESCRIPTION = "made and deleted by make test-cloud of vbs-reaper"
VOLUME = "OS::Cinder::Volume"


def request_backup(peer: CloudPeer, volume_id: str, name: str) -> None:
    """Request one backup of this volume with this name; the service creates it later."""
    reply = _REQUESTS[peer.target.service](peer, volume_id, name)
    assert 200 <= reply.status < 300, f"no backup was created: {reply.status} {reply.body.decode(errors='replace')}"


def _of_cinder(peer: CloudPeer, volume_id: str, name: str) -> Reply:
    backup = {"volume_id": volume_id, "name": name, "description": DESCRIPTION, "force": True}
    return peer.post("backups", {"backup": backup})


def _of_vbs(peer: CloudPeer, volume_id: str, name: str) -> Reply:
    backup = {"volume_id": volume_id, "name": name, "description": DESCRIPTION}
    return peer.post("cloudbackups", {"backup": backup}, version="v2")


def _of_cbr(peer: CloudPeer, volume_id: str, name: str) -> Reply:
    parameters = {"name": name, "description": DESCRIPTION, "resources": [volume_id]}
    checkpoint = {"vault_id": _vault_of(peer, volume_id), "parameters": parameters}
    return peer.post("checkpoints", {"checkpoint": checkpoint})


def _vault_of(peer: CloudPeer, volume_id: str) -> str:
    """Return the ID of the only vault that this volume is in."""
    reply = peer.get(f"vaults?resource_ids={volume_id}")
    assert reply.status == 200, f"the vaults cannot be listed: {reply.status}"
    vaults: list[dict[str, Any]] = json.loads(reply.body)["vaults"]
    found = [
        str(vault["id"])
        for vault in vaults
        if any((each["id"], each["type"]) == (volume_id, VOLUME) for each in vault["resources"])
    ]
    assert len(found) == 1, f"the volume is in {len(found)} vaults and must be in one"
    return found[0]


_REQUESTS: Mapping[Service, Callable[[CloudPeer, str, str], Reply]] = {
    "cinder": _of_cinder,
    "vbs": _of_vbs,
    "cbr": _of_cbr,
}
