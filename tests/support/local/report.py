"""The output of `make run`: a live table, then the verdict."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tests.support.local.function_log import Sample, total
from tests.support.local.judge import Verdict
from tests.support.local.stack import Depth

if TYPE_CHECKING:
    from tests.support.local.purge_act import PurgeVerdict

OPERATIONS = {
    "ShowBackup": "GET",
    "DeleteBackup": "DELETE",
    "ListBackups": "list",
    "ListTasks": "tasks",
    "Authenticate": "login",
}
"""The operations of the metric `Responses`, and their column titles."""
LINES_OF_A_TABLE = 12
"""Lines besides the rows of the tables if texts wrap, plus the lines that a terminal needs."""
WIDTH = 100
PLAIN_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of a run at one moment."""

    elapsed_s: float
    trouble: str
    sent: int
    depth: Depth
    dead_letters: int
    metrics: Sequence[Sample]


class Report:
    """Shows snapshots: as a table that is redrawn on a terminal, otherwise as a line every PLAIN_EVERY_S."""

    def __init__(self, console: Console) -> None:
        """`console` determines whether it is a terminal, and colors."""
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if is_live(console) else None
        self._printed_at = -PLAIN_EVERY_S
        self._trouble = ""
        self._last: Snapshot | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, sentence: str) -> None:
        """Print one line."""
        self._console.print(Text(sentence))

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot."""
        self._last = snapshot
        if self._live:
            self._live.update(table(snapshot, max(3, self._console.height - LINES_OF_A_TABLE)), refresh=True)
        elif snapshot.trouble != self._trouble or time.monotonic() - self._printed_at >= PLAIN_EVERY_S:
            self._printed_at, self._trouble = time.monotonic(), snapshot.trouble
            self._console.print(Text(line(snapshot)), soft_wrap=True)

    def conclude(self, verdict: Verdict) -> None:
        """Print the last snapshot, unless its table is on the screen, and the verdict."""
        if self._live:
            self._live.stop()
        elif self._last:
            self._console.print(table(self._last))
        self._console.print(verdict_panel(verdict))

    def conclude_purge(self, verdict: "PurgeVerdict") -> None:
        """Print the verdict on the purge."""
        self._console.print(purge_panel(verdict))


def is_live(console: Console) -> bool:
    """Whether a table can be redrawn on this console."""
    return console.is_terminal and not console.no_color


def line(moment: Snapshot) -> str:
    """Return a snapshot as one line of text."""
    outcomes = ", ".join(f"{name} {count:g}" for name, count in sorted(_outcomes(moment.metrics).items()))
    return (
        f"{moment.elapsed_s:5.1f} s  {moment.trouble}: {moment.sent} sent, {moment.depth.total} in the queue, "
        f"{moment.dead_letters} dead letters; {outcomes or 'no outcomes yet'}"
    )


def table(moment: Snapshot, most_rows: int | None = None) -> RenderableType:
    """Return a snapshot: the responses of the cloud, why requests wait, and their outcomes. It fits 80 columns.

    With `most_rows`, each table has at most that many rows, so that the whole fits a terminal.
    """
    answers = Table(title="responses of the cloud", title_justify="left", box=None, padding=(0, 1), header_style="dim")
    answers.min_width = len("responses of the cloud") + 2
    answers.add_column("status", no_wrap=True, max_width=20)
    operations = [name for name in OPERATIONS if any(s.dimensions.get("Operation") == name for s in moment.metrics)]
    for operation in operations:
        answers.add_column(OPERATIONS[operation], justify="right")
    codes = sorted({s.dimensions["StatusCode"] for s in moment.metrics if s.name == "Responses"})
    rows = [
        (code, [total(moment.metrics, "Responses", Operation=name, StatusCode=code) for name in operations])
        for code in codes
    ]
    for code, counts in rows[:most_rows]:
        answers.add_row(_coloured(code), *(f"{count:g}" if count else "" for count in counts))
    waits = Table(title="waits by reason", title_justify="left", box=None, padding=(0, 1), show_header=False)
    reasons = sorted(_by(moment.metrics, "Waits", "Reason").items(), key=lambda item: -item[1])
    for name, count in reasons[:most_rows]:
        waits.add_row(name, Text(f"{count:g}", justify="right"))
    depth = moment.depth
    queue = {
        "waiting": depth.visible,
        "backing off": depth.hidden,
        "delayed": depth.delayed,
        "dead letters": moment.dead_letters,
    }
    heading = Text(f"After {moment.elapsed_s:.1f} s: {moment.sent} requests sent, ")
    heading.append(moment.trouble, style="bold")
    both = Table.grid(padding=(0, 2))
    both.add_row(answers, waits)
    return Group(
        heading,
        both,
        _counts("outcomes by delivery", _outcomes(moment.metrics)),
        _counts("messages in the queues", {name: float(count) for name, count in queue.items()}),
    )


def verdict_panel(verdict: Verdict) -> RenderableType:
    """Return the verdict as text."""
    rows = [
        ("requests", f"{verdict.requests} in all: {_sum(verdict)}"),
        (
            "deleted",
            f"{verdict.deleted}: the cloud accepted a DELETE for {verdict.asked} backups; these are proven gone "
            f"({', '.join(f'{count} by {name}' for name, count in sorted(verdict.accepted_by.items()))})",
        ),
        ("already gone", f"{verdict.already_gone}: the backup did not exist when the request was delivered"),
        ("refused", _tally("dead letters", verdict.refused)),
        ("parked", _tally("dead letters of requests that waited too long", verdict.parked)),
        ("lost", "; ".join([f"{len(verdict.lost)} requests without the expected outcome", *verdict.lost[:5]])),
        ("wrong", "; ".join([f"{len(verdict.wrong)} deletions or refusals that must not happen", *verdict.wrong[:5]])),
    ]
    return _panel(rows, "no request lost, no wrong deletion", is_good=verdict.is_good)


def _panel(rows: Sequence[tuple[str, str]], passed: str, *, is_good: bool) -> Panel:
    words = Table.grid(padding=(0, 2))
    for name, what in rows:
        words.add_row(Text(name, style="bold"), Text(what))
    style, title = ("green", f"PASSED: {passed}") if is_good else ("red", "FAILED")
    return Panel(words, title=title, border_style=style, title_align="left", expand=False)


def _sum(verdict: Verdict) -> str:
    refused, parked = sum(verdict.refused.values()), sum(verdict.parked.values())
    return f"{verdict.deleted} deleted, {verdict.already_gone} already gone, {refused} refused, {parked} parked"


def _tally(what: str, counts: Mapping[str, int]) -> str:
    each = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
    return f"{sum(counts.values())} {what}{': ' if each else ''}{each}"


def purge_panel(verdict: "PurgeVerdict") -> RenderableType:
    """Return the verdict on the purge as text."""
    rows = [
        ("backups", f"{verdict.backups} of one year: {verdict.kept} kept, {verdict.deleted} deleted"),
        ("kept", f"{verdict.kept}: kept by a rule of the policy, or on hold"),
        ("deleted", f"{verdict.deleted}"),
        ("due now", f"{verdict.due_afterwards}: found by a second plan"),
        ("lost", "; ".join([f"{len(verdict.lost)} deletions that did not happen", *verdict.lost[:5]])),
        ("wrong", "; ".join([f"{len(verdict.wrong)} deletions that must not happen", *verdict.wrong[:5]])),
    ]
    return _panel(rows, "exactly the selected backups are gone", is_good=verdict.is_good)


def picture(moment: Snapshot, verdict: Verdict) -> str:
    """Return the result of a run as SVG, for the README."""
    console = Console(record=True, file=StringIO(), width=WIDTH, force_terminal=True)
    console.print(table(moment))
    console.print(verdict_panel(verdict))
    return console.export_svg(title="make run", unique_id="vbs-reaper-run")


def _outcomes(metrics: Sequence[Sample]) -> dict[str, float]:
    return _by(metrics, "Outcomes", "Outcome")


def _by(metrics: Sequence[Sample], name: str, dimension: str) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for sample in metrics:
        if sample.name == name and dimension in sample.dimensions:
            counts[sample.dimensions[dimension]] += int(sample.value)
    return {key: float(count) for key, count in sorted(counts.items())}


def _counts(title: str, counts: Mapping[str, float]) -> Text:
    made = Text(f"{title}: ", style="italic")
    return made.append(", ".join(f"{name} {count:g}" for name, count in counts.items()), style="not italic")


def _coloured(code: str) -> Text:
    style = {"2": "green", "4": "yellow", "5": "red"}.get(code[:1], "magenta")
    return Text(code, style=style)
