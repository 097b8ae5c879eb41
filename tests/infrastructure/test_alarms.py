"""Alarms, dashboard and saved queries use only metrics and fields that the code emits, and each alarm has a runbook.

What raises and clears each alarm is in `test_alarm_scenarios.py`.
"""

import re
from html import escape
from inspect import getmembers, isfunction, signature
from typing import Final

import pytest

from tests.infrastructure.alarm_state import INSIGHTS
from tests.infrastructure.dashboard_picture import PICTURE, SEARCH, values, widgets
from tests.infrastructure.emitted import STACK, emitted
from tests.infrastructure.faults import RAISED
from tests.infrastructure.markdown import Markdown
from tests.infrastructure.rendered import Properties, Rendered
from tests.infrastructure.translate import ROOT
from tests.support.local.function_log import Sample
from tests.support.log_lines import LogLines
from tests.unit.aws.test_report import DECISIONS, MESSAGE, NOW, REQUEST
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import NAMESPACE, Metrics
from vbs_reaper.cli.main import parser
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.logs import logger
from vbs_reaper.reasons import Reason

OPERATOR_GUIDE: Final = Markdown(ROOT / "functions/README.md")
TOPIC: Final = "arn:aws:sns:eu-central-1:123456789012:alarms"
EVERYTHING: Final = Rendered({"AWS::StackName": STACK, "PurgeState": "ENABLED", "AlarmTopicArn": TOPIC})
ALARMS: Final[dict[str, Properties]] = EVERYTHING.every("CloudWatch::Alarm")
NOT_NOTIFIED_WHEN_CLEARED: Final = {"NewDeadLettersAlarm"}
"""Alarms that do not notify when they clear, because that does not mean that a fault was repaired."""
OF_AWS: Final = {
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
        "NumberOfMessagesReceived",
        "NumberOfMessagesSent",
    },
    "AWS/Lambda": {"Errors", "Throttles"},
    "AWS/Events": {"FailedInvocations", "InvocationsFailedToBeSentToDlq"},
    "AWS/Scheduler": {
        "InvocationAttemptCount",
        "InvocationDroppedCount",
        "InvocationsFailedToBeSentToDeadLetterCount",
    },
}
"""The metrics of AWS in alarms and dashboard (guides of the services, "CloudWatch metrics")."""
KINDS: Final = {
    "QueueName": "AWS::SQS::Queue",
    "FunctionName": "AWS::Lambda::Function",
    "ScheduleGroup": "AWS::Scheduler::ScheduleGroup",
    "RuleName": "AWS::Events::Rule",
    "EventBusName": "AWS::Events::EventBus",
}
"""The kind of resource in a dimension of these metrics."""
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
"""The keywords of Logs Insights in the saved queries."""
DAY_S: Final = 86_400.0


NAMELESS: Final = "${AWS::StackName}"
"""The name of the stack in widgets, which are rendered without one."""


def count_ordinary_day(metrics: Metrics) -> None:
    """Count an count_ordinary_day day: a slow deletion, an outage, a refusal."""
    metrics.delivered_after(DAY_S - 1)
    metrics.waits(Reason.DELETING.value)
    metrics.waits(Reason.SERVICE_DOWN.value)
    metrics.refused(Reason.HELD.value)
    metrics.decided(Outcome.DELETED.value)


def everything(metrics: Metrics) -> None:
    """Call every method of the metrics once."""
    for name, method in getmembers(Metrics, isfunction):
        if not name.startswith("_") and name != "flush":
            parameters = [each for each in signature(method).parameters.values() if each.name != "self"]
            getattr(metrics, name)(**{each.name: "x" if "str" in str(each.annotation) else 1 for each in parameters})


def kinds() -> set[tuple[str, frozenset[str]]]:
    """Return name and dimensions of every metric of the functions."""
    return {(each.name, frozenset(each.dimensions)) for each in emitted(everything)}


def runbook(alarm: Properties) -> str:
    """Return the title of the alarm's runbook."""
    document, anchor = str(alarm["AlarmDescription"]).splitlines()[0].split("#")
    assert document == f"Runbook of vbs-reaper: {OPERATOR_GUIDE.name}"
    assert anchor in OPERATOR_GUIDE.anchors()
    return anchor.replace("-", " ").capitalize()


# ── Alarms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def metrics_of(alarm: Properties) -> list[Properties]:
    """Return the metrics of an alarm, each with namespace, name and dimensions."""
    if "Metrics" not in alarm:
        return [alarm]
    return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]


ALL_METRICS: Final = [(name, metric) for name, alarm in ALARMS.items() for metric in metrics_of(alarm)]
EACH_METRIC: Final = pytest.mark.parametrize(
    "metric", [metric for _, metric in ALL_METRICS], ids=[f"{name}-{each['MetricName']}" for name, each in ALL_METRICS]
)


@EACH_METRIC
def test_an_alarm_uses_an_existing_metric(metric: Properties) -> None:
    dimensions = frozenset(each["Name"] for each in metric["Dimensions"])
    if metric["Namespace"] == NAMESPACE:
        assert (metric["MetricName"], dimensions) in kinds()
    else:
        assert metric["MetricName"] in OF_AWS[metric["Namespace"]]


@EACH_METRIC
def test_an_alarm_is_about_its_own_stack(metric: Properties) -> None:
    values = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
    if metric["Namespace"] == NAMESPACE:
        assert values["Stack"] == STACK
        return
    for name, value in values.items():
        logical_id = value.strip("${}").removesuffix(".QueueName")
        assert EVERYTHING.resources[logical_id]["Type"] == KINDS[name]


def test_rule_of_the_default_bus_is_named_without_a_bus() -> None:
    alarm = Rendered({"EventBusName": "default"}).every("CloudWatch::Alarm")["DeliveryFailedAlarm"]
    of_rule = [each for each in metrics_of(alarm) if each["Namespace"] == "AWS/Events"]
    assert [[each["Name"] for each in metric["Dimensions"]] for metric in of_rule] == [["RuleName"], ["RuleName"]]


@EACH_METRIC
def test_an_alarm_about_a_reason_names_an_existing_one(metric: Properties) -> None:
    known = {"Reason": [*Reason], "Outcome": [*Outcome]}
    for each in metric["Dimensions"]:
        assert each["Value"] in known.get(each["Name"], [each["Value"]])


def test_the_query_of_an_alarm_is_about_its_own_stack_and_an_existing_metric() -> None:
    queries = [each["Expression"] for alarm in ALARMS.values() for each in alarm.get("Metrics", []) if "Period" in each]
    for each in queries:
        query = INSIGHTS.fullmatch(each)
        assert query is not None
        assert (query["name"], frozenset(query["dimensions"].split(", "))) in kinds()
        assert (query["namespace"], query["dimension"], query["value"]) == (NAMESPACE, "Stack", STACK)
    assert len(queries) == 1


@pytest.mark.parametrize("name", [name for name, each in ALARMS.items() if "Metrics" in each])
def test_an_alarm_on_several_metrics_shows_one_value(name: str) -> None:
    assert sum(each.get("ReturnData", True) for each in ALARMS[name]["Metrics"]) == 1
    assert len(ALARMS[name]["Metrics"]) <= 10


def test_the_fault_that_raises_each_alarm_is_documented() -> None:
    assert RAISED.keys() == ALARMS.keys()


def test_alarms_are_sent_only_to_the_given_topic() -> None:
    assert all(each["AlarmActions"] == [TOPIC] for each in ALARMS.values())
    assert {name for name, each in ALARMS.items() if each.get("OKActions") != [TOPIC]} == NOT_NOTIFIED_WHEN_CLEARED
    assert not [each for each in Rendered().every("CloudWatch::Alarm").values() if "AlarmActions" in each]


def test_the_alarm_about_a_missing_purge_exists_only_with_a_scheduled_purge() -> None:
    assert ALARMS.keys() - Rendered().every("CloudWatch::Alarm").keys() == {"PurgeMissingAlarm"}
    seldom = Rendered({"PurgeState": "ENABLED", "PurgeMaximumGapInDays": "0"})
    assert ALARMS.keys() - seldom.every("CloudWatch::Alarm").keys() == {"PurgeMissingAlarm"}


@pytest.mark.parametrize(
    "policy",
    [
        '{"policy": "nightly", "mode": "purge"}',
        '{"mode":"purge",\n "policy":\n "nightly"}',
        '{"match": {"name": ["policy", "x"]}, "policy": "nightly"}',
        '{"target": "policy", "policy": "nightly"}',
    ],
)
def test_the_alarm_about_a_missing_purge_finds_the_name_at_any_place_in_the_policy(policy: str) -> None:
    stack = Rendered({"PurgeState": "ENABLED", "PurgePolicy": policy})
    (_, dimension) = stack.every("CloudWatch::Alarm")["PurgeMissingAlarm"]["Dimensions"]
    variables = stack.every("Lambda::Function")["CheckerFunction"]["Environment"]["Variables"]
    assert (dimension["Value"], variables["SCHEDULED_POLICY"]) == ("nightly", "nightly")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_can_be_evaluated(name: str) -> None:
    alarm = ALARMS[name]
    period_s = alarm.get("Period", 3600)
    assert period_s * alarm["EvaluationPeriods"] <= (7 * DAY_S if period_s >= 3600 else DAY_S)
    assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]


# ── Runbooks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ALARMS)
def test_the_first_line_of_an_alarm_names_its_runbook_which_starts_with_a_command(name: str) -> None:
    title = runbook(ALARMS[name])
    assert f"\n### {title}\n" in OPERATOR_GUIDE.text
    section = OPERATOR_GUIDE.text.partition(f"\n### {title}\n")[2].partition("\n#")[0]
    labels = re.findall(r"^- \*\*(.+?)\*\*", section, re.MULTILINE)
    assert labels == ["Run", "Means", "Look at", "Do", "Clears"]
    (command,) = re.findall(r"\s*- \*\*Run\*\* `((?:\.venv/bin/vbs-reaper|aws) [^`\n]+)`", section)
    assert general(command) == general(first_command(ALARMS[name]))


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_contains_the_first_command_with_the_name_of_its_stack(name: str) -> None:
    _, says, _ = str(ALARMS[name]["AlarmDescription"]).splitlines()
    assert says.endswith(".")
    command = first_command(ALARMS[name])
    if command.startswith("vbs-reaper "):
        options = parser().parse_args(command.split()[1:])
        assert options.stack == STACK
    else:
        assert command.startswith("aws ")
        assert "${" in command or command == "aws lambda get-account-settings"


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if " logs tail " in alarm["AlarmDescription"]])
def test_the_first_command_shows_the_log_of_as_long_as_the_alarm_looks_back(name: str) -> None:
    alarm = ALARMS[name]
    period_s = max(alarm.get("Period", 0), *(one["MetricStat"]["Period"] for one in alarm.get("Metrics", ())[1:]), 0)
    (number, unit) = re.findall(r" --since (\d+)([hd]) ", first_command(alarm))[0]
    shown_s = int(number) * {"h": 3600, "d": DAY_S}[unit]
    assert shown_s >= period_s * alarm["EvaluationPeriods"] > 0


def test_the_text_of_an_alarm_is_short_enough_for_every_stack_name() -> None:
    longest = 128
    for alarm in (
        Rendered({"AWS::StackName": longest * "s", "PurgeState": "ENABLED"}).every("CloudWatch::Alarm").values()
    ):
        unknown = sum(256 for _ in re.finditer(r"\$\{", alarm["AlarmDescription"]))
        assert len(alarm["AlarmDescription"]) + unknown <= 1024


def first_command(alarm: Properties) -> str:
    return str(alarm["AlarmDescription"]).splitlines()[2].removeprefix("Run: ").strip()


def general(command: str) -> str:
    """Return the command without names that depend on the stack."""
    command = command.removeprefix(".venv/bin/").replace("--stack vbs-reaper", f"--stack {STACK}")
    return re.sub(r"\$\{\w+\}|\b[A-Z]+(?:_[A-Z]+)+\b", "NAME", command)


def test_runbooks_are_those_of_the_alarms_in_their_order() -> None:
    titles = re.findall(r"^### (.+)$", OPERATOR_GUIDE.section("Runbooks"), re.MULTILINE)
    assert titles == [runbook(each) for each in ALARMS.values()]


def test_readme_leads_to_every_runbook_in_two_clicks() -> None:
    assert "functions/README.md#runbooks" in Markdown(ROOT / "README.md").links()
    table = OPERATOR_GUIDE.section("Runbooks").partition("<!-- table: alarms -->")[2].partition("<!-- end -->")[0]
    linked = re.findall(r"\[([^\]]+)\]\(#[\w-]+\) \|$", table, re.MULTILINE)
    assert linked == [runbook(each) for each in ALARMS.values()]


# ── Dashboard and queries ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_dashboard_shows_existing_metrics_and_all_of_the_functions() -> None:
    shown = set()
    for widget in widgets():
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], dict):
                search = SEARCH.match(metric[0]["expression"])
                assert search is not None
                assert search["stack"] == "${AWS::StackName}"
                shown.add((search["name"], frozenset(search["dimensions"].split(","))))
            elif metric[0] == NAMESPACE:
                dimensions = dict(zip(metric[2:-1:2], metric[3::2], strict=False))
                assert dimensions["Stack"] == "${AWS::StackName}"
                shown.add((metric[1], frozenset(dimensions)))
            else:
                assert metric[1] in OF_AWS[metric[0]]
                assert metric[3].strip("${}").removesuffix(".QueueName") in EVERYTHING.resources
    assert shown == kinds()


def test_widgets_do_not_overlap() -> None:
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


def fields_in(query: str) -> set[str]:
    """Return the fields in a query: its words without strings, keywords and names that it defines."""
    words = set(re.findall(r"(?<![\w@.])[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", query)))
    return words - LANGUAGE - set(re.findall(r" as (\w+)", query))


def test_queries_use_fields_that_are_logged(log_lines: LogLines) -> None:
    report = DeletionReport(Metrics("reaper"), logger)
    for decision in DECISIONS.values():
        report.decided(MESSAGE, REQUEST, decision, NOW)
    logged = {field for line in log_lines.all() for field in line}
    counted = {name for each in emitted(everything) for name in (each.name, *each.dimensions)}
    for query in EVERYTHING.every("Logs::QueryDefinition").values():
        assert fields_in(query["QueryString"])
        assert fields_in(query["QueryString"]) <= logged | counted


def test_queries_use_log_groups_of_the_stack() -> None:
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


def test_a_widget_shows_the_results_of_its_search_with_its_statistic() -> None:
    twice = [each for _ in range(2) for each in emitted(lambda metrics: metrics.waits("forbidden"), NAMELESS)]
    others = emitted(lambda metrics: metrics.waits("forbidden"), "another stack")
    written = twice + others + emitted(count_ordinary_day, NAMELESS)
    by_title = {widget["properties"]["title"]: values(widget["properties"], written) for widget in widgets()}
    assert by_title["Waits by reason"] == {"deleting": 1.0, "forbidden": 2.0, "service_down": 1.0}
    assert by_title["Oldest request (s)"] == {"OldestRequestAge": DAY_S - 1}
    assert by_title["Dead letters"] == {"arrived": 0}


def test_a_widget_shows_metrics_of_aws_with_their_labels_and_0_without_samples() -> None:
    by_title = {widget["properties"]["title"]: widget["properties"] for widget in widgets()}
    namespace, name, dimension, value = by_title["Dead letters"]["metrics"][0][:4]
    written = [
        Sample(namespace=namespace, name=name, dimensions={dimension: queue}, value=depth)
        for queue, depth in ((value, 2.0), (value, 38.0), ("another queue", 99.0))
    ]
    assert values(by_title["Dead letters"], written) == {"dead letters": 38.0, "arrived": 0}
    assert values(by_title["Purges: deletions requested, scheduled runs, refused runs"], written) == {
        "DeletionsRequested": 0,
        "PurgesRefused": 0,
        "ScheduledRuns": 0,
    }
