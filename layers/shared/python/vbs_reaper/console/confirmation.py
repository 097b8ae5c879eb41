"""A word of confirmation before anything is deleted for good: a person types it, a script says `--yes`."""

import sys

from vbs_reaper.console.refusal import Refused


def require_typed(question: str, expected: str, otherwise: str) -> None:
    """Ask on standard error, as standard output is for the answer; commas in a number may be typed or not.

    Raises:
        Refused: something else was typed, or nothing; the message is `otherwise`.
    """
    print(question, end="", file=sys.stderr, flush=True)  # noqa: T201  # a command speaks here
    typed = sys.stdin.readline().strip()
    if typed != expected and typed.replace(",", "") != expected:
        raise Refused(otherwise)
