"""`vbs-reaper check`: has the stack's checker check whether targets are usable now."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from vbs_reaper.backups.identifiers import is_target
from vbs_reaper.checking.ports import ENABLED
from vbs_reaper.checking.target_check import TARGETS_LIMIT
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.target_check import message_of
from vbs_reaper.errors import CommandError
from vbs_reaper.text import count, printable

EXIT_HEALTHY: Final = 0
EXIT_UNHEALTHY: Final = 2


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "check",
        help="check whether targets are usable now",
        description="Has the stack's checker log in to each target and list its backups. Nothing is changed.",
        epilog="Exit codes: 0 everything is healthy, 2 something is not healthy, 1 error.",
    )
    command.add_argument("targets", nargs="*", metavar="TARGET", help="default: those of the schedule (CheckTargets)")
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument("--json", action="store_true", help="the checker's response as JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the check and print the reports; return the exit code.

    Raises:
        CommandError: a target name is invalid, there are too many, or the checker cannot be invoked.
    """
    _check_targets(args.targets)
    stack = Stack(args.stack)
    answer = stack.invoke("Checker", {"targets": args.targets or stack.check_targets})
    if args.json:
        print_json(answer, indent=2)
    else:
        show(answer, Console(soft_wrap=True))
    healthy = all(report["healthy"] for report in answer["targets"]) and answer["own_side"]["healthy"]
    return EXIT_HEALTHY if healthy else EXIT_UNHEALTHY


def show(answer: Mapping[str, Any], console: Console) -> None:
    """Print a line per target: what was found if it is healthy, else what is wrong and what to do."""
    for report in answer["targets"]:
        line = Text(f"{report['target']}: ")
        if report["healthy"]:
            console.print(line.append("healthy", style="green").append(_found(report)))
        else:
            state = "unhealthy" if report["healthy"] is False else "not checked"
            line.append(state, style="red").append(f": {message_of(report)} ({report['reason']}). {report['action']}")
            console.print(line)
        for unknown in report.get("unknown", ()):
            console.print(Text(f"  unknown: {unknown}"))
    for fault in answer["own_side"]["faults"]:
        console.print(Text("the stack: ").append(fault, style="red"))
    if (state := answer["own_side"].get("deleter")) not in (None, ENABLED):
        line = Text("the deleter: ").append(f"its event source mapping is {state}", style="yellow")
        console.print(line.append("; requests wait. `vbs-reaper resume` starts it"))


def _found(report: Mapping[str, Any]) -> str:
    newest = report.get("newest")
    age = ""
    if newest:
        old = datetime.now(UTC) - datetime.fromisoformat(newest)
        age = f", the newest {count(old.days, 'day') if old.days else count(old.seconds // 3600, 'hour')} old"
    backups = count(report.get("backups", 0), "backup")
    api = f"{report.get('service', 'an')} API {report.get('api_version', '?')}"
    return f": {backups}{age}; {api} at {report['endpoint']}"


def _check_targets(targets: list[str]) -> None:
    for target in targets:
        if not is_target(target):
            raise CommandError(
                f'"{printable(target[:64])}" is not a target name; give up to 63 lower-case letters, digits and dashes'
            )
    if len(targets) > TARGETS_LIMIT:
        raise CommandError(f"{len(targets)} targets are too many for one check; give at most {TARGETS_LIMIT}")
