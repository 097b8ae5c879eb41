"""The date that `vbs-reaper pause` prints: when the first request would expire."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from vbs_reaper.cli.oldest_request import first_expiry

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def record(age: timedelta, before: timedelta, stack: str = "reaper") -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace="VbsReaper",
        MetricData=[
            {
                "MetricName": "OldestRequestAge",
                "Dimensions": [{"Name": "Stack", "Value": stack}],
                "Timestamp": NOW - before,
                "Value": age.total_seconds(),
            }
        ],
    )


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("paused_for", [timedelta(), 2 * DAY])
def test_the_first_request_expires_fourteen_days_after_it_was_sent(paused_for: timedelta) -> None:
    for age, before in ((HOUR, HOUR), (3 * DAY, 12 * HOUR), (9 * DAY, 20 * HOUR)):
        record(age, before + paused_for)
    record(10 * DAY, HOUR, stack="another")
    first = first_expiry("reaper", NOW)
    assert first is not None
    sent = NOW - paused_for - 12 * HOUR - 3 * DAY  # the third one ended: it was not delivered again for 19 hours
    assert timedelta() <= sent + 14 * DAY - first < HOUR, "the age is recorded within an hour"


@pytest.mark.usefixtures("aws")
def test_without_a_recorded_age_there_is_no_date() -> None:
    assert first_expiry("reaper", NOW) is None


@pytest.mark.usefixtures("aws")
def test_an_operator_without_the_permission_can_still_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert first_expiry("reaper", NOW) is None
