"""Show, delete and list over real HTTP: exact paths, no redirect, one repeat per cause, whole lists."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.integration.reach import TARGET, UNKNOWN_ID, Hourglass, Reach, first_pass, reaching, ref
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
def reach(cloud: Cloud) -> Iterator[Reach]:
    with reaching(cloud, service="cinder") as reach:
        yield reach


def pages(reach: Reach, left: Hourglass | None = None) -> list[Page | Answer]:
    return list(reach.api.list_backups(TARGET, left or Hourglass()))


def listed(reach: Reach) -> list[str]:
    ids: list[str] = []
    for page in pages(reach):
        assert isinstance(page, Page)
        ids = [*([] if page.restarted else ids), *(backup.id for backup in page.backups)]
    return ids


@pytest.mark.parametrize(("service", "version"), [("vbs", "v2"), ("cinder", "v3")])
def test_a_backup_is_seen_deleted_and_proven_gone_by_exactly_these_bytes(
    cloud: Cloud, service: str, version: str
) -> None:
    backup_id = cloud.add_backup(name="daily")
    with reaching(cloud, service=service) as reach:
        found, accepted = reach.show(backup_id), reach.delete(backup_id)
        deleting = reach.show(backup_id)
        cloud.advance(10)
        gone = reach.show(backup_id)
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
    reach: Reach, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HTTP_PROXY", "http://127.0.0.1:9"), ("http_proxy", "http://127.0.0.1:9"), ("NETRC", "/x")):
        monkeypatch.setenv(name, value)
    cloud.inject(Fault(times=None, headers={"Set-Cookie": "a=b; Path=/"}))
    backup_id = cloud.add_backup(metadata={"hold": "yes"})
    found = reach.show(backup_id)
    assert found.backup is not None
    assert found.backup.metadata == {"hold": "yes"}
    pages(reach)
    reach.delete(backup_id)
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
def test_a_redirect_is_never_followed_wherever_it_leads(
    reach: Reach, cloud: Cloud, operation: str, where: str | None
) -> None:
    backup_id = cloud.add_backup()
    with Simulator().running() as elsewhere:
        to = f"{elsewhere.url}/v3/x/backups/y" if where is None else where
        cloud.inject(Fault(skip=1, status=307, redirect_to=to))  # the first call is the login
        answer = getattr(reach, operation)(backup_id)
        assert (answer.name, answer.status) == (AnswerName.REDIRECTED, 307)
        assert elsewhere.journal.connections == 0
    assert cloud.status_of(backup_id) == "available"


def test_a_request_for_another_project_or_a_malformed_id_is_answered_without_a_call(reach: Reach, cloud: Cloud) -> None:
    other = ProjectId(OTHER_PROJECT_ID)
    backup_id = cloud.add_backup()
    answers = [
        reach.show(backup_id, project_id=other),
        reach.delete(backup_id, project_id=other),
        reach.api.list_volume(ref(backup_id, other), UNKNOWN_ID, Hourglass()),
        *reach.api.list_backups(TARGET, Hourglass(), other),
    ]
    for refused in answers:
        assert isinstance(refused, Answer)
        assert (refused.name, refused.at) == (AnswerName.OTHER_PROJECT, reach.clock())
        assert other in refused.message
        assert cloud.project_id in refused.message
    malformed = reach.show("..")
    assert (malformed.name, malformed.at) == (AnswerName.BAD_REQUEST, reach.clock())
    assert malformed.message == "nothing was sent: an ID is not a lower-case canonical UUID"
    assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}
    assert reach.show(backup_id, project_id=cloud.project_id).name is AnswerName.FOUND
    assert reach.delete(cloud.add_backup(project_id=other)).name is AnswerName.GONE


class ChangedAfterTheLook:
    """A backup service whose target's secret is another one once a backup was looked at."""

    def __init__(self, reach: Reach, secret: dict[str, Any]) -> None:
        self._reach = reach
        self._secret = secret
        self.delete_backup = reach.api.delete_backup
        self.list_volume = reach.api.list_volume

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        answer = self._reach.api.show_backup(ref, time_left)
        self._reach.shelf.put(self._secret)
        return answer


def test_a_backup_that_was_looked_at_in_one_region_is_not_deleted_in_another(cloud: Cloud) -> None:
    """The secret is changed to another region of the same project between the look and the DELETE."""
    backup_id = cloud.add_backup()
    with Simulator(cloud.settings).running() as other, reaching(cloud) as reach:
        passes = Reconciler(ChangedAfterTheLook(reach, other.target_secret()), no_holds(reach.clock), reach.clock, 5)
        cloud.inject(Fault(operation=Operation.DELETE, status=401, body=BodyShape.KEYSTONE))
        decision = passes.reconcile(first_pass(reach, backup_id), TARGET, Hourglass())
        assert isinstance(decision, Halt)
        assert decision.reason is Reason.WRONG_ENDPOINT
        assert " a moment ago and is at " in decision.message
        assert {call.operation for call in other.journal.calls} == {Operation.LOGIN}
        elsewhere = replace(ref(backup_id), address=cloud.auth_url)
        assert reach.api.show_backup(elsewhere, Hourglass()).name is AnswerName.WRONG_ENDPOINT
        listing = reach.api.list_volume(elsewhere, UNKNOWN_ID, Hourglass())
        assert isinstance(listing, Answer)
        assert listing.name is AnswerName.WRONG_ENDPOINT


def test_a_token_that_an_answer_quotes_is_redacted(reach: Reach, cloud: Cloud) -> None:
    login = reach.api._sessions.login(TARGET, Hourglass())  # noqa: SLF001  # the login is private
    assert isinstance(login, Login)
    assert isinstance(login.credentials, Token)
    token = login.credentials.secret.reveal()
    message, request_id = f"token {token} or {token[:14]}… is none", {"x-openstack-request-id": f"req-{token}"}
    cloud.inject(Fault(status=409, body=BodyShape.CINDER, message=message, headers=request_id))
    said = reach.show(UNKNOWN_ID)
    assert said.message == "token *** or ***\\u2026 is none"
    assert said.request_id.partition(", ")[2] == "req-***"  # after the ID that the simulator adds to every answer


def test_a_target_is_described_by_its_login_or_by_the_answer_that_prevents_one(reach: Reach, cloud: Cloud) -> None:
    short = Hourglass(14.9)
    for target, expected in ((TARGET, AnswerName.OUT_OF_TIME), ("not-configured", AnswerName.SECRET_UNUSABLE)):
        refused = reach.api.describe_target(target, short)
        assert isinstance(refused, Answer)
        assert refused.name is expected
    project_id = ProjectId(cloud.project_id)
    expected_info = TargetInfo(project_id=project_id, hold_marker="[hold]", shows_metadata=True, service="cinder")
    assert reach.api.describe_target(TARGET, Hourglass()) == expected_info
    assert len(cloud.journal.logins) == 1


# ------------------------------------------------------------------ caches

GONE_BODY: dict[str, Any] = {"status": 404, "body": BodyShape.GONE}


def aged(age: str, **fault: Any) -> Fault:  # noqa: ANN401  # the fields of a fault
    """The true answer, or another one, as a cache repeats it."""
    return Fault(times=None, headers={"Age": age, "X-Cache": "HIT", "Warning": '110 - "Response is Stale"'}, **fault)


@pytest.mark.parametrize(
    ("age", "made_up"),
    [
        *(pytest.param(age, {}, id=age) for age in ("1", "1987200", "0, 30", "30, 0", " 7 ", "2.5", "007")),
        pytest.param("30", GONE_BODY, id="404"),
        pytest.param("30", {"status": 404, "body": BodyShape.HTML}, id="page"),
    ],
)
def test_a_copy_from_a_cache_is_no_observation(reach: Reach, cloud: Cloud, age: str, made_up: dict[str, Any]) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(aged(age, operation=Operation.SHOW, **made_up))
    answer = reach.show(backup_id)
    assert (answer.name, answer.backup) == (AnswerName.STALE_ANSWER, None)
    assert answer.status == made_up.get("status", 200)
    assert answer.message == f"a cache answered with a copy, not the service itself (Age: {age.strip()})"
    assert answer.target is not None


@pytest.mark.parametrize("age", ["0", "", "00", "soon", "0, 0"])
def test_an_answer_that_no_cache_has_kept_is_an_observation(reach: Reach, cloud: Cloud, age: str) -> None:
    cloud.inject(aged(age, operation=Operation.SHOW))
    assert reach.show(cloud.add_backup()).name is AnswerName.FOUND
    assert reach.show(UNKNOWN_ID).name is AnswerName.GONE


def test_of_cached_answers_only_an_accepted_deletion_counts(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(aged("30", operation=Operation.DELETE))
    backup_id = cloud.add_backup()
    assert reach.delete(backup_id).name is AnswerName.ACCEPTED
    cloud.clear_faults()
    cloud.inject(aged("30", operation=Operation.DELETE, status=200, raw_body="{}"))
    assert reach.delete(backup_id).name is AnswerName.MAYBE_ACCEPTED
    cloud.clear_faults()
    cloud.inject(aged("30", operation=Operation.DELETE, **GONE_BODY), aged("30", operation=Operation.LIST))
    assert reach.delete(backup_id).name is AnswerName.STALE_ANSWER
    (failure,) = pages(reach)
    assert isinstance(failure, Answer)
    assert failure.name is AnswerName.STALE_ANSWER
    with pytest.raises(RunRefused):
        list_inventory(reach.api, TARGET, reach.clock, Hourglass())


# ------------------------------------------------------------------ time and repeats


def test_no_call_begins_without_fifteen_seconds_left(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    assert reach.show(backup_id, left_s=14.9).name is AnswerName.OUT_OF_TIME
    assert cloud.journal.calls == []
    assert reach.show(backup_id, left_s=15.0).name is AnswerName.FOUND
    assert reach.delete(backup_id, left_s=14.9).name is AnswerName.OUT_OF_TIME
    assert cloud.status_of(backup_id) == "available"


def test_no_repeat_begins_without_fifteen_seconds_left(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    cloud.inject(Fault(operation=Operation.SHOW, breakage=Breakage.RESET))
    answer = reach.api.show_backup(ref(backup_id), Hourglass(20.0, per_look_s=6.0))
    assert answer.name is AnswerName.OUT_OF_TIME
    assert len(cloud.journal.calls_of(Operation.SHOW)) == 2


@pytest.mark.parametrize("breakage", [Breakage.RESET, Breakage.CLOSE])
def test_a_broken_connection_is_repeated_once_on_a_fresh_one(reach: Reach, cloud: Cloud, breakage: Breakage) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    reach.book.take()
    cloud.inject(Fault(operation=Operation.SHOW, breakage=breakage, times=2))
    assert reach.show(backup_id).name is AnswerName.CONNECTION_LOST
    assert reach.book.take() == [(SHOW, "ConnectionError")] * 2
    reach.show(backup_id)
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage, reused_connection=True))
    assert reach.delete(backup_id).name is AnswerName.ACCEPTED
    assert reach.book.take()[-2:] == [(DELETE, "ConnectionError"), (DELETE, "202")]
    assert cloud.journal.accepted(backup_id) == 1


def test_connections_that_were_dropped_while_the_function_was_frozen_cost_nothing() -> None:
    simulator = Simulator()
    with simulator.running() as cloud, reaching(cloud) as reach:
        backup_id = cloud.add_backup()
        reach.show(backup_id)
        simulator.drop_connections()
        reach.book.take()
        assert reach.show(backup_id).name is AnswerName.FOUND
        assert (SHOW, "200") in reach.book.take()


def test_a_service_that_is_not_there_is_unreachable() -> None:
    simulator = Simulator()
    with simulator.running() as cloud, reaching(cloud) as reach:
        reach.show(UNKNOWN_ID)
        reach.book.take()
        simulator.stop()
        answer = reach.show(UNKNOWN_ID)
        assert (answer.name, reach.book.take()[-1]) == (AnswerName.UNREACHABLE, (SHOW, "ConnectionError"))
        assert answer.message
        simulator.start()
        assert reach.show(UNKNOWN_ID).name is AnswerName.GONE


BROKEN = [Breakage.CUT_HEADERS, Breakage.TRUNCATED, Breakage.BAD_CHUNKS, Breakage.CUT_CHUNKS, Breakage.BAD_GZIP]


@pytest.mark.parametrize("breakage", BROKEN)
def test_a_202_is_accepted_by_its_status_line_alone(reach: Reach, cloud: Cloud, breakage: Breakage) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage))
    answer = reach.delete(cloud.add_backup())
    assert (answer.name, answer.status) == (AnswerName.ACCEPTED, 202)
    assert reach.book.take()[-1] == (DELETE, "202")


@pytest.mark.parametrize("breakage", [*BROKEN, Breakage.GARBAGE])
@pytest.mark.parametrize("operation", ["show", "delete"])
def test_a_404_that_did_not_arrive_whole_is_no_proof(
    reach: Reach, cloud: Cloud, operation: str, breakage: Breakage
) -> None:
    reach.show(cloud.add_backup())
    cloud.inject(Fault(breakage=breakage))
    assert getattr(reach, operation)(UNKNOWN_ID).name is AnswerName.CONNECTION_LOST
    assert getattr(reach, operation)(UNKNOWN_ID).name is AnswerName.GONE


@pytest.mark.parametrize(
    ("status", "name"),
    [(202, AnswerName.ACCEPTED), (409, AnswerName.CONFLICT), (503, AnswerName.UNAVAILABLE)],
)
def test_a_status_has_its_name_and_its_metric(reach: Reach, cloud: Cloud, status: int, name: AnswerName) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=status, body=BodyShape.CINDER))
    answer = reach.delete(UNKNOWN_ID)
    assert (answer.name, answer.status) == (name, status)
    assert answer.target is not None
    assert reach.book.take() == [(LOGIN, "201"), (DELETE, str(status))]


def test_a_body_that_is_too_long_is_no_proof_of_anything(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    padded = '{"itemNotFound": {"code": 404, "message": "Backup ' + backup_id + ' could not be found."}'
    padded += ', "padding": "' + "x" * 65_536 + '"}'
    cloud.inject(Fault(operation=Operation.SHOW, status=404, raw_body=padded))
    assert reach.show(backup_id).name is AnswerName.WRONG_ENDPOINT
    assert reach.show(backup_id).name is AnswerName.FOUND


# ------------------------------------------------------------------ lists


@pytest.fixture
def small_pages() -> Iterator[Reach]:
    with Simulator(SimulatorSettings(page_limit=3)).running() as cloud, reaching(cloud, service="cinder") as reach:
        yield reach


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7])
def test_a_list_is_whole_and_in_the_clouds_order_whatever_the_page(small_pages: Reach, count: int) -> None:
    ids = small_pages.cloud.add_backups(count)
    assert listed(small_pages) == ids[::-1]


def test_links_are_never_followed_and_the_marker_is_the_last_id() -> None:
    tricky = SimulatorSettings(page_limit=2, links_base="http://192.168.82.222:8776")
    with Simulator(tricky).running() as cloud, reaching(cloud) as reach:
        ids = cloud.add_backups(4)
        assert listed(reach) == ids[::-1]
        base = f"/v2/{cloud.project_id}/backups/detail?limit=1000"
        paths = [call.raw_path for call in cloud.journal.calls_of(Operation.LIST)]
        assert paths == [base, f"{base}&marker={ids[2]}", f"{base}&marker={ids[0]}"]


def test_a_marker_that_was_deleted_restarts_the_list(small_pages: Reach) -> None:
    cloud = small_pages.cloud
    ids = cloud.add_backups(7)
    listing = small_pages.api.list_backups(TARGET, Hourglass())
    first = next(listing)
    assert isinstance(first, Page)
    cloud.remove_backup(first.backups[-1].id)
    rest = list(listing)
    assert isinstance(rest[0], Page)
    assert rest[0].restarted
    seen = [backup.id for page in rest if isinstance(page, Page) for backup in page.backups]
    assert seen == [backup_id for backup_id in ids[::-1] if backup_id != first.backups[-1].id]
    assert [page.restarted for page in rest if isinstance(page, Page)] == [True, False, False]


def test_a_list_that_loses_its_marker_a_fourth_time_is_incomplete(small_pages: Reach) -> None:
    cloud = small_pages.cloud
    cloud.add_backups(20)
    seen: list[Page | Answer] = []
    for page in small_pages.api.list_backups(TARGET, Hourglass()):
        seen.append(page)
        if isinstance(page, Page):
            cloud.remove_backup(page.backups[-1].id)
    assert [page.restarted for page in seen if isinstance(page, Page)] == [False, True, True, True]
    assert isinstance(seen[-1], Answer)


@pytest.mark.parametrize("turned", [False, True])
def test_with_two_places_in_the_catalogue_nothing_is_asked_at_either(cloud: Cloud, *, turned: bool) -> None:
    backup_id = cloud.add_backup()
    with Simulator(cloud.settings).running() as other, reaching(cloud) as reach:
        places = (cloud.url, other.url)
        cloud.change_settings(backup_addresses=places[::-1] if turned else places)
        for answer in (reach.show(backup_id), reach.delete(backup_id), *pages(reach)):
            assert isinstance(answer, Answer)
            assert answer.name is AnswerName.WRONG_ENDPOINT
            assert "volume_backup_endpoint_override" in answer.message
        assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}
        assert other.journal.calls == []


def test_a_login_in_the_middle_of_a_list_that_leads_elsewhere_ends_the_list(small_pages: Reach) -> None:
    cloud = small_pages.cloud
    cloud.add_backups(7)
    with Simulator(SimulatorSettings(page_limit=3)).running() as other:
        other.add_backups(7)
        view = small_pages.api.describe_target(TARGET, Hourglass())
        assert isinstance(view, TargetInfo)
        listing = small_pages.api.list_backups(TARGET, Hourglass(), view.project_id, view.address)
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
def test_an_answer_that_is_no_page_ends_the_list_with_its_name(
    small_pages: Reach, fault: Fault, name: AnswerName
) -> None:
    small_pages.cloud.add_backups(7)
    small_pages.cloud.inject(dataclasses.replace(fault, operation=Operation.LIST, skip=1))
    page, failure = pages(small_pages)
    assert isinstance(page, Page)
    assert isinstance(failure, Answer)
    assert (failure.name, failure.at) == (name, small_pages.clock())


def test_a_service_that_ignores_the_marker_does_not_list_for_ever(small_pages: Reach) -> None:
    body = '{"backups": [{"id": "' + UNKNOWN_ID + '"}], "backups_links": [{"rel": "next", "href": "x"}]}'
    small_pages.cloud.inject(Fault(operation=Operation.LIST, status=200, raw_body=body, times=None))
    first, second, failure = pages(small_pages)
    assert isinstance(first, Page)
    assert isinstance(second, Page)
    assert second.backups == ()
    assert isinstance(failure, Answer)
    assert (failure.name, failure.message) == (AnswerName.UNAVAILABLE, "the list of backups repeats itself")


def test_a_page_of_a_thousand_is_read_whole(cloud: Cloud) -> None:
    ids = cloud.add_backups(1001, description="x" * 200)
    with reaching(cloud, service="cinder") as reach:
        assert listed(reach) == ids[::-1]
        assert reach.book.take() == [(LOGIN, "201"), (LIST, "200"), (LIST, "200")]


def test_a_volumes_backups_are_its_own_even_where_the_filter_is_unknown(small_pages: Reach) -> None:
    cloud = small_pages.cloud
    volume_id = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
    ids = cloud.add_backups(4, volume_id=volume_id)
    cloud.add_backup()
    listing = small_pages.api.list_volume(ref(ids[0]), volume_id, Hourglass())
    assert isinstance(listing, Listing)
    assert [backup.id for backup in listing.backups] == ids[::-1]
    other: dict[str, Any] = {"status": 200, "operation": Operation.LIST}
    cloud.inject(Fault(raw_body='{"backups": [{"id": "' + ids[0] + '", "volume_id": "other"}]}', **other))
    assert small_pages.api.list_volume(ref(ids[0]), volume_id, Hourglass()) == Listing(backups=())


def test_a_list_whose_time_is_over_is_incomplete(small_pages: Reach) -> None:
    small_pages.cloud.add_backups(9)
    *_, last = pages(small_pages, Hourglass(30.0, per_look_s=4.0))
    assert isinstance(last, Answer)
    assert last.name is AnswerName.OUT_OF_TIME


# ------------------------------------------------------------------ the record of every call


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
    backup_id = cloud.add_backup(volume_id=UNKNOWN_ID)
    heard: list[CallRecord] = []
    about = replace(ref(backup_id), recorder=heard.append)
    cloud.inject(Fault(operation=Operation.DELETE, breakage=Breakage.TRUNCATED, status=503))
    reach.api.delete_backup(about, Hourglass())
    reach.api.list_volume(about, UNKNOWN_ID, Hourglass())
    now = reach.clock()
    assert heard[0] == CallRecord(
        operation=heard[0].operation, status="ConnectionError", at=now, request_id="", backup_id=BackupId(backup_id)
    )
    assert heard[1] == CallRecord(operation=heard[1].operation, status="200", at=now, request_id=heard[1].request_id)
    assert [call.operation.value for call in heard] == ["DeleteBackup", "ListBackups"]
    assert heard[1].request_id.startswith("req-")
