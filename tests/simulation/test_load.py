"""Long outages and rate limits. `python -m tests.simulation --load` prints the full figures."""

import pytest

from tests.simulation.cbr import CBR
from tests.simulation.cloud import PROJECTS, Project
from tests.simulation.load import LONGEST_WAIT_S, last_good_deletion_s, suffer_outage, suffer_throttle


@pytest.mark.parametrize("project", [PROJECTS[0], CBR], ids=["vbs", "cbr"])
def test_twelve_days_of_outage_lose_nothing_and_cause_few_calls(project: Project) -> None:
    outage = suffer_outage(waiting=20, days=12, project=project)
    assert (outage.lost, outage.parked) == (0, 0)
    assert outage.most_calls_a_minute <= 3
    assert outage.mean_calls_a_minute <= 2
    assert outage.most_receives <= 400
    assert outage.drained_s <= 2 * LONGEST_WAIT_S


def test_many_waiting_requests_cause_no_more_calls_than_few() -> None:
    outage = suffer_outage(waiting=300, days=0.1)
    assert (outage.lost, outage.parked) == (0, 0)
    assert outage.mean_calls_a_minute <= 2
    assert outage.most_calls_a_minute <= 3


@pytest.mark.parametrize(("calls_a_minute", "requests"), [(20, 50), (300, 500)])
def test_a_rate_limit_rejects_few_calls_and_everything_ends(calls_a_minute: int, requests: int) -> None:
    throttled = suffer_throttle(calls_a_minute, requests)
    assert throttled.turned_away < 0.5
    assert throttled.drained_s < 3 * 86_400


@pytest.mark.parametrize("seed", range(1, 6))
def test_backups_on_a_dead_host_delay_the_others_at_most_twofold(seed: int) -> None:
    alone_s = last_good_deletion_s(200, on_dead_host=0, seed=seed)
    assert last_good_deletion_s(200, on_dead_host=20, seed=seed) <= 2 * alone_s
