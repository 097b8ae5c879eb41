"""Cloud Backup and Recovery over real HTTP: exact calls, proof by a second response, complete lists."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from tests.infrastructure.markdown import Markdown
from tests.infrastructure.translate import ROOT
from tests.integration.api_harness import TARGET, ApiHarness, FakeTimeLeft, api_harness, ref
from tests.support.doubles import no_holds
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from vbs_reaper.backups.answer import Answer, AnswerName, CallRecord, Page
from vbs_reaper.backups.backup import Status
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.clouds.apis.cbr_v3 import OVERLAP
from vbs_reaper.deletion.decision import AlreadyGone, Asked, Deleted, Pass, PassEnd, Refused, Wait
from vbs_reaper.deletion.message import Delivery, Message
from vbs_reaper.deletion.reconcile import Reconciler
from vbs_reaper.deletion.request import DeleteRequest, Expectation
from vbs_reaper.reasons import Reason

SHOW, DELETE, LIST, TASKS = "ShowBackup", "DeleteBackup", "ListBackups", "ListTasks"
VOLUME = "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31"
OTHER_VOLUME = "8e3f4b21-69d5-4c8f-9a2a-3d7b0f1c5e42"


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Cloud]]:
    """The clouds of two vendors."""
    with ExitStack() as stack:
        flavours = ("otc", "huawei")
        yield {
            flavour: stack.enter_context(Simulator(SimulatorSettings(cbr_flavour=flavour)).running())
            for flavour in flavours
        }


@pytest.fixture
def cloud(servers: dict[str, Cloud], request: pytest.FixtureRequest) -> Cloud:
    """A cloud without backups: of Open Telekom Cloud, unless a test is for both vendors."""
    cloud = servers[getattr(request, "param", "otc")]
    cloud.reset()
    return cloud


both_vendors = pytest.mark.parametrize("cloud", ["otc", "huawei"], indirect=True)


@pytest.fixture
def harness(cloud: Cloud) -> Iterator[ApiHarness]:
    with api_harness(cloud, service="cbr") as harness:
        harness.api.describe_target(TARGET, FakeTimeLeft())
        harness.calls.take()
        yield harness


def show(harness: ApiHarness, backup_id: str, volume_id: str | None = VOLUME) -> Answer:
    return harness.api.show_backup(structs.replace(ref(backup_id), volume_id=volume_id), FakeTimeLeft())


def gone(cloud: Cloud, **fields: Any) -> str:  # noqa: ANN401  # of a backup
    """Return the ID of a backup that was removed by someone else, and that the task log does not contain."""
    backup_id = cloud.add_backup(**{"volume_id": VOLUME, **fields})
    cloud.remove_backup(backup_id)
    cloud.change_settings(cbr_log_days=-1)
    return backup_id


@both_vendors
def test_a_backup_is_shown_deleted_and_proven_gone_by_exactly_four_calls_and_the_list(
    cloud: Cloud, harness: ApiHarness
) -> None:
    cloud.add_backup(volume_id=VOLUME)
    backup_id = cloud.add_backup(name="daily", volume_id=VOLUME)
    found, accepted = show(harness, backup_id), harness.delete(backup_id)
    waiting = show(harness, backup_id)
    cloud.advance(1.5)
    deleting = show(harness, backup_id)
    cloud.advance(10)
    proven = show(harness, backup_id)
    assert [each.name.value for each in (found, accepted, proven)] == ["found", "accepted", "gone"]
    assert [each.backup and each.backup.status for each in (waiting, deleting)] == [Status.DELETING] * 2
    assert (proven.status, proven.message) == (404, "The backup does not exist.")
    root = f"/cbr/v3/{cloud.project_id}/backups"
    calls = [(call.method, call.raw_path) for call in cloud.journal.calls if call.operation is not Operation.LOGIN]
    assert calls == [
        ("GET", f"{root}/{backup_id}"),
        ("DELETE", f"{root}/{backup_id}"),
        ("GET", f"{root}/{backup_id}"),
        ("GET", f"{root}/{backup_id}"),
        ("GET", f"{root}/{backup_id}"),
        ("GET", f"{root}?limit=1000&resource_id={VOLUME}"),
    ]


@both_vendors
def test_a_record_is_read_as_a_backup(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = cloud.add_backup(
        name="autobk_1a2b",
        volume_id=VOLUME,
        size=40,
        description="nightly",
        cbr={"image_ids": ["an-image"], "expired_at": "2027-01-01T00:00:00.000+00:00", "part_of": VOLUME},
    )
    backup = show(harness, backup_id).backup
    assert backup is not None
    assert (backup.id, backup.name, backup.description) == (backup_id, "autobk_1a2b", "nightly")
    assert (backup.volume_id, backup.size, backup.project_id) == (VOLUME, 40, cloud.project_id)
    assert (backup.image_ids, backup.parent_id) == (["an-image"], VOLUME)
    assert backup.resource_type == "OS::Cinder::Volume"
    assert backup.expired_at == "2027-01-01T00:00:00.000+00:00"
    assert backup.missing_field(with_metadata=False) is None
    created_at = next(iter(cloud.backups)).created_at
    assert backup.created_at is not None
    assert abs((backup.created_at - created_at).total_seconds()) < 0.001


@pytest.mark.parametrize("field", ["parent_id", "resource_type", "resource_id", "created_at", "status"])
@pytest.mark.parametrize("how", ["missing", "odd"])
def test_a_backup_whose_kind_is_unknown_lacks_a_needed_field(
    cloud: Cloud, harness: ApiHarness, field: str, how: str
) -> None:
    shape: dict[str, Any] = {"hidden": [field]} if how == "missing" else {"shown": {field: 7}}
    backup = show(harness, cloud.add_backup(**shape)).backup
    assert backup is not None
    assert backup.missing_field(with_metadata=False) == {"resource_id": "volume_id"}.get(field, field)


# Proof of deletion


@both_vendors
@pytest.mark.parametrize(
    ("volume_id", "denied", "log_days", "calls", "message"),
    [
        (VOLUME, (), -1, [SHOW, LIST], None),
        (None, (), 30, [SHOW, TASKS], None),
        (VOLUME, ("backups:list",), 30, [SHOW, LIST, LIST, TASKS], None),
        (VOLUME, ("tasks:list",), 30, [SHOW, LIST], None),
        # A project that never had the backup answers the same.
        (None, (), -1, [SHOW, TASKS], "Not confirmed by ListTasks (it shows no finished deletion)"),
        (VOLUME, ("backups:list", "tasks:list"), 30, [SHOW, LIST, LIST, TASKS],
         "Policy doesn't allow cbr:backups:list"),
    ],
    ids=["list", "log", "log only", "list only", "nothing confirms it", "no right to list"],
)  # fmt: skip
def test_a_404_is_proof_if_the_list_of_the_volume_or_the_log_of_tasks_confirms_it(
    cloud: Cloud, harness: ApiHarness, volume_id: str | None, denied: tuple[str, ...], log_days: float,
    calls: list[str], message: str | None,
) -> None:  # fmt: skip
    backup_id = cloud.add_backup(volume_id=VOLUME)
    cloud.remove_backup(backup_id)
    cloud.change_settings(cbr_denied=denied, cbr_log_days=log_days)
    answer = show(harness, backup_id, volume_id)
    assert answer.name is (AnswerName.MAYBE_GONE if message else AnswerName.GONE)
    assert [name for name, _ in harness.calls.take() if name != "Authenticate"] == calls
    assert (message or "") in answer.message
    assert all(f"cbr:{right}" in answer.message for right in denied if message)


def test_a_list_with_an_ignored_filter_is_no_proof(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = gone(cloud)
    cloud.add_backup(volume_id=OTHER_VOLUME)
    cloud.change_settings(cbr_ignores=("resource_id",))
    answer = show(harness, backup_id)
    assert answer.name is AnswerName.MAYBE_GONE
    assert "ListBackups (it shows other volumes), ListTasks" in answer.message


def test_an_incomplete_list_is_no_proof_and_the_log_is_asked(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = gone(cloud)
    cloud.add_backups(3, volume_id=VOLUME)
    cloud.change_settings(page_limit=2)
    assert "ListBackups (it is incomplete)" in show(harness, backup_id).message
    cloud.change_settings(cbr_log_days=30)
    assert show(harness, backup_id).name is AnswerName.GONE


def test_a_list_that_still_shows_the_backup_contradicts_the_404(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = cloud.add_backup(volume_id=VOLUME)
    cloud.inject(Fault(operation=Operation.SHOW, status=404, body=BodyShape.CBR, code="BackupService.6200"))
    assert show(harness, backup_id).name is AnswerName.UNEXPECTED
    assert harness.calls.take() == [(SHOW, "404"), (LIST, "200")]


def test_a_404_is_not_confirmed_by_the_list_of_another_project(cloud: Cloud) -> None:
    """The secret changes, and the login expires, between the GET and the list."""
    with api_harness(cloud, service="cbr") as harness:
        backup_id = cloud.add_backup(volume_id=VOLUME)
        cloud.inject(Fault(operation=Operation.SHOW, status=404, body=BodyShape.CBR, code="BackupService.6200"))

        def move(call: CallRecord) -> None:
            if call.operation.value == SHOW:
                harness.secrets.put(cloud.target_secret(service="cbr", user="neighbour"))
                harness.clock.advance(7 * 24 * 3600)

        about = structs.replace(ref(backup_id), volume_id=VOLUME, recorder=move)
        answer = harness.api.show_backup(about, FakeTimeLeft())
        assert answer.name is AnswerName.OTHER_PROJECT
        assert [call for call in harness.calls.take() if call[0] != "Authenticate"] == [(SHOW, "404")]


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault(status=400, body=BodyShape.CBR, code="BackupService.9900"), AnswerName.MAYBE_GONE),
        (Fault(status=404, body=BodyShape.GATEWAY), AnswerName.MAYBE_GONE),
        (Fault(status=404, body=BodyShape.HTML), AnswerName.MAYBE_GONE),
        (Fault(status=405), AnswerName.MAYBE_GONE),
        (Fault(status=418), AnswerName.MAYBE_GONE),
        (Fault(status=429, body=BodyShape.GATEWAY), AnswerName.THROTTLED),
        (Fault(status=500, body=BodyShape.CBR), AnswerName.SERVER_ERROR),
        (Fault(status=503, body=BodyShape.HTML), AnswerName.UNAVAILABLE),
        (Fault(status=302, redirect_to="https://elsewhere.example"), AnswerName.REDIRECTED),
        (Fault(breakage=Breakage.CLOSE, times=2), AnswerName.CONNECTION_LOST),
        (Fault(breakage=Breakage.TRUNCATED), AnswerName.CONNECTION_LOST),
        (Fault(raw_body="{}"), AnswerName.MAYBE_GONE),
        (Fault(raw_body='{"backups": [], "count": "0"}'), AnswerName.MAYBE_GONE),
        (Fault(raw_body='{"backups": []}'), AnswerName.MAYBE_GONE),
        (Fault(raw_body='{"backups": [], "count": 1}'), AnswerName.MAYBE_GONE),
        (Fault(raw_body='{"backups": [], "count": 1, "count": 0}'), AnswerName.MAYBE_GONE),
        (Fault(raw_body='{"backups": [{"id": "x"}], "count": 1}'), AnswerName.MAYBE_GONE),
    ],
)
def test_a_failed_confirmation_has_the_name_of_its_cause(
    cloud: Cloud, harness: ApiHarness, fault: Fault, name: AnswerName
) -> None:
    backup_id = gone(cloud)
    cloud.inject(replace(fault, operation=Operation.LIST))
    assert show(harness, backup_id).name is name


def test_a_list_that_takes_too_long_is_no_proof_and_the_log_is_asked(cloud: Cloud) -> None:
    backup_id = gone(cloud)
    cloud.inject(Fault(operation=Operation.LIST, delay_s=2, times=None))
    with api_harness(cloud, service="cbr", deadline_s=0.5) as harness:
        unconfirmed = show(harness, backup_id)
        cloud.change_settings(cbr_log_days=30)
        assert (unconfirmed.name, show(harness, backup_id).name) == (AnswerName.MAYBE_GONE, AnswerName.GONE)
    assert "Not confirmed by ListBackups (the response was not complete" in unconfirmed.message


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault(status=500, body=BodyShape.CBR), AnswerName.SERVER_ERROR),
        (Fault(status=500, body=BodyShape.CBR, code="BackupService.7009"), AnswerName.BUSY),
        (Fault(breakage=Breakage.TRUNCATED), AnswerName.CONNECTION_LOST),
    ],
)
def test_if_a_list_always_fails_the_log_can_still_prove_the_deletion(
    cloud: Cloud, harness: ApiHarness, fault: Fault, name: AnswerName
) -> None:
    backup_id = gone(cloud)
    cloud.inject(replace(fault, operation=Operation.LIST, times=None))
    assert show(harness, backup_id).name is name
    cloud.change_settings(cbr_log_days=30)
    assert show(harness, backup_id).name is AnswerName.GONE


@pytest.mark.parametrize(("status", "name"), [(429, AnswerName.THROTTLED), (503, AnswerName.UNAVAILABLE)])
def test_an_answer_to_the_list_that_halts_the_target_does_so_before_the_log_is_asked(
    cloud: Cloud, harness: ApiHarness, status: int, name: AnswerName
) -> None:
    cloud.inject(Fault(operation=Operation.LIST, status=status, body=BodyShape.GATEWAY))
    assert show(harness, gone(cloud)).name is name
    assert harness.calls.take() == [(SHOW, "404"), (LIST, str(status))]


def test_lists_that_take_too_long_do_not_halt_the_target(cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LIST, delay_s=2, times=None))
    with api_harness(cloud, service="cbr", deadline_s=0.5) as harness:
        reconciler = Reconciler(harness.api, no_holds(harness.clock), harness.clock, 5)
        ends = [reconcile(harness, gone(cloud), reconciler, volume_id=VOLUME) for _ in range(3)]
    assert [end.reason for end in ends if isinstance(end, Wait)] == [Reason.UNCONFIRMED] * 3


@pytest.mark.parametrize(("status", "code"), [(404, "BackupService.6200"), (400, "CSBS.3001")])
def test_a_not_found_from_a_cache_is_no_observation(cloud: Cloud, harness: ApiHarness, status: int, code: str) -> None:
    copy = Fault(operation=Operation.SHOW, status=status, body=BodyShape.CBR, code=code, headers={"Age": "60"})
    cloud.inject(copy)
    assert show(harness, gone(cloud)).name is AnswerName.STALE_ANSWER
    assert harness.calls.take() == [(SHOW, str(status))]


@pytest.mark.parametrize("key", ["backup_id", "status"])
def test_a_log_with_a_duplicate_key_is_no_proof(cloud: Cloud, harness: ApiHarness, key: str) -> None:
    backup_id = gone(cloud)
    task = json.dumps(
        {"operation_type": "delete", "status": "success", "extra_info": {"delete": {"backup_id": backup_id}}}
    )
    twice = task.replace(f'"{key}":', f'"{key}": "x", "{key}":')
    for text, name in ((task, AnswerName.GONE), (twice, AnswerName.MAYBE_GONE)):
        cloud.inject(Fault(operation=Operation.TASKS, raw_body=f'{{"operation_logs": [{text}]}}'))
        assert show(harness, backup_id, None).name is name


@pytest.mark.parametrize(
    "change",
    [
        {"operation_type": "vault_delete"},
        {"status": "running"},
        {"status": "timeout"},
        {"extra_info": None},
        {"extra_info": {}},
        {"extra_info": {"delete": {"backup_id": VOLUME}}},
    ],
)
def test_only_a_successful_deletion_of_this_backup_in_the_log_is_proof(
    cloud: Cloud, harness: ApiHarness, change: dict[str, object]
) -> None:
    backup_id = gone(cloud)
    task = {"operation_type": "delete", "status": "success", "extra_info": {"delete": {"backup_id": backup_id}}}
    cloud.inject(Fault(operation=Operation.TASKS, raw_body=json.dumps({"operation_logs": [task | change]})))
    assert show(harness, backup_id, None).name is AnswerName.MAYBE_GONE


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        {"status": None},
        {"status": "failed", "error_info": "none"},
        {"extra_info": []},
        {"extra_info": {"delete": {"backup_id": 7}}},
        {"created_at": 0},
    ],
    ids=str,
)
def test_an_odd_row_of_the_log_does_not_hide_the_deletions_in_other_rows(
    cloud: Cloud, harness: ApiHarness, odd: dict[str, object] | None
) -> None:
    backup_id = gone(cloud)
    task = {"operation_type": "delete", "status": "success", "extra_info": {"delete": {"backup_id": backup_id}}}
    another = odd and task | {"extra_info": {"delete": {"backup_id": VOLUME}}} | odd
    logs = [json.dumps({"operation_logs": [another, *rows]}) for rows in ([task], [])]
    cloud.inject(*(Fault(operation=Operation.TASKS, raw_body=log) for log in logs))
    assert [show(harness, backup_id, None).name for _ in logs] == [AnswerName.GONE, AnswerName.MAYBE_GONE]


def test_an_odd_row_about_the_backup_itself_is_no_proof(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = gone(cloud)
    for odd in ({"status": ["success"]}, {"created_at": 0}, {"operation_type": None}):
        task = {"operation_type": "delete", "status": "success", "extra_info": {"delete": {"backup_id": backup_id}}}
        cloud.inject(Fault(operation=Operation.TASKS, raw_body=json.dumps({"operation_logs": [task | odd]})))
        assert show(harness, backup_id, None).name is AnswerName.MAYBE_GONE


# Deletions that fail


@both_vendors
def test_the_log_says_why_a_deletion_failed(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = cloud.add_backup(volume_id=VOLUME)
    cloud.change_settings(driver_error="the storage is read-only")
    harness.delete(backup_id)
    cloud.advance(10)
    answer = show(harness, backup_id)
    assert answer.backup is not None
    assert answer.backup.status is Status.ERROR
    assert answer.backup.fail_reason == "BackupService.6201 the storage is read-only"


def test_a_get_just_before_the_delete_does_not_look_up_why_the_backup_failed(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = cloud.add_backup(status="error")
    answer = harness.api.show_backup(structs.replace(ref(backup_id), wants_fail_reason=False), FakeTimeLeft())
    assert answer.name is AnswerName.FOUND
    assert harness.calls.take() == [(SHOW, "200")]


def test_a_get_without_a_fail_reason_still_proves_a_deletion(cloud: Cloud, harness: ApiHarness) -> None:
    missing = structs.replace(ref(gone(cloud)), volume_id=VOLUME, wants_fail_reason=False)
    assert harness.api.show_backup(missing, FakeTimeLeft()).name is AnswerName.GONE


def test_a_backup_in_error_is_shown_even_if_the_log_cannot_be_read(cloud: Cloud, harness: ApiHarness) -> None:
    cloud.change_settings(cbr_denied=("tasks:list",))
    answer = show(harness, cloud.add_backup(status="error"))
    assert answer.name is AnswerName.FOUND
    assert answer.backup is not None
    assert answer.backup.status is Status.ERROR


@both_vendors
def test_a_not_found_answer_to_a_delete_is_no_proof(cloud: Cloud, harness: ApiHarness) -> None:
    assert harness.delete(gone(cloud)).name is AnswerName.MAYBE_GONE


def test_a_deletion_that_is_accepted_with_200_has_no_age(cloud: Cloud, harness: ApiHarness) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=200, raw_body="{}", headers={"Age": "60"}))
    assert harness.delete(cloud.add_backup(volume_id=VOLUME)).name is AnswerName.ACCEPTED


def test_a_200_to_a_delete_is_trusted_without_its_body_and_one_to_a_get_is_not(
    cloud: Cloud, harness: ApiHarness
) -> None:
    backup_id = cloud.add_backup(volume_id=VOLUME)
    for operation in (Operation.SHOW, Operation.DELETE):
        cloud.inject(Fault(operation=operation, status=200, body=BodyShape.HTML, breakage=Breakage.TRUNCATED))
    assert show(harness, backup_id).name is AnswerName.CONNECTION_LOST
    assert harness.delete(backup_id).name is AnswerName.ACCEPTED


# Lists


def listed(harness: ApiHarness) -> tuple[list[str], int, Answer | None]:
    """Return the IDs, how often the list was restarted, and the answer that ended it early."""
    ids: list[str] = []
    begins = 1
    for page in harness.api.list_backups(TARGET, FakeTimeLeft()):
        if isinstance(page, Answer):
            return ids, begins, page
        begins += page.restarted
        ids = [*([] if page.restarted else ids), *(backup.id for backup in page.backups)]
    return ids, begins, None


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 99, 100])
def test_a_list_has_every_backup_of_a_volume_once_oldest_first(cloud: Cloud, harness: ApiHarness, count: int) -> None:
    cloud.change_settings(page_limit=50)
    ids = cloud.add_backups(count)
    cloud.add_backup(cbr={"resource_type": "OS::Nova::Server"})
    cloud.add_backup(project_id="c0ffee00c0ffee00c0ffee00c0ffee00")
    assert listed(harness) == (ids, 1, None)


@both_vendors
def test_the_pages_of_a_list_overlap(cloud: Cloud, harness: ApiHarness) -> None:
    cloud.change_settings(page_limit=100)
    cloud.add_backups(180)
    listed(harness)
    queries = [call.raw_path.partition("?")[2] for call in cloud.journal.calls_of(Operation.LIST)]
    rest = "resource_type=OS%3A%3ACinder%3A%3AVolume&sort=created_at%3Aasc"
    offsets = [0, 100 - OVERLAP, 200 - 2 * OVERLAP]
    assert queries == [f"limit=1000&offset={offset}&{rest}" for offset in offsets]


@pytest.mark.parametrize("removed", [1, OVERLAP - 1, OVERLAP, 90])
def test_deletions_between_two_pages_never_skip_a_backup(cloud: Cloud, harness: ApiHarness, removed: int) -> None:
    cloud.change_settings(page_limit=100)
    ids = cloud.add_backups(200)
    to_remove = ids[:removed]
    found: list[str] = []
    for page in harness.api.list_backups(TARGET, FakeTimeLeft()):
        assert isinstance(page, Page)
        found = [*([] if page.restarted else found), *(backup.id for backup in page.backups)]
        while to_remove:
            cloud.remove_backup(to_remove.pop())
    assert set(ids[removed:]) <= set(found)
    assert len(found) == len(set(found))


def test_a_list_that_says_it_has_more_rows_than_it_shows_is_not_complete(cloud: Cloud, harness: ApiHarness) -> None:
    cloud.inject(Fault(operation=Operation.LIST, raw_body='{"backups": [], "count": 7}', times=None))
    ids, _, end = listed(harness)
    assert ids == []
    assert end is not None
    assert end.name is AnswerName.UNAVAILABLE


def test_a_list_without_a_count_is_read_until_a_page_shows_nothing_new(cloud: Cloud, harness: ApiHarness) -> None:
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(80)]
    for shown in (ids[:60], ids[10:70], ids[20:80], ids[30:80]):
        body = json.dumps({"backups": [{"id": each} for each in shown]})
        cloud.inject(Fault(operation=Operation.LIST, raw_body=body, times=1))
    assert listed(harness) == (ids, 1, None)
    cloud.inject(Fault(operation=Operation.LIST, raw_body='{"backups": []}'))
    assert listed(harness) == ([], 1, None)
    paths = [call.raw_path for call in cloud.journal.calls_of(Operation.LIST)]
    offsets = [path.partition("&offset=")[2].partition("&")[0] for path in paths]
    assert offsets == ["0", "10", "20", "30", "0"]


# Complete passes


def reconcile(
    harness: ApiHarness,
    backup_id: str,
    reconciler: Reconciler | None = None,
    **message: Any,  # noqa: ANN401  # of a message
) -> PassEnd:
    """Run one pass for a message that was first received a day ago."""
    now = harness.clock()
    stated = {"place": f"{harness.cloud.project_id} {harness.cloud.url}/cbr", **message}
    long_ago = now - timedelta(days=1)
    marked = Message(
        message_id="m-1",
        receipt_handle="r",
        body="{}",
        receive_count=5,
        sent_at=now,
        request_id="m-1",
        first_sent_at=long_ago,
        first_received_at=long_ago,
        **stated,
    )
    request = DeleteRequest(backup_id=BackupId(backup_id), expect=Expectation(volume_id=VOLUME))
    this = Pass(request=request, delivery=Delivery(message=marked, now=now, base_s=60, jitter=0.5))
    reconciler = reconciler or Reconciler(harness.api, no_holds(harness.clock), harness.clock, 5)
    return reconciler.reconcile(this, TARGET, FakeTimeLeft())


@both_vendors
def test_a_request_ends_with_the_proof_that_its_message_made_possible(cloud: Cloud, harness: ApiHarness) -> None:
    backup_id = cloud.add_backup(volume_id=VOLUME)
    asked = reconcile(harness, backup_id)
    assert isinstance(asked, Asked)
    assert asked.volume_id == VOLUME
    cloud.advance(10)
    cloud.change_settings(cbr_log_days=-1)
    ended = reconcile(harness, backup_id, asked_at=harness.clock(), volume_id=asked.volume_id)
    assert isinstance(ended, Deleted)
    assert harness.calls.take() == [(SHOW, "200"), (DELETE, "204"), (SHOW, "404"), (LIST, "200")]


def test_a_volume_is_used_as_proof_only_if_a_trusted_message_names_it(cloud: Cloud, harness: ApiHarness) -> None:
    """Anyone can put a volume into a request, and the list of another volume would lack the backup."""
    assert isinstance(reconcile(harness, gone(cloud), volume_id=VOLUME), AlreadyGone)
    ended = reconcile(harness, gone(cloud))
    assert isinstance(ended, Wait)
    assert ended.reason is Reason.UNCONFIRMED


def test_the_empty_list_of_a_wrong_project_ends_no_request(cloud: Cloud) -> None:
    backup_id = cloud.add_backup(volume_id=VOLUME)
    with api_harness(cloud, service="cbr", user="neighbour") as harness:
        ended = reconcile(harness, backup_id, asked_at=None, volume_id=VOLUME)
        unplaced = reconcile(harness, backup_id, place=None)
    assert isinstance(ended, Wait)
    assert ended.reason is Reason.ASKED_ELSEWHERE
    assert isinstance(unplaced, Wait)
    assert unplaced.reason is Reason.UNCONFIRMED


@pytest.mark.parametrize(
    ("cbr", "settings", "end"),
    [
        ({"image_ids": ["image-1"]}, {}, Refused(reason=Reason.USED_BY_IMAGE, message="image image-1")),
        (
            {"part_of": OTHER_VOLUME},
            {},
            Refused(reason=Reason.NOT_A_VOLUME_BACKUP, message=f"it is a part of backup {OTHER_VOLUME}"),
        ),
        (
            {"resource_type": "OS::Nova::Server"},
            {},
            Refused(reason=Reason.NOT_A_VOLUME_BACKUP, message="it is a backup of OS::Nova::Server"),
        ),
        (
            {"auto_trigger": True, "expired_at": "2027-01-01T00:00:00Z"},
            {"cbr_vault_locked": True},
            Refused(
                reason=Reason.LOCKED,
                message="Automatic backups in locked vaults cannot be manually deleted.;"
                ' it expires at "2027-01-01T00:00:00Z"',
            ),
        ),
        ({}, {"cbr_vault_status": "frozen"}, (Reason.VAULT_UNUSABLE, "Invalid vault status.")),
    ],
    ids=["image", "part", "server", "locked", "frozen"],
)
def test_an_impossible_deletion_is_refused_and_a_frozen_vault_is_a_wait(
    cloud: Cloud, harness: ApiHarness, cbr: dict[str, Any], settings: dict[str, Any], end: object
) -> None:
    cloud.change_settings(**settings)
    ended = reconcile(harness, cloud.add_backup(volume_id=VOLUME, cbr=cbr))
    assert ((ended.reason, ended.message) if isinstance(ended, Wait) else ended) == end
    assert not cloud.journal.deletes


# Rights

KNOWN = {"backups:list", "backups:get", "backups:delete", "tasks:list", "vaults:list", "vaults:backup"}
"""The permissions that the simulator checks."""


def documented() -> set[str]:
    (text,) = (each for each in Markdown(ROOT / "functions/README.md").blocks("text") if '"cbr:' in each)
    (statement,) = json.loads(text)["Statement"]
    return {action.removeprefix("cbr:") for action in statement["Action"]}


def failed_step(cloud: Cloud, harness: ApiHarness, allowed: set[str]) -> str | None:
    """List, delete and prove with only these permissions; return the first step that fails."""
    cloud.change_settings(cbr_denied=tuple(KNOWN - allowed), delete_seconds=0)
    backup_id = cloud.add_backup()
    if not all(isinstance(page, Page) for page in harness.api.list_backups(TARGET, FakeTimeLeft())):
        return "list"
    if harness.show(backup_id).name is not AnswerName.FOUND:
        return "show"
    if harness.delete(backup_id).name is not AnswerName.ACCEPTED:
        return "delete"
    return None if harness.show(backup_id).name is AnswerName.GONE else "prove"


def test_the_documented_rights_are_enough(cloud: Cloud, harness: ApiHarness) -> None:
    assert failed_step(cloud, harness, documented()) is None


@pytest.mark.parametrize(
    ("missing", "step"),
    [("backups:list", "list"), ("backups:get", "show"), ("backups:delete", "delete"), ("tasks:list", "prove")],
)
def test_each_documented_right_is_needed(cloud: Cloud, harness: ApiHarness, missing: str, step: str) -> None:
    assert missing in documented()
    assert failed_step(cloud, harness, documented() - {missing}) == step
