"""Where the backup service is: as the target's secret says, else as the catalogue of its token does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from vbs_reaper.openstack.endpoint import Endpoint
from vbs_reaper.openstack.endpoint import EndpointUnusable
from vbs_reaper.openstack.endpoint import read_endpoint
from vbs_reaper.openstack.endpoint import root_of
from vbs_reaper.openstack.endpoint import show_place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from keystoneauth1.access.service_catalog import ServiceCatalog

    from vbs_reaper.openstack.target import Target

_Entry = dict[str, Any]
"""An endpoint of the catalogue, as keystoneauth1 normalises it."""

_TYPES: Final = {
    ("vbs", "v2"): ("vbs", "vbsv2", "volumev2", "volumev3", "block-storage"),
    ("vbs", "v3"): ("vbs", "vbsv2", "volumev3", "block-storage", "volumev2"),
    ("cinder", "v2"): ("volumev2", "volumev3", "block-storage"),
    ("cinder", "v3"): ("volumev3", "block-storage", "volumev2"),
}
"""The types of service to look for, the likeliest first: clouds name theirs differently."""


ANY_REGION: Final = "*"
"""The region of a catalogue's entry that is for every region (Open Telekom Cloud has such entries)."""

_PLACES_SHOWN: Final = 4


def find_endpoint(target: Target, catalogue: ServiceCatalog, project_id: str) -> str:
    """Find the root of the backup service: its address without version and project, which are the target's.

    Raises:
        EndpointUnusable: there is none, there are several, or none may be called; the message is for people.
    """
    override = target.volume_backup_endpoint_override
    urls = [override] if override else _find_in(catalogue, target)
    place = '"volume_backup_endpoint_override"' if override else "the catalogue's address of the backup service"
    try:
        endpoints = _readable(urls, insecure_http=target.insecure_http)
    except EndpointUnusable as unusable:
        raise EndpointUnusable(f"{place} {unusable}") from None
    for endpoint in endpoints:
        if endpoint.project_id not in (None, project_id):
            raise EndpointUnusable(f"{place} names project {endpoint.project_id}, the token is for {project_id}")
    return endpoints[0].root


def _readable(urls: Sequence[str], *, insecure_http: bool) -> list[Endpoint]:
    """Read every address that may be called; the fault of the first if there is none."""
    found = []
    faults = []
    for url in urls:
        try:
            found.append(read_endpoint(url, insecure_http=insecure_http))
        except EndpointUnusable as unusable:
            faults.append(unusable)
    if not found:
        raise faults[0]
    return found


def _find_in(catalogue: ServiceCatalog, target: Target) -> list[str]:
    """Return the service's addresses, all with one root: those of the first type that has any in the region."""
    kinds = _TYPES[target.service, target.api_version]
    services = catalogue.normalize_catalog()
    of_kind = {
        kind: [
            endpoint
            for service in services
            if service["type"] == kind
            for endpoint in service["endpoints"]
            if endpoint["interface"] == target.interface
        ]
        for kind in kinds
    }
    found = _of_first_type(of_kind, target.region)
    if not found:
        where = f' in region "{target.region}"' if target.region else ""
        raise EndpointUnusable(
            f"the catalogue has no {target.interface} endpoint of {', '.join(kinds)}{where};"
            ' check "region_name" and "interface", or give "volume_backup_endpoint_override"'
        )
    urls = [str(endpoint["url"] or "") for endpoint in found]
    _check_one_place(urls)
    return urls


def _of_first_type(of_kind: Mapping[str, list[_Entry]], region: str) -> list[_Entry]:
    """Return the endpoints of the first type that has any; with a region, `*` counts if no type has that region."""
    if not region:
        return next(filter(None, map(_of_one_region, of_kind.values())), [])
    found = (
        [endpoint for endpoint in endpoints if endpoint["region_name"] == wanted]
        for wanted in (region, ANY_REGION)
        for endpoints in of_kind.values()
    )
    return next(filter(None, found), [])


def _of_one_region(endpoints: list[_Entry]) -> list[_Entry]:
    """Return the endpoints of the only region there is; `*` counts if there is no other."""
    exact = [endpoint for endpoint in endpoints if endpoint["region_name"] != ANY_REGION]
    if len({endpoint["region_name"] for endpoint in exact}) > 1:
        raise EndpointUnusable('the catalogue has several regions; give "region_name" in the secret')
    return exact or endpoints


def _check_one_place(urls: Sequence[str]) -> None:
    """Refuse to choose: a catalogue has no order, so the next login might choose another service."""
    roots = {root_of(url) for url in urls}
    if len(roots) < 2:
        return
    shown = sorted({show_place(root) for root in roots})
    more = ", ..." if len(shown) > _PLACES_SHOWN else ""
    raise EndpointUnusable(
        f"the catalogue has several addresses of the backup service: {', '.join(shown[:_PLACES_SHOWN])}{more};"
        ' give the right one as "volume_backup_endpoint_override" in the secret'
    )
