"""A file of backups is read completely, in pieces of any size, or rejected with one sentence."""

import json
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


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "inventory.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def inventory(folder: Path, records: list[Record]) -> Inventory:
    return BackupsFile(written(folder, json.dumps({"backups": records}))).inventory(None, HOLD_MARKER)


def refusal(folder: Path, text: str | bytes, piece_bytes: int = 1 << 20) -> str:
    with pytest.raises(InvalidBackupsFile) as refused:
        list(BackupsFile(written(folder, text), piece_bytes))
    sentence = str(refused.value)
    assert "inventory.json: " in sentence
    assert "\n" not in sentence
    return sentence


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
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], piece_bytes: int, indent: int | None, links: bool
) -> None:
    text = json.dumps({"backups": records, **({"backups_links": []} if links else {})}, indent=indent)
    path = written(tmp_path_factory.mktemp("list"), text)
    assert list(BackupsFile(path, piece_bytes)) == msgspec.convert(records, list[Backup])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not JSON"),
        ("nothing", "is not JSON"),
        ('{"backups": [', "is not JSON"),
        ('{"backups": [{"id": "a"}', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"backups": [{"id": "\xff"}]}', "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        ('{"backups": [' + "[" * 200_000, "is not JSON"),
        ("[]", 'is not an object with a list "backups"'),
        ("{}", 'is not an object with a list "backups"'),
        ('{"backup": {}}', 'is not an object with a list "backups"'),
        ('{"backups": null}', '"backups": expected array, got null'),
        ('{"backups": [null]}', '"backups[0]": expected object, got null'),
        ('{"backups": [{"id": "a"}, {}]}', '"backups[1]": Object missing required field id'),
        ('{"backups": [{"id": 7}]}', '"backups[0].id": expected str, got int'),
    ],
)
def test_what_is_no_list_of_backups_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    assert says in refusal(tmp_path, text)


@pytest.mark.parametrize("piece_bytes", [50, 1 << 20])
def test_a_record_with_an_odd_field_is_read_without_it_as_from_the_cloud(tmp_path: Path, piece_bytes: int) -> None:
    records: list[Any] = [{"id": str(number), "name": "x"} for number in range(20)]
    records[7] |= {"size": "10", "name": 5}
    read = list(BackupsFile(written(tmp_path, json.dumps({"backups": records})), piece_bytes))
    assert [backup.id for backup in read] == [str(number) for number in range(20)]
    assert read[7].odd_fields == {"size", "name"}
    assert [backup.name for backup in read] == ["x"] * 7 + [msgspec.UNSET] + ["x"] * 12


def test_the_kind_of_service_is_told_although_a_field_is_odd(tmp_path: Path) -> None:
    rows = nightly(3)
    rows[0]["is_incremental"] = "false"
    assert inventory(tmp_path, rows).service == "vbs"
    rows[2]["is_incremental"] = True
    assert inventory(tmp_path, rows).service == "cinder"


def test_a_bad_record_of_a_long_list_is_named_by_its_place(tmp_path: Path) -> None:
    records: list[Any] = [{"id": str(number)} for number in range(50)]
    records[40] = {"id": 40}
    assert '"backups[40].id"' in refusal(tmp_path, json.dumps({"backups": records}), piece_bytes=100)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidBackupsFile, match="No such file"):
        list(BackupsFile(tmp_path / "none.json"))


def test_one_page_of_a_longer_list_is_refused(tmp_path: Path) -> None:
    text = json.dumps({"backups": [], "backups_links": [{"rel": "next", "href": "http://cloud/?marker=x"}]})
    with pytest.raises(RunRefused, match="one page of a longer list") as refused:
        BackupsFile(written(tmp_path, text)).inventory(None, HOLD_MARKER)
    assert refused.value.reason is Reason.LISTING_INCOMPLETE


@pytest.mark.parametrize(
    ("fields", "service"),
    [
        ({}, "vbs"),
        ({"is_incremental": False}, "vbs"),
        ({"is_incremental": True}, "cinder"),
        ({"is_incremental": True, "service_metadata": "{}"}, "vbs"),
    ],
)
def test_the_kind_of_service_is_told_from_the_records(tmp_path: Path, fields: Record, service: str) -> None:
    rows = nightly(3)
    rows[2].update(fields)
    assert inventory(tmp_path, rows).service == service


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


@pytest.mark.parametrize("piece_bytes", [100, 1 << 20])
def test_a_list_of_cbr_is_recognized_and_read_with_its_fields(tmp_path: Path, piece_bytes: int) -> None:
    rows = [CBR | {"id": str(number)} for number in range(20)]
    document = json.dumps({"backups": rows, "count": 20, "offset": 0, "limit": 1000})
    found = BackupsFile(written(tmp_path, document), piece_bytes).inventory(None, HOLD_MARKER)
    assert (found.service, found.with_metadata) == ("cbr", False)
    read = list(found.backups)
    assert [backup.id for backup in read] == [str(number) for number in range(20)]
    assert {(backup.volume_id, backup.status, backup.missing_field(with_metadata=False)) for backup in read} == {
        ("v", "creating", None)
    }


def test_a_list_with_a_larger_count_is_one_page(tmp_path: Path) -> None:
    text = json.dumps({"backups": [CBR], "count": 1001})
    with pytest.raises(RunRefused, match="it has 1 of 1,001 backups"):
        BackupsFile(written(tmp_path, text)).inventory(None, HOLD_MARKER)


def test_a_resource_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    text = json.dumps({"backups": [CBR]}).replace('"resource_id"', '"resource_id": "w", "resource_id"')
    assert 'names the key "resource_id" twice' in refused_inventory(tmp_path, text, 1 << 20)


def test_metadata_is_needed_where_one_record_has_it(tmp_path: Path) -> None:
    rows = nightly(2)
    assert not inventory(tmp_path, rows).with_metadata
    rows[1]["metadata"] = {}
    assert inventory(tmp_path, rows).with_metadata


def test_a_byte_order_mark_is_let_pass(tmp_path: Path) -> None:
    assert list(BackupsFile(written(tmp_path, b'\xef\xbb\xbf{"backups": []}'))) == []


ROW = '{"id": "a", "name": "x", "created_at": "2026-11-25T02:00:00Z"}'


def refused_inventory(folder: Path, text: str, piece_bytes: int) -> str:
    with pytest.raises(InvalidBackupsFile) as refused:
        BackupsFile(written(folder, text), piece_bytes).inventory(None, HOLD_MARKER)
    return str(refused.value)


PIECES = pytest.mark.parametrize("piece_bytes", [30, 100, 500, 1 << 20])


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
def test_a_list_that_is_named_twice_is_refused(tmp_path: Path, text: str, key: str, piece_bytes: int) -> None:
    for count in (1, 2, 40):
        whole = text.replace("ROWS", ", ".join([ROW] * count))
        said = f'names the key "{key}" twice, on the top level; keep one of them'
        assert refused_inventory(tmp_path, whole, piece_bytes).endswith(f"inventory.json: {said}")
        assert refusal(tmp_path, whole, piece_bytes).endswith(said)


@PIECES
@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('"created_at": "2020-01-01T00:00:00Z"', "created_at"),
        ('"creat\\u0065d_at": "2020-01-01T00:00:00Z"', "created_at"),
        ('"id": "b"', "id"),
        ('"description": "[hold]", "description": null', "description"),
        ('"metadata": {"hold": "x"}, "metadata": {}', "metadata"),
    ],
)
def test_a_record_with_a_key_twice_is_refused_with_its_number(
    tmp_path: Path, more: str, key: str, piece_bytes: int
) -> None:
    for number in (0, 7, 19):
        rows = [ROW] * 20
        rows[number] = ROW[:-1] + f", {more}}}"
        said = refused_inventory(tmp_path, f'{{"backups": [{", ".join(rows)}]}}', piece_bytes)
        assert said.endswith(f'inventory.json: "backups[{number}]" names the key "{key}" twice; keep one of them')


@PIECES
def test_keys_of_other_objects_and_words_in_texts_are_not_twice(tmp_path: Path, piece_bytes: int) -> None:
    rows = [
        ROW[:-1] + ', "links": [{"id": 1}, {"id": 2}], "metadata": {"name": "name", "id": "backups"}, "x": 1, "x": 2}',
        '{"id": "name", "description": "\\"created_at\\" \\u0061 \\u00e4"}',
        ROW,
    ]
    text = f'{{"backups": [{", ".join(rows)}], "note": "backups", "x": {{"backups": 1}}, "note": 2}}'
    found = BackupsFile(written(tmp_path, text), piece_bytes).inventory(None, HOLD_MARKER)
    assert [backup.id for backup in found.backups] == ["a", "name", "a"]


def notes_of(tmp_path: Path, rows: list[dict[str, object]], service: Service | None = None) -> list[str]:
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"backups": rows}))
    file = BackupsFile(path)
    file.inventory(service, "[hold]")
    return file.notes


def test_a_list_that_may_end_at_the_page_limit_is_noted(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"id": f"b{n}", "is_incremental": True} for n in range(1000)]
    assert ["exactly 1,000 backups" in note for note in notes_of(tmp_path, rows)] == [True]
    assert notes_of(tmp_path, rows[1:]) == []


def test_a_list_that_tells_no_service_is_noted(tmp_path: Path) -> None:
    assert ["it is read as vbs: see --service" in note for note in notes_of(tmp_path, [{"id": "b"}])] == [True]
    assert notes_of(tmp_path, [{"id": "b"}], "cinder") == []
    assert notes_of(tmp_path, [{"id": "b", "service_metadata": "x"}]) == []
    assert notes_of(tmp_path, []) == []
