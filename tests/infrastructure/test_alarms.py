"""Alarms, dashboard and saved queries: each about something that the code really emits, each alarm with its runbook.

No stand-in evaluates alarms over EMF lines. So the metric is taken from the line the code printed, and the alarm's own
comparison is applied to it.
"""

import operator
import re
from collections.abc import Callable
from html import escape
from inspect import getmembers, isfunction, signature
from typing import Final

import pytest

from tests.infrastructure.dashboard_picture import PICTURE, values, widgets
from tests.infrastructure.emitted import emitted
from tests.infrastructure.faults import RAISED
from tests.infrastructure.markdown import Markdown
from tests.infrastructure.rendered import Properties, Rendered
from tests.infrastructure.translate import ROOT
from tests.support.local.function_log import Sample
from tests.support.log_lines import LogLines
from tests.unit.aws.test_report import DECISIONS, MESSAGE, NOW, REQUEST
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import NAMESPACE, Metrics
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.logs import logger
from vbs_reaper.reasons import Reason

OPERATOR_GUIDE: Final = Markdown(ROOT / "functions/README.md")
TOPIC: Final = "arn:aws:sns:eu-central-1:123456789012:alarms"
EVERYTHING: Final = Rendered({"PurgeState": "ENABLED", "AlarmTopicArn": TOPIC})
ALARMS: Final[dict[str, Properties]] = EVERYTHING.every("CloudWatch::Alarm")
OURS: Final = {name: each for name, each in ALARMS.items() if each.get("Namespace") == NAMESPACE}
OF_AWS: Final = {
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
    },
    "AWS/Lambda": {"Errors", "Throttles", "Invocations"},
}
"""What these alarms use of AWS's own metrics (SQS and Lambda developer guides, "CloudWatch metrics")."""
LANGUAGE: Final = frozenset(
    {
        "as",
        "asc",
        "by",
        "count",
        "count_distinct",
        "desc",
        "fields",
        "filter",
        "in",
        "ispresent",
        "latest",
        "sort",
        "stats",
        "sum",
    }
)
"""What our queries use of the language of Logs Insights."""
COMPARES: Final = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}
STATISTICS: Final[dict[str, Callable[[tuple[float, ...]], float]]] = {"Sum": sum, "Maximum": max, "Minimum": min}
DAY_S: Final = 86_400.0
RAISED_BY: Final[dict[str, Callable[[Metrics], None]]] = {
    "OldestRequestDayAlarm": lambda metrics: metrics.delivered_after(DAY_S + 1),
    "OldestRequestWeekAlarm": lambda metrics: metrics.delivered_after(7 * DAY_S + 1),
    "WrongEndpointAlarm": lambda metrics: metrics.waits(Reason.WRONG_ENDPOINT.value),
    "AskedElsewhereAlarm": lambda metrics: metrics.waits(Reason.ASKED_ELSEWHERE.value),
    "CredentialsRejectedAlarm": lambda metrics: metrics.waits(Reason.CREDENTIALS_REJECTED.value),
    "BucketUnusableAlarm": lambda metrics: metrics.waits(Reason.BUCKET_UNUSABLE.value),
    "IdentityMismatchAlarm": lambda metrics: metrics.waits(Reason.IDENTITY_MISMATCH.value),
    "ForbiddenAlarm": lambda metrics: metrics.waits(Reason.FORBIDDEN.value),
    "UnknownFieldAlarm": lambda metrics: metrics.waits(Reason.UNKNOWN_FIELD.value),
    "DeletionFailedAlarm": lambda metrics: metrics.refused(Reason.DELETION_FAILED.value),
}


def ordinary(metrics: Metrics) -> None:
    """A day without trouble: a deletion that was waited for, an outage, a refusal."""
    metrics.delivered_after(DAY_S - 1)
    metrics.waits(Reason.DELETING.value)
    metrics.waits(Reason.SERVICE_DOWN.value)
    metrics.refused(Reason.HELD.value)
    metrics.decided(Outcome.DELETED.value)


def is_raised(alarm: Properties, written: list[Sample]) -> bool:
    """Whether one period with these lines goes beyond the alarm's threshold."""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
    values = tuple(
        each.value
        for each in written
        if (each.namespace, each.name, each.dimensions) == (alarm["Namespace"], alarm["MetricName"], dimensions)
    )
    if not values:
        return bool(alarm["TreatMissingData"] == "breaching")
    return bool(COMPARES[alarm["ComparisonOperator"]](STATISTICS[alarm["Statistic"]](values), alarm["Threshold"]))


def everything(metrics: Metrics) -> None:
    """Every method of the metrics once."""
    for name, method in getmembers(Metrics, isfunction):
        if not name.startswith("_") and name != "flush":
            parameters = [each for each in signature(method).parameters.values() if each.name != "self"]
            getattr(metrics, name)(**{each.name: "x" if "str" in str(each.annotation) else 1 for each in parameters})


def kinds() -> set[tuple[str, frozenset[str]]]:
    """Name and dimensions of every metric of ours."""
    return {(each.name, frozenset(each.dimensions)) for each in emitted(everything)}


def runbook(alarm: Properties) -> str:
    return str(alarm["AlarmDescription"]).splitlines()[0].removeprefix("Runbook: ")


# ── Alarms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_alarm_on_one_metric_of_ours_is_driven_here() -> None:
    assert RAISED_BY.keys() == OURS.keys()


@pytest.mark.parametrize("name", RAISED_BY)
def test_an_alarm_is_raised_by_the_line_that_its_fault_writes(name: str) -> None:
    assert is_raised(OURS[name], emitted(RAISED_BY[name]))


@pytest.mark.parametrize("name", OURS)
def test_an_ordinary_day_raises_nothing(name: str) -> None:
    assert not is_raised(OURS[name], emitted(ordinary))
    assert not is_raised(OURS[name], [])


@pytest.mark.parametrize("name", OURS)
def test_an_alarm_about_a_reason_names_one_that_there_is(name: str) -> None:
    for each in OURS[name].get("Dimensions", []):
        assert each["Value"] in {"Reason": [*Reason], "Outcome": [*Outcome]}[each["Name"]]


@pytest.mark.parametrize(
    "name", [name for name, each in ALARMS.items() if each.get("Namespace", NAMESPACE) != NAMESPACE]
)
def test_an_alarm_on_a_metric_of_aws_is_about_a_queue_or_a_function_of_the_stack(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["MetricName"] in OF_AWS[alarm["Namespace"]]
    (dimension,) = alarm["Dimensions"]
    logical_id = dimension["Value"].strip("${}").removesuffix(".QueueName")
    wanted = {"QueueName": "AWS::SQS::Queue", "FunctionName": "AWS::Lambda::Function"}[dimension["Name"]]
    assert EVERYTHING.resources[logical_id]["Type"] == wanted


def test_every_alarm_says_which_fault_raises_it() -> None:
    assert RAISED.keys() == ALARMS.keys()


@pytest.mark.parametrize(
    "name", [name for name, each in ALARMS.items() if each.get("Namespace", NAMESPACE) != NAMESPACE]
)
def test_an_alarm_on_a_metric_of_aws_is_raised_beyond_its_threshold_and_not_at_it(name: str) -> None:
    alarm = ALARMS[name]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    beyond = 1 if alarm["ComparisonOperator"] == "GreaterThanThreshold" else -1

    def shows(value: float) -> list[Sample]:
        return [Sample(namespace=alarm["Namespace"], name=alarm["MetricName"], dimensions=dimensions, value=value)]

    assert is_raised(alarm, shows(alarm["Threshold"] + beyond))
    assert not is_raised(alarm, shows(alarm["Threshold"]))


def one_of_two_is_unhealthy(metrics: Metrics) -> None:
    metrics.target_is("good", True)
    metrics.target_is("bad", False)


@pytest.mark.parametrize(
    ("name", "fault", "ordinarily"),
    [
        (
            "TargetUnhealthyAlarm",
            one_of_two_is_unhealthy,
            lambda metrics: metrics.target_is("good", True),
        ),
        (
            "PurgeRefusedAlarm",
            lambda metrics: metrics.purge_refused("nightly"),
            lambda metrics: metrics.requested("nightly", 7),
        ),
    ],
)
def test_an_alarm_on_a_search_is_raised_by_the_lines_that_its_fault_writes(
    name: str, fault: Callable[[Metrics], None], ordinarily: Callable[[Metrics], None]
) -> None:
    alarm = ALARMS[name]
    ((statistic, metric),) = (
        found
        for each in alarm["Metrics"]
        for found in re.findall(r"SELECT (SUM|MIN)\((\w+)\)", each.get("Expression", ""))
    )
    of_aws = STATISTICS[{"SUM": "Sum", "MIN": "Minimum"}[statistic]]

    def is_shown(by: Callable[[Metrics], None]) -> bool:
        values = tuple(each.value for each in emitted(by) if each.name == metric)
        return bool(values) and bool(COMPARES[alarm["ComparisonOperator"]](of_aws(values), alarm["Threshold"]))

    assert is_shown(fault)
    assert not is_shown(ordinarily)


@pytest.mark.parametrize(
    ("gone", "of_purges", "deleted", "raised"),
    [(10, 0, 9, True), (10, 0, 10, False), (9, 0, 0, False), (0, 0, 0, False), (10, 1, 0, False), (99, 89, 9, True)],
)
def test_mostly_already_gone_is_ten_or_more_not_of_purges_and_most(
    gone: int, of_purges: int, deleted: int, raised: bool
) -> None:
    (expression,) = (each["Expression"] for each in ALARMS["MostlyAlreadyGoneAlarm"]["Metrics"] if "Expression" in each)
    others = re.escape("FILL(gone, 0) - FILL(purges, 0)")
    (least,) = re.findall(rf"^IF\({others} > (\d+) AND {others} > FILL\(deleted, 0\), 1, 0\)$", expression)

    def counted(metrics: Metrics) -> None:
        for outcome, times in ((Outcome.ALREADY_GONE, gone), (Outcome.DELETED, deleted)):
            for _ in range(times):
                metrics.decided(outcome.value)
        for _ in range(of_purges):
            metrics.purge_repeated()

    repeats = sum(each.value for each in emitted(counted) if each.name == "PurgesAlreadyGone")
    sums = {each.dimensions["Outcome"]: each.value for each in emitted(counted) if each.name == "Outcomes"}
    has_gone, has_deleted = (sums.get(each.value, 0) for each in (Outcome.ALREADY_GONE, Outcome.DELETED))
    assert (has_gone - repeats > int(least) and has_gone - repeats > has_deleted) is raised


@pytest.mark.parametrize(
    "name", [name for name, each in ALARMS.items() if "Metrics" in each and name != "DeleterIdleAlarm"]
)
def test_an_alarm_on_several_metrics_uses_what_the_code_emits(name: str) -> None:
    used = set()
    for each in ALARMS[name]["Metrics"]:
        for metric, dimensions in re.findall(
            r'\((\w+)\) FROM SCHEMA\("VbsReaper", (\w+)\)', each.get("Expression", "")
        ):
            used.add((metric, frozenset({dimensions})))
        if "MetricStat" in each:
            metric = each["MetricStat"]["Metric"]
            dimensions = metric.get("Dimensions", [])
            used.add((metric["MetricName"], frozenset(every["Name"] for every in dimensions)))
            assert {every["Value"] for every in dimensions} <= {*Outcome}
    assert used
    assert used <= kinds()
    assert sum(each.get("ReturnData", True) for each in ALARMS[name]["Metrics"]) == 1


def test_every_function_has_alarms_on_errors_and_throttles() -> None:
    watched = {(each["Dimensions"][0]["Value"], each["MetricName"]) for each in ALARMS.values() if "Dimensions" in each}
    for function in EVERYTHING.every("Lambda::Function"):
        assert {(f"${{{function}}}", "Errors"), (f"${{{function}}}", "Throttles")} <= watched


def test_alarms_are_sent_to_the_topic_that_is_given_and_to_none_without() -> None:
    assert all(each["AlarmActions"] == each["OKActions"] == [TOPIC] for each in ALARMS.values())
    assert not [each for each in Rendered().every("CloudWatch::Alarm").values() if "AlarmActions" in each]


def test_a_purge_is_missed_only_where_it_should_run() -> None:
    assert ALARMS.keys() - Rendered().every("CloudWatch::Alarm").keys() == {"PurgeMissingAlarm"}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_can_be_evaluated(name: str) -> None:
    alarm = ALARMS[name]
    period_s = alarm.get("Period", 3600)
    assert period_s * alarm["EvaluationPeriods"] <= (7 * DAY_S if period_s >= 3600 else DAY_S)
    assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]


# ── Runbooks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ALARMS)
def test_first_line_of_an_alarm_names_its_runbook_which_begins_with_a_command(name: str) -> None:
    title = runbook(ALARMS[name])
    assert f"\n### {title}\n" in OPERATOR_GUIDE.text
    section = OPERATOR_GUIDE.text.partition(f"\n### {title}\n")[2].partition("\n#")[0]
    labels = re.findall(r"^- \*\*(.+?)\*\*", section, re.MULTILINE)
    assert labels == ["Run", "Means", "Look at", "Do", "Clears"]
    assert re.match(r"\s*- \*\*Run\*\* `(\.venv/bin/vbs-reaper|aws) [^`\n]+`", section)


def test_runbooks_are_those_of_the_alarms_in_their_order() -> None:
    titles = re.findall(r"^### (.+)$", OPERATOR_GUIDE.section("Runbooks"), re.MULTILINE)
    assert titles == [runbook(each) for each in ALARMS.values()]


def test_readme_leads_to_every_runbook_in_two_clicks() -> None:
    assert "functions/README.md#runbooks" in Markdown(ROOT / "README.md").links()
    table = OPERATOR_GUIDE.section("Runbooks").partition("<!-- table: alarms -->")[2].partition("<!-- end -->")[0]
    linked = re.findall(r"\[([^\]]+)\]\(#[\w-]+\) \|$", table, re.MULTILINE)
    assert linked == [runbook(each) for each in ALARMS.values()]


# ── Dashboard and queries ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_dashboard_shows_metrics_that_exist_and_all_of_ours() -> None:
    shown = set()
    for widget in widgets():
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], dict):
                names, metric_name = re.findall(
                    r"SEARCH\('\{VbsReaper,([\w,]+)\} MetricName=\"(\w+)\"'", metric[0]["expression"]
                )[0]
                shown.add((metric_name, frozenset(names.split(","))))
            elif metric[0] == NAMESPACE:
                shown.add((metric[1], frozenset(part for part in metric[2::2] if isinstance(part, str))))
            else:
                assert metric[1] in OF_AWS[metric[0]] | {"ApproximateNumberOfMessagesDelayed"}
                assert metric[3].strip("${}").removesuffix(".QueueName") in EVERYTHING.resources
    assert shown == kinds()


def test_no_widget_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets():
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def asked_for(query: str) -> set[str]:
    """The fields that a query names: its words but texts, the language's own, and names it gives itself."""
    words = set(re.findall(r"(?<![\w@.])[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", query)))
    return words - LANGUAGE - set(re.findall(r" as (\w+)", query))


def test_queries_ask_for_fields_that_are_logged(log_lines: LogLines) -> None:
    report = DeletionReport(Metrics(), logger)
    for decision in DECISIONS.values():
        report.decided(MESSAGE, REQUEST, decision, NOW)
    logged = {field for line in log_lines.all() for field in line}
    counted = {name for each in emitted(everything) for name in (each.name, *each.dimensions)}
    for query in EVERYTHING.every("Logs::QueryDefinition").values():
        assert asked_for(query["QueryString"])
        assert asked_for(query["QueryString"]) <= logged | counted


def test_queries_ask_log_groups_of_the_stack() -> None:
    queries = EVERYTHING.every("Logs::QueryDefinition")
    assert [each["Name"].rpartition("/")[2] for each in queries.values()] == [
        "A backup's story",
        "Waits by reason",
        "Refused by reason",
        "Calls by status",
    ]
    for each in queries.values():
        groups = {group.strip("${}") for group in each["LogGroupNames"]}
        assert groups <= EVERYTHING.every("Logs::LogGroup").keys()


# ── The dashboard's picture ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_picture_shows_every_widget_of_the_template() -> None:
    drawn = PICTURE.read_text(encoding="utf-8")
    assert [
        widget["properties"]["title"] for widget in widgets() if escape(widget["properties"]["title"]) not in drawn
    ] == []


def test_a_widget_shows_what_its_search_finds_by_its_own_statistic() -> None:
    written = [each for _ in range(2) for each in emitted(RAISED_BY["ForbiddenAlarm"])] + emitted(ordinary)
    by_title = {widget["properties"]["title"]: values(widget["properties"], written) for widget in widgets()}
    assert by_title["Waits by reason"] == {"deleting": 1.0, "forbidden": 2.0, "service_down": 1.0}
    assert by_title["Oldest request (s)"] == {"OldestRequestAge": DAY_S - 1}
    assert by_title["Dead letters"] == {}


def test_a_widget_shows_metrics_of_aws_by_their_labels_and_0_as_the_sum_of_none() -> None:
    by_title = {widget["properties"]["title"]: widget["properties"] for widget in widgets()}
    namespace, name, dimension, value = by_title["Dead letters"]["metrics"][0][:4]
    written = [
        Sample(namespace=namespace, name=name, dimensions={dimension: queue}, value=depth)
        for queue, depth in ((value, 2.0), (value, 38.0), ("another queue", 99.0))
    ]
    assert values(by_title["Dead letters"], written) == {"dead letters": 38.0}
    assert values(by_title["Purges: deletions requested, runs refused"], written) == {
        "DeletionsRequested": 0,
        "PurgesRefused": 0,
    }
