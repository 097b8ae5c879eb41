"""CPU time of a record, compared with a DELETE by other clients; wall time of a batch, compared with a plain loop.

A record is a first pass of the deleter, which makes two calls.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from typing import Final

import requests
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from tests.benchmarks.calls import connected
from tests.benchmarks.deleter import Handle, batch, deleter_of, quiet
from tests.benchmarks.stub import GONE, PROJECT_ID, TOKEN, Stub, listed_id, stub
from tests.benchmarks.table import Row, Spent, Turn, take_turns

TURN: Final = 50
"""Records of a turn."""
SAME_CALLS: Final = "the same calls by requests.Session"
AIMS: Final = {SAME_CALLS: 0.72}
LATENCY_MS: Final = 100
BATCH: Final = 10
MEMORY_MB: Final = 256
VCPU_MB: Final = 1769
"""Memory that comes with one vCPU (AWS Lambda guide, "Configure Lambda function memory")."""


def measure_record(rounds: int) -> list[Row]:
    """Compare against a cloud that answers at once, and against one that takes 20 ms."""
    rows = []
    for latency_ms in (0, 20):
        with ExitStack() as stack:
            at = stack.enter_context(stub(latency_ms))
            stack.enter_context(quiet())
            spent = take_turns(_turns(at, stack), rounds)
        ours = spent.pop("ours")
        for peer, theirs in spent.items():
            name = f"record at {latency_ms} ms: GET and DELETE / {'' if peer == SAME_CALLS else 'DELETE by '}{peer}"
            pairs = [(mine.cpu_s / TURN * 1e6, its.cpu_s / TURN * 1e6) for mine, its in zip(ours, theirs, strict=True)]
            rows.append(Row(name=name, pairs=pairs, unit="µs CPU", aim=AIMS.get(peer) if latency_ms == 0 else None))
    return rows


def _turns(at: Stub, stack: ExitStack) -> dict[str, Turn]:
    handle = stack.enter_context(deleter_of(at))
    session = stack.enter_context(requests.Session())
    session.headers["X-Auth-Token"] = TOKEN
    login = Password(
        at.auth_url, username="member", password="member", user_domain_name="Default", project_id=PROJECT_ID
    )
    keystone = Session(auth=login)
    stack.enter_context(closing(keystone.session))
    sdk = stack.enter_context(connected(at.auth_url, "member", PROJECT_ID))
    event = batch(BATCH)
    urls = [f"{at.backups_url}/{listed_id(number)}" for number in range(TURN)]

    def get_and_delete(url: str) -> None:
        session.get(url, timeout=10).json()
        session.delete(url, timeout=10).raise_for_status()

    def for_each(call: Callable[[str], object]) -> Turn:
        return lambda: [call(url) for url in urls]

    return {
        "ours": lambda: [handle(event) for _ in range(TURN // BATCH)],
        "requests.Session": for_each(lambda url: session.delete(url, timeout=10).raise_for_status()),
        "keystoneauth1": for_each(keystone.delete),
        "openstacksdk": for_each(
            lambda url: sdk.block_storage.delete_backup(url.rpartition("/")[2], ignore_missing=False)
        ),
        SAME_CALLS: for_each(get_and_delete),
    }


def measure_batch(rounds: int) -> list[Row]:
    """Compare the wall time of proven deletions behind a slow cloud, and the GB-seconds computed from it."""
    with ExitStack() as stack:
        at = stack.enter_context(stub(LATENCY_MS))
        stack.enter_context(quiet())
        session = stack.enter_context(requests.Session())
        session.headers["X-Auth-Token"] = TOKEN

        def loop() -> None:
            for number in range(BATCH):
                url = f"{at.backups_url}/{listed_id(number)}"
                session.get(url, timeout=10).json()
                session.delete(url, timeout=10).raise_for_status()
                session.get(f"{at.backups_url}/{GONE}{number:012}", timeout=10).json()

        turns: dict[str, Turn] = {"a plain loop": loop}
        for threads in (5, 10):
            turns[f"CallsAtOnce {threads}"] = partial(_both_passes, stack.enter_context(deleter_of(at, threads)))
        spent = take_turns(turns, rounds)
    loops = spent.pop("a plain loop")
    rows = []
    for name, ours in spent.items():
        title = f"batch: 10 proven deletions at {LATENCY_MS} ms, {name} / a plain loop"
        pairs = [(mine.wall_s * 1000, its.wall_s * 1000) for mine, its in zip(ours, loops, strict=True)]
        rows.append(Row(name=title, pairs=pairs, unit="ms", aim=0.25))
        title = f"batch: 1,000 of them and {MEMORY_MB} MB, computed, {name} / a plain loop"
        pairs = [(_gb_seconds(mine), _gb_seconds(its)) for mine, its in zip(ours, loops, strict=True)]
        rows.append(Row(name=title, pairs=pairs, unit="GB-s"))
    return rows


def _both_passes(handle: Handle) -> None:
    handle(batch(BATCH))
    handle(batch(BATCH, gone=True))


def _gb_seconds(spent: Spent) -> float:
    """Compute what Lambda bills for 1,000 deletions. With little memory, CPU time takes longer than here."""
    return MEMORY_MB / 1024 * max(spent.wall_s, spent.cpu_s * VCPU_MB / MEMORY_MB) * 1000 / BATCH
