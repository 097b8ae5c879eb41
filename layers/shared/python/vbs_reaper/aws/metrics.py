"""CloudWatch metrics as lines of the log (EMF): counted in memory by all threads, written once per invocation.

Ids are never dimensions: every distinct set of dimensions is a metric of its own, and has its price.
"""

from collections import defaultdict
from threading import Lock
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE: Final = "VbsReaper"

_Dimensions = tuple[tuple[str, str], ...]
_Values = dict[tuple[str, MetricUnit], list[float]]


class Metrics:
    """The metrics of one invocation after the other; every method may be called from several threads at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sets: defaultdict[_Dimensions, _Values] = defaultdict(dict)

    def answered(self, operation: str, status_code: str, seconds: float) -> None:
        """A call to a cloud was answered, or failed with what stands in `status_code`'s place."""
        self._count("Responses", Operation=operation, StatusCode=status_code)
        self._sample("ResponseTime", MetricUnit.Milliseconds, seconds * 1000, Operation=operation)

    def decided(self, outcome: str) -> None:
        """A pass over a message ended."""
        self._count("Outcomes", Outcome=outcome)

    def waits(self, reason: str) -> None:
        """A message waits."""
        self._count("Waits", Reason=reason)

    def refused(self, reason: str) -> None:
        """A request was refused."""
        self._count("Refusals", Reason=reason)

    def deleted_after(self, seconds: float) -> None:
        """A backup is proven gone, so long after its deletion was first requested."""
        self._sample("TimeToDeletion", MetricUnit.Seconds, seconds)

    def delivered_after(self, seconds: float) -> None:
        """A message was delivered whose request is so old; the oldest of the invocation counts."""
        with self._lock:
            ages = self._sets[()].setdefault(("OldestRequestAge", MetricUnit.Seconds), [seconds])
            ages[0] = max(ages[0], seconds)

    def target_is(self, target: str, healthy: bool) -> None:
        """A target was checked; those that were not judged do not count."""
        self._sample("TargetHealthy", MetricUnit.Count, 1.0 if healthy else 0.0, Target=target)

    def planned(self, policy: str, listed: int, kept: int, selected: int) -> None:
        """A run has its plan over so many backups."""
        self._count("BackupsListed", listed, Policy=policy)
        self._count("BackupsKept", kept, Policy=policy)
        self._count("BackupsSelected", selected, Policy=policy)

    def requested(self, policy: str, deletions: int) -> None:
        """A run put so many delete requests into the queue."""
        self._count("DeletionsRequested", deletions, Policy=policy)

    def purge_refused(self, policy: str) -> None:
        """A run was refused."""
        self._count("PurgesRefused", Policy=policy)

    def flush(self) -> None:
        """Write down everything since the last flush: one document per set of dimensions, nothing where none is."""
        with self._lock:
            sets, self._sets = self._sets, defaultdict(dict)
        for dimensions, values in sets.items():
            _write(dimensions, values)

    def _count(self, name: str, by: int = 1, **dimensions: str) -> None:
        with self._lock:
            counted = self._sets[tuple(dimensions.items())].setdefault((name, MetricUnit.Count), [0.0])
            counted[0] += by

    def _sample(self, name: str, unit: MetricUnit, value: float, **dimensions: str) -> None:
        with self._lock:
            self._sets[tuple(dimensions.items())].setdefault((name, unit), []).append(round(value, 3))


def _write(dimensions: _Dimensions, values: _Values) -> None:
    # An empty service keeps Powertools from adding a dimension of that name. At 100 values, which is all that a
    # document may hold, it writes by itself and goes on with an empty one.
    document = EphemeralMetrics(namespace=NAMESPACE, service="")
    for name, value in dimensions:
        document.add_dimension(name, value)
    for (name, unit), samples in values.items():
        for sample in samples:
            document.add_metric(name, unit, sample)
    if document.metric_set:
        document.flush_metrics()
