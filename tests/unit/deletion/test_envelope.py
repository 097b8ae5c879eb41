import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.deletion.test_request import MALFORMED_IDS
from tests.unit.deletion.world import ONE, TWO, ask, backup_id
from vbs_reaper.deletion.envelope import BODY_LIMIT, Bulk, open_envelope
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import InvalidRequest

REQUEST = ask(ONE, reason="superfluous")
Document = dict[str, Any]


def opened(body: object) -> DeleteRequest | Bulk:
    return open_envelope(body if isinstance(body, str) else json.dumps(body), ManualClock().now)


def bulk_of(*ids: object, **shared: object) -> Bulk:
    bulk = opened({"backup_ids": ids, **shared})
    assert isinstance(bulk, Bulk)
    return bulk


def refusal(body: object) -> str:
    with pytest.raises(InvalidRequest) as caught:
        opened(body)
    sentence = str(caught.value)
    assert len(sentence) < 250
    assert sentence.isprintable()
    return sentence


def eventbridge(detail: object, **changes: object) -> Document:
    event = {"version": "0", "id": "b", "detail-type": "VBS Backup Delete Requested", "source": "x", "detail": detail}
    return event | changes


def sns(message: object, **changes: object) -> Document:
    return {"Type": "Notification", "MessageId": "n", "TopicArn": "t", "Message": json.dumps(message)} | changes


def cloudevent(data: object = REQUEST, **changes: object) -> Document:
    event = {"specversion": "1.0", "id": "c", "source": "/x", "type": "t", "data": data} | changes
    return {name: value for name, value in event.items() if value is not ...}


ENVELOPES = [eventbridge, sns, cloudevent]


@given(st.lists(st.sampled_from(ENVELOPES), max_size=5))
def test_up_to_three_envelopes_are_opened(envelopes: list[Callable[[object], Document]]) -> None:
    body: object = REQUEST
    for wrap in envelopes:
        body = wrap(body)
    if len(envelopes) <= 3:
        assert opened(body) == opened(REQUEST)
    else:
        assert refusal(body) == "the request is wrapped more than 3 times; send it with fewer envelopes"


@pytest.mark.parametrize("malformed", MALFORMED_IDS)
@pytest.mark.parametrize("wrap", ENVELOPES)
def test_no_envelope_lets_a_malformed_id_pass(wrap: Callable[[object], Document], malformed: str) -> None:
    assert '"backup_id" is' in refusal(wrap({"backup_id": malformed}))


def body_with(members: str) -> str:
    return f'{{"backup_id": "{ONE}", {members}}}'


NOT_JSON = 'is not JSON: Expecting value at line 1, column 1; send one JSON object with "backup_id"'
NOT_OBJECT = 'the body is not a JSON object; send {"backup_id": "<id>"}'
NOT_TEXT = '"Message" of the SNS notification is not text; publish the request as JSON text'
NO_ID = 'the CloudEvent lacks "id"; CloudEvents 1.0 requires it'
BINARY = 'the CloudEvent has binary "data_base64"; give the request as JSON in "data"'
OTHER_VERSION = '"specversion" is not "1.0"; send CloudEvents 1.0 in structured JSON'
OTHER_TYPE = '"detail-type" is not "VBS Backup Delete Requested"; let the rule match that only'
NO_LIST = '"backup_ids" must be a list of 1 to 1000 ids; split a longer list into several requests'
BOTH = 'both "backup_id" and "backup_ids" are given; give one of them'
INVALID: dict[str, tuple[object, str]] = {
    "SNS: some text": (sns(0, Message="disk full"), f'"Message" of the SNS notification {NOT_JSON}'),
    "SNS: an empty text": (sns(0, Message=""), f'"Message" of the SNS notification {NOT_JSON}'),
    "SNS: another service's message": (
        sns({"AlarmName": "a", "NewStateValue": "ALARM"}),
        '"backup_id" is missing; give the backup\'s id',
    ),
    "SNS: a list": (sns([]), NOT_OBJECT),
    "SNS: nested without end": (
        sns(0, Message="[" * 60_000),
        '"Message" of the SNS notification is nested too deeply; send one JSON object with "backup_id"',
    ),
    **{f"SNS: not a text, {message}": (sns(0, Message=message), NOT_TEXT) for message in (None, 7, REQUEST)},
    "SNS: the confirmation of a subscription": (
        {"Type": "SubscriptionConfirmation", "Message": "You have chosen", "SubscribeURL": "https://sns.example"},
        'an SNS subscription must be confirmed; open its "SubscribeURL" once',
    ),
    "CloudEvent: no id": (cloudevent(id=...), NO_ID),
    "CloudEvent: an empty id": (cloudevent(id=""), NO_ID),
    "CloudEvent: an id that is not a text": (cloudevent(id=7), NO_ID),
    "CloudEvent: no source": (cloudevent(source=...), 'the CloudEvent lacks "source"; CloudEvents 1.0 requires it'),
    "CloudEvent: no type": (cloudevent(type=None), 'the CloudEvent lacks "type"; CloudEvents 1.0 requires it'),
    "CloudEvent: no data": (cloudevent(...), 'the CloudEvent lacks "data"; give the request there'),
    "CloudEvent: binary data": (cloudevent(..., data_base64="e30="), BINARY),
    "CloudEvent: data and binary data": (cloudevent(data_base64="e30="), BINARY),
    "CloudEvent: data that is text": (cloudevent(json.dumps(REQUEST)), NOT_OBJECT),
    "CloudEvent: an older version": (cloudevent(specversion="0.3"), OTHER_VERSION),
    "CloudEvent: a version that is a number": (cloudevent(specversion=1.0), OTHER_VERSION),
    "CloudEvents: a batch": ([cloudevent()], NOT_OBJECT),
    "EventBridge: another event": (eventbridge(REQUEST, **{"detail-type": "VBS Backup Deleted"}), OTHER_TYPE),
    "EventBridge: a detail that is text": (eventbridge("x"), NOT_OBJECT),
    "EventBridge: a detail that is a list": (eventbridge([]), NOT_OBJECT),
    "EventBridge: null": (eventbridge(None), '"backup_id" is missing; give the backup\'s id'),
    "a request beside an envelope": (
        eventbridge(REQUEST, backup_id=ONE),
        'unknown key of 7 characters; did you mean "reason"?',
    ),
    "a bulk of none": ({"backup_ids": []}, NO_LIST),
    "a bulk of 1,001": ({"backup_ids": [ONE] * 1001}, NO_LIST),
    "a bulk that is one ID": ({"backup_ids": ONE}, NO_LIST),
    "a bulk that is null": ({"backup_ids": None}, NO_LIST),
    "single and bulk": ({"backup_id": ONE, "backup_ids": [ONE]}, BOTH),
    "a bulk with an unknown key": (
        {"backup_ids": [ONE], "traget": "a"},
        'unknown key "traget"; did you mean "target"?',
    ),
    "a bulk that deletes its own survivor": (
        {"backup_ids": [ONE, TWO], "expect": {"survivors": [TWO]}},
        f'"expect.survivors" names {TWO}, which "backup_ids" names too; remove it from one',
    ),
    "not JSON": ("backup_id=1", f"the body {NOT_JSON}"),
    "nothing": ("", f"the body {NOT_JSON}"),
    **{f"not an object, {text}": (text, NOT_OBJECT) for text in ("null", "[]", '"x"')},
    "too long": (
        ask(ONE, reason="x" * BODY_LIMIT),
        'the body has 131139 bytes; at most 131072 are allowed; send one JSON object with "backup_id"',
    ),
    "nested without end": ("[" * 100_000, 'the body is nested too deeply; send one JSON object with "backup_id"'),
    "objects without end": (
        '{"backup_id":' * 9_000,
        'the body is nested too deeply; send one JSON object with "backup_id"',
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_not_a_request_is_refused_in_one_sentence_that_names_the_fault_and_the_fix(name: str) -> None:
    body, sentence = INVALID[name]
    assert refusal(body) == sentence


@pytest.mark.parametrize(
    ("body", "says"),
    [
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
    ],
)
def test_json_that_readers_understand_differently_is_refused(body: str, says: str) -> None:
    assert says in refusal(body)


@pytest.mark.parametrize("depth", range(880, 1000, 3))
def test_nesting_up_to_the_limit_of_python_is_refused_and_never_a_crash(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    refusal(f'{{"backup_id": {deep}}}')
    refusal(body_with(f'"expect": {deep}'))


def test_a_body_may_have_128_kib_and_not_one_byte_more() -> None:
    body = json.dumps(REQUEST)
    assert opened(body + " " * (BODY_LIMIT - len(body))) == opened(REQUEST)
    assert "131073 bytes; at most 131072 are allowed" in refusal(body + " " * (BODY_LIMIT - len(body) + 1))
    assert "bytes" in refusal(json.dumps({"x": "\u00e9" * 70_000}, ensure_ascii=False)), "bytes, not characters"


def test_a_bulk_shares_its_conditions() -> None:
    shared = {"target": "otc-prod", "expect": {"name": None}, "not_before": "2026-11-25T05:00:00Z"}
    bulk = bulk_of(ONE, TWO, ONE, **shared)
    assert bulk.requests == (opened(ask(ONE, **shared)), opened(ask(TWO, **shared)))
    assert bulk.target == "otc-prod"


@pytest.mark.parametrize("element", ["", "x", ONE.upper(), 7, None, 1e300, 2**70, ["\u00e9\uffff"], {"a": 1}])
def test_an_element_that_is_not_an_id_becomes_a_message_that_is_refused_alone(element: object) -> None:
    bulk = bulk_of(ONE, element)
    assert [request.backup_id for request in bulk.requests] == [ONE]
    (bad,) = bulk.bad
    assert bad.position == 1
    assert bad.body == json.dumps({"backup_id": element}, ensure_ascii=False)
    assert '"backup_id" is' in refusal(bad.body)


@pytest.mark.parametrize(
    "element",
    [
        "[" + ",".join(["1e15"] * 25_000) + "]",
        json.dumps("\u00e9" * 60_000, ensure_ascii=False),
        '"' + '\\"' * 60_000 + '"',
    ],
    ids=["numbers", "text", "quotes"],
)
def test_a_large_element_that_is_not_an_id_still_fits_into_a_message(element: str) -> None:
    """Otherwise SQS would reject this part, and the whole bulk would be split again until it is parked."""
    bulk = opened(f'{{"backup_ids": ["{ONE}", {element}]}}')
    assert isinstance(bulk, Bulk)
    (bad,) = bulk.bad
    assert len(bad.body.encode()) <= BODY_LIMIT
    assert '"backup_id" is' in refusal(bad.body)


def test_a_bulk_of_1000_is_opened() -> None:
    assert len(bulk_of(*(backup_id(number) for number in range(1000))).requests) == 1000


@pytest.mark.parametrize(
    "shared",
    [{"force": 1}, {"expect": {"x": 1}}, {"expect": {"name": "n" * 256}}, {"target": "A"}, {"not_before": "x"}],
)
def test_a_bulk_with_wrong_conditions_is_refused_whole(shared: dict[str, object]) -> None:
    refusal({"backup_ids": [ONE]} | shared)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["backup_id", "backup_ids", "detail", "detail-type", "Type", "Message", "specversion", "data", "expect", "target"]
)


@given(
    st.dictionaries(keys, json_values | st.sampled_from([ONE, [ONE], "1.0", "Notification"]), max_size=6) | json_values
)
def test_any_json_is_a_checked_request_or_refused(document: object) -> None:
    try:
        found = opened(document)
    except InvalidRequest:
        return
    requests = found.requests if isinstance(found, Bulk) else (found,)
    assert all(request.backup_id == ONE for request in requests)


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    refusal(text)
