"""What a record costs in CPU: a whole pass of ours against one bare DELETE of others, and against a bare socket."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import requests
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from tests.benchmarks.measure import Spent, take_turns
from tests.benchmarks.ours import batch, quiet, without_aws
from tests.benchmarks.sdk_peer import connected
from tests.benchmarks.servers import Stub, stub
from tests.benchmarks.stub_answers import PROJECT_ID, listed_id
from tests.benchmarks.table import Row

TURN: Final = 50
"""Records, or DELETEs, of a turn."""
THREADS: Final = 5
LATENCY_MS: Final = 20.0
TOKEN: Final = "x" * 186
Turn = Callable[[], None]


@contextmanager
def keystone_session(at: Stub) -> Iterator[Session]:
    """keystoneauth1's session, logged in as the member."""
    plugin = Password(
        at.auth_url, username="member", password="member", user_domain_name="Default", project_id=PROJECT_ID
    )
    session = Session(auth=plugin)
    with closing(session.session):
        yield session


def measure_record(rounds: int) -> list[Row]:
    """Rows for a first pass (look and DELETE) and for the proof (look), against every peer."""
    with ExitStack() as stack:
        at = stack.enter_context(stub())
        stack.enter_context(quiet())
        turns = _our_turns(at, stack) | _bare_turns(at, stack) | _client_turns(at, stack)
        spent = take_turns(turns, rounds)

    row = partial(_row, spent)
    whole = "a pass with look and DELETE /"
    return [
        row(f"{whole} one DELETE by", "first", "requests.Session", 0.75),
        row(f"{whole} one DELETE by", "first", "keystoneauth1", 0.55),
        row(f"{whole} one DELETE by", "first", "openstacksdk", 0.25),
        row(whole, "first", "the same calls by requests.Session"),
        row(f"{whole} one DELETE by", "first", "a bare socket, the floor"),
        row("a pass with the proof / one DELETE by", "proof", "requests.Session"),
    ]


def measure_record_that_waits(rounds: int) -> list[Row]:
    """Rows for a first pass against a cloud that takes its time, as every real one does."""
    with ExitStack() as stack:
        at = stack.enter_context(stub(LATENCY_MS))
        stack.enter_context(quiet())
        turns = _our_turns(at, stack) | _bare_turns(at, stack)
        waiting = ("first", "requests.Session", "the same calls by requests.Session")
        spent = take_turns({name: turns[name] for name in waiting}, rounds)
    return [
        _row(spent, f"a pass at {LATENCY_MS:g} ms / one DELETE by", "first", waiting[1]),
        _row(spent, f"a pass at {LATENCY_MS:g} ms /", "first", waiting[2]),
    ]


def _row(spent: Mapping[str, list[Spent]], name: str, ours: str, peer: str, aim: float | None = None) -> Row:
    pairs = [
        (mine.cpu_s / TURN * 1e6, its.cpu_s / TURN * 1e6) for mine, its in zip(spent[ours], spent[peer], strict=True)
    ]
    return Row(part="record", name=f"{name} {peer}", pairs=pairs, unit="µs CPU", aim=aim)


def _our_turns(at: Stub, stack: ExitStack) -> dict[str, Turn]:
    first, proof = batch(10), batch(10, gone=True)
    handle = stack.enter_context(without_aws(at, THREADS)).handle

    def pass_first() -> None:
        for _ in range(TURN // 10):
            handle(first)

    def pass_proof() -> None:
        for _ in range(TURN // 10):
            handle(proof)

    return {"first": pass_first, "proof": pass_proof}


def _bare_turns(at: Stub, stack: ExitStack) -> dict[str, Turn]:
    session = stack.enter_context(requests.Session())
    session.headers["X-Auth-Token"] = TOKEN
    address = urlsplit(at.backups_url)
    connection = stack.enter_context(socket.create_connection((address.hostname or "", address.port or 0)))

    def delete() -> None:
        for number in range(TURN):
            session.delete(f"{at.backups_url}/{listed_id(number)}", timeout=10).raise_for_status()

    def both() -> None:
        for number in range(TURN):
            session.get(f"{at.backups_url}/{listed_id(number)}", timeout=10).json()
            session.delete(f"{at.backups_url}/{listed_id(number)}", timeout=10).raise_for_status()

    def floor() -> None:
        for number in range(TURN):
            path = f"{address.path}/{listed_id(number)}"
            connection.sendall(f"DELETE {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {TOKEN}\r\n\r\n".encode())
            if not connection.recv(65536).startswith(b"HTTP/1.1 202"):
                raise RuntimeError("the stub did not take a DELETE")

    return {"requests.Session": delete, "the same calls by requests.Session": both, "a bare socket, the floor": floor}


def _client_turns(at: Stub, stack: ExitStack) -> dict[str, Turn]:
    keystone = stack.enter_context(keystone_session(at))
    sdk = stack.enter_context(connected(at.auth_url, "member", PROJECT_ID))

    def with_keystoneauth() -> None:
        for number in range(TURN):
            keystone.delete(f"{at.backups_url}/{listed_id(number)}")

    def with_sdk() -> None:
        for number in range(TURN):
            sdk.block_storage.delete_backup(listed_id(number), ignore_missing=False)

    return {"keystoneauth1": with_keystoneauth, "openstacksdk": with_sdk}
