"""A policy is understood wholly or refused, with a sentence that names key, finding and fix."""

from collections.abc import Sequence
from typing import Any

import pytest

from vbs_reaper.errors import InvalidPolicy
from vbs_reaper.purge.migration_hints import FOREIGN
from vbs_reaper.purge.policy import KEYS, read_policy

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
SOME_ZONE = 'give a name of the tz database, such as "Europe/Berlin"'


def refusal(document: object) -> str:
    with pytest.raises(InvalidPolicy) as refused:
        read_policy(document)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def refusal_of(key: str, value: object) -> str:
    """Why a policy with another value of a key such as `keep.last` is refused."""
    part, _, leaf = key.rpartition(".")
    return refusal(GOOD | ({part: GOOD.get(part, {}) | {leaf: value}} if part else {leaf: value}))


def test_a_full_policy_is_read_and_the_least_one_only_previews_and_has_guards() -> None:
    full, least = read_policy(FULL), read_policy(GOOD)
    assert (full.keep.weekly, full.guards.max_newest_age, full.mode) == (4, "48h", "preview")
    assert (least.mode, least.group_by, least.timezone) == ("preview", "volume", "UTC")
    assert (least.guards.max_deletions, least.guards.max_fraction, least.guards.min_kept_per_group) == (200, 0.25, 1)


def test_one_volume_or_status_may_stand_without_its_list() -> None:
    match = read_policy({**GOOD, "match": {"volume": "v", "status": "error"}}).match
    assert (match.volume, match.with_errors, match.with_available) == (("v",), True, False)


@pytest.mark.parametrize("part", ["policy", "match", "keep"])
def test_a_missing_part_is_never_read_as_all(part: str) -> None:
    assert f'"{part}" is missing' in refusal({key: value for key, value in GOOD.items() if key != part})


@pytest.mark.parametrize("part", ["match", "keep", "guards", "group_by"])
def test_an_empty_part_is_never_read_as_all(part: str) -> None:
    assert f'"{part}" is empty' in refusal({**GOOD, part: {}})


@pytest.mark.parametrize("part", ["match", "keep", "guards", "group_by", "mode", "timezone", "target", "grace"])
def test_null_is_no_value(part: str) -> None:
    assert f'"{part}"' in refusal_of(part, None)


@pytest.mark.parametrize("document", [None, [], "nightly", 7, True])
def test_what_is_no_object_is_no_policy(document: object) -> None:
    assert refusal(document) == (
        'the policy is not a JSON object; start with {"policy": "<name>", "match": …, "keep": …}'
    )


# ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"matches": {}}, '"matches" is not a key of a policy; did you mean "match"?'),
        ({"keep": {"dayly": 7}}, '"keep.dayly" is not a key of a policy; did you mean "daily"?'),
        ({"keep": {"Daily": 7}}, 'write "daily"'),
        ({"keep": {"--Within Daily": "3d"}}, '"keep.--Within Daily" is not a key of a policy; write "within_daily"'),
        ({"keep": {"Xdaily": 7}}, '"keep.Xdaily" is not a key of a policy; did you mean "daily"?'),
        ({"keep": {"days": 5}}, 'did you mean "daily" (one of each day) or "within": "30d" (all that are younger)?'),
        ({"keep": {"hours": 5}}, 'did you mean "hourly" (one of each hour) or "within": "48h" (all that are younger)?'),
        ({"match": {"days": 5}}, 'the equivalent here is "match": {"older_than": "30d"}'),
        ({"daily": 7}, 'it belongs under "keep"'),
        ({"keep": {"older_than": "3d"}}, '"keep.older_than" is not a key of a policy; it belongs under "match"'),
        ({"match": {"grace": "7d"}}, '"match.grace" is not a key of a policy; it belongs at the top level'),
        ({"\x1b[31m": 7}, '"\\x1b[31m" is not a key of a policy'),
        ({"#" * 70: 1}, f'"{"#" * 64}" is not a key of a policy; the keys at the top level are '),
        ({"keep": {"xyz": 7}}, '"keep.xyz" is not a key of a policy; the keys under "keep" are last, hourly'),
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


def test_no_foreign_word_is_a_word_of_ours() -> None:
    ours = {key for names in KEYS.values() for key in names}
    assert not ours & {word for words in FOREIGN.values() for word in words}


# ── Values ────────────────────────────────────────────────────────────────────────────────────────────────────────────

SPANS = ["", "7", "d", "7w", "-7d", "7d ", "1d1d", "0d", "7D", "1.5d", "٧d", "7d\n"]
REFUSED: dict[str, Sequence[object]] = {
    "policy": ["", "a/b", "..", "-a", "a" * 64, "n\n", "ä", 7],
    "keep.last": [0, -1, 1.5, "3", True, None, 10**9],
    "keep.yearly": [0, -1, 1.5, "3", True, None, 10**9],
    "guards.max_deletions": [0, -1, None, "many"],
    "guards.min_kept_per_group": [0, -1, None, "many"],
    "guards.max_fraction": [0, -1, None, "many"],
    "match.status": ["creating", 7, [], ["deleting"], ["available", "Error"]],
    "match.include_expiring": ["yes"],
    **dict.fromkeys(["grace", "match.older_than", "keep.within", "guards.max_newest_age"], SPANS),
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in REFUSED.items() for value in values])
def test_a_value_that_a_key_cannot_have_is_refused_by_its_name(key: str, value: object) -> None:
    assert f'"{key}' in refusal_of(key, value)


def test_a_wrong_value_of_any_key_is_told_with_what_to_write() -> None:
    for part, names in KEYS.items():
        for name in names:
            assert "; " in refusal_of(f"{part}.{name}" if part else name, {} if part else 7), name


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        (
            "policy",
            "nightly\n",
            '"policy" is not a valid name; use up to 63 letters, digits, dots, dashes and underscores, '
            "starting with a letter or digit",
        ),
        (
            "target",
            "otc-prod\n",
            '"target" is not a valid name; use up to 63 lower-case letters, digits and dashes, '
            "starting with a letter or digit",
        ),
        (
            "target",
            3,
            '"target": expected str, got int; give the name of the target, which is the name of its secret without the '
            'prefix, such as "otc-prod"',
        ),
        ("mode", 7, '"mode": expected str, got int; give "preview" or "purge"'),
        ("mode", "x - at `$", '"mode": no such value: \'x - at $\'; give "preview" or "purge"'),
        ("keep.last", 0, '"keep.last": expected int >= 1; give a whole number of at least 1, or leave it out'),
        (
            "match.status",
            ["creating"],
            "\"match.status[0]\": no such value: 'creating'; "
            'give "available", "error" or both; a backup with another status is never deleted',
        ),
        (
            "guards.max_fraction",
            2,
            '"guards.max_fraction": expected float <= 1.0; give a fraction of the matched backups, '
            "greater than 0 and at most 1",
        ),
        (
            "group_by.name",
            7,
            '"group_by.name": expected str, got int; give a regular expression with one group, such as ^(\\w+)-',
        ),
        ("grace", 7, '"grace": expected str, got int; give a duration such as 48h, 7d or 1y6m'),
    ],
)
def test_a_wrong_value_is_answered_with_what_to_write(key: str, value: object, sentence: str) -> None:
    assert refusal_of(key, value) == sentence


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
    sentence = refusal_of("group_by.name", expression)
    assert '"group_by.name"' in sentence
    assert says in sentence


# ── Time zones ────────────────────────────────────────────────────────────────────────────────────────────────────────

ABBREVIATIONS = (
    "CEST MESZ MEZ BST IST PST PDT EDT CDT MDT AKST HDT WEST EEST AEST AEDT NZST JST KST SGT MSK SAST BRT ART"
)


@pytest.mark.parametrize(
    ("zone", "advice"),
    [
        ("UTC+8", 'for a fixed offset write "Etc/GMT-8" (the sign is inverted)'),
        ("UTC+08:00", 'for a fixed offset write "Etc/GMT-8" (the sign is inverted)'),
        ("GMT-05:00", 'for a fixed offset write "Etc/GMT+5" (the sign is inverted)'),
        ("Europe/Berln", 'did you mean "Europe/Berlin"?'),
        ("europe/berlin", 'did you mean "Europe/Berlin"?'),
        ("utc", 'did you mean "UTC"?'),
        ("America/Indiana/Indianapols", 'did you mean "America/Indiana/Indianapolis"?'),
        *((zone, SOME_ZONE) for zone in ("", "Mars", "Mars/Olympus", "Atlantis/City", "Etc/GMT+25", "x" * 99)),
        *((zone, SOME_ZONE) for zone in ("Berlin", "La_Rioja", "Petersburg", "Mexico", "Asien/Tokio")),
        *((zone, SOME_ZONE) for zone in ABBREVIATIONS.split()),
    ],
)
def test_an_unknown_zone_is_answered_with_the_right_one_and_never_with_one_of_another_continent(
    zone: str, advice: str
) -> None:
    assert refusal_of("timezone", zone) == f'"timezone" is "{zone[:64]}", which is not a known time zone; {advice}'


@pytest.mark.parametrize("zone", ["Europe/Lndon", "Asia/Berlin", "Africa/Rome", "America/Londn", "Australia/Sidney"])
def test_an_advised_zone_is_in_the_area_that_was_stated(zone: str) -> None:
    advice = refusal_of("timezone", zone).partition("; ")[2]
    assert advice == SOME_ZONE or f'"{zone.partition("/")[0]}/' in advice


def test_a_zone_is_no_path() -> None:
    assert "which is not a known time zone" in refusal_of("timezone", "../UTC")


# ── Which policies select alike ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({"mode": "purge", "grace": "9d", "guards": {"max_deletions": 5}}, True),
        ({"keep": {"last": 4}}, False),
        ({"match": {"name": "*"}}, False),
        ({"match": FULL["match"] | {"include_expiring": True}}, False),
        ({"timezone": "UTC"}, False),
        ({"group_by": "name"}, False),
        ({"target": "otc-test"}, False),
    ],
)
def test_time_in_the_grace_counts_only_under_the_same_choice(change: dict[str, Any], *, alike: bool) -> None:
    assert read_policy(FULL).selects_like(read_policy(FULL | change)) is alike
