"""The README's tables that the code and the template already hold: `make docs` puts them between their markers."""

import re
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import dropwhile
from itertools import takewhile

from tests.schemas import catalogue
from tests.template.faults import RAISED
from tests.template.rendered import translated
from tests.template.translate import ROOT
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.words import FOREIGN

README = ROOT / "README.md"
MARKED = re.compile(r"<!-- table: (?P<name>[a-z ]+) -->\n(?:\|.*\n)*<!-- end -->")
QUOTED = re.compile(r'"[^"]*"(?:: (?:\{[^}]*\}|"[^"]*"))?')
"""A key of a policy, with the value beside it."""


def written(text: str) -> str:
    """The text with every marked table made anew.

    Raises:
        KeyError: names a marker for which there is no table.
    """
    return MARKED.sub(lambda found: "\n".join(_marked(found["name"])), text)


def reasons() -> Iterator[str]:
    """Why a request ends or waits."""
    yield from ("| reason | what it says | what to do |", "|---|---|---|")
    for reason in takewhile(lambda each: each is not Reason.KEEP_LAST, Reason):
        yield f"| `{reason.value}` | {reason.sentence} | {reason.action} |"


def plan_reasons() -> Iterator[str]:
    """Why a backup stays or goes in a plan, and why a purge's run ends as it does."""
    yield from ("| reason | what it says | what to do |", "|---|---|---|")
    for reason in dropwhile(lambda each: each is not Reason.KEEP_LAST, Reason):
        yield f"| `{reason.value}` | {reason.sentence} | {reason.action} |"


def parameters() -> Iterator[str]:
    """What a deployment may say."""
    yield from ("| parameter | default | takes | what it is |", "|---|---|---|---|")
    for name, parameter in translated()["Parameters"].items():
        default = f"`{parameter['Default']}`" if parameter["Default"] != "" else "empty"
        takes, what = (_cell(parameter[key]) for key in ("ConstraintDescription", "Description"))
        yield f"| `{name}` | {default} | {takes} | {what} |"


def alarms() -> Iterator[str]:
    """What is told, by which fault, and where it says what to do."""
    yield from ("| alarm | what it says | raised by | runbook |", "|---|---|---|---|")
    for name, resource in translated()["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            first, says = resource["Properties"]["AlarmDescription"].splitlines()
            title = first.removeprefix("Runbook: ")
            runbook = f"[{title}](#{title.lower().replace(' ', '-')})"
            yield f"| `{name}` | {_cell(says)} | {_cell(RAISED[name])} | {runbook} |"


def outputs() -> Iterator[str]:
    """What a deployment tells."""
    yield from ("| output | what it is |", "|---|---|")
    for name, output in translated()["Outputs"].items():
        yield f"| `{name}` | {_cell(output['Description'])} |"


def words() -> Iterator[str]:
    """What restic, Cloud Custodian, CBR and VBS policies call it, and what a purge policy does."""
    yield from (f"| here | {' | '.join(FOREIGN)} |", f"|{'---|' * (len(FOREIGN) + 1)}")
    ours = dict.fromkeys(ours for theirs in FOREIGN.values() for ours in theirs.values())
    for here in sorted(ours, key=lambda text: not text.startswith('"')):
        there = (
            ", ".join(f"`{_as_they_write(word, whose)}`" for word, meant in theirs.items() if meant == here)
            for whose, theirs in FOREIGN.items()
        )
        yield f"| {QUOTED.sub(_as_code, here)} | {' | '.join(there)} |"


def _marked(name: str) -> Iterator[str]:
    yield f"<!-- table: {name} -->"
    yield from TABLES[name]()
    yield "<!-- end -->"


def _as_they_write(word: str, whose: str) -> str:
    return word.replace("_", "-") if whose == "restic" else word


def _as_code(found: re.Match[str]) -> str:
    return f"`{found[0]}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


TABLES: Mapping[str, Callable[[], Iterator[str] | list[str]]] = {
    "alarms": alarms,
    "events": catalogue.table,
    "outputs": outputs,
    "parameters": parameters,
    "plan reasons": plan_reasons,
    "reasons": reasons,
    "words": words,
}


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{README.name}: {len(TABLES)} tables\n")
