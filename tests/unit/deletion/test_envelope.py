import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.test_request import DRESSED_UP
from tests.unit.deletion.world import backup_id
from vbs_reaper.deletion.envelope import BODY_LIMIT, Bulk, open_envelope
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import InvalidRequest

SENT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
ID = backup_id(1)
REQUEST: dict[str, Any] = {"backup_id": ID, "reason": "superfluous"}


def opened(body: object) -> DeleteRequest | Bulk:
    return open_envelope(body if isinstance(body, str) else json.dumps(body), SENT)


def bulk_of(body: object) -> Bulk:
    bulk = opened(body)
    assert isinstance(bulk, Bulk)
    return bulk


def refusal(body: object) -> str:
    with pytest.raises(InvalidRequest) as caught:
        opened(body)
    return str(caught.value)


def body_with(members: str) -> str:
    return f'{{"backup_id": "{ID}", {members}}}'


def eventbridge(detail: object) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "b",
        "detail-type": "VBS Backup Delete Requested",
        "source": "anybody",
        "resources": [],
        "detail": detail,
    }


def sns(message: object) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "n",
        "TopicArn": "arn:aws:sns:eu-central-1:1:t",
        "Message": json.dumps(message),
    }


def cloudevent(data: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "c", "source": "/x", "type": "t", "datacontenttype": "text/json", "data": data}


WRAPPINGS = [eventbridge, sns, cloudevent]


@pytest.mark.parametrize("wrap", WRAPPINGS)
def test_every_envelope_holds_the_very_request(wrap: Any) -> None:  # noqa: ANN401  # one of the three above
    assert opened(wrap(REQUEST)) == opened(REQUEST)


@given(st.lists(st.sampled_from(WRAPPINGS), max_size=5))
def test_three_envelopes_are_opened_and_a_fourth_refuses(wrappings: list[Any]) -> None:
    body: object = REQUEST
    for wrap in wrappings:
        body = wrap(body)
    if len(wrappings) <= 3:
        assert opened(body) == opened(REQUEST)
    else:
        assert "wrapped more than 3 times" in refusal(body)


@pytest.mark.parametrize("dressed_up", DRESSED_UP)
@pytest.mark.parametrize("wrap", WRAPPINGS)
def test_no_envelope_lets_a_dressed_up_id_pass(wrap: Any, dressed_up: str) -> None:  # noqa: ANN401
    assert '"backup_id" is' in refusal(wrap({"backup_id": dressed_up}))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "not JSON"),
        ("null", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("{", "not JSON"),
        ("\ufeff{}", "not JSON"),
        (json.dumps(REQUEST) + " x", "not JSON"),
        (body_with('"backup_id": "x"'), 'the body names a key twice: "backup_id"; send'),
        (body_with('"expect": {"name": "a", "name": "b"}'), 'the body names a key twice: "name"; send'),
        (body_with('"\\ud800\\n": 1, "\\ud800\\n": 2'), "names a key twice: a key of 2 characters; send"),
        (body_with(f'"{"k" * 300}": 1, "{"k" * 300}": 2'), "names a key twice: a key of 300 characters; send"),
        (body_with('"reason": NaN'), "NaN"),
        (body_with('"reason": -Infinity'), "-Infinity"),
        (body_with('"reason": 1e999'), "too large"),
        (body_with('"reason": -1e999'), "too large"),
        (body_with(f'"reason": {"9" * 5000}'), "too many digits"),
        (body_with('"reason": "\\ud800"'), "lone surrogate"),
        (body_with('"reason": "\ud800"'), "lone surrogate"),
        ('{"\\udfff": 1}', "lone surrogate"),
        ("[" * 100_000, "nested too deeply"),
        ('{"backup_id":' * 9_000, "nested too deeply"),
        ("[" * 200_000, "200000 bytes"),
    ],
)
def test_what_is_no_clean_json_object_is_refused_with_a_sentence(body: str, says: str) -> None:
    assert says in refusal(body)


@pytest.mark.parametrize("depth", range(880, 1000, 3))
def test_nesting_up_to_what_python_stands_is_refused_and_never_a_crash(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    refusal(f'{{"backup_id": {deep}}}')
    refusal(body_with(f'"expect": {deep}'))


def test_a_body_may_have_128_kib_and_not_one_byte_more() -> None:
    body = json.dumps(REQUEST)
    assert opened(body + " " * (BODY_LIMIT - len(body))) == opened(REQUEST)
    assert "131073 bytes; at most 131072 are allowed" in refusal(body + " " * (BODY_LIMIT - len(body) + 1))


def test_the_limit_counts_bytes_not_characters() -> None:
    assert "bytes" in refusal(json.dumps({"x": "\u00e9" * 70_000}, ensure_ascii=False))


def test_an_event_of_another_type_is_refused() -> None:
    assert "detail-type" in refusal(eventbridge(REQUEST) | {"detail-type": "EC2 Instance State-change Notification"})


@pytest.mark.parametrize("detail", [None, "text", 7, [], {}])
def test_an_event_without_a_request_is_refused(detail: object) -> None:
    refusal(eventbridge(detail))


@pytest.mark.parametrize("message", [None, 7, {"backup_id": ID}])
def test_a_notification_whose_message_is_no_text_is_refused(message: object) -> None:
    assert "SNS" in refusal(sns(REQUEST) | {"Message": message})


@pytest.mark.parametrize("message", ["", "delete it", '{"backup_id": "x"', "[" * 60_000])
def test_a_notification_whose_message_is_no_request_is_refused(message: str) -> None:
    refusal(sns(REQUEST) | {"Message": message})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": 1.0}, "specversion"),
        ({"id": ""}, '"id"'),
        ({"source": 7}, '"source"'),
        ({"type": None}, '"type"'),
        ({"data_base64": "e30="}, "data_base64"),
        ({"data": "text"}, "not a JSON object"),
    ],
)
def test_a_faulty_cloudevent_is_refused(change: dict[str, object], says: str) -> None:
    assert says in refusal(cloudevent(REQUEST) | change)


def test_a_cloudevent_without_data_is_refused() -> None:
    event = cloudevent(REQUEST)
    del event["data"]
    assert 'lacks "data"' in refusal(event)


def test_a_request_beside_an_envelope_is_refused() -> None:
    assert "unknown key" in refusal(eventbridge(REQUEST) | {"backup_id": ID})


def test_a_bulk_shares_its_conditions() -> None:
    bulk = bulk_of({"backup_ids": [ID, backup_id(2)], "target": "otc-prod", "expect": {"name": None}})
    assert bulk.requests == (
        opened({"backup_id": ID, "target": "otc-prod", "expect": {"name": None}}),
        opened({"backup_id": backup_id(2), "target": "otc-prod", "expect": {"name": None}}),
    )
    assert bulk.target == "otc-prod"


def test_what_a_bulk_names_twice_is_asked_for_once() -> None:
    assert len(bulk_of({"backup_ids": [ID, ID]}).requests) == 1


@pytest.mark.parametrize("element", ["", "x", ID.upper(), 7, None, 1e300, 2**70, ["\u00e9\uffff"], {"a": 1}])
def test_an_element_that_is_no_id_becomes_a_message_that_is_refused_alone(element: object) -> None:
    bulk = bulk_of({"backup_ids": [ID, element]})
    assert [request.backup_id for request in bulk.requests] == [ID]
    (bad,) = bulk.bad
    assert bad.position == 1
    assert json.loads(bad.body) == {"backup_id": element}
    assert '"backup_id" is' in refusal(bad.body)


@pytest.mark.parametrize("ids", [[], [ID] * 1001, ID, None, {}, 7])
def test_a_bulk_is_a_list_of_1_to_1000(ids: object) -> None:
    assert "backup_ids" in refusal({"backup_ids": ids})


def test_a_bulk_of_1000_is_opened() -> None:
    assert len(bulk_of({"backup_ids": [backup_id(n) for n in range(1000)]}).requests) == 1000


def test_one_and_many_exclude_each_other() -> None:
    assert "both" in refusal({"backup_id": ID, "backup_ids": [ID]})


@pytest.mark.parametrize(
    "shared",
    [{"force": 1}, {"expect": {"x": 1}}, {"expect": {"name": "n" * 256}}, {"target": "A"}, {"not_before": "x"}],
)
def test_a_bulk_whose_conditions_are_wrong_is_refused_whole(shared: dict[str, object]) -> None:
    refusal({"backup_ids": [ID]} | shared)


def test_a_survivor_that_the_same_bulk_asks_for_refuses_it_whole() -> None:
    assert "survivors" in refusal({"backup_ids": [ID, backup_id(2)], "expect": {"survivors": [backup_id(2)]}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
keys = st.sampled_from(
    ["backup_id", "backup_ids", "detail", "detail-type", "Type", "Message", "specversion", "data", "expect", "target"]
)


@given(
    st.dictionaries(keys, json_values | st.sampled_from([ID, [ID], "1.0", "Notification"]), max_size=6) | json_values
)
def test_whatever_the_json_holds_it_is_a_checked_request_or_a_refusal(document: object) -> None:
    try:
        found = opened(document)
    except InvalidRequest:
        return
    requests = found.requests if isinstance(found, Bulk) else (found,)
    assert all(request.backup_id == ID for request in requests)


@given(st.text(max_size=300))
def test_whatever_the_text_is_it_raises_nothing_but_a_refusal(text: str) -> None:
    refusal(text)
