"""How the endpoint of the backup service is found: order of types, interface, region, and what is refused."""

from typing import Any

import pytest
from hypothesis import given, strategies as st
from keystoneauth1.access.service_catalog import ServiceCatalogV3

from vbs_reaper.clouds.login.catalog import find_endpoint
from vbs_reaper.clouds.target import Target
from vbs_reaper.errors import InvalidEndpoint

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


def test_interface_and_region_select_an_endpoint() -> None:
    services = [
        service("vbs", "https://inside.example/v2", interface="internal"),
        service("vbs", "https://nl.example/v2", region="eu-nl"),
        service("vbs", "https://de.example/v2"),
    ]
    assert find(*services, region_name="eu-nl") == "https://nl.example"
    assert find(*services, regions=("eu-de",)) == "https://de.example"
    assert find(*services, interface="internal") == "https://inside.example"
    with pytest.raises(InvalidEndpoint, match=r'several regions; give "region_name"'):
        find(*services)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://vbs.example/v2", "is not https"),
        ("https://user:secret@vbs.example", "is not a plain address"),
        ("", "is not a plain address"),
        (f"https://vbs.example/v2/{OTHER}", f"names project {OTHER}, but the token is for {PROJECT}"),
    ],
)
def test_a_forbidden_address_in_the_catalog_is_refused(url: str, words: str) -> None:
    with pytest.raises(InvalidEndpoint, match=words) as refused:
        find(service("vbs", url))
    assert str(refused.value).startswith("the catalog's address of the backup service ")
    assert str(refused.value).endswith('; give the right one as "volume_backup_endpoint_override" in the secret')
    assert "insecure_http" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://vbs.example/v2", 'is not https; plain http is accepted only with "insecure_http": true'),
        ("https://user:secret@vbs.example", "is not a plain address; give https://, the host and the path"),
        (f"https://vbs.example/v2/{OTHER}", f"names project {OTHER}, but the token is for {PROJECT}"),
    ],
)
def test_a_forbidden_override_is_refused_with_its_own_fix(url: str, words: str) -> None:
    with pytest.raises(InvalidEndpoint) as refused:
        find(*ALL, volume_backup_endpoint_override=url)
    assert str(refused.value).startswith(f'"volume_backup_endpoint_override" {words}')


IPV6 = "https://[2001:db8::10]:8776"


def test_an_address_of_the_catalog_or_the_secret_is_normalized() -> None:
    spellings = ["HTTPS://[2001:DB8:0:0::10]:8776/v2", f"{IPV6}/v3/{PROJECT}", f"{IPV6}/"]
    assert find(service("vbs", *spellings)) == IPV6
    assert find(*ALL, volume_backup_endpoint_override="HTTPS://VBS.Example.:443/v2") == "https://vbs.example"


def test_the_secret_has_priority_over_the_catalog() -> None:
    assert find(*ALL, volume_backup_endpoint_override="https://own.example/x") == "https://own.example/x"


@pytest.mark.parametrize("services", [(), (service("identity", "https://iam.example/v3"),), (service("vbs"),)])
def test_a_catalog_without_the_service_is_reported_with_the_fix(services: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(InvalidEndpoint, match=r'no public endpoint of vbs, .*give "volume_backup_endpoint_override"'):
        find(*services)


def found_or_fault(*services: dict[str, Any], **keys: Any) -> str:  # noqa: ANN401
    try:
        return find(*services, **keys)
    except InvalidEndpoint as unusable:
        return str(unusable)


ONE, TWO = "https://cinder-one.example", "https://cinder-two.example"
CHOICES = {
    "two services of one type": [
        service("volumev3", f"{ONE}/v3/{PROJECT}"),
        service("volumev3", f"{TWO}/v3/{PROJECT}"),
    ],
    "one service with two endpoints": [service("volumev3", f"{ONE}/v3/{PROJECT}", f"{TWO}/v3/{PROJECT}")],
    "the second version elsewhere": [service("volumev3", f"{ONE}/v3", f"{TWO}/v2")],
    "another port": [service("volumev3", ONE, f"{ONE}:8776")],
    "another path": [service("volumev3", ONE, f"{ONE}/volume/v3/{PROJECT}")],
    "another scheme": [service("volumev3", ONE, ONE.replace("https", "http"))],
    "one that is no address": [service("volumev3", ONE, "")],
    "one that may not be called": [service("volumev3", ONE, "https://user:canary@cinder-two.example")],
    "in every region": [service("volumev3", ONE, TWO, region="*")],
}


@pytest.mark.parametrize("services", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("region_name", ["", "eu-de"])
def test_several_places_of_the_service_are_unusable_until_the_secret_selects_one(
    services: list[dict[str, Any]], region_name: str
) -> None:
    keys = {"volume_backup_service": "cinder", "region_name": region_name}
    forwards = found_or_fault(*services, **keys)
    backwards = found_or_fault(*({**each, "endpoints": each["endpoints"][::-1]} for each in services[::-1]), **keys)
    assert forwards == backwards
    assert forwards.startswith("the catalog has several addresses of the backup service: ")
    assert forwards.endswith('; give the right one as "volume_backup_endpoint_override" in the secret')
    assert "cinder-one.example" in forwards
    assert "canary" not in forwards
    assert find(*services, **keys, volume_backup_endpoint_override=f"{TWO}/v3/{PROJECT}") == TWO


def test_at_most_four_of_many_places_are_named() -> None:
    fault = found_or_fault(service("vbs", *(f"https://{number}.example" for number in range(9))))
    assert ": https://0.example, https://1.example, https://2.example, https://3.example, ...; give" in fault


@given(st.permutations([f"{ONE}/v3/{PROJECT}", f"{ONE}:443/v2/{PROJECT}/", ONE, f"{ONE}/v3/", ONE.upper()]))
def test_addresses_that_differ_only_in_how_they_are_written_are_one_place(urls: list[str]) -> None:
    assert find(service("vbs", *urls[:3]), service("vbs", *urls[3:])) == ONE


@pytest.mark.parametrize("urls", [(f"{ONE}/v2/{PROJECT}", f"{ONE}/v2/{OTHER}"), (f"{ONE}/v2/{OTHER}", ONE)])
def test_no_address_of_one_place_may_contain_another_project(urls: tuple[str, str]) -> None:
    assert f"names project {OTHER}" in found_or_fault(service("vbs", *urls))


def test_other_places_of_later_types_regions_and_interfaces_do_not_count() -> None:
    services = [
        service("volumev2", TWO),
        service("vbs", ONE),
        service("vbs", TWO, region="eu-nl"),
        service("vbs", TWO, region="*"),
        service("vbs", TWO, interface="internal"),
    ]
    assert find(*services, region_name="eu-de") == ONE


EVERY_REGION, IN_DE = service("vbs", TWO, region="*"), service("vbs", ONE)


@pytest.mark.parametrize(
    ("services", "region_name", "place"),
    [
        ([EVERY_REGION, IN_DE], "eu-de", ONE),
        ([EVERY_REGION, IN_DE], "", ONE),
        ([EVERY_REGION, IN_DE], "eu-nl", TWO),
        ([EVERY_REGION, IN_DE], "*", TWO),
        ([EVERY_REGION, service("volumev2", ONE)], "eu-de", ONE),  # the exact region of a later type
        ([EVERY_REGION], "eu-de", TWO),
        ([EVERY_REGION], "", TWO),
    ],
)
def test_an_entry_for_every_region_counts_if_no_other_does(
    services: list[dict[str, Any]], region_name: str, place: str
) -> None:
    assert find(*services, region_name=region_name) == place
    assert find(*services[::-1], region_name=region_name) == place


def test_an_entry_for_every_region_does_not_decide_between_two_regions() -> None:
    services = [service("vbs", TWO, region=region) for region in ("*", "eu-de", "eu-nl")]
    assert "several regions" in found_or_fault(*services)
