"""What every command does when it cannot do what it was asked for, or is interrupted."""

from typing import Final

EXIT_REFUSED: Final = 1
EXIT_INTERRUPTED: Final = 130
"""As shells have it: 128 and the number of SIGINT."""


class Refused(Exception):
    """The command is refused; the message is one sentence."""
