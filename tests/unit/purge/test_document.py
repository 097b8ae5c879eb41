"""A stored plan: canonical, hashed, and refused when it is not what was written."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.purge.canonical import canonical, rehashed
from tests.unit.purge.strategies import NOW, inventory, nightly, policy, record
from vbs_reaper.errors import InvalidPlan
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import (
    encode_plan,
    read_header_pieces,
    read_plan,
    read_plan_header,
    sha256_of,
    write_plan,
)
from vbs_reaper.purge.plan_json import PlanHeader


def made() -> Plan:
    first = plan(policy(grace="1d"), inventory(nightly(9, is_incremental=None), service="cinder"), NOW)
    rows = nightly(12, is_incremental=False)
    rows[11]["name"] = 'ünïcode "quoted" \\ \u2028'
    return plan(policy(grace="1d"), inventory(rows, service="cinder"), NOW, last=first, run="2026-11-25T03-00-00Z")


def chained() -> Plan:
    """With advice, and with backups that are left alone for a reason with a detail."""
    rows = nightly(8, is_incremental=True)
    rows[-1]["is_incremental"] = False
    rows += [record(20, age=timedelta(days=3), status="odd"), record(21, age=timedelta(days=3), name="by hand")]
    return plan(policy(), inventory(rows, service="cinder"), NOW)


@pytest.mark.parametrize("version", [1, 2])
def test_the_hash_is_over_the_canonical_json_without_it(version: int) -> None:
    written = encode_plan(replace(made(), format=version))
    document = json.loads(written)
    assert canonical(document) == written
    stated = document.pop("sha256")
    assert hashlib.sha256(canonical(document)).hexdigest() == stated == sha256_of(replace(made(), format=version))


def test_format_2_has_its_header_in_front_and_format_1_is_sorted() -> None:
    assert list(json.loads(encode_plan(made())))[:5] == ["format", "made_at", "policy", "run", "advice"]
    first = json.loads(encode_plan(replace(made(), format=1)))
    assert list(first) == sorted(first)


@pytest.mark.parametrize("version", [1, 2])
def test_the_members_of_another_format_are_in_another_order_and_refused(version: int) -> None:
    document = json.loads(encode_plan(replace(made(), format=3 - version)))
    assert read_plan(canonical(rehashed(document | {"format": version}))).format == version
    in_wrong_order = canonical(document).replace(b'"format":%d' % (3 - version), b'"format":%d' % version)
    with pytest.raises(InvalidPlan):
        read_plan(in_wrong_order)


def test_the_header_of_format_2_is_read_without_the_backups() -> None:
    head, _, _ = encode_plan(made()).partition(b'"backups":[')
    taken: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for piece in (head + b'"backups":[', b"never read"):
            taken.append(piece)
            yield piece

    assert read_header_pieces(pieces()).made_at == made().made_at
    assert len(taken) == 1


def placed() -> Plan:
    """Of a known place."""
    return replace(made(), endpoint="https://vbs.example/volume")


@pytest.mark.parametrize("make", [made, chained, placed])
def test_a_plan_is_read_as_it_was_written(make: Callable[[], Plan]) -> None:
    plan = make()
    written = encode_plan(plan)
    read = read_plan(written)
    assert read == replace(plan, sha256=json.loads(written)["sha256"], guards=tuple(plan.guards), groups=read.groups)
    assert list(read.groups) == list(plan.groups)
    assert encode_plan(read) == written
    assert read.sha256 == sha256_of(read)


def test_the_plans_that_are_written_have_everything_a_plan_can_have() -> None:
    assert made().difference is not None
    assert chained().advice
    assert any(row.detail for row in chained().backups)
    assert {row.group is None for row in chained().backups} == {True, False}


def test_a_plan_of_an_earlier_version_has_no_place_and_keeps_its_hash() -> None:
    written, with_place = encode_plan(made()), json.loads(encode_plan(placed()))
    assert "endpoint" not in json.loads(written)
    assert read_plan(written).endpoint is None
    assert with_place.pop("endpoint") == "https://vbs.example/volume"
    assert with_place.pop("sha256") != json.loads(written)["sha256"]
    assert with_place.items() <= json.loads(written).items()


@pytest.mark.parametrize("place", ["null", "7", '""', '"https://vbs2.example"'])
def test_a_plan_with_another_place_is_refused(place: str) -> None:
    written = encode_plan(placed()).replace(b'"https://vbs.example/volume"', place.encode())
    with pytest.raises(InvalidPlan):
        read_plan(written)


def test_a_plan_is_written_in_pieces_of_thousands_of_backups() -> None:
    few, many = (plan(policy(), inventory(nightly(count)), NOW) for count in (3, 30))
    assert len(list(write_plan(few))) == len(list(write_plan(many))) < 20


def test_every_backup_is_there_with_its_reasons() -> None:
    backups = json.loads(encode_plan(made()))["backups"]
    assert len(backups) == 12
    assert all(row["reasons"] for row in backups)
    assert all(("due_at" in row) is not row["keep"] for row in backups)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"keep":true', b'"keep":false'),
        (b'"max_deletions":200', b'"max_deletions":2000'),
        (b'"size":10', b'"size":11'),
        (b'"run":"2026', b'"run":"2027'),
        (b'{"format"', b'{ "format"'),
        (b'"sha256":"', b'"sha256":"0'),
    ],
)
def test_a_plan_that_was_changed_is_refused(old: bytes, new: bytes) -> None:
    written = encode_plan(made())
    assert old in written
    with pytest.raises(InvalidPlan):
        read_plan(written.replace(old, new, 1))


def test_a_plan_of_another_version_is_told_so() -> None:
    written = encode_plan(made())
    with pytest.raises(
        InvalidPlan,
        match="not a plan that this version can read: its format is 3; only the formats 1 to 2 are supported",
    ):
        read_plan(written.replace(b'"format":2', b'"format":3'))


def test_of_an_instant_that_is_none_no_more_than_a_piece_is_quoted() -> None:
    written = encode_plan(made())
    with pytest.raises(InvalidPlan, match=f': "{"x" * 40}" is not a timestamp$'):
        read_plan(written.replace(b'"made_at":"', b'"made_at":"' + b"x" * 50))


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b"\xff", b"[" * 200_000, b'{"format":2}'])
def test_what_is_no_plan_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidPlan, match="not a plan"):
        read_plan(document)


def test_the_head_of_a_plan_is_whose_it_is_and_of_when() -> None:
    plan = made()
    assert read_plan_header(encode_plan(plan)) == PlanHeader(policy=plan.policy, made_at=plan.made_at)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "Input data was truncated"),
        (b"[" * 200_000, "Expected `object`, got `array`"),
        (b'{"made_at":"2026-11-25T03:00:00Z","policy":{}}', '"policy" is missing'),
        (encode_plan(made()).replace(b'"made_at":"', b'"made_at":"x'), '"x2026-11-25T03:00:00Z" is not a timestamp'),
    ],
)
def test_what_has_no_head_is_no_plan(document: bytes, why: str) -> None:
    with pytest.raises(InvalidPlan, match=f"^this is not a plan that this version can read: .*{why}"):
        read_plan_header(document)


def test_a_plan_cut_short_is_refused() -> None:
    written = encode_plan(made())
    for cut in range(0, len(written), 97):
        with pytest.raises(InvalidPlan):
            read_plan(written[:cut])
