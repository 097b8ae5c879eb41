"""Every end of a request matches the schema of its event."""

from datetime import UTC, datetime

from hypothesis import given, strategies as st

from tests.infrastructure.schemas.messages import REFUSALS
from tests.infrastructure.schemas.validator import event_validation_errors
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.deletion.decision import AlreadyGone, Deleted, Parked, Refused
from vbs_reaper.deletion.effects import make_result
from vbs_reaper.deletion.message import Delivery, Message
from vbs_reaper.deletion.request import DeleteRequest, read_request
from vbs_reaper.deletion.result import DETAIL_TYPES
from vbs_reaper.reasons import Reason

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
GONE = Answer(name=AnswerName.GONE, status=404, request_id="req-7", at=NOW)

backup_ids = st.uuids().map(str)
requests = st.fixed_dictionaries(
    {
        "backup_id": backup_ids,
        "target": st.just("otc-prod"),
        "expect": st.fixed_dictionaries({"name": st.none() | st.text(max_size=255)}),
        "reason": st.text(max_size=256),
    }
).map(lambda fields: read_request(fields, NOW))
words = st.text(max_size=50)
gone = st.sampled_from([Deleted(proof=GONE), AlreadyGone(proof=GONE)])
refused = st.builds(Refused, reason=st.sampled_from(REFUSALS), message=words)
parked = st.builds(Parked, reason=st.sampled_from(Reason), message=words)


def delivery(target: str | None) -> Delivery:
    message = Message(
        message_id="m-1",
        receipt_handle="r",
        body="{}",
        receive_count=1,
        sent_at=NOW,
        request_id="m-1",
        first_sent_at=NOW,
    )
    return Delivery(message=message, now=NOW, base_s=60, jitter=0.5, target=target)


@given(requests, gone | refused | parked)
def test_an_end_of_a_request_matches_its_schema(
    request: DeleteRequest, decision: Deleted | AlreadyGone | Refused | Parked
) -> None:
    result = make_result(delivery("otc-prod"), request, decision)
    assert event_validation_errors(DETAIL_TYPES[result.outcome], result) == []


@given(words)
def test_a_refusal_of_a_malformed_request_matches_its_schema(sentence: str) -> None:
    decision = Refused(reason=Reason.MALFORMED, message=sentence)
    result = make_result(delivery(None), None, decision)
    assert event_validation_errors(DETAIL_TYPES[result.outcome], result) == []
