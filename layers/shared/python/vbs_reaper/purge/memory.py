"""How much memory a run of the purger needs. A run that would not fit is refused, because Lambda would stop it."""

import math
from typing import Final

from vbs_reaper.errors import RunRefused
from vbs_reaper.reasons import Reason

BASE_MB: Final = 120
"""For the Lambda runtime, the libraries and the page that is being read."""
BYTES_PER_BACKUP: Final = 800
"""`make bench` measures 430 in a run with a last plan and 640 in an approval; the rest is for longer names."""
MAX_MB: Final = 2048
"""The maximum of the template parameter `PurgerMemory`: more backups cannot be listed in the 15 minutes of a run."""
STEP_MB: Final = 64


def needed_mb(backups: int) -> int:
    """Return the memory that a run with this number of backups needs, in steps of 64 MB."""
    return math.ceil((BASE_MB + backups * BYTES_PER_BACKUP / 1e6) / STEP_MB) * STEP_MB


def check_memory(backups: int, memory_mb: int | None) -> None:
    """Check that a run with this number of backups fits into the memory of the function.

    Raises:
        RunRefused: it does not fit. The message names the size to set.
    """
    needed = needed_mb(backups)
    if memory_mb is None or needed <= memory_mb:
        return
    advice = f"set the template parameter PurgerMemory to {needed}"
    if needed > MAX_MB:
        advice = f"PurgerMemory can be {MAX_MB:,} at most, so divide the backups among several projects"
    raise RunRefused(
        Reason.MEMORY_TOO_SMALL,
        f"a plan of the {backups:,} listed backups needs {needed:,} MB, but the purger has {memory_mb:,} MB; {advice}",
    )
