"""The handler of the checker: its reports, its metrics in the log, and its events."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, cast

import boto3
import pytest

from functions.checker import app
from tests.benchmarks.money import CHECK_METRICS
from tests.conftest import Event
from tests.infrastructure.schemas.validator import validation_errors
from tests.integration.event_recorder import EventRecorder
from tests.support.doubles import FakeLambdaContext
from tests.support.local.function_log import Sample, samples
from tests.support.log_lines import LogLines
from tests.support.poller import Invoke
from tests.support.simulator.cloud import Cloud
from tests.support.template_resources import ACCOUNT, REGION, TemplateResources
from vbs_reaper.checking.target_check import TargetCheck, TargetReport
from vbs_reaper.clock import TimeLeft
from vbs_reaper.errors import InvalidCheck

NAMES = (
    "DELETE_QUEUE_URL",
    "DEAD_LETTER_QUEUE_URL",
    "EVENT_BUS_NAME",
    "SECRET_PREFIX",
    "DEFAULT_TARGET",
    "PLANS_BUCKET",
)
CANARY = "canary-text-51c0ffee"


@pytest.fixture
def mapping(resources: TemplateResources) -> str:
    """The event source mapping of a dummy deleter."""
    functions, code = boto3.client("lambda"), io.BytesIO()
    zipfile.ZipFile(code, "w").close()
    role = boto3.client("iam").create_role(RoleName="deleter", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions.create_function(
        FunctionName="deleter",
        Runtime="python3.13",
        Role=role,
        Handler="app.lambda_handler",
        Code={"ZipFile": code.getvalue()},
    )
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{resources.delete_queue_url.rpartition('/')[2]}"
    return functions.create_event_source_mapping(EventSourceArn=queue, FunctionName="deleter")["UUID"]


@pytest.fixture
def checker(
    resources: TemplateResources,
    cloud: Cloud,
    lambda_context: FakeLambdaContext,
    monkeypatch: pytest.MonkeyPatch,
    recorder: EventRecorder,
    mapping: str,
) -> Iterator[Invoke]:
    """The handler in a new environment. The user of target `otc-prod` is an administrator."""
    for name in NAMES:
        monkeypatch.setenv(name, resources.deleter_environment[name])
    monkeypatch.setenv("DELETE_REQUESTS_MAPPING_ID", mapping)
    monkeypatch.setenv("SCHEDULED_POLICY", "nightly")
    for target, user in (("default", "member"), ("otc-prod", "admin")):
        boto3.client("secretsmanager").create_secret(
            Name=f"{resources.secret_prefix}/{target}", SecretString=json.dumps(cloud.target_secret(user))
        )
    app.checker.cache_clear()
    yield lambda event: app.lambda_handler(event, cast("Any", lambda_context))
    app.checker.cache_clear()


def healthy(answer: dict[str, Any]) -> dict[str, bool]:
    return {report["target"]: report["healthy"] for report in answer["targets"]}


def test_the_targets_of_the_event_are_checked_and_an_unhealthy_one_is_published(
    checker: Invoke, event: Callable[[str], Event], recorder: EventRecorder, cloud: Cloud, log_lines: LogLines
) -> None:
    answer = checker(event("checker/check"))
    assert healthy(answer) == {"default": True, "otc-prod": False}
    assert answer["own_side"] == {"healthy": True, "faults": [], "deleter": "Enabled"}
    assert answer["published"] is True
    (published,) = recorder.events()
    assert published["detail-type"] == "VBS Target Unhealthy"
    assert (published["detail"]["target"], published["detail"]["reason"]) == ("otc-prod", "administrator_refused")
    assert (
        validation_errors("vbs_target_unhealthy.json", {"version": "0", "account": "1", "region": "x"} | published)
        == []
    )
    for user in ("member", "admin"):
        assert cloud.target_secret(user)["auth"]["password"] not in json.dumps(answer) + log_lines.text()


@pytest.mark.parametrize("event", [{}, {"targets": ["default", "default"]}])
def test_a_target_is_checked_once_and_without_names_it_is_the_default_one(
    checker: Invoke, cloud: Cloud, event: Event
) -> None:
    assert healthy(checker(event)) == {"default": True}
    assert len(cloud.journal.logins) == 1


@pytest.mark.parametrize("wrong", [{"target": "default"}, {"targets": "default"}, {"targets": ["Default"]}, []])
def test_an_event_that_is_not_a_check_is_refused(checker: Invoke, wrong: Any) -> None:  # noqa: ANN401  # any JSON
    with pytest.raises(InvalidCheck, match="the event is not a check"):
        checker(wrong)


def test_a_check_that_raises_does_not_prevent_other_reports(
    checker: Invoke, recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    check = TargetCheck.check

    def failing(self: TargetCheck, target: str, time_left: TimeLeft) -> TargetReport:
        if target == "otc-prod":
            raise LookupError(CANARY)
        return check(self, target, time_left)

    monkeypatch.setattr(TargetCheck, "check", failing)
    answer = checker({"targets": ["otc-prod", "default"]})
    assert healthy(answer) == {"otc-prod": False, "default": True}
    failed = answer["targets"][0]
    assert (failed["reason"], failed["action"]) == ("internal_error", "Read the log and report the fault.")
    assert failed["message"] == 'target "otc-prod": its check failed with LookupError'
    (published,) = recorder.events()
    assert published["detail"]["message"] == failed["message"]
    assert (
        validation_errors("vbs_target_unhealthy.json", {"version": "0", "account": "1", "region": "x"} | published)
        == []
    )
    (line,) = [line for line in log_lines.all() if line["message"] == "check failed"]
    assert (line["target"], line["error"]) == ("otc-prod", "LookupError")
    assert line["where"][-1].startswith("test_checker_function.py:")
    assert CANARY not in log_lines.text() + json.dumps([answer, published])


SCHEDULED = {"scheduled_time": "2026-11-24T03:00:00Z"}


@pytest.mark.parametrize(
    ("more", "metrics"),
    [
        (SCHEDULED, {"ScheduledChecks": 1.0, "StackFaults": 0.0, "TargetFaults": 1.0, "DeleterEnabled": 1.0,
                     "ScheduledRuns": 0.0}),
        ({}, {"DeleterEnabled": 1.0}),
    ],
    ids=["by schedule", "by hand"],
)  # fmt: skip
def test_a_check_records_only_what_it_has_checked(
    checker: Invoke, event: Callable[[str], Event], capsys: pytest.CaptureFixture[str],
    more: Event, metrics: dict[str, float],
) -> None:  # fmt: skip
    checker(event("checker/check") | more)
    found = recorded(capsys)
    assert {each.name: each.value for each in found if each.dimensions.keys() <= {"Stack", "Policy"}} == metrics
    health = {each.dimensions["Target"]: each.value for each in found if each.name == "TargetHealthy"}
    assert health == {"default": 1.0, "otc-prod": 0.0}


def test_a_check_writes_the_number_of_metrics_in_the_cost_table(
    checker: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    checker(SCHEDULED)
    assert len({(each.name, *each.dimensions.values()) for each in recorded(capsys)}) == CHECK_METRICS


def recorded(capsys: pytest.CaptureFixture[str]) -> list[Sample]:
    return list(samples(json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line))


def test_a_pause_is_reported_and_a_missing_mapping_is_a_fault(
    checker: Invoke, mapping: str, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    assert checker(SCHEDULED)["own_side"] == {"healthy": True, "faults": [], "deleter": "Disabled"}
    boto3.client("lambda").delete_event_source_mapping(UUID=mapping)
    assert checker(SCHEDULED)["own_side"]["faults"] == [
        "the event source mapping of the deleter does not exist; deploy the stack again"
    ]
    found = [(each.name, each.value) for each in recorded(capsys) if each.name in {"DeleterEnabled", "StackFaults"}]
    assert ("DeleterEnabled", 0.0) in found
    assert [value for name, value in found if name == "StackFaults"] == [0.0, 1.0]


def test_a_missing_queue_or_bus_is_named(checker: Invoke, resources: TemplateResources, log_lines: LogLines) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=resources.delete_queue_url)
    boto3.client("events").delete_event_bus(Name=resources.bus_name)
    answer = checker({"targets": ["otc-prod"]})
    assert answer["published"] is False
    own_side = answer["own_side"]
    assert own_side["healthy"] is False
    assert own_side["faults"] == [
        "the delete queue does not exist; deploy the stack again",
        "the event bus does not exist; deploy the stack again",
    ]
    logged = [line["detail"] for line in log_lines.all() if line["message"] == "own side incomplete"]
    assert logged == own_side["faults"]
