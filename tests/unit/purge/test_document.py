"""A stored plan: canonical, hashed, read in pieces, and refused when it is not what was written."""

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.documents import canonical, full_plan, rehashed
from tests.unit.purge.purge_world import World, in_pieces
from tests.unit.purge.strategies import make_plan, many, nightly
from vbs_reaper.errors import InvalidPlan
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import (
    encode_plan,
    read_header_pieces,
    read_plan,
    read_plan_header,
    read_plan_pieces,
    read_rows,
    sha256_of,
    write_plan,
)
from vbs_reaper.purge.plan_json import PlanHeader
from vbs_reaper.purge.plan_pieces import PlanPieces

FULL = full_plan()
WRITTEN = encode_plan(FULL)
WITHOUT_PLACE = replace(FULL, endpoint=None)


def test_the_plan_of_these_tests_has_everything_a_plan_can_have() -> None:
    assert FULL.difference is not None
    assert FULL.advice
    assert any(row.detail for row in FULL.backups)
    assert {row.group is None for row in FULL.backups} == {row.keep for row in FULL.backups} == {True, False}


# ── Format ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [1, 2])
def test_the_hash_is_over_the_canonical_json_without_it(version: int) -> None:
    made = replace(FULL, format=version)
    document = json.loads(encode_plan(made))
    assert canonical(document) == encode_plan(made)
    stated = document.pop("sha256")
    assert hashlib.sha256(canonical(document)).hexdigest() == stated == sha256_of(made)


def test_format_2_has_its_header_in_front_and_format_1_is_sorted() -> None:
    assert list(json.loads(WRITTEN))[:5] == ["format", "made_at", "policy", "run", "advice"]
    first = json.loads(encode_plan(replace(FULL, format=1)))
    assert list(first) == sorted(first)


@pytest.mark.parametrize("version", [1, 2])
def test_the_members_of_another_format_are_in_another_order_and_refused(version: int) -> None:
    document = json.loads(encode_plan(replace(FULL, format=3 - version)))
    assert read_plan(canonical(rehashed(document | {"format": version}))).format == version
    in_wrong_order = canonical(document).replace(b'"format":%d' % (3 - version), b'"format":%d' % version)
    with pytest.raises(InvalidPlan):
        read_plan(in_wrong_order)


@pytest.mark.parametrize("made", [FULL, WITHOUT_PLACE, make_plan([])], ids=["full", "without a place", "empty"])
def test_a_plan_is_read_as_it_was_written(made: Plan) -> None:
    written = encode_plan(made)
    read = read_plan(written)
    assert read == replace(made, sha256=json.loads(written)["sha256"], guards=tuple(made.guards), groups=read.groups)
    assert list(read.groups) == list(made.groups)
    assert encode_plan(read) == written
    assert read.sha256 == sha256_of(read)
    assert read_plan_header(written) == PlanHeader(policy=made.policy, made_at=made.made_at)


def test_a_plan_of_an_earlier_version_has_no_place_and_keeps_its_hash() -> None:
    without, with_place = json.loads(encode_plan(WITHOUT_PLACE)), json.loads(WRITTEN)
    assert "endpoint" not in without
    assert with_place.pop("endpoint") == "https://cinder.example"
    assert with_place.pop("sha256") != without.pop("sha256")
    assert with_place == without


def test_every_backup_is_there_with_its_reasons() -> None:
    backups = json.loads(WRITTEN)["backups"]
    assert len(backups) == 8
    assert all(row["reasons"] for row in backups)
    assert all(("due_at" in row) is not row["keep"] for row in backups)


# ── Pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_is_written_in_pieces_of_thousands_of_backups() -> None:
    few, many = (make_plan(nightly(count)) for count in (3, 30))
    assert len(list(write_plan(few))) == len(list(write_plan(many))) < 20


def test_a_plan_of_more_backups_than_a_piece_holds_is_written_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vbs_reaper.purge.plan_file._BACKUPS_PER_PIECE", 3)
    pieces = list(write_plan(FULL))
    assert b"".join(pieces) == WRITTEN
    assert [piece.count(b'"reasons"') for piece in pieces if b'"reasons"' in piece] == [3, 3, 2]


@many
@given(st.integers(1, len(WRITTEN) + 1))
def test_a_plan_is_the_same_wherever_its_pieces_end(size: int) -> None:
    whole = read_plan(WRITTEN)
    assert read_plan_pieces(in_pieces(WRITTEN, size)) == whole
    assert read_header_pieces(in_pieces(WRITTEN, size)).policy == whole.policy


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_text_that_looks_like_a_separator_is_no_separator(size: int) -> None:
    names = ['daily-},{"created_at":', 'daily-],"difference":', 'daily-,"backups":[', "daily-\\", 'daily-"']
    written = encode_plan(make_plan(nightly(5, {number: {"name": name} for number, name in enumerate(names)})))
    found = read_plan_pieces(in_pieces(written, size))
    assert {row.name for row in found.backups} == {*names}
    assert encode_plan(found) == written


def test_the_header_of_format_2_is_read_without_the_backups() -> None:
    head, _, _ = WRITTEN.partition(b'"backups":[')
    pieces = iter((head + b'"backups":[', b"never read"))
    assert read_header_pieces(pieces).made_at == FULL.made_at
    assert next(pieces) == b"never read"


def test_the_memory_of_a_reader_does_not_depend_on_the_number_of_backups() -> None:
    head, _, rest = encode_plan(make_plan(nightly(400))).partition(b'"backups":[')
    rows, _, tail = rest.partition(b'],"difference":')

    def document(count: int) -> Iterator[bytes]:
        yield head + b'"backups":['
        for number in range(count):
            yield (b"," if number else b"") + rows
        yield b'],"difference":' + tail

    peaks = []
    for count in (4, 20):
        seen: list[int] = []
        tracemalloc.start()
        with pytest.raises(InvalidPlan, match="changed"):  # its sha256 is that of another number of backups
            read_rows(document(count), lambda backups, seen=seen: seen.append(len(backups)))  # type: ignore[misc]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(seen) == 400 * count
    assert peaks[1] < 1.5 * peaks[0]


# ── Refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"keep":true', b'"keep":false'),
        (b'"max_deletions":200', b'"max_deletions":2000'),
        (b'"size":10', b'"size":11'),
        (b'"run":"2026', b'"run":"2027'),
        (b'{"format"', b'{ "format"'),
        (b'"sha256":"', b'"sha256":"0'),
        *((b'"https://cinder.example"', place) for place in (b"null", b"7", b'""', b'"https://vbs2.example"')),
    ],
)
def test_a_plan_that_was_changed_is_refused(old: bytes, new: bytes) -> None:
    assert old in WRITTEN
    with pytest.raises(InvalidPlan):
        read_plan(WRITTEN.replace(old, new, 1))


@given(st.integers(0, len(WRITTEN) - 1), st.integers(1, 300))
def test_a_plan_that_was_changed_or_cut_is_refused_wherever_its_pieces_end(position: int, size: int) -> None:
    flipped = WRITTEN[:position] + bytes([WRITTEN[position] ^ 1]) + WRITTEN[position + 1 :]
    for changed in (flipped, WRITTEN[:position]):
        with pytest.raises(InvalidPlan):
            read_plan_pieces(in_pieces(changed, size))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"format":2', b'"format":3', "its format is 3; only the formats 1 to 2 are supported"),
        (b'"made_at":"', b'"made_at":"' + b"x" * 50, f': "{"x" * 40}" is not a timestamp$'),
    ],
)
def test_a_plan_of_another_version_or_time_is_told_so_and_no_more_than_a_piece_is_quoted(
    old: bytes, new: bytes, why: str
) -> None:
    with pytest.raises(InvalidPlan, match=f"not a plan that this version can read.*{why}"):
        read_plan(WRITTEN.replace(old, new, 1))


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b"\xff", b"[" * 200_000, b'{"format":2}'])
def test_what_is_no_plan_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidPlan, match="not a plan"):
        read_plan(document)


def test_what_is_no_plan_is_one_head() -> None:
    parts = PlanPieces(in_pieces(b"x" * 100, 3))
    assert (parts.head, list(parts.rows()), parts.tail) == (b"x" * 100, [], b"")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "Input data was truncated"),
        (b"[" * 200_000, "Expected `object`, got `array`"),
        (b'{"made_at":"2026-11-25T03:00:00Z","policy":{}}', '"policy" is missing'),
        (WRITTEN.replace(b'"made_at":"', b'"made_at":"x'), '"x2026-11-25T03:00:00Z" is not a timestamp'),
    ],
)
def test_what_has_no_head_is_no_plan(document: bytes, why: str) -> None:
    with pytest.raises(InvalidPlan, match=f"^this is not a plan that this version can read: .*{why}"):
        read_plan_header(document)


def test_a_last_plan_that_is_found_to_be_changed_at_its_end_leaves_nothing_behind(world: World) -> None:
    world.run("2026-11-24T03:00:00Z", mode="preview", grace="1d")
    key = "nightly", "2026-11-24T03-00-00Z", "json"
    since = b'"selected_since":"2026-11-25T03:00:00Z"'
    assert since in world.plans.objects[key]
    world.plans.objects[key] = world.plans.objects[key].replace(since, since.replace(b"11-25", b"11-23"))
    world.wait(hours=1)
    answer = world.run(grace="1d")
    assert (answer["outcome"], answer["requested"]) == ("completed", 0)
    assert world.document()["difference"] is None
    selected = [row["selected_since"] for row in world.document()["backups"] if not row["keep"]]
    assert selected == ["2026-11-25T04:00:00Z"] * 3
    assert len(world.report.unreadable_plans) == 1
