"""Names that users, dashboards and programs depend on. Removing or renaming one is a breaking change."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from samtranslator.yaml_helper import yaml_parse

from tests.infrastructure.emitted import emitted
from tests.infrastructure.translate import TEMPLATE
from vbs_reaper.aws.login_store import PREFIX as LOGINS
from vbs_reaper.aws.metrics import NAMESPACE, Metrics
from vbs_reaper.backups.holds import HOLDS, HoldKind, name_of_hold
from vbs_reaper.cli.log_record import CallLogRecord, LogRecord
from vbs_reaper.cli.main import parser
from vbs_reaper.clouds.login.slots import Slot
from vbs_reaper.deletion.request_json import BulkDeleteRequestJson, DeleteRequestJson, ExpectationJson
from vbs_reaper.deletion.result import DETAIL_TYPES, REQUESTED, SOURCE, Outcome
from vbs_reaper.purge.plan_json import StoredBackup, StoredPlan
from vbs_reaper.purge.ports import SentMark
from vbs_reaper.purge.run_result import PURGE_DETAIL_TYPES, PurgeOutcome, key_of
from vbs_reaper.reasons import Reason

NAMES = Path(__file__).with_name("public_names.json")
SCHEMAS = Path("events/schemas")
END = datetime(2027, 1, 1, tzinfo=UTC)
HELD = {HoldKind.BACKUP: "ID", HoldKind.VOLUME: "ID", HoldKind.RUN: "POLICY/RUN"}


def test_public_names_are_as_released() -> None:
    assert public_names() == json.loads(NAMES.read_text())


def public_names() -> dict[str, Any]:
    template = yaml_parse(TEMPLATE.read_text())
    return {
        "reason codes": sorted(reason.value for reason in Reason),
        "outcomes": sorted(outcome.value for outcome in Outcome),
        "purge outcomes": sorted(outcome.value for outcome in PurgeOutcome),
        "event source": SOURCE,
        "detail-types": sorted([REQUESTED, *DETAIL_TYPES.values(), *PURGE_DETAIL_TYPES.values()]),
        "request fields": fields(DeleteRequestJson, BulkDeleteRequestJson, ExpectationJson),
        "event fields": {
            path.stem: properties(json.loads(path.read_text())) for path in sorted(SCHEMAS.glob("*.json"))
        },
        "plan keys": fields(StoredPlan, StoredBackup),
        "S3 keys": [
            *(key_of("POLICY", "RUN", ending) for ending in ("json", "html", *sorted(mark.value for mark in SentMark))),
            *(f"{LOGINS}IDENTITY/{slot}" for slot in Slot),
            *(f"{HOLDS}{name_of_hold(kind, of, END, 8 * '0')}" for kind, of in HELD.items()),
            f"{HOLDS}{name_of_hold(HoldKind.VOLUME, 'ID', None, 8 * '0')}",
        ],
        "log fields": fields(LogRecord, CallLogRecord),
        "metrics": metrics(),
        **{f"template {part.lower()}": sorted(template[part]) for part in ("Parameters", "Outputs", "Resources")},
        "commands": dict(commands(parser(), "vbs-reaper")),
    }


def fields(*structs: type[msgspec.Struct]) -> list[str]:
    return sorted({name for struct in structs for name in struct.__struct_encode_fields__} - {"written_at"})


def properties(schema: Any) -> list[str]:  # noqa: ANN401  # JSON is any value
    return sorted(set(_properties(schema)))


def _properties(node: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        for each in node.values():
            yield from _properties(each)
    elif isinstance(node, list):
        for each in node:
            yield from _properties(each)


def commands(command: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, list[str]]]:
    options: list[str] = []
    for action in command._actions:  # argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield from commands(sub, f"{path} {name}")
        else:
            options += action.option_strings or [action.dest]
    yield path, sorted(options)


def metrics() -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for sample in emitted(count_everything):
        assert sample.namespace == NAMESPACE == "VbsReaper"
        found.setdefault(sample.name, set()).update(sample.dimensions)
    return {name: sorted(dimensions) for name, dimensions in sorted(found.items())}


def count_everything(counter: Metrics) -> None:
    counter.answered("ShowBackup", "200", 0.1)
    counter.decided("deleted")
    counter.waits("halted")
    counter.refused("held")
    counter.purge_repeated()
    counter.deleted_after(1)
    counter.delivered_after(1)
    counter.target_is("t", healthy=True)
    counter.planned("p", 1, 1, 1)
    counter.requested("p", 1)
    counter.purge_refused("p")
    counter.scheduled_runs("p", 1)
    counter.scheduled_check(1, 1)
    counter.deleter_is(enabled=True)
    counter.stack_fault()
    counter.target_fault()
