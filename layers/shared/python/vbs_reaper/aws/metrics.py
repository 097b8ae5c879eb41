"""CloudWatch metrics in the Embedded Metric Format: counted in memory by all threads, written once per invocation.

IDs are never dimensions, because every distinct set of dimensions is a billed metric.
"""

from collections import defaultdict
from threading import Lock
from typing import Final

import msgspec
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

NAMESPACE: Final = "VbsReaper"
VALUES_LIMIT: Final = 100
"""Maximum number of values of a metric in one document."""

STATUSES: Final = frozenset(
    map(
        str,
        (200, 201, 202, 204, *range(400, 411), 413, 414, 415, 421, 429, 431, 494, *range(500, 505)),
    )
)
"""The statuses that have a meaning of their own in the decision table or in a login."""

_Dimensions = tuple[tuple[str, str], ...]
_Values = dict[tuple[str, MetricUnit], list[float]]


class Metrics:
    """Collects the metrics of one invocation after the other. Thread-safe.

    Every metric has the dimension `Stack`, because the stacks of an account share the namespace.
    """

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._lock = Lock()
        self._sets: defaultdict[_Dimensions, _Values] = defaultdict(dict)
        # An empty service keeps Powertools from adding a dimension of that name.
        self._format = EphemeralMetrics(namespace=NAMESPACE, service="")

    def answered(self, operation: str, status_code: str, seconds: float) -> None:
        """Record a call to a cloud: its status, or what stands in for it, and its duration.

        A status that is not documented counts as `4xx-other` or the like: a faulty cloud could invent hundreds.
        """
        self._count("Responses", Operation=operation, StatusCode=_status_dimension(status_code))
        self._sample("ResponseTime", MetricUnit.Milliseconds, seconds * 1000, Operation=operation)

    def decided(self, outcome: str) -> None:
        """Count the outcome of a pass."""
        self._count("Outcomes", Outcome=outcome)

    def waits(self, reason: str) -> None:
        """Count a wait by its reason."""
        self._count("Waits", Reason=reason)

    def refused(self, reason: str) -> None:
        """Count a refused request by its reason."""
        self._count("Refusals", Reason=reason)

    def stack_fault(self) -> None:
        """Count a pass that could not end because of this software or a resource of the stack."""
        self._count("StackFaults")

    def target_fault(self) -> None:
        """Count a pass that waits until a person repairs the target."""
        self._count("TargetFaults")

    def purge_repeated(self) -> None:
        """Count a request of a purge whose backup was already gone, for example because a killed run was repeated."""
        self._count("PurgesAlreadyGone")

    def deleted_after(self, seconds: float) -> None:
        """Record the time from the first request to the proof of deletion."""
        self._sample("TimeToDeletion", MetricUnit.Seconds, seconds)

    def delivered_after(self, seconds: float) -> None:
        """Record the age of a delivered request. The oldest one of an invocation counts."""
        with self._lock:
            ages = self._sets[self._dimensions()].setdefault(("OldestRequestAge", MetricUnit.Seconds), [seconds])
            ages[0] = max(ages[0], seconds)

    def target_is(self, target: str, healthy: bool) -> None:
        """Record the health of a target. Targets that were not checked do not count."""
        self._sample("TargetHealthy", MetricUnit.Count, 1.0 if healthy else 0.0, Target=target)

    def scheduled_check(self, stack_faults: int, unhealthy_targets: int) -> None:
        """Record the result of a scheduled check. A result without faults is recorded too: it clears the alarms."""
        self._count("ScheduledChecks")
        self._count("StackFaults", stack_faults)
        self._count("TargetFaults", unhealthy_targets)

    def deleter_is(self, enabled: bool) -> None:
        """Record whether the deleter receives requests, or is paused."""
        self._sample("DeleterEnabled", MetricUnit.Count, 1.0 if enabled else 0.0)

    def planned(self, policy: str, listed: int, kept: int, selected: int) -> None:
        """Record the counts of a plan."""
        self._count("BackupsListed", listed, Policy=policy)
        self._count("BackupsKept", kept, Policy=policy)
        self._count("BackupsSelected", selected, Policy=policy)

    def requested(self, policy: str, deletions: int) -> None:
        """Count the delete requests that a purge run sent."""
        self._count("DeletionsRequested", deletions, Policy=policy)

    def purge_refused(self, policy: str) -> None:
        """Count a refused purge run."""
        self._count("PurgesRefused", Policy=policy)

    def scheduled_runs(self, policy: str, runs: int) -> None:
        """Count runs of a policy that its schedule started. 0 records that runs are expected."""
        self._count("ScheduledRuns", runs, Policy=policy)

    def flush(self) -> None:
        """Write everything since the last flush, one EMF document per set of dimensions.

        With `POWERTOOLS_METRICS_DISABLED=true` it is dropped, as by Powertools itself.
        """
        with self._lock:
            sets, self._sets = self._sets, defaultdict(dict)
        if is_metrics_disabled():
            return
        for dimensions, values in sets.items():
            for first in range(0, max(map(len, values.values())), VALUES_LIMIT):
                self._write(dimensions, values, slice(first, first + VALUES_LIMIT))

    def _write(self, dimensions: _Dimensions, values: _Values, part: slice) -> None:
        """Write one document with a part of each metric's values."""
        metrics = {
            name: {"Unit": unit.value, "Value": samples[part]}
            for (name, unit), samples in values.items()
            if samples[part]
        }
        document = self._format.serialize_metric_set(metrics, dict(dimensions))
        print(msgspec.json.encode(document).decode())  # noqa: T201  # CloudWatch reads the metrics from the log

    def _count(self, name: str, by: int = 1, **dimensions: str) -> None:
        with self._lock:
            counted = self._sets[self._dimensions(**dimensions)].setdefault((name, MetricUnit.Count), [0.0])
            counted[0] += by

    def _sample(self, name: str, unit: MetricUnit, value: float, **dimensions: str) -> None:
        with self._lock:
            self._sets[self._dimensions(**dimensions)].setdefault((name, unit), []).append(round(value, 3))

    def _dimensions(self, **dimensions: str) -> _Dimensions:
        return (("Stack", self._stack), *dimensions.items())


def _status_dimension(status_code: str) -> str:
    """Return the value of the dimension. A status above 599 is invalid and counts as 5xx (RFC 9110 section 15)."""
    if status_code in STATUSES or not status_code.isdigit():
        return status_code
    return f"{min(status_code[0], '5')}xx-other"
