"""What the code writes into CloudWatch: the lines that `Metrics` prints, read as CloudWatch reads them."""

import contextlib
import io
import json
from collections.abc import Callable
from typing import Final

from tests.support.local.function_log import Sample, samples
from vbs_reaper.aws.metrics import Metrics

STACK: Final = "reaper"


def emitted(by: Callable[[Metrics], None], stack: str = STACK) -> list[Sample]:
    """Everything that is written once `by` has counted and the invocation has ended."""
    metrics, printed = Metrics(stack), io.StringIO()
    with contextlib.redirect_stdout(printed):
        by(metrics)
        metrics.flush()
    return list(samples(json.loads(line) for line in printed.getvalue().splitlines()))
