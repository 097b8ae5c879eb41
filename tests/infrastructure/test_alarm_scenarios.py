"""What raises and clears each alarm, period by period, with the metrics that the code and AWS would record.

`tests/e2e/test_alarms*.py` raise and clear them by real faults on the local stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest

from tests.infrastructure.alarm_state import Period, state, value_of
from tests.infrastructure.emitted import emitted
from tests.infrastructure.test_alarms import ALARMS, DAY_S, count_ordinary_day, metrics_of
from tests.infrastructure.translate import ROOT
from tests.support.local.function_log import Sample
from tests.unit.aws.test_report import MESSAGE, NOW, REQUEST
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.deletion.decision import Halt
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.logs import logger
from vbs_reaper.reasons import Reason, Scope

NOTHING: Final[Period] = ()
HEALS: Final = {
    Reason.HALTED,
    Reason.THROTTLED,
    Reason.LOGIN_BUSY,
    Reason.LOGIN_THROTTLED,
    Reason.SERVICE_DOWN,
    Reason.UNREACHABLE,
}
"""Reasons that usually end by themselves. If they last, OldestRequestDayAlarm is raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The periods that raise an alarm, and the following ones that clear it."""

    raised: Sequence[Period]
    cleared: Sequence[Period]


def of_queue(queue: str, **values: float) -> Period:
    return [_of_aws("AWS/SQS", name, {"QueueName": f"${{{queue}.QueueName}}"}, value) for name, value in values.items()]


def of_deleter(**values: float) -> Period:
    dimensions = {"FunctionName": "${DeleterFunction}"}
    return [_of_aws("AWS/Lambda", name, dimensions, value) for name, value in values.items()]


def of_rule(name: str) -> Period:
    return [_of_aws("AWS/Events", name, {"EventBusName": "${EventBus}", "RuleName": "${DeleteRequestedRule}"}, 1)]


def of_schedules(name: str) -> Period:
    return [_of_aws("AWS/Scheduler", name, {"ScheduleGroup": "${ScheduleGroup}"}, 1)]


def _of_aws(namespace: str, name: str, dimensions: dict[str, str], value: float) -> Sample:
    return Sample(namespace=namespace, name=name, dimensions=dimensions, value=value)


def waits(reason: Reason) -> Period:
    """Return the samples of a pass that ends in a wait for this reason."""
    halt = Halt(reason=reason, message="x", delay_s=60, remember_s=60.0)
    return emitted(lambda metrics: DeletionReport(metrics, logger).decided(MESSAGE, REQUEST, halt, NOW))


def check(stack_faults: int = 0, unhealthy_targets: int = 0) -> Period:
    return emitted(lambda metrics: metrics.scheduled_check(stack_faults, unhealthy_targets))


def runs(number: int) -> Period:
    return emitted(lambda metrics: metrics.scheduled_runs("nightly", number))


def gone(metrics: Metrics, times: int = 10) -> None:
    for _ in range(times):
        metrics.decided(Outcome.ALREADY_GONE.value)


IDLE: Final = of_queue("DeleteQueue", ApproximateNumberOfMessagesVisible=1, NumberOfMessagesReceived=0)
BUSY: Final = of_queue("DeleteQueue", ApproximateNumberOfMessagesVisible=1, NumberOfMessagesReceived=1)
LETTER: Final = of_queue("DeadLetterQueue", ApproximateNumberOfMessagesVisible=1)
ANOTHER: Final = [*LETTER, *of_queue("DeadLetterQueue", NumberOfMessagesSent=1)]
SCENARIOS: Final = {
    "DeadLettersAlarm": Scenario(
        raised=[LETTER], cleared=[of_queue("DeadLetterQueue", ApproximateNumberOfMessagesVisible=0)]
    ),
    "NewDeadLettersAlarm": Scenario(raised=[ANOTHER], cleared=[LETTER]),
    "DeadLettersExpireAlarm": Scenario(
        raised=[of_queue("DeadLetterQueue", ApproximateAgeOfOldestMessage=10 * DAY_S + 1)], cleared=[NOTHING]
    ),
    "OldestRequestDayAlarm": Scenario(
        raised=[emitted(lambda metrics: metrics.delivered_after(DAY_S + 1))],
        cleared=3 * [emitted(lambda metrics: metrics.delivered_after(1))],
    ),
    "UndeliveredDayAlarm": Scenario(
        raised=[of_queue("DeleteQueue", ApproximateAgeOfOldestMessage=DAY_S + 1)], cleared=[NOTHING]
    ),
    "UndeliveredWeekAlarm": Scenario(
        raised=[of_queue("DeleteQueue", ApproximateAgeOfOldestMessage=7 * DAY_S + 1)], cleared=[NOTHING]
    ),
    "DeleterIdleAlarm": Scenario(raised=12 * [IDLE], cleared=[BUSY]),
    "DeliveryFailedAlarm": Scenario(raised=[of_rule("FailedInvocations")], cleared=3 * [NOTHING]),
    "StackUnhealthyAlarm": Scenario(raised=[waits(Reason.INTERNAL_ERROR)], cleared=12 * [check()]),
    "TargetUnhealthyAlarm": Scenario(raised=[waits(Reason.CREDENTIALS_REJECTED)], cleared=12 * [check()]),
    "IdentityMismatchAlarm": Scenario(raised=[waits(Reason.IDENTITY_MISMATCH)], cleared=12 * [NOTHING]),
    "MostlyAlreadyGoneAlarm": Scenario(raised=[emitted(gone)], cleared=[NOTHING]),
    "DeleterErrorsAlarm": Scenario(raised=[of_deleter(Errors=1)], cleared=3 * [of_deleter(Errors=0)]),
    "DeleterThrottlesAlarm": Scenario(raised=3 * [of_deleter(Throttles=1)], cleared=[of_deleter(Throttles=0)]),
    "PurgeRefusedAlarm": Scenario(
        raised=[emitted(lambda metrics: metrics.purge_refused("weekly"))], cleared=2 * [NOTHING]
    ),
    "PurgeMissingAlarm": Scenario(raised=7 * [runs(0)], cleared=[[*runs(0), *runs(1)]]),
    "CheckerSilentAlarm": Scenario(raised=24 * [NOTHING], cleared=[check()]),
}
EACH_ALARM: Final = pytest.mark.parametrize("name", SCENARIOS)


def is_on(name: str, periods: Sequence[Period], before: str = "OK") -> bool:
    return state(ALARMS[name], periods, before) == "ALARM"


def test_every_alarm_has_a_scenario_here_and_on_the_local_stack() -> None:
    assert SCENARIOS.keys() == ALARMS.keys()
    on_local_stack = "".join(each.read_text(encoding="utf-8") for each in (ROOT / "tests/e2e").glob("test_alarms*.py"))
    assert [name for name in ALARMS if f'"{name}"' not in on_local_stack] == []


@EACH_ALARM
def test_an_alarm_is_raised_and_cleared(name: str) -> None:
    scenario = SCENARIOS[name]
    assert is_on(name, scenario.raised)
    assert not is_on(name, [*scenario.raised, *scenario.cleared], before="ALARM")


@EACH_ALARM
def test_an_alarm_is_raised_by_nothing_less(name: str) -> None:
    assert not is_on(name, [check(), *SCENARIOS[name].raised[1:]])


@EACH_ALARM
def test_an_ordinary_day_raises_no_alarm(name: str) -> None:
    day = [*emitted(count_ordinary_day), *check(), *runs(0), *runs(1), *BUSY, *of_deleter(Errors=0, Throttles=0)]
    assert not is_on(name, int(ALARMS[name]["EvaluationPeriods"]) * [day])


@EACH_ALARM
def test_an_alarm_is_not_raised_at_its_threshold(name: str) -> None:
    alarm = ALARMS[name]
    if "Threshold" in alarm and alarm["Threshold"] > 1 and "Metrics" not in alarm:
        (metric,) = metrics_of(alarm)
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        at = _of_aws(metric["Namespace"], metric["MetricName"], dimensions, alarm["Threshold"])
        assert not is_on(name, [[at]])
        assert is_on(name, [[replace(at, value=alarm["Threshold"] + 1)]])


# ── Missing data ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_queue_raises_no_alarm_even_if_paused() -> None:
    empty = of_queue("DeleteQueue", ApproximateNumberOfMessagesVisible=0, NumberOfMessagesReceived=0)
    assert not is_on("DeleterIdleAlarm", 12 * [empty])
    assert not is_on("DeleterIdleAlarm", 12 * [NOTHING])


def test_a_late_queue_depth_is_missing_data_and_not_0() -> None:
    late = of_queue("DeleteQueue", NumberOfMessagesReceived=0)
    assert value_of(ALARMS["DeleterIdleAlarm"], late) is None
    assert value_of(ALARMS["DeleterIdleAlarm"], of_queue("DeleteQueue", ApproximateNumberOfMessagesVisible=1)) == 1


def test_one_receive_within_the_hour_prevents_the_idle_alarm() -> None:
    for place in range(12):
        assert not is_on("DeleterIdleAlarm", [*place * [IDLE], BUSY, *(11 - place) * [IDLE]])


@pytest.mark.parametrize(
    "lost",
    [
        of_rule("FailedInvocations"),
        of_rule("InvocationsFailedToBeSentToDlq"),
        of_schedules("InvocationDroppedCount"),
        of_schedules("InvocationsFailedToBeSentToDeadLetterCount"),
    ],
)
def test_every_undelivered_event_raises_an_alarm(lost: Period) -> None:
    assert is_on("DeliveryFailedAlarm", [lost])


def test_dead_letters_that_arrive_while_the_alarm_is_on_raise_another() -> None:
    periods = [ANOTHER, LETTER, ANOTHER, LETTER]
    assert [is_on("DeadLettersAlarm", periods[: end + 1]) for end in range(4)] == [True, True, True, True]
    assert [is_on("NewDeadLettersAlarm", periods[: end + 1]) for end in range(4)] == [True, False, True, False]


def test_purge_is_missing_if_only_previews_and_other_policies_run() -> None:
    other = emitted(lambda metrics: metrics.scheduled_runs("weekly", 1))
    preview = emitted(lambda metrics: metrics.planned("nightly", 9, 9, 0))
    assert is_on("PurgeMissingAlarm", 7 * [[*runs(0), *other, *preview]])


def test_a_schedule_that_was_just_enabled_raises_no_alarm() -> None:
    assert not is_on("PurgeMissingAlarm", 6 * [runs(0)])


def test_a_manual_check_does_not_count_as_a_scheduled_one() -> None:
    by_hand = emitted(lambda metrics: metrics.target_is("default", True))
    assert is_on("CheckerSilentAlarm", 24 * [by_hand])


# ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def faults_of(scope: Scope) -> list[Reason]:
    return [reason for reason in Reason if reason.fault_of is scope]


@pytest.mark.parametrize("reason", faults_of(Scope.STACK))
def test_a_fault_of_the_stack_raises_an_alarm_within_five_minutes(reason: Reason) -> None:
    assert ALARMS["StackUnhealthyAlarm"]["Period"] == 300
    assert is_on("StackUnhealthyAlarm", [waits(reason)])
    assert not is_on("TargetUnhealthyAlarm", [waits(reason)])


@pytest.mark.parametrize("reason", faults_of(Scope.TARGET))
def test_a_fault_of_a_target_raises_an_alarm_within_five_minutes(reason: Reason) -> None:
    assert ALARMS["TargetUnhealthyAlarm"]["Period"] == 300
    assert is_on("TargetUnhealthyAlarm", [waits(reason)])
    assert not is_on("StackUnhealthyAlarm", [waits(reason)])


def test_every_reason_about_stack_or_target_raises_an_alarm_or_ends_by_itself() -> None:
    of_stack = {each for each in Reason if each.scope is Scope.STACK}
    of_target = {each for each in Reason if each.scope is Scope.TARGET}
    assert of_stack <= {*faults_of(Scope.STACK)}
    assert of_target - {*faults_of(Scope.TARGET)} == HEALS | {Reason.IDENTITY_MISMATCH}


@pytest.mark.parametrize("name", ["StackUnhealthyAlarm", "TargetUnhealthyAlarm"])
def test_an_alarm_by_a_check_stays_on_until_a_check_finds_no_fault(name: str) -> None:
    found = check(stack_faults=1, unhealthy_targets=1)
    assert is_on(name, [found])
    assert is_on(name, [found, *24 * [NOTHING]], before="ALARM")
    assert not is_on(name, [found, *24 * [NOTHING], check()], before="ALARM")


@pytest.mark.parametrize(
    ("already_gone", "of_purges", "deleted", "raised"),
    [(10, 0, 9, True), (10, 0, 10, False), (9, 0, 0, False), (0, 0, 0, False), (10, 1, 0, False), (99, 89, 9, True)],
)
def test_mostly_already_gone_needs_ten_requests_that_are_the_majority_and_not_of_purges(
    already_gone: int, of_purges: int, deleted: int, raised: bool
) -> None:
    def counted(metrics: Metrics) -> None:
        gone(metrics, already_gone)
        for _ in range(deleted):
            metrics.decided(Outcome.DELETED.value)
        for _ in range(of_purges):
            metrics.purge_repeated()

    assert is_on("MostlyAlreadyGoneAlarm", [emitted(counted)]) is raised
