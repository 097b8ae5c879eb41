"""Finds the address of the backup service: in the target's secret, or else in the service catalog of the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vbs_reaper.clouds.endpoint import read_endpoint, root_of, show_place
from vbs_reaper.errors import InvalidEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keystoneauth1.access.service_catalog import ServiceCatalog

    from vbs_reaper.clouds.target import Target

_Entry = dict[str, Any]
"""An endpoint of the catalog, as normalized by keystoneauth1."""

ANY_REGION: Final = "*"
"""The region of a catalog entry that applies to every region. Open Telekom Cloud has such entries."""

_PLACES_SHOWN: Final = 4
_OVERRIDE: Final = 'give the right one as "volume_backup_endpoint_override" in the secret'


def find_endpoint(target: Target, catalog: ServiceCatalog, project_id: str) -> str:
    """Return the root of the backup service: its address without version and project, which the target defines.

    Raises:
        InvalidEndpoint: the service has no address, several addresses, or none that may be called.
    """
    override = target.volume_backup_endpoint_override
    urls = [override] if override else _find_in(catalog, target)
    place = '"volume_backup_endpoint_override"' if override else "the catalog's address of the backup service"
    try:
        return _read_root(urls, project_id, insecure_http=target.insecure_http)
    except InvalidEndpoint as invalid:
        if override:
            raise InvalidEndpoint(f"{place} {invalid}") from None
        # The catalog belongs to the cloud, so the fix of the address itself does not help.
        raise InvalidEndpoint(f"{place} {invalid.fault}", _OVERRIDE) from None


def _read_root(urls: Sequence[str], project_id: str, *, insecure_http: bool) -> str:
    """Return the root of the addresses that may be called. All have the same.

    Raises:
        InvalidEndpoint: none may be called; the error is that of the first one. Or one names another project.
    """
    endpoints = []
    faults = []
    for url in urls:
        try:
            endpoints.append(read_endpoint(url, insecure_http=insecure_http))
        except InvalidEndpoint as invalid:
            faults.append(invalid)
    if not endpoints:
        raise faults[0]
    for endpoint in endpoints:
        if endpoint.project_id not in (None, project_id):
            raise InvalidEndpoint(f"names project {endpoint.project_id}, but the token is for {project_id}")
    return endpoints[0].root


def _find_in(catalog: ServiceCatalog, target: Target) -> list[str]:
    """Return the addresses of the first service type that has any in the region. All of them have the same root."""
    service_types = target.api.service_types
    services = catalog.normalize_catalog()
    by_type = {
        service_type: [
            endpoint
            for service in services
            if service["type"] == service_type
            for endpoint in service["endpoints"]
            if endpoint["interface"] == target.interface
        ]
        for service_type in service_types
    }
    found = _of_first_type(by_type, target.region)
    if not found:
        where = f' in region "{target.region}"' if target.region else ""
        raise InvalidEndpoint(
            f"the catalog has no {target.interface} endpoint of {', '.join(service_types)}{where};"
            ' check "region_name" and "interface", or give "volume_backup_endpoint_override"'
        )
    urls = [str(endpoint["url"] or "") for endpoint in found]
    _check_one_place(urls)
    return urls


def _of_first_type(by_type: Mapping[str, list[_Entry]], region: str) -> list[_Entry]:
    """Return the endpoints of the first type that has any in the region; `*` counts if no type has that region."""
    if not region:
        return next(filter(None, map(_of_only_region, by_type.values())), [])
    candidates = (
        [endpoint for endpoint in endpoints if endpoint["region_name"] == name]
        for name in (region, ANY_REGION)
        for endpoints in by_type.values()
    )
    return next(filter(None, candidates), [])


def _of_only_region(endpoints: list[_Entry]) -> list[_Entry]:
    """Return the endpoints of the only region; `*` counts if there is no other region.

    Raises:
        InvalidEndpoint: there are several regions.
    """
    exact = [endpoint for endpoint in endpoints if endpoint["region_name"] != ANY_REGION]
    if len({endpoint["region_name"] for endpoint in exact}) > 1:
        raise InvalidEndpoint('the catalog has several regions; give "region_name" in the secret')
    return exact or endpoints


def _check_one_place(urls: Sequence[str]) -> None:
    """Check that all addresses have the same root. A catalog has no order, so the next login might use another one.

    Raises:
        InvalidEndpoint: they have several roots.
    """
    roots = {root_of(url) for url in urls}
    if len(roots) < 2:
        return
    shown = sorted({show_place(root) for root in roots})
    more = ", ..." if len(shown) > _PLACES_SHOWN else ""
    raise InvalidEndpoint(
        f"the catalog has several addresses of the backup service: {', '.join(shown[:_PLACES_SHOWN])}{more}", _OVERRIDE
    )
