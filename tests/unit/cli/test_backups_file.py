"""A file of backups is read completely, in pieces of any size, or rejected with one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.strategies import Record, nightly
from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.hold_marker import HOLD_MARKER
from vbs_reaper.cli.backups_file import BackupsFile
from vbs_reaper.errors import InvalidBackupsFile, RunRefused
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.reasons import Reason

MEGABYTE = 1 << 20
PIECES = pytest.mark.parametrize("piece_bytes", [30, 100, 500, MEGABYTE])
ROW = '{"id": "a", "name": "x", "created_at": "2026-11-25T02:00:00Z"}'
CBR = {
    "id": "a",
    "resource_id": "v",
    "resource_type": "OS::Cinder::Volume",
    "parent_id": None,
    "status": "waiting_protect",
    "created_at": "2026-11-25T02:00:00.065+00:00",
    "name": "manualbk_1",
    "description": "",
    "children": [{"id": "b"}],
}
"""A record as CBR lists it."""

Open = Callable[..., BackupsFile]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Open:
    """A file with this text, or with these records as the API lists them."""
    path = tmp_path_factory.mktemp("list") / "inventory.json"

    def write(content: Any, piece_bytes: int = MEGABYTE) -> BackupsFile:  # noqa: ANN401  # text, bytes or records
        if isinstance(content, list):
            content = json.dumps({"backups": content})
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return BackupsFile(path, piece_bytes)

    return write


def inventory(file: BackupsFile) -> Inventory:
    return file.inventory(None, HOLD_MARKER)


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(InvalidBackupsFile) as refused:
        read()
    sentence = str(refused.value)
    assert "inventory.json: " in sentence
    assert "\n" not in sentence
    return sentence


# ── Records ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_nasty = st.sampled_from(['"},{"id":"x"', "}, {", '\\"},\n{', "]}", "[{", '{"backups":[', "\u2028é"])
_texts = st.one_of(st.none(), _nasty, st.text(max_size=5))
_records = st.lists(
    st.fixed_dictionaries(
        {"id": st.uuids().map(str), "name": _texts, "description": _texts},
        optional={
            "links": st.lists(st.fixed_dictionaries({"rel": _nasty}), max_size=3),
            "metadata": st.just({"a": "},{"}),
        },
    ),
    max_size=12,
)


@given(_records, st.integers(1, 400), st.sampled_from([None, 1]), st.booleans())
def test_pieces_of_any_size_give_the_same_backups(
    opened: Open, records: list[Record], piece_bytes: int, indent: int | None, links: bool
) -> None:
    text = json.dumps({"backups": records, **({"backups_links": []} if links else {})}, indent=indent)
    assert list(opened(text, piece_bytes)) == msgspec.convert(records, list[Backup])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *((text, "is not JSON") for text in ("", "nothing", '{"backups": [', '{"backups": [{"id": "a"}', b"\xff\xfe")),
        (b'{"backups": [{"id": "\xff"}]}', "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        ('{"backups": [' + "[" * 200_000, "is not JSON"),
        *((text, 'is not an object with a list "backups"') for text in ("[]", "{}", '{"backup": {}}')),
        ('{"backups": null}', '"backups": expected array, got null'),
        ('{"backups": [null]}', '"backups[0]": expected object, got null'),
        ('{"backups": [{"id": "a"}, {}]}', '"backups[1]": Object missing required field id'),
        ('{"backups": [{"id": 7}]}', '"backups[0].id": expected str, got int'),
    ],
)
def test_other_documents_are_refused(opened: Open, text: str | bytes, says: str) -> None:
    assert says in refusal(lambda: list(opened(text)))


def test_a_bad_record_of_a_long_list_is_named_by_its_place(opened: Open) -> None:
    records: list[Any] = [{"id": str(number)} for number in range(50)]
    records[40] = {"id": 40}
    assert '"backups[40].id"' in refusal(lambda: list(opened(records, 100)))


def test_a_missing_file_is_refused_and_a_byte_order_mark_is_accepted(opened: Open, tmp_path: Path) -> None:
    with pytest.raises(InvalidBackupsFile, match="No such file"):
        list(BackupsFile(tmp_path / "none.json"))
    assert list(opened(b'\xef\xbb\xbf{"backups": []}')) == []


@pytest.mark.parametrize("piece_bytes", [50, MEGABYTE])
def test_a_record_with_an_odd_field_is_read_without_it_as_from_the_cloud(opened: Open, piece_bytes: int) -> None:
    records: list[Any] = [{"id": str(number), "name": "x"} for number in range(20)]
    records[7] |= {"size": "10", "name": 5}
    read = list(opened(records, piece_bytes))
    assert [backup.id for backup in read] == [str(number) for number in range(20)]
    assert read[7].odd_fields == {"size", "name"}
    assert [backup.name for backup in read] == ["x"] * 7 + [msgspec.UNSET] + ["x"] * 12


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            {"backups": [], "backups_links": [{"rel": "next", "href": "http://cloud/?marker=x"}]},
            "one page of a longer list",
        ),
        ({"backups": [CBR], "count": 1001}, "it has 1 of 1,001 backups"),
    ],
)
def test_one_page_of_a_longer_list_is_refused(opened: Open, text: Record, says: str) -> None:
    with pytest.raises(RunRefused, match=says) as refused:
        inventory(opened(json.dumps(text)))
    assert refused.value.reason is Reason.LISTING_INCOMPLETE


# ── The service ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "service"),
    [
        ({}, "vbs"),
        ({2: {"is_incremental": False}}, "vbs"),
        ({2: {"is_incremental": True}}, "cinder"),
        ({2: {"is_incremental": True, "service_metadata": "{}"}}, "vbs"),
        ({0: {"is_incremental": "false"}}, "vbs"),
        ({0: {"is_incremental": "false"}, 2: {"is_incremental": True}}, "cinder"),
    ],
)
def test_the_service_is_recognized_from_the_records(opened: Open, changes: dict[int, Record], service: str) -> None:
    assert inventory(opened(nightly(3, changes))).service == service


def test_metadata_is_needed_if_one_record_has_it(opened: Open) -> None:
    assert not inventory(opened(nightly(2))).with_metadata
    assert inventory(opened(nightly(2, {1: {"metadata": {}}}))).with_metadata


@pytest.mark.parametrize("piece_bytes", [100, MEGABYTE])
def test_a_list_of_cbr_is_recognized_and_read_with_its_fields(opened: Open, piece_bytes: int) -> None:
    rows = [CBR | {"id": str(number)} for number in range(20)]
    document = json.dumps({"backups": rows, "count": 20, "offset": 0, "limit": 1000})
    found = inventory(opened(document, piece_bytes))
    assert (found.service, found.with_metadata) == ("cbr", False)
    read = list(found.backups)
    assert [backup.id for backup in read] == [str(number) for number in range(20)]
    assert {(backup.volume_id, backup.status, backup.missing_field(with_metadata=False)) for backup in read} == {
        ("v", "creating", None)
    }


@pytest.mark.parametrize(
    ("rows", "service", "note"),
    [
        ([{"id": f"b{n}", "is_incremental": True} for n in range(1000)], None, "exactly 1,000 backups"),
        ([{"id": f"b{n}", "is_incremental": True} for n in range(999)], None, None),
        ([{"id": "b"}], None, "it is read as vbs: see --service"),
        ([{"id": "b"}], "cinder", None),
        ([{"id": "b", "service_metadata": "x"}], None, None),
        ([], None, None),
    ],
)
def test_a_list_that_may_be_one_page_or_has_no_recognizable_service_is_noted(
    opened: Open, rows: list[Record], service: Service | None, note: str | None
) -> None:
    file = opened(rows)
    file.inventory(service, HOLD_MARKER)
    assert [note is not None and note in each for each in file.notes] == ([] if note is None else [True])


# ── Duplicate keys ────────────────────────────────────────────────────────────────────────────────────────────────────


@PIECES
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"backups": [ROWS], "backups": [ROWS]}', "backups"),
        ('{"backups": [], "backups": [ROWS]}', "backups"),
        ('{"backups": [ROWS], "backups": null}', "backups"),
        ('{"backups": [ROWS], "b\\u0061ckups": []}', "backups"),
        ('{"x": 1, "backups": [ROWS], "y": {"z": 1}, "backups": [ROWS]}', "backups"),
        ('{"backups_links": [{"rel": "next"}], "backups": [ROWS], "backups_links": []}', "backups_links"),
        ('{"backups": [ROWS], "backups_links": [{"rel": "next"}], "backups_links": []}', "backups_links"),
    ],
)
def test_a_list_that_is_named_twice_is_refused(opened: Open, text: str, key: str, piece_bytes: int) -> None:
    for count in (1, 2, 40):
        file = opened(text.replace("ROWS", ", ".join([ROW] * count)), piece_bytes)
        message = f'inventory.json: names the key "{key}" twice, on the top level; keep one of them'
        assert refusal(lambda file=file: inventory(file)).endswith(message)  # type: ignore[misc]
        assert refusal(lambda file=file: list(file)).endswith(message)  # type: ignore[misc]


@PIECES
@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('"created_at": "2020-01-01T00:00:00Z"', "created_at"),
        ('"creat\\u0065d_at": "2020-01-01T00:00:00Z"', "created_at"),
        ('"id": "b"', "id"),
        ('"description": "[hold]", "description": null', "description"),
        ('"metadata": {"hold": "x"}, "metadata": {}', "metadata"),
        ('"resource_id": "w", "resource_id": "v"', "resource_id"),
    ],
)
def test_a_record_with_a_key_twice_is_refused_with_its_number(
    opened: Open, more: str, key: str, piece_bytes: int
) -> None:
    for number in (0, 7, 19):
        rows = [ROW] * 20
        rows[number] = ROW[:-1] + f", {more}}}"
        file = opened(f'{{"backups": [{", ".join(rows)}]}}', piece_bytes)
        message = f'inventory.json: "backups[{number}]" names the key "{key}" twice; keep one of them'
        assert refusal(lambda file=file: inventory(file)).endswith(message)  # type: ignore[misc]


@PIECES
def test_keys_of_other_objects_and_words_in_texts_are_not_twice(opened: Open, piece_bytes: int) -> None:
    rows = [
        ROW[:-1] + ', "links": [{"id": 1}, {"id": 2}], "metadata": {"name": "name", "id": "backups"}, "x": 1, "x": 2}',
        '{"id": "name", "description": "\\"created_at\\" \\u0061 \\u00e4"}',
        ROW,
    ]
    text = f'{{"backups": [{", ".join(rows)}], "note": "backups", "x": {{"backups": 1}}, "note": 2}}'
    assert [backup.id for backup in inventory(opened(text, piece_bytes)).backups] == ["a", "name", "a"]
