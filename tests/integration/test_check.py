"""The check of a target, with a simulated cloud: one sentence per fault, and no login that could lock a user."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.api_harness import (
    TARGET,
    ApiHarness,
    FakeTimeLeft,
    TargetSecretsInMemory,
    api_harness,
    with_auth,
)
from tests.support.doubles import ManualClock
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.unit.clouds.odd_fields import RECORD
from vbs_reaper.checking.target_check import (
    BACKUP_COUNT,
    DELETE_PERMISSION,
    METADATA,
    PREVIEW,
    TargetCheck,
    TargetReport,
)

REMOVED = object()


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[Cloud]:
    """A cloud with the clock of the test."""
    with Simulator(clock=clock).running() as cloud:
        yield cloud


@pytest.fixture
def harness(cloud: Cloud, clock: ManualClock) -> Iterator[ApiHarness]:
    with api_harness(cloud, clock=clock) as harness:
        yield harness


def check(harness: ApiHarness, left_s: float = 60.0, cost_per_read_s: float = 0.0) -> TargetReport:
    return TargetCheck(harness.api, harness.clock).check(TARGET, FakeTimeLeft(left_s, cost_per_read_s=cost_per_read_s))


def check_of(cloud: Cloud, clock: ManualClock, secret: dict[str, Any]) -> TargetReport:
    secrets = TargetSecretsInMemory()
    secrets.put(secret)
    with api_harness(cloud, clock=clock, secrets=secrets) as harness:
        return check(harness)


# ------------------------------------------------------------------ a good target


@pytest.mark.parametrize("service", ["vbs", "cinder", "cbr"])
def test_a_good_target_is_healthy_and_its_report_contains_what_was_observed(
    cloud: Cloud, clock: ManualClock, service: str
) -> None:
    cloud.add_backup(created_at=clock() - timedelta(days=9))
    cloud.add_backup(created_at=clock() - timedelta(days=1))
    with api_harness(cloud, clock=clock, service=service) as harness:
        report = check(harness)
    assert report == TargetReport(
        target=TARGET,
        healthy=True,
        service=service,
        project_id=cloud.project_id,
        endpoint=report.endpoint,
        api_version="v2" if service == "vbs" else "v3",
        roles=("member", "reader"),
        clock_difference_s=0.0,
        backups=2,
        oldest=clock() - timedelta(days=9),
        newest=clock() - timedelta(days=1),
        unknown=(DELETE_PERMISSION, *([PREVIEW] if service == "cbr" else [])),
    )
    assert harness.calls.take() == [("Authenticate", "201"), ("ListBackups", "200")]
    assert list(cloud.remaining().values()) == ["available"] * 2


def test_without_a_backup_it_is_unknown_whether_metadata_is_shown(cloud: Cloud, clock: ManualClock) -> None:
    with api_harness(cloud, clock=clock, service="cinder") as harness:
        report = check(harness)
    assert report.healthy
    assert report.backups == 0
    assert METADATA in report.unknown


def test_a_project_with_many_pages_is_healthy_even_if_time_runs_out_before_the_last(
    harness: ApiHarness, cloud: Cloud
) -> None:
    cloud.change_settings(page_limit=1)
    cloud.add_backups(9)
    report = check(harness, left_s=20, cost_per_read_s=1)
    assert report.healthy
    assert BACKUP_COUNT in report.unknown
    assert isinstance(report.backups, int)
    assert 0 < report.backups < 9


def test_a_target_without_time_left_is_not_checked(harness: ApiHarness) -> None:
    report = check(harness, left_s=5)
    assert report.healthy is None
    assert report.reason == "out_of_time"
    assert harness.calls.take() == []


# ------------------------------------------------------------------ every fault, one sentence


FIX_SECRET = "Fix the secret as the message says."
CHECK_ENDPOINT = "Check region, endpoint and API version of the target."
IF_IT_LASTS = "If it lasts, ask the operator of the cloud."


@pytest.mark.parametrize(
    ("user", "service", "change", "reason", "says", "action"),
    [
        ("member", "vbs", {"auth": {"password": "not this one"}}, "credentials_rejected",
         "AUTH_URL rejects the login (401)", "Store working credentials in the target's secret."),
        ("member", "vbs", {"auth": {"username": None}}, "secret_unusable",
         'secret vbs-reaper/otc-test lacks "auth.username"', FIX_SECRET),
        ("admin", "vbs", {}, "administrator_refused",
         "its user has the role admin, which can delete backups of other projects",
         'Use a user without the role admin, or set "allow_admin": true.'),
        ("reader", "vbs", {}, "forbidden", "its user only has the roles reader, which may list but not delete",
         "Give the user a role that may delete backups: VBS Administrator, Server Administrator and Tenant Guest."),
        ("member", "cbr", {"settings": {"cbr_denied": ("backups:list",)}}, "forbidden", "",
         "Give the user a role that may delete backups: CBR BackupsAndVaultsFullAccess."),
        ("member", "vbs", {"region_name": "eu-nl"}, "wrong_endpoint",
         'in region "eu-nl"; check "region_name" and "interface"', CHECK_ENDPOINT),
        ("member", "vbs", {"settings": {"serves_v2": False}}, "wrong_endpoint", "", CHECK_ENDPOINT),
        ("member", "vbs", {"settings": {"date_offset_seconds": 600}}, "clock_doubt",
         "the cloud's clock is 600 s ahead of ours; at most 300 s are allowed", "Check both clocks."),
        ("member", "vbs", {"settings": {"date_offset_seconds": -600}}, "clock_doubt",
         "the cloud's clock is 600 s behind ours; at most 300 s are allowed", "Check both clocks."),
    ],
    ids=["password", "key", "administrator", "reader", "no right at CBR", "region", "version", "ahead", "behind"],
)  # fmt: skip
def test_a_faulty_target_is_reported_in_one_sentence_with_its_fix(
    cloud: Cloud, clock: ManualClock, user: str, service: str, change: dict[str, Any], reason: str, says: str,
    action: str,
) -> None:  # fmt: skip
    change = dict(change)
    cloud.change_settings(**change.pop("settings", {}))
    secret = with_auth(cloud.target_secret(user, service=service), **change.pop("auth", {})) | change
    report = check_of(cloud, clock, secret)
    assert (report.healthy, report.reason, report.action) == (False, reason, action)
    assert str(report.message).startswith('target "otc-test": ')
    assert says.replace("AUTH_URL", cloud.auth_url) in str(report.message)
    assert user != "reader" or DELETE_PERMISSION not in report.unknown


@pytest.mark.parametrize(
    ("fault", "reason", "says", "action"),
    [
        (Fault(operation=Operation.LOGIN, status=503), "service_down",
         "AUTH_URL cannot process logins at the moment (503)", IF_IT_LASTS),
        (Fault(status=503), "service_down", "", IF_IT_LASTS),
        (Fault(status=418), "unexpected_status", "", None),
        (Fault(status=400, body=BodyShape.CINDER), "unexpected_answer", "", None),
        (Fault(status=402, body=BodyShape.CINDER), "gateway_refused", "", None),
        (Fault(status=403), "forbidden", "", None),
        (Fault(headers={"Age": "86400"}), "stale_answer",
         "a cache answered with a copy, not the service itself (Age: 86400)",
         "Exclude the backup service from the cache of the proxy or gateway in front of it."),
        (Fault(status=404, headers={"Age": "86400"}), "stale_answer", "a cache answered with a copy", None),
    ],
    ids=str,
)  # fmt: skip
def test_a_failing_cloud_is_reported_in_one_sentence_with_what_to_do(
    harness: ApiHarness, cloud: Cloud, fault: Fault, reason: str, says: str, action: str | None
) -> None:
    cloud.inject(replace(fault, operation=fault.operation or Operation.LIST, times=None))
    report = check(harness)
    assert (report.healthy, report.reason) == (False, reason)
    assert action in (None, report.action)
    assert says.replace("AUTH_URL", cloud.auth_url) in str(report.message)
    assert (report.project_id or None) == (None if fault.operation else cloud.project_id)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{}, {"created_at": 5, "size": "10"}], None),
        ([{"created_at": 5}, {"created_at": 5}],
         'target "otc-test": each of its backups shows "created_at" with an unexpected type in API v2'),
        ([{"description": REMOVED}], 'target "otc-test": its backups lack "description" in API v2'),
    ],
    ids=["one is odd", "all are odd", "a field is missing"],
)  # fmt: skip
def test_a_field_that_every_backup_lacks_is_a_fault_of_the_target(
    harness: ApiHarness, cloud: Cloud, changes: list[dict[str, Any]], message: str | None
) -> None:
    rows = [{**RECORD, "id": cloud.new_id(), **change} for change in changes]
    listed = [{key: value for key, value in row.items() if value is not REMOVED} for row in rows]
    cloud.inject(Fault(operation=Operation.LIST, status=200, raw_body=json.dumps({"backups": listed})))
    report = check(harness)
    assert (report.healthy, report.message or None) == (message is None, message)
    assert (report.reason or None) == (None if message is None else "unknown_field")


# ------------------------------------------------------------------ lockout


def test_repeated_checks_send_a_rejected_secret_once(cloud: Cloud, clock: ManualClock) -> None:
    secrets = TargetSecretsInMemory()
    secrets.put(with_auth(cloud.target_secret(), password="not this one"))
    with api_harness(cloud, clock=clock, secrets=secrets) as harness:
        reports = [check(harness) for _ in range(10)]
    assert {report.reason for report in reports} == {"credentials_rejected"}
    assert len(cloud.journal.failed_logins()) == 1


def test_several_places_of_the_service_are_reported_with_the_setting_that_selects_one(
    cloud: Cloud, clock: ManualClock
) -> None:
    cloud.add_backup()
    with Simulator(clock=clock).running() as other:
        cloud.change_settings(backup_addresses=(other.url, cloud.url))
        report = check_of(cloud, clock, cloud.target_secret())
        assert (report.reason, report.action) == ("wrong_endpoint", CHECK_ENDPOINT)
        assert report.message == (
            f'target "otc-test": the catalog has several addresses of the backup service:'
            f" {', '.join(sorted((cloud.url, other.url)))};"
            ' give the right one as "volume_backup_endpoint_override" in the secret'
        )
        chosen = check_of(cloud, clock, cloud.target_secret() | {"volume_backup_endpoint_override": cloud.url})
        assert (chosen.healthy, chosen.endpoint, chosen.backups) == (True, cloud.url, 1)
        assert other.journal.calls == []


def test_a_next_page_at_another_place_is_reported(cloud: Cloud, clock: ManualClock, harness: ApiHarness) -> None:
    cloud.change_settings(page_limit=2)
    cloud.add_backups(3)
    with Simulator(clock=clock).running() as other:
        assert check(harness).healthy
        cloud.change_settings(backup_addresses=(other.url,))
        cloud.inject(Fault(operation=Operation.LIST, status=401, body=BodyShape.KEYSTONE, skip=1))
        report = check(harness)
        assert (report.healthy, report.reason) == (False, "wrong_endpoint")
        assert f"is at {other.url} now" in str(report.message)
        assert other.journal.calls == []
