"""Draws the template's dashboard from the metrics of a run.

    python -m tests.support.local --json > run.json && python -m tests.infrastructure.dashboard_picture < run.json

Each bar is the statistic of the widget over the whole run.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import groupby
from math import ceil
from typing import Any, Final

from tests.infrastructure.rendered import Rendered
from tests.infrastructure.translate import ROOT
from tests.support.local.function_log import Sample
from vbs_reaper.aws.metrics import NAMESPACE

PICTURE: Final = ROOT / "tests" / "support" / "local" / "pictures" / "dashboard.svg"
CAPTION: Final = (
    "The dashboard after make run: 200 delete requests under injected faults, then a purge.",
    "Each bar is a statistic over the whole run; CloudWatch draws the same metrics as graphs over time.",
    "VbsReaper: written by the functions. AWS/SQS: counts of the local queues, sampled while requests are in progress.",
    "AWS/Lambda: throttles as counted by the local Lambda, errors as found in its logs.",
)
CELL: Final = 44
BAR: Final = 20
CHARACTER: Final = 7.2
"""Width of an average character of a label, plus a margin."""
SEARCH: Final = re.compile(
    r"SEARCH\('\{VbsReaper,(?P<dimensions>[\w,]+)\} MetricName=\"(?P<name>\w+)\" Stack=\"(?P<stack>[^\"]+)\"'"
)
STATISTICS: Final[dict[str, Callable[[Sequence[float]], float]]] = {"Maximum": max, "Minimum": min, "Sum": sum}


def draw(widgets: Sequence[dict[str, Any]], samples: Sequence[Sample]) -> str:
    """Return the dashboard as SVG. The height of a row is that of its highest widget."""
    parts = [_text(12, 26 + 18 * row, line, 'font-size="13"') for row, line in enumerate(CAPTION)]
    top = 28 + 18 * len(CAPTION)
    for _, neighbours in groupby(widgets, key=lambda widget: widget["y"]):
        shown = [(widget, values(widget["properties"], samples)) for widget in neighbours]
        height = 64 + BAR * max(len(each) for _, each in shown)
        for widget, each in shown:
            left, width = widget["x"] * CELL + 4, widget["width"] * CELL - 8
            parts += _widget(widget["properties"], each, left, top, width, height)
        top += height + 8
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * CELL} {top}" font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#f2f3f3"/>', *parts, "</svg>", ""])


def values(properties: dict[str, Any], samples: Sequence[Sample]) -> dict[str, float]:
    """Return the values of a widget by label. The sum of a metric without samples is 0."""
    shown: dict[str, float] = {}
    for metric in properties["metrics"]:
        found: dict[str, list[float]] = {}
        for sample in samples:
            if label := _label(metric, sample, is_alone=len(properties["metrics"]) == 1):
                found.setdefault(label, []).append(sample.value)
        stat = _stat(metric, properties)
        if not found and stat == "Sum":
            found[_name(metric)] = []
        shown |= {label: _statistic(stat, each) for label, each in sorted(found.items())}
    return shown


def _stat(metric: list[Any], properties: dict[str, Any]) -> str:
    options = metric[-1] if isinstance(metric[-1], dict) else {}
    return str(options.get("stat", properties["stat"]))


def _statistic(stat: str, values: Sequence[float]) -> float:
    if stat.startswith("p"):
        rank = ceil(int(stat[1:]) / 100 * len(values))
        return sorted(values)[rank - 1]
    return STATISTICS[stat](values)


def _search(metric: list[Any]) -> re.Match[str] | None:
    return SEARCH.search(metric[0]["expression"]) if isinstance(metric[0], dict) else None


def _name(metric: list[Any]) -> str:
    """Return the label of a metric."""
    if search := _search(metric):
        return search["name"]
    return str(metric[-1].get("label", metric[1]) if isinstance(metric[-1], dict) else metric[1])


def _label(metric: list[Any], sample: Sample, *, is_alone: bool) -> str:
    """Return the label of a sample, empty if the metric does not contain it."""
    if search := _search(metric):
        if (search["name"], set(search["dimensions"].split(","))) != (sample.name, set(sample.dimensions)):
            return ""
        if sample.dimensions["Stack"] != search["stack"]:
            return ""
        others = [value for name, value in sample.dimensions.items() if name != "Stack"]
        return " ".join([*([] if is_alone else [sample.name]), *others])
    namespace, name, *pairs = (part for part in metric if isinstance(part, str))
    dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
    is_shown = (namespace, name, dimensions) == (sample.namespace, sample.name, sample.dimensions)
    return _name(metric) if is_shown else ""


def _widget(
    properties: dict[str, Any], shown: dict[str, float], left: int, top: int, width: int, height: int
) -> Iterator[str]:
    sources = {metric[0] if isinstance(metric[0], str) else NAMESPACE for metric in properties["metrics"]}
    stats = dict.fromkeys(_stat(metric, properties) for metric in properties["metrics"])
    yield f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="4" fill="#fff" stroke="#d5dbdb"/>'
    yield _text(left + 12, top + 24, properties["title"], 'font-size="15" font-weight="bold"')
    yield _text(left + 12, top + 42, f"{', '.join(sources)}: {', '.join(stats)}", 'font-size="12" opacity="0.6"')
    room = round(max(map(len, shown), default=0) * CHARACTER) + 20
    most = max(shown.values(), default=0) or 1
    for row, (label, value) in enumerate(shown.items()):
        y, length = top + 56 + row * BAR, ceil(value / most * (width - room - 70))
        yield _text(left + 12, y + 11, label, 'font-size="12"')
        yield f'<rect x="{left + room}" y="{y}" width="{length}" height="14" fill="#2a78b5"/>'
        yield _text(left + room + 6 + length, y + 11, f"{value:,.4g}", 'font-size="12"')


def _text(x: int, y: int, text: str, style: str) -> str:
    return f'<text x="{x}" y="{y}" {style} fill="#16191f">{escape(text)}</text>'


def widgets() -> list[dict[str, Any]]:
    """Return the widgets of the dashboard in the template."""
    (dashboard,) = Rendered().every("CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


if __name__ == "__main__":
    run = json.load(sys.stdin)
    PICTURE.write_text(draw(run["dashboard"], [Sample(**each) for each in run["metrics"]]), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.name}: {len(run['dashboard'])} widgets\n")
