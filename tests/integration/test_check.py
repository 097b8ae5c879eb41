"""A target's check against a simulated cloud: each fault one sentence, and never a login that could lock a user."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.reach import TARGET, Hourglass, Reach, Shelf, reaching
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


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[Cloud]:
    """A cloud whose time is the test's."""
    with Simulator(clock=clock).running() as cloud:
        yield cloud


@pytest.fixture
def reach(cloud: Cloud, clock: ManualClock) -> Iterator[Reach]:
    with reaching(cloud, clock=clock) as reach:
        yield reach


def check(reach: Reach, left_s: float = 60.0, per_look_s: float = 0.0) -> TargetReport:
    return TargetCheck(reach.api, reach.clock).check(TARGET, Hourglass(left_s, per_look_s=per_look_s))


def check_of(cloud: Cloud, clock: ManualClock, secret: dict[str, Any]) -> TargetReport:
    shelf = Shelf()
    shelf.put(secret)
    with reaching(cloud, clock=clock, shelf=shelf) as reach:
        return check(reach)


def told(report: TargetReport) -> tuple[object, ...]:
    return report.healthy, report.reason, report.message, report.action


# ------------------------------------------------------------------ a good target


@pytest.mark.parametrize("service", ["vbs", "cinder", "cbr"])
def test_a_good_target_is_healthy_and_its_report_holds_what_was_seen(
    cloud: Cloud, clock: ManualClock, service: str
) -> None:
    cloud.add_backup(created_at=clock() - timedelta(days=9))
    cloud.add_backup(created_at=clock() - timedelta(days=1))
    with reaching(cloud, clock=clock, service=service) as reach:
        report = check(reach)
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


def test_a_check_is_one_login_and_one_list_and_changes_nothing(reach: Reach, cloud: Cloud) -> None:
    backup_id = cloud.add_backup()
    check(reach)
    assert reach.book.take() == [("Authenticate", "201"), ("ListBackups", "200")]
    assert cloud.status_of(backup_id) == "available"


def test_without_a_backup_nobody_knows_whether_metadata_is_shown(cloud: Cloud, clock: ManualClock) -> None:
    with reaching(cloud, clock=clock, service="cinder") as reach:
        report = check(reach)
    assert report.healthy
    assert report.backups == 0
    assert METADATA in report.unknown


def test_a_project_of_many_pages_is_healthy_even_where_time_ends_before_the_last(reach: Reach, cloud: Cloud) -> None:
    cloud.change_settings(page_limit=1)
    cloud.add_backups(9)
    report = check(reach, left_s=20, per_look_s=1)
    assert report.healthy
    assert BACKUP_COUNT in report.unknown
    assert isinstance(report.backups, int)
    assert 0 < report.backups < 9


def test_a_target_that_no_time_was_left_for_is_not_judged(reach: Reach) -> None:
    report = check(reach, left_s=5)
    assert report.healthy is None
    assert report.reason == "out_of_time"
    assert reach.book.take() == []


# ------------------------------------------------------------------ every fault, one sentence


def test_a_wrong_password(cloud: Cloud, clock: ManualClock) -> None:
    secret = cloud.target_secret()
    secret["auth"]["password"] = "not this one"
    assert told(check_of(cloud, clock, secret)) == (
        False,
        "credentials_rejected",
        f'target "otc-test": {cloud.auth_url} rejects the login (401)',
        "Store working credentials in the target's secret.",
    )


def test_a_missing_key(cloud: Cloud, clock: ManualClock) -> None:
    secret = cloud.target_secret()
    del secret["auth"]["username"]
    assert told(check_of(cloud, clock, secret)) == (
        False,
        "secret_unusable",
        'target "otc-test": secret vbs-reaper/otc-test lacks "auth.username"',
        "Fix the secret as the message says.",
    )
    assert cloud.journal.logins == []


def test_a_missing_secret(cloud: Cloud, clock: ManualClock) -> None:
    with reaching(cloud, clock=clock, shelf=Shelf()) as reach:
        report = check(reach)
    assert report.message == 'target "otc-test": secret vbs-reaper/otc-test does not exist; create it'


def test_an_administrator(cloud: Cloud, clock: ManualClock) -> None:
    assert told(check_of(cloud, clock, cloud.target_secret("admin"))) == (
        False,
        "administrator_refused",
        'target "otc-test": its user has the role admin, which can delete backups of other projects',
        'Use a user without the role admin, or set "allow_admin": true.',
    )


def test_a_user_without_a_right_at_cbr_is_told_which_role_to_give(cloud: Cloud, clock: ManualClock) -> None:
    cloud.change_settings(cbr_denied=frozenset({"backups:list"}))
    report = check_of(cloud, clock, cloud.target_secret(service="cbr"))
    assert (report.healthy, report.reason) == (False, "forbidden")
    assert report.action == "Give the user a role that may delete backups: CBR BackupsAndVaultsFullAccess."


def test_a_reader(cloud: Cloud, clock: ManualClock) -> None:
    report = check_of(cloud, clock, cloud.target_secret("reader"))
    assert told(report) == (
        False,
        "forbidden",
        'target "otc-test": its user only has the roles reader, which may list but not delete',
        "Give the user a role that may delete backups: VBS Administrator, Server Administrator and Tenant Guest.",
    )
    assert DELETE_PERMISSION not in report.unknown


def test_a_wrong_region(cloud: Cloud, clock: ManualClock) -> None:
    report = check_of(cloud, clock, cloud.target_secret() | {"region_name": "eu-nl"})
    assert (report.healthy, report.reason) == (False, "wrong_endpoint")
    assert isinstance(report.message, str)
    assert 'in region "eu-nl"; check "region_name" and "interface"' in report.message
    assert report.action == "Check region, endpoint and API version of the target."


@pytest.mark.parametrize(("offset_s", "way"), [(600, "ahead of"), (-600, "behind")])
def test_a_clock_ten_minutes_off(reach: Reach, cloud: Cloud, offset_s: int, way: str) -> None:
    cloud.change_settings(date_offset_seconds=offset_s)
    report = check(reach)
    assert told(report) == (
        False,
        "clock_doubt",
        f'target "otc-test": the cloud\'s clock is 600 s {way} ours; at most 300 s are allowed',
        "Check both clocks.",
    )
    assert report.clock_difference_s == offset_s


def test_a_service_that_is_down(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LIST, status=503, times=None))
    report = check(reach)
    assert (report.healthy, report.reason) == (False, "service_down")
    assert report.action == "If it lasts, ask the operator of the cloud."
    assert report.project_id == cloud.project_id


def test_a_keystone_that_is_down(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LOGIN, status=503, times=None))
    report = check(reach)
    assert (report.healthy, report.reason) == (False, "service_down")
    assert report.message == f'target "otc-test": {cloud.auth_url} cannot process logins at the moment (503)'


def test_an_api_version_that_is_not_served(reach: Reach, cloud: Cloud) -> None:
    cloud.change_settings(serves_v2=False)
    assert check(reach).reason == "wrong_endpoint"


def test_records_without_what_a_deletion_needs(reach: Reach, cloud: Cloud) -> None:
    cloud.add_backup(hidden=["description"])
    assert told(check(reach))[1:3] == (
        "unknown_field",
        'target "otc-test": its backups lack "description" in API v2',
    )


def test_one_backup_with_an_odd_field_is_no_fault_of_its_target(reach: Reach, cloud: Cloud) -> None:
    good, odd = ({**RECORD, "id": cloud.new_id(), **changes} for changes in ({}, {"created_at": 5, "size": "10"}))
    for listed, healthy in (([good, odd], True), ([odd, odd | {"id": cloud.new_id()}], False)):
        cloud.inject(Fault(operation=Operation.LIST, status=200, raw_body=json.dumps({"backups": listed})))
        report = check(reach)
        assert report.healthy is healthy
    assert told(report)[1:3] == (
        "unknown_field",
        'target "otc-test": each of its backups shows "created_at" with an unexpected type in API v2',
    )


def test_an_undocumented_status_has_its_own_reason(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LIST, status=418, times=None))
    assert check(reach).reason == "unexpected_status"


@pytest.mark.parametrize(("status", "reason"), [(400, "unexpected_answer"), (402, "gateway_refused")])
def test_a_list_that_a_gateway_rejects(reach: Reach, cloud: Cloud, status: int, reason: str) -> None:
    cloud.inject(Fault(operation=Operation.LIST, status=status, body=BodyShape.CINDER, times=None))
    assert check(reach).reason == reason


def test_a_list_that_is_forbidden(reach: Reach, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LIST, status=403, times=None))
    assert check(reach).reason == "forbidden"


@pytest.mark.parametrize("status", [200, 404])
def test_a_list_that_a_cache_answers(reach: Reach, cloud: Cloud, status: int) -> None:
    copy = Fault(operation=Operation.LIST, times=None, headers={"Age": "86400"}, status=404 if status == 404 else None)
    cloud.inject(copy)
    assert told(check(reach)) == (
        False,
        "stale_answer",
        'target "otc-test": a cache answered with a copy, not the service itself (Age: 86400)',
        "Exclude the backup service from the cache of the proxy or gateway in front of it.",
    )


# ------------------------------------------------------------------ lockout


def test_checks_in_a_row_send_a_refused_secret_once(cloud: Cloud, clock: ManualClock) -> None:
    secret = cloud.target_secret()
    secret["auth"]["password"] = "not this one"
    shelf = Shelf()
    shelf.put(secret)
    with reaching(cloud, clock=clock, shelf=shelf) as reach:
        reports = [check(reach) for _ in range(10)]
    assert {report.reason for report in reports} == {"credentials_rejected"}
    assert len(cloud.journal.failed_logins()) == 1


def test_a_catalogue_with_two_places_of_the_service_is_told_with_the_setting_that_chooses(
    cloud: Cloud, clock: ManualClock
) -> None:
    backup_id = cloud.add_backup()
    with Simulator(clock=clock).running() as other:
        for addresses in ((cloud.url, other.url), (other.url, cloud.url)):
            cloud.change_settings(backup_addresses=addresses)
            report = check_of(cloud, clock, cloud.target_secret())
            shown = ", ".join(sorted(addresses))
            assert told(report) == (
                False,
                "wrong_endpoint",
                f'target "otc-test": the catalog has several addresses of the backup service: {shown};'
                ' give the right one as "volume_backup_endpoint_override" in the secret',
                "Check region, endpoint and API version of the target.",
            )
            chosen = check_of(cloud, clock, cloud.target_secret() | {"volume_backup_endpoint_override": cloud.url})
            assert (chosen.healthy, chosen.endpoint, chosen.backups) == (True, cloud.url, 1)
        assert other.journal.calls == []
    assert cloud.status_of(backup_id) == "available"


def test_a_check_whose_next_page_is_elsewhere_is_told(cloud: Cloud, clock: ManualClock, reach: Reach) -> None:
    cloud.change_settings(page_limit=2)
    cloud.add_backups(3)
    with Simulator(clock=clock).running() as other:
        assert check(reach).healthy
        cloud.change_settings(backup_addresses=(other.url,))
        cloud.inject(Fault(operation=Operation.LIST, status=401, body=BodyShape.KEYSTONE, skip=1))
        report = check(reach)
        assert (report.healthy, report.reason) == (False, "wrong_endpoint")
        assert f"is at {other.url} now" in str(report.message)
        assert other.journal.calls == []
