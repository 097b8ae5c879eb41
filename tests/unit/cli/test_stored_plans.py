"""Which plans are listed as sent, and how their results are shown."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self, cast

import pytest

from tests.unit.purge.strategies import NOW
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_plans import stored_plans

PLAN = "plans/nightly/2026-11-25T03-00-00Z.json"


@dataclass
class Bucket:
    """A fake of the stack and its S3 client, with objects by key and their times."""

    objects: dict[str, timedelta]
    bucket: str = "plans"
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def s3(self) -> Self:
        return self

    def get_paginator(self, _: str) -> Self:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key, "LastModified": NOW + later} for key, later in self.objects.items()]}]

    def head_object(self, **_: str) -> dict[str, Any]:
        return {"Metadata": {"sha256": "a" * 64} | self.metadata}


@pytest.mark.parametrize(
    ("marks", "sent"),
    [
        ({}, False),
        ({"sent": 0}, True),
        ({"sent": 60}, True),
        ({"grace.sent": 60}, True),
        ({"sent": -1}, False),
        ({"sent": -1, "sent.1": 60}, True),
        ({"sent.part": 60}, False),
    ],
)
def test_plan_is_shown_as_sent_only_if_a_mark_is_not_older_than_it(marks: dict[str, int], *, sent: bool) -> None:
    marked = {PLAN.replace("json", ending): timedelta(seconds=later) for ending, later in marks.items()}
    (plan,) = stored_plans(cast("Stack", Bucket({PLAN: timedelta()} | marked)), "nightly")
    assert plan.sent is sent


@pytest.mark.parametrize(
    ("marks", "metadata", "result"),
    [
        ({}, {"due": "1200"}, "1,200 due"),
        ({}, {"due": "0"}, "nothing due"),
        ({}, {"due": "12", "exceeded": "max_deletions,max_fraction"}, "exceeds max_deletions, max_fraction"),
        ({"sent": 60}, {"due": "12", "exceeded": "max_fraction"}, "sent"),  # it was approved
        ({"sent.part": 60}, {"due": "12"}, "partly sent"),
        ({"sent.part": -1}, {"due": "12"}, "12 due"),
        ({"sent.part": 60, "sent": 90}, {"due": "12"}, "sent"),
        ({}, {}, ""),  # stored by an earlier version
        ({}, {"due": "x"}, ""),  # written by somebody else
    ],
)
def test_the_list_shows_what_became_of_a_plan(marks: dict[str, int], metadata: dict[str, str], result: str) -> None:
    marked = {PLAN.replace("json", ending): timedelta(seconds=later) for ending, later in marks.items()}
    (plan,) = stored_plans(cast("Stack", Bucket({PLAN: timedelta()} | marked, metadata=metadata)), "nightly")
    assert plan.result == result
