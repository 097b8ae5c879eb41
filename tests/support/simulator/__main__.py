"""`python -m tests.support.simulator`: the cloud's side by itself, until Ctrl-C."""

import argparse
import json
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

VOLUMES = 5


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM, then write the journal where it was asked for."""
    options = _parse(arguments)
    settings = SimulatorSettings(seed=options.seed, delete_seconds=options.delete_seconds)
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    simulator = Simulator(settings, port=options.port)
    try:
        with simulator.running() as cloud:
            add_daily_backups(cloud, options.backups)
            print(describe(cloud), flush=True)
            end.wait()
    except OSError as error:
        print(f"cannot serve on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    journal = simulator.cloud.journal
    if options.journal:
        options.journal.write_text(json.dumps(journal.as_json(), indent=1))
    print(
        f"\n{len(journal.calls)} calls on {journal.connections} connections, {len(journal.deletes)} deletions accepted"
    )
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; a free one by default")
    parser.add_argument("--backups", type=int, default=20, metavar="N", help="how many there are at the start")
    parser.add_argument("--delete-seconds", type=float, default=2.0, metavar="S", help="how long a deletion takes")
    parser.add_argument("--seed", type=int, default=0, help="of ids, passwords and random faults")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="where the journal goes at the end, as JSON")
    return parser.parse_args(arguments)


def add_daily_backups(cloud: Cloud, count: int) -> None:
    """Backups of a few volumes, one a day each, the last ones yesterday."""
    volumes = [cloud.new_id() for _ in range(VOLUMES)]
    for number in range(count):
        day = cloud.now().replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(
            days=1 + (count - 1 - number) // VOLUMES
        )
        cloud.add_backup(name=f"daily-{day:%Y-%m-%d}", volume_id=volumes[number % VOLUMES], created_at=day)


def describe(cloud: Cloud) -> str:
    """Where it is, the secret to paste, and what to try."""
    url, project_id = cloud.url, cloud.project_id
    login = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {
                    "user": {"name": "member", "domain": {"name": "Default"}, "password": cloud.password_of()}
                },
            },
            "scope": {"project": {"id": project_id}},
        }
    }
    return f"""\
simulated cloud at {url}, Keystone at {cloud.auth_url}

Target secret (vbs under /v2; for cinder under /v3: curl '{url}/simulator/secret?service=cinder'):
{json.dumps(cloud.target_secret(), indent=2)}

Log in, list, delete:
TOKEN=$(curl -si {cloud.auth_url}/auth/tokens -H 'Content-Type: application/json' \\
  -d '{json.dumps(login)}' | tr -d '\\r' | awk '/^X-Subject-Token/ {{print $2}}')
curl -s -H "X-Auth-Token: $TOKEN" {url}/v3/{project_id}/backups/detail
curl -si -X DELETE -H "X-Auth-Token: $TOKEN" {url}/v2/{project_id}/backups/BACKUP_ID

Make trouble, see what happened:
curl -s {url}/simulator/service -d '{{"up": false}}'
curl -s {url}/simulator/rate-limit -d '{{"per_minute": 3}}'
curl -s {url}/simulator/faults -d '{{"operation": "delete", "after_work": true, "breakage": "reset"}}'
curl -s {url}/simulator/faults -d '{{"operation": "show", "status": 503, "body": "html", "times": 3}}'
curl -s {url}/simulator/journal

Ctrl-C ends it."""


if __name__ == "__main__":
    sys.exit(main())
