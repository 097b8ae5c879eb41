"""`vbs-reaper`: one command a module. Every refusal is one sentence on standard error and exit code 1."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final
from typing import NoReturn

from vbs_reaper.console import approve
from vbs_reaper.console import check
from vbs_reaper.console import explain
from vbs_reaper.console import pause
from vbs_reaper.console import plans
from vbs_reaper.console import preview
from vbs_reaper.console import resume
from vbs_reaper.console import secret
from vbs_reaper.console import send
from vbs_reaper.console.dead_letters import command as dead_letters
from vbs_reaper.console.refusal import EXIT_INTERRUPTED
from vbs_reaper.console.refusal import EXIT_REFUSED
from vbs_reaper.console.refusal import Refused

COMMANDS: Final = (
    preview,
    plans,
    approve,
    send,
    check,
    explain,
    dead_letters,
    pause,
    resume,
    secret,
)


class _Parser(argparse.ArgumentParser):
    """Refuses with exit code 1: 2 is an answer of `preview`."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how the command is used."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_REFUSED, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = _Parser(prog="vbs-reaper", description="Deletes volume backups of OpenStack clouds, safely.")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return whole


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is the command's own, 1 for a refusal."""
    try:
        chosen = parser().parse_args(words)
        code: int = chosen.run(chosen)
        sys.stdout.flush()
    except Refused as refused:
        print(f"vbs-reaper: {refused}", file=sys.stderr)  # noqa: T201  # a command speaks here
        return EXIT_REFUSED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code
