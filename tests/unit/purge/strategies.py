"""Hypothesis strategies for inventories and policies: mostly valid, sometimes odd."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, settings, strategies as st

from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import CSI_DESCRIPTION, Backup
from vbs_reaper.backups.hold_marker import HOLD_MARKER
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.policy import PurgePolicy, read_policy

many = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
"""For properties of generated inventories, which are large."""

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
PROJECT = "0" * 31 + "1"
OTHER_PROJECT = "0" * 31 + "2"

Record = dict[str, Any]
_TIME = "%Y-%m-%dT%H:%M:%S.%f"


def backup_id(number: int) -> str:
    return str(UUID(int=number))


def ids(*numbers: int) -> list[str]:
    return [backup_id(number) for number in numbers]


def record(number: int, *, age: timedelta, **fields: object) -> Record:
    """A backup as the API lists it."""
    made_at = NOW - age
    return {
        "id": backup_id(number),
        "volume_id": backup_id(10**9),
        "status": "available",
        "created_at": made_at.strftime(_TIME),
        "name": f"daily-{number}",
        "description": None,
        "size": 10,
        **fields,
    }


def nightly(count: int, changes: Mapping[int, Record] | None = None, /, **fields: object) -> list[Record]:
    """One backup a night, the newest an hour old; number 0 is the newest. `changes` are fields of single ones."""
    rows = [record(number, age=timedelta(days=number, hours=1), **fields) for number in range(count)]
    for number, changed in (changes or {}).items():
        rows[number] |= changed
    return rows


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
    """A policy for every backup with a name that begins with "daily". By default, it keeps two."""
    return read_policy({"policy": "nightly", "match": {"name": "daily*"}, "keep": {"last": 2}, **parts})


def make_plan(
    records: list[Record],
    now: datetime = NOW,
    *,
    last: Plan | None = None,
    run: str | None = None,
    service: Service = "vbs",
    with_metadata: bool = False,
    project_id: str | None = None,
    **parts: object,
) -> Plan:
    """The plan of a policy with these parts."""
    listed = inventory(records, service=service, with_metadata=with_metadata, project_id=project_id)
    return plan(policy(**parts), listed, now, last=last, run=run)


def selected(made: Plan) -> set[str]:
    return {row.id for row in made.selected}


_ages = st.one_of(
    st.integers(0, 60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 800).map(lambda days: timedelta(days=days)),
    st.integers(0, 24 * 60).map(lambda hours: timedelta(hours=hours)),
)
_statuses = ["available"] * 12 + ["error"] * 2 + ["creating", "restoring", "deleting", "error_deleting", "x"]
_names = ["daily-a"] * 6 + ["daily-b", "weekly-a", "", None, "daily-a [hold]"]
_odd: dict[str, list[Any]] = {
    "description": [None, "", "see [hold]", "nothing", CSI_DESCRIPTION],
    "service_metadata": ['{"ST": 0}', ' {"ST": 1}', '{"ST": 5}', '{"ST": 4}', "{", "", '{"ST": []}', None],
    "os-bak-tenant-attr:tenant_id": [PROJECT, PROJECT, OTHER_PROJECT],
    "metadata": [{}, {}, {"hold": "1"}, {"cinder.csi.openstack.org/cluster": "one"}, None],
    "expired_at": [None, "2026-12-24T00:00:00Z"],
    "is_incremental": [True, True, False, None],
    "parent_id": [None, None, "a"],
    "resource_type": ["OS::Cinder::Volume", "OS::Cinder::Volume", "OS::Nova::Server", None],
}

# A draw takes much longer than the test of what was drawn. Independent fields are therefore one draw from all their
# combinations, and a strategy is built once, not for each record.
_common = st.sampled_from(
    [
        {"volume_id": backup_id(10**9 + volume), "status": status, "name": name, "is_incremental": incremental}
        for volume, status, name, incremental in product(range(3), _statuses, _names, _odd["is_incremental"])
    ]
)
_size = st.integers(0, 50)
_odd_field = st.sampled_from([{field: value} for field in sorted(_odd) for value in _odd[field]])
_odd_fields = st.one_of(
    st.just({}), _odd_field, st.tuples(_odd_field, _odd_field).map(lambda pair: {**pair[0], **pair[1]})
)
_one_in_ten = st.sampled_from([False] * 9 + [True])
_one_in_twenty = st.sampled_from([False] * 19 + [True])
_which = st.integers(0, 1000)
_how_many = st.integers(0, 24)
_hours_ahead = st.integers(1, 99)
_is_shown = st.booleans()
_odd_times: list[Any] = [None, 7, "soon", {}, "0001-01-01T00:00:00"]
_data_times = st.one_of(
    st.just({"snapshot_id": None}),
    st.just({"snapshot_id": None}),
    _ages.map(lambda age: {"snapshot_id": backup_id(2 * 10**9), "data_timestamp": NOW - age}),
    st.sampled_from([{"data_timestamp": each} for each in _odd_times]),
)
"""Whether a backup is of its volume or of a snapshot, and of when; as Cinder shows it, now and then odd."""
_dependents = st.sampled_from([False, False, True, None, "x"])


def _with_data_time(created_at: str, shown: Record) -> Record:
    """Make a snapshot no younger than its backup. Without a snapshot, the data is as old as the backup."""
    at = shown.get("data_timestamp", created_at)
    if isinstance(at, datetime):
        at = min(at.strftime(_TIME), created_at)
    return {**shown, "data_timestamp": at}


@st.composite
def records(draw: st.DrawFn, *, only_past: bool = True) -> list[Record]:
    """An inventory of a few volumes. Some records lack a field or have unexpected values."""
    found = []
    shows_data_times = draw(_is_shown)
    for number in range(draw(_how_many)):
        row = record(number, age=draw(_ages), **draw(_common), size=draw(_size), metadata={})
        if shows_data_times:
            row |= _with_data_time(row["created_at"], draw(_data_times))
            row["has_dependent_backups"] = draw(_dependents)
        row |= draw(_odd_fields)
        if draw(_one_in_ten):
            fields = [key for key in row if key != "id"]
            del row[fields[draw(_which) % len(fields)]]
        if not only_past and draw(_one_in_twenty):
            row["created_at"] = (NOW + timedelta(hours=draw(_hours_ahead))).isoformat()
        found.append(row)
    return found


surroundings = st.fixed_dictionaries(
    {
        "service": st.sampled_from(["vbs", "cinder", "cbr"]),
        "with_metadata": st.booleans(),
        "project_id": st.sampled_from([None, PROJECT]),
    }
)

_counts = st.integers(1, 8)
_spans = st.sampled_from(["1h", "36h", "2d", "7d", "1m", "3m10d", "1y", "1y5m7d2h"])
COUNT_RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
SPAN_RULES = ("within", "within_hourly", "within_daily", "within_weekly", "within_monthly", "within_yearly")


@cache
def keep_rules(*, counts_only: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    counts = dict.fromkeys(COUNT_RULES, _counts)
    spans = {} if counts_only else dict.fromkeys(SPAN_RULES, _spans)
    return st.fixed_dictionaries({}, optional={**counts, **spans}).filter(bool)


def _match(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields).filter(bool)


_matched: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["daily*", "*", "daily-a"]),
    "status": st.sampled_from([["available"], ["error"], ["available", "error"]]),
    "volume": st.just([backup_id(10**9)]),
    "include_expiring": st.booleans(),
}
_match_without_age, _match_with_age = _match(_matched), _match({**_matched, "older_than": _spans})
_guards = st.fixed_dictionaries(
    {},
    optional={
        "max_deletions": st.integers(1, 12),
        "max_fraction": st.sampled_from([0.1, 0.25, 0.5, 1]),
        "min_kept_per_group": st.integers(1, 7),
        "max_newest_age": st.sampled_from(["48h", "40d", "1y"]),
    },
)
_groups_and_time_zones = st.sampled_from(
    [
        {"group_by": group_by, "timezone": time_zone}
        for group_by in ("volume", "volume", "name", {"name": "^(\\w+)-"})
        for time_zone in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
    ]
)
_grace = st.sampled_from([{}, {}, {"grace": "36h"}, {"grace": "7d"}])


@cache
def policies(*, counts_only: bool = False, with_age: bool = True) -> st.SearchStrategy[PurgePolicy]:
    """A realistic policy."""
    return st.builds(
        lambda match, keep, guards, grouped, grace: read_policy(
            {"policy": "nightly", "match": match, "keep": keep, **({"guards": guards} if guards else {})}
            | grouped
            | grace
        ),
        _match_with_age if with_age else _match_without_age,
        keep_rules(counts_only=counts_only),
        _guards,
        _groups_and_time_zones,
        _grace,
    )
