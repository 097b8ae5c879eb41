"""Listing and planning at scale, each size in a process of its own so that its peak is its own.

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

from tests.benchmarks.measure import peak_mb
from tests.benchmarks.servers import Stub, stub
from tests.benchmarks.table import Row
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
ZONE: Final = "Europe/Berlin"
KEEP: Final = {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2}
BUCKETS: Final[dict[str, Callable[[datetime], object]]] = {
    "daily": lambda moment: moment.date(),
    "weekly": lambda moment: moment.isocalendar()[:2],
    "monthly": lambda moment: (moment.year, moment.month),
    "yearly": lambda moment: moment.year,
}
SIZES: Final = (10_000, 100_000)
MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one run took, and how many backups it would keep: everybody must agree on that."""

    cpu_s: float
    peak_mb: float
    kept: int


def keep_ours(at: Stub, count: int) -> int:
    """List with our client, plan with our rules; the number of backups kept."""
    shelf, transports = Shelf(), Transports(calls_at_once=1, deadline_s=60.0)
    shelf.put(at.secret())
    logins = LoginStoreInMemory(utc_now)
    api = CloudClient(secrets=shelf, metrics=Metrics(), clock=utc_now, transports=transports, logins=logins)
    policy = read_policy({"policy": "nightly", "match": {"name": "daily*"}, "keep": KEEP, "timezone": ZONE})
    try:
        return plan(policy, Inventory(backups=_listed(api, count)), NOW).totals.kept
    finally:
        transports.close()


def _listed(api: CloudClient, count: int) -> Iterator[Backup]:
    for page in islice(api.list_backups(TARGET, Hourglass()), count // PAGE):
        if isinstance(page, Answer):
            raise RuntimeError(page.message)  # noqa: TRY004  # an answer is no wrong type, but a failure
        yield from page.backups


def keep_with_dicts(at: Stub, count: int) -> int:
    """The same as most write it: dictionaries as they come, and a datetime for each."""
    volumes: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with requests.Session() as session:
        marker: dict[str, str] = {}
        for _ in range(count // PAGE):
            query = {"limit": str(PAGE)} | marker
            rows = session.get(f"{at.backups_url}/detail", params=query, timeout=60).json()["backups"]
            for row in rows:
                volumes[row["volume_id"]].append(row)
            marker = {"marker": rows[-1]["id"]}
    zone = ZoneInfo(ZONE)
    return sum(len(_kept(backups, zone)) for backups in volumes.values())


def _kept(backups: list[dict[str, Any]], zone: ZoneInfo) -> set[str]:
    made = [(datetime.fromisoformat(row["created_at"]).replace(tzinfo=UTC), row["id"]) for row in backups]
    made.sort(reverse=True)
    local = [(moment.astimezone(zone), backup_id) for moment, backup_id in made]
    kept = {backup_id for _, backup_id in local[: KEEP["last"]]}
    for rule, bucket in BUCKETS.items():
        last: object = None
        left = KEEP[rule]
        for moment, backup_id in local:
            name = bucket(moment)
            if name != last or backup_id == local[-1][1]:  # restic keeps the oldest, too
                kept.add(backup_id)
                last, left = name, left - 1
            if not left:
                break
    return kept


WHO: Final = {"ours": keep_ours, "dicts": keep_with_dicts}


def take(who: str, at: Stub, count: int) -> Took:
    """Let them do it in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.purge", who, at.url, str(count)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return Took(**json.loads(ran.stdout))


def measure_purge(rounds: int, *, million: bool = False) -> list[Row]:
    """Rows of CPU and peak memory by size, and of how both grow; a million only on demand.

    Raises:
        RuntimeError: the two keep different numbers of backups, so they do not do the same.
    """
    rows: list[Row] = []
    per_backup: dict[int, float] = {}
    with stub() as at:
        for size in (*SIZES, *([MILLION] if million else [])):
            turns = [(take("ours", at, size), take("dicts", at, size)) for _ in range(rounds if size < MILLION else 1)]
            if any(ours.kept != peer.kept for ours, peer in turns):
                raise RuntimeError(f"of {size} backups they keep {turns}")
            rows += _rows(size, turns)
            per_backup[size] = rows[-2].ours / size
    smaller, larger = sorted(per_backup)[-2:]
    growth = [(per_backup[larger] * 1e6, per_backup[smaller] * 1e6)]
    return [
        *rows,
        Row(part="purge", name=f"a backup of {larger:,} / of {smaller:,}", pairs=growth, unit="µs CPU", aim=1.1),
    ]


def _rows(size: int, turns: list[tuple[Took, Took]]) -> list[Row]:
    name = f"list and plan {size:,} / requests, dicts, datetimes"
    cpu = [(ours.cpu_s, peer.cpu_s) for ours, peer in turns]
    peak = [(ours.peak_mb, peer.peak_mb) for ours, peer in turns]
    return [
        Row(part="purge", name=name, pairs=cpu, unit="s CPU", aim=0.4 if size == MILLION else None),
        Row(
            part="purge",
            name=f"peak of that, {size:,}",
            pairs=peak,
            unit="MB",
            bound=450.0 if size == MILLION else None,
        ),
    ]


def main() -> None:
    """Do it once, as the arguments say."""
    who, url, count = sys.argv[1:]
    before = time.process_time()
    kept = WHO[who](Stub(url=url), int(count))
    print(json.dumps({"cpu_s": time.process_time() - before, "peak_mb": peak_mb(), "kept": kept}))


if __name__ == "__main__":
    main()
