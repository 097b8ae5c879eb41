"""Which `CallsAtOnce` and `BatchSize` are cheapest behind a cloud of 100 ms, against what the template ships."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from tests.benchmarks.batch import BATCH, gb_seconds
from tests.benchmarks.measure import Spent, take_turns
from tests.benchmarks.ours import Handle, batch, quiet, without_aws
from tests.benchmarks.servers import stub
from tests.benchmarks.table import Row

LATENCY_MS: Final = 100
MEMORY_MB: Final = 256
SHIPPED: Final = (10, 5)
CHOICES: Final = ((10, 2), (10, 5), (10, 10), (5, 5), (2, 2))
"""`BatchSize` and `CallsAtOnce`; more threads than records would have nothing to do."""


def measure_choice(rounds: int) -> list[Row]:
    """Rows of GB-seconds per 1,000 proven deletions, each choice against the shipped one."""
    with ExitStack() as stack:
        at = stack.enter_context(stub(LATENCY_MS))
        stack.enter_context(quiet())
        turns: dict[str, Callable[[], None]] = {}
        for size, threads in CHOICES:
            handle = stack.enter_context(without_aws(at, threads)).handle
            turns[f"{size} {threads}"] = partial(_ten, handle, batch(size), batch(size, gone=True), BATCH // size)
        spent = take_turns(turns, rounds)
    shipped = spent["{} {}".format(*SHIPPED)]
    return [_row(choice, spent["{} {}".format(*choice)], shipped) for choice in CHOICES if choice != SHIPPED]


def _ten(handle: Handle, first: dict[str, Any], proof: dict[str, Any], invocations: int) -> None:
    for _ in range(invocations):
        handle(first)
        handle(proof)


def _row(choice: tuple[int, int], ours: list[Spent], shipped: list[Spent]) -> Row:
    size, threads = choice
    return Row(
        part="choice",
        name=f"BatchSize {size}, CallsAtOnce {threads} at {LATENCY_MS} ms and {MEMORY_MB} MB, computed / 10 and 5",
        pairs=[
            (gb_seconds(mine, MEMORY_MB) * 1000 / BATCH, gb_seconds(its, MEMORY_MB) * 1000 / BATCH)
            for mine, its in zip(ours, shipped, strict=True)
        ],
        unit="GB-s",
    )
