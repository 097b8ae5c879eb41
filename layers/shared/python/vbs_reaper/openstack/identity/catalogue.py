"""Where the backup service is: as the target's secret says, else as the catalogue of its token does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.openstack.endpoint import EndpointUnusable
from vbs_reaper.openstack.endpoint import read_endpoint

if TYPE_CHECKING:
    from keystoneauth1.access.service_catalog import ServiceCatalog

    from vbs_reaper.openstack.target import Target

_TYPES: Final = {
    ("vbs", "v2"): ("vbs", "vbsv2", "volumev2", "volumev3", "block-storage"),
    ("vbs", "v3"): ("vbs", "vbsv2", "volumev3", "block-storage", "volumev2"),
    ("cinder", "v2"): ("volumev2", "volumev3", "block-storage"),
    ("cinder", "v3"): ("volumev3", "block-storage", "volumev2"),
}
"""The types of service to look for, the likeliest first: clouds name theirs differently."""


def find_endpoint(target: Target, catalogue: ServiceCatalog, project_id: str) -> str:
    """Find the backup service's address, without version and project: those are the target's.

    Raises:
        EndpointUnusable: there is none, or none that may be called; the message is for people.
    """
    override = target.volume_backup_endpoint_override
    url = override or _find_in(catalogue, target)
    place = '"volume_backup_endpoint_override"' if override else "the catalogue's address of the backup service"
    try:
        endpoint = read_endpoint(url, insecure_http=target.insecure_http)
    except EndpointUnusable as unusable:
        raise EndpointUnusable(f"{place} {unusable}") from None
    if endpoint.project_id not in (None, project_id):
        raise EndpointUnusable(f"{place} names project {endpoint.project_id}, the token is for {project_id}")
    return endpoint.root


def _find_in(catalogue: ServiceCatalog, target: Target) -> str:
    kinds = _TYPES[target.service, target.api_version]
    services = catalogue.normalize_catalog()
    for kind in kinds:
        endpoints = [
            endpoint
            for service in services
            if service["type"] == kind
            for endpoint in service["endpoints"]
            if endpoint["interface"] == target.interface and target.region in ("", endpoint["region_name"])
        ]
        if len({endpoint["region_name"] for endpoint in endpoints}) > 1:
            raise EndpointUnusable('the catalogue has several regions; give "region_name" in the secret')
        if endpoints:
            return str(endpoints[0]["url"])
    where = f' in region "{target.region}"' if target.region else ""
    raise EndpointUnusable(
        f"the catalogue has no {target.interface} endpoint of {', '.join(kinds)}{where};"
        ' check "region_name" and "interface", or give "volume_backup_endpoint_override"'
    )
