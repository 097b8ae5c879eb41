from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.world import PROJECT, backup_id
from vbs_reaper.backups.identifiers import is_backup_id
from vbs_reaper.deletion.request import DeleteRequest, read_request
from vbs_reaper.deletion.request_json import DeleteRequestJson, ExpectationJson
from vbs_reaper.errors import InvalidRequest

SENT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
ID = backup_id(0xABC)
OTHER = backup_id(2)

DRESSED_UP = [
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


def refusal(**fields: object) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read_request(fields, SENT)
    return str(caught.value)


def accepted(**fields: object) -> DeleteRequest:
    return read_request({"backup_id": ID} | fields, SENT)


@pytest.mark.parametrize("dressed_up", DRESSED_UP)
def test_an_id_is_a_lower_case_canonical_uuid_and_nothing_around_it(dressed_up: str) -> None:
    assert '"backup_id" is' in refusal(backup_id=dressed_up)


@pytest.mark.parametrize("dressed_up", DRESSED_UP)
def test_a_survivor_is_no_less_checked(dressed_up: str) -> None:
    assert "survivors" in refusal(backup_id=ID, expect={"survivors": [OTHER, dressed_up]})


@given(st.text())
def test_only_36_characters_of_hex_and_dashes_are_an_id(text: str) -> None:
    canonical = len(text) == 36 and set(text) <= set("0123456789abcdef-") and text.count("-") == 4
    assert not is_backup_id(text) or canonical


@pytest.mark.parametrize("value", [7, 1.5, True, None, [], {}, [ID], {"id": ID}, 2**70])
def test_an_id_that_is_no_text_is_refused(value: object) -> None:
    assert '"backup_id"' in refusal(backup_id=value)


def test_a_missing_id_is_said_to_be_missing() -> None:
    assert refusal() == '"backup_id" is missing; give the backup\'s id'


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("exspect", "expect"), ("targt", "target"), ("not_befor", "not_before"), ("project", "project_id")],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key: str, nearest: str) -> None:
    assert refusal(**{"backup_id": ID, key: "x"}) == f'unknown key "{key}"; did you mean "{nearest}"?'


def test_an_unknown_key_that_is_near_to_none_is_refused_with_all_of_them() -> None:
    said = refusal(backup_id=ID, force=True)
    assert said.startswith("unknown key of 5 characters; known are backup_id, target, project_id")


def test_an_unknown_expectation_is_named_with_its_place() -> None:
    assert refusal(backup_id=ID, expect={"volume": "x"}) == (
        'unknown key "expect.volume"; did you mean "expect.volume_id"?'
    )


@pytest.mark.parametrize("key", ["name", "survivors", "created_at", "volume_id", "status"])
def test_an_expectation_beside_expect_is_told_its_place(key: str) -> None:
    assert refusal(**{"backup_id": ID, key: "x"}) == f'unknown key "{key}"; did you mean "expect.{key}"?'


def test_an_expectation_that_is_near_to_none_is_refused_with_all_of_them() -> None:
    assert refusal(backup_id=ID, expect={"force": True}) == (
        'unknown key of 5 characters in "expect"; known are'
        " expect.volume_id, expect.created_at, expect.name, expect.status, expect.survivors"
    )


def test_a_strange_key_is_written_escaped() -> None:
    assert '"tar\\x1bget\\n"; did you mean "target"?' in refusal(**{"backup_id": ID, "tar\x1bget\n": 1})


SECRETS = [
    "canary-hunter2",
    "backup-canary2026!",
    "canary` - at `$.expect",
    "canary` - at `$.canary",
    " - at `$canary",
    "canary\n",
    "S3cr3t.canary" * 20,
]


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_that_was_pasted_as_a_key_is_not_quoted(key: str) -> None:
    for said in (
        refusal(**{"backup_id": ID, key: ""}),
        refusal(**{"backup_id": ID, "expect": {key: "x"}}),
        refusal(**{"backup_id": ID, "expect": {"name": {key: "x"}}}),
        refusal(**{"backup_id": ID, "reason": {key: "x"}}),
    ):
        assert "canary" not in said
    if not key.endswith("expect"):
        assert f"unknown key of {len(key)} characters; " in refusal(**{"backup_id": ID, key: ""})


AN_INSTANT = "give an instant such as 2026-11-25T04:00:00Z (RFC 3339)"
A_TARGET = "give up to 63 lower-case letters, digits and dashes"
A_NAME = "give the backup's name of at most 255 characters (null if it has no name)"
SURVIVORS = "give 1 to 5 ids of backups that stay"
A_TEXT = "give a text of at most 256 characters"


@pytest.mark.parametrize(
    ("fields", "field", "found", "fix"),
    [
        ({"target": None}, "target", "expected str, got null", A_TARGET),
        ({"target": 7}, "target", "expected str, got int", A_TARGET),
        ({"project_id": ["x"]}, "project_id", "expected str, got array", "give 32 lower-case hexadecimal digits"),
        ({"expect": []}, "expect", "expected object, got array", 'give an object such as {"name": "daily"}'),
        ({"expect": None}, "expect", "expected object, got null", 'give an object such as {"name": "daily"}'),
        ({"expect": {"name": 3}}, "expect.name", "expected str | null, got int", A_NAME),
        ({"expect": {"name": "n" * 256}}, "expect.name", "expected str of length <= 255", A_NAME),
        (
            {"expect": {"volume_id": None}},
            "expect.volume_id",
            "expected str, got null",
            "give the volume's id of at most 64 characters",
        ),
        (
            {"expect": {"volume_id": "v" * 65}},
            "expect.volume_id",
            "expected str of length <= 64",
            "give the volume's id of at most 64 characters",
        ),
        ({"expect": {"created_at": 1732500000}}, "expect.created_at", "expected str, got int", AN_INSTANT),
        ({"expect": {"survivors": OTHER}}, "expect.survivors", "expected array, got str", SURVIVORS),
        ({"expect": {"survivors": []}}, "expect.survivors", "expected array of length >= 1", SURVIVORS),
        (
            {"expect": {"survivors": [backup_id(n) for n in range(10, 16)]}},
            "expect.survivors",
            "expected array of length <= 5",
            SURVIVORS,
        ),
        ({"expect": {"survivors": [7]}}, "expect.survivors[0]", "expected str, got int", SURVIVORS),
        ({"reason": 7}, "reason", "expected str, got int", A_TEXT),
        ({"reason": "x" * 257}, "reason", "expected str of length <= 256", A_TEXT),
        ({"requested_by": {}}, "requested_by", "expected str, got object", A_TEXT),
        ({"requested_by": "x" * 257}, "requested_by", "expected str of length <= 256", A_TEXT),
        ({"not_before": 1732500000}, "not_before", "expected str, got int", AN_INSTANT),
        ({"expires_at": None}, "expires_at", "expected str, got null", AN_INSTANT),
    ],
)
def test_a_wrong_kind_or_length_is_refused_with_field_finding_and_fix(
    fields: dict[str, object], field: str, found: str, fix: str
) -> None:
    assert refusal(**{"backup_id": ID} | fields) == f'"{field}": {found}; {fix}, or leave it out'


def test_every_field_that_may_be_wrong_has_a_fix() -> None:
    optional = {*DeleteRequestJson.__struct_fields__} - {"backup_id"}
    for field in optional:
        assert refusal(**{"backup_id": ID, field: 7}).endswith(", or leave it out")
    for field in ExpectationJson.__struct_fields__:
        assert refusal(backup_id=ID, expect={field: 7}).endswith(", or leave it out")


def test_names_and_ids_of_the_length_that_clouds_have_are_accepted() -> None:
    accepted(expect={"name": "\U0001f5d1" * 255, "volume_id": "v" * 64})


@pytest.mark.parametrize("field", ["not_before", "expires_at"])
def test_a_fraction_of_a_second_has_at_most_nine_digits(field: str) -> None:
    accepted(**{field: "2026-11-25T05:00:00.123456789Z"})
    assert f'"{field}" is' in refusal(**{"backup_id": ID, field: "2026-11-25T05:00:00.1234567890Z"})


def test_a_fraction_of_a_creation_time_has_at_most_nine_digits() -> None:
    accepted(expect={"created_at": "2026-11-20T02:00:00.123456789"})
    assert '"expect.created_at" is' in refusal(backup_id=ID, expect={"created_at": "2026-11-20T02:00:00.1234567890"})


def test_no_request_is_longer_than_what_makes_a_bulk_of_1000_small() -> None:
    widest = accepted(
        target="t" * 63,
        project_id=PROJECT,
        expect={
            "volume_id": "\U0001f5d1" * 64,
            "created_at": "2026-11-20T02:00:00.123456789+00:00",
            "name": "\U0001f5d1" * 255,
            "survivors": [backup_id(n) for n in range(10, 15)],
        },
        not_before="2026-11-25T05:00:00.123456789+00:00",
        expires_at="2026-12-25T05:00:00.123456789+00:00",
        reason="\U0001f5d1" * 256,
        requested_by="\U0001f5d1" * 256,
    )
    assert len(msgspec.json.encode(widest.fields)) < 4096


@pytest.mark.parametrize("target", ["", "A", "-a", "a" * 64, "a_b", "a\n", "a/b", "\u00e4"])
def test_a_target_is_a_plain_name(target: str) -> None:
    assert '"target" is' in refusal(backup_id=ID, target=target)


@pytest.mark.parametrize("project", ["", PROJECT.upper(), PROJECT + "\n", PROJECT[:-1], "g" * 32, "\uff11" * 32])
def test_a_project_is_32_hexadecimal_digits(project: str) -> None:
    assert '"project_id" is' in refusal(backup_id=ID, project_id=project)


@pytest.mark.parametrize("field", ["not_before", "expires_at"])
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
        "2026-02-30T05:00:00Z",
        "2026-11-25T25:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "\uff12026-11-25T05:00:00Z",
    ],
)
def test_an_instant_is_rfc_3339_with_its_zone(field: str, text: str) -> None:
    assert f'"{field}" is' in refusal(**{"backup_id": ID, field: text})


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T05:00:00Z",
        "2026-11-25t05:00:00z",
        "2026-11-25T05:00:00.0z",
        "2026-11-25t06:00:00.000+01:00",
        "2026-11-25T00:00:00-05:00",
    ],
)
def test_a_zone_may_be_any_and_its_letters_of_either_case(text: str) -> None:
    request = accepted(not_before=text, expires_at=text, expect={"created_at": text})
    assert request.fields["not_before"] == text
    assert request.not_before == request.expect.created_at == datetime(2026, 11, 25, 5, tzinfo=UTC)


def test_a_lower_case_instant_is_no_less_limited() -> None:
    assert "EventBridge Scheduler" in refusal(backup_id=ID, not_before="2026-11-26t04:00:01z")


def test_a_creation_time_may_lack_its_zone_as_the_clouds_own_do() -> None:
    accepted(expect={"created_at": "2026-11-20T02:00:00.123456"})


def test_a_creation_time_that_is_none_is_refused() -> None:
    assert '"expect.created_at" is "x"' in refusal(backup_id=ID, expect={"created_at": "x"})


def test_waiting_for_more_than_a_day_is_for_a_scheduler() -> None:
    accepted(not_before="2026-11-26T04:00:00Z")
    assert "EventBridge Scheduler" in refusal(backup_id=ID, not_before="2026-11-26T04:00:01Z")


def test_a_backup_is_no_survivor_of_itself() -> None:
    assert "names the backup itself" in refusal(backup_id=ID, expect={"survivors": [OTHER, ID]})


def test_a_request_that_says_everything_is_accepted() -> None:
    fields: dict[str, Any] = {
        "target": "otc-prod",
        "project_id": PROJECT,
        "expect": {"volume_id": "v", "created_at": "2026-11-20T02:00:00Z", "name": None, "survivors": [OTHER]},
        "not_before": "2026-11-25T05:00:00Z",
        "expires_at": "2026-12-08T05:00:00Z",
        "reason": "x" * 256,
        "requested_by": "nightly",
    }
    assert accepted(**fields).expect != accepted().expect


@given(st.text(min_size=65, max_size=3000))
def test_a_refusal_stays_short_and_printable_whatever_it_quotes(text: str) -> None:
    for sentence in (
        refusal(backup_id=text),
        refusal(**{"backup_id": ID, text: 1}),
        refusal(backup_id=ID, target=text),
    ):
        assert sentence.isascii()
        assert sentence.isprintable()
        assert len(sentence) < 400
