"""Whatever dates a list shows, from the year 1 to 9999: there is a plan, a document and a picture."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings, strategies as st

from tests.unit.purge.strategies import NOW, Record, backup_id, inventory, policy, record
from vbs_reaper.backups.answer import Service
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.report.html_page import write_page

DAY = timedelta(days=1)
EDGES = [datetime.min, datetime(1970, 1, 1), datetime(2000, 1, 1), datetime(9999, 12, 30), datetime.max]  # noqa: DTZ001, DTZ901  # as Cinder writes them

moments = st.one_of(st.sampled_from(EDGES), st.datetimes(), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))  # noqa: DTZ001
zones = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Manila"])
keeps = st.sampled_from(
    [{"last": 1}, {"daily": 1}, {"last": 1, "within": "1d"}, {"last": 2, "yearly": 3}, {"within_monthly": "999999y"}]
)


@st.composite
def hostile_records(draw: st.DrawFn) -> list[Record]:
    """Some backups of two volumes, each with any date."""
    return [
        record(
            number,
            age=timedelta(0),
            created_at=draw(moments).isoformat() + draw(st.sampled_from(["", "Z", "+14:00", "-12:00"])),
            volume_id=backup_id(10**9 + draw(st.integers(0, 1))),
            is_incremental=draw(st.sampled_from([True, True, False, None])),
        )
        for number in range(draw(st.integers(1, 6)))
    ]


@settings(max_examples=60)
@given(
    hostile_records(),
    st.fixed_dictionaries(
        {"keep": keeps, "timezone": zones, "group_by": st.sampled_from(["volume", "name"])},
        optional={"grace": st.sampled_from(["7d", "999999y"])},
    ),
    st.sampled_from(["vbs", "cinder"]),
    st.sampled_from([NOW, NOW.replace(year=1970), NOW.replace(year=2999)]),
)
def test_no_date_stops_a_plan_its_document_or_its_picture(
    rows: list[Record], parts: dict[str, Any], service: Service, now: datetime
) -> None:
    rules = policy(**parts)
    first = read_plan(encode_plan(plan(rules, inventory(rows, service=service), now)))
    second = plan(rules, inventory(rows, service=service), now + DAY, last=first)
    written = encode_plan(second)
    assert encode_plan(read_plan(written)) == written
    assert "".join(write_page(second)).startswith("<!doctype html>")
