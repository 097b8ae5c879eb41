"""One request to a known set of backups and its response. Every row was measured on real servers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.contract.answer import ACCEPTED, Answer, cinder, fault, not_served, unauthenticated
from tests.contract.peer import Person
from tests.contract.peer_client import PeerClient
from tests.contract.record import record, summary

UNKNOWN = "11111111-2222-3333-4444-555555555555"
WRONG_STATE = fault(400, "badRequest", "Invalid backup: Backup status must be available or error")
HAS_DEPENDENTS = fault(400, "badRequest", "Invalid backup: Incremental backups exist for this backup.")
MALFORMED = fault(400, "badRequest", "Malformed request url")


@dataclass(frozen=True, slots=True)
class Row:
    """`who` sends `method path`. The backups are those of `write_backups`."""

    rule: str
    method: str
    path: str
    answer: Answer
    who: Person | None = Person.MEMBER
    version: str | None = None
    token: str | None = field(default=None, kw_only=True)
    body: object = None


def gone(backup: str) -> Answer:
    return fault(404, "itemNotFound", f"Backup {backup} could not be found.")


def forbidden(policy: str) -> Answer:
    return fault(403, "forbidden", f"Policy doesn't allow {policy} to be performed.")


def versions() -> Answer:
    links = [
        {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
        {"rel": "self", "href": "CINDER/v3/"},
    ]
    media = [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}]
    version = {"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0"}
    version |= {"updated": "2023-08-31T00:00:00Z"}
    return cinder(300, {"versions": [version | {"links": links, "media-types": media}]})


def first_page(query: str, *, count: int | None = None, version: str = "3.0") -> Answer:
    """Return a page with only the newest backup, and a next link."""
    following = {"rel": "next", "href": f"CINDER/v3/PROJECT/backups?{query}&marker=<incremental>"}
    body: dict[str, object] = {"backups": [summary("incremental")], "backups_links": [following]}
    return cinder(200, body if count is None else body | {"count": count}, version=version)


MINE, THEIRS = "/v3/PROJECT/backups/<mine>", "/v3/PROJECT/backups/<theirs>"
HELD = record("held", description="[hold] for the audit")
OWNER = {"os-backup-project-attr:project_id": "PROJECT"}
SEEN_BY_ADMINISTRATORS = record(
    "incremental", is_incremental=True, volume_id="<chain>", metadata={}, user_id="MEMBER", **OWNER
)

ROWS = [
    Row("the root lists the versions", "GET", "/", versions(), None),
    Row("v3 needs a token", "GET", "/v3/", unauthenticated(), None),
    Row("v2 is not served", "GET", "/v2/PROJECT/backups", not_served()),
    Row("v2 deletes nothing", "DELETE", f"/v2/PROJECT/backups/{UNKNOWN}", not_served()),
    Row("another project has its own list", "GET", "/v3/FOREIGN/backups/detail", cinder(200, {"backups": [
        record("theirs") | {"links": [
            {"rel": "self", "href": "CINDER/v3/FOREIGN/backups/<theirs>"},
            {"rel": "bookmark", "href": "CINDER/FOREIGN/backups/<theirs>"},
        ]}
    ]}), Person.NEIGHBOUR),
    Row("an available backup is shown", "GET", MINE, cinder(200, {"backup": record("mine")})),
    Row("metadata is not shown by default", "GET", "/v3/PROJECT/backups/<held>", cinder(200, {"backup": HELD})),
    Row("metadata is shown from 3.43", "GET", "/v3/PROJECT/backups/<held>",
        cinder(200, {"backup": HELD | {"metadata": {"hold": "yes"}}}, version="3.43"), version="3.43"),
    Row("an unknown id is shown as gone", "GET", f"/v3/PROJECT/backups/{UNKNOWN}", gone(UNKNOWN)),
    Row("an available backup can be deleted", "DELETE", MINE, ACCEPTED),
    Row("one in error can be deleted", "DELETE", "/v3/PROJECT/backups/<error>", ACCEPTED),
    Row("an unknown id is gone", "DELETE", f"/v3/PROJECT/backups/{UNKNOWN}", gone(UNKNOWN)),
    Row("an id that is not a uuid is gone too", "DELETE", "/v3/PROJECT/backups/no-such-backup", gone("no-such-backup")),
    Row("creating", "DELETE", "/v3/PROJECT/backups/<creating>", WRONG_STATE),
    Row("restoring", "DELETE", "/v3/PROJECT/backups/<restoring>", WRONG_STATE),
    Row("deleting", "DELETE", "/v3/PROJECT/backups/<deleting>", WRONG_STATE),
    Row("error_deleting", "DELETE", "/v3/PROJECT/backups/<error_deleting>", WRONG_STATE),
    Row("one with an incremental cannot be deleted", "DELETE", "/v3/PROJECT/backups/<full>", HAS_DEPENDENTS),
    Row("an incremental can be deleted", "DELETE", "/v3/PROJECT/backups/<incremental>", ACCEPTED),
    Row("no token", "DELETE", MINE, unauthenticated(), None),
    Row("a bad token", "DELETE", MINE, unauthenticated(), token="no-such-token"),
    Row("a reader may not delete", "DELETE", MINE, forbidden("backup:delete"), Person.READER),
    Row("a reader may list", "GET", "/v3/PROJECT/backups?limit=1", first_page("limit=1"), Person.READER),
    Row("another role may not delete", "DELETE", MINE, forbidden("backup:get"), Person.UNRELATED),
    Row("another role may not list", "GET", "/v3/PROJECT/backups", forbidden("backup:get_all"), Person.UNRELATED),
    Row("a token of another project than the URL's", "DELETE", MINE, MALFORMED, Person.NEIGHBOUR),
    Row("own URL, another project's backup", "DELETE", THEIRS, gone("<theirs>")),
    Row("own URL, another project's backup, shown", "GET", THEIRS, gone("<theirs>")),
    Row("an administrator can delete another project's backup", "DELETE", THEIRS, ACCEPTED, Person.ADMIN),
    Row("another project's URL, own backup", "DELETE", "/v3/FOREIGN/backups/<mine>", gone("<mine>"), Person.NEIGHBOUR),
    Row("no project in the URL", "GET", "/v3/backups?limit=1", cinder(200, {
        "backups": [{"id": "<incremental>", "name": "incremental", "links": [
            {"rel": "self", "href": "CINDER/v3/backups/<incremental>"},
            {"rel": "bookmark", "href": "CINDER/backups/<incremental>"},
        ]}],
        "backups_links": [{"rel": "next", "href": "CINDER/v3/backups?limit=1&marker=<incremental>"}],
    })),
    Row("a trailing slash is another path", "DELETE", f"{MINE}/", not_served()),
    Row("a public cloud's path", "DELETE", "/v3/PROJECT/cloudbackups/<mine>", not_served()),
    Row("with_count counts from 3.45", "GET", "/v3/PROJECT/backups?limit=1&with_count=true",
        first_page("limit=1&with_count=true", count=9, version="3.45"), version="3.45"),
    Row("an unsupported version", "DELETE", MINE, fault(
        406, "computeFault", "Version 3.999 is not supported by the API. Minimum is 3.0 and maximum is 3.71.",
        version="3.999"), version="3.999"),
    Row("an administrator sees the owner and the user", "GET", "/v3/PROJECT/backups/detail?limit=1&all_tenants=1",
        cinder(200, {"backups": [SEEN_BY_ADMINISTRATORS], "backups_links": [
            {"rel": "next", "href": "CINDER/v3/PROJECT/backups/detail?limit=1&all_tenants=1&marker=<incremental>"},
        ]}, version="3.56"), Person.ADMIN, version="3.56"),
    Row("below 3.56 no user is shown, below 3.18 no owner", "GET", "/v3/PROJECT/backups/<mine>",
        cinder(200, {"backup": record("mine")}, version="3.17"), Person.ADMIN, version="3.17"),
    Row("from 3.18 administrators see the owner", "GET", MINE,
        cinder(200, {"backup": record("mine", **OWNER)}, version="3.18"), Person.ADMIN, version="3.18"),
    Row("members never see the owner", "GET", MINE,
        cinder(200, {"backup": record("mine", metadata={})}, version="3.71"), version="3.71"),
    Row("a reader may show", "GET", MINE, cinder(200, {"backup": record("mine")}), Person.READER),
    Row("another role may not show", "GET", MINE, forbidden("backup:get"), Person.UNRELATED),
    Row("even an administrator's token belongs to one project", "GET", "/v3/FOREIGN/backups/<theirs>",
        MALFORMED, Person.ADMIN),
    Row("an administrator can show another project's backup", "GET", THEIRS, cinder(200, {"backup": record("theirs")}),
        Person.ADMIN),
    Row("members list only their own project despite all_tenants", "GET", "/v3/PROJECT/backups?all_tenants=1&limit=1",
        first_page("all_tenants=1&limit=1")),
    Row("one volume's backups are listed with metadata", "GET", "/v3/PROJECT/backups/detail?volume_id=<chain>",
        cinder(200, {"backups": [
            record("incremental", volume_id="<chain>", is_incremental=True, metadata={}),
            record("full", volume_id="<chain>", has_dependent_backups=True, metadata={}),
        ]}, version="3.43"), version="3.43"),
    Row("from 3.31 an unknown filter is an error", "GET", "/v3/PROJECT/backups?nosuch=1", fault(
        400, "badRequest", "Invalid filters nosuch are found in query options.", version="3.43"), version="3.43"),
    Row("members may not force", "POST", "/v3/PROJECT/backups/<error_deleting>/action",
        forbidden("volume_extension:backup_admin_actions:force_delete"), body={"os-force_delete": {}}),
    Row("administrators may force", "POST", "/v3/PROJECT/backups/<error_deleting>/action",
        ACCEPTED, Person.ADMIN, body={"os-force_delete": {}}),
]  # fmt: skip


def write_backups(client: PeerClient) -> None:
    """Create one backup of each kind, oldest first."""
    client.write("theirs", owner=Person.NEIGHBOUR)
    client.write("mine")
    client.write("held", description="[hold] for the audit", metadata={"hold": "yes"})
    for status in ("error", "creating", "restoring", "deleting", "error_deleting"):
        client.write(status, status)
    client.write("full", volume="chain")
    client.write("incremental", volume="chain", parent="full")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_one_request(client: PeerClient, row: Row) -> None:
    write_backups(client)
    answer = client.call(row.method, row.path, row.who, token=row.token, version=row.version, body=row.body)
    assert answer == row.answer


def test_a_project_without_backups_has_an_empty_list(client: PeerClient) -> None:
    assert client.call("GET", "/v3/PROJECT/backups/detail") == cinder(200, {"backups": []})


@pytest.mark.parametrize("path", ["/", "/v3/PROJECT/backups", "/v2/PROJECT/backups", f"/v3/PROJECT/backups/{UNKNOWN}"])
def test_every_answer_has_the_time_of_the_server(client: PeerClient, path: str) -> None:
    at = parsedate_to_datetime(client.raw("GET", path).headers["Date"])
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=30)


def test_both_request_ids_are_equal(client: PeerClient) -> None:
    headers = client.raw("GET", "/v3/PROJECT/backups").headers
    assert headers["X-Compute-Request-Id"] == headers["X-OpenStack-Request-Id"]
