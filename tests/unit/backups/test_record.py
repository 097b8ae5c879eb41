"""Backup records with fields of unexpected types: such a field is omitted and named, all others are read."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st
from msgspec import UNSET

from tests.unit.clouds.odd_fields import CASES, RECORD
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.record import read_record

ATTRIBUTES = {field.encode_name: field.name for field in msgspec.structs.fields(Backup)}


def read(record: object) -> Backup | None:
    return read_record(json.dumps(record).encode())


def test_a_record_as_documented_has_no_odd_field() -> None:
    backup = read(RECORD)
    assert type(backup) is Backup
    assert backup == msgspec.convert(RECORD, Backup)
    assert backup.odd_fields == frozenset()


@pytest.mark.parametrize(("field", "value"), CASES)
def test_an_odd_field_is_left_out_and_all_others_are_read(field: str, value: object) -> None:
    backup = read(RECORD | {field: value})
    assert backup is not None
    assert backup.odd_fields == {field}
    plain = read({key: each for key, each in RECORD.items() if key != field})
    for attribute in ATTRIBUTES.values():
        assert getattr(backup, attribute) == getattr(plain, attribute)
    assert getattr(backup, ATTRIBUTES[field]) is UNSET


def test_several_odd_fields_are_all_named() -> None:
    backup = read(RECORD | {"size": "10", "created_at": 5, "name": []})
    assert backup is not None
    assert backup.odd_fields == {"size", "created_at", "name"}
    assert backup.volume_id == RECORD["volume_id"]


@pytest.mark.parametrize("record", [[], "x", 5, None, {}, {"id": 5}, {"id": None}, {"id": ["x"], "name": "x"}])
def test_a_record_must_have_a_readable_id(record: object) -> None:
    assert read(record) is None


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": "x", "name": }', b'{"id": "\xff"}', b"[" * 100_000])
def test_a_record_must_be_json(body: bytes) -> None:
    assert read_record(body) is None


@pytest.mark.parametrize(("field", "value"), CASES)
@pytest.mark.parametrize("with_metadata", [False, True])
def test_only_an_odd_field_that_a_decision_needs_is_missing(field: str, value: object, with_metadata: bool) -> None:  # noqa: FBT001
    backup = read(RECORD | {field: value})
    assert backup is not None
    ignored = {"updated_at", "size", "is_incremental", "fail_reason", "service_metadata"}
    assert backup.missing_field(with_metadata=with_metadata) == (None if field in ignored else field)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(ATTRIBUTES)), any_json, max_size=5))
def test_any_record_is_read_or_is_none_and_never_raises(changes: dict[str, Any]) -> None:
    record = RECORD | changes
    backup = read(record)
    assert (backup is None) == (not isinstance(record["id"], str))
    if backup is not None:
        for name, attribute in ATTRIBUTES.items():
            if name in backup.odd_fields:
                assert getattr(backup, attribute) is UNSET
            else:
                assert getattr(backup, attribute) == record.get(name, UNSET)
