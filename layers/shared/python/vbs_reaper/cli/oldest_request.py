"""When SQS would delete the oldest waiting request, from the metric `OldestRequestAge`.

SQS itself does not know: its metric of the oldest message skips messages that were received three times (Amazon SQS
Developer Guide, "Available CloudWatch metrics for Amazon SQS").
"""

from datetime import datetime, timedelta
from typing import Final

import boto3

from vbs_reaper.aws.error_codes import AWS_ERRORS
from vbs_reaper.aws.metrics import NAMESPACE

RETENTION: Final = timedelta(days=14)
"""How long a queue keeps a message: MessageRetentionPeriod in the template, the maximum of SQS."""
DELIVERED_WITHIN: Final = timedelta(hours=13)
"""A waiting request is delivered again within 12 hours; its age is recorded then."""
_PERIOD: Final = timedelta(hours=1)


def first_expiry(stack: str, now: datetime) -> datetime | None:
    """Return a moment (UTC) before which no request expires that waited when the deleter last ran; None if unknown.

    Requests that have ended in the last hours count too, so the first one may expire later.
    """
    try:
        recorded = boto3.client("cloudwatch").get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName="OldestRequestAge",
            Dimensions=[{"Name": "Stack", "Value": stack}],
            StartTime=now - RETENTION,
            EndTime=now,
            Period=int(_PERIOD.total_seconds()),
            Statistics=["Maximum"],
        )["Datapoints"]
    except AWS_ERRORS:
        return None
    ages = {each["Timestamp"]: timedelta(seconds=each["Maximum"]) for each in recorded}
    since = max(ages, default=now) - DELIVERED_WITHIN
    return min((begun + RETENTION - age for begun, age in ages.items() if begun >= since), default=None)
