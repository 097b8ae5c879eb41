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


BAD: Mapping[str, tuple[object, str]] = {
    "SNS: some text": (sns("disk full"), "not JSON"),
    "SNS: an empty text": (sns(""), "not JSON"),
    "SNS: another service's message": (sns('{"AlarmName": "a", "NewStateValue": "ALARM"}'), '"backup_id" is missing'),
    "SNS: a list": (sns("[]"), "not a JSON object"),
    "SNS: an object, not a text": (sns(REQUEST), '"Message"'),
    "SNS: the confirmation of a subscription": (
        {"Type": "SubscriptionConfirmation", "Message": "You have chosen", "SubscribeURL": "https://sns.example"},
        '"SubscribeURL"',
    ),
    "CloudEvent: no id": (cloudevent(id=...), 'lacks "id"'),
    "CloudEvent: an empty id": (cloudevent(id=""), 'lacks "id"'),
    "CloudEvent: an id that is no text": (cloudevent(id=7), 'lacks "id"'),
    "CloudEvent: no source": (cloudevent(source=...), 'lacks "source"'),
    "CloudEvent: no type": (cloudevent(type=...), 'lacks "type"'),
    "CloudEvent: no data": (cloudevent(data=...), 'lacks "data"'),
    "CloudEvent: binary data": (cloudevent(data=..., data_base64="e30="), '"data_base64"'),
    "CloudEvent: data and binary data": (cloudevent(data_base64="e30="), '"data_base64"'),
    "CloudEvent: data that is text": (cloudevent(data=json.dumps(REQUEST)), "not a JSON object"),
    "CloudEvent: an older version": (cloudevent(specversion="0.3"), '"specversion"'),
    "CloudEvents: a batch": ([cloudevent()], "not a JSON object"),
    "EventBridge: another event": (event(REQUEST, "VBS Backup Deleted"), '"detail-type"'),
    "EventBridge: a detail that is text": (event("x"), "not a JSON object"),
    "four envelopes": (event(sns(json.dumps(cloudevent(data=event(REQUEST))))), "wrapped more than 3 times"),
    "a bulk of none": ({"backup_ids": []}, "1 to 1000"),
    "a bulk of 1,001": ({"backup_ids": [BACKUP] * (BULK_LIMIT + 1)}, "1 to 1000"),
    "a bulk that is one id": ({"backup_ids": BACKUP}, "1 to 1000"),
    "single and bulk": ({"backup_id": BACKUP, "backup_ids": [BACKUP]}, "both"),
    "a bulk with an unknown key": ({"backup_ids": [BACKUP], "traget": "a"}, 'did you mean "target"'),
    "a bulk that deletes its own survivor": (
        {"backup_ids": [BACKUP], "expect": {"survivors": [BACKUP]}},
        "remove it from one",
    ),
    "no JSON": ("backup_id=1", "not JSON"),
    "nothing": ("", "not JSON"),
    "a key twice": (f'{{"backup_id": "{BACKUP}", "backup_id": "{BACKUP}"}}', "a key twice"),
    "too long": ({"backup_id": BACKUP, "reason": "x" * BODY_LIMIT}, "bytes"),
    "nested without end": ("[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_request_is_refused_in_one_sentence_that_names_the_fault(name: str) -> None:
    body, fault = BAD[name]
    sentence = refusal(body)
    assert fault in sentence
    assert len(sentence) < 250
    assert sentence.isprintable()
