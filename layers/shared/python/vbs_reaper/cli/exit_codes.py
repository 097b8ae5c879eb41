"""Exit codes that all commands share: of a command that failed with `CommandError`, and of an interrupted one."""

from typing import Final

EXIT_ERROR: Final = 1
EXIT_INTERRUPTED: Final = 130
"""The convention of shells: 128 plus the number of SIGINT."""
