"""The schemas are generated from the models of the code, and accept and reject the same documents."""

import ast
import inspect
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.infrastructure.schemas import files
from tests.infrastructure.schemas.messages import EVENTS, REFUSALS
from tests.infrastructure.schemas.validator import validation_errors
from vbs_reaper.deletion import bulk, decide, deleter
from vbs_reaper.deletion.envelope import Bulk, open_envelope
from vbs_reaper.deletion.request_json import BULK_LIMIT
from vbs_reaper.deletion.result import DETAIL_TYPES
from vbs_reaper.errors import InvalidRequest

REQUEST = "delete_request.json"
SENT_AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"
OTHER = "0b5e4f6a-7c1d-4e2f-9a3b-000000000002"
NEWER = "0b5e4f6a-7c1d-4e2f-9a3b-000000000003"


def test_the_files_are_up_to_date() -> None:
    assert files.found() == files.expected(), "run: python -m tests.infrastructure.schemas --write"


@pytest.mark.parametrize("file_name", files.expected())
def test_every_schema_is_valid(file_name: str) -> None:
    assert validation_errors(file_name, "no object")


def test_every_end_has_its_event() -> None:
    assert {event.detail_type for event in EVENTS} >= {*DETAIL_TYPES.values()}


def test_the_refusals_are_those_of_the_code() -> None:
    refused = {name for module in (decide, deleter, bulk) for name in _refusals(inspect.getsource(module))}
    assert refused == {reason.name for reason in REFUSALS}


def _refusals(source: str) -> Iterator[str]:
    """Yield the NAME in every `Refused(reason=Reason.NAME, …)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused":
            (reason,) = (word.value for word in node.keywords if word.arg == "reason")
            assert isinstance(reason, ast.Attribute)
            yield reason.attr


@pytest.mark.parametrize(
    "backup_id",
    [
        BACKUP.upper(),
        f"{{{BACKUP}}}",
        f"{BACKUP}\n",
        f" {BACKUP}",
        BACKUP[:-1],
        f"{BACKUP}0",
        BACKUP.replace("-", ""),
        BACKUP.replace("0", "\u0660"),
        f"../volumes/{BACKUP}",
        "",
        7,
        None,
        [BACKUP],
    ],
)
def test_a_malformed_backup_id_is_rejected_by_the_schema(backup_id: object) -> None:
    assert validation_errors(REQUEST, {"backup_id": backup_id})
    assert validation_errors(REQUEST, {"backup_ids": [BACKUP, backup_id]})
    assert validation_errors(REQUEST, {"backup_id": BACKUP, "expect": {"survivors": [backup_id]}})


@pytest.mark.parametrize("count", [1, BULK_LIMIT])
def test_a_bulk_has_one_to_a_thousand_ids(count: int) -> None:
    assert not validation_errors(REQUEST, {"backup_ids": [BACKUP] * count})


@pytest.mark.parametrize("count", [0, BULK_LIMIT + 1])
def test_an_empty_or_too_large_bulk_is_rejected_by_the_schema(count: int) -> None:
    assert validation_errors(REQUEST, {"backup_ids": [BACKUP] * count})


def test_single_and_bulk_exclude_each_other() -> None:
    assert validation_errors(REQUEST, {"backup_id": BACKUP, "backup_ids": [OTHER]})


@pytest.mark.parametrize(
    ("condition", "longest", "too_long"),
    [
        ("volume_id", "v" * 64, "v" * 65),
        ("name", "\U0001f5d1" * 255, "\U0001f5d1" * 256),
        ("created_at", "2026-11-20t02:00:00.123456789", "2026-11-20T02:00:00.1234567890"),
    ],
)
def test_schema_and_code_limit_the_values_of_expectations_equally(condition: str, longest: str, too_long: str) -> None:
    for text in (longest, too_long):
        request: dict[str, object] = {"backup_id": BACKUP, "expect": {condition: text}}
        assert (not validation_errors(REQUEST, request)) == _is_accepted(request) == (text == longest)


@pytest.mark.parametrize("field", ["not_before", "expires_at"])
@pytest.mark.parametrize("end", ["z", ".123456789+01:00", ".1234567890Z", "", "Z\n", "\u0660Z"])
def test_schema_and_code_accept_the_same_instants(field: str, end: str) -> None:
    request: dict[str, object] = {"backup_id": BACKUP, field: f"2026-11-25T12:00:00{end}"}
    assert (not validation_errors(REQUEST, request)) == _is_accepted(request)


def test_every_string_in_a_request_has_a_maximum_length() -> None:
    models = json.loads(files.expected()[REQUEST])["$defs"]
    texts = [
        each
        for model in models.values()
        for field in model["properties"].values()
        for each in (field, field.get("items", {}), *field.get("anyOf", []))
        if each.get("type") == "string"
    ]
    assert texts
    assert all("maxLength" in each or "pattern" in each for each in texts)


SAMPLES = ["bare", "purge", "bulk", "asked", "redriven", "sns_raw"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_requests_match_the_schema(name: str, event: Callable[[str], dict[str, Any]]) -> None:
    request = json.loads(event(f"deleter/sqs_{name}")["Records"][0]["body"])
    good = {**request, "backup_ids": request["backup_ids"][:-1]} if name == "bulk" else request
    assert validation_errors(REQUEST, good) == []


def test_the_sample_event_matches_the_schema(event: Callable[[str], dict[str, Any]]) -> None:
    request = json.loads(event("deleter/sqs_eventbridge")["Records"][0]["body"])
    assert validation_errors("vbs_backup_delete_requested.json", request) == []


def some(*good: object) -> st.SearchStrategy[object]:
    """Return a strategy of mostly valid and some invalid values."""
    bad: list[object] = [None, 7, True, "", " ", "x" * 257, "UPPER", "a\n", "../x", [], {}, "caf\u00e9"]
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from([*good, *bad]))


def optional(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional=fields)


INSTANT = "2026-11-25T12:00:00Z"
EXPECT = optional(
    volume_id=some(OTHER, "anything"),
    created_at=some(INSTANT),
    name=some("daily", None),
    survivors=st.lists(some(OTHER, NEWER), max_size=6, unique_by=str),
    unknown=some(1),
)
CONDITIONS = optional(
    target=some("otc-prod", "a" * 63, "0", "-a", "a" * 64),
    project_id=some("5a1e0c7b9d3f4826a0b4c6d8e2f01357"),
    expect=st.one_of(EXPECT, EXPECT, some({})),
    not_before=some(INSTANT),
    expires_at=some(INSTANT),
    reason=some("superfluous", "x" * 256),
    requested_by=some("nightly"),
    force=some(True),
)
WHAT: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.fixed_dictionaries({"backup_id": some(BACKUP)}),
    st.fixed_dictionaries({"backup_ids": st.lists(st.just(BACKUP), max_size=2)}),
    st.just({}),
)


@given(st.builds(lambda conditions, what: {**conditions, **what}, CONDITIONS, WHAT))
def test_the_schema_and_the_code_accept_the_same_requests(request: dict[str, object]) -> None:
    assert (not validation_errors(REQUEST, _without_instants(request))) == _is_accepted(_without_instants(request))


def _is_accepted(request: dict[str, object]) -> bool:
    try:
        opened = open_envelope(json.dumps(request), SENT_AT)
    except InvalidRequest:
        return False
    return not (isinstance(opened, Bulk) and opened.bad)


def _without_instants(request: dict[str, object]) -> dict[str, object]:
    """Make instants that are strings valid, because a schema does not check the format."""

    def repaired(fields: dict[str, object]) -> dict[str, object]:
        times = {"not_before", "expires_at", "created_at"}
        return {key: INSTANT if key in times and isinstance(value, str) else value for key, value in fields.items()}

    expect = request.get("expect")
    return repaired(request) | ({"expect": repaired(expect)} if isinstance(expect, dict) else {})
