"""The lines of the metrics, according to the "Specification: Embedded metric format" of CloudWatch."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vbs_reaper.aws.metrics import Metrics

Document = dict[str, Any]


def flushed(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> list[Document]:
    metrics.flush()
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def everything(metrics: Metrics) -> None:
    metrics.answered("ShowBackup", "200", 0.25)
    metrics.answered("ShowBackup", "404", 0.5)
    metrics.answered("DeleteBackup", "ReadTimeout", 10.0)
    metrics.decided("deleted")
    metrics.waits("deleting")
    metrics.deleted_after(81.5)
    metrics.delivered_after(90.0)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("reaper")


def test_a_count_is_exactly_this_line(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    metrics.decided("deleted")
    metrics.deleted_after(81.5)
    metrics.flush()
    assert re.sub(r'"Timestamp":\d{13}', '"Timestamp":0', capsys.readouterr().out) == (
        '{"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"VbsReaper","Dimensions":[["Stack","Outcome"]],'
        '"Metrics":[{"Name":"Outcomes","Unit":"Count"}]}]},"Stack":"reaper","Outcome":"deleted","Outcomes":[1.0]}\n'
        '{"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"VbsReaper","Dimensions":[["Stack"]],'
        '"Metrics":[{"Name":"TimeToDeletion","Unit":"Seconds"}]}]},"Stack":"reaper","TimeToDeletion":[81.5]}\n'
    )


DOCUMENTED = {
    *("200", "201", "202", "204", "400", "401", "402", "403", "404", "405", "406", "407", "408", "409", "410"),
    *("413", "414", "415", "421", "429", "431", "494", "500", "501", "502", "503", "504"),
}
NO_ANSWER = {"ConnectTimeout", "ReadTimeout", "ConnectionError", "TlsError"}


def test_only_documented_status_codes_are_dimensions(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    for status in range(100, 1000):
        metrics.answered("DeleteBackup", str(status), 0.1)
    for name in NO_ANSWER:
        metrics.answered("DeleteBackup", name, 0.1)
    counts = {line["StatusCode"]: line["Responses"] for line in flushed(metrics, capsys) if "StatusCode" in line}
    others = {f"{digit}xx-other" for digit in range(1, 6)}
    assert counts.keys() == DOCUMENTED | NO_ANSWER | others
    assert {code: count for code, count in counts.items() if code in others} == {
        "1xx-other": [100.0],
        "2xx-other": [96.0],
        "3xx-other": [100.0],
        "4xx-other": [82.0],
        "5xx-other": [495.0],
    }
    assert all(counts[code] == [1.0] for code in DOCUMENTED | NO_ANSWER)


def test_the_figures_of_a_run_are_one_line_by_policy_and_add_up(
    metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.planned("nightly", 100, 60, 40)
    metrics.requested("nightly", 38)
    metrics.requested("nightly", 2)
    metrics.purge_refused("weekly")
    nightly, weekly = flushed(metrics, capsys)
    assert {name: nightly[name] for name in nightly if name != "_aws"} == {
        "Stack": "reaper",
        "Policy": "nightly",
        "BackupsListed": [100.0],
        "BackupsKept": [60.0],
        "BackupsSelected": [40.0],
        "DeletionsRequested": [40.0],
    }
    assert (weekly["Policy"], weekly["PurgesRefused"]) == ("weekly", [1.0])


def test_a_scheduled_check_without_faults_records_zeros(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    metrics.scheduled_check(stack_faults=0, unhealthy_targets=0)
    metrics.deleter_is(enabled=False)
    (document,) = flushed(metrics, capsys)
    assert {name: document[name] for name in document if name != "_aws"} == {
        "Stack": "reaper",
        "ScheduledChecks": [1.0],
        "StackFaults": [0.0],
        "TargetFaults": [0.0],
        "DeleterEnabled": [0.0],
    }


def test_the_timestamp_is_now_in_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    before_ms = time.time_ns() // 1_000_000
    metrics = Metrics("reaper")
    metrics.decided("deleted")
    (document,) = flushed(metrics, capsys)
    assert before_ms <= document["_aws"]["Timestamp"] <= time.time_ns() // 1_000_000


def test_every_metric_has_exactly_the_documented_dimensions(
    metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    everything(metrics)
    dimensions: Document = {}
    for document in flushed(metrics, capsys):
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        names = {metric["Name"] for metric in directive["Metrics"]}
        assert set(document) == {"_aws", *names, *sum(directive["Dimensions"], [])}
        dimensions |= dict.fromkeys(names, directive["Dimensions"])
    assert dimensions == {
        "Responses": [["Stack", "Operation", "StatusCode"]],
        "ResponseTime": [["Stack", "Operation"]],
        "Outcomes": [["Stack", "Outcome"]],
        "Waits": [["Stack", "Reason"]],
        "TimeToDeletion": [["Stack"]],
        "OldestRequestAge": [["Stack"]],
    }


def test_a_service_named_in_the_environment_adds_no_dimension(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "vbs-reaper")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Other")
    metrics = Metrics("reaper")
    everything(metrics)
    documents = flushed(metrics, capsys)
    assert not any("service" in document for document in documents)
    assert {document["_aws"]["CloudWatchMetrics"][0]["Namespace"] for document in documents} == {"VbsReaper"}


def test_metrics_that_are_disabled_in_the_environment_are_dropped(
    metrics: Metrics, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    everything(metrics)
    assert flushed(metrics, capsys) == []
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    assert flushed(metrics, capsys) == []
    metrics.decided("deleted")
    assert len(flushed(metrics, capsys)) == 1


def test_there_is_one_document_per_set_of_dimensions(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(25):
        metrics.answered("DeleteBackup", "202", 0.1)
    metrics.answered("DeleteBackup", "503", 0.1)
    responses = [
        (document["StatusCode"], document["Responses"])
        for document in flushed(metrics, capsys)
        if "Responses" in document
    ]
    assert responses == [("202", [25.0]), ("503", [1.0])]


@pytest.mark.parametrize(
    ("samples", "lengths"), [(1, [1]), (99, [99]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_a_document_never_holds_more_than_a_hundred_values(
    metrics: Metrics, capsys: pytest.CaptureFixture[str], samples: int, lengths: list[int]
) -> None:
    for number in range(samples):
        metrics.deleted_after(number)
    values = [document["TimeToDeletion"] for document in flushed(metrics, capsys)]
    assert [len(each) for each in values] == lengths
    assert sum(values, []) == list(range(samples))


def test_only_the_oldest_age_is_recorded(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    for age in (5.0, 86_400.0, 60.0):
        metrics.delivered_after(age)
    (document,) = flushed(metrics, capsys)
    assert document["OldestRequestAge"] == [86_400.0]


def test_response_times_are_milliseconds(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    metrics.answered("ShowBackup", "200", 0.25)
    (document,) = (document for document in flushed(metrics, capsys) if "ResponseTime" in document)
    assert document["ResponseTime"] == [250.0]
    assert document["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "ResponseTime", "Unit": "Milliseconds"}]


def test_a_second_flush_writes_nothing_again(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    everything(metrics)
    assert flushed(metrics, capsys)
    assert flushed(metrics, capsys) == []


def test_counts_of_many_threads_are_all_recorded(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:

    def count(_: int) -> None:
        for _ in range(500):
            metrics.decided("deleted")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(8)))
    (document,) = flushed(metrics, capsys)
    assert document["Outcomes"] == [4000.0]
