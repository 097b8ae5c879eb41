"""List and plan many backups, each time in a new process, so that its peak memory is its own.

`python -m tests.benchmarks.purge WHO URL COUNT FOLDER` does it once and prints what it took. A kind of run of
the purger in the place of WHO (see `purger.py`) has its plans in FOLDER.
"""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import requests

from tests.benchmarks.purger import RUNS, run_purger
from tests.benchmarks.stub import Stub, stub
from tests.benchmarks.table import Row, peak_mb
from tests.integration.api_harness import TARGET, FakeTimeLeft, TargetSecretsInMemory
from tests.support.doubles import LoginStoreInMemory
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.backups.answer import Answer
from vbs_reaper.backups.backup import Backup
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.policy import read_policy

PAGE: Final = 1000
NOW: Final = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
ZONE: Final = ZoneInfo("Europe/Berlin")
KEEP: Final = {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2}
PERIODS: Final[dict[str, Callable[[datetime], object]]] = {
    "daily": lambda moment: moment.date(),
    "weekly": lambda moment: moment.isocalendar()[:2],
    "monthly": lambda moment: (moment.year, moment.month),
    "yearly": lambda moment: moment.year,
}
MILLION: Final = 1_000_000
AIMS: Final = {MILLION: 0.4}
BOUNDS_MB: Final = {MILLION: 450.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one run took, and how many backups it would keep."""

    cpu_s: float
    peak_mb: float
    kept: int


def keep_ours(at: Stub, count: int) -> int:
    """List with the client and plan; return the number of backups kept."""
    secrets, transports = TargetSecretsInMemory(), Transports(calls_at_once=1, deadline_s=60.0)
    secrets.put(at.secret())
    logins = LoginStoreInMemory(utc_now)
    client = CloudClient(
        secrets=secrets, metrics=Metrics("reaper"), clock=utc_now, transports=transports, logins=logins
    )
    policy = read_policy({"policy": "nightly", "match": {"name": "daily*"}, "keep": KEEP, "timezone": ZONE.key})
    try:
        return plan(policy, Inventory(backups=_listed(client, count)), NOW).totals.kept
    finally:
        transports.close()


def _listed(client: CloudClient, count: int) -> Iterator[Backup]:
    for page in islice(client.list_backups(TARGET, FakeTimeLeft()), count // PAGE):
        assert not isinstance(page, Answer), page.message
        yield from page.backups


def keep_with_dicts(at: Stub, count: int) -> int:
    """Do the same in the usual way: with dictionaries as they arrive, and a datetime for each."""
    volumes: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    marker: dict[str, str] = {}
    with requests.Session() as session:
        for _ in range(count // PAGE):
            query = {"limit": str(PAGE)} | marker
            rows = session.get(f"{at.backups_url}/detail", params=query, timeout=60).json()["backups"]
            for row in rows:
                volumes[row["volume_id"]].append(row)
            marker = {"marker": rows[-1]["id"]}
    return sum(len(_kept(backups)) for backups in volumes.values())


def _kept(backups: list[dict[str, Any]]) -> set[str]:
    made = sorted((datetime.fromisoformat(row["created_at"]).replace(tzinfo=UTC), row["id"]) for row in backups)
    local = [(moment.astimezone(ZONE), backup_id) for moment, backup_id in reversed(made)]
    kept = {backup_id for _, backup_id in local[: KEEP["last"]]}
    for rule, period_of in PERIODS.items():
        last, left = None, KEEP[rule]
        for moment, backup_id in local:
            period = period_of(moment)
            if period != last or backup_id == local[-1][1]:  # restic also keeps the oldest
                kept.add(backup_id)
                last, left = period, left - 1
            if not left:
                break
    return kept


WHO: Final = {"ours": keep_ours, "dicts": keep_with_dicts}
PURGER_BOUNDS_MB: Final = {200_000: 150.0, MILLION: 470.0}
"""The purger has 512 MB for the first and 1,024 MB for the second."""


def measure_runs(*, million: bool) -> list[Row]:
    """Measure the peak memory of all four kinds of run of the purger, with plans in files instead of S3."""
    rows: list[Row] = []
    with stub() as at:
        for size in (200_000, MILLION) if million else (200_000,):
            with TemporaryDirectory() as folder:
                took = {run: _take(run, at, size, folder) for run in RUNS}
            assert took["approval"].kept == took["second"].kept, took
            for run, each in took.items():
                pair = (each.peak_mb, took["first"].peak_mb)
                name, bound = f"purger: {run} of {size:,}, peak / first", PURGER_BOUNDS_MB[size]
                rows.append(Row(name=name, pairs=[pair], unit="MB", bound=bound))
    return rows


def measure_purge(rounds: int, *, million: bool) -> list[Row]:
    """Compare CPU time and peak memory at several sizes, and the CPU time per backup of the two largest."""
    rows: list[Row] = []
    per_backup: list[float] = []
    with stub() as at:
        for size in (10_000, 100_000, MILLION) if million else (10_000, 100_000):
            turns = [[_take(who, at, size) for who in WHO] for _ in range(1 if size == MILLION else rounds)]
            assert all(ours.kept == peer.kept for ours, peer in turns), turns
            name, aim, bound = f"purge: list and plan {size:,}", AIMS.get(size), BOUNDS_MB.get(size)
            cpu = [(ours.cpu_s, peer.cpu_s) for ours, peer in turns]
            peak = [(ours.peak_mb, peer.peak_mb) for ours, peer in turns]
            rows.append(Row(name=f"{name} / requests, dicts, datetimes", pairs=cpu, unit="s CPU", aim=aim))
            rows.append(Row(name=f"{name}, peak / the same", pairs=peak, unit="MB", bound=bound))
            per_backup.append(min(ours.cpu_s for ours, _ in turns) / size * 1e6)
    rows += measure_runs(million=million)
    growth = [(per_backup[-1], per_backup[-2])]
    return [*rows, Row(name="purge: a backup of the largest / of the second", pairs=growth, unit="µs CPU", aim=1.1)]


def _take(who: str, at: Stub, count: int, folder: str = ".") -> Took:
    command = [sys.executable, "-m", "tests.benchmarks.purge", who, at.url, str(count), folder]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return Took(**json.loads(printed.splitlines()[-1]))  # the lines before it are logs


def main() -> None:
    """Do it once, as the arguments say."""
    who, url, count, folder = sys.argv[1:]
    before = time.process_time()
    kept = WHO[who](Stub(url=url), int(count)) if who in WHO else run_purger(who, url, int(count), Path(folder))
    print(json.dumps({"cpu_s": time.process_time() - before, "peak_mb": peak_mb(), "kept": kept}))


if __name__ == "__main__":
    main()
