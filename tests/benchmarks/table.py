"""A row of the table: a ratio, what it was taken from, its aim, and whether it is met."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

HEADINGS: Final = ("ratio", "ours", "peer", "x", "aim", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line. `pairs` are (ours, peer) of one round each, in `unit`; the ratio is the median of theirs."""

    part: str
    name: str
    pairs: Sequence[tuple[float, float]]
    unit: str
    aim: float | None = None
    """The largest ratio that meets it; None where nothing was aimed at."""
    bound: float | None = None
    """The largest figure of ours that meets it, where the aim is no ratio."""

    @property
    def ours(self) -> float:
        """The median of ours."""
        return median(ours for ours, _ in self.pairs)

    @property
    def peer(self) -> float:
        """The median of the peer's."""
        return median(peer for _, peer in self.pairs)

    @property
    def ratios(self) -> list[float]:
        """One per round, smallest first."""
        return sorted(ours / peer for ours, peer in self.pairs)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """Whether the aim is met; empty where there is none."""
        if self.aim is None and self.bound is None:
            return ""
        found, limit = (self.ratio, self.aim) if self.aim is not None else (self.ours, self.bound)
        return "met" if limit is not None and found <= limit else "missed"

    def cells(self) -> tuple[str, ...]:
        """The line as its texts; the spread is the least and the largest ratio of a round."""
        least, most = self.ratios[0], self.ratios[-1]
        spread = "" if len(self.pairs) == 1 else f" ({least:.2f}..{most:.2f})"
        aim = f"≤ {self.aim:g} x" if self.aim is not None else f"≤ {self.bound:g}" if self.bound is not None else ""
        return (
            f"{self.part}: {self.name}",
            f"{_figure(self.ours)} {self.unit}",
            f"{_figure(self.peer)} {self.unit}",
            f"{self.ratio:.3g}{spread}",
            aim,
            self.verdict,
        )

    def document(self) -> dict[str, Any]:
        """The line as JSON has it, with every pair."""
        return asdict(self) | {"ours": self.ours, "peer": self.peer, "x": self.ratio, "verdict": self.verdict}


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table that reads well as text and as Markdown."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    written = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    written.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(written)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
