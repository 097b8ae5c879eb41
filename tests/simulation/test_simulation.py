"""A sample of the simulation, the same in every run. `make simulate SEEDS=…` runs other seeds."""

from functools import cache
from pathlib import Path

import pytest

from tests.simulation.faults import Fault
from tests.simulation.seeds import Verdict, run_seed, traces

SEEDS = (*range(1, 31), 57, 69, 105, 141)
"""Together they have every kind of fault. `make simulate` runs many more."""


@cache
def sample() -> dict[int, Verdict]:
    return {seed: run_seed(seed) for seed in SEEDS}


def test_no_promise_is_broken_in_the_sample() -> None:
    broken = [seed for seed, verdict in sample().items() if verdict.wrongs]
    assert not broken, "\n".join(traces(seed) for seed in broken[:2])


def test_every_kind_of_fault_occurs_in_the_sample() -> None:
    total = Verdict()
    for verdict in sample().values():
        total.add(verdict)
    assert len(Fault) >= 40
    assert [fault for fault in Fault if not total.fired[fault]] == []


def test_every_kind_of_end_occurs_in_the_sample() -> None:
    ends = {end for verdict in sample().values() for end in verdict.ends}
    assert ends >= {"deleted", "already_gone", "refused"}
    purges = {end for verdict in sample().values() for end in verdict.runs}
    assert purges == {"planned", "completed", "refused", "already_sent"}


@pytest.mark.parametrize("seed", [7, 9])
def test_a_seed_is_the_same_run_every_time_with_and_without_a_purger(seed: int) -> None:
    assert run_seed(seed) == sample()[seed]
    assert traces(seed, 20, only_wrong=False) == traces(seed, 20, only_wrong=False)


def test_a_trace_contains_every_request_and_how_to_replay_it() -> None:
    text = traces(3, 10, only_wrong=False)
    assert "came in:" in text
    assert "published:" in text
    assert text.endswith("replay: make simulate SEED=3")


def test_the_readme_lists_every_fault() -> None:
    readme = (Path(__file__).parent / "README.md").read_text().splitlines()
    assert [line for line in readme if line.startswith("- ")] == [f"- {fault.value}" for fault in Fault]
