"""Measure, print the table, and write it as JSON and as a picture: `make bench`."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.benchmarks.batch import measure_batch
from tests.benchmarks.calls import measure_calls
from tests.benchmarks.choice import measure_choice
from tests.benchmarks.cold import measure_cold
from tests.benchmarks.layers import measure_layers
from tests.benchmarks.measure import on_loopback_only
from tests.benchmarks.picture import draw
from tests.benchmarks.purge import measure_purge
from tests.benchmarks.record import measure_record, measure_record_that_waits
from tests.benchmarks.table import Row, markdown
from tests.benchmarks.tls import measure_tls

ROOT: Final = Path(__file__).resolve().parents[2]
DELETIONS: Final = 20
"""Deletions that share a login where calls are counted."""


def main() -> None:
    """Measure the parts asked for; all of them by default."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument(
        "--million", action="store_true", help="list and plan a million backups, too: minutes and 2.5 GB"
    )
    parser.add_argument("--into", type=Path, default=ROOT / ".build" / "bench", metavar="FOLDER", help="for the files")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the short parts; the long ones have two")
    parser.add_argument("parts", nargs="*", metavar="PART", help="calls, record, batch, tls, cold, purge; drain alone")
    arguments = parser.parse_args()
    if arguments.parts == ["drain"]:
        # The local stack needs the project's whole environment, which the peers' own would only disturb.
        sys.exit(subprocess.run([ROOT / ".venv/bin/python", "-m", "tests.benchmarks.drain"], cwd=ROOT).returncode)
    rounds: int = arguments.rounds
    parts: dict[str, Callable[[], list[Row]]] = {
        "calls": lambda: measure_calls(DELETIONS),
        "record": lambda: measure_record(rounds) + measure_record_that_waits(rounds) + measure_layers(rounds),
        "batch": lambda: measure_batch(2) + measure_choice(2),
        "tls": lambda: measure_tls(rounds),
        "cold": lambda: measure_cold(rounds),
        "purge": lambda: measure_purge(2, million=arguments.million),
    }
    unknown = set(arguments.parts) - parts.keys()
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    on_loopback_only()
    rows: list[Row] = []
    for name in arguments.parts or parts:
        begun = time.perf_counter()
        rows += parts[name]()
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    print(markdown(rows))
    _write(arguments.into, rows)


def _write(folder: Path, rows: list[Row]) -> None:
    now = datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "command": "make bench",
        "at": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "rows": [row.document() for row in rows],
    }
    (folder / "bench.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    caption = f"What a deletion costs beside its peers: make bench, {now:%Y-%m-%d}"
    (folder / "bench.svg").write_text(draw(rows, caption), encoding="utf-8")


if __name__ == "__main__":
    main()
