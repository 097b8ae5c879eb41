"""Inventories and policies as the cloud and people make them: mostly sound, now and then odd."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.holds import HOLD_MARKER
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.policy import PurgePolicy, read_policy

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
PROJECT = "0" * 31 + "1"
OTHER_PROJECT = "0" * 31 + "2"

Record = dict[str, Any]


def backup_id(number: int) -> str:
    return str(UUID(int=number))


def record(number: int, *, age: timedelta, **fields: object) -> Record:
    """A backup as the API lists it."""
    made_at = NOW - age
    return {
        "id": backup_id(number),
        "volume_id": backup_id(10**9),
        "status": "available",
        "created_at": made_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "name": f"daily-{number}",
        "description": None,
        "size": 10,
        **fields,
    }


def nightly(count: int, **fields: object) -> list[Record]:
    """One backup a night, the newest an hour old; number 0 is the newest."""
    return [record(number, age=timedelta(days=number, hours=1), **fields) for number in range(count)]


def inventory(
    records: list[Record],
    *,
    service: Service = "vbs",
    with_metadata: bool = False,
    project_id: str | None = None,
    hold_marker: str = HOLD_MARKER,
) -> Inventory:
    return Inventory(
        backups=msgspec.convert(records, list[Backup]),
        service=service,
        with_metadata=with_metadata,
        project_id=project_id,
        hold_marker=hold_marker,
    )


def policy(**parts: object) -> PurgePolicy:
    """A policy about every backup whose name begins with "daily", that keeps two, unless said otherwise."""
    return read_policy({"policy": "nightly", "match": {"name": "daily*"}, "keep": {"last": 2}, **parts})


_ages = st.one_of(
    st.integers(0, 60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 800).map(lambda days: timedelta(days=days)),
    st.integers(0, 24 * 60).map(lambda hours: timedelta(hours=hours)),
)
_statuses = st.sampled_from(
    ["available"] * 12 + ["error"] * 2 + ["creating", "restoring", "deleting", "error_deleting", "x"]
)
_names = st.sampled_from(["daily-a"] * 6 + ["daily-b", "weekly-a", "", None, "daily-a [hold]"])
_odd: dict[str, st.SearchStrategy[Any]] = {
    "description": st.sampled_from([None, "", "see [hold]", "nothing"]),
    "service_metadata": st.sampled_from(
        ['{"ST": 0}', ' {"ST": 1}', '{"ST": 5}', '{"ST": 4}', "{", "", '{"ST": []}', None]
    ),
    "os-bak-tenant-attr:tenant_id": st.sampled_from([PROJECT, PROJECT, OTHER_PROJECT]),
    "metadata": st.sampled_from([{}, {}, {"hold": "1"}, None]),
    "is_incremental": st.sampled_from([True, True, False, None]),
}


def _data_times(created_at: str) -> st.SearchStrategy[Record]:
    """Whether a backup is of its volume or of a snapshot, and of when; as Cinder shows it, now and then odd."""
    older = _ages.map(lambda age: (NOW - age).strftime("%Y-%m-%dT%H:%M:%S.%f")).map(lambda text: min(text, created_at))
    of_volume = st.just({"snapshot_id": None, "data_timestamp": created_at})
    of_snapshot = st.fixed_dictionaries({"snapshot_id": st.just(backup_id(2 * 10**9)), "data_timestamp": older})
    texts: st.SearchStrategy[Any] = st.sampled_from([None, 7, "soon", {}, "0001-01-01T00:00:00"])
    odd: st.SearchStrategy[Record] = texts.map(lambda text: {"data_timestamp": text})
    dependents = st.fixed_dictionaries({"has_dependent_backups": st.sampled_from([False, False, True, None, "x"])})
    times = st.one_of(of_volume, of_volume, of_snapshot, odd)
    return st.tuples(times, dependents).map(lambda pair: pair[0] | pair[1])


@st.composite
def records(draw: st.DrawFn, max_size: int = 24, *, only_past: bool = True) -> list[Record]:
    """An inventory of a few volumes; some records lack a field or hold what nobody expects."""
    found = []
    shows_data_times = draw(st.booleans())
    for number in range(draw(st.integers(0, max_size))):
        row = record(
            number,
            age=draw(_ages),
            volume_id=backup_id(10**9 + draw(st.integers(0, 2))),
            status=draw(_statuses),
            name=draw(_names),
            size=draw(st.integers(0, 50)),
            is_incremental=draw(_odd["is_incremental"]),
            metadata={},
        )
        if shows_data_times:
            row |= draw(_data_times(row["created_at"]))
        for field in draw(st.lists(st.sampled_from(sorted(_odd)), max_size=2)):
            row[field] = draw(_odd[field])
        if draw(st.integers(0, 9)) == 0:
            del row[draw(st.sampled_from([key for key in row if key != "id"]))]
        if not only_past and draw(st.integers(0, 19)) == 0:
            row["created_at"] = (NOW + timedelta(hours=draw(st.integers(1, 99)))).isoformat()
        found.append(row)
    return found


surroundings = st.fixed_dictionaries(
    {
        "service": st.sampled_from(["vbs", "cinder"]),
        "with_metadata": st.booleans(),
        "project_id": st.sampled_from([None, PROJECT]),
    }
)

_counts = st.integers(1, 8)
_spans = st.sampled_from(["1h", "36h", "2d", "7d", "1m", "3m10d", "1y", "1y5m7d2h"])
COUNT_RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
SPAN_RULES = ("within", "within_hourly", "within_daily", "within_weekly", "within_monthly", "within_yearly")


def keep_rules(*, counts_only: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    counts = dict.fromkeys(COUNT_RULES, _counts)
    spans = {} if counts_only else dict.fromkeys(SPAN_RULES, _spans)
    return st.fixed_dictionaries({}, optional={**counts, **spans}).filter(bool)


@st.composite
def policies(draw: st.DrawFn, /, *, counts_only: bool = False, with_age: bool = True) -> PurgePolicy:
    """A policy as people write them."""
    match = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["daily*", "*", "daily-a"]),
                "status": st.sampled_from([["available"], ["error"], ["available", "error"]]),
                "volume": st.just([backup_id(10**9)]),
                **({"older_than": _spans} if with_age else {}),
            },
        ).filter(bool)
    )
    guards = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "max_deletions": st.integers(1, 12),
                "max_fraction": st.sampled_from([0.1, 0.25, 0.5, 1]),
                "min_kept_per_group": st.integers(1, 7),
                "max_newest_age": st.sampled_from(["48h", "40d", "1y"]),
            },
        )
    )
    chosen: Record = {
        "policy": "nightly",
        "match": match,
        "keep": draw(keep_rules(counts_only=counts_only)),
        "group_by": draw(st.sampled_from(["volume", "volume", "name", {"name": "^(\\w+)-"}])),
        "timezone": draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])),
    }
    if guards:
        chosen["guards"] = guards
    grace = draw(st.sampled_from([None, None, "36h", "7d"]))
    if grace:
        chosen["grace"] = grace
    return read_policy(chosen)
