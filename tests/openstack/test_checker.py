"""The check of a target with real Keystone and Cinder: roles, catalog, and the number of logins.

Faults that do not depend on real servers are in `tests/integration/test_check.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.api_harness import CallRecorder, FakeTimeLeft, TargetSecretsInMemory, ref
from tests.integration.scripted_server import ScriptedServer, responding
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
    """Checks one secret repeatedly, as the schedule does, and records every call."""

    def __init__(self, secret: Secret, recorder: CallRecorder, transports: Transports) -> None:
        secrets = TargetSecretsInMemory()
        secrets.put(secret, TARGET)
        self.calls = recorder
        self._check = TargetCheck(
            CloudClient(
                secrets=secrets, metrics=recorder, clock=now, transports=transports, logins=LoginStoreInMemory(now)
            ),
            now,
        )

    def check(self) -> TargetReport:
        return self._check.check(TARGET, FakeTimeLeft(60.0))

    def logins(self) -> list[str]:
        return [status for operation, status in self.calls.calls if operation == "Authenticate"]


@contextmanager
def checking(secret: Secret) -> Iterator[Checker]:
    transports = Transports(calls_at_once=1)
    try:
        yield Checker(secret, CallRecorder(), transports)
    finally:
        transports.close()


def check_once(secret: Secret) -> tuple[object, ...]:
    """Make one check with at most one login; return whether it is healthy, reason, message and action."""
    with checking(secret) as checker:
        report = checker.check()
        assert len(checker.logins()) <= 1
    return report.healthy, report.reason, report.message, report.action


@pytest.fixture
def secret(cloud: Cloud) -> Secret:
    return dict(cloud.secret())


@pytest.mark.parametrize("service", ["cinder", "vbs"])
def test_a_good_target_is_healthy_and_its_report_contains_what_was_observed(cloud: Cloud, service: str) -> None:
    volume_id = create_volume(cloud, "checked")
    backup_id = create_backup(cloud, volume_id, "checked")
    with checking(dict(cloud.secret(service=service))) as checker:
        report = checker.check()
        assert checker.logins() == ["201"]
        assert {operation for operation, _ in checker.calls.calls} == {"Authenticate", "ListBackups"}
    assert report.healthy
    assert report.project_id == cloud.accounts.project_id
    assert report.api_version == ("v3" if service == "cinder" else "v2")
    assert "member" in report.roles
    assert isinstance(report.backups, int)
    assert report.backups >= 1
    assert report.unknown == (DELETE_PERMISSION,)
    assert not cloud.read_backups()[backup_id].deleted


def test_a_wrong_password_is_sent_once_in_many_checks(cloud: Cloud, secret: Secret) -> None:
    secret["auth"]["password"] = WRONG
    with checking(secret) as checker:
        reports = [checker.check() for _ in range(CHECKS)]
        assert checker.logins() == ["401"]
    assert {report.reason for report in reports} == {"credentials_rejected"}
    assert reports[0].message == f'target "otc-test": {cloud.auth_url} rejects the login (401)'


def test_an_administrator_is_reported(cloud: Cloud) -> None:
    assert check_once(dict(cloud.secret(cloud.accounts.admin))) == (
        False,
        "administrator_refused",
        'target "otc-test": its user has the role admin, which can delete backups of other projects',
        'Use a user without the role admin, or set "allow_admin": true.',
    )


def test_a_reader_is_reported(cloud: Cloud) -> None:
    assert check_once(dict(cloud.secret(cloud.accounts.reader))) == (
        False,
        "forbidden",
        'target "otc-test": its user only has the roles reader, which may list but not delete',
        "Give the user a role that may delete backups: member.",
    )


@pytest.fixture(params=["a second endpoint", "a second service"])
def elsewhere(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[ScriptedServer]:
    """Another endpoint of the same type and region in the catalog, which would accept every DELETE."""
    confirming = responding(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
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


def test_two_places_in_the_catalog_are_unusable_until_the_secret_selects_one(
    cloud: Cloud, secret: Secret, elsewhere: ScriptedServer
) -> None:
    backup_id = create_backup(cloud, create_volume(cloud, "moved"), "moved")
    healthy, reason, message, action = check_once(secret)
    shown = ", ".join(sorted([cloud.cinder_url, elsewhere.url]))
    assert (healthy, reason) == (False, "wrong_endpoint")
    assert message == (
        f'target "otc-test": the catalog has several addresses of the backup service: {shown};'
        ' give the right one as "volume_backup_endpoint_override" in the secret'
    )
    assert action == "Check region, endpoint and API version of the target."
    with open_client(secret) as api:
        assert api.delete_backup(ref(backup_id), FakeTimeLeft(60.0)).name is AnswerName.WRONG_ENDPOINT
    assert not cloud.read_backups()[backup_id].deleted

    chosen = secret | {"volume_backup_endpoint_override": cloud.cinder_url}
    assert check_once(chosen)[0] is True
    with open_client(chosen) as api:
        assert api.delete_backup(ref(backup_id), FakeTimeLeft(60.0)).name is AnswerName.ACCEPTED
    wait_until("the backup is gone", lambda: cloud.read_backups()[backup_id].deleted)
    assert elsewhere.requests == []


@contextmanager
def open_client(secret: Secret) -> Iterator[CloudClient]:
    secrets = TargetSecretsInMemory()
    secrets.put(secret, TARGET)
    transports = Transports(calls_at_once=1)
    try:
        yield CloudClient(
            secrets=secrets, metrics=CallRecorder(), clock=now, transports=transports, logins=LoginStoreInMemory(now)
        )
    finally:
        transports.close()
