"""What a pass tells those it calls: whose backup, where it was looked at, and to whom each exchange is told."""

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import UTC
from datetime import datetime

from tests.doubles import ManualClock
from tests.unit.deletion.world import PROJECT
from tests.unit.deletion.world import VIEW
from vbs_reaper.deletion.message import Delivery
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.message import read_message
from vbs_reaper.deletion.passes import Passes
from vbs_reaper.deletion.ports import BackupRef
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.deletion.reporting import ReportThatNeverRaises
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.verdict.decision import Asked
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.deletion.verdict.decision import Pass
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import Called
from vbs_reaper.openstack.answer import Listing
from vbs_reaper.openstack.answer import Operation
from vbs_reaper.openstack.backup import Backup

ID = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"
THERE = "https://there"
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
FOUND = Answer(
    name=AnswerName.FOUND,
    target=replace(VIEW, address=THERE),
    backup=Backup(
        id=ID,
        volume_id="v",
        status_text="available",
        created_at_text="2026-11-01T00:00:00",
        name=None,
        description=None,
    ),
)


@dataclass
class Asking:
    """A backup service that keeps what it is asked. Implements `deletion.ports.BackupService`."""

    asked: list[BackupRef] = field(default_factory=list)

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        return self._told(ref, Operation.SHOW_BACKUP, FOUND)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        return self._told(ref, Operation.DELETE_BACKUP, Answer(name=AnswerName.ACCEPTED))

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        raise NotImplementedError

    def _told(self, ref: BackupRef, operation: Operation, answer: Answer) -> Answer:
        self.asked.append(ref)
        ref.heard(Called(operation=operation, status="200", at=NOW))
        return answer


def delivery() -> Delivery:
    return Delivery(message=read_message({"messageId": "m-1"}, NOW), now=NOW, base_s=60, dice=0.5)


def test_what_follows_a_look_is_about_the_very_place_that_was_looked_at() -> None:
    service, taken = Asking(), delivery()
    decision = Passes(service, ManualClock()).make(
        Pass(request=DeleteRequest(backup_id=ID), delivery=taken), "t", lambda: 60.0
    )
    assert isinstance(decision, Asked)
    assert [(ref.target, ref.project_id, ref.address) for ref in service.asked] == [
        ("t", None, None),
        ("t", PROJECT, THERE),
    ]
    assert [called.operation for called in taken.calls] == [Operation.SHOW_BACKUP, Operation.DELETE_BACKUP]


class Hearing:
    """A report that keeps the calls it is told of."""

    calls: tuple[Called, ...] = ()

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: tuple[Called, ...] = (),
    ) -> None:
        self.calls = calls


def test_a_report_is_told_of_the_calls_of_its_pass() -> None:
    hearing = Hearing()
    called = Called(operation=Operation.SHOW_BACKUP, status="200", at=NOW)
    asked = Asked(delay_s=1, message="")
    ReportThatNeverRaises(hearing).decided(delivery().message, None, asked, NOW, (called,))  # type: ignore[arg-type]
    assert hearing.calls == (called,)
