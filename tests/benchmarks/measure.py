"""Taking turns: every candidate once per round, so that what disturbs one disturbs its neighbours too."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")


def on_loopback_only() -> None:
    """Let nothing of the machine's settings send a call elsewhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one turn took of this process, in seconds."""

    wall_s: float
    cpu_s: float


def spend(turn: Callable[[], object]) -> Spent:
    """Take one turn, all threads counted."""
    wall, cpu = time.perf_counter(), time.process_time()
    turn()
    return Spent(wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu)


def take_turns(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[Spent]]:
    """Let each candidate have one turn to warm up, then one in every round, in an order that turns with the rounds."""
    for turn in candidates.values():
        turn()
    spent: dict[str, list[Spent]] = {name: [] for name in candidates}
    names = list(candidates)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            spent[name].append(spend(candidates[name]))
    return spent


def peak_mb() -> float:
    """The most memory this process has held, as Linux tells it: what getrusage says begins with the parent's.

    Raises:
        FileNotFoundError: this is no Linux.
    """
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
