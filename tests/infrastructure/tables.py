"""Generates tables of the documents from code and template. `make docs` writes them between their markers."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping

from tests.benchmarks import money
from tests.infrastructure.faults import RAISED
from tests.infrastructure.markdown import documents
from tests.infrastructure.rendered import Properties, Rendered, translated
from tests.infrastructure.schemas import catalogue
from vbs_reaper.purge.migration_hints import FOREIGN
from vbs_reaper.reasons import Reason

MARKED = re.compile(r"<!-- table: (?P<name>[a-z ]+) -->\n(?:\|.*\n)*<!-- end -->")
QUOTED = re.compile(r'"[^"]*"(?:: (?:\{[^}]*\}|"[^"]*"))?')
"""A key of a policy, with its value."""


def written(text: str) -> str:
    """Return the text with all marked tables regenerated.

    Raises:
        KeyError: a marker names a table that does not exist.
    """
    return MARKED.sub(lambda found: "\n".join(_marked(found["name"])), text)


def reasons() -> Iterator[str]:
    """Yield the reasons for which a request ends or waits."""
    yield from ("| reason | what it says | what to do |", "|---|---|---|")
    for reason in filter(lambda each: each.scope.is_of_requests, Reason):
        yield f"| `{reason.value}` | {reason.sentence} | {reason.action} |"


def plan_reasons() -> Iterator[str]:
    """Yield the reasons for backups in a plan, and for the end of a purge run."""
    yield from ("| reason | what it says | what to do |", "|---|---|---|")
    for reason in filter(lambda each: not each.scope.is_of_requests, Reason):
        yield f"| `{reason.value}` | {reason.sentence} | {reason.action} |"


def parameters() -> Iterator[str]:
    """Yield the parameters of the template."""
    yield from ("| parameter | default | constraint | description |", "|---|---|---|---|")
    for name, parameter in translated()["Parameters"].items():
        default = f"`{parameter['Default']}`" if parameter["Default"] != "" else "empty"
        takes, what = (_cell(parameter[key]) for key in ("ConstraintDescription", "Description"))
        yield f"| `{name}` | {default} | {takes} | {what} |"


def alarms() -> Iterator[str]:
    """Yield the alarms with what raises them and their runbooks."""
    yield from ("| alarm | meaning | raised by | runbook |", "|---|---|---|---|")
    for name, resource in translated()["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            first, says, _ = _described(resource["Properties"]["AlarmDescription"]).splitlines()
            anchor = first.partition("#")[2]
            runbook = f"[{anchor.replace('-', ' ').capitalize()}](#{anchor})"
            yield f"| `{name}` | {_cell(says)} | {_cell(RAISED[name])} | {runbook} |"


def _described(description: str | dict[str, str]) -> str:
    """Return the description of an alarm, with parameters in the form `NAME`."""
    text = description["Fn::Sub"] if isinstance(description, dict) else description
    return re.sub(r"\$\{(\w+)\}", r"`\1`", text)


def outputs() -> Iterator[str]:
    """Yield the outputs of the template."""
    yield from ("| output | description |", "|---|---|")
    for name, output in translated()["Outputs"].items():
        yield f"| `{name}` | {_cell(output['Description'])} |"


def idle() -> Iterator[str]:
    """Yield the cost of a stack without deletions, computed from its resources."""
    stack = Rendered()
    metrics = sum(metrics_read(each) for each in stack.every("CloudWatch::Alarm").values())
    return money.idle_table(metrics, len(stack.every("CloudWatch::Dashboard")))


def metrics_read(alarm: Properties) -> int:
    """Count the metrics that an alarm is billed for."""
    if "Metrics" not in alarm:
        return 1
    return sum("MetricStat" in each or "SELECT" in each["Expression"] for each in alarm["Metrics"])


def words() -> Iterator[str]:
    """Yield the equivalents of keys of a purge policy in restic, Cloud Custodian, CBR and VBS."""
    yield from (f"| here | {' | '.join(FOREIGN)} |", f"|{'---|' * (len(FOREIGN) + 1)}")
    ours = dict.fromkeys(ours for theirs in FOREIGN.values() for ours in theirs.values())
    for here in sorted(ours, key=lambda text: not text.startswith('"')):
        there = (
            ", ".join(f"`{_in_syntax_of(word, tool)}`" for word, meant in theirs.items() if meant == here)
            for tool, theirs in FOREIGN.items()
        )
        yield f"| {QUOTED.sub(_as_code, here)} | {' | '.join(there)} |"


def _marked(name: str) -> Iterator[str]:
    yield f"<!-- table: {name} -->"
    yield from TABLES[name]()
    yield "<!-- end -->"


def _in_syntax_of(word: str, tool: str) -> str:
    return word.replace("_", "-") if tool == "restic" else word


def _as_code(found: re.Match[str]) -> str:
    return f"`{found[0]}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


TABLES: Mapping[str, Callable[[], Iterator[str] | list[str]]] = {
    "alarms": alarms,
    "costs": money.table,
    "events": catalogue.table,
    "idle": idle,
    "outputs": outputs,
    "parameters": parameters,
    "plan reasons": plan_reasons,
    "reasons": reasons,
    "words": words,
}


if __name__ == "__main__":
    for document in documents():
        document.path.write_text(written(document.text), encoding="utf-8")
    sys.stdout.write(f"{len(TABLES)} tables in {len(documents())} documents\n")
