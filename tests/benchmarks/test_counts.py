"""What is exact on any machine: calls, connections, readings of the authorities' bundle, modules loaded."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.benchmarks.cold import WIRED, start
from tests.benchmarks.counting import LOOKS_AT_MOST, count_ours, count_terraform
from tests.integration.certificates import Authority
from tests.support.simulator.server import Simulator
from vbs_reaper.clouds.http.transport import Transport

DELETIONS = 20
FORBIDDEN = ("pydantic", "aws_xray_sdk", "openstack", "aws_lambda_powertools.utilities.parser")


@pytest.mark.parametrize("takes_s", [1.0, 30.0])
def test_a_proven_deletion_costs_three_calls_and_its_share_of_a_login(takes_s: float) -> None:
    counted = count_ours(takes_s, DELETIONS)
    assert counted.proven == DELETIONS
    assert counted.calls == {"Authenticate": 1, "ShowBackup": 2 * DELETIONS, "DeleteBackup": DELETIONS}


@pytest.mark.parametrize("jitter", [0.0, 0.25, 0.5, 0.75, 0.999])
def test_a_deletion_of_half_an_hour_costs_at_most_twelve_looks_whatever_the_dice(jitter: float) -> None:
    counted = count_ours(1800.0, DELETIONS, jitter=lambda: jitter)
    assert counted.proven == DELETIONS
    assert counted.looks_per_deletion <= LOOKS_AT_MOST
    assert counted.calls["DeleteBackup"] == DELETIONS


def test_the_computed_loop_looks_every_ten_seconds_in_the_end() -> None:
    assert count_terraform(1.0).calls.total() == 4
    assert count_terraform(1800.0).calls.total() - count_terraform(1700.0).calls.total() == 10


def test_there_are_never_more_connections_than_calls_at_once_however_many_invocations() -> None:
    counted = count_ours(1.0, 10 * DELETIONS)
    assert counted.proven == 10 * DELETIONS
    assert 0 < counted.connections <= 5


def test_the_bundle_of_authorities_is_read_once_for_all_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    read: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counting(context: ssl.SSLContext, *places: Any, **named: Any) -> None:  # noqa: ANN401  # the ssl module's own
        read.append(context)
        load(context, *places, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counting)
    with Simulator(tls=authority.server_context(tmp_path)).running() as cloud:
        transport = Transport(calls_at_once=10, cacert=authority.pem)
        request = requests.Request("GET", f"{cloud.auth_url}").prepare()
        replies = [transport.send(request, body_limit=4096, on_fresh_connection=True) for _ in range(10)]
        transport.close()
        assert len({call.connection for call in cloud.journal.calls}) == 10
    assert [reply.status for reply in replies] == [200] * 10
    assert len(read) == 1


def test_the_deleter_starts_without_what_it_does_not_use() -> None:
    loaded = start(WIRED).all_modules
    assert "vbs_reaper.deletion.deleter" in loaded
    assert not loaded.intersection(FORBIDDEN)
