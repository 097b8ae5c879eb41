"""The table of `make run` fits a terminal of 80 columns and 24 lines, with any content."""

from io import StringIO

from rich.console import Console

from tests.support.local.function_log import Sample
from tests.support.local.report import LINES_OF_A_TABLE, Snapshot, table
from tests.support.local.scenario import make_scenario
from tests.support.local.stack import Depth
from vbs_reaper.reasons import Reason

CODES = [*map(str, range(400, 430)), "ChunkedEncodingError", "ConnectTimeout"]


def sample(name: str, value: float = 1234, **dimensions: str) -> Sample:
    return Sample(namespace="VbsReaper", name=name, value=value, dimensions=dimensions)


def test_a_full_snapshot_fits_80_by_24() -> None:
    operations = ("ShowBackup", "DeleteBackup", "ListBackups", "ListTasks", "Authenticate")
    metrics = [sample("Responses", Operation=one, StatusCode=code) for one in operations for code in CODES]
    metrics += [sample("Waits", Reason=reason.value) for reason in Reason]
    metrics += [sample("Outcomes", Outcome=one) for one in ("asked", "deleted", "already_gone", "waiting", "halted")]
    moment = Snapshot(
        elapsed_s=123.4,
        trouble="fault: responses are lost after the work is done",
        sent=200,
        depth=Depth(visible=123, hidden=123, delayed=123),
        dead_letters=123,
        metrics=metrics,
    )
    console = Console(width=80, height=24, file=StringIO())
    console.print(table(moment, console.height - LINES_OF_A_TABLE))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert text.endswith("dead letters 123")
    assert "outcomes by delivery: already_gone 1234" in text
    assert "…" not in text


def test_the_numbers_in_the_documents_are_those_of_every_scenario() -> None:
    for seed in (1, 2):
        scenario = make_scenario(seed)
        assert (len(scenario.stored), len(scenario.requests), len(scenario.to_delete)) == (200, 200, 130)
