"""The log lines and metrics of the purger."""

import json
from typing import Any

import pytest

from tests.support.log_lines import LogLines
from tests.unit.purge.purge_world import World
from tests.unit.purge.strategies import nightly
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.purge_report import PurgeReport
from vbs_reaper.logs import logger
from vbs_reaper.purge.run_result import PurgeResult


def result(world: World) -> PurgeResult:
    return world.report.ends[-1]


def test_a_completed_run_is_one_line_with_its_data_in_fields(log_lines: LogLines) -> None:
    world = World(nightly(5))
    answer = world.run()
    PurgeReport(Metrics("reaper"), logger).ended(result(world))
    line = log_lines.only()
    assert (line["level"], line["message"]) == ("INFO", "purge completed")
    assert (line["policy"], line["requested"], line["plan"]) == ("nightly", 3, answer["plan"])


def test_a_refusal_is_a_warning_and_counts(log_lines: LogLines, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(nightly(5))
    world.run(guards={"max_deletions": 1})
    metrics = Metrics("reaper")
    PurgeReport(metrics, logger).ended(result(world))
    metrics.flush()
    line = log_lines.only()
    assert (line["level"], line["message"], line["reason"]) == ("WARNING", "purge refused", "guard_exceeded")
    assert json.loads(capsys.readouterr().out)["PurgesRefused"] == [1.0]


@pytest.mark.parametrize(
    ("ends", "policy", "requested"),
    [
        (["refused"], {"guards": {"max_deletions": 1}}, None),
        (["completed", "already_sent"], {}, None),
        (["completed"], {"grace": "7d"}, 0),
    ],
)
def test_the_number_of_requests_is_logged_if_any_could_be_sent(
    log_lines: LogLines, ends: list[str], policy: dict[str, Any], requested: int | None
) -> None:
    world = World(nightly(5))
    for _ in ends:
        world.run(**policy)
    assert [end.outcome for end in world.report.ends] == ends
    PurgeReport(Metrics("reaper"), logger).ended(result(world))
    assert log_lines.only().get("requested") == requested


def test_a_plan_is_counted_in_its_halves(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(nightly(5))
    world.preview()
    metrics = Metrics("reaper")
    PurgeReport(metrics, logger).planned(world.report.plans[-1])
    metrics.flush()
    counted = json.loads(capsys.readouterr().out)
    assert [counted[name] for name in ("BackupsListed", "BackupsKept", "BackupsSelected")] == [[5.0], [2.0], [3.0]]


def test_an_unreadable_last_plan_is_logged_in_printable_text(log_lines: LogLines) -> None:
    PurgeReport(Metrics("reaper"), logger).unreadable("nightly", "no plan\n\x1b[31m")
    assert log_lines.only()["detail"].isprintable()
