"""The README's tables that the code and the template already hold: `make docs` puts them between their markers."""

import re
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import dropwhile
from itertools import takewhile

from tests.schemas import catalogue
from tests.template.rendered import translated
from tests.template.translate import ROOT
from vbs_reaper.deletion.reason import Reason

README = ROOT / "README.md"
MARKED = re.compile(r"<!-- table: (?P<name>[a-z ]+) -->\n(?:\|.*\n)*<!-- end -->")


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
    """What is told, and where it says what to do."""
    yield from ("| alarm | what it says | runbook |", "|---|---|---|")
    for name, resource in translated()["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            first, says = resource["Properties"]["AlarmDescription"].splitlines()
            title = first.removeprefix("Runbook: ")
            yield f"| `{name}` | {_cell(says)} | [{title}](#{title.lower().replace(' ', '-')}) |"


def outputs() -> Iterator[str]:
    """What a deployment tells."""
    yield from ("| output | what it is |", "|---|---|")
    for name, output in translated()["Outputs"].items():
        yield f"| `{name}` | {_cell(output['Description'])} |"


def _marked(name: str) -> Iterator[str]:
    yield f"<!-- table: {name} -->"
    yield from TABLES[name]()
    yield "<!-- end -->"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


TABLES: Mapping[str, Callable[[], Iterator[str] | list[str]]] = {
    "alarms": alarms,
    "events": catalogue.table,
    "outputs": outputs,
    "parameters": parameters,
    "plan reasons": plan_reasons,
    "reasons": reasons,
}


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{README.name}: {len(TABLES)} tables\n")
