"""A batch of ten behind a slow cloud: what is waited and paid for, against a plain loop of the same calls."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import requests

from tests.benchmarks.measure import Spent, take_turns
from tests.benchmarks.ours import Handle, batch, quiet, without_aws
from tests.benchmarks.servers import stub
from tests.benchmarks.stub_answers import listed_id
from tests.benchmarks.table import Row

LATENCIES_MS: Final = (20, 100, 500)
MEMORIES_MB: Final = (128, 256, 512)
CALLS_AT_ONCE: Final = (5, 10)
DEFAULT: Final = 5
"""`CallsAtOnce` as the template has it."""
LOOP: Final = {20: 10, 100: 10, 500: 2}
"""How many deletions the plain loop makes in a turn, by latency: nobody waits 15 s for what 3 s show."""
BATCH: Final = 10
VCPU_MB: Final = 1769
"""Lambda's memory that comes with one whole processor (AWS Lambda guide, "Configure function memory")."""


def gb_seconds(spent: Spent, memory_mb: int) -> float:
    """What Lambda would bill, computed: with less memory comes less processor, so CPU takes longer than here."""
    return memory_mb / 1024 * max(spent.wall_s, spent.cpu_s * VCPU_MB / memory_mb)


def measure_batch(rounds: int) -> list[Row]:
    """Rows of wall time and of GB-seconds per 1,000 proven deletions, by latency."""
    return [row for latency_ms in LATENCIES_MS for row in _behind(latency_ms, rounds)]


def _behind(latency_ms: int, rounds: int) -> list[Row]:
    first, proof = batch(BATCH), batch(BATCH, gone=True)
    with ExitStack() as stack:
        at = stack.enter_context(stub(latency_ms))
        stack.enter_context(quiet())
        plain = stack.enter_context(requests.Session())
        plain.headers["X-Auth-Token"] = "x" * 186

        def loop() -> None:
            for number in range(LOOP[latency_ms]):
                url = f"{at.backups_url}/{listed_id(number)}"
                plain.get(url, timeout=10).json()
                plain.delete(url, timeout=10).raise_for_status()
                plain.get(f"{at.backups_url}/dead4f6a-7c1d-4e2f-9a3b-{number:012}", timeout=10).json()

        candidates: dict[str, Callable[[], None]] = {"loop": loop}
        for threads in CALLS_AT_ONCE:
            handle = stack.enter_context(without_aws(at, threads)).handle
            candidates[str(threads)] = partial(_both_passes, handle, first, proof)
        spent = take_turns(candidates, rounds)
    loops = [_times(each, BATCH / LOOP[latency_ms]) for each in spent["loop"]]
    walls = [_wall_row(latency_ms, threads, spent[str(threads)], loops) for threads in CALLS_AT_ONCE]
    return walls + [_money_row(latency_ms, memory_mb, spent[str(DEFAULT)], loops) for memory_mb in MEMORIES_MB]


def _both_passes(handle: Handle, first: dict[str, Any], proof: dict[str, Any]) -> None:
    handle(first)
    handle(proof)


def _wall_row(latency_ms: int, threads: int, ours: Sequence[Spent], loops: Sequence[Spent]) -> Row:
    return Row(
        part="batch",
        name=f"ten proven deletions at {latency_ms} ms, CallsAtOnce {threads} / plain loop",
        pairs=[(mine.wall_s * 1000, peer.wall_s * 1000) for mine, peer in zip(ours, loops, strict=True)],
        unit="ms",
        aim=0.25 if latency_ms == 100 else None,
    )


def _money_row(latency_ms: int, memory_mb: int, ours: Sequence[Spent], loops: Sequence[Spent]) -> Row:
    return Row(
        part="batch",
        name=f"1,000 proven deletions at {latency_ms} ms and {memory_mb} MB, computed / plain loop",
        pairs=[
            (gb_seconds(mine, memory_mb) * 1000 / BATCH, gb_seconds(peer, memory_mb) * 1000 / BATCH)
            for mine, peer in zip(ours, loops, strict=True)
        ],
        unit="GB-s",
    )


def _times(spent: Spent, factor: float) -> Spent:
    return Spent(wall_s=spent.wall_s * factor, cpu_s=spent.cpu_s * factor)
