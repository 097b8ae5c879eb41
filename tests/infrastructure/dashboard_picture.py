"""Draws the template's dashboard from the metrics of a run.

    python -m tests.support.local --json > run.json && python -m tests.infrastructure.dashboard_picture < run.json

Each widget finds its metrics as its own SEARCH or name says, and shows its own statistic of each over the whole run.
What AWS itself measures is not in a run: those widgets stay empty.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from html import escape
from math import ceil
from typing import Any, Final

from tests.infrastructure.rendered import Rendered
from tests.infrastructure.translate import ROOT
from tests.support.local.function_log import Sample

PICTURE: Final = ROOT / "tests" / "support" / "local" / "pictures" / "dashboard.svg"
CELL: Final = 44
BAR: Final = 20
SEARCH: Final = re.compile(r"SEARCH\('\{VbsReaper,([\w,]+)\} MetricName=\"(\w+)\"'")
STATISTICS: Final[dict[str, Callable[[Sequence[float]], float]]] = {"Maximum": max, "Minimum": min, "Sum": sum}
COLOURS: Final = ("#2a78b5", "#3b9c6b", "#c46a2b", "#8a5bb0", "#b5433f", "#5c6f7f")


def draw(widgets: Sequence[dict[str, Any]], samples: Sequence[Sample]) -> str:
    """The dashboard as one SVG."""
    height = max(widget["y"] + widget["height"] for widget in widgets) * CELL
    parts = [part for widget in widgets for part in _widget(widget, samples)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * CELL} {height}" font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#f2f3f3"/>', *parts, "</svg>", ""])


def values(properties: dict[str, Any], samples: Sequence[Sample]) -> dict[str, float]:
    """What a widget shows, by label."""
    shown: dict[str, float] = {}
    for metric in properties["metrics"]:
        own_stat = metric[-1].get("stat") if isinstance(metric[-1], dict) else None
        found: dict[str, list[float]] = {}
        for sample in samples:
            if label := _label(metric, sample):
                found.setdefault(f"{label} {own_stat or ''}".strip(), []).append(sample.value)
        stat = own_stat or properties["stat"]
        shown |= {label: _statistic(stat, each) for label, each in sorted(found.items())}
    return shown


def _statistic(stat: str, values: Sequence[float]) -> float:
    if stat.startswith("p"):
        rank = ceil(int(stat[1:]) / 100 * len(values))
        return sorted(values)[rank - 1]
    return STATISTICS[stat](values)


def _label(metric: list[Any], sample: Sample) -> str:
    """How the widget calls this sample; empty where it is not among what it shows."""
    if not isinstance(metric[0], dict):
        is_shown = metric[:2] == [sample.namespace, sample.name] and not sample.dimensions
        return sample.name if is_shown else ""
    wanted = SEARCH.search(metric[0]["expression"])
    if wanted is None or (wanted[2], set(wanted[1].split(","))) != (sample.name, set(sample.dimensions)):
        return ""
    return " ".join(sample.dimensions.values())


def _widget(widget: dict[str, Any], samples: Sequence[Sample]) -> Iterator[str]:
    left, top = widget["x"] * CELL + 4, widget["y"] * CELL + 4
    width, height = widget["width"] * CELL - 8, widget["height"] * CELL - 8
    title = escape(widget["properties"]["title"])
    yield f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="4" fill="#fff" stroke="#d5dbdb"/>'
    yield f'<text x="{left + 12}" y="{top + 24}" font-size="15" font-weight="bold" fill="#16191f">{title}</text>'
    shown = values(widget["properties"], samples)
    if not shown:
        yield f'<text x="{left + 12}" y="{top + 56}" font-size="13" fill="#687078">no data in this run</text>'
    room = (height - 40) // BAR
    most = max(shown.values(), default=0) or 1
    for row, (label, value) in enumerate(list(shown.items())[:room]):
        y, length = top + 42 + row * BAR, round(value / most * (width - 290))
        yield f'<text x="{left + 12}" y="{y + 11}" font-size="12" fill="#16191f">{escape(label)}</text>'
        yield f'<rect x="{left + 200}" y="{y}" width="{length}" height="14" fill="{COLOURS[row % len(COLOURS)]}"/>'
        yield f'<text x="{left + 206 + length}" y="{y + 11}" font-size="12" fill="#16191f">{value:,.4g}</text>'


def widgets() -> list[dict[str, Any]]:
    """The widgets of the template's dashboard."""
    (dashboard,) = Rendered().every("CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


if __name__ == "__main__":
    run = json.load(sys.stdin)
    PICTURE.write_text(draw(widgets(), [Sample(**each) for each in run["metrics"]]), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.name}: {len(widgets())} widgets\n")
