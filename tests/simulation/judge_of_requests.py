"""Checks the content of a delete request of the purger. Written from functions/PURGING.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.policy_reading import Reading, made
from tests.simulation.timeline import DAY, seconds_of
from tests.simulation.wanted import Wanted

if TYPE_CHECKING:
    from tests.simulation.aws import Stored
    from tests.simulation.cloud import Project

LIVES_S = 3 * DAY
LIVES_AT_MOST_S = 13 * DAY
SENDING_S = 1000.0


def wanted_of(message: Stored, projects: dict[str, Project]) -> tuple[Wanted, dict[str, Any]]:
    """Return the request for the judge of deletions, and its body."""
    body: dict[str, Any] = json.loads(message.body)
    expires_at = body.get("expires_at")
    wanted = Wanted(
        message.identity,
        projects[body["target"]],
        body["backup_id"],
        expect=body.get("expect", {}),
        guard=body.get("project_id"),
        expires_at_s=seconds_of(datetime.fromisoformat(expires_at)) if expires_at else None,
    )
    return wanted, body


def faults_of_request(
    body: dict[str, Any], reading: Reading, backup_id: str, now: datetime, lives_s: set[float]
) -> Iterator[str]:
    """Yield what is missing in a request, or differs from the list. Its lifetime must be one of these."""
    row, expect = reading.rows[backup_id], body.get("expect", {})
    if body.get("project_id") != reading.project.project_id or body["target"] != reading.project.target:
        yield "not for the project of the plan"
    if (expect.get("volume_id"), expect.get("name")) != (row["volume_id"], row["name"]):
        yield f"expects another volume or name: {expect}"
    if "created_at" not in expect or datetime.fromisoformat(expect["created_at"]) != made(row):
        yield f"expects another time: {expect}"
    if expect.get("survivors", []) != reading.survivors[backup_id]:
        yield f"names the survivors {expect.get('survivors')}, not {reading.survivors[backup_id]}"
    if expect.get("status") != row["status"]:
        yield f"expects another status: {expect}"
    left_s = seconds_of(datetime.fromisoformat(body["expires_at"])) - seconds_of(now)
    if not any(life_s - SENDING_S < left_s <= life_s + SENDING_S for life_s in lives_s):
        yield f"expires in {left_s} s"
