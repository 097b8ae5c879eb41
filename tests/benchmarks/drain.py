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

from tests.support.local import embedded_aws
from tests.support.local.function_log import FunctionLog, total
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

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
_REPORT: Final = re.compile(r"REPORT RequestId: (?P<invocation>\S+)\tDuration: (?P<ms>\d+) ms")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How long the functions ran, by their own reports, all environments together."""

    environments: int
    cold_s: float
    """The first invocation of each environment."""
    warm_s: float
    warm: int
    """Invocations of environments that had started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """What the embedded AWS spent, and what the functions that it runs did, each in a process of its own."""

    aws_s: float
    functions_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """One drain: how long it took, on what, and how often AWS was asked, by service."""

    deletions: int
    seconds: float
    """From the first message sent to an empty queue, a first cold start and one wait for the proof included."""
    work: Work
    cpu: Cpu
    cloud_cpu_s: float
    """Of this process: the simulator, and who watches."""
    asked: Counter[str]
    passes: float

    @property
    def per_second(self) -> float:
        """Proven deletions."""
        return self.deletions / self.seconds

    @property
    def busy(self) -> float:
        """Of the time that all environments had, the part in which they handled batches."""
        return (self.work.cold_s + self.work.warm_s) / (self.seconds * max(self.work.environments, 1))

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
    own, theirs, begun = time.process_time(), _cpu(group), time.monotonic()
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
    own, now = time.process_time() - own, _cpu(group)
    with log.open("rb") as file:
        file.seek(told)
        asked = Counter(_SERVED.findall(file.read().decode(errors="replace")))
    asked["sqs"] -= sent + looks
    return Drained(
        deletions=count,
        seconds=seconds,
        work=_work(stack.log()),
        cpu=Cpu(aws_s=now.aws_s - theirs.aws_s, functions_s=now.functions_s - theirs.functions_s),
        cloud_cpu_s=own,
        asked=asked,
        passes=total(stack.log().samples(), "Outcomes"),
    )


def _work(log: FunctionLog) -> Work:
    messages = log.messages()
    reported = [found for message in messages if (found := _REPORT.match(message))]
    took_s = {found["invocation"]: int(found["ms"]) / 1000 for found in reported}
    cold = {line["function_request_id"] for line in log.documents() if line.get("cold_start") is True} & set(took_s)
    cold_s = sum(took_s[invocation] for invocation in cold)
    return Work(
        environments=len(cold), cold_s=cold_s, warm_s=sum(took_s.values()) - cold_s, warm=len(took_s) - len(cold)
    )


def _cpu(group: int) -> Cpu:
    """CPU of a process group as Linux tells it: of its leader, and of the rest."""
    leader = rest = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[2]) != group:
            continue
        ticks, of_ended_children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
        rest += of_ended_children
        if stat.parent.name == str(group):
            leader = ticks
        else:
            rest += ticks
    return Cpu(aws_s=leader / _TICKS, functions_s=rest / _TICKS)


def sheet(drained: Mapping[str, Drained]) -> str:
    """The drains as a table, and the requests of the first as another."""
    heads = ("settings", "deletions/s", "seconds", "cold starts", "functions busy", "a warm batch")
    lines = [" | ".join(("", *heads, "CPU of functions", "of AWS", "of the cloud", "passes each", "")).strip()]
    lines.append("|---" * 10 + "|")
    for name, one in drained.items():
        work = one.work
        lines.append(
            f"| {name} | {one.per_second:.1f} | {one.seconds:.1f} | {work.environments} of"
            f" {work.cold_s / max(work.environments, 1):.1f} s | {one.busy:.0%} |"
            f" {work.warm_s / max(work.warm, 1) * 1000:.0f} ms | {one.cpu.functions_s:.1f} s | {one.cpu.aws_s:.1f} s |"
            f" {one.cloud_cpu_s:.1f} s | {one.passes / one.deletions:.2f} |"
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
