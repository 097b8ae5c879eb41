"""The facts about Cloud Backup and Recovery (CBR) that the client relies on, each with its source and status.

No live CBR was called. `documented` facts are in the vendor's documents, `seen` ones in a public recording or issue.
`assumed` ones are in neither, and must be verified with a live account. The simulator implements all of them.

Sources: OTC is the API reference "Cloud Backup and Recovery" of Open Telekom Cloud (docs.otc.t-systems.com), HWC that
of Huawei Cloud (support.huaweicloud.com/intl/en-us/api-cbr), C7N the recordings of cloud-custodian (c7n_huaweicloud).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import requests

from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import OTHER_PROJECT_ID, SimulatorSettings

VOLUME = "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31"
UNKNOWN = "11111111-2222-4333-8444-555555555555"
BACKUPS = "/cbr/v3/PROJECT/backups"
TASKS = "/cbr/v3/PROJECT/operation-logs"


Check = Callable[[Cloud, Caller], object]


@dataclass(frozen=True)
class Fact:
    """One fact that the client relies on, and a check of it."""

    text: str
    source: str
    standing: str
    check: Check


FACTS: list[Fact] = []


def fact(text: str, source: str, standing: Literal["documented", "seen", "assumed"]) -> Callable[[Check], Check]:
    """Register the decorated function as the check of a fact."""

    def add(check: Check) -> Check:
        FACTS.append(Fact(text, source, standing, check))
        return check

    return add


def error_of(answer: requests.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) <= {"error_code", "error_msg", "request_id"}
    return answer.status_code, body["error_code"]


def record_of(cloud: Cloud, caller: Caller, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # of a backup
    shown: dict[str, Any] = caller.call("GET", f"{BACKUPS}/{cloud.add_backup(**fields)}").json()["backup"]
    return shown


@fact("A deletion is accepted with 204, without a body.", "OTC, Deleting a Backup", "documented")
def is_deleted_without_a_body(cloud: Cloud, caller: Caller) -> bool:
    answer = caller.call("DELETE", f"{BACKUPS}/{cloud.add_backup()}")
    return (answer.status_code, answer.content) == (204, b"")


@fact(
    "It runs through waiting_delete and deleting; then a GET gives 404.",
    "OTC, Querying a Specified Backup",
    "documented",
)
def runs_through_two_states(cloud: Cloud, caller: Caller) -> bool:
    path = f"{BACKUPS}/{cloud.add_backup()}"
    caller.call("DELETE", path)
    states = [caller.call("GET", path).json()["backup"]["status"]]
    cloud.advance(1.5)
    states.append(caller.call("GET", path).json()["backup"]["status"])
    cloud.advance(1)
    return states == ["waiting_delete", "deleting"] and caller.call("GET", path).status_code == 404


@fact("A GET of an unknown backup gives 404 BackupService.6200.", "OTC, Error Codes", "assumed")
def is_unknown(_: Cloud, caller: Caller) -> bool:
    return error_of(caller.call("GET", f"{BACKUPS}/{UNKNOWN}")) == (404, "BackupService.6200")


@fact("A DELETE of one gives the same, or 400 CSBS.3001.", "OTC, Error Codes; HWC, DeleteBackup", "assumed")
def is_unknown_to_delete(cloud: Cloud, caller: Caller) -> bool:
    by_flavour = {"otc": (404, "BackupService.6200"), "huawei": (400, "CSBS.3001")}
    return error_of(caller.call("DELETE", f"{BACKUPS}/{UNKNOWN}")) == by_flavour[cloud.settings.cbr_flavour]


@fact("These texts name no backup.", "OTC, Error Codes", "assumed")
def names_no_backup(_: Cloud, caller: Caller) -> bool:
    return UNKNOWN not in caller.call("GET", f"{BACKUPS}/{UNKNOWN}").text


@fact("A second DELETE gives 400 BackupService.6201.", "OTC, Error Codes", "assumed")
def refuses_a_second_delete(cloud: Cloud, caller: Caller) -> bool:
    path = f"{BACKUPS}/{cloud.add_backup()}"
    caller.call("DELETE", path)
    return error_of(caller.call("DELETE", path)) == (400, "BackupService.6201")


@fact("A token of another project gives 401, Malformed request url.", "terraform-provider-huaweicloud, cbr", "seen")
def refuses_another_project(_: Cloud, caller: Caller) -> bool:
    answer = caller.call("GET", f"/cbr/v3/{OTHER_PROJECT_ID}/backups")
    return (answer.status_code, answer.json()["unauthorized"]["message"]) == (401, "Malformed request url")


@fact("Backups of other projects are neither shown nor listed.", "OTC, Querying All Backups (own_type)", "documented")
def hides_backups_of_others(cloud: Cloud, caller: Caller) -> bool:
    backup_id = cloud.add_backup(project_id=OTHER_PROJECT_ID)
    listed = caller.call("GET", BACKUPS).json()
    return error_of(caller.call("GET", f"{BACKUPS}/{backup_id}"))[0] == 404 and listed["count"] == 0


@fact("resource_id filters the list.", "OTC, Querying All Backups", "documented")
def filters_by_volume(cloud: Cloud, caller: Caller) -> bool:
    cloud.add_backup()
    backup_id = cloud.add_backup(volume_id=VOLUME)
    listed = caller.call("GET", f"{BACKUPS}?limit=1000&resource_id={VOLUME}").json()
    return [row["id"] for row in listed["backups"]] == [backup_id] and listed["count"] == 1


@fact("count is the number of all rows that pass the filter.", "OTC, Querying All Backups", "assumed")
def counts_all_rows_of_the_filter(cloud: Cloud, caller: Caller) -> bool:
    cloud.add_backups(3)
    listed = caller.call("GET", f"{BACKUPS}?limit=2").json()
    return (len(listed["backups"]), listed["count"]) == (2, 3)


@fact("limit, offset and sort choose the rows of a page.", "OTC, Querying All Backups", "documented")
def skips_rows(cloud: Cloud, caller: Caller) -> bool:
    ids = cloud.add_backups(5)
    query = "limit=2&resource_type=OS::Cinder::Volume&sort=created_at:asc&offset=3"
    return [row["id"] for row in caller.call("GET", f"{BACKUPS}?{query}").json()["backups"]] == ids[3:]


@fact("A page has at most 1,000 rows.", "OTC, Querying All Backups", "documented")
def refuses_long_pages(_: Cloud, caller: Caller) -> bool:
    return error_of(caller.call("GET", f"{BACKUPS}?limit=1001")) == (400, "BackupService.9900")


@fact("The log of tasks has each deletion with its backup.", "OTC, Querying the Task List", "documented")
def logs_deletions(cloud: Cloud, caller: Caller) -> bool:
    backup_id = cloud.add_backup(volume_id=VOLUME)
    caller.call("DELETE", f"{BACKUPS}/{backup_id}")
    cloud.advance(10)
    log = caller.call("GET", f"{TASKS}?limit=1000&resource_id={VOLUME}&operation_type=delete").json()
    (task,) = log["operation_logs"]
    seen = task["operation_type"], task["status"], task["extra_info"]["delete"]["backup_id"]
    return seen == ("delete", "success", backup_id)


@fact("It says why a deletion failed.", "OTC, Querying the Task List", "documented")
def logs_why_a_deletion_failed(cloud: Cloud, caller: Caller) -> bool:
    cloud.change_settings(driver_error="no space")
    caller.call("DELETE", f"{BACKUPS}/{cloud.add_backup()}")
    cloud.advance(10)
    (task,) = caller.call("GET", f"{TASKS}?operation_type=delete").json()["operation_logs"]
    return (task["status"], task["error_info"]["message"]) == ("failed", "no space")


@fact(
    "A backup names the images that were made from it.",
    "OTC, Querying a Specified Backup; Error Codes",
    "documented",
)
def names_images(cloud: Cloud, caller: Caller) -> bool:
    shown = record_of(cloud, caller, cbr={"image_ids": ["an-image"]})
    refused = error_of(caller.call("DELETE", f"{BACKUPS}/{shown['id']}"))
    return shown["extend_info"]["os_images_data"] == [{"image_id": "an-image"}] and refused[1] == "BackupService.6204"


@fact("A policy's backup in a locked vault cannot be deleted.", "OTC, Error Codes", "documented")
def refuses_in_a_locked_vault(cloud: Cloud, caller: Caller) -> bool:
    cloud.change_settings(cbr_vault_locked=True)
    backup_id = cloud.add_backup(cbr={"auto_trigger": True})
    return error_of(caller.call("DELETE", f"{BACKUPS}/{backup_id}")) == (400, "BackupService.6220")


@fact("A backup shows what was backed up, and its parent.", "OTC, Querying a Specified Backup", "documented")
def shows_kind_and_parent(cloud: Cloud, caller: Caller) -> bool:
    shown = record_of(cloud, caller)
    return (shown["resource_type"], shown["parent_id"]) == ("OS::Cinder::Volume", None)


@fact("Times have an offset in the documents and none in a recording.", "OTC, Querying a Specified Backup; C7N", "seen")
def writes_times_in_its_way(cloud: Cloud, caller: Caller) -> bool:
    written = record_of(cloud, caller)["created_at"]
    return bool(written.endswith("+00:00")) is (cloud.settings.cbr_flavour == "otc")


@pytest.fixture(params=["otc", "huawei"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with Simulator(SimulatorSettings(cbr_flavour=request.param)).running() as cloud:
        yield cloud


@pytest.mark.parametrize("fact", FACTS, ids=[fact.text for fact in FACTS])
def test_the_simulator_behaves_as(cloud: Cloud, fact: Fact) -> None:
    with Caller(cloud) as caller:
        assert fact.check(cloud, caller)


def test_every_assumption_is_counted() -> None:
    """When an assumption is verified with a live account, change its standing and this number."""
    assert sum(fact.standing == "assumed" for fact in FACTS) == 5
