"""List and plan many backups, each time in a new process, so that its peak memory is its own.

`python -m tests.benchmarks.purge WHO URL COUNT` does it once and prints what it took.
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
from typing import Any, Final
from zoneinfo import ZoneInfo

import requests

from tests.benchmarks.stub import Stub, stub
from tests.benchmarks.table import Row, peak_mb
from tests.integration.reach import TARGET, Hourglass, Shelf
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
    shelf, transports = Shelf(), Transports(calls_at_once=1, deadline_s=60.0)
    shelf.put(at.secret())
    logins = LoginStoreInMemory(utc_now)
    client = CloudClient(secrets=shelf, metrics=Metrics(), clock=utc_now, transports=transports, logins=logins)
    policy = read_policy({"policy": "nightly", "match": {"name": "daily*"}, "keep": KEEP, "timezone": ZONE.key})
    try:
        return plan(policy, Inventory(backups=_listed(client, count)), NOW).totals.kept
    finally:
        transports.close()


def _listed(client: CloudClient, count: int) -> Iterator[Backup]:
    for page in islice(client.list_backups(TARGET, Hourglass()), count // PAGE):
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
    growth = [(per_backup[-1], per_backup[-2])]
    return [*rows, Row(name="purge: a backup of the largest / of the second", pairs=growth, unit="µs CPU", aim=1.1)]


def _take(who: str, at: Stub, count: int) -> Took:
    command = [sys.executable, "-m", "tests.benchmarks.purge", who, at.url, str(count)]
    return Took(**json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout))


def main() -> None:
    """Do it once, as the arguments say."""
    who, url, count = sys.argv[1:]
    before = time.process_time()
    kept = WHO[who](Stub(url=url), int(count))
    print(json.dumps({"cpu_s": time.process_time() - before, "peak_mb": peak_mb(), "kept": kept}))


if __name__ == "__main__":
    main()
