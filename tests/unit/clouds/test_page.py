"""Pages of a list: what one malformed row affects, and when another page is requested."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st
from msgspec import UNSET

from tests.support.doubles import ManualClock
from vbs_reaper.backups.answer import Answer, Operation
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.clouds.apis.interface import Call, Rows
from vbs_reaper.clouds.apis.records import read_rows
from vbs_reaper.clouds.apis.vbs_v2 import VBS_V2
from vbs_reaper.clouds.http.deadline import Reply

FIRST = BackupId("11111111-2222-4333-8444-555555555555")
SECOND = "99999999-8888-4777-8666-555555555555"
NEXT = [{"rel": "next", "href": "http://192.168.82.222:8776/5a1e/backups/detail?marker=x"}]


def read(document: object, date: str | None = None) -> Rows | None:
    return read_rows(json.dumps(document).encode(), date, 3)


def rows(document: object) -> Rows:
    page = read(document)
    assert page is not None
    return page


def test_a_row_with_an_odd_field_lacks_only_that_field_and_affects_no_other() -> None:
    page = rows({"backups": [{"id": FIRST, "name": 5, "status": "available"}, {"id": SECOND, "name": "x"}]})
    bad, good = page.backups
    assert (bad.id, bad.name, bad.status_text, bad.odd_fields) == (FIRST, UNSET, "available", frozenset({"name"}))
    assert (good.id, good.name, good.odd_fields) == (SECOND, "x", frozenset())


@pytest.mark.parametrize("text", [b"\xff", b"caf\xe9", b"\xed\xa0\xbd"])
def test_text_that_is_not_utf_8_makes_a_field_unknown_and_affects_no_other_row(text: bytes) -> None:
    body = b'{"backups": [{"id": "%s", "name": "%s", "status": "error"}, {"id": "%s", "name": "x"}]}'
    page = read_rows(body % (FIRST.encode(), text, SECOND.encode()), None, 3)
    assert page is not None
    bad, good = page.backups
    assert (bad.id, bad.name, bad.status_text, bad.odd_fields) == (FIRST, UNSET, "error", frozenset({"name"}))
    assert (good.id, good.name, good.odd_fields) == (SECOND, "x", frozenset())


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"backups": None},
        {"backups": {}},
        {"backup": {"id": FIRST}},
        {"backups": [{"id": FIRST}, {"name": "without an id"}]},
        {"backups": [{"id": FIRST}, {"id": 5}]},
        {"backups": [{"id": FIRST}, None]},
        {"backups": [FIRST]},
    ],
)
def test_a_page_with_a_row_without_an_id_is_not_accepted(document: object) -> None:
    assert read(document) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"backups": [', b'{"backups": ["\xff"]}', b"[" * 100_000])
def test_a_page_must_be_json(body: bytes) -> None:
    assert read_rows(body, None, 3) is None


@pytest.mark.parametrize(
    ("count", "links", "has_more"),
    [
        (0, None, False),
        (0, NEXT, False),
        (1, None, False),
        (1, "null", False),
        (1, [], False),
        (1, NEXT, True),
        (3, None, True),
        (3, NEXT, True),
        (1, "strange", True),
    ],
)
def test_there_is_more_after_a_link_or_a_full_page_and_nothing_after_an_empty_one(
    count: int, links: object, has_more: bool
) -> None:
    document: dict[str, object] = {"backups": [{"id": FIRST}] * count}
    if links is not None:
        document["backups_links"] = None if links == "null" else links
    page = rows(document)
    assert page.next == (FIRST if has_more else None)


@pytest.mark.parametrize(
    ("header", "date"),
    [
        ("Wed, 25 Nov 2026 12:00:00 GMT", datetime(2026, 11, 25, 12, tzinfo=UTC)),
        (f"Wed, 25 Nov 2026 12:{'1' * 30}:00 GMT", None),
        ("Wed, 25 Nov 2026 12:00:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_the_clock_of_the_cloud_is_read_from_the_date_header(header: str | None, date: datetime | None) -> None:
    page = read({"backups": []}, header)
    assert page is not None
    assert page.date == date


@pytest.mark.parametrize(
    ("operation", "body", "kind"),
    [
        (Operation.LIST_BACKUPS, {"backups": []}, Rows),
        (Operation.LIST_BACKUPS, {"backups": [{}]}, Answer),
        (Operation.SHOW_BACKUP, {"backups": []}, Answer),
    ],
)
def test_only_a_list_is_read_as_a_page(operation: Operation, body: object, kind: type) -> None:
    reply = Reply(status=200, headers={}, body=json.dumps(body).encode())
    read = VBS_V2.read(Call(operation=operation, target="t", backup_id=FIRST), reply, ManualClock().now)
    assert type(read) is kind


@given(st.binary(max_size=60), st.text(max_size=40))
def test_no_page_and_no_date_raise(body: bytes, date: str) -> None:
    read_rows(b'{"backups":[' + body + b"]}", date, 3)
    read_rows(body, date, 3)
