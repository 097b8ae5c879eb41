"""The examples to copy are valid. `tests/e2e/test_bus.py` deploys them to the local stack."""

import json
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tests.infrastructure.rendered import Rendered
from tests.infrastructure.schemas.files import FOLDER as SCHEMAS
from tests.infrastructure.schemas.messages import EVENTS
from tests.infrastructure.translate import ROOT
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import REQUESTED, SOURCE

EXAMPLES = ROOT / "events" / "examples"


def example(name: str) -> Any:  # noqa: ANN401  # JSON is any value
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def cloudevents() -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse((EXAMPLES / "results_as_cloudevents.yaml").read_text(encoding="utf-8"))
    resources: dict[str, Any] = document["Resources"]
    return resources


def test_the_linter_finds_nothing_in_the_templates_to_copy() -> None:
    templates = map(str, EXAMPLES.glob("*.yaml"))
    command = [str(Path(sys.executable).with_name("cfn-lint")), *templates]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not finished.returncode, finished.stdout


def test_the_event_to_put_is_a_request_on_the_bus_of_the_stack() -> None:
    (entry,) = example("put_events.json")
    assert entry["DetailType"] == REQUESTED
    assert isinstance(open_envelope(entry["Detail"], datetime.now(UTC)), DeleteRequest)
    name = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["global"]["parameters"]["stack_name"]
    bus = Rendered({"AWS::StackName": name}).every("Events::EventBus")["EventBus"]
    assert entry["EventBusName"] == bus["Name"]


def test_the_pattern_names_existing_events() -> None:
    pattern = example("needs_a_person.json")
    assert pattern["source"] == [SOURCE]
    assert {*pattern["detail-type"]} <= {event.detail_type for event in EVENTS}


def test_the_cloudevent_uses_only_fields_that_every_result_has() -> None:
    (target,) = cloudevents()["ResultsAsCloudEvents"]["Properties"]["Targets"]
    transformer = target["InputTransformer"]
    assert {*re.findall("<([^>]+)>", transformer["InputTemplate"])} == transformer["InputPathsMap"].keys()
    for event in EVENTS:
        if event.source == SOURCE:
            schema = json.loads((SCHEMAS / event.file_name).read_text(encoding="utf-8"))
            for path in transformer["InputPathsMap"].values():
                assert is_always_there(schema, path.removeprefix("$.").split("."))


def test_the_rule_for_cloudevents_has_dead_letters_and_an_explicit_retry_policy() -> None:
    (target,) = cloudevents()["ResultsAsCloudEvents"]["Properties"]["Targets"]
    assert target["DeadLetterConfig"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}


def is_always_there(schema: dict[str, Any], path: list[str]) -> bool:
    """Return whether a schema requires the field at a path."""
    node = schema
    for name in path:
        if name not in node["required"]:
            return False
        node = node["properties"][name]
        node = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return True
