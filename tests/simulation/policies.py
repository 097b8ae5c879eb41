"""Random purge policies, simple enough to be evaluated by a second implementation."""

import random
from typing import Any

from tests.simulation.cloud import Project


def draw_policy(rng: random.Random, project: Project) -> dict[str, Any]:
    """Return a policy for a project, named after its target."""
    match: dict[str, Any] = {"name": rng.choices(("nightly-*", "daily-*", "*"), (80, 10, 10))[0]}
    if rng.random() < 0.3:
        match["status"] = ["available", "error"]
    if rng.random() < 0.2:
        match["older_than"] = "2d"
    guards: dict[str, Any] = {
        "max_deletions": rng.choices((3, 30, 200), (15, 35, 50))[0],
        "max_fraction": rng.choices((0.25, 0.5, 1.0), (15, 25, 60))[0],
        "min_kept_per_group": rng.choice((1, 1, 2, 3)),
    }
    if rng.random() < 0.15:
        guards["max_newest_age"] = "36h"
    policy = {
        "policy": f"p-{project.target}",
        "target": project.target,
        "mode": rng.choices(("purge", "preview"), (75, 25))[0],
        "match": match,
        "keep": rng.choice(({"last": 2}, {"last": 4}, {"daily": 3}, {"last": 1, "daily": 5})),
        "timezone": rng.choice(("UTC", "Europe/Berlin")),
        "guards": guards,
    }
    if rng.random() < 0.25:
        policy["grace"] = rng.choice(("24h", "2d"))
    return policy
