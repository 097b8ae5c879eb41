"""What becomes of a backup after its deletion was accepted, and what can come between."""

from tests.contract.answer import ACCEPTED, cinder, fault
from tests.contract.record import record
from tests.contract.visitor import Visitor

HAS_DEPENDENTS = fault(400, "badRequest", "Invalid backup: Incremental backups exist for this backup.")
WRONG_STATE = fault(400, "badRequest", "Invalid backup: Backup status must be available or error")
NO_SERVICE = fault(404, "itemNotFound", "Service cinder-backup could not be found.")
SLOW_S = 1.0


def gone(name: str) -> object:
    return fault(404, "itemNotFound", f"Backup <{name}> could not be found.")


def test_an_accepted_deletion_is_seen_as_deleting_and_then_as_gone(visitor: Visitor) -> None:
    visitor.write("mine")
    visitor.peer.set_driver(delay_s=SLOW_S)
    assert visitor.delete("mine") == ACCEPTED
    assert visitor.show("mine") == cinder(200, {"backup": record("mine", "deleting")})
    listed = {"backups": [record("mine", "deleting")]}
    assert visitor.call("GET", "/v3/PROJECT/backups/detail") == cinder(200, listed)
    assert visitor.delete("mine") == WRONG_STATE
    visitor.wait_until_gone("mine")
    assert visitor.show("mine") == gone("mine")
    assert visitor.delete("mine") == gone("mine")


def test_a_list_shows_the_chain_newest_first_without_naming_the_parent(visitor: Visitor) -> None:
    visitor.write("full", volume="chain")
    visitor.write("incremental", volume="chain", parent="full")
    chain = [
        record("incremental", volume_id="<chain>", is_incremental=True),
        record("full", volume_id="<chain>", has_dependent_backups=True),
    ]
    assert visitor.call("GET", "/v3/PROJECT/backups/detail") == cinder(200, {"backups": chain})


def test_a_parent_stays_until_its_incremental_is_gone_not_only_in_deletion(visitor: Visitor) -> None:
    visitor.write("full", volume="chain")
    visitor.write("incremental", volume="chain", parent="full")
    visitor.peer.set_driver(delay_s=SLOW_S)
    assert visitor.delete("full") == HAS_DEPENDENTS
    assert visitor.delete("incremental") == ACCEPTED
    assert visitor.delete("full") == HAS_DEPENDENTS
    visitor.wait_until_gone("incremental")
    assert visitor.delete("full") == ACCEPTED
    visitor.wait_until_gone("full")


def test_a_failed_deletion_ends_in_error_and_may_be_asked_for_again(visitor: Visitor) -> None:
    visitor.write("mine")
    visitor.peer.set_driver(failing="the store is read-only")
    assert visitor.delete("mine") == ACCEPTED
    visitor.wait_until("mine", "error")
    failed = record("mine", "error", fail_reason="the store is read-only")
    assert visitor.show("mine") == cinder(200, {"backup": failed})
    visitor.peer.set_driver()
    assert visitor.delete("mine") == ACCEPTED
    visitor.wait_until_gone("mine")


def test_without_a_backup_service_a_deletion_answers_404_though_the_backup_is_there(visitor: Visitor) -> None:
    visitor.write("mine")
    visitor.peer.set_backup_service(up=False)
    assert visitor.delete("mine") == NO_SERVICE
    assert visitor.show("mine") == cinder(200, {"backup": record("mine")})
    assert visitor.call("GET", "/v3/PROJECT/backups/detail") == cinder(200, {"backups": [record("mine")]})
    visitor.peer.set_backup_service(up=True)
    assert visitor.delete("mine") == ACCEPTED


def test_everything_else_is_checked_before_the_service(visitor: Visitor) -> None:
    visitor.write("busy", "creating")
    visitor.write("full", volume="chain")
    visitor.write("incremental", volume="chain", parent="full")
    visitor.ids["unknown"] = "11111111-2222-3333-4444-555555555555"
    visitor.peer.set_backup_service(up=False)
    assert visitor.delete("busy") == WRONG_STATE
    assert visitor.delete("full") == HAS_DEPENDENTS
    assert visitor.delete("unknown") == gone("unknown")
