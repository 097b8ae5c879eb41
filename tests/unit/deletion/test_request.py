from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.deletion.world import PROJECT, TWO as OTHER, ask, backup_id
from vbs_reaper.backups.identifiers import is_backup_id
from vbs_reaper.deletion.request import DeleteRequest, read_request
from vbs_reaper.deletion.request_json import DeleteRequestJson, ExpectationJson
from vbs_reaper.errors import InvalidRequest

ID = backup_id(0xABC)
MALFORMED_IDS = [
    ID.upper(),
    f"{{{ID}}}",
    f"urn:uuid:{ID}",
    f"{ID}\n",
    f"\n{ID}",
    f" {ID}",
    f"{ID}\x00",
    ID.replace("-", ""),
    ID.replace("0", "\uff10"),
    ID.replace("0", "\u0660"),
    ID.replace("-", "\u2010"),
    f"../{ID}",
    f"../volumes/{ID}",
    f"{ID}/../{OTHER}",
    f"{ID}%2e",
    f"%2e%2e/{ID}",
    f"{ID}?force=1",
    f"{ID}#x",
    "",
    ".",
    "..",
    ID[:-1],
    f"{ID}0",
]


def refusal(fields: dict[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"backup_id": ID} | fields, ManualClock().now)
    return str(caught.value)


def accepted(**fields: object) -> DeleteRequest:
    return read_request(ask(ID, **fields), ManualClock().now)


# Values


@pytest.mark.parametrize("malformed", MALFORMED_IDS)
def test_an_id_is_a_lower_case_canonical_uuid_and_nothing_around_it(malformed: str) -> None:
    assert '"backup_id" is' in refusal({"backup_id": malformed})
    assert "survivors" in refusal({"expect": {"survivors": [OTHER, malformed]}})


@given(st.text())
def test_only_36_characters_of_hex_and_dashes_are_an_id(text: str) -> None:
    canonical = len(text) == 36 and set(text) <= set("0123456789abcdef-") and text.count("-") == 4
    assert not is_backup_id(text) or canonical


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (7, '"7"'),
        (1.5, '"1.5"'),
        ([], '"[]"'),
        (2**70, f'"{2**70}"'),
        (True, '"true"'),
        ({"id": "x"}, '"{"id":"x"}"'),
        ("x" * 64, f'"{"x" * 64}"'),
        ("x" * 65, f'"{"x" * 64}..."'),
    ],
)
def test_what_was_found_instead_of_an_id_is_quoted_up_to_64_characters(value: object, found: str) -> None:
    fix = "give a lower-case UUID such as 1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"
    assert refusal({"backup_id": value}) == f'"backup_id" is {found}; {fix}'


def test_a_missing_id_is_said_to_be_missing() -> None:
    assert refusal({"backup_id": None}) == '"backup_id" is missing; give the backup\'s id'


@pytest.mark.parametrize(
    ("field", "fix", "values"),
    [
        (
            "target",
            "give up to 63 lower-case letters, digits and dashes",
            ["", "A", "-a", "a" * 64, "a_b", "a\n", "a/b", "\u00e4"],
        ),
        (
            "project_id",
            "give 32 lower-case hexadecimal digits",
            ["", PROJECT.upper(), PROJECT + "\n", PROJECT[:-1], "g" * 32, "\uff11" * 32],
        ),
    ],
)
def test_a_target_is_a_plain_name_and_a_project_is_32_digits(field: str, fix: str, values: list[str]) -> None:
    for value in values:
        sentence = refusal({field: value})
        assert sentence.startswith(f'"{field}" is "')
        assert sentence.endswith(f"; {fix}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-11-25",
        "2026-11-25T05:00:00",
        "2026-11-25 05:00:00Z",
        "20261125T050000Z",
        "2026-W48-3T05:00:00Z",
        "2026-11-25T05:00:00Z\n",
        "2026-11-25T05:00:00.1234567890Z",
        "2026-02-30T05:00:00Z",
        "2026-11-25T25:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "\uff12026-11-25T05:00:00Z",
    ],
)
def test_an_instant_is_rfc_3339_with_its_zone(text: str) -> None:
    assert '"not_before" is' in refusal({"not_before": text})
    assert '"expires_at" is' in refusal({"expires_at": text})


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T05:00:00Z",
        "2026-11-25t05:00:00z",
        "2026-11-25T05:00:00.0z",
        "2026-11-25T05:00:00.000000000Z",
        "2026-11-25t06:00:00.000+01:00",
        "2026-11-25T00:00:00-05:00",
    ],
)
def test_a_zone_may_be_any_and_its_letters_of_either_case(text: str) -> None:
    request = accepted(not_before=text, expires_at=text, expect={"created_at": text})
    assert request.fields["not_before"] == text
    moment = datetime(2026, 11, 25, 5, tzinfo=UTC)
    assert (request.not_before, request.expires_at, request.expect.created_at) == (moment, moment, moment)


def test_a_creation_time_may_lack_its_zone_as_in_the_cloud() -> None:
    accepted(expect={"created_at": "2026-11-20T02:00:00.123456789"})
    for text in ("x", "2026-11-20T02:00:00.1234567890"):
        assert f'"expect.created_at" is "{text}"' in refusal({"expect": {"created_at": text}})


@pytest.mark.parametrize("late", ["2026-11-26T04:00:01Z", "2026-11-26t04:00:01z"])
def test_waiting_for_more_than_a_day_is_for_a_scheduler(late: str) -> None:
    accepted(not_before="2026-11-26T04:00:00Z")
    assert "EventBridge Scheduler" in refusal({"not_before": late})


def test_a_backup_is_not_a_survivor_of_itself() -> None:
    assert refusal({"expect": {"survivors": [OTHER, ID]}}) == (
        '"expect.survivors" names the backup itself; name a backup that stays, or leave it out'
    )


def test_a_request_that_says_everything_is_accepted_and_small_enough_for_a_bulk_of_1000() -> None:
    widest = accepted(
        target="t" * 63,
        project_id=PROJECT,
        expect={
            "volume_id": "\U0001f5d1" * 64,
            "created_at": "2026-11-20T02:00:00.123456789+00:00",
            "name": "\U0001f5d1" * 255,
            "status": "available",
            "survivors": [backup_id(number) for number in range(10, 15)],
        },
        not_before="2026-11-25T05:00:00.123456789+00:00",
        expires_at="2026-12-25T05:00:00.123456789+00:00",
        reason="\U0001f5d1" * 256,
        requested_by="\U0001f5d1" * 256,
    )
    assert {*widest.fields} == {*DeleteRequestJson.__struct_fields__}
    assert {*widest.fields["expect"]} == {*ExpectationJson.__struct_fields__}
    assert len(msgspec.json.encode(widest.fields)) < 4096


def test_what_is_left_out_is_not_compared() -> None:
    assert accepted().project_id is None
    assert accepted(expect={"name": "null"}).expect.name == "null"
    assert accepted(expect={"name": None}).expect.name is None
    assert accepted(expect={"name": None}).expect != accepted().expect


# Keys


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        *(
            ({key: "x"}, f'unknown key "{key}"; did you mean "{nearest}"?')
            for key, nearest in {
                "exspect": "expect",
                "targt": "target",
                "not_befor": "not_before",
                "project": "project_id",
                **{key: f"expect.{key}" for key in ("name", "survivors", "created_at", "volume_id", "status")},
            }.items()
        ),
        ({"expect": {"volume": "x"}}, 'unknown key "expect.volume"; did you mean "expect.volume_id"?'),
        ({"tar\x1bget\n": 1}, 'unknown key "tar\\x1bget\\n"; did you mean "target"?'),
        (
            {"force": True},
            "unknown key of 5 characters; known are backup_id, target, project_id, expect, not_before, expires_at, "
            "reason, requested_by, backup_ids",
        ),
        (
            {"expect": {"force": True}},
            'unknown key of 5 characters in "expect"; known are'
            " expect.volume_id, expect.created_at, expect.name, expect.status, expect.survivors",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one_or_with_all_of_them(
    fields: dict[str, Any], sentence: str
) -> None:
    assert refusal(fields) == sentence


@pytest.mark.parametrize(
    "key",
    [
        "canary-hunter2",
        "backup-canary2026!",
        "canary` - at `$.expect",
        "canary` - at `$.canary",
        " - at `$canary",
        "canary\n",
        "S3cr3t.canary" * 20,
    ],
)
def test_a_secret_that_was_pasted_as_a_key_is_not_quoted(key: str) -> None:
    for fields in ({key: ""}, {"expect": {key: "x"}}, {"expect": {"name": {key: "x"}}}, {"reason": {key: "x"}}):
        assert "canary" not in refusal(fields)
    if not key.endswith("expect"):
        assert f"unknown key of {len(key)} characters; " in refusal({key: ""})


AN_INSTANT = "give an instant such as 2026-11-25T04:00:00Z (RFC 3339)"
A_TARGET = "give up to 63 lower-case letters, digits and dashes"
AN_OBJECT = 'give an object such as {"name": "daily"}'
A_NAME = "give the backup's name of at most 255 characters (null if it has no name)"
A_VOLUME = "give the volume's id of at most 64 characters"
SURVIVORS = "give 1 to 5 ids of backups that stay"
A_TEXT = "give a text of at most 256 characters"
SIX_IDS = [backup_id(number) for number in range(10, 16)]


@pytest.mark.parametrize(
    ("fields", "field", "found", "fix"),
    [
        ({"target": None}, "target", "expected str, got null", A_TARGET),
        ({"target": 7}, "target", "expected str, got int", A_TARGET),
        ({"project_id": ["x"]}, "project_id", "expected str, got array", "give 32 lower-case hexadecimal digits"),
        ({"expect": []}, "expect", "expected object, got array", AN_OBJECT),
        ({"expect": None}, "expect", "expected object, got null", AN_OBJECT),
        ({"expect": {"name": 3}}, "expect.name", "expected str | null, got int", A_NAME),
        ({"expect": {"name": "n" * 256}}, "expect.name", "expected str of length <= 255", A_NAME),
        ({"expect": {"volume_id": None}}, "expect.volume_id", "expected str, got null", A_VOLUME),
        ({"expect": {"volume_id": "v" * 65}}, "expect.volume_id", "expected str of length <= 64", A_VOLUME),
        ({"expect": {"created_at": 1732500000}}, "expect.created_at", "expected str, got int", AN_INSTANT),
        ({"expect": {"status": 7}}, "expect.status", "expected str, got int", 'give "available" or "error"'),
        ({"expect": {"survivors": OTHER}}, "expect.survivors", "expected array, got str", SURVIVORS),
        ({"expect": {"survivors": []}}, "expect.survivors", "expected array of length >= 1", SURVIVORS),
        ({"expect": {"survivors": SIX_IDS}}, "expect.survivors", "expected array of length <= 5", SURVIVORS),
        ({"expect": {"survivors": [7]}}, "expect.survivors[0]", "expected str, got int", SURVIVORS),
        ({"reason": 7}, "reason", "expected str, got int", A_TEXT),
        ({"reason": "x" * 257}, "reason", "expected str of length <= 256", A_TEXT),
        ({"requested_by": {}}, "requested_by", "expected str, got object", A_TEXT),
        ({"requested_by": "x" * 257}, "requested_by", "expected str of length <= 256", A_TEXT),
        ({"not_before": 1732500000}, "not_before", "expected str, got int", AN_INSTANT),
        ({"expires_at": None}, "expires_at", "expected str, got null", AN_INSTANT),
    ],
)
def test_a_wrong_type_or_length_is_refused_with_field_finding_and_fix(
    fields: dict[str, object], field: str, found: str, fix: str
) -> None:
    assert refusal(fields) == f'"{field}": {found}; {fix}, or leave it out'


@given(st.text(min_size=65, max_size=3000))
def test_a_refusal_stays_short_and_printable_whatever_it_quotes(text: str) -> None:
    for fields in ({"backup_id": text}, {text: 1}, {"target": text}):
        sentence = refusal(fields)
        assert sentence.isascii()
        assert sentence.isprintable()
        assert len(sentence) < 400
