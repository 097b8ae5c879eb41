"""The template on the local stack with real Keystone and Cinder. Results are read from the database of Cinder."""

import json
import time

import pytest

from tests.openstack.cloud import Cloud
from tests.openstack.volumes import create_backup, create_volume
from tests.support.local.fixtures import (
    WITHIN_S,
    FindLetter,
    FindLine,
    drained,
    is_empty,
    letter,
    log_line,
    stack,
    target_name,
)
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until

__all__ = ["drained", "letter", "log_line", "stack", "target_name"]

pytestmark = pytest.mark.openstack
BOTH = pytest.mark.parametrize("service", ["cinder", "vbs"])
A_SECOND = 1.1
"""A revocation includes tokens issued until the end of the second, so a valid token must be issued later."""


class StackClient:
    """Sends requests for the target of a test, and reads their results from the database of Cinder."""

    def __init__(self, stack: LocalStack, cloud: Cloud, target: str) -> None:
        self._stack = stack
        self._cloud = cloud
        self.target = target

    def delete(self, *backups: str, **fields: object) -> list[str]:
        """Request deletions; return the request IDs."""
        return self._stack.send_all(
            [json.dumps({"backup_id": backup_id, "target": self.target, **fields}) for backup_id in backups]
        )

    def wait_until_gone(self, *backups: str) -> None:
        """Wait until backups are gone and all messages processed, so that later changes do not affect them."""
        wait_until("they are gone", lambda: all(self.is_gone(one) for one in backups), within_s=2 * WITHIN_S)
        wait_until("the queue is empty", lambda: is_empty(self._stack), within_s=WITHIN_S)

    def is_gone(self, backup_id: str) -> bool:
        return self._cloud.read_backups()[backup_id].deleted

    def status(self, backup_id: str) -> str:
        row = self._cloud.read_backups()[backup_id]
        return "deleted" if row.deleted else row.status


@pytest.fixture
def client(stack: LocalStack, cloud: Cloud, target_name: str, drained: None) -> StackClient:
    stack.store_secret(target_name, cloud.secret())
    return StackClient(stack, cloud, target_name)


@BOTH
def test_backups_are_deleted_and_others_are_not(
    stack: LocalStack, cloud: Cloud, client: StackClient, service: str
) -> None:
    stack.store_secret(client.target, cloud.secret(service=service))
    asked = cloud.write_backups([{"display_name": f"asked-{n}"} for n in range(12)])
    (spared,) = cloud.write_backups([{"display_name": "spared"}])
    client.delete(*asked)
    client.wait_until_gone(*asked)
    assert client.status(spared) == "available"


def test_children_of_a_real_chain_are_deleted_first_although_the_parent_was_requested_first(
    cloud: Cloud, client: StackClient
) -> None:
    volume_id = create_volume(cloud, "chained")
    full = create_backup(cloud, volume_id, "full")
    first = create_backup(cloud, volume_id, "first", incremental=True)
    second = create_backup(cloud, volume_id, "second", incremental=True)
    client.delete(full, first, second)
    client.wait_until_gone(full, first, second)
    stored = [path.name for path in cloud.backup_store.rglob("*") if path.is_file()]
    assert not [name for name in stored if any(one in name for one in (full, first, second))]


def test_metadata_holds_a_backup(cloud: Cloud, client: StackClient, letter: FindLetter) -> None:
    (held,) = cloud.write_backups([{"display_name": "plain", "metadata": {"hold": "audit"}}])
    (request_id,) = client.delete(held)
    assert letter(request_id).reason == "held"
    assert client.status(held) == "available"


def test_requests_wait_while_the_service_is_down(cloud: Cloud, client: StackClient, log_line: FindLine) -> None:
    cloud.set_backup_service(up=False)
    backups = cloud.write_backups([{}, {}, {}])
    client.delete(*backups)
    log_line(target=client.target, reason="service_down")
    assert [client.status(one) for one in backups] == ["available"] * 3
    cloud.set_backup_service(up=True)
    client.wait_until_gone(*backups)


def test_expired_tokens_are_replaced(cloud: Cloud, client: StackClient) -> None:
    cloud.set_token_lifetime(2)
    first, second = cloud.write_backups([{}, {}])
    client.delete(first)
    client.wait_until_gone(first)
    time.sleep(3)  # the token of the first request must have expired
    client.delete(second)
    client.wait_until_gone(second)


def test_requests_wait_for_the_secret_if_the_password_is_changed_first(
    stack: LocalStack, cloud: Cloud, client: StackClient, log_line: FindLine
) -> None:
    member = cloud.accounts.member
    first, *others = cloud.write_backups([{}] * 8)
    client.delete(first)
    client.wait_until_gone(first)
    try:
        cloud.keystone.set_password(member.id, "the-new-password")
        time.sleep(A_SECOND)
        client.delete(*others)
        log_line(target=client.target, reason="credentials_rejected")
        entry = cloud.secret()
        entry["auth"] = {**entry["auth"], "password": "the-new-password"}  # type: ignore[dict-item]  # a JSON object
        stack.store_secret(client.target, entry)
        client.wait_until_gone(*others)
    finally:
        cloud.keystone.set_password(member.id, member.password)
        time.sleep(A_SECOND)


def test_revoked_tokens_are_replaced(cloud: Cloud, client: StackClient) -> None:
    member = cloud.accounts.member
    first, *others = cloud.write_backups([{}] * 6)
    client.delete(first)
    client.wait_until_gone(first)
    cloud.keystone.set_password(member.id, member.password)  # the same password, but this revokes all tokens
    time.sleep(A_SECOND)
    client.delete(*others)
    client.wait_until_gone(*others)


def test_requests_continue_if_the_secret_is_changed_before_the_password(
    stack: LocalStack, cloud: Cloud, client: StackClient
) -> None:
    member = cloud.accounts.member
    first, second, third = cloud.write_backups([{}] * 3)
    client.delete(first)
    client.wait_until_gone(first)
    entry = cloud.secret()
    entry["auth"] = {**entry["auth"], "password": "soon-the-password"}  # type: ignore[dict-item]  # a JSON object
    stack.store_secret(client.target, entry)
    client.delete(second)
    client.wait_until_gone(second)
    try:
        cloud.keystone.set_password(member.id, "soon-the-password")
        time.sleep(A_SECOND)
        client.delete(third)
        client.wait_until_gone(third)
    finally:
        cloud.keystone.set_password(member.id, member.password)
        time.sleep(A_SECOND)


def test_requests_of_a_reader_wait_until_it_may_delete(
    stack: LocalStack, cloud: Cloud, client: StackClient, log_line: FindLine
) -> None:
    reader = cloud.accounts.reader
    stack.store_secret(client.target, cloud.secret(reader))
    (backup,) = cloud.write_backups([{}])
    (request_id,) = client.delete(backup)
    log_line(request_id=request_id, reason="forbidden")
    assert client.status(backup) == "available"
    stack.store_secret(client.target, cloud.secret())
    cloud.keystone.grant(reader.id, "member", reader.project_id)
    try:
        client.wait_until_gone(backup)
    finally:
        cloud.keystone.withdraw(reader.id, "member", reader.project_id)
        time.sleep(A_SECOND)


def test_an_administrator_is_refused_before_any_call(
    stack: LocalStack, cloud: Cloud, client: StackClient, log_line: FindLine
) -> None:
    stack.store_secret(client.target, cloud.secret(cloud.accounts.admin))
    (backup,) = cloud.write_backups([{}])
    (request_id,) = client.delete(backup)
    log_line(request_id=request_id, reason="administrator_refused")
    assert client.status(backup) == "available"
    stack.store_secret(client.target, cloud.secret())
    client.wait_until_gone(backup)


def test_an_application_credential_works_too(stack: LocalStack, cloud: Cloud, client: StackClient) -> None:
    stack.store_secret(client.target, cloud.application_credential_secret())
    (backup,) = cloud.write_backups([{}])
    client.delete(backup)
    client.wait_until_gone(backup)


def test_a_rate_limit_delays_requests_and_loses_none(cloud: Cloud, client: StackClient, log_line: FindLine) -> None:
    cloud.set_rate_limit(3)
    backups = cloud.write_backups([{}] * 6)
    client.delete(*backups)
    log_line(target=client.target, reason="throttled")
    cloud.set_rate_limit(None)
    client.wait_until_gone(*backups)


def test_a_failed_deletion_is_retried(cloud: Cloud, client: StackClient, log_line: FindLine) -> None:
    (backup,) = cloud.write_backups([{}])
    cloud.set_driver(failing="the disk is on fire", only=[backup])
    client.delete(backup)
    failed = log_line(target=client.target, reason="deletion_failed")
    assert "the disk is on fire" in failed["detail"]
    cloud.set_driver()
    client.wait_until_gone(backup)


def test_a_slow_deletion_is_followed_to_its_end(cloud: Cloud, client: StackClient, log_line: FindLine) -> None:
    (backup,) = cloud.write_backups([{}])
    cloud.set_driver(delay_s=4.0)
    (request_id,) = client.delete(backup)
    assert log_line(request_id=request_id, outcome="deleted")["asked_at"]


def test_two_requests_for_one_backup_both_end(cloud: Cloud, client: StackClient, log_line: FindLine) -> None:
    (backup,) = cloud.write_backups([{}])
    requests = client.delete(*[backup] * 10)
    client.wait_until_gone(backup)
    ends = set()
    for request_id in requests:
        ended = log_line(request_id=request_id, status=404)
        ends.add(ended["outcome"])
    assert ends <= {"deleted", "already_gone"}
    assert "deleted" in ends


@pytest.mark.parametrize("status", ["creating", "restoring"])
def test_a_request_waits_for_a_busy_backup(cloud: Cloud, client: StackClient, log_line: FindLine, status: str) -> None:
    (backup,) = cloud.write_backups([{"status": status}])
    (request_id,) = client.delete(backup)
    log_line(request_id=request_id, reason="busy")
    cloud.update_backup(backup, status="available")
    client.wait_until_gone(backup)


def test_error_deleting_needs_an_administrator(cloud: Cloud, client: StackClient, letter: FindLetter) -> None:
    (backup,) = cloud.write_backups([{"status": "error_deleting"}])
    (request_id,) = client.delete(backup)
    assert letter(request_id).reason == "deletion_failed"
    assert client.status(backup) == "error_deleting"


def test_a_backup_of_another_project_is_not_found_and_kept(
    cloud: Cloud, client: StackClient, log_line: FindLine
) -> None:
    (foreign,) = cloud.write_backups([{"project_id": cloud.accounts.other_project_id}])
    (request_id,) = client.delete(foreign)
    log_line(request_id=request_id, outcome="already_gone")
    assert client.status(foreign) == "available"
