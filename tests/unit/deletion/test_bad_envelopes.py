"""What is no delete request is refused with one sentence that says what is wrong and what to do."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from vbs_reaper.deletion.envelope import BODY_LIMIT, open_envelope
from vbs_reaper.deletion.request_json import BULK_LIMIT
from vbs_reaper.errors import InvalidRequest

SENT_AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"
REQUEST = {"backup_id": BACKUP}


def sns(message: object) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": message}


def event(detail: object, detail_type: str = "VBS Backup Delete Requested") -> dict[str, Any]:
    return {"version": "0", "id": "e", "detail-type": detail_type, "source": "example", "detail": detail}


def cloudevent(**attributes: object) -> dict[str, Any]:
    whole = {"specversion": "1.0", "id": "c", "source": "/example", "type": "t", "data": REQUEST} | attributes
    return {name: value for name, value in whole.items() if value is not ...}


def refusal(body: object) -> str:
    with pytest.raises(InvalidRequest) as refused:
        open_envelope(body if isinstance(body, str) else json.dumps(body), SENT_AT)
    return str(refused.value)


NO_OBJECT = 'the body is not a JSON object; send {"backup_id": "<id>"}'
NO_JSON = 'is not JSON: Expecting value at line 1, column 1; send one JSON object with "backup_id"'
NO_LIST = '"backup_ids" must be a list of 1 to 1000 ids; split a longer list into several requests'
NO_ID = 'the CloudEvent lacks "id"; CloudEvents 1.0 requires it'
BINARY = 'the CloudEvent has binary "data_base64"; give the request as JSON in "data"'
BAD: Mapping[str, tuple[object, str]] = {
    "SNS: some text": (sns("disk full"), f'"Message" of the SNS notification {NO_JSON}'),
    "SNS: an empty text": (sns(""), f'"Message" of the SNS notification {NO_JSON}'),
    "SNS: another service's message": (
        sns('{"AlarmName": "a", "NewStateValue": "ALARM"}'),
        '"backup_id" is missing; give the backup\'s id',
    ),
    "SNS: a list": (sns("[]"), NO_OBJECT),
    "SNS: an object, not a text": (
        sns(REQUEST),
        '"Message" of the SNS notification is not text; publish the request as JSON text',
    ),
    "SNS: the confirmation of a subscription": (
        {"Type": "SubscriptionConfirmation", "Message": "You have chosen", "SubscribeURL": "https://sns.example"},
        'an SNS subscription must be confirmed; open its "SubscribeURL" once',
    ),
    "CloudEvent: no id": (cloudevent(id=...), NO_ID),
    "CloudEvent: an empty id": (cloudevent(id=""), NO_ID),
    "CloudEvent: an id that is no text": (cloudevent(id=7), NO_ID),
    "CloudEvent: no source": (cloudevent(source=...), 'the CloudEvent lacks "source"; CloudEvents 1.0 requires it'),
    "CloudEvent: no type": (cloudevent(type=...), 'the CloudEvent lacks "type"; CloudEvents 1.0 requires it'),
    "CloudEvent: no data": (cloudevent(data=...), 'the CloudEvent lacks "data"; give the request there'),
    "CloudEvent: binary data": (cloudevent(data=..., data_base64="e30="), BINARY),
    "CloudEvent: data and binary data": (cloudevent(data_base64="e30="), BINARY),
    "CloudEvent: data that is text": (cloudevent(data=json.dumps(REQUEST)), NO_OBJECT),
    "CloudEvent: an older version": (
        cloudevent(specversion="0.3"),
        '"specversion" is not "1.0"; send CloudEvents 1.0 in structured JSON',
    ),
    "CloudEvents: a batch": ([cloudevent()], NO_OBJECT),
    "EventBridge: another event": (
        event(REQUEST, "VBS Backup Deleted"),
        '"detail-type" is not "VBS Backup Delete Requested"; let the rule match that only',
    ),
    "EventBridge: a detail that is text": (event("x"), NO_OBJECT),
    "four envelopes": (
        event(sns(json.dumps(cloudevent(data=event(REQUEST))))),
        "the request is wrapped more than 3 times; send it with fewer envelopes",
    ),
    "a bulk of none": ({"backup_ids": []}, NO_LIST),
    "a bulk of 1,001": ({"backup_ids": [BACKUP] * (BULK_LIMIT + 1)}, NO_LIST),
    "a bulk that is one id": ({"backup_ids": BACKUP}, NO_LIST),
    "single and bulk": (
        {"backup_id": BACKUP, "backup_ids": [BACKUP]},
        'both "backup_id" and "backup_ids" are given; give one of them',
    ),
    "a bulk with an unknown key": (
        {"backup_ids": [BACKUP], "traget": "a"},
        'unknown key "traget"; did you mean "target"?',
    ),
    "a bulk that deletes its own survivor": (
        {"backup_ids": [BACKUP], "expect": {"survivors": [BACKUP]}},
        '"expect.survivors" names 0b5e4f6a-7c1d-4e2f-9a3b-000000000001, which "backup_ids" names too; '
        "remove it from one",
    ),
    "no JSON": ("backup_id=1", f"the body {NO_JSON}"),
    "nothing": ("", f"the body {NO_JSON}"),
    "a key twice": (
        f'{{"backup_id": "{BACKUP}", "backup_id": "{BACKUP}"}}',
        'the body names a key twice: "backup_id"; send one JSON object with "backup_id"',
    ),
    "too long": (
        {"backup_id": BACKUP, "reason": "x" * BODY_LIMIT},
        'the body has 131139 bytes; at most 131072 are allowed; send one JSON object with "backup_id"',
    ),
    "nested without end": ("[" * 100_000, 'the body is nested too deeply; send one JSON object with "backup_id"'),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_request_is_refused_in_one_sentence_that_names_the_fault(name: str) -> None:
    body, expected = BAD[name]
    sentence = refusal(body)
    assert sentence == expected
    assert len(sentence) < 250
    assert sentence.isprintable()
