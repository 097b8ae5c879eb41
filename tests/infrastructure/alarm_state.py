"""Evaluates the alarms of the template as CloudWatch does: statistics, metric math, missing data.

The emulators do not evaluate alarms. This supports what these alarms use: one metric, an expression over metrics with
FILL and IF, or one Metrics Insights query (CloudWatch guide, "Using metric math", "Configuring how CloudWatch alarms
treat missing data"). A period without a value of the expression is missing data.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.infrastructure.rendered import Properties
from tests.support.local.function_log import Sample

Period = Sequence[Sample]
"""The samples in one period of an alarm."""

COMPARES: Final = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}
STATISTICS: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "Sum": sum,
    "SUM": sum,
    "Maximum": max,
    "Minimum": min,
}
OPERATORS: Final[dict[type, Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Gt: operator.gt,
    ast.Eq: operator.eq,
}
INSIGHTS: Final = re.compile(
    r"SELECT (?P<statistic>\w+)\((?P<name>\w+)\) FROM SCHEMA\(\"(?P<namespace>\w+)\", (?P<dimensions>[\w, ]+)\)"
    r" WHERE (?P<dimension>\w+) = '(?P<value>[^']+)'"
)


def state(alarm: Properties, periods: Sequence[Period], before: str = "OK") -> str:
    """Return the state after these periods, oldest first. Earlier ones have no data; `before` is the first state."""
    length, enough = int(alarm["EvaluationPeriods"]), int(alarm["DatapointsToAlarm"])
    empty: list[Period] = [()] * length
    values = [value_of(alarm, period) for period in [*empty, *periods][-length:]]
    treatment = alarm["TreatMissingData"]
    if treatment == "ignore" and not any(value is not None for value in values):
        return before
    compare, threshold = COMPARES[alarm["ComparisonOperator"]], alarm["Threshold"]
    breaching = [treatment == "breaching" if value is None else compare(value, threshold) for value in values]
    return "ALARM" if sum(breaching) >= enough else "OK"


def value_of(alarm: Properties, period: Period) -> float | None:
    """Return the value to compare with the threshold, or None if it is missing."""
    if "Metrics" not in alarm:
        return _statistic(alarm, alarm["Statistic"], period)
    (shown,) = (each for each in alarm["Metrics"] if each.get("ReturnData", True))
    if insights := INSIGHTS.fullmatch(shown["Expression"]):
        return _insights(insights, period)
    values = {
        each["Id"]: _statistic(each["MetricStat"]["Metric"], each["MetricStat"]["Stat"], period)
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }
    expression = re.sub(r"\b(AND|OR)\b", lambda found: found[0].lower(), shown["Expression"])
    return _math(ast.parse(expression, mode="eval").body, values)


def _statistic(metric: Mapping[str, Any], statistic: str, period: Period) -> float | None:
    """Return a statistic of a metric, which consists of the samples with exactly these dimensions."""
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
    wanted = (metric["Namespace"], metric["MetricName"], dimensions)
    found = [each.value for each in period if (each.namespace, each.name, each.dimensions) == wanted]
    return STATISTICS[statistic](found) if found else None


def _insights(query: re.Match[str], period: Period) -> float | None:
    dimensions = set(query["dimensions"].split(", "))
    found = [
        each.value
        for each in period
        if (each.namespace, each.name, set(each.dimensions)) == (query["namespace"], query["name"], dimensions)
        and each.dimensions[query["dimension"]] == query["value"]
    ]
    return STATISTICS[query["statistic"]](found) if found else None


def _math(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    """Return the value of an expression. It is missing if an operand is, unless FILL replaces it."""
    match node:
        case ast.Constant(value=float() | int() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, instead]):
            value = _math(filled, values)
            return _math(instead, values) if value is None else value
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            holds = _math(condition, values)
            return None if holds is None else _math(yes if holds else no, values)
        case ast.BoolOp(op=op, values=parts):
            found = [_math(part, values) for part in parts]
            combine = all if isinstance(op, ast.And) else any
            return None if None in found else float(combine(found))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            one, other = _math(left, values), _math(right, values)
            return None if one is None or other is None else float(OPERATORS[type(op)](one, other))
    raise ValueError(f"not supported: {ast.unparse(node)}")
