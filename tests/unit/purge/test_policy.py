"""A policy is understood wholly or refused, with a sentence that names key, finding and fix."""

from typing import Any

import pytest

from vbs_reaper.errors import InvalidPolicy
from vbs_reaper.purge.migration_hints import FOREIGN
from vbs_reaper.purge.policy import KEYS, PurgePolicy, read_policy

GOOD: dict[str, Any] = {"policy": "nightly", "match": {"name": "daily-*"}, "keep": {"last": 3}}

FULL: dict[str, Any] = {
    "policy": "nightly",
    "target": "otc-prod",
    "mode": "preview",
    "match": {"name": "daily-*", "status": ["available", "error"], "older_than": "3d"},
    "group_by": "volume",
    "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2, "within": "48h"},
    "timezone": "Europe/Berlin",
    "grace": "7d",
    "guards": {"max_deletions": 200, "max_fraction": 0.25, "min_kept_per_group": 1, "max_newest_age": "48h"},
}


def refusal(document: object) -> str:
    with pytest.raises(InvalidPolicy) as refused:
        read_policy(document)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def test_the_designs_own_policy_is_read() -> None:
    policy = read_policy(FULL)
    assert policy.keep.weekly == 4
    assert policy.guards.max_newest_age == "48h"
    assert policy.mode == "preview"


def test_a_policy_only_previews_and_has_guards_unless_it_says_otherwise() -> None:
    policy = read_policy(GOOD)
    assert policy.mode == "preview"
    assert (policy.guards.max_deletions, policy.guards.max_fraction, policy.guards.min_kept_per_group) == (200, 0.25, 1)
    assert policy.group_by == "volume"
    assert policy.timezone == "UTC"


@pytest.mark.parametrize("part", ["policy", "match", "keep"])
def test_a_missing_part_is_never_read_as_all(part: str) -> None:
    assert f'"{part}" is missing' in refusal({key: value for key, value in GOOD.items() if key != part})


@pytest.mark.parametrize("part", ["match", "keep", "guards", "group_by"])
def test_an_empty_part_is_never_read_as_all(part: str) -> None:
    assert f'"{part}" is empty' in refusal({**GOOD, part: {}})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"matches": {}}, '"matches" is not a key of a policy; did you mean "match"?'),
        ({"keep": {"dayly": 7}}, '"keep.dayly" is not a key of a policy; did you mean "daily"?'),
        ({"keep": {"Daily": 7}}, 'write "daily"'),
        ({"keep": {"Xdaily": 7}}, '"keep.Xdaily" is not a key of a policy; did you mean "daily"?'),
        ({"keep": {"days": 5}}, 'did you mean "daily" (one of each day) or "within": "30d" (all that are younger)?'),
        ({"keep": {"hours": 5}}, 'did you mean "hourly" (one of each hour) or "within": "48h" (all that are younger)?'),
        ({"match": {"days": 5}}, 'the equivalent here is "match": {"older_than": "30d"}'),
        ({"daily": 7}, 'it belongs under "keep"'),
        ({"match": {"grace": "7d"}}, "it belongs at the top level"),
        ({"\x1b[31m": 7}, '"\\x1b[31m" is not a key of a policy'),
        ({"keep": {"xyz": 7}}, 'the keys under "keep" are last, hourly'),
        ({"guards": {"max_deletion": 5}}, 'did you mean "max_deletions"?'),
        ({"keep": {"keep-daily": 7}}, 'it comes from restic; the equivalent here is "keep": {"daily": …}'),
        ({"--keep-within-daily": "7d"}, 'it comes from restic; the equivalent here is "keep": {"within_daily": "7d"}'),
        ({"filters": []}, "it comes from Cloud Custodian; the equivalent here is "),
        ({"max_backups": 5}, 'it comes from CBR; the equivalent here is "keep": {"last": …}'),
        ({"expired_at": None}, 'it comes from CBR; the equivalent here is "match": {"include_expiring": true}'),
        ({"rentention_num": 5}, 'it comes from VBS policies; the equivalent here is "keep": {"last": …}'),
        ({"group_by": {"names": "(x)"}}, 'did you mean "name"?'),
    ],
)
def test_an_unknown_key_is_answered_with_the_right_one(document: dict[str, Any], says: str) -> None:
    assert says in refusal({**GOOD, **document})


@pytest.mark.parametrize("count", [0, -1, 1.5, "3", True, None, 10**9])
@pytest.mark.parametrize("rule", ["last", "yearly"])
def test_a_count_is_a_whole_number_of_at_least_one(rule: str, count: object) -> None:
    assert f'"keep.{rule}"' in refusal({**GOOD, "keep": {rule: count}})


@pytest.mark.parametrize("guard", ["max_deletions", "min_kept_per_group", "max_fraction"])
@pytest.mark.parametrize("value", [0, -1, None, "many"])
def test_a_guard_cannot_be_switched_off(guard: str, value: object) -> None:
    assert f'"guards.{guard}"' in refusal({**GOOD, "guards": {guard: value}})


@pytest.mark.parametrize("span", ["", "7", "d", "7w", "-7d", "7d ", "1d1d", "0d", "7D", "1.5d", "٧d", "7d\n"])
@pytest.mark.parametrize("key", ["grace", "match.older_than", "keep.within", "guards.max_newest_age"])
def test_a_duration_is_written_as_restic_writes_it(key: str, span: str) -> None:
    part, _, leaf = key.rpartition(".")
    document = {**GOOD, part: {**GOOD.get(part, {}), leaf: span}} if part else {**GOOD, leaf: span}
    assert f'"{key}" ' in refusal(document)


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        ("Europe/Berln", 'did you mean "Europe/Berlin"?'),
        ("UTC+08:00", '"Etc/GMT-8"'),
        ("", "a name of the tz database"),
        ("../UTC", "which is not a known time zone"),
        ("Mars/Olympus", "a name of the tz database"),
        ("Atlantis/City", "a name of the tz database"),
    ],
)
def test_a_zone_nobody_knows_is_refused(zone: str, says: str) -> None:
    sentence = refusal({**GOOD, "timezone": zone})
    assert '"timezone"' in sentence
    assert says in sentence


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("(", "is not a valid regular expression"),
        ("daily", "has no capturing groups"),
        ("(a)(b)", "has 2 capturing groups"),
        ("", "length >= 1"),
    ],
)
def test_a_group_expression_compiles_and_has_one_group(expression: str, says: str) -> None:
    sentence = refusal({**GOOD, "group_by": {"name": expression}})
    assert '"group_by.name"' in sentence
    assert says in sentence


@pytest.mark.parametrize("status", [[], "creating", ["deleting"], ["available", "Error"], 7])
def test_only_available_and_failed_backups_can_be_meant(status: object) -> None:
    assert '"match.status' in refusal({**GOOD, "match": {"status": status}})


def test_include_expiring_is_true_or_false_and_changes_what_is_selected() -> None:
    including = read_policy({**GOOD, "match": {"name": "daily-*", "include_expiring": True}})
    assert not including.selects_like(read_policy(GOOD))
    assert '"match.include_expiring": expected bool' in refusal({**GOOD, "match": {"include_expiring": "yes"}})


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "a" * 64, "n\n", "ä", 7])
def test_a_policys_name_is_safe_in_a_path(name: object) -> None:
    assert '"policy"' in refusal({**GOOD, "policy": name})


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (
            {"target": 3},
            '"target": expected str, got int; give the name of the target, which is the name of its secret without the '
            'prefix, such as "otc-prod"',
        ),
        ({"mode": "x - at `$"}, '"mode": no such value: \'x - at $\'; give "preview" or "purge"'),
        (
            {"match": {"status": ["bad"]}},
            '"match.status[0]": no such value: \'bad\'; give "available", "error" or both; '
            "a backup with another status is never deleted",
        ),
        (
            {"guards": {"max_fraction": 2}},
            '"guards.max_fraction": expected float <= 1.0; give a fraction of the matched backups, '
            "greater than 0 and at most 1",
        ),
        (
            {"group_by": {"name": 7}},
            '"group_by.name": expected str, got int; give a regular expression with one group, such as ^(\\w+)-',
        ),
        ({"grace": 7}, '"grace": expected str, got int; give a duration such as 48h, 7d or 1y6m'),
    ],
)
def test_a_wrong_value_is_told_with_what_to_write(part: dict[str, Any], sentence: str) -> None:
    assert refusal({**GOOD, **part}) == sentence


def test_a_wrong_value_of_any_key_is_told_with_what_to_write() -> None:
    for part, names in KEYS.items():
        for name in names:
            document = {**GOOD, part: {name: {}}} if part else {**GOOD, name: 7}
            assert "; " in refusal(document), name


@pytest.mark.parametrize("document", [None, [], "nightly", 7, True])
def test_what_is_no_object_is_no_policy(document: object) -> None:
    assert refusal(document) == (
        'the policy is not a JSON object; start with {"policy": "<name>", "match": …, "keep": …}'
    )


@pytest.mark.parametrize("part", ["match", "keep", "guards", "group_by", "mode", "timezone", "target", "grace"])
def test_null_is_no_value(part: str) -> None:
    assert f'"{part}"' in refusal({**GOOD, part: None})


def test_a_name_that_ends_with_a_line_break_is_no_name() -> None:
    assert refusal({**GOOD, "policy": "nightly\n"}) == (
        '"policy" is not a valid name; use up to 63 letters, digits, dots, dashes and underscores, '
        "starting with a letter or digit"
    )
    assert refusal({**GOOD, "target": "otc-prod\n"}) == (
        '"target" is not a valid name; use up to 63 lower-case letters, digits and dashes, '
        "starting with a letter or digit"
    )


def test_of_a_zone_no_more_than_a_piece_is_quoted() -> None:
    assert f'"timezone" is "{"x" * 64}", which is not a known time zone; ' in refusal({**GOOD, "timezone": "x" * 99})


def test_one_volume_or_status_may_stand_without_its_list() -> None:
    match = read_policy({**GOOD, "match": {"volume": "v", "status": "error"}}).match
    assert (match.volume, match.with_errors, match.with_available) == (("v",), True, False)


def test_time_in_the_grace_counts_only_under_the_same_choice() -> None:
    policy = read_policy(FULL)

    def like(**parts: object) -> PurgePolicy:
        return read_policy({**FULL, **parts})

    assert policy.selects_like(like(mode="purge", grace="9d", guards={"max_deletions": 5}))
    assert not policy.selects_like(like(keep={"last": 4}))
    assert not policy.selects_like(like(match={"name": "*"}))
    assert not policy.selects_like(like(timezone="UTC"))
    assert not policy.selects_like(like(group_by="name"))
    assert not policy.selects_like(like(target="otc-test"))


def test_no_foreign_word_is_a_word_of_ours() -> None:
    ours = {key for names in KEYS.values() for key in names}
    assert not ours & {word for words in FOREIGN.values() for word in words}
