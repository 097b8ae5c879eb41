"""`make bench-openstack`: measures how soon deletions of real Cinder are proven, and with how many GETs.

The deleter runs on the real clock with its waits as built; only AWS is in memory. The time of a deletion is read from
the database of Cinder, and the GETs are counted in its log.
"""

import json
import re
import sys
import time
from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path
from random import Random, random
from typing import Final

from tests.benchmarks.deleter import BASE_S, CALLS_AT_ONCE, Aws, make_deleter, quiet
from tests.benchmarks.pace import AIMS, Watched, alone, watch
from tests.integration.api_harness import CallRecorder, TargetSecretsInMemory
from tests.openstack.cloud import BackupRow, Cloud
from tests.openstack.progress import step
from tests.support.doubles import LoginStoreInMemory
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import Outcome, Proof, Result

DELETIONS: Final = 30
"""For each duration. From 50 pending deletions of a target on, they make the waits longer (`deletion/pending.py`)."""
CALL: Final = re.compile(r"^(\S+ \S+) .* (GET|DELETE) http\S+/backups/([0-9a-f-]{36})$", re.MULTILINE)
"""A call in the log of Cinder: time, method and backup ID."""
HEADINGS: Final = """\
| deletion of | GETs | simulated | proven late, median, s | simulated | 95th percentile, s | simulated |
|---|---|---|---|---|---|---|"""


def measure(
    cloud: Cloud, durations_s: Collection[float], deletions: int, recorder: CallRecorder, base_s: int = BASE_S
) -> dict[float, Watched]:
    """Delete backups with each duration of a deletion. All durations run in parallel, the longest first."""
    backups = {takes_s: cloud.write_backups([{}] * deletions) for takes_s in sorted(durations_s, reverse=True)}
    cloud.set_driver(delays_s={each: takes_s for takes_s, ids in backups.items() for each in ids})
    results = {str(result.backup_id): result for result in _delete(cloud, backups, recorder, base_s)}
    rows, calls_at_s = cloud.read_backups(), _calls_at_s(cloud.log_files["cinder"])
    watched = {takes_s: Watched([], []) for takes_s in backups}
    for takes_s, backup_id in [(takes_s, each) for takes_s, ids in backups.items() for each in ids]:
        asked_at_s, *looks_at_s = calls_at_s[backup_id]
        gone_at_s, lag_s = _end(results[backup_id], rows[backup_id])
        if gone_at_s < asked_at_s + takes_s:
            raise RuntimeError(f"Cinder took less than {takes_s:g} s to delete {backup_id}")
        watched[takes_s].lags_s.append(lag_s)
        watched[takes_s].looks_at_s.extend(looks_at_s)
    return watched


def _delete(cloud: Cloud, backups: dict[float, list[str]], recorder: CallRecorder, base_s: int) -> list[Result]:
    """Run the deleter until its queue is empty.

    Each duration has its own target and starts one base after the last, so that they do not delay each other.
    """
    secrets, aws = TargetSecretsInMemory(), Aws(utc_now)
    for number, (takes_s, ids) in enumerate(backups.items()):
        target = f"takes-{takes_s:g}-s"
        secrets.put(cloud.secret(), target)
        bodies = [json.dumps({"backup_id": each, "target": target}) for each in ids]
        aws.send([NewMessage(body=body, delay_s=number * base_s) for body in bodies])
    logins = LoginStoreInMemory(utc_now)
    with closing(Transports(calls_at_once=CALLS_AT_ONCE)) as transports, quiet():
        client = CloudClient(secrets=secrets, metrics=recorder, clock=utc_now, transports=transports, logins=logins)
        deleter = make_deleter(client, aws, Metrics("reaper"), utc_now, random, base_s=base_s)
        while (moment := aws.next_at()) is not None:
            time.sleep(max(0.0, (moment - utc_now()).total_seconds()))
            aws.deliver(lambda event: deleter.handle(event, lambda: 60.0, "invocation"))
    return aws.results


def _end(result: Result, row: BackupRow) -> tuple[float, float]:
    """Return when the backup was gone, and the seconds until the proof."""
    if result.outcome is not Outcome.DELETED or not isinstance(result.proof, Proof) or row.deleted_at is None:
        raise RuntimeError(f"the deletion was not proven: {result}")
    return row.deleted_at.timestamp(), (result.proof.at - row.deleted_at).total_seconds()


def _calls_at_s(log: Path) -> dict[str, list[float]]:
    """Return when Cinder received the DELETE of each backup, and the GETs after it."""
    calls_at_s: dict[str, list[float]] = {}
    for at, method, backup_id in CALL.findall(log.read_text(errors="replace")):
        at_s = datetime.fromisoformat(at).timestamp()
        if method == "DELETE":
            calls_at_s[backup_id] = [at_s]
        elif backup_id in calls_at_s:
            calls_at_s[backup_id].append(at_s)
    return calls_at_s


def _line(name: str, measured: Watched, simulated: Watched) -> str:
    figures = zip((measured.looks, *measured.late_s), (simulated.looks, *simulated.late_s), strict=True)
    return f"| {name} | {' | '.join(f'{ours:.3g} | {its:.3g}' for ours, its in figures)} |"


def main() -> None:
    """Measure the durations of the simulation, and print both side by side."""
    durations_s = {name: takes_s for name, (takes_s, *_) in AIMS.items()}
    print("This takes about 45 minutes.", file=sys.stderr)
    with Cloud() as cloud, step(f"delete {DELETIONS} backups for each duration"):
        measured = measure(cloud, durations_s.values(), DELETIONS, CallRecorder())
    print(HEADINGS)
    for name, takes_s in durations_s.items():
        print(_line(name, measured[takes_s], watch(alone(takes_s, Random(1), spread=0.0), Random(2))))


if __name__ == "__main__":
    main()
