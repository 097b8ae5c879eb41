"""Every exchange of a call is heard, in order: the record that a backup's story is told from."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.integration.reach import Hourglass, Reach, reaching, ref
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from vbs_reaper.backups.answer import AnswerName, CallRecord
from vbs_reaper.backups.identifiers import BackupId


@pytest.fixture
def reach(cloud: Cloud) -> Iterator[Reach]:
    with reaching(cloud) as reach:
        yield reach


def test_a_refused_token_is_heard_before_the_answer_that_stands(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    cloud.revoke_tokens()
    heard: list[CallRecord] = []
    answer = reach.api.show_backup(replace(ref(backup_id), recorder=heard.append), Hourglass())
    assert answer.name is AnswerName.FOUND
    assert heard[0].status == "401"
    assert [(call.status, call.request_id) for call in heard[-1:]] == [("200", answer.request_id)]
    assert {(call.operation.value, call.backup_id) for call in heard} == {("ShowBackup", backup_id)}
    seen = [str(call.status) for call in cloud.journal.calls_of(Operation.SHOW, backup_id)]
    assert [call.status for call in heard] == seen[1:]


def test_a_lost_answer_and_each_page_of_a_list_are_heard(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup(volume_id="0b5e4f6a-7c1d-4e2f-9a3b-000000000001")
    heard: list[CallRecord] = []
    about = replace(ref(backup_id), recorder=heard.append)
    cloud.inject(Fault(operation=Operation.DELETE, breakage=Breakage.TRUNCATED, status=503))
    reach.api.delete_backup(about, Hourglass())
    reach.api.list_volume(about, "0b5e4f6a-7c1d-4e2f-9a3b-000000000001", Hourglass())
    now = reach.clock()
    assert heard[0] == CallRecord(
        operation=heard[0].operation, status="ConnectionError", at=now, request_id="", backup_id=BackupId(backup_id)
    )
    assert heard[1] == CallRecord(operation=heard[1].operation, status="200", at=now, request_id=heard[1].request_id)
    assert [call.operation.value for call in heard] == ["DeleteBackup", "ListBackups"]
    assert heard[1].request_id.startswith("req-")
