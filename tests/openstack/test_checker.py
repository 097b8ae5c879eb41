"""A target's check judged by real Keystone and Cinder: each fault one sentence, each login counted.

What a secret says, and who it is for, decides each case; the clock that is off is ours, as nobody can set Cinder's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.reach import CallBook, Hourglass, Shelf, ref
from tests.integration.scripted_server import ScriptedServer, saying
from tests.openstack.cloud import Cloud
from tests.openstack.configuration import REGION
from tests.openstack.volumes import create_backup, create_volume
from tests.openstack.waiting import wait_until
from tests.support.doubles import LoginStoreInMemory
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.checking.target_check import DELETE_PERMISSION, TargetCheck, TargetReport
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports

pytestmark = pytest.mark.openstack
TARGET = "otc-test"
WRONG = "not this one"
CHECKS = 6
"""One more than the failed logins after which clouds usually lock a user."""
Secret = dict[str, Any]


def now() -> datetime:
    return datetime.now(UTC)


class Checker:
    """Checks one secret again and again, as the schedule does; every call is written down."""

    def __init__(self, secret: Secret, book: CallBook, transports: Transports, clock: Callable[[], datetime]) -> None:
        shelf = Shelf()
        shelf.put(secret, TARGET)
        self.book = book
        self._check = TargetCheck(
            CloudClient(secrets=shelf, metrics=book, clock=now, transports=transports, logins=LoginStoreInMemory(now)),
            clock,
        )

    def check(self) -> TargetReport:
        return self._check.check(TARGET, Hourglass(60.0))

    def logins(self) -> list[str]:
        return [status for operation, status in self.book.calls if operation == "Authenticate"]


@contextmanager
def checking(secret: Secret, clock: Callable[[], datetime] = now) -> Iterator[Checker]:
    transports = Transports(calls_at_once=1)
    try:
        yield Checker(secret, CallBook(), transports, clock)
    finally:
        transports.close()


def told(secret: Secret, clock: Callable[[], datetime] = now) -> tuple[object, ...]:
    """One check, which is one login at most: whether it is healthy, why not, in which sentence, and what to do."""
    with checking(secret, clock) as checker:
        report = checker.check()
        assert len(checker.logins()) <= 1
    return report.healthy, report.reason, report.message, report.action


@pytest.fixture
def secret(cloud: Cloud) -> Secret:
    return dict(cloud.secret())


@pytest.mark.parametrize("service", ["cinder", "vbs"])
def test_a_good_target_is_healthy_and_its_report_holds_what_was_seen(cloud: Cloud, service: str) -> None:
    volume_id = create_volume(cloud, "checked")
    backup_id = create_backup(cloud, volume_id, "checked")
    with checking(dict(cloud.secret(service=service))) as checker:
        report = checker.check()
        assert checker.logins() == ["201"]
        assert {operation for operation, _ in checker.book.calls} == {"Authenticate", "ListBackups"}
    assert report.healthy
    assert report.project_id == cloud.accounts.project_id
    assert report.api_version == ("v3" if service == "cinder" else "v2")
    assert "member" in report.roles
    assert isinstance(report.backups, int)
    assert report.backups >= 1
    assert report.unknown == (DELETE_PERMISSION,)
    assert not cloud.read_backups()[backup_id].deleted


def test_a_wrong_password(cloud: Cloud, secret: Secret) -> None:
    secret["auth"]["password"] = WRONG
    assert told(secret) == (
        False,
        "credentials_rejected",
        f'target "otc-test": {cloud.auth_url} rejects the login (401)',
        "Store working credentials in the target's secret.",
    )


def test_a_wrong_password_is_sent_once_however_often_the_target_is_checked(secret: Secret) -> None:
    secret["auth"]["password"] = WRONG
    with checking(secret) as checker:
        reports = [checker.check() for _ in range(CHECKS)]
        assert checker.logins() == ["401"]
    assert {report.reason for report in reports} == {"credentials_rejected"}


def test_a_missing_key_is_told_without_a_login(secret: Secret) -> None:
    del secret["auth"]["username"]
    with checking(secret) as checker:
        report = checker.check()
        assert checker.logins() == []
    assert report.message == 'target "otc-test": secret vbs-reaper/otc-test lacks "auth.username"'
    assert report.action == "Fix the secret as the message says."


def test_an_administrator(cloud: Cloud) -> None:
    assert told(dict(cloud.secret(cloud.accounts.admin))) == (
        False,
        "administrator_refused",
        'target "otc-test": its user has the role admin, which can delete backups of other projects',
        'Use a user without the role admin, or set "allow_admin": true.',
    )


def test_a_reader(cloud: Cloud) -> None:
    assert told(dict(cloud.secret(cloud.accounts.reader))) == (
        False,
        "forbidden",
        'target "otc-test": its user only has the roles reader, which may list but not delete',
        "Give the user a role that may delete backups: member.",
    )


def test_a_wrong_region(secret: Secret) -> None:
    healthy, reason, message, action = told(secret | {"region_name": "eu-nl"})
    assert (healthy, reason) == (False, "wrong_endpoint")
    assert 'in region "eu-nl"; check "region_name" and "interface"' in str(message)
    assert action == "Check region, endpoint and API version of the target."


@pytest.mark.parametrize(("minutes", "way"), [(10, "behind"), (-10, "ahead of")])
def test_a_clock_of_ours_ten_minutes_off(secret: Secret, minutes: int, way: str) -> None:
    healthy, reason, message, action = told(secret, lambda: now() + timedelta(minutes=minutes))
    assert (healthy, reason) == (False, "clock_doubt")
    assert str(message).startswith('target "otc-test": the cloud\'s clock is ')
    assert str(message).endswith(f" s {way} ours; at most 300 s are allowed")
    assert action == "Check both clocks."


def test_a_backup_service_that_nobody_answers_for(secret: Secret) -> None:
    nowhere = f"http://127.0.0.1:9/v3/{secret['auth']['project_id']}"
    healthy, reason, message, action = told(secret | {"volume_backup_endpoint_override": nowhere})
    assert (healthy, reason) == (False, "unreachable")
    assert message == 'target "otc-test": 127.0.0.1 cannot be reached; nothing was sent'
    assert action == "Check network, DNS and endpoint of the target."


def test_a_keystone_that_nobody_answers_for_is_asked_once_for_each_check(secret: Secret) -> None:
    secret["auth"] |= {"auth_url": "http://127.0.0.1:9/v3"}
    assert told(secret)[:2] == (False, "service_down")


@pytest.fixture(params=["a second endpoint", "a second service"])
def elsewhere(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[ScriptedServer]:
    """Another place of the same type and region in the catalogue; it would confirm every deletion."""
    confirming = saying(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
    keystone = cloud.keystone
    with ScriptedServer(confirming).running() as other:
        is_new = request.param == "a second service"
        service_id = (
            keystone.create("services", "volumev3-new", type="volumev3")
            if is_new
            else keystone.find_id("services", "volumev3")
        )
        url = f"{other.url}/v3/$(project_id)s"
        endpoint = keystone.create_all(
            "endpoints", service_id=service_id, interface="public", url=url, region_id=REGION
        )
        yield other
        keystone.remove("endpoints", endpoint["id"])
        if is_new:
            keystone.remove("services", service_id)


def test_two_places_in_the_catalogue_are_unusable_until_the_secret_chooses(
    cloud: Cloud, secret: Secret, elsewhere: ScriptedServer
) -> None:
    backup_id = create_backup(cloud, create_volume(cloud, "moved"), "moved")
    healthy, reason, message, action = told(secret)
    shown = ", ".join(sorted([cloud.cinder_url, elsewhere.url]))
    assert (healthy, reason) == (False, "wrong_endpoint")
    assert message == (
        f'target "otc-test": the catalog has several addresses of the backup service: {shown};'
        ' give the right one as "volume_backup_endpoint_override" in the secret'
    )
    assert action == "Check region, endpoint and API version of the target."
    with reaching(secret) as api:
        assert api.delete_backup(ref(backup_id), Hourglass(60.0)).name is AnswerName.WRONG_ENDPOINT
    assert not cloud.read_backups()[backup_id].deleted

    chosen = secret | {"volume_backup_endpoint_override": cloud.cinder_url}
    assert told(chosen)[0] is True
    with reaching(chosen) as api:
        assert api.delete_backup(ref(backup_id), Hourglass(60.0)).name is AnswerName.ACCEPTED
    wait_until("the backup is gone", lambda: cloud.read_backups()[backup_id].deleted)
    assert elsewhere.requests == []


@contextmanager
def reaching(secret: Secret) -> Iterator[CloudClient]:
    shelf = Shelf()
    shelf.put(secret, TARGET)
    transports = Transports(calls_at_once=1)
    try:
        yield CloudClient(
            secrets=shelf, metrics=CallBook(), clock=now, transports=transports, logins=LoginStoreInMemory(now)
        )
    finally:
        transports.close()
