"""What the product requires of a target of any kind, tested with simulators and, by `make test-cloud`, a real one.

Tests with the mark `get_only` send only GET. The test with the mark `creates_one` creates a backup and deletes it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.contract.cloud_peer import NAME, CloudPeer
from tests.contract.creation import request_backup
from vbs_reaper.backups.answer import Answer, AnswerName, Listing, Operation, Page
from vbs_reaper.backups.backup import Backup, Status
from vbs_reaper.backups.identifiers import BackupId, is_project_id
from vbs_reaper.clock import MAX_CLOCK_SKEW
from vbs_reaper.clouds.apis.interface import Call
from vbs_reaper.clouds.http.deadline import Reply

T = TypeVar("T")

SHOWN = 3
"""The number of backups to show one by one."""
OTHER_PROJECT = "0123456789abcdef" * 2
GONE = {AnswerName.GONE, AnswerName.MAYBE_GONE}
"""`MAYBE_GONE` needs a second observation as proof."""
CREATED_WITHIN_S = 3600.0
DELETED_WITHIN_S = 3600.0


def listed(target: CloudPeer) -> list[Backup]:
    backups: list[Backup] = []
    for page in target.client.list_backups(NAME, target.time_left):
        assert isinstance(page, Page), page
        backups = [*([] if page.restarted else backups), *page.backups]
    return backups


@pytest.fixture
def backups(target: CloudPeer) -> list[Backup]:
    """All backups of the project. Without any, the test is skipped."""
    found = listed(target)
    if not found:
        pytest.skip("the project has no backup to observe")
    return found


@pytest.mark.get_only
def test_the_login_is_for_one_project_and_the_catalog_has_one_service(target: CloudPeer) -> None:
    login = target.login()
    assert is_project_id(login.project_id)
    assert login.root
    assert login.info.service == target.target.service


@pytest.mark.get_only
def test_every_backup_is_listed_once(target: CloudPeer) -> None:
    ids = [backup.id for backup in listed(target)]
    assert len(ids) == len(set(ids))


@pytest.mark.get_only
def test_every_listed_backup_has_the_fields_that_decisions_need(target: CloudPeer, backups: list[Backup]) -> None:
    with_metadata = target.login().info.shows_metadata
    assert {backup.missing_field(with_metadata=with_metadata) for backup in backups} == {None}
    assert {backup.status_text for backup in backups if backup.status is Status.UNKNOWN} == set()


@pytest.mark.get_only
def test_a_backup_is_shown_as_it_is_listed(target: CloudPeer, backups: list[Backup]) -> None:
    for backup in backups[:SHOWN]:
        answer = target.client.show_backup(target.ref(backup.id), target.time_left)
        assert (answer.name, answer.status) == (AnswerName.FOUND, 200)
        assert answer.backup is not None
        assert identity(answer.backup) == identity(backup)


def identity(backup: Backup) -> tuple[object, ...]:
    return backup.id, backup.volume_id, backup.created_at, backup.name, backup.description


@pytest.mark.get_only
def test_the_list_of_a_volume_equals_its_part_of_the_complete_list(target: CloudPeer, backups: list[Backup]) -> None:
    for volume_id in list(dict.fromkeys(str(backup.volume_id) for backup in backups))[:SHOWN]:
        listing = target.client.list_volume(target.ref(backups[0].id), volume_id, target.time_left)
        assert isinstance(listing, Listing)
        expected = {backup.id for backup in backups if backup.volume_id == volume_id}
        assert {backup.id for backup in listing.backups} == expected


@pytest.mark.get_only
def test_a_backup_that_never_existed_is_not_found(target: CloudPeer) -> None:
    answer = target.client.show_backup(target.ref(str(uuid4())), target.time_left)
    assert answer.name in GONE, answer


@pytest.mark.get_only
def test_the_path_of_another_project_is_refused_and_proves_nothing(target: CloudPeer) -> None:
    if target.target.uses_access_key:
        pytest.skip("the gateway could count it as a wrong signature and lock the key")
    backup_id = str(uuid4())
    reply = target.get(f"backups/{backup_id}", project_id=OTHER_PROJECT)
    assert read(target, reply, backup_id).name is AnswerName.URL_PROJECT_MISMATCH


@pytest.mark.get_only
def test_an_unknown_path_proves_nothing(target: CloudPeer) -> None:
    backup_id = str(uuid4())
    reply = target.get(f"no-such-path/{backup_id}")
    assert 400 <= reply.status < 500
    assert read(target, reply, backup_id).name not in GONE


def read(target: CloudPeer, reply: Reply, backup_id: str) -> Answer:
    """Parse a response as if it were that to a GET of this backup."""
    call = Call(operation=Operation.SHOW_BACKUP, target=NAME, backup_id=BackupId(backup_id))
    answer = target.login().api.read(call, reply, datetime.now(UTC))
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.get_only
def test_every_answer_has_the_time_and_comes_from_no_cache(target: CloudPeer) -> None:
    listed(target)
    reply = target.exchanges[-1].reply
    assert abs(datetime.now(UTC) - parsedate_to_datetime(reply.headers["date"])) < MAX_CLOCK_SKEW
    assert reply.age is None


@pytest.mark.creates_one
@pytest.mark.timeout(CREATED_WITHIN_S + DELETED_WITHIN_S + 600)
def test_one_backup_is_created_deleted_and_gone(target: CloudPeer, create_on: str) -> None:
    name = f"vbs-reaper-test-{uuid4().hex[:16]}"
    request_backup(target, create_on, name)
    backup = wait_for(f"the new backup {name} is available", CREATED_WITHIN_S, lambda: ready(target, create_on, name))
    try:
        delete(target, backup)
    except BaseException as error:
        error.add_note(f"The backup {name} ({backup.id}) of the volume {create_on} may be left over.")
        raise


def ready(target: CloudPeer, volume_id: str, name: str) -> Backup | None:
    """Return the only backup of this volume with this name if it can be deleted, or None."""
    listing = target.client.list_volume(target.ref(str(uuid4())), volume_id, target.time_left)
    assert isinstance(listing, Listing), listing
    found = [backup for backup in listing.backups if backup.name == name]
    assert len(found) < 2
    assert not found or found[0].status is not Status.ERROR, f"the backup {name} has failed; delete it yourself"
    return found[0] if found and found[0].status is Status.AVAILABLE else None


def delete(target: CloudPeer, backup: Backup) -> None:
    """Delete a backup as the product does: GET, DELETE, and GET until it is proven gone."""
    ref = replace(target.ref(backup.id), volume_id=backup.volume_id or None)
    shown = target.client.show_backup(ref, target.time_left).backup
    assert shown is not None
    assert (shown.id, shown.volume_id, shown.name) == (backup.id, backup.volume_id, backup.name)
    with target.permitting_delete(backup.id):
        asked = target.client.delete_backup(ref, target.time_left)
    assert asked.name is AnswerName.ACCEPTED, asked

    def gone() -> Answer | None:
        answer = target.client.show_backup(ref, target.time_left)
        assert answer.name in {AnswerName.FOUND, *GONE}, answer
        return answer if answer.name is AnswerName.GONE else None

    wait_for(f"the backup {backup.name} is gone", DELETED_WITHIN_S, gone)


def wait_for(what: str, within_s: float, look: Callable[[], T | None]) -> T:
    """Poll with growing intervals until `look` returns a true value, and return it."""
    ends, pause_s = time.monotonic() + within_s, 0.1
    while (found := look()) is None:
        assert time.monotonic() < ends, f"{what}: not within {within_s:g} s"
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 15.0)
    return found
