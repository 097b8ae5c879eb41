"""How fast the whole local stack drains a queue, what bounds that, and what it asks of AWS: counted at AWS itself.

`make bench ARGS=drain`. Every request to the embedded AWS goes into its log; while the queue drains, nobody but the
functions makes any. What Lambda's own poller asks of SQS, and writes to the log, is no request to it and not counted.
"""

import argparse
import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

from tests.local import embedded_aws
from tests.local.function_log import total
from tests.local.stack import LocalStack
from tests.local.waiting import wait_until
from tests.simulator.cloud import Cloud
from tests.simulator.server import Simulator
from tests.simulator.settings import SimulatorSettings

DELETE_SECONDS: Final = 1.0
WITHIN_S: Final = 120.0
NAMES: Final = {
    "sqs": "SQS",
    "secretsmanager": "Secrets Manager",
    "events": "EventBridge",
    "logs": "CloudWatch Logs",
    "s3": "S3",
}
SETTINGS: Final[dict[str, dict[str, str]]] = {
    "as shipped": {},
    "MaximumConcurrency 4": {"MaximumConcurrency": "4"},
    "CallsAtOnce 10": {"CallsAtOnce": "10"},
}
_SERVED: Final = re.compile(r"-> service=([a-z0-9_-]+)")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """One drain: how long it took, on what, and how often AWS was asked, by service."""

    deletions: int
    seconds: float
    """From the first message sent to an empty queue, a first cold start and one wait for the proof included."""
    aws_cpu_s: float
    """Of the embedded AWS with all functions that it runs."""
    cloud_cpu_s: float
    """Of this process: the simulator, and who watches."""
    asked: Counter[str]
    passes: float

    @property
    def per_second(self) -> float:
        """Proven deletions."""
        return self.deletions / self.seconds

    def per_thousand(self, service: str) -> float:
        """Requests to a service per 1,000 proven deletions."""
        return self.asked[service] * 1000 / self.deletions


def drain(count: int, parameters: Mapping[str, str]) -> Drained:
    """Delete so many through queue, poller, functions and simulator, all from their real template."""
    environment = embedded_aws._environment  # its log must name every request, which nobody else needs

    def telling(scratch: Path, port: int) -> dict[str, str]:
        return environment(scratch, port) | {"LOG_LEVEL": "DEBUG"}

    settings = SimulatorSettings(delete_seconds=DELETE_SECONDS)
    with (
        patch.object(embedded_aws, "_environment", telling),
        Simulator(settings).running() as cloud,
        LocalStack(parameters=parameters) as stack,
    ):
        return _drain(stack, cloud, count)


def _drain(stack: LocalStack, cloud: Cloud, count: int) -> Drained:
    stack.store_secret("default", cloud.target_secret())
    bodies = [{"backup_id": backup_id} for backup_id in cloud.add_backups(count)]
    log = stack.aws.certificate.with_name("ministack.log")
    group = stack.aws.pid or 0
    own, theirs, begun = time.process_time(), _cpu_s(group), time.monotonic()
    told = log.stat().st_size
    stack.send_all(bodies)
    sent = (count + 9) // 10
    looks = 0

    def is_empty() -> bool | None:
        nonlocal looks
        if cloud.remaining():
            return None
        looks += 1
        return stack.depth().total == 0 or None

    wait_until("the queue is empty", is_empty, within_s=WITHIN_S)
    seconds = time.monotonic() - begun
    own, theirs = time.process_time() - own, _cpu_s(group) - theirs
    with log.open("rb") as file:
        file.seek(told)
        asked = Counter(_SERVED.findall(file.read().decode(errors="replace")))
    asked["sqs"] -= sent + looks
    return Drained(
        deletions=count,
        seconds=seconds,
        aws_cpu_s=theirs,
        cloud_cpu_s=own,
        asked=asked,
        passes=total(stack.log().samples(), "Outcomes"),
    )


def _cpu_s(group: int) -> float:
    """CPU of a process group as Linux tells it, of children that have ended too."""
    spent = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[2]) == group:
            spent += sum(int(ticks) for ticks in fields[11:15])
    return spent / _TICKS


def sheet(drained: Mapping[str, Drained]) -> str:
    """The drains as a table, and the requests of the first as another."""
    lines = ["| settings | deletions/s | seconds | CPU of AWS and functions | CPU of the cloud | passes each |"]
    lines.append("|---|---|---|---|---|---|")
    for name, one in drained.items():
        lines.append(
            f"| {name} | {one.per_second:.1f} | {one.seconds:.1f} | {one.aws_cpu_s:.1f} s | {one.cloud_cpu_s:.1f} s"
            f" | {one.passes / one.deletions:.2f} |"
        )
    first = next(iter(drained.values()))
    lines += ["", "| requests per 1,000 deletions | to |", "|---|---|"]
    lines += [f"| {first.per_thousand(service):,.0f} | {name} |" for service, name in NAMES.items()]
    others = {name: number for name, number in first.asked.items() if name not in NAMES and number}
    return "\n".join([*lines, *([f"also: {others}"] if others else [])])


def main() -> None:
    """Drain as shipped, then with more deleters and with more calls at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    arguments = parser.parse_args()
    print(sheet({name: drain(arguments.requests, parameters) for name, parameters in SETTINGS.items()}))


if __name__ == "__main__":
    main()
