"""Every timestamp is read as `datetime` reads it, and both functions read the same instant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.timestamps import read_instant, read_micros

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
_moments = st.one_of(st.datetimes(), st.sampled_from([moment.replace(tzinfo=None) for moment in (FIRST, LAST)]))
_offsets = st.integers(-23 * 60, 23 * 60)


def with_offset(moment: datetime, minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{moment.isoformat()}{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@given(_moments, _offsets)
def test_a_timestamp_is_the_instant_that_datetime_reads_and_none_outside_the_calendar(
    moment: datetime, minutes: int
) -> None:
    text = with_offset(moment, minutes)
    try:
        expected: datetime | None = datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        expected = None
    assert read_instant(text) == expected
    without_offset = moment.isoformat(" ")
    assert read_instant(without_offset) == moment.replace(tzinfo=UTC)


@given(_moments.map(datetime.isoformat))
def test_both_functions_read_the_same_instant(text: str) -> None:
    instant, micros = read_instant(text), read_micros(text)
    assert instant is not None
    assert micros == (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0001-01-01T00:00:00Z", FIRST),
        ("0001-01-01T00:00:00+00:01", None),
        ("9999-12-31T23:59:59.999999Z", LAST),
        ("9999-12-31T23:59:59.999999-00:01", None),
        ("1970-01-01t00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1969-12-31T23:59:59.999999", datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)),
        ("20261125T040000", datetime(2026, 11, 25, 4, tzinfo=UTC)),
    ],
)
def test_edges_and_spellings(text: str, expected: datetime | None) -> None:
    assert read_instant(text) == expected


@pytest.mark.parametrize("text", ["2026-11-25", "2026-W48-3", "2026-11-25x04:00:00", "soon", "", None, 7, {}, b"1"])
def test_what_is_no_timestamp_is_not_read(text: object) -> None:
    assert read_instant(text) is None
    assert read_micros(text) is None
