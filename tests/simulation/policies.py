"""Purge policies, drawn: simple ones, so that they can be read in another way too."""

import random
from typing import Any

from tests.simulation.cloud import Project


def draw_policy(chance: random.Random, project: Project) -> dict[str, Any]:
    """A policy for a project, named after its target."""
    match: dict[str, Any] = {"name": chance.choices(("nightly-*", "daily-*", "*"), (80, 10, 10))[0]}
    if chance.random() < 0.3:
        match["status"] = ["available", "error"]
    if chance.random() < 0.2:
        match["older_than"] = "2d"
    guards: dict[str, Any] = {
        "max_deletions": chance.choices((3, 30, 200), (15, 35, 50))[0],
        "max_fraction": chance.choices((0.25, 0.5, 1.0), (15, 25, 60))[0],
        "min_kept_per_group": chance.choice((1, 1, 2, 3)),
    }
    if chance.random() < 0.15:
        guards["max_newest_age"] = "36h"
    policy = {
        "policy": f"p-{project.target}",
        "target": project.target,
        "mode": chance.choices(("purge", "preview"), (75, 25))[0],
        "match": match,
        "keep": chance.choice(({"last": 2}, {"last": 4}, {"daily": 3}, {"last": 1, "daily": 5})),
        "timezone": chance.choice(("UTC", "Europe/Berlin")),
        "guards": guards,
    }
    if chance.random() < 0.25:
        policy["grace"] = chance.choice(("24h", "2d"))
    return policy
