"""Plans of complete inventories: what is kept and why, groups, freshness, warnings, guards, difference."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.cases import cases
from tests.unit.purge.strategies import (
    DAY,
    HOUR,
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    backup_id,
    ids,
    inventory,
    make_plan,
    nightly,
    record,
    selected,
)
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.calendar.zone import FAR_AHEAD, to_micros
from vbs_reaper.purge.inventory import check_clock
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import Guards
from vbs_reaper.purge.rules.guards import read_guards
from vbs_reaper.reasons import Reason

ERROR = {"status": "error"}
HOLD = {"description": "[hold]"}
BOTH = {"match": {"status": ["available", "error"]}}


def only(fields: Record) -> PlannedBackup:
    return make_plan([record(0, age=DAY) | fields]).backups[0]


# ── What stays ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_no_rule_keeps_is_due_newest_first() -> None:
    assert [row.id for row in make_plan(nightly(5)).due] == ids(2, 3, 4)


FROM_TWO_DAYS_ON = [record(n, age=(n + 2) * DAY) for n in range(3)]
STAYS: dict[str, tuple[list[Record], dict[str, Any], list[int], dict[int, str]]] = {
    "last copies": (nightly(5), {}, [2, 3, 4], {0: "keep_last min_kept", 1: "keep_last", 4: "not_kept"}),
    "failed is no copy": (nightly(4, {0: ERROR}), {}, [3], {0: "not_matched"}),
    "failed and matched": (nightly(4, {0: ERROR}), BOTH, [0, 3], {0: "failed_copy"}),
    "failed and held": (nightly(4, {3: ERROR | HOLD}), BOTH, [2], {3: "held"}),
    "kept and held": (nightly(3, {1: HOLD}), {}, [2], {1: "keep_last held"}),
    "creating": (nightly(4, {0: {"status": "creating"}}), {}, [3], {0: "in_use"}),
    "restoring": (nightly(4, {0: {"status": "restoring"}}), {}, [3], {0: "in_use"}),
    "deleting": (nightly(4, {0: {"status": "deleting"}}), {}, [3], {0: "in_use"}),
    "dormant volume": (
        nightly(5) + [record(100 + n, age=(90 + n) * DAY, volume_id="dormant") for n in range(10)],
        {"guards": {"max_newest_age": "48h"}},
        [2, 3, 4],
        {100: "keep_last min_kept", 105: "source_stale"},
    ),
    "no usable copy is stale": (
        nightly(2, status="error"),
        {"match": {"status": "error"}, "guards": {"max_newest_age": "48h"}},
        [],
        {0: "source_stale", 1: "source_stale"},
    ),
    "newest as old as allowed": (FROM_TWO_DAYS_ON, {"guards": {"max_newest_age": "48h"}}, [2], {}),
    "newest older than allowed": (FROM_TWO_DAYS_ON, {"guards": {"max_newest_age": "47h"}}, [], {2: "source_stale"}),
    "named volumes": (
        nightly(4, volume_id="a") + [record(10 + n, age=n * DAY, volume_id="b") for n in range(4)],
        {"match": {"volume": ["a", "c"]}},
        [2, 3],
        {10: "not_matched"},
    ),
    "older_than": (nightly(6), {"match": {"name": "daily*", "older_than": "3d"}}, [3, 4, 5], {2: "too_young"}),
    "exactly as old": (FROM_TWO_DAYS_ON, {"match": {"name": "*", "older_than": "4d"}}, [], {2: "too_young"}),
    "name without the expression's group": (
        nightly(2, {0: {"name": "daily"}, 1: {"name": "daily-"}}),
        {"group_by": {"name": "daily-(.*)"}},
        [],
        {0: "no_group", 1: "no_group"},
    ),
    "all rules that keep a copy": (
        nightly(12),
        {"keep": {"last": 2, "daily": 9, "weekly": 9, "within": "48h"}},
        [9],
        {0: "keep_last keep_daily keep_weekly keep_within min_kept", 1: "keep_last keep_daily keep_within"},
    ),
    "oldest copy beside other rules": (
        [record(n, age=n * HOUR) for n in range(2)],
        {"keep": {"last": 2, "daily": 3}},
        [],
        {1: "keep_last keep_daily keep_oldest"},
    ),
    "creation time without a zone is UTC": (
        nightly(2, {0: {"created_at": "2026-11-24T03:00:00+02:00"}, 1: {"created_at": "2026-11-24T01:30:00"}}),
        {"keep": {"last": 1}},
        [0],
        {},
    ),
    "listed twice": ([*nightly(3), nightly(2)[1]], {}, [2], {}),
    "each listed twice": (nightly(2) * 2, {}, [], {}),
}


@pytest.mark.parametrize(("rows", "parts", "goes", "reasons"), cases(STAYS))
def test_what_stays_says_why(
    rows: list[Record], parts: dict[str, Any], goes: list[int], reasons: dict[int, str]
) -> None:
    made = make_plan(rows, **parts)
    assert selected(made) == {*ids(*goes)}
    assert made.totals.backups == len(made.backups) == len({row["id"] for row in rows})
    found = {row.id: " ".join(row.reasons) for row in made.backups}
    assert {number: found[backup_id(number)] for number in reasons} == reasons


ODD: list[tuple[str, str | None, str, list[Any]]] = [
    ("held", None, "description", ["please [hold] this", "［ hold ］"]),  # noqa: RUF001
    ("held", None, "name", ["daily [Hold]"]),
    ("held", None, "metadata", [{"hold": ""}, {"Hold ": "legal"}]),
    ("not_owned", "service_metadata", "service_metadata", [' {"ST": 1}', '{"ST": "5"}']),
    ("unknown_field", "service_metadata", "service_metadata", ['{"ST": 1', "[]", '{"ST": "x"}', '{"ST": "\\u0661"}']),
    ("unknown_field", "service_metadata", "service_metadata", ['{"ST": 10000}', '{"ST": -1}', '{"ST": 9}']),
    ("not_owned", "project", "os-bak-tenant-attr:tenant_id", [OTHER_PROJECT]),
    ("not_owned", "project", "os-backup-project-attr:project_id", [OTHER_PROJECT]),
    ("deletion_failed", None, "status", ["error_deleting"]),
    ("unknown_field", "status", "status", ["archived", None]),
    ("unknown_field", "volume_id", "volume_id", [None, ""]),
    ("unknown_field", "created_at", "created_at", [None, "yesterday", "2025-01-01", "1969-12-31T00:00:00"]),
    ("unknown_field", "created_at", "created_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"]),
    ("created_in_future", None, "created_at", ["2026-11-25T03:00:00.000001", "9999-12-29T23:59:59Z"]),
    ("not_matched", None, "name", [None, "weekly", "Daily-1", "xdaily-1"]),
]


@pytest.mark.parametrize(
    ("reason", "detail", "field", "value"),
    [(reason, detail, field, value) for reason, detail, field, values in ODD for value in values],
)
def test_an_odd_backup_stays_with_its_reason_and_the_field(
    reason: str, detail: str | None, field: str, value: object
) -> None:
    owners = {"os-backup-project-attr:project_id": PROJECT}
    made = make_plan(nightly(6, {5: owners | {field: value}}), project_id=PROJECT)
    row = next(row for row in made.backups if row.id == backup_id(5))
    assert (row.reasons, row.detail) == ((reason,), detail)
    assert selected(made) == {*ids(2, 3, 4)}


@pytest.mark.parametrize("field", ["volume_id", "status", "created_at", "name", "description", "metadata"])
def test_a_missing_field_keeps_its_backup_and_no_other(field: str) -> None:
    rows = nightly(6, metadata={})
    del rows[5][field]
    made = make_plan(rows, with_metadata=True)
    row = next(row for row in made.backups if row.id == backup_id(5))
    assert (row.reasons, row.detail) == ((Reason.UNKNOWN_FIELD,), field)
    assert row.name == (None if field == "name" else "daily-5")
    assert selected(made) == {*ids(2, 3, 4)}


@pytest.mark.parametrize(
    "odd", ["", "../volumes/x", backup_id(10).upper(), backup_id(9).replace("-", ""), backup_id(9) + "\n"]
)
def test_a_backup_whose_id_no_request_can_have_stays_and_is_no_copy(odd: str) -> None:
    newest, oldest = ({**record(0, age=days * DAY), "id": odd} for days in (0, 9))
    for rows in ([newest, *nightly(3)[1:]], [*nightly(2), oldest]):
        made = make_plan(rows, keep={"last": 1})
        (row,) = (row for row in made.backups if row.id == odd)
        assert (row.keep, row.in_set, row.reasons, row.detail) == (True, False, (Reason.UNKNOWN_FIELD,), "id")
        (group,) = made.groups
        assert (group.backups, len(group.survivors), odd in group.survivors) == (2, 1, False)


@pytest.mark.parametrize(
    "fields",
    [
        *({"service_metadata": text} for text in ('{"ST": 0}', '{"ST": "4"}', '{"ST": 4, "CMKID": "x"}')),
        *({"service_metadata": text} for text in (' {"Type": 1}', "", None)),
        {"os-backup-project-attr:project_id": PROJECT},
        {"os-bak-tenant-attr:tenant_id": PROJECT},
        {"expired_at": None},
        {"parent_id": None, "resource_type": "OS::Cinder::Volume"},
        {"metadata": {"csi": "x"}},
        {"description": "created by openstack"},
        {"name": "daily-"},
    ],
)
def test_an_ordinary_backup_of_a_volume_of_the_project_may_go(fields: Record) -> None:
    assert selected(make_plan(nightly(4, **fields), project_id=PROJECT)) == {*ids(2, 3)}


@pytest.mark.parametrize(
    ("created_at", "made_at"),
    [
        ("1970-01-01T00:00:00", None),
        ("1970-01-01T00:00:00.000001", 1),
        ("1969-12-31T23:59:59.999999", None),
        ("9999-12-30T00:00:00", FAR_AHEAD),
        ("9999-12-30T00:00:00.000001", None),
        ("9999-12-31T23:59:59.999999", None),
    ],
)
def test_a_backup_is_made_after_the_beginning_of_1970_and_not_beyond_the_calendar(
    created_at: str, made_at: int | None
) -> None:
    """The beginning of 1970 is how many services write an unknown time."""
    row = only({"created_at": created_at})
    assert (row.made_at, row.detail) == (made_at, "created_at" if made_at is None else None)


@pytest.mark.parametrize(
    ("size", "read"), [(0, 0), (0.5, 0.5), (999_999_999, 999_999_999), (10**9, None), (-1, None), (None, None)]
)
def test_a_size_is_from_0_to_less_than_a_billion_gib_and_another_counts_nothing(
    size: float | None, read: float | None
) -> None:
    assert only({"size": size}).size == read
    assert make_plan(nightly(3, size=size)).totals.due_gib == (read or 0)


def test_sizes_add_up() -> None:
    totals = make_plan(nightly(5, size=2.5)).totals
    assert (totals.kept_gib, totals.selected_gib, totals.due_gib) == (5.0, 7.5, 7.5)


def test_without_new_backups_nothing_more_goes_by_counts() -> None:
    assert selected(make_plan(nightly(2), NOW + 900 * DAY)) == set()


# ── Groups ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rows", "parts", "survivors"),
    cases(
        {
            "the newest": (nightly(4), {"guards": {"min_kept_per_group": 2}}, ids(0, 1)),
            "five at most": (nightly(9), {"guards": {"min_kept_per_group": 7}}, ids(0, 1, 2, 3, 4)),
            "no failed copy": (nightly(2, status="error"), {"match": {"status": ["error"]}}, []),
        }
    ),
)
def test_a_group_names_the_copies_that_survive(rows: list[Record], parts: dict[str, Any], survivors: list[str]) -> None:
    made = make_plan(rows, **parts)
    assert [*made.groups[0].survivors] == survivors
    assert made.due


def test_what_has_no_group_stands_at_the_end_by_volume_and_id() -> None:
    rows = [
        record(number, age=DAY, name=name, volume_id=volume_id)
        for number, name, volume_id in [(2, "x", "b"), (1, "x", "b"), (3, "x", "0"), (4, "x", None), (5, "daily", "b")]
    ]
    assert [row.id for row in make_plan(rows).backups] == ids(5, 4, 3, 1, 2)


def test_groups_by_name_are_called_by_it() -> None:
    rows = [record(number, age=number * DAY, name=f"daily-{number % 2}") for number in range(4)]
    made = make_plan(rows, group_by="name")
    assert {row.id: row.group for row in made.backups} == {row["id"]: row["name"] for row in rows}


def test_volumes_that_are_recreated_daily_are_warned_of_and_kept_by_name() -> None:
    rows = [record(n, age=n * DAY, volume_id=backup_id(500 + n), name=f"web-{n:03}") for n in range(20)]
    rules: dict[str, Any] = {"match": {"name": "web-*"}, "keep": {"daily": 7}}
    by_volume = make_plan(rows, **rules)
    assert selected(by_volume) == set()
    assert by_volume.warnings == (
        "20 of 20 groups have a single backup, which is always kept: if the volumes are re-created, "
        'group by name: "group_by": {"name": "<expression with one group>"}.',
    )
    by_name = make_plan(rows, **rules, group_by={"name": r"(\w+)-\d+"}, guards={"max_volumes_left_without": 13})
    assert by_name.warnings == ()
    assert by_name.totals.selected == 13
    assert [row.id for row in by_name.kept] == ids(*range(7))


@pytest.mark.parametrize(("volumes", "again", "warned"), [(1, 0, 0), (2, 0, 1), (2, 1, 0), (3, 1, 1), (4, 2, 0)])
def test_groups_that_are_mostly_of_one_are_warned_of(volumes: int, again: int, warned: int) -> None:
    rows = [record(n, age=DAY, volume_id=f"v{n}") for n in range(volumes)]
    rows += [record(50 + n, age=2 * DAY, volume_id=f"v{n}") for n in range(again)]
    assert len(make_plan(rows).warnings) == warned


@pytest.mark.parametrize(
    ("match", "hint"),
    [
        ({"name": "^daily-.*$"}, ' A name is a shell pattern, such as "daily-*"; upper and lower case differ.'),
        ({"volume": "the volume's name"}, ""),
        ({"status": ["error"]}, ""),
    ],
)
def test_a_policy_that_matches_nothing_is_warned_of(match: dict[str, Any], hint: str) -> None:
    assert make_plan(nightly(3), match=match).warnings == (
        f'None of the 3 listed backups is matched: check "match" and the reasons in the plan.{hint}',
    )
    empty = make_plan([], match=match)
    assert (empty.totals.backups, empty.exceeded, empty.warnings) == (0, [], ())


# ── Inventories that are refused ──────────────────────────────────────────────────────────────────────────────────────


def test_one_id_for_two_backups_refuses_the_run_and_quotes_a_piece_of_it() -> None:
    with pytest.raises(RunRefused, match="two different backups have the id") as refused:
        make_plan([*nightly(3), record(1, age=DAY, volume_id="other")])
    assert refused.value.reason is Reason.INVENTORY_DOUBTFUL
    with pytest.raises(RunRefused, match=f'"{"x" * 64}"; list again$'):
        make_plan([record(0, age=age * DAY, id="x" * 99) for age in (1, 2)])


@pytest.mark.parametrize("marker", ["", " ", "\u200b", "\u00a0\ufe0f"])
def test_an_empty_hold_marker_is_refused(marker: str) -> None:
    with pytest.raises(ValueError, match="^the hold marker is empty: every backup would be held$"):
        inventory([], hold_marker=marker)


def test_clocks_may_differ_by_five_minutes() -> None:
    check_clock(NOW, NOW + timedelta(minutes=5))
    check_clock(NOW + timedelta(minutes=5), NOW)
    with pytest.raises(RunRefused, match="differ by 600 s") as refused:
        check_clock(NOW, NOW - timedelta(minutes=10))
    assert refused.value.reason is Reason.CLOCK_DOUBT
    with pytest.raises(RunRefused):
        check_clock(NOW, NOW + timedelta(minutes=5, seconds=1))


# ── Guards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_guard_refuses_what_exceeds_it_and_says_by_how_much() -> None:
    (guard,) = make_plan(nightly(6), guards={"max_deletions": 2, "max_fraction": 1}).exceeded
    assert (guard.guard, guard.due, guard.allowed) == ("max_deletions", 4, 2)
    assert guard.sentence == "4 due, max_deletions 2 allows only 2"


def test_as_many_as_a_guard_allows_may_go() -> None:
    guards = Guards(max_deletions=3, max_fraction=0.5)
    assert [each.exceeded for each in read_guards(guards, 3, 6, 3)] == [False, False]
    assert [each.exceeded for each in read_guards(guards, 4, 6, 3)] == [True, True]


def test_the_fraction_is_of_the_policys_set() -> None:
    made = make_plan([*nightly(6), *(record(100 + n, age=DAY, name="other") for n in range(50))])
    assert [guard.guard for guard in made.exceeded] == ["max_fraction"]
    assert made.totals.matched == 6


def test_the_fraction_applies_as_soon_as_one_group_loses_two() -> None:
    guards = Guards(max_deletions=3, max_fraction=0.1)
    assert [read_guards(guards, 2, 6, most)[1].applies for most in (1, 2)] == [False, True]
    made = make_plan([record(10 * v + n, age=n * DAY, volume_id=f"v{v}") for v in range(3) for n in range(3)])
    assert (made.totals.due, made.exceeded, made.guards[1].applies) == (3, [], False)


def test_guards_count_what_is_due_and_not_what_is_in_grace() -> None:
    made = make_plan(nightly(9), grace="7d", guards={"max_deletions": 1})
    assert (made.totals.selected, made.totals.due, made.exceeded) == (7, 0, [])


def test_the_difference_to_the_last_plan_is_told() -> None:
    first = replace(make_plan(nightly(5)), sha256="5" * 64)
    made = make_plan([record(99, age=timedelta(0)), *nightly(4, {2: HOLD})], NOW + DAY, last=first)
    assert made.difference is not None
    assert (made.difference.last_sha256, made.difference.last_made_at) == ("5" * 64, to_micros(NOW))
    assert (made.difference.new_backups, made.difference.gone_backups) == (1, 1)
    assert (made.difference.newly_selected, made.difference.spared) == (1, (backup_id(2),))
