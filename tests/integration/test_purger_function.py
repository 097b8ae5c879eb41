"""The handler of the purger with every file of events/, with moto and a simulated cloud over HTTP."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest

from functions.purger import app
from tests.conftest import ROOT, Event
from tests.integration.event_recorder import EventRecorder
from tests.support.doubles import FakeLambdaContext
from tests.support.log_lines import LogLines
from tests.support.poller import Invoke, Poller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.template_resources import TemplateResources
from vbs_reaper.deletion.request import read_request
from vbs_reaper.errors import RunUnfinished, SettingsError
from vbs_reaper.purge.plan_file import read_plan

VOLUME = "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31"
GUARDS = {"max_fraction": 1}


@pytest.fixture
def purge(
    resources: TemplateResources, cloud: Cloud, lambda_context: FakeLambdaContext, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Invoke]:
    """The handler of the purger in a new environment."""
    for name, value in resources.purger_environment.items():
        monkeypatch.setenv(name, value)
    for target in ("default", "otc-prod"):
        boto3.client("secretsmanager").create_secret(
            Name=f"{resources.secret_prefix}/{target}", SecretString=json.dumps(cloud.target_secret())
        )
    app.purger.cache_clear()
    yield lambda event: app.lambda_handler(event, cast("Any", lambda_context))
    app.purger.cache_clear()


@pytest.fixture
def nights(cloud: Cloud) -> list[str]:
    """Sixty nightly backups of one volume, newest first."""
    now = datetime.now(UTC)
    return [
        cloud.add_backup(volume_id=VOLUME, name=f"daily-{age}", created_at=now - timedelta(days=age, hours=1))
        for age in range(60)
    ]


def requests_in(delete_queue: Poller) -> list[dict[str, Any]]:
    found = []
    while records := delete_queue.receive()["Records"]:
        found += [json.loads(record["body"]) for record in records]
    return found


def changed(event: Event, **policy: object) -> Event:
    return event | {"run": event["run"] | policy}


def stored(resources: TemplateResources, key: str) -> bytes:
    answer = boto3.client("s3").get_object(Bucket=resources.plans_bucket, Key=key)
    with answer["Body"] as body:
        return body.read()


def test_every_file_of_events_is_tested_here() -> None:
    assert {path.stem for path in (ROOT / "events" / "purger").glob("*.json")} == {"preview", "purge", "approve"}


def test_a_preview_only_lists_and_stores_a_plan_with_its_picture(
    purge: Invoke, event: Callable[[str], Event], nights: list[str], cloud: Cloud, delete_queue: Poller,
    recorder: EventRecorder, resources: TemplateResources,
) -> None:  # fmt: skip
    answer = json.loads(json.dumps(purge(event("purger/preview"))))
    assert answer["outcome"] == "planned"
    assert answer["totals"]["backups"] == 60
    assert {call.method for call in cloud.journal.calls if call.operation is not Operation.LOGIN} == {"GET"}
    assert requests_in(delete_queue) == []
    plan = read_plan(stored(resources, answer["document"]))
    assert plan.sha256 == answer["plan"]
    assert plan.totals.due == answer["totals"]["due"] > 0
    assert stored(resources, answer["picture"]).startswith(b"<!doctype html>")
    assert [each["detail-type"] for each in recorder.events()] == ["VBS Purge Planned"]


def test_a_purge_requests_what_is_due_and_a_repeated_run_requests_nothing(
    purge: Invoke, event: Callable[[str], Event], nights: list[str], delete_queue: Poller,
    recorder: EventRecorder, resources: TemplateResources, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    asked = changed(event("purger/purge"), guards=GUARDS) | {"scheduled_time": "2026-11-26T03:00:00Z"}
    answer = purge(asked)
    assert answer["outcome"] == "completed"
    requests = requests_in(delete_queue)
    plan = read_plan(stored(resources, answer["document"]))
    assert [request["backup_id"] for request in requests] == [row.id for row in plan.due]
    assert answer["requested"] == len(requests) > 0
    for request in requests:
        read_request(request, datetime.now(UTC))
    again = purge(asked)
    assert (again["outcome"], requests_in(delete_queue)) == ("already_sent", [])
    assert [each["detail-type"] for each in recorder.events()] == ["VBS Purge Planned", "VBS Purge Completed"]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counted = {name: value for each in metrics if each.get("Policy") == "nightly" for name, value in each.items()}
    assert counted["BackupsListed"] == [60.0]
    assert counted["DeletionsRequested"] == [float(len(requests))]
    assert counted["BackupsKept"][0] + counted["BackupsSelected"][0] == 60


def test_a_guard_refuses_and_the_approval_of_that_plan_sends_it(
    purge: Invoke,
    event: Callable[[str], Event],
    nights: list[str],
    delete_queue: Poller,
    recorder: EventRecorder,
    log_lines: LogLines,
) -> None:
    refused = purge(changed(event("purger/purge"), guards={"max_deletions": 1}))
    assert (refused["outcome"], refused["reason"]) == ("refused", "guard_exceeded")
    assert requests_in(delete_queue) == []
    assert "purge refused" in [line["message"] for line in log_lines.all()]
    approval = event("purger/approve")
    assert purge(approval)["reason"] == "plan_unknown"
    approval["approve"]["plan"] = refused["plan"]
    assert purge(approval)["requested"] == refused["totals"]["due"] == len(requests_in(delete_queue))
    assert purge(approval)["outcome"] == "already_sent"
    assert [each["detail-type"] for each in recorder.events()] == [
        "VBS Purge Planned",
        "VBS Purge Refused",
        "VBS Purge Refused",
        "VBS Purge Completed",
    ]


def fail_the_second_page(cloud: Cloud, _: TemplateResources) -> None:
    cloud.change_settings(page_limit=20)
    cloud.inject(Fault(operation=Operation.LIST, skip=1, status=503, times=None))


def set_the_clock_back(cloud: Cloud, _: TemplateResources) -> None:
    cloud.change_settings(date_offset_seconds=-600.0)


def remove_the_bucket(_: Cloud, resources: TemplateResources) -> None:
    boto3.client("s3").delete_bucket(Bucket=resources.plans_bucket)


@pytest.mark.parametrize(
    ("break_run", "reason", "says"),
    [
        (fail_the_second_page, "listing_incomplete", "503"),
        (set_the_clock_back, "clock_doubt", "clock"),
        (remove_the_bucket, "plans_unusable", "NoSuchBucket"),
    ],
)
def test_an_unreliable_run_is_refused_before_anything_is_stored_or_sent(
    purge: Invoke, event: Callable[[str], Event], nights: list[str], cloud: Cloud, delete_queue: Poller,
    recorder: EventRecorder, resources: TemplateResources,
    break_run: Callable[[Cloud, TemplateResources], None], reason: str, says: str,
) -> None:  # fmt: skip
    break_run(cloud, resources)
    answer = purge(changed(event("purger/purge"), guards=GUARDS))
    assert (answer["outcome"], answer["reason"]) == ("refused", reason)
    assert says in answer["message"]
    assert requests_in(delete_queue) == []
    assert [each["detail-type"] for each in recorder.events()] == ["VBS Purge Refused"]
    if break_run is not remove_the_bucket:
        assert boto3.client("s3").list_objects_v2(Bucket=resources.plans_bucket, Prefix="plans/")["KeyCount"] == 0


def test_a_missing_bus_fails_the_run_before_anything_is_sent_and_a_repeated_run_sends_all(
    purge: Invoke, event: Callable[[str], Event], nights: list[str], delete_queue: Poller, resources: TemplateResources,
    log_lines: LogLines,
) -> None:  # fmt: skip
    boto3.client("events").delete_event_bus(Name=resources.bus_name)
    run = changed(event("purger/purge"), guards=GUARDS)
    with pytest.raises(RunUnfinished, match="could not be published") as unfinished:
        purge(run)
    (line,) = (line for line in log_lines.all() if line["message"] == "purge unfinished")
    assert (line["level"], line["detail"]) == ("ERROR", str(unfinished.value))
    assert requests_in(delete_queue) == []
    boto3.client("events").create_event_bus(Name=resources.bus_name)
    answer = purge(run)
    assert answer["outcome"] == "completed"
    assert len(requests_in(delete_queue)) == answer["requested"] > 0


def test_an_incomplete_environment_fails_the_invocation_by_name(
    purge: Invoke, event: Callable[[str], Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANS_BUCKET", "")
    with pytest.raises(SettingsError, match="PLANS_BUCKET is empty"):
        purge(event("purger/preview"))
