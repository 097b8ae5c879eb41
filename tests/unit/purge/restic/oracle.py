"""Asks restic itself which snapshots its `forget` keeps, and stores its answers in cases.json beside this file.

    python -m tests.unit.purge.restic.oracle [PATH OF restic]

Needs `restic` (Debian has it). Real snapshots of one tiny file are made at chosen times, each history in its own time
zone; nothing but a temporary folder is touched. Answers are stored by restic's version: releases from 0.16 on keep the
oldest snapshot while a rule has room, older ones do not.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CASES = Path(__file__).with_name("cases.json")


def _every(start: str, step: timedelta, count: int) -> list[str]:
    first = datetime.fromisoformat(start)
    return [f"{first + step * position:%Y-%m-%d %H:%M:%S}" for position in range(count)]


HISTORIES: dict[str, tuple[str, list[str]]] = {
    "one day": ("UTC", _every("2024-05-05 00:10:00", timedelta(minutes=95), 15)),
    "nightly over a spring change": ("Europe/Berlin", _every("2024-03-14 02:30:00", timedelta(days=1), 24)),
    "nightly over an autumn change": ("America/New_York", _every("2024-10-22 01:30:00", timedelta(days=1), 20)),
    "half-hourly over a spring change": ("America/New_York", _every("2024-03-09 22:00:00", timedelta(minutes=30), 20)),
    "half-hourly over an autumn change": ("Europe/Berlin", _every("2024-10-26 23:00:00", timedelta(minutes=30), 20)),
    "around a leap day": ("Asia/Kolkata", _every("2024-02-20 22:00:00", timedelta(hours=17), 24)),
    "ends of months": (
        "Europe/Berlin",
        [f"{year}-{day} 03:31:00" for year in (2023, 2024) for day in ("01-31", "03-31", "05-31", "08-31", "10-31")]
        + ["2024-02-29 03:31:00", "2025-03-01 03:31:00", "2025-03-31 03:31:00"],
    ),
    "turn of the year": ("Australia/Sydney", _every("2024-12-22 11:00:00", timedelta(hours=26), 20)),
    "every eleven days": ("UTC", _every("2020-12-20 12:00:00", timedelta(days=11), 30)),
    "yearly and rare": (
        "America/Sao_Paulo",
        [f"{year}-{month:02}-29 23:59:59" for year in range(2015, 2025, 2) for month in (3, 7)],
    ),
    "one only": ("Pacific/Auckland", ["2024-07-01 00:00:00"]),
    "long pause": (
        "UTC",
        _every("2022-01-01 06:00:00", timedelta(days=1), 8) + _every("2024-06-01 06:00:00", timedelta(days=1), 8),
    ),
}

RULES: list[dict[str, int | str]] = [
    {"last": 1},
    {"last": 5},
    {"last": 100},
    {"hourly": 3},
    {"hourly": 100},
    {"daily": 1},
    {"daily": 7},
    {"daily": 100},
    {"weekly": 2},
    {"weekly": 50},
    {"monthly": 1},
    {"monthly": 3},
    {"monthly": 48},
    {"yearly": 1},
    {"yearly": 20},
    {"within": "1h"},
    {"within": "7d"},
    {"within": "1m"},
    {"within": "1y5m7d2h"},
    {"within": "2h1y"},
    {"within_hourly": "36h"},
    {"within_daily": "10d"},
    {"within_weekly": "1m"},
    {"within_monthly": "1y"},
    {"within_yearly": "9y"},
    {"last": 2, "daily": 3},
    {"daily": 7, "weekly": 4, "monthly": 12, "yearly": 2},
    {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2, "within": "48h"},
    {"hourly": 5, "within_daily": "3d", "within_weekly": "2m"},
    {"last": 1, "within_monthly": "6m", "yearly": 3},
    {"weekly": 3, "within": "1m1d"},
    {"within": "13m", "within_yearly": "4y"},
]


class Restic:
    """A repository in which each history is a host."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._file = folder / "file"
        self._file.write_text("a few bytes")
        self._run("init", zone="UTC")

    def version(self) -> str:
        return self._run("version", zone="UTC").split()[1]

    def fill(self, history: str, zone: str, times: list[str]) -> None:
        for time in times:
            self._run("backup", "--host", history, "--time", time, str(self._file), zone=zone)

    def forget(self, history: str, zone: str, rules: dict[str, int | str]) -> list[dict[str, Any]]:
        """Return whether each snapshot is kept, newest first."""
        words = [word for rule, value in rules.items() for word in (f"--keep-{rule.replace('_', '-')}", str(value))]
        answer = self._run("forget", "--dry-run", "--json", "--host", history, "--group-by", "host", *words, zone=zone)
        (group,) = json.loads(answer[answer.index("[") :].splitlines()[0])
        found = [
            (_utc(snapshot["time"]), kept)
            for kept, key in ((True, "keep"), (False, "remove"))
            for snapshot in group[key] or []
        ]
        return [{"time": time, "kept": kept} for time, kept in sorted(found, reverse=True)]

    def _run(self, *words: str, zone: str) -> str:
        environment = {**os.environ, "TZ": zone, "RESTIC_PASSWORD": "nothing secret"}
        command = [self._program, "--repo", str(self._folder / "repository"), "--no-cache", "--quiet", *words]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def _utc(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).isoformat()


def answers(program: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every case with the result of this restic."""
    with tempfile.TemporaryDirectory() as folder:
        restic = Restic(program, Path(folder))
        version = restic.version()
        for history, (zone, times) in HISTORIES.items():
            restic.fill(history, zone, times)
            for rules in RULES:
                found = restic.forget(history, zone, rules)
                yield (
                    version,
                    {
                        "history": history,
                        "zone": zone,
                        "rules": rules,
                        "times": [row["time"] for row in found],
                        "kept": [position for position, row in enumerate(found) if row["kept"]],
                    },
                )


def main(program: str = "restic") -> None:
    """Run restic and store the results."""
    if shutil.which(program) is None:
        sys.exit(
            f"there is no {program} here; install it (Debian and Ubuntu: apt-get install restic), or give its path"
        )
    stored = json.loads(CASES.read_text()) if CASES.exists() else {}
    for version, case in answers(program):
        history = stored.setdefault(case["history"], {"zone": case["zone"], "times": case["times"], "cases": []})
        history["times"] = case["times"]
        known = next((known for known in history["cases"] if known["rules"] == case["rules"]), None)
        if known is None:
            history["cases"].append(known := {"rules": case["rules"], "kept": {}})
        known["kept"][version] = case["kept"]
    lines = [f" {json.dumps(name)}: {json.dumps(history)}" for name, history in stored.items()]
    CASES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
