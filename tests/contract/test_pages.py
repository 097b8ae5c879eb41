"""Pages of a list: where they end, and what the next link contains. The maximum page size here is five."""

from dataclasses import dataclass

import pytest

from tests.contract.answer import Answer, fault
from tests.contract.peer_client import PeerClient

BACKUPS = [f"b{number:02}" for number in range(18, 0, -1)]
"""Newest first: b18 … b01; only b07 is in error."""

UNKNOWN = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True, slots=True)
class Page:
    """The page for a query: these backups, and the query of the next link, or None."""

    query: str
    names: list[str]
    next_query: str | None


def after(query: str, name: str) -> str:
    return f"{query}&marker=<{name}>" if query else f"marker=<{name}>"


PAGES = [
    Page("", BACKUPS[:5], after("", "b14")),
    Page("limit=3", BACKUPS[:3], after("limit=3", "b16")),
    Page("limit=3&offset=3", BACKUPS[3:6], after("limit=3&offset=3", "b13")),
    Page("limit=50", BACKUPS[:5], after("limit=50", "b14")),
    Page("limit=3&marker=<b10>", ["b09", "b08", "b07"], after("limit=3", "b07")),
    Page("offset=18", [], None),
    Page("limit=0", [], None),
    Page("sort=created_at:asc&limit=3", ["b01", "b02", "b03"], after("sort=created_at%3Aasc&limit=3", "b03")),
    Page("sort_key=created_at&sort_dir=asc&limit=3", ["b01", "b02", "b03"],
         after("sort_key=created_at&sort_dir=asc&limit=3", "b03")),
    Page("status=error", ["b07"], None),
    Page("status=error&limit=1", ["b07"], after("status=error&limit=1", "b07")),
    Page("limit=2&marker=<b02>", ["b01"], None),
    Page("marker=<b01>", [], None),
    Page("status=error&marker=<b10>", ["b07"], None),
    Page("status=error&marker=<b07>", [], None),
    Page("status=nosuch", [], None),
    Page("name=b05", ["b05"], None),
    Page("volume_id=<volume of b05>", ["b05"], None),
    Page("nosuch=1&limit=1", ["b18"], after("nosuch=1&limit=1", "b18")),
]  # fmt: skip

ERRORS = {
    "limit=-1": fault(400, "badRequest", "limit param must be positive"),
    "limit=x": fault(400, "badRequest", "limit param must be an integer"),
    "offset=x": fault(400, "badRequest", "offset must be an integer"),
    f"marker={UNKNOWN}": fault(404, "itemNotFound", f"Backup {UNKNOWN} could not be found."),
    "sort=name:asc&limit=3": fault(400, "badRequest", "Invalid input received: Invalid sort key"),
    "sort=nosuch&limit=3": fault(400, "badRequest", "Invalid input received: Invalid sort key"),
}


@pytest.fixture
def eighteen_backups(client: PeerClient) -> PeerClient:
    """A client of a cloud with the eighteen backups."""
    for name in reversed(BACKUPS):
        client.write(name, "error" if name == "b07" else "available")
    client.peer.set_max_limit(5)
    return client


def read_page(query: str, answer: Answer) -> Page:
    assert answer.status == 200, answer
    names = [row["name"] for row in answer.body["backups"]]
    links = answer.body.get("backups_links")
    if links is None:
        return Page(query, names, None)
    ((rel, href),) = [(link["rel"], link["href"]) for link in links]
    assert rel == "next"
    return Page(query, names, href.partition("?")[2])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.query or "no query")
def test_a_page(eighteen_backups: PeerClient, page: Page) -> None:
    assert read_page(page.query, eighteen_backups.call("GET", f"/v3/PROJECT/backups?{page.query}")) == page


@pytest.mark.parametrize("query", ERRORS)
def test_an_invalid_query(eighteen_backups: PeerClient, query: str) -> None:
    assert eighteen_backups.call("GET", f"/v3/PROJECT/backups?{query}") == ERRORS[query]


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("limit=4", [BACKUPS[:4], BACKUPS[4:8], BACKUPS[8:12], BACKUPS[12:16], BACKUPS[16:]]),
        ("status=error&limit=1", [["b07"], []]),
        ("limit=3&offset=3", [BACKUPS[3:6], BACKUPS[9:12], BACKUPS[15:], []]),
    ],
    ids=["every backup once", "an empty page after a full last one", "an offset is applied again on every page"],
)
def test_the_next_links_lead_through_the_whole_list(
    eighteen_backups: PeerClient, query: str, pages: list[list[str]]
) -> None:
    seen: list[list[str]] = []
    following: str | None = query
    while following is not None:
        answer = eighteen_backups.call("GET", f"/v3/PROJECT/backups/detail?{following}")
        page = read_page(following, answer)
        seen.append(page.names)
        following = page.next_query
        assert len(seen) <= len(BACKUPS)
        assert following is None or "/backups/detail?" in answer.body["backups_links"][0]["href"]
    assert seen == pages


def test_a_marker_in_deletion_is_valid_and_a_deleted_one_is_not(eighteen_backups: PeerClient) -> None:
    eighteen_backups.peer.set_driver(delay_s=1.0)
    following = read_page("limit=2", eighteen_backups.call("GET", "/v3/PROJECT/backups?limit=2")).next_query
    assert following == "limit=2&marker=<b17>"
    assert eighteen_backups.delete("b17").status == 202
    page = read_page(following, eighteen_backups.call("GET", f"/v3/PROJECT/backups?{following}"))
    assert page.names == ["b16", "b15"]
    eighteen_backups.wait_until_gone("b17")
    gone = fault(404, "itemNotFound", "Backup <b17> could not be found.")
    assert eighteen_backups.call("GET", f"/v3/PROJECT/backups?{following}") == gone
