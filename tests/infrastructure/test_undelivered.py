"""Alarms about requests and dead letters that are not delivered or read: SQS deletes them after 14 days."""

import operator
import re
from datetime import timedelta

import pytest

from tests.infrastructure.rendered import Properties
from tests.infrastructure.test_alarms import ALARMS, COMPARES, DAY_S, EVERYTHING, OF_AWS
from tests.unit.aws.test_report import NOW
from vbs_reaper.deletion.backoff import LIMIT_S, asked_delay_s, deleting_wait_s, dependents_wait_s, until_s, wait_s


def days_of_retention(queue: str) -> float:
    kept_s: int = EVERYTHING.every("SQS::Queue")[queue]["MessageRetentionPeriod"]
    return kept_s / DAY_S


def oldest_of(queue: str) -> list[Properties]:
    """The alarms on the age of a queue's oldest message, the first to ring first."""
    found = [
        each
        for each in ALARMS.values()
        if each.get("MetricName") == "ApproximateAgeOfOldestMessage"
        and each["Dimensions"] == [{"Name": "QueueName", "Value": f"${{{queue}.QueueName}}"}]
    ]
    return sorted(found, key=operator.itemgetter("Threshold"))


def test_what_is_not_delivered_rings_twice_in_the_first_half_of_its_time() -> None:
    assert [each["Threshold"] / DAY_S for each in oldest_of("DeleteQueue")] == [1, 7]
    assert all(each["Threshold"] / DAY_S <= days_of_retention("DeleteQueue") / 2 for each in oldest_of("DeleteQueue"))


def test_a_request_that_is_delivered_whenever_it_is_due_never_rings_as_undelivered() -> None:
    """The age leaves out what was received three times; before the third receive lie a delay and two waits at most."""
    longest_delay_s = asked_delay_s(10**9, 0.999, 10**9)
    longest_wait_s = max(
        until_s(NOW + timedelta(days=2), NOW),
        wait_s(1000, 900, 0.999, retry_after_s=10**9),
        deleting_wait_s(NOW - timedelta(days=9), NOW, 2, 900, 0.999, 10**9),
        dependents_wait_s(10**6, 2, 900, 0.999),
    )
    a_pass_s = EVERYTHING.every("Lambda::Function")["DeleterFunction"]["Timeout"]
    first, _ = oldest_of("DeleteQueue")
    assert longest_delay_s + 2 * (longest_wait_s + a_pass_s) < first["Threshold"]


def test_dead_letters_ring_days_before_they_expire() -> None:
    (alarm,) = oldest_of("DeadLetterQueue")
    assert days_of_retention("DeadLetterQueue") - alarm["Threshold"] / DAY_S >= 4


@pytest.mark.parametrize("queue", ["DeleteQueue", "DeadLetterQueue"])
def test_an_empty_queue_has_no_oldest_message_and_raises_nothing(queue: str) -> None:
    assert {each["TreatMissingData"] for each in oldest_of(queue)} == {"notBreaching"}
    assert {each["Statistic"] for each in oldest_of(queue)} == {"Maximum"}


@pytest.mark.parametrize(
    ("visible", "hidden", "delayed", "runs", "raised"),
    [
        (1, 0, 0, None, True),  # paused, or the mapping is disabled
        (None, 1, None, 0, True),  # received and never processed: no concurrency, a loop that Lambda stops
        (None, None, 1, None, True),
        (5, 5, 5, 1, False),  # an outage: the deleter runs and waits
        (None, None, None, None, False),  # an idle queue
        (0, 0, 0, 0, False),
    ],
)
def test_the_deleter_is_idle_if_requests_are_there_and_it_does_not_run(
    visible: int | None, hidden: int | None, delayed: int | None, runs: int | None, raised: bool
) -> None:
    alarm = ALARMS["DeleterIdleAlarm"]
    expression, *metrics = alarm["Metrics"]
    values = {"visible": visible, "hidden": hidden, "delayed": delayed, "runs": runs}
    said = re.sub(r"FILL\((\w+), 0\)", lambda found: str(values[found[1]] or 0), expression["Expression"])
    held, ran = re.fullmatch(r"IF\(([\d +]+) > 0 AND (\d+) == 0, 1, 0\)", said).groups()  # type: ignore[union-attr]
    value = int(sum(map(int, held.split(" + "))) > 0 and int(ran) == 0)
    assert COMPARES[alarm["ComparisonOperator"]](value, alarm["Threshold"]) is raised
    assert {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in metrics} == {
        "visible": "ApproximateNumberOfMessagesVisible",
        "hidden": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
        "runs": "Invocations",
    }


def test_the_deleter_is_idle_only_after_longer_than_a_message_can_be_hidden() -> None:
    alarm = ALARMS["DeleterIdleAlarm"]
    *queue_metrics, runs = alarm["Metrics"][1:]
    (period_s,) = {each["MetricStat"]["Period"] for each in alarm["Metrics"][1:]}
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"]
    assert alarm["EvaluationPeriods"] * period_s > LIMIT_S + period_s
    for each in queue_metrics:
        (dimension,) = each["MetricStat"]["Metric"]["Dimensions"]
        assert dimension == {"Name": "QueueName", "Value": "${DeleteQueue.QueueName}"}
        assert each["MetricStat"]["Metric"]["MetricName"] in OF_AWS["AWS/SQS"]
    assert runs["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": "${DeleterFunction}"}]
