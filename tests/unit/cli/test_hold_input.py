"""The input of a hold: an ID, the end of a day and a reason. Invalid input is rejected with the fix."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.support.cases import words_of
from vbs_reaper.backups.holds import HOLDS, HoldKind, name_of_hold, read_hold
from vbs_reaper.cli.hold_input import read_holds_file, read_id, read_reason, read_until
from vbs_reaper.cli.hold_text import period
from vbs_reaper.errors import CommandError

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ID = "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"


@pytest.mark.parametrize(
    ("text", "until", "words"),
    [
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC), "until the end of 2026-12-31 (UTC)"),
        ("2026-11-28", datetime(2026, 11, 29, tzinfo=UTC), "until the end of 2026-11-28 (UTC)"),
        ("2028-02-28", datetime(2028, 2, 29, tzinfo=UTC), "until the end of 2028-02-28 (UTC)"),
        ("2026-12-31T18:00:00Z", datetime(2026, 12, 31, 18, tzinfo=UTC), "until 2026-12-31 18:00:00 UTC"),
        ("2026-12-31t18:00:00z", datetime(2026, 12, 31, 18, tzinfo=UTC), "until 2026-12-31 18:00:00 UTC"),
        ("2027-01-01T01:00:00+01:00", datetime(2027, 1, 1, tzinfo=UTC), "until the end of 2026-12-31 (UTC)"),
        ("2026-12-31T18:00:00.5Z", datetime(2026, 12, 31, 18, 0, 1, tzinfo=UTC), "until 2026-12-31 18:00:01 UTC"),
        (None, None, "until it is released"),
    ],
)
def test_a_date_means_the_end_of_that_day_and_is_printed_back(
    text: str | None, until: datetime | None, words: str
) -> None:
    assert read_until(text, NOW) == until
    assert period(until) == words


NO_DATES = """
tomorrow   2026-13-01   2026-02-30   31.12.2026   20261231   2026-W53   2026-12   2026-12-31T18:00:00
9999-12-31   9999-12-31T23:59:59.5Z   ٢٠٢٦-12-31   1764331200
"""


@pytest.mark.parametrize("text", ["", "2026-12-31 ", *words_of(NO_DATES)])
def test_what_is_not_a_date_is_rejected_with_what_to_give(text: str) -> None:
    words = "give a date such as 2026-12-31, or a time such as .*, or leave it out to hold until it is released"
    with pytest.raises(CommandError, match=f"^--until is .*{words}"):
        read_until(text, NOW)


@pytest.mark.parametrize("text", ["2026-11-27", "2025-12-31", "2026-11-28T12:00:00Z", "2026-11-28T13:00:00+01:00"])
def test_an_end_that_has_passed_is_rejected(text: str) -> None:
    with pytest.raises(CommandError, match=r"which has passed; give a date"):
        read_until(text, NOW)


@given(st.datetimes(min_value=datetime(2026, 11, 29), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # Hypothesis adds the zone
def test_a_hold_never_ends_before_the_time_that_was_given(given_end: datetime) -> None:
    until = read_until(given_end.isoformat(), NOW)
    assert until is not None
    hold = read_hold(HOLDS + name_of_hold(HoldKind.BACKUP, ID, until, "0" * 8))
    assert hold is not None
    assert hold.until is not None
    assert timedelta() <= hold.until - given_end < timedelta(seconds=1)


def test_an_id_is_written_in_lower_case() -> None:
    assert read_id("--backup", ID.upper()) == ID
    assert read_id("--volume", f" {ID}\n") == ID


@pytest.mark.parametrize("text", ["", "*", "daily-3", ID[:-1], f"{ID}/x", f"holds/backup/{ID}"])
def test_what_is_not_an_id_is_rejected(text: str) -> None:
    with pytest.raises(CommandError, match=r"^--volume is .*; give a UUID such as"):
        read_id("--volume", text)


@pytest.mark.parametrize("text", ["x", "Legal: case 17, “keep” it", "ü" * 256])
def test_a_reason_is_up_to_256_printable_characters(text: str) -> None:
    assert read_reason(text) == text


@pytest.mark.parametrize("text", [None, "", "  ", "x" * 257, "two\nlines", "\x1b[31mred"])
def test_any_other_reason_is_rejected(text: str | None) -> None:
    with pytest.raises(CommandError, match=r"^--reason "):
        read_reason(text)


@pytest.mark.parametrize(
    "hold",
    [
        {"kind": "backup", "id": "../x", "until": None},
        {"kind": "backup", "id": "", "until": None},
        {"kind": "volume", "id": f"{ID}/{ID}", "until": None},
        {"kind": "run", "id": "nightly", "until": None},
        {"kind": "run", "id": "nightly/a/b", "until": None},
        {"kind": "run", "id": "*/*", "until": None},
        {"kind": "backup", "id": ID, "until": "2027-01-01T00:00:00"},
    ],
)
def test_a_file_that_could_hold_something_else_is_rejected(tmp_path: Path, hold: dict[str, str]) -> None:
    path = tmp_path / "holds.json"
    path.write_text(json.dumps({"holds": [hold]}), encoding="utf-8")
    with pytest.raises(CommandError, match=r"holds\[0\] is on"):
        read_holds_file(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"holds": {}}', '{"holds": [{"kind": "tape", "id": "x", "until": null}]}', "\ud800"]
)
def test_a_file_that_holds_did_not_print_is_rejected_with_what_it_should_be(tmp_path: Path, text: str) -> None:
    path = tmp_path / "holds.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(CommandError, match="is not the output of `vbs-reaper holds --json`"):
        read_holds_file(path)


def test_a_byte_order_mark_at_the_beginning_of_a_holds_file_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "holds.json"
    path.write_text(json.dumps({"holds": [{"kind": "backup", "id": ID, "until": None}]}), encoding="utf-8-sig")
    assert [hold.id for hold in read_holds_file(path)] == [ID]
