"""What 1,000 proven deletions cost in US dollars, here and with other designs: computed from list prices."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MILLION: Final = 1e6
MONTH_S: Final = 730 * 3600
MONTH_DAYS: Final = 365 / 12

# List prices of us-east-1 without free tier, in US dollars. They are assumptions: the pricing pages of Lambda, SQS,
# EventBridge, CloudWatch, Step Functions, EC2, EBS and VPC have the prices of today and of your region.
GB_SECOND: Final = 0.0000133334
"""Lambda on arm64."""
INVOCATION: Final = 0.20 / MILLION
SQS_REQUEST: Final = 0.50 / MILLION
"""A standard queue, with the surcharge of fair queues."""
EVENT: Final = 1.00 / MILLION
LOG_BYTE: Final = 0.50 / 1e9
TRANSITION: Final = 25.0 / MILLION
"""Step Functions, standard workflow."""
DURABLE_OPERATION: Final = 8.0 / MILLION
INSTANCE_MONTH: Final = 0.0042 * 730 + 8 * 0.08 + 0.005 * 730
"""t4g.nano, 8 GB gp3, a public IPv4 address."""

# Prices of a month.
ALARM_METRIC: Final = 0.10
DASHBOARD: Final = 3.00
CUSTOM_METRIC: Final = 0.30
SECRET: Final = 0.40
KEY: Final = 1.00
ENDPOINT: Final = 0.01 * 730
"""An interface endpoint in one availability zone."""
NAT_GATEWAY: Final = 0.045 * 730
POLL_REQUEST: Final = 0.40 / MILLION
"""Receives do not name a tenant, so the surcharge of fair queues does not apply."""

POLLERS: Final = 5
POLL_WAIT_S: Final = 20
"""Lambda reads an empty queue with five pollers, and each waits for this long (Lambda guide, "SQS polling")."""
CHECK_METRICS: Final = 10
"""Metrics that a check of one target writes."""
DELETION_METRICS: Final = 11
"""Metrics that deletions add, without those of logins, which checks write too."""
ENDPOINTS: Final = 4
"""Interface endpoints of a VPC; the endpoint of S3 is free."""

LATENCY_S: Final = 0.1
"""Of each call to the cloud; calls to AWS take 0.01 s and the CPU time of a pass 0.005 s at 256 MB."""
AWS_S: Final = 0.01
CPU_S: Final = 0.005
BATCH: Final = 10
OURS_MB: Final = 256
POLLER_MB: Final = 128
LIMIT_S: Final = 900
"""The longest invocation of Lambda."""
LINE_BYTES: Final = 600
METRICS_BYTES: Final = 1300
POLL_S: Final = 10.0

TAKES: Final = {"2 s": (2.0, 1.0), "30 s": (30.0, 2.7), "30 min": (1800.0, 19.4)}
"""How long a deletion takes the cloud, and the GETs after its 202 (`pace`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """US dollars."""

    compute: float
    messages: float
    """SQS and EventBridge, state transitions, durable operations."""
    logs: float

    @property
    def total(self) -> float:
        """Return the sum."""
        return self.compute + self.messages + self.logs

    def of(self, deletions: float) -> "Bill":
        """Return the bill of so many deletions, if this is the bill of one."""
        parts = (self.compute, self.messages, self.logs)
        compute, messages, logs = (part * deletions for part in parts)
        return Bill(compute=compute, messages=messages, logs=logs)


def ours(looks: float, *, calls_at_once: int = 5, batch: int = BATCH) -> Bill:
    """Return the bill of one deletion: a first pass of two calls, then `looks` passes of one; the last one ends it."""
    rounds = -(-batch // calls_at_once)
    first_s = rounds * (2 * LATENCY_S) + AWS_S + batch * CPU_S
    later_s = rounds * LATENCY_S + AWS_S + batch * CPU_S
    passes = 1 + looks
    seconds = (first_s + looks * later_s) / batch
    # Received, hidden or deleted in batches, but sent one by one: by the producer, and again after the 202.
    requests = 2 + 2 * passes / batch
    return Bill(
        compute=seconds * OURS_MB / 1024 * GB_SECOND + passes / batch * INVOCATION,
        messages=requests * SQS_REQUEST + EVENT,
        logs=(2 * LINE_BYTES + passes / batch * METRICS_BYTES) * LOG_BYTE,
    )


def polling_lambda(takes_s: float) -> Bill:
    """Return the bill of one deletion by a function that waits until it is done: two lines, and no events."""
    invocations = -(-takes_s // LIMIT_S)
    seconds = takes_s + POLL_S / 2 + 3 * LATENCY_S
    return Bill(
        compute=seconds * POLLER_MB / 1024 * GB_SECOND + invocations * INVOCATION,
        messages=3 * SQS_REQUEST,
        logs=2 * LINE_BYTES * LOG_BYTE,
    )


def step_functions(looks: float) -> Bill:
    """Return the bill of one deletion: start, DELETE, then a wait, a look and a choice for each look, and the end."""
    return _orchestrated(looks, (2 + 3 * looks) * TRANSITION)


def durable_function(looks: float) -> Bill:
    """Return the bill of one deletion: its start, a step for the DELETE, and a wait and a step for each look."""
    return _orchestrated(looks, (2 + 2 * looks) * DURABLE_OPERATION)


def _orchestrated(looks: float, messages: float) -> Bill:
    """Return the bill of one deletion if another service starts a function for the DELETE and for each look."""
    tasks = 1 + looks
    return Bill(
        compute=tasks * ((LATENCY_S + CPU_S) * POLLER_MB / 1024 * GB_SECOND + INVOCATION),
        messages=messages,
        logs=2 * LINE_BYTES * LOG_BYTE,
    )


def idle(alarm_metrics: int, dashboards: int) -> dict[str, float]:
    """Return what a stack with one target costs in a month without deletions, by item."""
    return {
        f"alarms on {alarm_metrics} metrics": alarm_metrics * ALARM_METRIC,
        f"{dashboards} dashboard; an account's first three are free": dashboards * DASHBOARD,
        f"{CHECK_METRICS} metrics of hourly checks of one target": CHECK_METRICS * CUSTOM_METRIC,
        "1 secret": SECRET,
        f"{empty_receives():,.0f} receives of the empty queue": empty_receives() * POLL_REQUEST,
    }


def empty_receives() -> float:
    """Return the receives of a month, to two digits."""
    return round(POLLERS * MONTH_S / POLL_WAIT_S, -4)


def idle_table(alarm_metrics: int, dashboards: int) -> Iterator[str]:
    """Yield the lines of the table, in dollars a month."""
    yield from ("| a month | price |", "|---|---|")
    items = idle(alarm_metrics, dashboards)
    for item, price in items.items():
        yield f"| {item} | ${price:.2f} |"
    yield f"| **a stack without deletions** | **${sum(items.values()):.2f}** |"
    yield f"| with deletions in every hour, {DELETION_METRICS} metrics more | ${DELETION_METRICS * CUSTOM_METRIC:.2f} |"
    yield f"| each further target, a secret and a metric | ${SECRET + CUSTOM_METRIC:.2f} |"
    yield f"| each KMS key of your own | ${KEY:.2f} |"
    yield f"| VPC endpoints, {ENDPOINTS} in two zones | ${2 * ENDPOINTS * ENDPOINT:.2f} |"
    yield f"| or a NAT gateway, without its traffic | ${NAT_GATEWAY:.2f} |"


def table() -> Iterator[str]:
    """Yield the lines of the table, in dollars per 1,000 deletions."""
    yield f"| 1,000 proven deletions | {' | '.join(f'of {name}' for name in TAKES)} |"
    yield "|---|" + "---|" * len(TAKES)
    designs = {
        "vbs-reaper, batches of 10": [ours(looks) for _, looks in TAKES.values()],
        "the same, `CallsAtOnce` 10": [ours(looks, calls_at_once=10) for _, looks in TAKES.values()],
        "the same, batches of 5": [ours(looks, batch=5) for _, looks in TAKES.values()],
        "the same, one message for each invocation": [ours(looks, batch=1) for _, looks in TAKES.values()],
        "a Lambda function that waits and polls, 128 MB": [polling_lambda(takes_s) for takes_s, _ in TAKES.values()],
        "Step Functions with as many looks": [step_functions(looks) for _, looks in TAKES.values()],
        "a durable function with as many looks": [durable_function(looks) for _, looks in TAKES.values()],
    }
    for name, bills in designs.items():
        yield f"| {name} | {' | '.join(f'${bill.of(1000).total:.4f}' for bill in bills)} |"
    costs = [f"from {breaks_even(looks):,.0f} a day" for _, looks in TAKES.values()]
    yield f"| an instance (${INSTANCE_MONTH:.2f} a month) is cheaper | {' | '.join(costs)} |"


def breaks_even(looks: float) -> float:
    """Return the deletions a day, to two digits, at which an instance costs as much as what varies here."""
    exact = INSTANCE_MONTH / MONTH_DAYS / ours(looks).total
    digits = len(f"{exact:.0f}") - 2
    return round(exact, -digits)
