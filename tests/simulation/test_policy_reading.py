"""Special cases of the second implementation of purge policies."""

from datetime import UTC, datetime
from typing import Any

from tests.simulation.cloud import PROJECTS
from tests.simulation.policy_reading import read_policy_on

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
POLICY = {"policy": "p", "mode": "purge", "match": {"name": "nightly-*"}, "keep": {"last": 2}}


def test_a_full_backup_with_the_same_time_as_an_incremental_does_not_end_a_chain() -> None:
    rows = [
        backup("1", "2026-11-20T04:00:00.000000", is_incremental=False),
        backup("2", "2026-11-21T04:00:00.000000", is_incremental=True),
        backup("3", "2026-11-22T04:00:00.000000", is_incremental=True),
        backup("4", "2026-11-22T04:00:00.000000", is_incremental=False),
        backup("5", "2026-11-23T04:00:00.000000", is_incremental=True),
    ]
    assert selected(rows) == set()


def test_a_full_backup_with_its_own_time_ends_a_chain() -> None:
    rows = [
        backup("1", "2026-11-20T04:00:00.000000", is_incremental=False),
        backup("2", "2026-11-21T04:00:00.000000", is_incremental=True),
        backup("4", "2026-11-22T04:00:00.000000", is_incremental=False),
        backup("5", "2026-11-23T04:00:00.000000", is_incremental=True),
    ]
    assert selected(rows) == {"1", "2"}


def selected(rows: list[dict[str, Any]]) -> frozenset[str]:
    project = next(each for each in PROJECTS if each.api_version == "v3")
    return read_policy_on(POLICY, project, rows, NOW, (frozenset(), frozenset())).selected


def backup(backup_id: str, created_at: str, *, is_incremental: bool) -> dict[str, Any]:
    return {
        "id": backup_id,
        "created_at": created_at,
        "is_incremental": is_incremental,
        "volume_id": "v",
        "status": "available",
        "name": "nightly-v",
        "description": None,
        "metadata": {},
        "updated_at": None,
        "fail_reason": None,
        "size": 1,
    }
