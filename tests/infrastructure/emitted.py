"""The metrics that the code writes: the lines of `Metrics`, parsed as CloudWatch does."""

import contextlib
import io
import json
from collections.abc import Callable
from typing import Final

from tests.support.local.function_log import Sample, samples
from vbs_reaper.aws.metrics import Metrics

STACK: Final = "reaper"


def emitted(by: Callable[[Metrics], None], stack: str = STACK) -> list[Sample]:
    """Return the samples of an invocation in which `by` counts."""
    metrics, printed = Metrics(stack), io.StringIO()
    with contextlib.redirect_stdout(printed):
        by(metrics)
        metrics.flush()
    return list(samples(json.loads(line) for line in printed.getvalue().splitlines()))
