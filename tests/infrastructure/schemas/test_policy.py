"""The schema and the parser accept and reject the same purge policies."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.infrastructure.markdown import documents
from tests.infrastructure.schemas.policy import FILE_NAME
from tests.infrastructure.schemas.validator import validation_errors
from vbs_reaper.errors import InvalidPolicy
from vbs_reaper.purge.policy import read_policy

Policy = dict[str, Any]
LEAST: Policy = {"policy": "nightly", "match": {"name": "daily-*"}, "keep": {"last": 3}}
GOOD: dict[str, Policy] = {
    "the least": {},
    "a status alone": {"match": {"status": "error"}},
    "statuses in a list": {"match": {"status": ["available", "error"]}},
    "a name alone": {"match": {"name": "daily-[!0-9]*"}},
    "names in a list": {"match": {"name": ["daily-*", "weekly-?"]}},
    "a volume alone": {"match": {"volume": "7d2f3a10"}},
    "volumes in a list": {"match": {"volume": ["7d2f3a10", "8e3f4b21"]}},
    "a span of several units": {"grace": "1y6m2d3h"},
    "a span with a unit of none": {"grace": "0d12h"},
    "groups by a part of the name": {"group_by": {"name": "^(.+)-[0-9]+$"}},
    "groups by name": {"group_by": "name"},
    "a whole number as a fraction": {"guards": {"max_fraction": 1}},
    "a purge": {"mode": "purge", "target": "otc-prod", "timezone": "Europe/Berlin"},
    "every keep rule": {
        "keep": {
            **dict.fromkeys(("last", "hourly", "daily", "weekly", "monthly", "yearly"), 1),
            **dict.fromkeys(("within", *(f"within_{each}ly" for each in ("hour", "week", "month", "year"))), "7d"),
            "within_daily": "7d",
        }
    },
}
BAD: dict[str, Policy] = {
    "an empty match": {"match": {}},
    "an empty keep": {"keep": {}},
    "empty guards": {"guards": {}},
    "a group_by of nothing": {"group_by": {}},
    "an unknown key": {"all": True},
    "an unknown keep rule": {"keep": {"minutely": 3}},
    "an unknown match": {"match": {"tag": "x"}},
    "an unknown guard": {"guards": {"off": True}},
    "a count of nothing": {"keep": {"last": 0}},
    "a count that is a text": {"keep": {"last": "3"}},
    "a count that is none": {"keep": {"last": True}},
    "an empty list of statuses": {"match": {"status": []}},
    "an empty list of volumes": {"match": {"volume": []}},
    "a volume without a name": {"match": {"volume": ""}},
    "a status that is never deleted": {"match": {"status": "creating"}},
    "a name of nothing": {"match": {"name": ""}},
    "an empty list of names": {"match": {"name": []}},
    "a name of nothing in a list": {"match": {"name": ["daily-*", ""]}},
    "no time at all": {"grace": "0d"},
    "no time at all in several units": {"grace": "00y0m"},
    "a unit named twice": {"grace": "1d2h3d"},
    "a unit that is none": {"grace": "1w"},
    "a span that is a number": {"grace": 7},
    "a span with a line's end": {"grace": "7d\n"},
    "a fraction above one": {"guards": {"max_fraction": 1.5}},
    "a fraction of nothing": {"guards": {"max_fraction": 0}},
    "a mode that is none": {"mode": "delete"},
    "another grouping": {"group_by": "tag"},
    "a target in capitals": {"target": "OTC"},
    "a policy without a name": {"policy": ""},
    "a policy's name with a slash": {"policy": "a/b"},
    "a policy's name with a line's end": {"policy": "nightly\n"},
    "null": {"grace": None},
}


def is_read(policy: object) -> bool:
    try:
        read_policy(policy)
    except InvalidPolicy:
        return False
    return True


@pytest.mark.parametrize("name", GOOD)
def test_the_schema_accepts_what_the_parser_accepts(name: str) -> None:
    assert is_read(LEAST | GOOD[name])
    assert validation_errors(FILE_NAME, LEAST | GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_the_schema_rejects_what_the_parser_rejects(name: str) -> None:
    assert not is_read(LEAST | BAD[name])
    assert validation_errors(FILE_NAME, LEAST | BAD[name])


@pytest.mark.parametrize("key", LEAST)
def test_both_report_a_missing_key(key: str) -> None:
    lacking = {name: value for name, value in LEAST.items() if name != key}
    assert not is_read(lacking)
    assert validation_errors(FILE_NAME, lacking)


@pytest.mark.parametrize("document", [None, [], "nightly", 3])
def test_a_policy_must_be_an_object(document: object) -> None:
    assert not is_read(document)
    assert validation_errors(FILE_NAME, document)


@given(st.text("0123456789ymdh", max_size=9) | st.from_regex(r"([0-9]{1,7}[ymdh]){1,4}", fullmatch=True))
def test_both_accept_the_same_durations(span: str) -> None:
    policy = LEAST | {"grace": span}
    assert is_read(policy) == (not validation_errors(FILE_NAME, policy))


def test_the_sample_events_match_the_schema(event: Callable[[str], dict[str, Any]]) -> None:
    for name in ("preview", "purge"):
        assert validation_errors(FILE_NAME, event(f"purger/{name}")["run"]) == []


def test_every_policy_in_the_documents_matches_the_schema() -> None:
    policies = [json.loads(block) for document in documents() for block in document.blocks("json") if '"keep"' in block]
    for policy in policies:
        assert validation_errors(FILE_NAME, policy) == []
    assert policies
