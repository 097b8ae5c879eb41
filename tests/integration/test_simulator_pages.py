"""Lists of the simulated cloud: every backup once whatever the page, and what Cinder says to a wrong query."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator

LIST = "/v3/PROJECT/backups"
DETAIL = f"{LIST}/detail"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Simulator().running() as running:
        yield running


@pytest.fixture(scope="module")
def caller(cloud: Cloud) -> Iterator[Caller]:
    with Caller(cloud) as somebody:
        yield somebody


@pytest.fixture(autouse=True)
def _afresh(cloud: Cloud, caller: Caller) -> None:
    cloud.reset()
    caller.forget()


def walk(caller: Caller, query: str) -> list[list[str]]:
    """The ids of each page; the last id of one is the marker of the next, until a page is empty."""
    pages: list[list[str]] = []
    marker = ""
    while True:
        rows = caller.call("GET", f"{DETAIL}?{query}{marker}").json()["backups"]
        if not rows:
            return pages
        pages.append([row["id"] for row in rows])
        marker = f"&marker={pages[-1][-1]}"


@settings(max_examples=30)
@given(
    count=st.integers(0, 40),
    limit=st.integers(1, 12),
    order=st.sampled_from(["", "&sort=created_at:asc", "&sort=status:asc,size", "&sort_key=id&sort_dir=desc"]),
)
def test_following_markers_brings_every_backup_once(
    cloud: Cloud, caller: Caller, count: int, limit: int, order: str
) -> None:
    cloud.reset()
    caller.forget()
    ids = cloud.add_backups(count)
    pages = walk(caller, f"limit={limit}{order}")
    assert sorted(sum(pages, [])) == sorted(ids)
    assert all(len(page) == limit for page in pages[:-1])


def test_twenty_thousand_backups_are_listed_newest_first(cloud: Cloud, caller: Caller) -> None:
    ids = cloud.add_backups(20_000)
    assert sum(walk(caller, "limit=1000"), []) == ids[::-1]


def test_without_a_limit_a_page_ends_at_the_servers_own(cloud: Cloud, caller: Caller) -> None:
    ids = cloud.add_backups(7)
    cloud.change_settings(page_limit=5)
    body = caller.call("GET", LIST).json()
    assert [row["id"] for row in body["backups"]] == ids[:1:-1]
    assert body["backups_links"] == [
        {"rel": "next", "href": f"{cloud.url}/v3/{cloud.project_id}/backups?marker={ids[2]}"}
    ]


def test_an_offset_stays_in_the_next_link_and_skips_again(cloud: Cloud, caller: Caller) -> None:
    ids = cloud.add_backups(12)[::-1]
    assert walk(caller, "limit=3&offset=3") == [ids[3:6], ids[9:12]]


def test_links_can_lead_to_an_internal_host_as_the_vendors_samples_do(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(links_base="http://192.168.82.222:8776")
    cloud.add_backup()
    body = caller.call("GET", f"{LIST}?limit=1").json()
    hrefs = [link["href"] for link in [*body["backups"][0]["links"], *body["backups_links"]]]
    assert all(href.startswith("http://192.168.82.222:8776/") for href in hrefs)


def test_a_marker_that_was_deleted_is_not_found(cloud: Cloud, caller: Caller) -> None:
    marker = cloud.add_backups(2)[1]
    cloud.remove_backup(marker)
    answer = caller.call("GET", f"{LIST}?marker={marker}")
    assert answer.status_code == 404
    assert answer.json()["itemNotFound"]["message"] == f"Backup {marker} could not be found."


def test_a_marker_of_another_project_is_not_found(cloud: Cloud, caller: Caller) -> None:
    theirs = cloud.add_backup(project_id=cloud.identity.users["neighbour"].project.id)
    assert caller.call("GET", f"{LIST}?marker={theirs}").status_code == 404


def test_a_marker_in_deletion_still_marks(cloud: Cloud, caller: Caller) -> None:
    older, marker = cloud.add_backups(2)
    cloud.set_status(marker, "deleting")
    rows = caller.call("GET", f"{LIST}?marker={marker}").json()["backups"]
    assert [row["id"] for row in rows] == [older]


@pytest.mark.parametrize(
    ("query", "version", "names"),
    [
        ("status=error", None, ["c"]),
        ("name=a", None, ["a"]),
        ("name~=a", "3.34", ["ab", "a"]),
        ("name~=a", "3.30", ["c", "ab", "a"]),
        ("nosuch=1", None, ["c", "ab", "a"]),
        ("sort=name:asc", "3.37", ["a", "ab", "c"]),
        ("sort=status:asc", None, ["a", "ab", "c"]),
    ],
)
def test_a_list_is_filtered_and_sorted(
    cloud: Cloud, caller: Caller, query: str, version: str | None, names: list[str]
) -> None:
    for name, status in (("a", "available"), ("ab", "available"), ("c", "error")):
        cloud.add_backup(name=name, status=status)
    rows = caller.call("GET", f"{LIST}?{query}", version=version).json()["backups"]
    assert [row["name"] for row in rows] == names


@pytest.mark.parametrize(
    ("query", "version", "complaint"),
    [
        ("limit=-1", None, "limit param must be positive"),
        ("limit=x", None, "limit param must be an integer"),
        ("limit=", None, "limit param must be an integer"),
        ("offset=x", None, "offset must be an integer"),
        ("offset=-1", None, "offset must be >= 0"),
        ("sort=name:asc", "3.36", "Invalid input received: Invalid sort key"),
        ("sort=nosuch", None, "Invalid input received: Invalid sort key"),
        ("sort=id:up", None, "Invalid input received: Unknown sort direction, must be one of: asc, desc"),
        (
            "sort=id&sort_key=id",
            None,
            "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.",
        ),
        ("nosuch=1", "3.43", "Invalid filters nosuch are found in query options."),
    ],
)
def test_a_wrong_query_is_a_bad_request(caller: Caller, query: str, version: str | None, complaint: str) -> None:
    answer = caller.call("GET", f"{LIST}?{query}", version=version)
    assert (answer.status_code, answer.json()["badRequest"]["message"]) == (400, complaint)


def test_a_count_is_of_all_pages(cloud: Cloud, caller: Caller) -> None:
    cloud.add_backups(3)
    cloud.add_backup(project_id=cloud.identity.users["neighbour"].project.id)
    body = caller.call("GET", f"{LIST}?limit=1&with_count=true", version="3.45").json()
    assert body["count"] == 3
    assert "count" not in caller.call("GET", f"{LIST}?with_count=true", version="3.44").json()


def test_an_administrator_lists_the_own_project_unless_all_are_asked_for(cloud: Cloud, caller: Caller) -> None:
    cloud.add_backup()
    cloud.add_backup(project_id=cloud.identity.users["neighbour"].project.id)
    assert len(caller.call("GET", LIST, "admin").json()["backups"]) == 1
    assert len(caller.call("GET", f"{LIST}?all_tenants=1", "admin").json()["backups"]) == 2
    assert len(caller.call("GET", f"{LIST}?all_tenants=1").json()["backups"]) == 1
