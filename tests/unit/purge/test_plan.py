"""What a plan says of whole inventories: chains, freshness, grace, guards, re-created volumes, difference."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.purge.strategies import (
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    backup_id,
    inventory,
    nightly,
    policy,
    record,
)
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.calendar.zone import FAR_AHEAD, to_micros, to_text
from vbs_reaper.purge.forecast import advice
from vbs_reaper.purge.inventory import check_clock
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.reasons import Reason

DAY = timedelta(days=1)


def reasons(made: Plan) -> dict[str, tuple[Reason, ...]]:
    return {row.id: row.reasons for row in made.backups}


def going(made: Plan) -> set[str]:
    return {row.id for row in made.selected}


def ids(*numbers: int) -> set[str]:
    return {backup_id(number) for number in numbers}


def test_what_no_rule_keeps_goes_newest_first() -> None:
    made = plan(policy(), inventory(nightly(5)), NOW)
    assert [row.id for row in made.due] == [backup_id(number) for number in (2, 3, 4)]
    assert reasons(made)[backup_id(0)] == (Reason.KEEP_LAST, Reason.MIN_KEPT)
    assert reasons(made)[backup_id(4)] == (Reason.NOT_KEPT,)


def test_a_group_names_the_copies_that_make_the_others_superfluous() -> None:
    made = plan(policy(guards={"min_kept_per_group": 2}), inventory(nightly(4)), NOW)
    assert made.groups[0].survivors == (backup_id(0), backup_id(1))


def test_five_survivors_are_named_at_most() -> None:
    made = plan(policy(guards={"min_kept_per_group": 7}), inventory(nightly(9)), NOW)
    assert len(made.groups[0].survivors) == 5


def test_failed_copies_alone_have_no_survivor() -> None:
    made = plan(policy(match={"status": ["error"]}), inventory(nightly(2, status="error")), NOW)
    assert going(made) == ids(0, 1)
    assert made.groups[0].survivors == ()


def test_a_failed_backup_is_no_copy_and_stays_unless_it_is_matched() -> None:
    rows = [record(0, age=DAY, status="error"), *nightly(4)[1:]]
    kept = plan(policy(), inventory(rows), NOW)
    assert reasons(kept)[backup_id(0)] == (Reason.NOT_MATCHED,)
    assert going(kept) == ids(3)
    matched = plan(policy(match={"status": ["available", "error"]}), inventory(rows), NOW)
    assert reasons(matched)[backup_id(0)] == (Reason.FAILED_COPY,)
    assert going(matched) == ids(0, 3)


def test_a_held_backup_stays_also_when_it_failed() -> None:
    rows = nightly(4)
    rows[3].update({"status": "error", "description": "[hold]"})
    made = plan(policy(match={"status": ["available", "error"]}), inventory(rows), NOW)
    assert reasons(made)[backup_id(3)] == (Reason.HELD,)
    assert going(made) == ids(2)


def test_a_kept_backup_that_is_held_says_both() -> None:
    rows = nightly(3)
    rows[1]["description"] = "[hold]"
    made = plan(policy(), inventory(rows), NOW)
    assert reasons(made)[backup_id(1)] == (Reason.KEEP_LAST, Reason.HELD)


@pytest.mark.parametrize("text", ['{"ST": 0}', '{"ST": "4"}', '{"ST": 4, "CMKID": "x"}', ' {"Type": 1}', "", None])
def test_a_disks_own_backup_may_go(text: str | None) -> None:
    assert going(plan(policy(), inventory(nightly(4, service_metadata=text)), NOW)) == ids(2, 3)


@pytest.mark.parametrize("status", ["creating", "restoring", "deleting"])
def test_a_busy_backup_stays_and_is_no_copy(status: str) -> None:
    made = plan(policy(), inventory([record(0, age=timedelta(0), status=status), *nightly(4)[1:]]), NOW)
    assert reasons(made)[backup_id(0)] == (Reason.IN_USE,)
    assert going(made) == ids(3)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"description": "please [hold] this"}, Reason.HELD),
        ({"metadata": {"hold": ""}}, Reason.HELD),
        ({"service_metadata": ' {"ST": 1}'}, Reason.NOT_OWNED),
        ({"service_metadata": '{"ST": "5"}'}, Reason.NOT_OWNED),
        ({"service_metadata": '{"ST": 1'}, Reason.UNKNOWN_FIELD),
        ({"service_metadata": "[]"}, Reason.UNKNOWN_FIELD),
        ({"service_metadata": '{"ST": "x"}'}, Reason.UNKNOWN_FIELD),
        ({"service_metadata": '{"ST": "\\u0661"}'}, Reason.UNKNOWN_FIELD),
        ({"service_metadata": '{"ST": 10000}'}, Reason.UNKNOWN_FIELD),
        ({"service_metadata": '{"ST": -1}'}, Reason.UNKNOWN_FIELD),
        ({"service_metadata": '{"ST": 9}'}, Reason.UNKNOWN_FIELD),
        ({"os-bak-tenant-attr:tenant_id": OTHER_PROJECT}, Reason.NOT_OWNED),
        ({"os-backup-project-attr:project_id": OTHER_PROJECT}, Reason.NOT_OWNED),
        (
            {"os-backup-project-attr:project_id": PROJECT, "os-bak-tenant-attr:tenant_id": OTHER_PROJECT},
            Reason.NOT_OWNED,
        ),
        ({"status": "error_deleting"}, Reason.DELETION_FAILED),
        ({"status": "archived"}, Reason.UNKNOWN_FIELD),
        ({"status": None}, Reason.UNKNOWN_FIELD),
        ({"volume_id": None}, Reason.UNKNOWN_FIELD),
        ({"volume_id": ""}, Reason.UNKNOWN_FIELD),
        ({"created_at": None}, Reason.UNKNOWN_FIELD),
        ({"created_at": "yesterday"}, Reason.UNKNOWN_FIELD),
        ({"created_at": "2025-01-01"}, Reason.UNKNOWN_FIELD),
        ({"created_at": "1969-12-31T00:00:00"}, Reason.UNKNOWN_FIELD),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, Reason.UNKNOWN_FIELD),
        ({"created_at": "2026-11-25T03:00:00.000001"}, Reason.CREATED_IN_FUTURE),
        ({"created_at": "9999-12-29T23:59:59Z"}, Reason.CREATED_IN_FUTURE),
        ({"created_at": "9999-12-31T23:59:59Z"}, Reason.UNKNOWN_FIELD),
        ({"name": None}, Reason.NOT_MATCHED),
        ({"name": "weekly"}, Reason.NOT_MATCHED),
        ({"name": "Daily-1"}, Reason.NOT_MATCHED),
    ],
)
def test_an_odd_backup_stays_with_its_reason(fields: Record, reason: Reason) -> None:
    rows = nightly(6)
    rows[5].update(fields)
    made = plan(policy(), inventory(rows, project_id=PROJECT), NOW)
    assert reasons(made)[backup_id(5)] == (reason,)
    assert going(made) == ids(2, 3, 4)


@pytest.mark.parametrize("field", ["os-backup-project-attr:project_id", "os-bak-tenant-attr:tenant_id"])
def test_a_backup_of_the_project_itself_may_go(field: str) -> None:
    made = plan(policy(), inventory(nightly(3, **{field: PROJECT}), project_id=PROJECT), NOW)
    assert going(made) == ids(2)


@pytest.mark.parametrize("field", ["volume_id", "status", "created_at", "name", "description", "metadata"])
def test_a_missing_field_keeps_its_backup_and_no_other(field: str) -> None:
    rows = nightly(6, metadata={})
    del rows[5][field]
    made = plan(policy(), inventory(rows, with_metadata=True), NOW)
    row = next(row for row in made.backups if row.id == backup_id(5))
    assert (row.reasons, row.detail) == ((Reason.UNKNOWN_FIELD,), field)
    assert going(made) == ids(2, 3, 4)


def test_what_is_unknown_of_a_backup_is_named() -> None:
    rows = [
        record(1, age=DAY, created_at="1969-12-31T23:59:59"),
        record(2, age=DAY, status="strange"),
        {**record(3, age=DAY), "id": ""},
        record(4, age=DAY, volume_id=None),
    ]
    details = {row.name: row.detail for row in plan(policy(), inventory(rows), NOW).backups}
    assert details == {"daily-1": "created_at", "daily-2": "status", "daily-3": "id", "daily-4": "volume_id"}


def test_a_zoneless_creation_time_is_utc() -> None:
    rows = [
        record(0, age=DAY, created_at="2026-11-24T03:00:00+02:00"),
        record(1, age=DAY, created_at="2026-11-24T01:30:00"),
    ]
    made = plan(policy(keep={"last": 1}), inventory(rows), NOW)
    assert going(made) == ids(0)


def test_one_id_for_two_backups_refuses_the_run() -> None:
    with pytest.raises(RunRefused, match="two different backups have the id") as refused:
        plan(policy(), inventory([*nightly(3), record(1, age=DAY, volume_id="other")]), NOW)
    assert refused.value.reason is Reason.INVENTORY_DOUBTFUL


def test_a_backup_listed_twice_counts_once() -> None:
    rows = nightly(3)
    made = plan(policy(), inventory([*rows, rows[1]]), NOW)
    assert made.totals.backups == 3
    assert going(made) == ids(2)


def test_a_list_of_nothing_but_repeats_counts_each_once() -> None:
    rows = nightly(2)
    assert plan(policy(), inventory([*rows, *rows]), NOW).totals.backups == 2


def test_of_an_id_no_more_than_a_piece_is_quoted() -> None:
    twins = [record(0, age=age * DAY, id="x" * 99) for age in (1, 2)]
    with pytest.raises(RunRefused, match=f'"{"x" * 64}"; list again$'):
        plan(policy(), inventory(twins), NOW)


def test_what_has_no_group_stands_at_the_end_by_volume_and_id() -> None:
    rows = [
        record(2, age=DAY, name="other", volume_id="b"),
        record(1, age=DAY, name="other", volume_id="b"),
        record(3, age=DAY, name="other", volume_id="0"),
        record(4, age=DAY, name="other", volume_id=None),
        record(5, age=DAY),
    ]
    assert [row.id for row in plan(policy(), inventory(rows), NOW).backups] == [backup_id(n) for n in (5, 4, 3, 1, 2)]


@pytest.mark.parametrize("marker", ["", " ", "\u200b", "\u00a0\ufe0f"])
def test_an_empty_hold_marker_is_refused(marker: str) -> None:
    with pytest.raises(ValueError, match="hold marker is empty"):
        inventory([], hold_marker=marker)


@pytest.mark.parametrize(
    "fields",
    [{"name": "daily [Hold]"}, {"description": "［ hold ］"}, {"metadata": {"Hold ": "legal"}}],  # noqa: RUF001
)
def test_a_hold_in_any_spelling_is_never_selected(fields: dict[str, Any]) -> None:
    rows = [record(1, age=timedelta()), record(2, age=DAY), record(3, age=2 * DAY, **fields), record(4, age=3 * DAY)]
    made = plan(policy(), inventory(rows), NOW)
    assert [row.id for row in made.selected] == [backup_id(4)]
    assert next(row for row in made.backups if row.id == backup_id(3)).reasons == (Reason.HELD,)


def test_a_clock_ten_minutes_off_refuses_the_run() -> None:
    with pytest.raises(RunRefused, match="differ by 600 s") as refused:
        check_clock(NOW, NOW - timedelta(minutes=10))
    assert refused.value.reason is Reason.CLOCK_DOUBT
    check_clock(NOW, NOW + timedelta(minutes=5))
    with pytest.raises(RunRefused):
        check_clock(NOW, NOW + timedelta(minutes=5, seconds=1))


def test_a_dormant_volume_loses_nothing_while_its_neighbour_is_purged() -> None:
    dormant = [record(100 + day, age=timedelta(days=90 + day), volume_id="dormant") for day in range(10)]
    made = plan(policy(guards={"max_newest_age": "48h"}), inventory([*nightly(5), *dormant]), NOW)
    assert going(made) == ids(2, 3, 4)
    assert reasons(made)[backup_id(105)] == (Reason.SOURCE_STALE,)
    assert reasons(made)[backup_id(100)] == (Reason.KEEP_LAST, Reason.MIN_KEPT)


@pytest.mark.parametrize(("age", "stale"), [("48h", False), ("47h", True)])
def test_a_copy_is_new_enough_at_exactly_the_age_allowed(age: str, stale: bool) -> None:
    rows = [record(n, age=timedelta(days=n + 2)) for n in range(3)]
    made = plan(policy(guards={"max_newest_age": age}), inventory(rows), NOW)
    assert going(made) == (set() if stale else ids(2))


def test_a_group_without_any_usable_copy_is_stale() -> None:
    rows = nightly(2, status="error")
    made = plan(policy(match={"status": ["error"]}, guards={"max_newest_age": "48h"}), inventory(rows), NOW)
    assert set(reasons(made).values()) == {(Reason.SOURCE_STALE,)}


def test_only_the_named_volumes_are_meant() -> None:
    rows = [*nightly(4, volume_id="a"), *(record(10 + n, age=n * DAY, volume_id="b") for n in range(4))]
    made = plan(policy(match={"volume": ["a", "c"]}), inventory(rows), NOW)
    assert going(made) == ids(2, 3)
    assert reasons(made)[backup_id(10)] == (Reason.NOT_MATCHED,)


@pytest.mark.parametrize(
    ("name", "matches"), [("daily-1", True), ("daily-", True), ("Daily-1", False), ("xdaily-1", False)]
)
def test_a_name_matches_as_a_whole_and_by_case(name: str, matches: bool) -> None:
    rows = nightly(3, name=name)
    assert bool(going(plan(policy(match={"name": "daily-*"}), inventory(rows), NOW))) is matches


def test_a_backup_exactly_as_old_as_said_is_spared() -> None:
    rows = [record(n, age=n * DAY) for n in range(5)]
    made = plan(policy(match={"name": "*", "older_than": "3d"}), inventory(rows), NOW)
    assert going(made) == ids(4)


def test_without_new_backups_nothing_more_goes_by_counts() -> None:
    assert going(plan(policy(), inventory(nightly(2)), NOW + timedelta(days=900))) == set()


def test_older_than_spares_and_changes_no_count() -> None:
    made = plan(policy(match={"name": "daily*", "older_than": "3d"}), inventory(nightly(6)), NOW)
    assert going(made) == ids(3, 4, 5)
    assert reasons(made)[backup_id(2)] == (Reason.TOO_YOUNG,)


def full_and_incrementals(count: int) -> list[Record]:
    rows = nightly(count + 1, is_incremental=True)
    rows[-1]["is_incremental"] = False
    return rows


def test_a_full_backup_and_its_incrementals_stay_together_on_cinder_with_advice() -> None:
    made = plan(policy(), inventory(full_and_incrementals(6), service="cinder"), NOW)
    assert going(made) == set()
    assert reasons(made)[backup_id(6)] == (Reason.CHAIN_BLOCKED,)
    (advice,) = made.advice
    assert (advice.blocked, advice.blocked_gib) == (5, 50)
    assert (advice.frees, advice.frees_gib, advice.further_backups) == (7, 70, 1)
    assert "a full backup today frees 7 backups (70 GiB) after 1 further backup, about " in advice.sentence
    assert "2026-11-26" in advice.sentence
    assert (advice.volume_id, advice.frees_at) == (backup_id(10**9), to_micros(NOW + DAY))


def test_where_a_full_backup_frees_all_at_once_no_further_one_is_needed() -> None:
    (advice,) = plan(policy(keep={"last": 1}), inventory(full_and_incrementals(6), service="cinder"), NOW).advice
    assert (advice.frees, advice.further_backups, advice.frees_at) == (7, 0, to_micros(NOW))


def test_the_advice_counts_what_grows_old_enough_meanwhile() -> None:
    rules = policy(match={"name": "daily*", "older_than": "10d"})
    (advice,) = plan(rules, inventory(full_and_incrementals(14), service="cinder"), NOW).advice
    assert (advice.frees, advice.further_backups) == (15, 10)


@pytest.mark.parametrize(
    ("first", "last", "frees_at"),
    [
        # Made by a host whose clock began in 2000: the pace is of 26 years, and 512 steps lead far out of the calendar.
        ((2000, 1, 1), (2026, 1, 1), to_micros(datetime(2052, 1, 2, 1, tzinfo=UTC))),
        ((2026, 1, 1), (9000, 1, 1), FAR_AHEAD),
    ],
)
def test_the_advice_looks_no_further_than_the_calendar(
    first: tuple[int, int, int], last: tuple[int, int, int], frees_at: int
) -> None:
    rows = [
        record(1, age=timedelta(0), created_at=datetime(*last, tzinfo=UTC).isoformat(), is_incremental=True),
        record(2, age=timedelta(0), created_at=datetime(*first, tzinfo=UTC).isoformat(), is_incremental=False),
    ]
    now = datetime(*last, 1, tzinfo=UTC)
    (advice,) = plan(policy(keep={"last": 1, "within": "1d"}), inventory(rows, service="cinder"), now).advice
    assert (advice.frees, advice.further_backups, advice.frees_at) == (2, 1, frees_at)
    assert advice.sentence.endswith(f"about {to_text(frees_at)[:10]}")


def test_a_held_link_keeps_what_it_stands_on_in_the_advice_too() -> None:
    rows = full_and_incrementals(6)
    rows[3]["description"] = "[hold]"
    (advice,) = plan(policy(), inventory(rows, service="cinder"), NOW).advice
    assert (advice.frees, advice.further_backups) == (3, 1)


def test_what_is_held_for_good_is_freed_by_nothing() -> None:
    rows = full_and_incrementals(6)
    rows[0]["description"] = "[hold]"
    (advice,) = plan(policy(), inventory(rows, service="cinder"), NOW).advice
    assert (advice.blocked, advice.frees, advice.further_backups, advice.frees_at) == (5, 0, 0, None)
    assert "a full backup today does not free them within the next 512 backups" in advice.sentence


def test_the_volume_where_most_is_held_back_is_advised_on_first() -> None:
    rows = [
        {**row, "id": backup_id(100 * volume + n), "volume_id": f"volume-{volume}", "size": size}
        for volume, size in ((1, 5), (2, 50), (3, 5))
        for n, row in enumerate(full_and_incrementals(3))
    ]
    made = plan(policy(), inventory(rows, service="cinder"), NOW)
    assert [(advice.volume_id, advice.blocked_gib) for advice in made.advice] == [
        ("volume-2", 100),
        ("volume-1", 10),
        ("volume-3", 10),
    ]


def test_advice_is_given_on_fifty_volumes_at_most() -> None:
    rows = [
        {**row, "id": backup_id(100 * volume + n), "volume_id": f"volume-{volume:02}"}
        for volume in range(51)
        for n, row in enumerate(full_and_incrementals(3))
    ]
    assert len(plan(policy(), inventory(rows, service="cinder"), NOW).advice) == 50


@pytest.mark.parametrize(("limit", "advised"), [(1, 1), (31, 1), (32, 2), (47, 2), (48, 3), (10**6, 3)])
def test_advice_considers_no_more_backups_than_a_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int, advised: int
) -> None:
    """Three volumes of four in one group: 16 backups are considered for each."""
    monkeypatch.setattr(advice, "ROWS_LIMIT", limit)
    rows = [
        {**row, "id": backup_id(100 * volume + n), "volume_id": f"volume-{volume}"}
        for volume in range(3)
        for n, row in enumerate(full_and_incrementals(3))
    ]
    rules = policy(group_by={"name": "^(daily)"}, keep={"last": 3})
    assert len(plan(rules, inventory(rows, service="cinder"), NOW).advice) == advised


def test_a_failed_backup_that_is_held_back_is_followed_by_usable_ones() -> None:
    rows = full_and_incrementals(6)
    rows[2]["status"] = "error"
    both = policy(match={"status": ["available", "error"]})
    (advice,) = plan(both, inventory(rows, service="cinder"), NOW).advice
    assert (advice.frees, advice.further_backups) == (7, 1)


def test_a_full_backup_today_is_later_than_one_made_right_now() -> None:
    rows = [{**row, "created_at": (NOW - n * DAY).isoformat()} for n, row in enumerate(full_and_incrementals(6))]
    (advice,) = plan(policy(keep={"last": 1}), inventory(rows, service="cinder"), NOW).advice
    assert (advice.frees, advice.further_backups) == (7, 0)


def test_advice_does_not_depend_on_the_order_of_the_list() -> None:
    rows = [
        *full_and_incrementals(6),
        *(record(20 + n, age=timedelta(days=n, hours=2), name="daily-x") for n in range(4)),
    ]
    for number, row in enumerate(rows):
        row.update({"is_incremental": row.get("is_incremental", True), "size": 0.1 * number})
    by_name = policy(group_by={"name": "(daily-x|daily)"})
    first, second = (plan(by_name, inventory(order, service="cinder"), NOW) for order in (rows, rows[::-1]))
    assert first.advice == second.advice
    assert first.totals == second.totals


def test_the_advice_comes_true() -> None:
    rows = full_and_incrementals(6)
    rows.append(record(50, age=timedelta(0), is_incremental=False))
    rows.append(record(51, age=-DAY, is_incremental=True))
    made = plan(policy(), inventory(rows, service="cinder"), NOW + DAY)
    assert going(made) == ids(*range(7))


def test_on_vbs_every_backup_stands_alone() -> None:
    assert going(plan(policy(), inventory(full_and_incrementals(6)), NOW)) == ids(2, 3, 4, 5, 6)


def test_a_chain_ends_at_the_usable_full_backup_before_it() -> None:
    rows = nightly(8, is_incremental=True)
    rows[3]["is_incremental"] = rows[7]["is_incremental"] = False
    assert going(plan(policy(), inventory(rows, service="cinder"), NOW)) == ids(4, 5, 6, 7)
    rows[3]["status"] = "error"
    assert going(plan(policy(), inventory(rows, service="cinder"), NOW)) == set()


def test_a_backup_out_of_the_policys_set_may_need_one_that_is_in_it() -> None:
    rows = full_and_incrementals(3)
    rows[0]["name"] = "by hand"
    rows += [record(10 + n, age=timedelta(minutes=n), is_incremental=False) for n in range(2)]
    assert going(plan(policy(), inventory(rows, service="cinder"), NOW)) == set()


@pytest.mark.parametrize("field", ["volume_id", "created_at", "is_incremental"])
def test_a_chain_whose_links_cannot_be_told_stays_whole(field: str) -> None:
    rows = [
        *nightly(2, is_incremental=False),
        *(record(9 + n, age=timedelta(days=5 + n), is_incremental=n < 3) for n in range(4)),
    ]
    assert going(plan(policy(), inventory(rows, service="cinder"), NOW)) == ids(9, 10, 11, 12)
    del rows[2][field]
    expected = ids(9, 10, 11, 12) if field == "is_incremental" else set()
    assert going(plan(policy(), inventory(rows, service="cinder"), NOW)) == expected


def test_of_two_made_at_once_either_may_need_the_other() -> None:
    newer = nightly(2, is_incremental=False)
    twins = [record(n, age=5 * DAY, is_incremental=n == 8) for n in (8, 9)]
    assert going(plan(policy(), inventory([*newer, *twins], service="cinder"), NOW)) == ids(8, 9)
    twins[0]["description"] = "[hold]"
    held = [*newer, *twins, record(20, age=6 * DAY, is_incremental=False)]
    assert going(plan(policy(), inventory(held, service="cinder"), NOW)) == set()


def test_a_chain_in_grace_delays_what_it_stands_on() -> None:
    rows = [
        *nightly(2, is_incremental=False),
        record(8, age=5 * DAY, is_incremental=True),
        record(9, age=6 * DAY, is_incremental=False),
    ]
    first = plan(policy(grace="7d"), inventory([*rows[:2], rows[3]], service="cinder"), NOW - 3 * DAY)
    made = plan(policy(grace="7d"), inventory(rows, service="cinder"), NOW, last=first)
    due = {row.id: row.due_at for row in made.backups}
    assert due[backup_id(8)] == due[backup_id(9)]


def recreated_daily(days: int) -> list[Record]:
    return [record(n, age=timedelta(days=n), volume_id=backup_id(500 + n), name=f"web-{n:03}") for n in range(days)]


def test_volumes_that_are_recreated_daily_are_warned_of_and_kept_by_name() -> None:
    by_volume = plan(policy(match={"name": "web-*"}, keep={"daily": 7}), inventory(recreated_daily(20)), NOW)
    assert going(by_volume) == set()
    assert by_volume.warnings == (
        "20 of 20 groups have a single backup, which is always kept: if the volumes are re-created, "
        'group by name: "group_by": {"name": "<expression with one group>"}.',
    )
    by_name = plan(
        policy(
            match={"name": "web-*"},
            keep={"daily": 7},
            group_by={"name": r"(\w+)-\d+"},
            guards={"max_volumes_left_without": 13},
        ),
        inventory(recreated_daily(20)),
        NOW,
    )
    assert by_name.warnings == ()
    assert by_name.totals.selected == 13
    assert [row.id for row in by_name.kept] == [backup_id(n) for n in range(7)]


@pytest.mark.parametrize(("volumes", "again", "warned"), [(1, 0, 0), (2, 0, 1), (2, 1, 0), (3, 1, 1), (4, 2, 0)])
def test_groups_that_are_mostly_of_one_are_warned_of(volumes: int, again: int, warned: int) -> None:
    rows = [record(n, age=DAY, volume_id=f"v{n}") for n in range(volumes)]
    rows += [record(50 + n, age=2 * DAY, volume_id=f"v{n}") for n in range(again)]
    assert len(plan(policy(), inventory(rows), NOW).warnings) == warned


@pytest.mark.parametrize(
    ("match", "hint"),
    [
        ({"name": "^daily-.*$"}, ' A name is a shell pattern, such as "daily-*"; upper and lower case differ.'),
        ({"volume": "the volume's name"}, ""),
        ({"status": ["error"]}, ""),
    ],
)
def test_a_policy_that_matches_nothing_is_warned_of(match: dict[str, Any], hint: str) -> None:
    made = plan(policy(match=match), inventory(nightly(3)), NOW)
    assert made.warnings == (f'None of the 3 listed backups is matched: check "match".{hint}',)
    assert plan(policy(match=match), inventory([]), NOW).warnings == ()


def test_a_name_without_the_expressions_group_stays() -> None:
    rows = [record(0, age=DAY, name="daily"), record(1, age=DAY, name="daily-")]
    made = plan(policy(group_by={"name": "daily-(.*)"}), inventory(rows), NOW)
    assert set(reasons(made).values()) == {(Reason.NO_GROUP,)}


def test_nothing_is_due_before_it_has_stood_for_the_whole_grace() -> None:
    rows, last = nightly(5), None
    for day in range(7):
        last = plan(policy(grace="7d"), inventory(rows), NOW + day * DAY, last=last)
        assert not list(last.due)
        assert reasons(last)[backup_id(4)] == (Reason.NOT_KEPT, Reason.IN_GRACE)
    last = plan(policy(grace="7d"), inventory(rows), NOW + 7 * DAY, last=last)
    assert {row.id for row in last.due} == ids(2, 3, 4)


@pytest.mark.parametrize(
    ("grace", "pause", "carried"), [("7d", 7, True), ("7d", 8, False), ("1d", 2, True), ("1d", 3, False)]
)
def test_a_last_plan_counts_for_the_grace_or_two_days_if_longer(grace: str, pause: int, carried: bool) -> None:
    first = plan(policy(grace=grace), inventory(nightly(5)), NOW)
    made = plan(policy(grace=grace), inventory(nightly(5)), NOW + pause * DAY, last=first)
    assert {row.id for row in made.due} == (ids(2, 3, 4) if carried else set())


@pytest.mark.parametrize(
    ("grace", "pause", "age"), [("7d", timedelta(days=7, seconds=2), "7d"), ("1d", 3 * DAY, "48h")]
)
def test_a_plan_says_that_its_last_one_was_too_long_ago_to_count(grace: str, pause: timedelta, age: str) -> None:
    rules = policy(grace=grace, guards={"max_fraction": 1})
    first = plan(rules, inventory(nightly(5)), NOW)
    assert plan(rules, inventory(nightly(5)), NOW + pause, last=first).warnings == (
        f"Every grace starts again: the last plan was made at 2026-11-25T03:00:00Z, and a plan older than {age} "
        "does not count; run the policy more often than that, or choose a longer grace.",
    )


@pytest.mark.parametrize(
    ("before", "after", "pause"),
    [
        ({"grace": "7d"}, {"grace": "7d"}, 7 * DAY),
        ({"grace": "1d"}, {"grace": "1d"}, 2 * DAY),
        ({"grace": "7d"}, {"grace": "7d"}, -30 * DAY),
        ({"grace": "7d"}, {}, 30 * DAY),
        ({"grace": "7d"}, {"keep": {"last": 3}}, DAY),
    ],
)
def test_a_plan_without_a_grace_or_with_a_last_one_that_counts_says_nothing_of_it(
    before: dict[str, Any], after: dict[str, Any], pause: timedelta
) -> None:
    first = plan(policy(**before), inventory(nightly(5)), NOW)
    made = plan(policy(**after), inventory(nightly(5)), NOW + pause, last=first)
    assert not [warning for warning in made.warnings if "grace starts again" in warning]


def test_a_plan_says_that_every_grace_starts_again_because_the_last_plans_have_other_rules() -> None:
    first = plan(policy(grace="7d"), inventory(nightly(5)), NOW)
    made = plan(policy(grace="7d", keep={"last": 3}), inventory(nightly(5)), NOW + DAY, last=first)
    assert [warning for warning in made.warnings if "grace starts again" in warning] == [
        "Every grace starts again: none of the policy's last plans selects by the same rules."
    ]


def test_what_is_warned_of_is_told_together() -> None:
    rows = [record(n, age=DAY, volume_id=f"v{n}") for n in range(2)]
    first = plan(policy(grace="1d"), inventory(rows), NOW)
    warnings = plan(policy(grace="1d"), inventory(rows), NOW + 9 * DAY, last=first).warnings
    assert [warning.split(":")[0] for warning in warnings] == [
        "2 of 2 groups have a single backup, which is always kept",
        "Every grace starts again",
    ]


def test_without_a_grace_a_last_plan_counts_for_two_days() -> None:
    first = plan(policy(), inventory(nightly(5)), NOW)
    for pause, since in ((2 * DAY, NOW), (2 * DAY + timedelta(seconds=1), NOW + 2 * DAY + timedelta(seconds=1))):
        made = plan(policy(), inventory(nightly(5)), NOW + pause, last=first)
        assert {row.selected_since for row in made.selected} == {to_micros(since)}


def test_a_renamed_backup_starts_its_grace_anew() -> None:
    first = plan(policy(grace="1d"), inventory(nightly(5)), NOW)
    rows = nightly(5)
    rows[3]["name"] = "daily-renamed"
    made = plan(policy(grace="1d"), inventory(rows), NOW + DAY, last=first)
    assert {row.id for row in made.due} == ids(2, 4)


@pytest.mark.parametrize("changed", [{"keep": {"last": 1}}, {"timezone": "Asia/Tokyo"}, {"match": {"name": "*"}}])
def test_another_choice_starts_the_grace_anew(changed: dict[str, Any]) -> None:
    first = plan(policy(grace="1d"), inventory(nightly(5)), NOW)
    made = plan(policy(grace="1d", **changed), inventory(nightly(5)), NOW + DAY, last=first)
    assert not list(made.due)


def test_a_plan_of_the_very_moment_is_counted_on() -> None:
    rules = policy(grace="7d")
    earlier = NOW - timedelta(minutes=30)
    first = plan(rules, inventory(nightly(3)), earlier)
    second = plan(rules, inventory(nightly(3)), NOW, last=first)
    third = plan(rules, inventory(nightly(3)), NOW, last=second)
    assert {row.selected_since for row in third.selected} == {to_micros(earlier)}


def test_a_plan_from_the_future_is_not_counted_on() -> None:
    first = plan(policy(grace="1d"), inventory(nightly(5)), NOW + 9 * DAY)
    assert all(
        row.selected_since != first.made_at
        for row in plan(policy(grace="1d"), inventory(nightly(5)), NOW, last=first).selected
    )


def test_a_grace_across_a_clock_change_is_by_the_calendar() -> None:
    now = datetime.fromisoformat("2026-10-24T03:00:00+02:00")
    made = plan(
        policy(grace="2d", timezone="Europe/Berlin"),
        inventory([record(n, age=timedelta(days=40 + n)) for n in range(3)]),
        now,
    )
    (row,) = made.selected
    assert row.due_at == (datetime.fromisoformat("2026-10-26T03:00:00+01:00").timestamp()) * 1_000_000


def test_a_guard_refuses_what_exceeds_it_and_says_by_how_much() -> None:
    made = plan(policy(guards={"max_deletions": 2, "max_fraction": 1}), inventory(nightly(6)), NOW)
    (guard,) = made.exceeded
    assert (guard.guard, guard.due, guard.allowed) == ("max_deletions", 4, 2)
    assert guard.sentence == "4 due, max_deletions 2 allows only 2"


def test_the_fraction_is_of_the_policys_set() -> None:
    others = [record(100 + n, age=DAY, name="other") for n in range(50)]
    made = plan(policy(), inventory([*nightly(6), *others]), NOW)
    assert [guard.guard for guard in made.exceeded] == ["max_fraction"]
    assert made.totals.matched == 6


def test_the_fraction_does_not_apply_where_no_group_loses_more_than_one() -> None:
    rows = [record(10 * v + n, age=n * DAY, volume_id=f"v{v}") for v in range(3) for n in range(3)]
    made = plan(policy(), inventory(rows), NOW)
    assert made.totals.due == 3
    assert not made.exceeded
    assert not made.guards[1].applies


def test_guards_count_what_is_due_and_not_what_is_in_grace() -> None:
    made = plan(policy(grace="7d", guards={"max_deletions": 1}), inventory(nightly(9)), NOW)
    assert (made.totals.selected, made.totals.due) == (7, 0)
    assert not made.exceeded


def test_the_difference_to_the_last_plan_is_told() -> None:
    first = replace(plan(policy(), inventory(nightly(5)), NOW), sha256="5" * 64)
    rows = [record(99, age=timedelta(0)), *nightly(4)]
    rows[3]["description"] = "[hold]"
    made = plan(policy(), inventory(rows), NOW + DAY, last=first)
    assert made.difference is not None
    assert (made.difference.last_sha256, made.difference.last_made_at) == ("5" * 64, to_micros(NOW))
    assert (made.difference.new_backups, made.difference.gone_backups) == (1, 1)
    assert made.difference.newly_selected == 1
    assert made.difference.spared == (backup_id(2),)


def test_sizes_add_up() -> None:
    totals = plan(policy(), inventory(nightly(5, size=2.5)), NOW).totals
    assert (totals.kept_gib, totals.selected_gib, totals.due_gib) == (5.0, 7.5, 7.5)


@pytest.mark.parametrize("size", [None, -1, 1e300])
def test_what_is_no_size_counts_nothing(size: float | None) -> None:
    assert plan(policy(), inventory(nightly(3, size=size)), NOW).totals.due_gib == 0


def test_no_backups_make_an_empty_plan() -> None:
    made = plan(policy(), inventory([]), NOW)
    assert (made.totals.backups, made.exceeded, made.warnings) == (0, [], ())
