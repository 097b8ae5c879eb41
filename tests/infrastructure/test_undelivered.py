"""Alarms about requests and dead letters that are not delivered or read: SQS deletes them after 14 days."""

import operator
from datetime import timedelta

import pytest

from tests.infrastructure.rendered import Properties
from tests.infrastructure.test_alarms import ALARMS, DAY_S, EVERYTHING
from tests.unit.aws.test_report import NOW
from vbs_reaper.deletion.backoff import asked_delay_s, deleting_wait_s, dependents_wait_s, until_s, wait_s


def days_of_retention(queue: str) -> float:
    kept_s: int = EVERYTHING.every("SQS::Queue")[queue]["MessageRetentionPeriod"]
    return kept_s / DAY_S


def oldest_of(queue: str) -> list[Properties]:
    """Return the alarms on the age of the oldest message of a queue, the lowest threshold first."""
    found = [
        each
        for each in ALARMS.values()
        if each.get("MetricName") == "ApproximateAgeOfOldestMessage"
        and each["Dimensions"] == [{"Name": "QueueName", "Value": f"${{{queue}.QueueName}}"}]
    ]
    return sorted(found, key=operator.itemgetter("Threshold"))


def test_undelivered_messages_raise_two_alarms_in_the_first_half_of_the_retention() -> None:
    assert [each["Threshold"] / DAY_S for each in oldest_of("DeleteQueue")] == [1, 7]
    assert all(each["Threshold"] / DAY_S <= days_of_retention("DeleteQueue") / 2 for each in oldest_of("DeleteQueue"))


def test_a_request_that_is_delivered_on_time_never_counts_as_undelivered() -> None:
    """The age ignores messages with three receives, before which there are at most one delay and two waits."""
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


def test_dead_letters_raise_an_alarm_days_before_they_expire() -> None:
    (alarm,) = oldest_of("DeadLetterQueue")
    assert days_of_retention("DeadLetterQueue") - alarm["Threshold"] / DAY_S >= 4


@pytest.mark.parametrize("queue", ["DeleteQueue", "DeadLetterQueue"])
def test_an_empty_queue_has_no_oldest_message_and_raises_no_alarm(queue: str) -> None:
    assert {each["TreatMissingData"] for each in oldest_of(queue)} == {"notBreaching"}
    assert {each["Statistic"] for each in oldest_of(queue)} == {"Maximum"}
