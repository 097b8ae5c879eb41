"""Why a policy is refused, word by word: key, finding, and what to write instead."""

from typing import Any

import pytest

from vbs_reaper.errors import InvalidPolicy
from vbs_reaper.purge.policy import read_policy

GOOD: dict[str, Any] = {"policy": "nightly", "match": {"name": "daily*"}, "keep": {"last": 2}}


def refusal(**parts: object) -> str:
    with pytest.raises(InvalidPolicy) as refused:
        read_policy(GOOD | parts)
    return str(refused.value)


ABBREVIATIONS = (
    "CEST MESZ MEZ BST IST PST PDT EDT CDT MDT AKST HDT WEST EEST AEST AEDT NZST JST KST SGT MSK SAST BRT ART"
)


@pytest.mark.parametrize("zone", [*ABBREVIATIONS.split(), "Berlin", "La_Rioja", "Petersburg", "Mexico", "Asien/Tokio"])
def test_no_zone_of_another_continent_is_advised(zone: str) -> None:
    assert refusal(timezone=zone).endswith('; give a name of the tz database, such as "Europe/Berlin"')


@pytest.mark.parametrize("zone", ["Europe/Lndon", "Asia/Berlin", "Africa/Rome", "America/Londn", "Australia/Sidney"])
def test_an_advised_zone_is_in_the_area_that_was_stated(zone: str) -> None:
    advised = refusal(timezone=zone).partition("; ")[2]
    assert (
        f'"{zone.partition("/")[0]}/' in advised or advised == 'give a name of the tz database, such as "Europe/Berlin"'
    )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"mode": 7}, '"mode": expected str, got int; give "preview" or "purge"'),
        (
            {"keep": {"last": 0}},
            '"keep.last": expected int >= 1; give a whole number of at least 1, or leave it out',
        ),
        (
            {"match": {"status": ["creating"]}},
            "\"match.status[0]\": no such value: 'creating'; "
            'give "available", "error" or both; a backup with another status is never deleted',
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write(parts: dict[str, object], said: str) -> None:
    assert refusal(**parts) == said


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC+8", 'for a fixed offset write "Etc/GMT-8" (the sign is inverted)'),
        ("GMT-05:00", 'for a fixed offset write "Etc/GMT+5" (the sign is inverted)'),
        ("Europe/Berln", 'did you mean "Europe/Berlin"?'),
        ("europe/berlin", 'did you mean "Europe/Berlin"?'),
        ("utc", 'did you mean "UTC"?'),
        ("America/Indiana/Indianapols", 'did you mean "America/Indiana/Indianapolis"?'),
        ("Mars", 'give a name of the tz database, such as "Europe/Berlin"'),
        ("Etc/GMT+25", 'give a name of the tz database, such as "Europe/Berlin"'),
    ],
)
def test_a_wrong_zone_is_answered_with_the_right_one(zone: str, said: str) -> None:
    assert refusal(timezone=zone).endswith(f"; {said}")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"keep": {"last": 2, "older_than": "3d"}},
            '"keep.older_than" is not a key of a policy; it belongs under "match"',
        ),
        ({"keep": {"last": 2, "grace": "3d"}}, '"keep.grace" is not a key of a policy; it belongs at the top level'),
        ({"keep": {"--Within Daily": "3d"}}, '"keep.--Within Daily" is not a key of a policy; write "within_daily"'),
        ({"keep": {"dayly": 3}}, '"keep.dayly" is not a key of a policy; did you mean "daily"?'),
    ],
)
def test_a_key_that_is_none_is_answered_with_the_nearest(parts: dict[str, object], said: str) -> None:
    assert refusal(**parts) == said


@pytest.mark.parametrize(("parts", "where"), [({"#": 1}, "at the top level"), ({"keep": {"#": 1}}, 'under "keep"')])
def test_a_key_like_no_other_is_answered_with_all_there_are(parts: dict[str, object], where: str) -> None:
    assert f" is not a key of a policy; the keys {where} are " in refusal(**parts)


def test_sixty_four_letters_of_a_wrong_key_are_shown() -> None:
    assert refusal(**{"#" * 70: 1}).startswith(f'"{"#" * 64}" is not a key')
