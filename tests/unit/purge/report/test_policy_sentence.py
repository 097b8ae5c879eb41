"""A policy in one sentence names every part that decides what is kept."""

from typing import Any

import pytest
from hypothesis import given

from tests.unit.purge.strategies import policies
from vbs_reaper.purge.policy import PurgePolicy, read_policy
from vbs_reaper.purge.report.policy_sentence import describe_policy


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (
            {},
            'available backups named "*", the policy keeps for each volume: the last one. It deletes the others.',
        ),
        ({"keep": {"last": 3, "daily": 7, "weekly": 4}}, "the last 3, 7 daily and 4 weekly. It"),
        ({"keep": {"within": "48h", "within_daily": "7d"}}, "all within 48h of the newest and daily ones within 7d of"),
        ({"match": {"name": ["a*", "b*", "c*"]}}, 'available backups named "a*", "b*" or "c*", the'),
        ({"match": {"volume": ["v1"], "status": ["error"]}}, "Of the failed backups of volume v1, the"),
        (
            {"match": {"volume": ["v1", "v2"], "status": ["error", "available"]}},
            "available and failed backups of 2 volumes",
        ),
        ({"match": {"name": "*", "older_than": "3d"}}, "the last one, and all that are younger than 3d. It"),
        ({"match": {"name": "*", "include_expiring": True}}, "also those that the cloud itself removes, the policy"),
        ({"match": {"name": "*", "include_expiring": False}}, 'named "*", the policy'),
        ({"group_by": {"name": "^(x)"}}, 'for each name as "^(x)" captures it: '),
        ({"grace": "7d"}, "It deletes the others after a grace of 7d."),
    ],
)
def test_it_says_to_what_it_applies_what_it_keeps_and_when(parts: dict[str, Any], says: str) -> None:
    least = {"policy": "p", "match": {"name": "*"}, "keep": {"last": 1}}
    assert says in describe_policy(read_policy({**least, **parts}))


@given(policies())
def test_every_number_of_a_policy_is_in_it(policy: PurgePolicy) -> None:
    sentence = describe_policy(policy)
    assert sentence.isprintable()
    for name in policy.keep.__struct_fields__:
        value = getattr(policy.keep, name)
        if isinstance(value, str) or (isinstance(value, int) and value != 1):
            assert (f"{value:,}" if isinstance(value, int) else value) in sentence
