"""Show, delete and list over real HTTP: exact paths, no redirects, one retry per cause, complete lists."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.integration.api_harness import TARGET, UNKNOWN_ID, ApiHarness, FakeTimeLeft, api_harness, first_pass, ref
from tests.support.doubles import no_holds
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import OTHER_PROJECT_ID, SimulatorSettings
from vbs_reaper.backups.answer import Answer, AnswerName, CallRecord, Listing, Page, TargetInfo
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.clouds.login.login import Login, Token
from vbs_reaper.deletion.decision import Halt
from vbs_reaper.deletion.reconcile import Reconciler
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.listing import list_inventory
from vbs_reaper.reasons import Reason

SHOW, DELETE, LIST, LOGIN = "ShowBackup", "DeleteBackup", "ListBackups", "Authenticate"


@pytest.fixture
def harness(cloud: Cloud) -> Iterator[ApiHarness]:
    with api_harness(cloud, service="cinder") as harness:
        yield harness


def pages(harness: ApiHarness, left: FakeTimeLeft | None = None) -> list[Page | Answer]:
    return list(harness.api.list_backups(TARGET, left or FakeTimeLeft()))


def listed(harness: ApiHarness) -> list[str]:
    ids: list[str] = []
    for page in pages(harness):
        assert isinstance(page, Page)
        ids = [*([] if page.restarted else ids), *(backup.id for backup in page.backups)]
    return ids


@pytest.mark.parametrize(("service", "version"), [("vbs", "v2"), ("cinder", "v3")])
def test_a_backup_is_shown_deleted_and_proven_gone_by_exactly_these_bytes(
    cloud: Cloud, service: str, version: str
) -> None:
    backup_id = cloud.add_backup(name="daily")
    with api_harness(cloud, service=service) as harness:
        found, accepted = harness.show(backup_id), harness.delete(backup_id)
        deleting = harness.show(backup_id)
        cloud.advance(10)
        gone = harness.show(backup_id)
    assert [answer.name for answer in (found, accepted, deleting, gone)] == [
        AnswerName.FOUND,
        AnswerName.ACCEPTED,
        AnswerName.FOUND,
        AnswerName.GONE,
    ]
    assert deleting.backup is not None
    assert deleting.backup.status_text == "deleting"
    assert found.target is not None
    assert (found.target.project_id, found.target.hold_marker) == (cloud.project_id, "[hold]")
    assert found.request_id.startswith("req-")
    path = f"/{version}/{cloud.project_id}/backups/{backup_id}"
    calls = [(call.method, call.raw_path) for call in cloud.journal.calls if call.operation is not Operation.LOGIN]
    assert calls == [("GET", path), ("DELETE", path), ("GET", path), ("GET", path)]
    assert len(cloud.journal.logins) == 1


def test_a_request_has_the_headers_of_its_operation_and_nothing_of_the_environment(
    harness: ApiHarness, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HTTP_PROXY", "http://127.0.0.1:9"), ("http_proxy", "http://127.0.0.1:9"), ("NETRC", "/x")):
        monkeypatch.setenv(name, value)
    cloud.inject(Fault(times=None, headers={"Set-Cookie": "a=b; Path=/"}))
    backup_id = cloud.add_backup(metadata={"hold": "yes"})
    found = harness.show(backup_id)
    assert found.backup is not None
    assert found.backup.metadata == {"hold": "yes"}
    pages(harness)
    harness.delete(backup_id)
    read = {"openstack-api-version": "volume 3.43", "cache-control": "no-cache"}
    sent = {
        call.operation: {name.lower(): value for name, value in call.headers.items()} for call in cloud.journal.calls
    }
    for operation, expected in ((Operation.SHOW, read), (Operation.LIST, read), (Operation.DELETE, {})):
        assert {name: sent[operation][name] for name in read if name in sent[operation]} == expected
    for headers in sent.values():
        assert headers["accept-encoding"] == "identity"
        assert not headers.keys() & {"cookie", "authorization", "proxy-authorization"}


@pytest.mark.parametrize("where", [None, "http://[", "", "\\\\", "http://x:99999/"])
@pytest.mark.parametrize("operation", ["show", "delete"])
def test_a_redirect_is_never_followed(harness: ApiHarness, cloud: Cloud, operation: str, where: str | None) -> None:
    backup_id = cloud.add_backup()
    with Simulator().running() as elsewhere:
        to = f"{elsewhere.url}/v3/x/backups/y" if where is None else where
        cloud.inject(Fault(skip=1, status=307, redirect_to=to))  # the first call is the login
        answer = getattr(harness, operation)(backup_id)
        assert (answer.name, answer.status) == (AnswerName.REDIRECTED, 307)
        assert elsewhere.journal.connections == 0
    assert cloud.status_of(backup_id) == "available"


def test_a_request_for_another_project_or_a_malformed_id_is_answered_without_a_call(
    harness: ApiHarness, cloud: Cloud
) -> None:
    other = ProjectId(OTHER_PROJECT_ID)
    backup_id = cloud.add_backup()
    answers = [
        harness.show(backup_id, project_id=other),
        harness.delete(backup_id, project_id=other),
        harness.api.list_volume(ref(backup_id, other), UNKNOWN_ID, FakeTimeLeft()),
        *harness.api.list_backups(TARGET, FakeTimeLeft(), other),
    ]
    for refused in answers:
        assert isinstance(refused, Answer)
        assert (refused.name, refused.at) == (AnswerName.OTHER_PROJECT, harness.clock())
        assert other in refused.message
        assert cloud.project_id in refused.message
    malformed = harness.show("..")
    assert (malformed.name, malformed.at) == (AnswerName.BAD_REQUEST, harness.clock())
    assert malformed.message == "nothing was sent: an ID is not a lower-case canonical UUID"
    assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}
    assert harness.show(backup_id, project_id=cloud.project_id).name is AnswerName.FOUND
    assert harness.delete(cloud.add_backup(project_id=other)).name is AnswerName.GONE


class SecretChangedAfterShow:
    """Changes the target secret after the GET of a backup."""

    def __init__(self, harness: ApiHarness, secret: dict[str, Any]) -> None:
        self._reach = harness
        self._secret = secret
        self.delete_backup = harness.api.delete_backup
        self.list_volume = harness.api.list_volume

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        answer = self._reach.api.show_backup(ref, time_left)
        self._reach.secrets.put(self._secret)
        return answer


def test_a_backup_that_was_observed_in_one_region_is_not_deleted_in_another(cloud: Cloud) -> None:
    """Between GET and DELETE, the secret is changed to another region of the same project."""
    backup_id = cloud.add_backup()
    with Simulator(cloud.settings).running() as other, api_harness(cloud) as harness:
        passes = Reconciler(
            SecretChangedAfterShow(harness, other.target_secret()), no_holds(harness.clock), harness.clock, 5
        )
        cloud.inject(Fault(operation=Operation.DELETE, status=401, body=BodyShape.KEYSTONE))
        decision = passes.reconcile(first_pass(harness, backup_id), TARGET, FakeTimeLeft())
        assert isinstance(decision, Halt)
        assert decision.reason is Reason.WRONG_ENDPOINT
        assert " a moment ago and is at " in decision.message
        assert {call.operation for call in other.journal.calls} == {Operation.LOGIN}
        elsewhere = replace(ref(backup_id), address=cloud.auth_url)
        assert harness.api.show_backup(elsewhere, FakeTimeLeft()).name is AnswerName.WRONG_ENDPOINT
        listing = harness.api.list_volume(elsewhere, UNKNOWN_ID, FakeTimeLeft())
        assert isinstance(listing, Answer)
        assert listing.name is AnswerName.WRONG_ENDPOINT


def test_a_token_in_a_response_is_redacted(harness: ApiHarness, cloud: Cloud) -> None:
    login = harness.api._sessions.login(TARGET, FakeTimeLeft())  # noqa: SLF001  # the login is private
    assert isinstance(login, Login)
    assert isinstance(login.credentials, Token)
    token = login.credentials.secret.reveal()
    message, request_id = f"token {token} or {token[:14]}… is none", {"x-openstack-request-id": f"req-{token}"}
    cloud.inject(Fault(status=409, body=BodyShape.CINDER, message=message, headers=request_id))
    answer = harness.show(UNKNOWN_ID)
    assert answer.message == "token *** or ***\\u2026 is none"
    assert answer.request_id.partition(", ")[2] == "req-***"  # after the ID that the simulator adds to every answer


def test_a_target_is_described_by_its_login_or_by_the_answer_that_prevents_one(
    harness: ApiHarness, cloud: Cloud
) -> None:
    short = FakeTimeLeft(14.9)
    for target, expected in ((TARGET, AnswerName.OUT_OF_TIME), ("not-configured", AnswerName.SECRET_UNUSABLE)):
        refused = harness.api.describe_target(target, short)
        assert isinstance(refused, Answer)
        assert refused.name is expected
    project_id = ProjectId(cloud.project_id)
    expected_info = TargetInfo(project_id=project_id, hold_marker="[hold]", shows_metadata=True, service="cinder")
    assert harness.api.describe_target(TARGET, FakeTimeLeft()) == expected_info
    assert len(cloud.journal.logins) == 1


# ------------------------------------------------------------------ caches

GONE_BODY: dict[str, Any] = {"status": 404, "body": BodyShape.GONE}


def aged(age: str, **fault: Any) -> Fault:  # noqa: ANN401  # the fields of a fault
    """Return a fault: the true or another response, with the headers of a cache."""
    return Fault(times=None, headers={"Age": age, "X-Cache": "HIT", "Warning": '110 - "Response is Stale"'}, **fault)


@pytest.mark.parametrize(
    ("age", "made_up"),
    [
        *(pytest.param(age, {}, id=age) for age in ("1", "1987200", "0, 30", "30, 0", " 7 ", "2.5", "007")),
        pytest.param("30", GONE_BODY, id="404"),
        pytest.param("30", {"status": 404, "body": BodyShape.HTML}, id="page"),
    ],
)
def test_a_copy_from_a_cache_is_no_observation(
    harness: ApiHarness, cloud: Cloud, age: str, made_up: dict[str, Any]
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(aged(age, operation=Operation.SHOW, **made_up))
    answer = harness.show(backup_id)
    assert (answer.name, answer.backup) == (AnswerName.STALE_ANSWER, None)
    assert answer.status == made_up.get("status", 200)
    assert answer.message == f"a cache answered with a copy, not the service itself (Age: {age.strip()})"
    assert answer.target is not None


@pytest.mark.parametrize("age", ["0", "", "00", "soon", "0, 0"])
def test_an_answer_that_comes_from_no_cache_is_an_observation(harness: ApiHarness, cloud: Cloud, age: str) -> None:
    cloud.inject(aged(age, operation=Operation.SHOW))
    assert harness.show(cloud.add_backup()).name is AnswerName.FOUND
    assert harness.show(UNKNOWN_ID).name is AnswerName.GONE


def test_of_cached_answers_only_an_accepted_deletion_counts(harness: ApiHarness, cloud: Cloud) -> None:
    cloud.inject(aged("30", operation=Operation.DELETE))
    backup_id = cloud.add_backup()
    assert harness.delete(backup_id).name is AnswerName.ACCEPTED
    cloud.clear_faults()
    cloud.inject(aged("30", operation=Operation.DELETE, status=200, raw_body="{}"))
    assert harness.delete(backup_id).name is AnswerName.MAYBE_ACCEPTED
    cloud.clear_faults()
    cloud.inject(aged("30", operation=Operation.DELETE, **GONE_BODY), aged("30", operation=Operation.LIST))
    assert harness.delete(backup_id).name is AnswerName.STALE_ANSWER
    (failure,) = pages(harness)
    assert isinstance(failure, Answer)
    assert failure.name is AnswerName.STALE_ANSWER
    with pytest.raises(RunRefused):
        list_inventory(harness.api, TARGET, harness.clock, FakeTimeLeft())


# ------------------------------------------------------------------ time and retries


def test_no_call_begins_without_fifteen_seconds_left(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    assert harness.show(backup_id, left_s=14.9).name is AnswerName.OUT_OF_TIME
    assert cloud.journal.calls == []
    assert harness.show(backup_id, left_s=15.0).name is AnswerName.FOUND
    assert harness.delete(backup_id, left_s=14.9).name is AnswerName.OUT_OF_TIME
    assert cloud.status_of(backup_id) == "available"


def test_no_retry_begins_without_fifteen_seconds_left(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    cloud.inject(Fault(operation=Operation.SHOW, breakage=Breakage.RESET))
    answer = harness.api.show_backup(ref(backup_id), FakeTimeLeft(20.0, cost_per_read_s=6.0))
    assert answer.name is AnswerName.OUT_OF_TIME
    assert len(cloud.journal.calls_of(Operation.SHOW)) == 2


@pytest.mark.parametrize("breakage", [Breakage.RESET, Breakage.CLOSE])
def test_a_call_on_a_broken_connection_is_retried_once_on_a_new_one(
    harness: ApiHarness, cloud: Cloud, breakage: Breakage
) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    harness.calls.take()
    cloud.inject(Fault(operation=Operation.SHOW, breakage=breakage, times=2))
    assert harness.show(backup_id).name is AnswerName.CONNECTION_LOST
    assert harness.calls.take() == [(SHOW, "ConnectionError")] * 2
    harness.show(backup_id)
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage, reused_connection=True))
    assert harness.delete(backup_id).name is AnswerName.ACCEPTED
    assert harness.calls.take()[-2:] == [(DELETE, "ConnectionError"), (DELETE, "202")]
    assert cloud.journal.accepted(backup_id) == 1


def test_connections_that_were_dropped_while_the_function_was_frozen_cost_nothing() -> None:
    simulator = Simulator()
    with simulator.running() as cloud, api_harness(cloud) as harness:
        backup_id = cloud.add_backup()
        harness.show(backup_id)
        simulator.drop_connections()
        harness.calls.take()
        assert harness.show(backup_id).name is AnswerName.FOUND
        assert (SHOW, "200") in harness.calls.take()


def test_a_service_that_is_not_there_is_unreachable() -> None:
    simulator = Simulator()
    with simulator.running() as cloud, api_harness(cloud) as harness:
        harness.show(UNKNOWN_ID)
        harness.calls.take()
        simulator.stop()
        answer = harness.show(UNKNOWN_ID)
        assert (answer.name, harness.calls.take()[-1]) == (AnswerName.UNREACHABLE, (SHOW, "ConnectionError"))
        assert answer.message
        simulator.start()
        assert harness.show(UNKNOWN_ID).name is AnswerName.GONE


BROKEN = [Breakage.CUT_HEADERS, Breakage.TRUNCATED, Breakage.BAD_CHUNKS, Breakage.CUT_CHUNKS, Breakage.BAD_GZIP]


@pytest.mark.parametrize("breakage", BROKEN)
def test_a_202_is_accepted_by_its_status_line_alone(harness: ApiHarness, cloud: Cloud, breakage: Breakage) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage))
    answer = harness.delete(cloud.add_backup())
    assert (answer.name, answer.status) == (AnswerName.ACCEPTED, 202)
    assert harness.calls.take()[-1] == (DELETE, "202")


@pytest.mark.parametrize("breakage", [*BROKEN, Breakage.GARBAGE])
@pytest.mark.parametrize("operation", ["show", "delete"])
def test_an_incomplete_404_is_no_proof(harness: ApiHarness, cloud: Cloud, operation: str, breakage: Breakage) -> None:
    harness.show(cloud.add_backup())
    cloud.inject(Fault(breakage=breakage))
    assert getattr(harness, operation)(UNKNOWN_ID).name is AnswerName.CONNECTION_LOST
    assert getattr(harness, operation)(UNKNOWN_ID).name is AnswerName.GONE


@pytest.mark.parametrize(
    ("status", "name"),
    [(202, AnswerName.ACCEPTED), (409, AnswerName.CONFLICT), (503, AnswerName.UNAVAILABLE)],
)
def test_a_status_has_its_name_and_its_metric(harness: ApiHarness, cloud: Cloud, status: int, name: AnswerName) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=status, body=BodyShape.CINDER))
    answer = harness.delete(UNKNOWN_ID)
    assert (answer.name, answer.status) == (name, status)
    assert answer.target is not None
    assert harness.calls.take() == [(LOGIN, "201"), (DELETE, str(status))]


def test_a_body_that_is_too_long_is_no_proof_of_anything(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    padded = '{"itemNotFound": {"code": 404, "message": "Backup ' + backup_id + ' could not be found."}'
    padded += ', "padding": "' + "x" * 65_536 + '"}'
    cloud.inject(Fault(operation=Operation.SHOW, status=404, raw_body=padded))
    assert harness.show(backup_id).name is AnswerName.WRONG_ENDPOINT
    assert harness.show(backup_id).name is AnswerName.FOUND


# ------------------------------------------------------------------ lists


@pytest.fixture
def small_pages() -> Iterator[ApiHarness]:
    with Simulator(SimulatorSettings(page_limit=3)).running() as cloud, api_harness(cloud, service="cinder") as harness:
        yield harness


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7])
def test_a_list_is_complete_and_in_the_order_of_the_cloud_for_any_page_size(
    small_pages: ApiHarness, count: int
) -> None:
    ids = small_pages.cloud.add_backups(count)
    assert listed(small_pages) == ids[::-1]


def test_links_are_never_followed_and_the_marker_is_the_last_id() -> None:
    tricky = SimulatorSettings(page_limit=2, links_base="http://192.168.82.222:8776")
    with Simulator(tricky).running() as cloud, api_harness(cloud) as harness:
        ids = cloud.add_backups(4)
        assert listed(harness) == ids[::-1]
        base = f"/v2/{cloud.project_id}/backups/detail?limit=1000"
        paths = [call.raw_path for call in cloud.journal.calls_of(Operation.LIST)]
        assert paths == [base, f"{base}&marker={ids[2]}", f"{base}&marker={ids[0]}"]


def test_a_marker_that_was_deleted_restarts_the_list(small_pages: ApiHarness) -> None:
    cloud = small_pages.cloud
    ids = cloud.add_backups(7)
    listing = small_pages.api.list_backups(TARGET, FakeTimeLeft())
    first = next(listing)
    assert isinstance(first, Page)
    cloud.remove_backup(first.backups[-1].id)
    rest = list(listing)
    assert isinstance(rest[0], Page)
    assert rest[0].restarted
    seen = [backup.id for page in rest if isinstance(page, Page) for backup in page.backups]
    assert seen == [backup_id for backup_id in ids[::-1] if backup_id != first.backups[-1].id]
    assert [page.restarted for page in rest if isinstance(page, Page)] == [True, False, False]


def test_a_list_that_loses_its_marker_a_fourth_time_is_incomplete(small_pages: ApiHarness) -> None:
    cloud = small_pages.cloud
    cloud.add_backups(20)
    seen: list[Page | Answer] = []
    for page in small_pages.api.list_backups(TARGET, FakeTimeLeft()):
        seen.append(page)
        if isinstance(page, Page):
            cloud.remove_backup(page.backups[-1].id)
    assert [page.restarted for page in seen if isinstance(page, Page)] == [False, True, True, True]
    assert isinstance(seen[-1], Answer)


@pytest.mark.parametrize("turned", [False, True])
def test_with_two_places_in_the_catalog_neither_is_called(cloud: Cloud, *, turned: bool) -> None:
    backup_id = cloud.add_backup()
    with Simulator(cloud.settings).running() as other, api_harness(cloud) as harness:
        places = (cloud.url, other.url)
        cloud.change_settings(backup_addresses=places[::-1] if turned else places)
        for answer in (harness.show(backup_id), harness.delete(backup_id), *pages(harness)):
            assert isinstance(answer, Answer)
            assert answer.name is AnswerName.WRONG_ENDPOINT
            assert "volume_backup_endpoint_override" in answer.message
        assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}
        assert other.journal.calls == []


def test_a_login_in_the_middle_of_a_list_that_finds_another_place_ends_the_list(small_pages: ApiHarness) -> None:
    cloud = small_pages.cloud
    cloud.add_backups(7)
    with Simulator(SimulatorSettings(page_limit=3)).running() as other:
        other.add_backups(7)
        view = small_pages.api.describe_target(TARGET, FakeTimeLeft())
        assert isinstance(view, TargetInfo)
        listing = small_pages.api.list_backups(TARGET, FakeTimeLeft(), view.project_id, view.address)
        assert isinstance(next(listing), Page)
        cloud.change_settings(backup_addresses=(other.url,))
        cloud.revoke_tokens()
        (refused,) = listing
        assert isinstance(refused, Answer)
        assert refused.name is AnswerName.WRONG_ENDPOINT
        assert f"was at {cloud.url} a moment ago and is at {other.url} now" in refused.message
        assert other.journal.calls == []


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault(status=500, body=BodyShape.HTML), AnswerName.SERVER_ERROR),
        (Fault(status=200, body=BodyShape.HTML), AnswerName.UNAVAILABLE),
        (Fault(status=203, raw_body='{"backups": [{"id": "' + UNKNOWN_ID + '"}]}'), AnswerName.UNAVAILABLE),
    ],
    ids=["failure", "not a list", "not a 200"],
)
def test_an_answer_that_is_not_a_page_ends_the_list_with_its_name(
    small_pages: ApiHarness, fault: Fault, name: AnswerName
) -> None:
    small_pages.cloud.add_backups(7)
    small_pages.cloud.inject(dataclasses.replace(fault, operation=Operation.LIST, skip=1))
    page, failure = pages(small_pages)
    assert isinstance(page, Page)
    assert isinstance(failure, Answer)
    assert (failure.name, failure.at) == (name, small_pages.clock())


def test_a_list_ends_if_the_service_ignores_the_marker(small_pages: ApiHarness) -> None:
    body = '{"backups": [{"id": "' + UNKNOWN_ID + '"}], "backups_links": [{"rel": "next", "href": "x"}]}'
    small_pages.cloud.inject(Fault(operation=Operation.LIST, status=200, raw_body=body, times=None))
    first, second, failure = pages(small_pages)
    assert isinstance(first, Page)
    assert isinstance(second, Page)
    assert second.backups == ()
    assert isinstance(failure, Answer)
    assert (failure.name, failure.message) == (AnswerName.UNAVAILABLE, "the list of backups repeats itself")


def test_a_page_of_a_thousand_is_read_completely(cloud: Cloud) -> None:
    ids = cloud.add_backups(1001, description="x" * 200)
    with api_harness(cloud, service="cinder") as harness:
        assert listed(harness) == ids[::-1]
        assert harness.calls.take() == [(LOGIN, "201"), (LIST, "200"), (LIST, "200")]


def test_the_list_of_a_volume_contains_only_its_backups_even_if_the_filter_is_ignored(small_pages: ApiHarness) -> None:
    cloud = small_pages.cloud
    volume_id = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
    ids = cloud.add_backups(4, volume_id=volume_id)
    cloud.add_backup()
    listing = small_pages.api.list_volume(ref(ids[0]), volume_id, FakeTimeLeft())
    assert isinstance(listing, Listing)
    assert [backup.id for backup in listing.backups] == ids[::-1]
    other: dict[str, Any] = {"status": 200, "operation": Operation.LIST}
    cloud.inject(Fault(raw_body='{"backups": [{"id": "' + ids[0] + '", "volume_id": "other"}]}', **other))
    assert small_pages.api.list_volume(ref(ids[0]), volume_id, FakeTimeLeft()) == Listing(backups=())


def test_a_list_that_runs_out_of_time_is_incomplete(small_pages: ApiHarness) -> None:
    small_pages.cloud.add_backups(9)
    *_, last = pages(small_pages, FakeTimeLeft(30.0, cost_per_read_s=4.0))
    assert isinstance(last, Answer)
    assert last.name is AnswerName.OUT_OF_TIME


# ------------------------------------------------------------------ the record of every call


def test_a_rejected_token_is_recorded_before_the_final_answer(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    harness.show(backup_id)
    cloud.revoke_tokens()
    recorded: list[CallRecord] = []
    answer = harness.api.show_backup(replace(ref(backup_id), recorder=recorded.append), FakeTimeLeft())
    assert answer.name is AnswerName.FOUND
    assert recorded[0].status == "401"
    assert [(call.status, call.request_id) for call in recorded[-1:]] == [("200", answer.request_id)]
    assert {(call.operation.value, call.backup_id) for call in recorded} == {("ShowBackup", backup_id)}
    seen = [str(call.status) for call in cloud.journal.calls_of(Operation.SHOW, backup_id)]
    assert [call.status for call in recorded] == seen[1:]


def test_a_lost_answer_and_each_page_of_a_list_are_recorded(harness: ApiHarness, cloud: Cloud) -> None:
    backup_id = cloud.add_backup(volume_id=UNKNOWN_ID)
    recorded: list[CallRecord] = []
    about = replace(ref(backup_id), recorder=recorded.append)
    cloud.inject(Fault(operation=Operation.DELETE, breakage=Breakage.TRUNCATED, status=503))
    harness.api.delete_backup(about, FakeTimeLeft())
    harness.api.list_volume(about, UNKNOWN_ID, FakeTimeLeft())
    now = harness.clock()
    assert recorded[0] == CallRecord(
        operation=recorded[0].operation, status="ConnectionError", at=now, request_id="", backup_id=BackupId(backup_id)
    )
    assert recorded[1] == CallRecord(
        operation=recorded[1].operation, status="200", at=now, request_id=recorded[1].request_id
    )
    assert [call.operation.value for call in recorded] == ["DeleteBackup", "ListBackups"]
    assert recorded[1].request_id.startswith("req-")
