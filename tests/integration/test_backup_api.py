"""Show, delete and list over real HTTP: exact paths, no redirect, one repeat per cause, whole lists."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.integration.reach import TARGET, Hourglass, Reach, reaching, ref
from tests.integration.scripted_server import ScriptedServer, hanging_up
from tests.support.doubles import no_holds
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import OTHER_PROJECT_ID, SimulatorSettings
from vbs_reaper.backups.answer import Answer, AnswerName, Listing, Page, TargetInfo
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.clouds.login.login import Login, Token
from vbs_reaper.deletion.decision import Halt, Pass, Wait
from vbs_reaper.deletion.message import Delivery, read_message
from vbs_reaper.deletion.reconcile import Reconciler
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.listing import list_inventory
from vbs_reaper.reasons import Reason

SHOW, DELETE, LIST, LOGIN = "ShowBackup", "DeleteBackup", "ListBackups", "Authenticate"
NOBODYS_ID = "11111111-2222-4333-8444-555555555555"


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
    path = f"/{version}/{cloud.project_id}/backups/{backup_id}"
    calls = [(call.method, call.raw_path) for call in cloud.journal.calls if call.operation is not Operation.LOGIN]
    assert calls == [("GET", path), ("DELETE", path), ("GET", path), ("GET", path)]
    assert len(cloud.journal.logins) == 1


def test_an_answer_names_its_target_and_its_request(reach: Reach, cloud: Cloud) -> None:
    found = reach.show(cloud.add_backup())
    assert found.target is not None
    assert found.target.project_id == cloud.project_id
    assert found.target.hold_marker == "[hold]"
    assert found.target.shows_metadata
    assert found.request_id.startswith("req-")
    assert found.at == reach.clock()


def test_metadata_is_asked_for_on_looks_and_lists_of_v3_alone(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup(metadata={"hold": "yes"})
    found = reach.show(backup_id)
    assert found.backup is not None
    assert found.backup.metadata == {"hold": "yes"}
    pages(reach)
    reach.delete(backup_id)
    asked = {
        call.operation: {name.lower(): value for name, value in call.headers.items()}.get("openstack-api-version")
        for call in cloud.journal.calls
    }
    assert asked[Operation.SHOW] == asked[Operation.LIST] == "volume 3.43"
    assert asked[Operation.DELETE] is None


def test_plain_bodies_are_asked_for_and_nothing_of_the_environment_is_sent(
    reach: Reach, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", "/dev/null")
    assert reach.show(cloud.add_backup()).name is AnswerName.FOUND
    for call in cloud.journal.calls:
        headers = {name.lower(): value for name, value in call.headers.items()}
        assert headers["accept-encoding"] == "identity"
        assert not headers.keys() & {"cookie", "authorization", "proxy-authorization"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("operation", [Operation.SHOW, Operation.DELETE])
def test_a_redirect_is_never_followed(reach: Reach, cloud: Cloud, status: int, operation: Operation) -> None:
    backup_id = cloud.add_backup()
    with Simulator().running() as elsewhere:
        cloud.inject(Fault(operation=operation, status=status, redirect_to=f"{elsewhere.url}/v3/x/backups/y"))
        answer = reach.show(backup_id) if operation is Operation.SHOW else reach.delete(backup_id)
        assert (answer.name, answer.status) == (AnswerName.REDIRECTED, status)
        assert elsewhere.journal.calls == []
        assert elsewhere.journal.connections == 0
    assert cloud.status_of(backup_id) == "available"


@pytest.mark.parametrize("where", ["http://[", "", "//", "\\\\", "http://x:99999/"])
def test_an_unreadable_redirect_is_one_all_the_same(reach: Reach, cloud: Cloud, where: str) -> None:
    cloud.inject(Fault(operation=Operation.SHOW, status=302, redirect_to=where))
    assert reach.show(NOBODYS_ID).name is AnswerName.REDIRECTED


def test_a_cookie_is_never_sent_back(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(Fault(times=3, status=500, headers={"Set-Cookie": "a=b; Path=/"}, operation=Operation.SHOW))
    for _ in range(4):
        reach.show(NOBODYS_ID)
    assert all("cookie" not in map(str.lower, call.headers) for call in cloud.journal.calls)


def test_a_request_for_another_project_is_refused_without_a_call(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    answers = [reach.show(backup_id, project_id=OTHER_PROJECT_ID), reach.delete(backup_id, project_id=OTHER_PROJECT_ID)]
    listing = reach.api.list_volume(ref(backup_id, OTHER_PROJECT_ID), NOBODYS_ID, Hourglass())
    assert [answer.name for answer in (*answers, listing) if isinstance(answer, Answer)] == [
        AnswerName.OTHER_PROJECT
    ] * 3
    assert OTHER_PROJECT_ID in answers[0].message
    assert cloud.project_id in answers[0].message
    assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}
    assert reach.show(backup_id, project_id=cloud.project_id).name is AnswerName.FOUND


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
        message = read_message({"messageId": "m-1"}, reach.clock())
        delivery = Delivery(message=message, now=reach.clock(), base_s=60, jitter=0.5)
        this = Pass(request=DeleteRequest(backup_id=BackupId(backup_id)), delivery=delivery)
        decision = passes.reconcile(this, TARGET, Hourglass())
        assert isinstance(decision, Halt)
        assert decision.reason is Reason.WRONG_ENDPOINT
        assert " a moment ago and is at " in decision.message
        assert {call.operation for call in other.journal.calls} == {Operation.LOGIN}
        elsewhere = replace(ref(backup_id), address=cloud.auth_url)
        assert reach.api.show_backup(elsewhere, Hourglass()).name is AnswerName.WRONG_ENDPOINT
        listing = reach.api.list_volume(elsewhere, NOBODYS_ID, Hourglass())
        assert isinstance(listing, Answer)
        assert listing.name is AnswerName.WRONG_ENDPOINT


@pytest.mark.parametrize("status", [400, 409, 500])
def test_of_a_token_that_an_answer_quotes_nothing_is_told(reach: Reach, cloud: Cloud, status: int) -> None:
    login = reach.api._sessions.login(TARGET, Hourglass())  # noqa: SLF001  # the login is private
    assert isinstance(login, Login)
    assert isinstance(login.credentials, Token)
    token = login.credentials.secret.reveal()
    quoting = Fault(
        times=None,
        operation=Operation.SHOW,
        status=status,
        body=BodyShape.CINDER,
        message=f"token {token} or {token[:14]}… is none",
        headers={"x-openstack-request-id": f"req-{token}"},
    )
    cloud.inject(quoting)
    said = reach.show(NOBODYS_ID)
    assert (said.message, said.request_id) == ("token *** or ***\\u2026 is none", "req-***")


def test_what_is_no_id_is_a_bad_request_that_was_never_sent(reach: Reach, cloud: Cloud) -> None:
    refused = reach.show("..")
    expected = (AnswerName.BAD_REQUEST, "nothing was sent: an ID is not a lower-case canonical UUID", reach.clock())
    assert (refused.name, refused.message, refused.at) == expected
    assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}


def test_a_list_for_another_project_is_refused_without_a_call(reach: Reach, cloud: Cloud) -> None:
    (refused,) = reach.api.list_backups(TARGET, Hourglass(), ProjectId(OTHER_PROJECT_ID))
    assert isinstance(refused, Answer)
    assert (refused.name, refused.at) == (AnswerName.OTHER_PROJECT, reach.clock())
    assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}


def test_what_a_decision_must_know_of_a_target_is_told_by_its_login(reach: Reach, cloud: Cloud) -> None:
    view = reach.api.describe_target(TARGET, Hourglass())
    project_id = ProjectId(cloud.project_id)
    assert view == TargetInfo(project_id=project_id, hold_marker="[hold]", shows_metadata=True, service="cinder")
    login = reach.api._sessions.login(TARGET, Hourglass())  # noqa: SLF001  # the login is private
    assert isinstance(login, Login)
    assert login.info == view
    assert len(cloud.journal.logins) == 1


@pytest.mark.parametrize("target", [TARGET, "nobody-configured-this"])
def test_a_target_that_cannot_be_entered_is_told_by_its_answer(reach: Reach, target: str) -> None:
    short = Hourglass(14.9)
    expected = AnswerName.OUT_OF_TIME if target == TARGET else AnswerName.SECRET_UNUSABLE
    for told in (reach.api.describe_target(target, short), reach.api._sessions.login(target, short)):
        assert isinstance(told, Answer)
        assert told.name is expected


def test_another_projects_backup_is_not_there(reach: Reach, cloud: Cloud) -> None:
    assert reach.delete(cloud.add_backup(project_id=OTHER_PROJECT_ID)).name is AnswerName.GONE


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    backup_id=st.text(max_size=50)
    | st.uuids().map(str)
    | st.from_regex(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[\n/?#%.]?.{0,9}", fullmatch=True),
    call=st.sampled_from(["show", "delete", "marker"]),
)
def test_no_request_leaves_whose_path_differs_from_the_one_allowed_form(
    reach: Reach, cloud: Cloud, backup_id: str, call: str
) -> None:
    if call == "marker":
        reach.api.list_volume(ref(NOBODYS_ID), backup_id, Hourglass())
    else:
        getattr(reach, call)(backup_id)
    uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    allowed = re.compile(
        rf"(?:POST /identity/v3/auth/tokens"
        rf"|(?:GET|DELETE) /v3/{cloud.project_id}/backups/{uuid}"
        rf"|GET /v3/{cloud.project_id}/backups/detail\?limit=1000&volume_id={uuid})",
        re.ASCII,
    )
    for sent in cloud.journal.calls:
        assert allowed.fullmatch(f"{sent.method} {sent.raw_path}")


# ------------------------------------------------------------------ caches

GONE_BODY: dict[str, Any] = {"status": 404, "body": BodyShape.GONE}


def aged(age: str, **fault: Any) -> Fault:  # noqa: ANN401  # the fields of a fault
    """The true answer, or another one, as a cache repeats it."""
    return Fault(times=None, headers={"Age": age, "X-Cache": "HIT", "Warning": '110 - "Response is Stale"'}, **fault)


@pytest.mark.parametrize("age", ["1", "1987200", "0, 30", "30, 0", " 7 ", "2.5", "007"])
@pytest.mark.parametrize(
    "made_up", [{}, GONE_BODY, {"status": 404, "body": BodyShape.HTML}], ids=["200", "404", "page"]
)
def test_an_answer_of_a_cache_is_no_observation(reach: Reach, cloud: Cloud, age: str, made_up: dict[str, Any]) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(aged(age, operation=Operation.SHOW, **made_up))
    answer = reach.show(backup_id)
    assert (answer.name, answer.backup, answer.status) == (
        AnswerName.STALE_ANSWER,
        None,
        made_up.get("status", 200),
    )
    assert answer.message == f"a cache answered with a copy, not the service itself (Age: {age.strip()})"
    assert answer.target is not None


@pytest.mark.parametrize("age", ["0", "", "00", "soon", "0, 0"])
def test_an_answer_that_no_cache_has_kept_is_an_observation(reach: Reach, cloud: Cloud, age: str) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(aged(age, operation=Operation.SHOW))
    assert reach.show(backup_id).name is AnswerName.FOUND
    assert reach.show(NOBODYS_ID).name is AnswerName.GONE


def test_an_accepted_deletion_has_no_age(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(aged("30", operation=Operation.DELETE))
    assert reach.delete(cloud.add_backup()).name is AnswerName.ACCEPTED


def test_a_deletion_that_may_be_accepted_has_no_age(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(aged("30", operation=Operation.DELETE, status=200, raw_body="{}"))
    assert reach.delete(cloud.add_backup()).name is AnswerName.MAYBE_ACCEPTED


def test_a_cached_404_to_a_deletion_is_no_proof(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(aged("30", operation=Operation.DELETE, **GONE_BODY))
    assert reach.delete(cloud.add_backup()).name is AnswerName.STALE_ANSWER


def test_a_page_of_a_cache_ends_a_list(reach: Reach, cloud: Cloud) -> None:
    cloud.add_backups(3)
    cloud.inject(aged("30", operation=Operation.LIST))
    (failure,) = pages(reach)
    assert isinstance(failure, Answer)
    assert failure.name is AnswerName.STALE_ANSWER
    with pytest.raises(RunRefused):
        list_inventory(reach.api, TARGET, reach.clock, Hourglass())


@pytest.mark.parametrize("status", [200, 404])
def test_a_cached_look_is_a_wait_of_that_request_alone(cloud: Cloud, status: int) -> None:
    backup_id = cloud.add_backup()
    made_up = GONE_BODY if status == 404 else {}
    cloud.inject(aged("30", operation=Operation.SHOW, **made_up))
    with reaching(cloud) as reach:
        message = read_message({"messageId": "m-1"}, reach.clock())
        delivery = Delivery(message=message, now=reach.clock(), base_s=60, jitter=0.5)
        this = Pass(request=DeleteRequest(backup_id=BackupId(backup_id)), delivery=delivery)
        decision = Reconciler(reach.api, no_holds(reach.clock), reach.clock, 5).reconcile(this, TARGET, Hourglass())
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.STALE_ANSWER
    assert cloud.status_of(backup_id) == "available"
    assert not cloud.journal.calls_of(Operation.DELETE)


def test_every_get_asks_caches_for_the_services_own_answer(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    pages(reach)
    reach.delete(backup_id)
    asked = {
        call.operation: {name.lower(): value for name, value in call.headers.items()}.get("cache-control")
        for call in cloud.journal.calls
    }
    assert asked[Operation.SHOW] == asked[Operation.LIST] == "no-cache"
    assert asked[Operation.DELETE] is None


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
def test_a_dead_kept_connection_is_worth_one_repeat_on_a_fresh_one(
    reach: Reach, cloud: Cloud, breakage: Breakage
) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    reach.book.take()
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage, reused_connection=True))
    assert reach.delete(backup_id).name is AnswerName.ACCEPTED
    assert reach.book.take() == [(DELETE, "ConnectionError"), (DELETE, "202")]
    assert cloud.journal.accepted(backup_id) == 1


@pytest.mark.parametrize("breakage", [Breakage.RESET, Breakage.CLOSE])
def test_a_fresh_connection_that_breaks_is_not_repeated(reach: Reach, cloud: Cloud, breakage: Breakage) -> None:
    backup_id = cloud.add_backup()
    reach.show(backup_id)
    reach.book.take()
    cloud.inject(Fault(operation=Operation.SHOW, breakage=breakage, times=2))
    assert reach.show(backup_id).name is AnswerName.CONNECTION_LOST
    assert reach.book.take() == [(SHOW, "ConnectionError"), (SHOW, "ConnectionError")]


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
        reach.show(NOBODYS_ID)
        reach.book.take()
        simulator.stop()
        answer = reach.show(NOBODYS_ID)
        assert (answer.name, reach.book.take()[-1]) == (AnswerName.UNREACHABLE, (SHOW, "ConnectionError"))
        assert answer.message
        simulator.start()
        assert reach.show(NOBODYS_ID).name is AnswerName.GONE


@pytest.mark.parametrize(
    "breakage",
    [
        Breakage.CUT_HEADERS,
        Breakage.TRUNCATED,
        Breakage.BAD_CHUNKS,
        Breakage.CUT_CHUNKS,
        Breakage.BAD_GZIP,
    ],
)
def test_a_202_is_accepted_by_its_status_line_alone(reach: Reach, cloud: Cloud, breakage: Breakage) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=Operation.DELETE, breakage=breakage))
    answer = reach.delete(backup_id)
    assert (answer.name, answer.status) == (AnswerName.ACCEPTED, 202)
    assert reach.book.take()[-1] == (DELETE, "202")


@pytest.mark.parametrize(
    "breakage",
    [
        Breakage.CUT_HEADERS,
        Breakage.TRUNCATED,
        Breakage.BAD_CHUNKS,
        Breakage.CUT_CHUNKS,
        Breakage.BAD_GZIP,
        Breakage.GARBAGE,
    ],
)
@pytest.mark.parametrize("operation", ["show", "delete"])
def test_a_404_that_did_not_arrive_whole_is_no_proof(
    reach: Reach, cloud: Cloud, operation: str, breakage: Breakage
) -> None:
    reach.show(cloud.add_backup())
    cloud.inject(Fault(breakage=breakage))
    answer: Answer = getattr(reach, operation)(NOBODYS_ID)
    assert answer.name is AnswerName.CONNECTION_LOST
    assert getattr(reach, operation)(NOBODYS_ID).name is AnswerName.GONE


CHUNKS = [b"-5", b"-1", b"five"]


@pytest.mark.parametrize("size", CHUNKS)
def test_a_202_is_accepted_whatever_the_size_of_its_chunks(cloud: Cloud, size: bytes) -> None:
    with saying_in_chunks(cloud, 202, size) as reach:
        answer = reach.delete(NOBODYS_ID)
        assert (answer.name, answer.status) == (AnswerName.ACCEPTED, 202)
        assert reach.book.take() == [(LOGIN, "201"), (DELETE, "202")]


@pytest.mark.parametrize("size", CHUNKS)
def test_a_404_in_a_chunk_without_a_size_is_no_proof(cloud: Cloud, size: bytes) -> None:
    with saying_in_chunks(cloud, 404, size) as reach:
        assert reach.show(NOBODYS_ID).name is AnswerName.CONNECTION_LOST
        assert reach.book.take() == [(LOGIN, "201"), (SHOW, "ConnectionError")]


@contextmanager
def saying_in_chunks(cloud: Cloud, status: int, size: bytes) -> Iterator[Reach]:
    """A service that says a backup is not there, in one chunk of this size, and hangs up."""
    gone = b'{"itemNotFound": {"code": 404, "message": "Backup ' + NOBODYS_ID.encode() + b' could not be found."}}'
    head = f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    script = hanging_up(head + size + b"\r\n" + gone + b"\r\n0\r\n\r\n")
    with (
        ScriptedServer(script).running() as server,
        reaching(cloud, volume_backup_endpoint_override=server.url) as reach,
    ):
        yield reach


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (202, AnswerName.ACCEPTED),
        (400, AnswerName.BAD_REQUEST),
        (404, AnswerName.WRONG_ENDPOINT),
        (405, AnswerName.WRONG_ENDPOINT),
        (406, AnswerName.WRONG_ENDPOINT),
        (407, AnswerName.PROXY_REFUSED),
        (408, AnswerName.TIMED_OUT),
        (409, AnswerName.CONFLICT),
        (500, AnswerName.SERVER_ERROR),
        (501, AnswerName.WRONG_ENDPOINT),
        (502, AnswerName.UNAVAILABLE),
        (503, AnswerName.UNAVAILABLE),
        (504, AnswerName.UNAVAILABLE),
    ],
)
def test_a_documented_status_goes_over_the_wire_to_its_name_and_its_metric(
    reach: Reach, cloud: Cloud, status: int, name: AnswerName
) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=status, body=BodyShape.CINDER))
    answer = reach.delete(NOBODYS_ID)
    assert (answer.name, answer.status) == (name, status)
    assert answer.target is not None
    assert reach.book.take() == [(LOGIN, "201"), (DELETE, str(status))]


@pytest.mark.parametrize("retry_after", ["7", "Wed, 25 Nov 2026 04:00:07 GMT"])
def test_a_throttled_call_says_for_how_long(reach: Reach, cloud: Cloud, retry_after: str) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=429, body=BodyShape.GATEWAY, retry_after=retry_after))
    answer = reach.delete(NOBODYS_ID)
    assert (answer.name, answer.retry_after_s) == (AnswerName.THROTTLED, 7.0)


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


def test_each_page_shows_the_clouds_clock(small_pages: Reach) -> None:
    small_pages.cloud.add_backups(4)
    small_pages.cloud.change_settings(date_offset_seconds=-3600)
    for page in pages(small_pages):
        assert isinstance(page, Page)
        assert page.date is not None
        assert abs(page.date - small_pages.cloud.now() + timedelta(hours=1)) < timedelta(seconds=60)


def test_a_marker_deleted_meanwhile_begins_the_list_anew(small_pages: Reach) -> None:
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


def test_an_inventory_is_of_one_place_or_refused(small_pages: Reach) -> None:
    cloud = small_pages.cloud
    cloud.add_backups(7)
    with Simulator(SimulatorSettings(page_limit=3)).running() as other:
        assert list_inventory(small_pages.api, TARGET, cloud.now, Hourglass()).endpoint == cloud.url
        cloud.inject(Fault(operation=Operation.LIST, status=401, body=BodyShape.KEYSTONE, skip=1))
        moving = MovesAfterTheFirstPage(small_pages, other)
        with pytest.raises(RunRefused) as refusal:
            list_inventory(moving, TARGET, cloud.now, Hourglass())
        assert refusal.value.reason is Reason.LISTING_INCOMPLETE
        assert f"is at {other.url} now" in str(refusal.value)
        assert other.journal.calls == []


class MovesAfterTheFirstPage:
    """The lists of a cloud; its catalogue names another one once the first page was read."""

    def __init__(self, reach: Reach, other: Cloud) -> None:
        self._reach = reach
        self._other = other

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        return self._reach.api.describe_target(target, time_left)

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        for page in self._reach.api.list_backups(target, time_left, project_id, address):
            self._reach.cloud.change_settings(backup_addresses=(self._other.url,))
            yield page


def test_a_failure_in_the_middle_ends_the_list_with_its_name(small_pages: Reach) -> None:
    small_pages.cloud.add_backups(7)
    small_pages.cloud.inject(Fault(operation=Operation.LIST, status=500, body=BodyShape.HTML, skip=1))
    page, failure = pages(small_pages)
    assert isinstance(page, Page)
    assert isinstance(failure, Answer)
    assert failure.name is AnswerName.SERVER_ERROR


@pytest.mark.parametrize("shape", [BodyShape.HTML, BodyShape.EMPTY, BodyShape.EMPTY_JSON, BodyShape.DEEP_JSON])
def test_a_200_that_is_no_list_is_as_unavailable(small_pages: Reach, shape: BodyShape) -> None:
    small_pages.cloud.inject(Fault(operation=Operation.LIST, status=200, body=shape))
    (failure,) = pages(small_pages)
    assert isinstance(failure, Answer)
    assert failure.name is AnswerName.UNAVAILABLE


def test_a_service_that_ignores_the_marker_does_not_list_for_ever(small_pages: Reach) -> None:
    body = '{"backups": [{"id": "' + NOBODYS_ID + '"}], "backups_links": [{"rel": "next", "href": "x"}]}'
    small_pages.cloud.inject(Fault(operation=Operation.LIST, status=200, raw_body=body, times=None))
    first, second, failure = pages(small_pages)
    assert isinstance(first, Page)
    assert isinstance(second, Page)
    assert second.backups == ()
    assert isinstance(failure, Answer)
    assert (failure.name, failure.message) == (AnswerName.UNAVAILABLE, "the list of backups repeats itself")


def test_a_page_is_one_with_status_200_only(small_pages: Reach) -> None:
    body = '{"backups": [{"id": "' + NOBODYS_ID + '"}]}'
    small_pages.cloud.inject(Fault(operation=Operation.LIST, status=203, raw_body=body))
    (failure,) = pages(small_pages)
    assert isinstance(failure, Answer)
    assert (failure.name, failure.at) == (AnswerName.UNAVAILABLE, small_pages.clock())


def test_one_row_that_cannot_be_read_does_not_lose_the_page(small_pages: Reach) -> None:
    rows = '{"id": "' + NOBODYS_ID + '", "name": {}}, {"id": "99999999-8888-4777-8666-555555555555", "name": "x"}'
    small_pages.cloud.inject(Fault(operation=Operation.LIST, status=200, raw_body='{"backups": [' + rows + "]}"))
    (page,) = pages(small_pages)
    assert isinstance(page, Page)
    assert [backup.missing_field(with_metadata=True) for backup in page.backups] == ["volume_id"] * 2


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
