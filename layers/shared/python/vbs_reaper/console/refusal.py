"""What every command does when it cannot do what it was asked for."""

from typing import Final

EXIT_REFUSED: Final = 1


class Refused(Exception):
    """The command is refused; the message is one sentence."""
