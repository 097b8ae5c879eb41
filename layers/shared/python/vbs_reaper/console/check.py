"""`vbs-reaper check`: whether targets can be worked with now, by the stack's own checker."""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Final

from rich.console import Console
from rich.text import Text

from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.deletion.request import is_target
from vbs_reaper.openstack.fault import printable

EXIT_HEALTHY: Final = 0
EXIT_UNHEALTHY: Final = 2
TARGETS_LIMIT: Final = 50


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    own = commands.add_parser(
        "check",
        help="check whether targets can be worked with now",
        description="Lets the stack's checker log in to each target and list its backups; nothing is changed.",
        epilog="Exit codes: 0 everything is healthy, 2 something is not, 1 the check is refused.",
    )
    own.add_argument("targets", nargs="*", metavar="TARGET", help="default: the stack's default target")
    own.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    own.add_argument("--json", action="store_true", help="the checker's answer as JSON")
    own.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Check, and show each report.

    Raises:
        Refused: a name is no target's, or the checker cannot be invoked.
    """
    _refuse_bad_names(chosen.targets)
    answer = DeployedStack(chosen.stack).invoke("Checker", {"targets": chosen.targets})
    if chosen.json:
        print(json.dumps(answer, indent=2))  # noqa: T201  # a command speaks here
    else:
        show(answer, Console(soft_wrap=True))
    healthy = all(report["healthy"] for report in answer["targets"]) and answer["own_side"]["healthy"]
    return EXIT_HEALTHY if healthy else EXIT_UNHEALTHY


def show(answer: Mapping[str, Any], console: Console) -> None:
    """Each report in a line: what is seen of a healthy target; what is wrong and what to do of another."""
    for report in answer["targets"]:
        line = Text(f"{report['target']}: ")
        if report["healthy"]:
            console.print(line.append("healthy", style="green").append(_seen(report)))
        else:
            state = "unhealthy" if report["healthy"] is False else "not judged"
            line.append(state, style="red").append(f": {report['message']} ({report['reason']}). {report['action']}")
            console.print(line)
        for unknown in report.get("unknown", ()):
            console.print(Text(f"  not known: {unknown}"))
    for fault in answer["own_side"]["faults"]:
        console.print(Text("the stack itself: ").append(fault, style="red"))


def _seen(report: Mapping[str, Any]) -> str:
    newest = report.get("newest")
    age = ""
    if newest:
        old = datetime.now(UTC) - datetime.fromisoformat(newest)
        age = f", the newest {old.days} days old" if old.days else f", the newest {old.seconds // 3600} hours old"
    return f": {report.get('backups', 0):,} backups{age}; API {report.get('api_version', '?')} at {report['endpoint']}"


def _refuse_bad_names(targets: list[str]) -> None:
    for target in targets:
        if not is_target(target):
            raise Refused(
                f'"{printable(target[:64])}" is no target\'s name; give up to 63 lower-case letters, digits and dashes'
            )
    if len(targets) > TARGETS_LIMIT:
        raise Refused(f"{len(targets)} targets are too many for one check; give at most {TARGETS_LIMIT}")
