"""The command line `vbs-reaper`: one module per command. An error is one sentence on standard error and exit code 1."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from vbs_reaper.cli import (
    approve,
    check,
    explain,
    hold,
    holds,
    pause,
    plans,
    preview,
    release,
    resume,
    secret,
    send,
    stop,
)
from vbs_reaper.cli.dead_letters import command as dead_letters
from vbs_reaper.cli.exit_codes import EXIT_ERROR, EXIT_INTERRUPTED
from vbs_reaper.errors import CommandError

COMMANDS: Final = (
    preview,
    plans,
    approve,
    stop,
    send,
    hold,
    holds,
    release,
    check,
    explain,
    dead_letters,
    pause,
    resume,
    secret,
)


class _Parser(argparse.ArgumentParser):
    """Exits with code 1 on wrong usage. argparse would exit with 2, which is a result of `preview` and others."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and exit."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_ERROR, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    root = _Parser(prog="vbs-reaper", description="Deletes volume backups of OpenStack clouds, safely.")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 1 after a CommandError, 130 after Ctrl-C."""
    try:
        args = parser().parse_args(argv)
        code: int = args.run(args)
        sys.stdout.flush()
    except CommandError as error:
        print(f"vbs-reaper: {error}", file=sys.stderr)  # noqa: T201  # the message of the command
        return EXIT_ERROR
    except BrokenPipeError:
        # Python flushes standard output at exit; without this it would report the broken pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code
