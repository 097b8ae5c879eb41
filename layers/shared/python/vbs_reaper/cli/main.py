"""The command line `vbs-reaper`: one module per command. An error is one sentence on standard error and exit code 1."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

from vbs_reaper.cli.aws_failure import explain_failure, is_of_aws
from vbs_reaper.cli.exit_codes import EXIT_ERROR, EXIT_INTERRUPTED
from vbs_reaper.cli.output import check_streams, discard_output
from vbs_reaper.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import SupportsWrite

COMMANDS: Final = {
    "preview": "preview",
    "plans": "plans",
    "approve": "approve",
    "run": "run",
    "stop": "stop",
    "send": "send",
    "hold": "hold",
    "holds": "holds",
    "release": "release",
    "check": "check",
    "explain": "explain",
    "dead-letters": "dead_letters.command",
    "pause": "pause",
    "resume": "resume",
    "secret": "secret",
}
"""The module of each command."""


class _Parser(argparse.ArgumentParser):
    """Exits with code 1 on wrong usage. argparse would exit with 2, which is a result of `preview` and others."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and exit."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_ERROR, f"{self.prog}: {message}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401
        """Reject what is unknown here, with the usage of this command; argparse would show that of the program."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Print, and raise OSError if that fails, which argparse would ignore."""
        (file or sys.stderr).write(message)


class _Version(argparse.Action):
    """Prints the version of the CLI."""

    def __call__(self, *_: Any) -> NoReturn:  # noqa: ANN401  # not used
        from importlib.metadata import version

        print(version("vbs-reaper"))  # noqa: T201  # the result
        sys.exit()


def parser(*names: str) -> argparse.ArgumentParser:
    """Return the parser of the named commands, by default of all. Only their modules are imported, to start fast."""
    root = _Parser(prog="vbs-reaper", description="Deletes volume backups of OpenStack clouds, safely.")
    root.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names or COMMANDS:
        import_module(f"vbs_reaper.cli.{COMMANDS[name]}").add_to(commands)
    return root


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code: 1 after an error, 130 after Ctrl-C."""
    try:
        check_streams()
        try:
            args = parser(*(name for name in argv[:1] if name in COMMANDS)).parse_args(argv)
        finally:
            sys.stdout.flush()  # of --help, whose faults argparse ignores
        with _keyboard_interrupt():
            code: int = args.run(args)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return EXIT_ERROR
    except Exception as error:
        sentence = _sentence_of(error)
        if sentence is None:
            raise
        print(f"vbs-reaper: {sentence}", file=sys.stderr)  # noqa: T201  # the message of the command
        return EXIT_ERROR
    return code


@contextmanager
def _keyboard_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C while the block runs, where the default action would end the process."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _sentence_of(error: Exception) -> str | None:
    """Return what to tell the operator; None for a fault of this program, which needs a traceback."""
    if isinstance(error, CommandError):
        return str(error)
    if is_of_aws(error):
        return explain_failure(error)
    if isinstance(error, UnicodeEncodeError):
        discard_output()
        return f"standard output cannot show this text in {error.encoding}; set PYTHONIOENCODING=utf-8, or use --json"
    if isinstance(error, OSError):
        if error.filename is None:
            discard_output()
        return f"{error.filename or 'standard output'}: {error.strerror or error}"
    return None
