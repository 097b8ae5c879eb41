"""What happens to a backup after its deletion was accepted, and what can prevent a deletion."""

from tests.contract.answer import ACCEPTED, cinder, fault
from tests.contract.peer_client import PeerClient
from tests.contract.record import record

HAS_DEPENDENTS = fault(400, "badRequest", "Invalid backup: Incremental backups exist for this backup.")
WRONG_STATE = fault(400, "badRequest", "Invalid backup: Backup status must be available or error")
NO_SERVICE = fault(404, "itemNotFound", "Service cinder-backup could not be found.")
SLOW_S = 1.0


def gone(name: str) -> object:
    return fault(404, "itemNotFound", f"Backup <{name}> could not be found.")


def test_a_backup_is_deleting_after_an_accepted_deletion_and_then_gone(client: PeerClient) -> None:
    client.write("mine")
    client.peer.set_driver(delay_s=SLOW_S)
    assert client.delete("mine") == ACCEPTED
    assert client.show("mine") == cinder(200, {"backup": record("mine", "deleting")})
    listed = {"backups": [record("mine", "deleting")]}
    assert client.call("GET", "/v3/PROJECT/backups/detail") == cinder(200, listed)
    assert client.delete("mine") == WRONG_STATE
    client.wait_until_gone("mine")
    assert client.show("mine") == gone("mine")
    assert client.delete("mine") == gone("mine")


def test_a_list_shows_the_chain_newest_first_without_naming_the_parent(client: PeerClient) -> None:
    client.write("full", volume="chain")
    client.write("incremental", volume="chain", parent="full")
    chain = [
        record("incremental", volume_id="<chain>", is_incremental=True),
        record("full", volume_id="<chain>", has_dependent_backups=True),
    ]
    assert client.call("GET", "/v3/PROJECT/backups/detail") == cinder(200, {"backups": chain})


def test_a_parent_cannot_be_deleted_until_its_incremental_is_gone(client: PeerClient) -> None:
    client.write("full", volume="chain")
    client.write("incremental", volume="chain", parent="full")
    client.peer.set_driver(delay_s=SLOW_S)
    assert client.delete("full") == HAS_DEPENDENTS
    assert client.delete("incremental") == ACCEPTED
    assert client.delete("full") == HAS_DEPENDENTS
    client.wait_until_gone("incremental")
    assert client.delete("full") == ACCEPTED
    client.wait_until_gone("full")


def test_a_failed_deletion_ends_in_error_and_can_be_requested_again(client: PeerClient) -> None:
    client.write("mine")
    client.peer.set_driver(failing="the store is read-only")
    assert client.delete("mine") == ACCEPTED
    client.wait_until("mine", "error")
    failed = record("mine", "error", fail_reason="the store is read-only")
    assert client.show("mine") == cinder(200, {"backup": failed})
    client.peer.set_driver()
    assert client.delete("mine") == ACCEPTED
    client.wait_until_gone("mine")


def test_without_a_backup_service_a_delete_gets_404_although_the_backup_exists(client: PeerClient) -> None:
    client.write("mine")
    client.peer.set_backup_service(up=False)
    assert client.delete("mine") == NO_SERVICE
    assert client.show("mine") == cinder(200, {"backup": record("mine")})
    assert client.call("GET", "/v3/PROJECT/backups/detail") == cinder(200, {"backups": [record("mine")]})
    client.peer.set_backup_service(up=True)
    assert client.delete("mine") == ACCEPTED


def test_everything_else_is_checked_before_the_service(client: PeerClient) -> None:
    client.write("busy", "creating")
    client.write("full", volume="chain")
    client.write("incremental", volume="chain", parent="full")
    client.ids["unknown"] = "11111111-2222-3333-4444-555555555555"
    client.peer.set_backup_service(up=False)
    assert client.delete("busy") == WRONG_STATE
    assert client.delete("full") == HAS_DEPENDENTS
    assert client.delete("unknown") == gone("unknown")
