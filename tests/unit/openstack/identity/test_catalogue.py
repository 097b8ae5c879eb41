"""Where the backup service is: order of types, interface, region, and what is refused."""

from typing import Any

import pytest
from keystoneauth1.access.service_catalog import ServiceCatalogV3

from vbs_reaper.openstack.endpoint import EndpointUnusable
from vbs_reaper.openstack.identity.catalogue import find_endpoint
from vbs_reaper.openstack.target import Target

PROJECT = "0123456789abcdef0123456789abcdef"
OTHER = "ffffffffffffffffffffffffffffffff"


def service(kind: str, *urls: str, interface: str = "public", region: str = "eu-de") -> dict[str, Any]:
    endpoints = [{"interface": interface, "region_id": region, "region": region, "url": url} for url in urls]
    return {"type": kind, "name": kind, "endpoints": endpoints}


def find(*services: dict[str, Any], **keys: Any) -> str:  # noqa: ANN401
    return find_endpoint(Target(**keys), ServiceCatalogV3(list(services)), PROJECT)


ALL = tuple(
    service(kind, f"https://{kind}.example/v3/{PROJECT}")
    for kind in ("block-storage", "volumev3", "volumev2", "vbsv2", "vbs")
)


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ({}, ["vbs", "vbsv2", "volumev2", "volumev3", "block-storage"]),
        ({"volume_backup_api_version": "v3"}, ["vbs", "vbsv2", "volumev3", "block-storage", "volumev2"]),
        ({"volume_backup_service": "cinder"}, ["volumev3", "block-storage", "volumev2"]),
        (
            {"volume_backup_service": "cinder", "volume_backup_api_version": "v2"},
            ["volumev2", "volumev3", "block-storage"],
        ),
    ],
)
def test_the_types_are_looked_for_in_the_order_of_the_service_and_version(
    keys: dict[str, str], order: list[str]
) -> None:
    left = list(ALL)
    found = []
    for _ in order:
        found.append(find(*left, **keys).removeprefix("https://").removesuffix(".example"))
        left = [each for each in left if each["type"] != found[-1]]
    assert found == order


def test_interface_and_region_choose_among_endpoints() -> None:
    services = [
        service("vbs", "https://inside.example/v2", interface="internal"),
        service("vbs", "https://nl.example/v2", region="eu-nl"),
        service("vbs", "https://de.example/v2"),
    ]
    assert find(*services, region_name="eu-nl") == "https://nl.example"
    assert find(*services, regions=("eu-de",)) == "https://de.example"
    assert find(*services, interface="internal") == "https://inside.example"
    with pytest.raises(EndpointUnusable, match=r'several regions; give "region_name"'):
        find(*services)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://vbs.example/v2", "is not https"),
        ("https://user:secret@vbs.example", "is no plain address"),
        ("", "is no plain address"),
        (f"https://vbs.example/v2/{OTHER}", f"names project {OTHER}, the token is for {PROJECT}"),
    ],
)
def test_an_address_of_the_catalogue_that_may_not_be_called_is_refused(url: str, words: str) -> None:
    with pytest.raises(EndpointUnusable, match=words) as refused:
        find(service("vbs", url))
    assert str(refused.value).startswith("the catalogue's address of the backup service ")


def test_what_the_secret_says_goes_before_the_catalogue() -> None:
    assert find(*ALL, volume_backup_endpoint_override="https://own.example/x") == "https://own.example/x"


@pytest.mark.parametrize("services", [(), (service("identity", "https://iam.example/v3"),), (service("vbs"),)])
def test_a_catalogue_without_it_is_told_with_the_fix(services: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(EndpointUnusable, match=r'no public endpoint of vbs, .*give "volume_backup_endpoint_override"'):
        find(*services)
