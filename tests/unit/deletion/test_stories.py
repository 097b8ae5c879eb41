"""Everything the deleter does and says, held against what is written down; and each refusal, word for word."""

import pytest

from tests.unit.deletion.stories import WRITTEN, stories
from tests.unit.deletion.test_bad_envelopes import BAD, refusal

NO_OBJECT = 'the body is not a JSON object; send {"backup_id": "<id>"}'
NO_JSON = 'is not JSON: Expecting value at line 1, column 1; send one JSON object with "backup_id"'
NO_LIST = '"backup_ids" must be a list of 1 to 1000 ids; split a longer list into several requests'
NO_ID = 'the CloudEvent lacks "id"; CloudEvents 1.0 requires it'
BINARY = 'the CloudEvent has binary "data_base64"; give the request as JSON in "data"'
REFUSALS = {
    "SNS: some text": f'"Message" of the SNS notification {NO_JSON}',
    "SNS: an empty text": f'"Message" of the SNS notification {NO_JSON}',
    "SNS: another service's message": '"backup_id" is missing; give the backup\'s id',
    "SNS: a list": NO_OBJECT,
    "SNS: an object, not a text": '"Message" of the SNS notification is not text; publish the request as JSON text',
    "SNS: the confirmation of a subscription": ('an SNS subscription must be confirmed; open its "SubscribeURL" once'),
    "CloudEvent: no id": NO_ID,
    "CloudEvent: an empty id": NO_ID,
    "CloudEvent: an id that is no text": NO_ID,
    "CloudEvent: no source": 'the CloudEvent lacks "source"; CloudEvents 1.0 requires it',
    "CloudEvent: no type": 'the CloudEvent lacks "type"; CloudEvents 1.0 requires it',
    "CloudEvent: no data": 'the CloudEvent lacks "data"; give the request there',
    "CloudEvent: binary data": BINARY,
    "CloudEvent: data and binary data": BINARY,
    "CloudEvent: data that is text": NO_OBJECT,
    "CloudEvent: an older version": '"specversion" is not "1.0"; send CloudEvents 1.0 in structured JSON',
    "CloudEvents: a batch": NO_OBJECT,
    "EventBridge: another event": ('"detail-type" is not "VBS Backup Delete Requested"; let the rule match that only'),
    "EventBridge: a detail that is text": NO_OBJECT,
    "four envelopes": "the request is wrapped more than 3 times; send it with fewer envelopes",
    "a bulk of none": NO_LIST,
    "a bulk of 1,001": NO_LIST,
    "a bulk that is one id": NO_LIST,
    "single and bulk": 'both "backup_id" and "backup_ids" are given; give one of them',
    "a bulk with an unknown key": 'unknown key "traget"; did you mean "target"?',
    "a bulk that deletes its own survivor": (
        '"expect.survivors" names 0b5e4f6a-7c1d-4e2f-9a3b-000000000001, which "backup_ids" names too; '
        "remove it from one"
    ),
    "no JSON": f"the body {NO_JSON}",
    "nothing": f"the body {NO_JSON}",
    "a key twice": 'the body names a key twice: "backup_id"; send one JSON object with "backup_id"',
    "too long": 'the body has 131139 bytes; at most 131072 are allowed; send one JSON object with "backup_id"',
    "nested without end": 'the body is nested too deeply; send one JSON object with "backup_id"',
}


@pytest.mark.parametrize("name", BAD)
def test_a_refusal_says_exactly_this(name: str) -> None:
    assert refusal(BAD[name][0]) == REFUSALS[name]


def test_every_story_goes_as_it_is_written() -> None:
    told, expected = stories().splitlines(), WRITTEN.read_text(encoding="utf-8").splitlines()
    for number, (line, wanted) in enumerate(zip(told, expected, strict=False), 1):
        assert line == wanted, f"line {number} of {WRITTEN.name}; see tests/unit/deletion/stories.py"
    assert len(told) == len(expected)
