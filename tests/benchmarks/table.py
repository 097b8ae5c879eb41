"""Candidates that take turns, and the rows of ratios that result."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

HEADINGS: Final = ("ratio", "ours", "peer", "x", "aim", "verdict")
Turn = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one turn took, in seconds; CPU of all threads of this process."""

    wall_s: float
    cpu_s: float


def take_turns(candidates: Mapping[str, Turn], rounds: int) -> dict[str, list[Spent]]:
    """Run each candidate once to warm up and then once per round; each round starts with another candidate."""
    for turn in candidates.values():
        turn()
    spent: dict[str, list[Spent]] = {name: [] for name in candidates}
    names = list(candidates)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            wall, cpu = time.perf_counter(), time.process_time()
            candidates[name]()
            spent[name].append(Spent(wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu))
    return spent


def peak_mb() -> float:
    """Return the peak memory of this process (Linux). `getrusage` would begin with the peak of the parent."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `pairs` are (ours, peer), one per round, in `unit`."""

    name: str
    pairs: Sequence[tuple[float, float]]
    unit: str
    aim: float | None = None
    """The largest ratio that meets the aim."""
    bound: float | None = None
    """The largest value of the product that meets the aim, if the aim is not a ratio."""

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the line: medians, and the smallest and largest ratio of a round in brackets."""
        ours, peer = (median(values) for values in zip(*self.pairs, strict=True))
        ratios = [mine / its for mine, its in self.pairs]
        spread = "" if len(ratios) == 1 else f" ({min(ratios):.2f}..{max(ratios):.2f})"
        aim = verdict = ""
        if self.aim is not None:
            aim, verdict = f"≤ {self.aim:g} x", "met" if median(ratios) <= self.aim else "missed"
        elif self.bound is not None:
            aim, verdict = f"≤ {self.bound:g}", "met" if ours <= self.bound else "missed"
        figures = (f"{_figure(ours)} {self.unit}", f"{_figure(peer)} {self.unit}")
        return (self.name, *figures, f"{median(ratios):.3g}{spread}", aim, verdict)


def markdown(rows: Iterable[Row]) -> str:
    """Format the rows as a table that is readable as text and as Markdown."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = [" | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines]
    written.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in written)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
