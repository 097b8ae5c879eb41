"""A word of confirmation before anything is deleted for good: a person types it, a script says `--yes`."""

import sys

from vbs_reaper.console.refusal import Refused


def require_typed(question: str, expected: str, otherwise: str) -> None:
    """Ask on standard error, as standard output is for the answer.

    Raises:
        Refused: something else was typed, or nothing; the message is `otherwise`.
    """
    if _typed(question) != expected:
        raise Refused(otherwise)


def require_number(question: str, expected: int, otherwise: str) -> None:
    """The same for a number: it may be typed with the commas it was shown with.

    Raises:
        Refused: as above.
    """
    if _typed(question).replace(",", "") != str(expected):
        raise Refused(otherwise)


def _typed(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)  # noqa: T201  # a command speaks here
    return sys.stdin.readline().strip()
