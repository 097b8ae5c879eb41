"""The simulated cloud's state: lives of backups, chains, the service down, and who sees what."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest

from tests.support.simulator.backups.record import Driver
from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
DELETE_S = 10.0
WRONG_STATE = "Invalid backup: Backup status must be available or error"
HAS_CHILDREN = "Invalid backup: Incremental backups exist for this backup."


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud whose clock stands still but for `advance`."""
    with Simulator(SimulatorSettings(delete_seconds=DELETE_S), clock=lambda: START).running() as running:
        yield running


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    with Caller(cloud) as somebody:
        yield somebody


def message(answer: object) -> str:
    """The words of a Cinder fault."""
    (inside,) = answer.json().values()  # type: ignore[attr-defined]
    return str(inside["message"])


def test_an_accepted_deletion_takes_its_time_and_is_then_gone(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    assert caller.delete(backup_id).status_code == 202
    cloud.advance(DELETE_S - 1)
    assert caller.show(backup_id).json()["backup"]["status"] == "deleting"
    cloud.advance(1)
    assert message(caller.show(backup_id)) == f"Backup {backup_id} could not be found."
    assert cloud.journal.history(backup_id) == ["available", "deleting", "deleted"]


def test_the_journal_knows_a_deletion_that_nobody_looked_at(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup(delete_seconds=0.0)
    caller.delete(backup_id)
    assert cloud.journal.is_gone(backup_id)


def test_a_history_says_since_when(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    caller.delete(backup_id)
    cloud.advance(3600)
    times = [change.at - START for change in cloud.journal.histories[backup_id]]
    assert times == [timedelta(), timedelta(), timedelta(seconds=DELETE_S)]


@pytest.mark.parametrize("status", ["creating", "restoring", "deleting", "error_deleting", "error_restoring"])
def test_only_available_and_error_can_be_deleted(cloud: Cloud, caller: Caller, status: str) -> None:
    answer = caller.delete(cloud.add_backup(status=status))
    assert (answer.status_code, message(answer)) == (400, WRONG_STATE)
    assert cloud.journal.deletes == []


@pytest.mark.parametrize(
    ("driver", "end"),
    [(Driver.FAILS, "error"), (Driver.FAILS_FOR_GOOD, "error_deleting"), (Driver.HANGS, "deleting")],
)
def test_a_deletion_can_end_otherwise(cloud: Cloud, caller: Caller, driver: Driver, end: str) -> None:
    backup_id = cloud.add_backup(driver=driver)
    assert caller.delete(backup_id).status_code == 202
    cloud.advance(DELETE_S)
    shown = caller.show(backup_id).json()["backup"]
    assert shown["status"] == end
    assert (shown["fail_reason"] is None) is (driver is Driver.HANGS)


def test_a_driver_can_fail_a_number_of_times_and_then_delete(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup(driver=Driver.FAILS, driver_failures=2)
    for _ in range(3):
        assert caller.delete(backup_id).status_code == 202
        cloud.advance(DELETE_S)
    failed = ["deleting", "error"]
    assert cloud.journal.history(backup_id) == ["available", *failed, *failed, "deleting", "deleted"]


def test_a_parent_can_go_only_when_the_incremental_is_gone(cloud: Cloud, caller: Caller) -> None:
    full = cloud.add_backup()
    incremental = cloud.add_backup(parent_id=full)
    assert message(caller.delete(full)) == HAS_CHILDREN
    assert caller.delete(incremental).status_code == 202
    assert message(caller.delete(full)) == HAS_CHILDREN
    cloud.advance(DELETE_S)
    assert caller.delete(full).status_code == 202


def test_an_incremental_is_of_its_parents_volume_and_marked_so(cloud: Cloud, caller: Caller) -> None:
    full = cloud.add_backup()
    incremental = cloud.add_backup(parent_id=full)
    child, parent = (caller.show(one).json()["backup"] for one in (incremental, full))
    assert child["volume_id"] == parent["volume_id"]
    assert (child["is_incremental"], parent["is_incremental"]) == (True, False)
    assert (child["has_dependent_backups"], parent["has_dependent_backups"]) == (False, True)
    assert "parent_id" not in child


def test_as_vbs_documents_it_any_backup_of_a_chain_can_go(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(children_block=False)
    full = cloud.add_backup()
    cloud.add_backup(parent_id=full)
    assert caller.delete(full).status_code == 202


def test_while_the_service_is_down_a_delete_is_404_and_a_look_still_shows_the_backup(
    cloud: Cloud, caller: Caller
) -> None:
    backup_id = cloud.add_backup()
    cloud.set_service(up=False)
    answer = caller.delete(backup_id)
    assert (answer.status_code, message(answer)) == (404, "Service cinder-backup could not be found.")
    assert caller.show(backup_id).json()["backup"]["status"] == "available"


def test_a_deletion_under_way_waits_while_the_service_is_down(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    caller.delete(backup_id)
    cloud.set_service(up=False)
    cloud.advance(3600)
    assert cloud.status_of(backup_id) == "deleting"
    cloud.set_service(up=True)
    assert cloud.status_of(backup_id) is None


def test_v2_shows_vbs_fields_and_no_metadata(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup(metadata={"hold": "yes"}, service_metadata=' {"ST": 1}')
    shown = caller.call("GET", f"/v2/PROJECT/backups/{backup_id}", version="3.43").json()["backup"]
    assert shown["os-bak-tenant-attr:tenant_id"] == cloud.project_id
    assert shown["service_metadata"] == ' {"ST": 1}'
    assert "metadata" not in shown


@pytest.mark.parametrize(("user", "is_shown"), [("member", False), ("admin", True)])
def test_v3_shows_the_owner_to_administrators_only(
    cloud: Cloud,
    caller: Caller,
    user: str,
    is_shown: bool,
) -> None:
    path = f"/v3/PROJECT/backups/{cloud.add_backup()}"
    shown = caller.call("GET", path, user, version="3.71").json()["backup"]
    assert ("os-backup-project-attr:project_id" in shown, "user_id" in shown) == (is_shown, is_shown)


def test_metadata_appears_from_3_43_on(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup(metadata={"hold": "yes"})
    assert "metadata" not in caller.show(backup_id, version="3.42").json()["backup"]
    assert caller.show(backup_id, version="3.43").json()["backup"]["metadata"] == {"hold": "yes"}


def test_a_hold_is_seen_in_description_and_metadata(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    cloud.hold(backup_id)
    shown = caller.show(backup_id, version="3.43").json()["backup"]
    assert "[hold]" in shown["description"]
    assert "hold" in shown["metadata"]


def test_answers_can_lack_a_field_and_show_nonsense(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup(hidden=["description"], shown={"created_at": None, "status": "melting"})
    shown = caller.show(backup_id).json()["backup"]
    assert "description" not in shown
    assert (shown["created_at"], shown["status"]) == (None, "melting")


def test_a_change_moves_a_backup_to_its_new_place_in_the_list(cloud: Cloud, caller: Caller) -> None:
    first, second, third = cloud.add_backups(3)
    cloud.change_backup(first, created_at=START, name="youngest now")
    listed = [row["id"] for row in caller.call("GET", "/v3/PROJECT/backups").json()["backups"]]
    assert listed == [first, third, second]


def test_somebody_else_can_remove_a_backup(cloud: Cloud, caller: Caller) -> None:
    full = cloud.add_backup()
    cloud.remove_backup(cloud.add_backup(parent_id=full))
    assert caller.delete(full).status_code == 202
    assert list(cloud.remaining().values()) == ["deleting"]


def test_a_deletion_can_be_called_off(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    caller.delete(backup_id)
    cloud.set_status(backup_id, "available")
    cloud.advance(3600)
    assert cloud.status_of(backup_id) == "available"


def test_force_is_for_administrators_and_skips_the_state_but_not_the_children(cloud: Cloud, caller: Caller) -> None:
    stuck = cloud.add_backup(status="error_deleting")
    full = cloud.add_backup()
    cloud.add_backup(parent_id=full)
    force: dict[str, object] = {"os-force_delete": {}}
    path = "/v3/PROJECT/backups/{}/action"
    assert caller.call("POST", path.format(stuck), body=force).status_code == 403
    assert caller.call("POST", path.format(stuck), "admin", body=force).status_code == 202
    assert caller.call("POST", path.format(full), "admin", body=force).status_code == 400


def test_every_accepted_delete_is_in_the_journal_with_who_and_what(cloud: Cloud, caller: Caller) -> None:
    mine, theirs = cloud.add_backup(), cloud.add_backup(project_id=cloud.identity.users["neighbour"].project.id)
    caller.delete(mine)
    caller.delete(mine)
    caller.call("DELETE", f"/v3/PROJECT/backups/{theirs}", "admin")
    assert [(one.backup_id, one.user) for one in cloud.journal.deletes] == [(mine, "member"), (theirs, "admin")]
    assert cloud.journal.accepted(mine) == 1
    assert len(cloud.journal.calls_of(Operation.DELETE, mine)) == 2


def test_a_call_is_in_the_journal_byte_for_byte(cloud: Cloud, caller: Caller) -> None:
    caller.token()
    path = f"//v3/{cloud.project_id}/backups/%2e%2e/../x?a=%7B&b"
    connection = HTTPConnection(cloud.url.removeprefix("http://"))
    connection.request("DELETE", path)
    assert connection.getresponse().status == 404
    connection.close()
    call = cloud.journal.calls[-1]
    assert (call.index, call.method, call.raw_path, call.connection) == (1, "DELETE", path, 2)
    assert call.at == START


def test_a_reset_forgets_backups_faults_and_tokens_but_not_the_passwords(cloud: Cloud, caller: Caller) -> None:
    password = cloud.password_of()
    cloud.add_backup()
    cloud.change_settings(page_limit=1)
    caller.token()
    cloud.reset()
    assert (cloud.remaining(), cloud.journal.calls, cloud.settings.page_limit) == ({}, [], 1000)
    assert caller.call("GET", "/v3/PROJECT/backups").status_code == 401
    assert cloud.password_of() == password


def test_the_same_seed_makes_the_same_ids() -> None:
    first, second = (Cloud(SimulatorSettings(seed=7)) for _ in range(2))
    assert first.add_backups(3) == second.add_backups(3)


def test_the_date_header_can_be_off(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(date_offset_seconds=600)
    answer = caller.call("GET", "/v3/PROJECT/backups")
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 12:10:00 GMT"
