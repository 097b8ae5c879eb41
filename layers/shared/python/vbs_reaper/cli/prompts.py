"""Confirmation before something is deleted: a person types a text; scripts pass `--yes` and skip it."""

import sys

from vbs_reaper.errors import CommandError


def require_typed(question: str, expected: str, otherwise: str) -> None:
    """Ask on standard error, because standard output is for results, and read the reply from standard input.

    Raises:
        CommandError: the reply is not `expected`; the message is `otherwise`. Or standard input is closed.
    """
    if _ask(question) != expected:
        raise CommandError(otherwise)


def require_number(question: str, expected: int, otherwise: str) -> None:
    """Do the same for a number, which may be typed with thousands separators (commas), as it is shown.

    Raises:
        CommandError: the reply is not `expected`; the message is `otherwise`. Or standard input is closed.
    """
    if _ask(question).replace(",", "") != str(expected):
        raise CommandError(otherwise)


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)  # noqa: T201  # a question to the operator
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)  # noqa: T201  # ends the line of the question
        raise CommandError("standard input is closed, so nothing can be typed; add --yes; nothing was done")
    return line.strip()
