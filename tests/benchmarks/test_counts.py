"""What is exact on any machine: calls, requests to AWS, connections and modules loaded."""

import pytest

from tests.benchmarks.cold import DELETER, start
from tests.benchmarks.deleter import CALLS_AT_ONCE, count_ours

DELETIONS = 20
FORBIDDEN = {"pydantic", "aws_xray_sdk", "openstack", "aws_lambda_powertools.utilities.parser"}


@pytest.mark.parametrize("takes_s", [1.0, 10.0])
def test_proven_deletion_makes_three_calls_and_shares_a_login(takes_s: float) -> None:
    counted = count_ours(takes_s, DELETIONS)
    assert counted.proven == DELETIONS
    assert counted.calls == {"Authenticate": 1, "ShowBackup": 2 * DELETIONS, "DeleteBackup": DELETIONS}


def test_proven_deletion_sends_its_message_once_more_and_reads_no_secret_of_its_own() -> None:
    counted = count_ours(1.0, DELETIONS)
    assert counted.aws_requests["send"] == DELETIONS
    assert counted.aws_requests["publish"] <= DELETIONS
    assert set(counted.aws_requests) == {"send", "publish"}
    assert counted.secret_reads == 1


@pytest.mark.parametrize(("takes_s", "calls"), [(30.0, 4.6), (1800.0, 24.0)])
def test_longer_deletion_makes_few_calls(takes_s: float, calls: float) -> None:
    counted = count_ours(takes_s, DELETIONS)
    assert counted.proven == DELETIONS
    assert counted.calls["DeleteBackup"] == DELETIONS
    assert counted.calls.total() / DELETIONS <= calls


@pytest.mark.parametrize("jitter", [0.0, 0.25, 0.5, 0.75, 0.999])
def test_deletion_of_half_an_hour_makes_at_most_29_gets_whatever_the_jitter(jitter: float) -> None:
    counted = count_ours(1800.0, DELETIONS, jitter=lambda: jitter)
    assert counted.proven == DELETIONS
    assert counted.calls["ShowBackup"] <= 29 * DELETIONS
    assert counted.calls["DeleteBackup"] == DELETIONS


def test_there_are_never_more_connections_than_calls_at_once() -> None:
    counted = count_ours(1.0, 10 * DELETIONS)
    assert counted.proven == 10 * DELETIONS
    assert 0 < counted.connections <= CALLS_AT_ONCE


def test_deleter_loads_no_module_that_it_does_not_use() -> None:
    loaded = start(DELETER).modules
    assert "vbs_reaper.deletion.deleter" in loaded
    assert FORBIDDEN.isdisjoint(loaded)
