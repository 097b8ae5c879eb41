"""Measure, and print the ratios as a table: `make bench`."""

import argparse
import os
import sys
import time
from collections.abc import Callable

from tests.benchmarks.calls import measure_calls
from tests.benchmarks.cold import measure_cold
from tests.benchmarks.pace import measure_pace
from tests.benchmarks.purge import measure_purge
from tests.benchmarks.record import measure_batch, measure_record
from tests.benchmarks.table import Row, markdown


def main() -> None:
    """Measure the parts given as arguments; all of them by default."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--million", action="store_true", help="also plan a million backups: minutes and 2.5 GB")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the short parts; the long ones have 2")
    parser.add_argument("parts", nargs="*", metavar="PART", help="calls, pace, record, batch, cold, purge")
    arguments = parser.parse_args()
    rounds: int = arguments.rounds
    parts: dict[str, Callable[[], list[Row]]] = {
        "calls": measure_calls,
        "pace": measure_pace,
        "record": lambda: measure_record(rounds),
        "batch": lambda: measure_batch(2),
        "cold": lambda: measure_cold(rounds),
        "purge": lambda: measure_purge(2, million=arguments.million),
    }
    if unknown := set(arguments.parts) - parts.keys():
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    _isolate()
    rows: list[Row] = []
    for name in arguments.parts or parts:
        begun = time.perf_counter()
        rows += parts[name]()
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    print(markdown(rows))


def _isolate() -> None:
    """Run on one core, together with all child processes, and use no proxy."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


if __name__ == "__main__":
    main()
