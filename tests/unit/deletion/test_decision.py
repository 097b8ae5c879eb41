"""One decision for every answer, at every age, against a table written from the decision table of layers/README.md."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from tests.support.doubles import ManualClock
from tests.unit.deletion.world import (
    BASE_S,
    ONE,
    PROJECT,
    TWO,
    VIEW,
    VOLUME,
    answer,
    ask,
    found,
    in_words,
    read,
    record,
)
from vbs_reaper.backups.answer import Answer, AnswerName as A, TargetInfo
from vbs_reaper.deletion.decide import after_delete, after_listing, after_show, after_survivor, before_any_call
from vbs_reaper.deletion.decision import (
    AlreadyGone,
    Asked,
    Decision,
    Deleted,
    Halt,
    ListVolume,
    ObserveAgain,
    ObserveSurvivors,
    Parked,
    Pass,
    PassEnd,
    Refused,
    SendDelete,
    Step,
    Superseded,
    Wait,
    settle,
)
from vbs_reaper.deletion.message import Delivery, Message
from vbs_reaper.deletion.request import DeleteRequest, read_request
from vbs_reaper.reasons import Reason

NOW = ManualClock().now
ID, SURVIVOR = ONE, TWO

EVERYWHERE = {
    A.OTHER_BACKUP: "halt identity_mismatch",
    A.NO_SERVICE: "halt service_down",
    A.UNAVAILABLE: "halt service_down",
    A.THROTTLED: "halt throttled",
    A.WRONG_ENDPOINT: "halt wrong_endpoint",
    A.REDIRECTED: "halt redirected",
    A.PROXY_REFUSED: "halt proxy",
    A.GATEWAY_REFUSED: "halt gateway_refused",
    A.URL_PROJECT_MISMATCH: "halt project_mismatch",
    A.UNAUTHORIZED: "halt credentials_rejected",
    A.UNREACHABLE: "halt unreachable",
    A.TLS_FAILED: "halt tls",
    A.SECRET_UNUSABLE: "halt secret_unusable",
    A.LOGIN_REFUSED: "halt credentials_rejected",
    A.USER_LOCKED: "halt credentials_rejected",
    A.CLOCK_SKEW: "halt clock_skew",
    A.LOGIN_BUSY: "wait login_busy",
    A.BUCKET_UNUSABLE: "halt bucket_unusable",
    A.LOGIN_THROTTLED: "halt login_throttled",
    A.LOGIN_UNAVAILABLE: "halt service_down",
    A.LOGIN_MISPLACED: "halt wrong_endpoint",
    A.TOKEN_PROJECT_MISMATCH: "halt project_mismatch",
    A.ADMINISTRATOR: "halt administrator_refused",
    A.USED_BY_IMAGE: "refused used_by_image",
    A.BAD_REQUEST: "wait bad_request",
    A.UNEXPECTED_CLIENT_ERROR: "wait unexpected_status",
    A.OTHER_PROJECT: "halt project_mismatch",  # no guard was stated: the secret has changed meanwhile
    A.FORBIDDEN: "wait forbidden",
    A.TIMED_OUT: "wait timed_out",
    A.CONNECTION_LOST: "wait connection_lost",
    A.SERVER_ERROR: "wait server_error",
    A.CONFLICT: "wait conflict",
    A.BUSY: "wait busy",
    A.VAULT_UNUSABLE: "wait vault_unusable",
    A.LOCKED: "refused locked",
    A.MAYBE_GONE: "wait unconfirmed",
    A.DELETION_FAILED: "wait unexpected_answer",
    A.OUT_OF_TIME: "wait out_of_time",
    A.UNEXPECTED: "wait unexpected_answer",
    A.STALE_ANSWER: "wait stale_answer",
    A.ACCEPTED: "wait unexpected_answer",
    A.MAYBE_ACCEPTED: "wait unexpected_answer",
    A.WRONG_STATE: "wait unexpected_answer",
    A.HAS_DEPENDENTS: "wait unexpected_answer",
}
DELETE = EVERYWHERE | {
    A.FOUND: "wait unexpected_answer",
    A.MAYBE_ACCEPTED: "look again",
    A.WRONG_STATE: "look again",
    A.CONFLICT: "look again",
    A.MAYBE_GONE: "look again",
    A.HAS_DEPENDENTS: "list the volume",
    A.GONE: "deleted",
}
LISTING = {name: word if word.startswith("halt") else "wait has_dependents" for name, word in EVERYWHERE.items()} | {
    A.FOUND: "wait has_dependents",
    A.GONE: "wait has_dependents",
}
STATUSES = {
    "available": "ask",
    "error": "ask",
    "deleting": "wait deleting",
    "creating": "wait busy",
    "restoring": "wait busy",
    "error_deleting": "refused deletion_failed",
    "exporting": "wait unexpected_answer",
    "AVAILABLE": "wait unexpected_answer",
    "available ": "wait unexpected_answer",
    None: "wait unknown_field",
    "": "wait unknown_field",
}
AGES = [(0, 1, False), (287.9, 979, False), (288, 1, True), (299.9, 400, True), (0, 980, True), (10, 1000, True)]


def request(**fields: object) -> DeleteRequest:
    return read_request(ask(ID, **fields), NOW)


REQUESTS = [
    request(),
    request(expect={"volume_id": VOLUME, "created_at": "2026-11-20T02:00:00Z", "name": "daily"}),
    request(expires_at="2026-11-25T04:00:01Z", reason="superfluous"),
]
"""None states its project: one that does is refused where these halt; see the test of guarded requests."""


def one_pass(
    this: DeleteRequest = REQUESTS[0],
    *,
    asked: bool = False,
    hours: float = 0,
    receives: int = 1,
    jitter: float = 0.5,
    **more: Any,  # noqa: ANN401  # handed on
) -> Pass:
    sent_at = NOW - timedelta(hours=hours)
    message = Message(
        message_id="m-1",
        receipt_handle="r",
        body="{}",
        receive_count=receives,
        sent_at=sent_at,
        request_id="m-1",
        first_sent_at=sent_at,
        first_received_at=sent_at,
        asked_at=sent_at if asked else None,
    )
    delivery = Delivery(message=message, now=NOW, base_s=BASE_S, jitter=jitter, target="default")
    return Pass(request=this, delivery=delivery, **more)


def settled(this: Pass, decision: Decision | Step | None) -> str:
    if decision is None or isinstance(decision, ObserveAgain | ObserveSurvivors | SendDelete | ListVolume):
        return in_words(decision)
    return in_words(settle(this, decision))


def aged(word: str, *, is_old: bool) -> str:
    kind, _, reason = word.partition(" ")
    return f"parked {reason}" if is_old and kind in {"wait", "halt"} else word


def passes(**more: Any) -> Iterator[tuple[Pass, bool, bool]]:  # noqa: ANN401  # handed on
    for this, asked, (hours, receives, is_old) in product(REQUESTS, [False, True], AGES):
        yield one_pass(this, asked=asked, hours=hours, receives=receives, **more), asked, is_old


NO_BACKUP = [name for name in A if name is not A.FOUND]


@pytest.mark.parametrize("name", NO_BACKUP)
def test_a_look_that_finds_no_backup_has_one_decision(name: A) -> None:
    for this, asked, is_old in passes():
        is_confirmed = this.message.receive_count > 1 and NOW - this.message.sent_at >= timedelta(seconds=BASE_S)
        gone = "deleted" if asked else "already_gone" if is_confirmed or is_old else "wait unconfirmed"
        wanted = aged(gone if name is A.GONE else EVERYWHERE[name], is_old=is_old)
        assert settled(this, after_show(this, answer(name), NOW)) == wanted


@pytest.mark.parametrize("name", NO_BACKUP)
@pytest.mark.parametrize("asked_with", [A.MAYBE_ACCEPTED, A.WRONG_STATE, A.CONFLICT])
def test_a_second_look_that_finds_no_backup_has_one_decision(name: A, asked_with: A) -> None:
    for this, _, is_old in passes(seen=read(record(ID)), asked_with=asked_with):
        wanted = aged("deleted" if name is A.GONE else EVERYWHERE[name], is_old=is_old)
        assert settled(this, after_show(this, answer(name), NOW)) == wanted


@pytest.mark.parametrize("name", list(A))
@pytest.mark.parametrize("status", ["available", "error"])
def test_every_answer_to_a_delete_has_one_decision(name: A, status: str) -> None:
    for this, asked, is_old in passes(seen=read(record(ID, status=status)), asked_with=name):
        again = "wait deletion_failed" if status == "error" else "wait accepted"
        wanted = (again if asked else "asked") if name is A.ACCEPTED else DELETE[name]
        assert settled(this, after_delete(this, answer(name))) == aged(wanted, is_old=is_old)


@pytest.mark.parametrize("name", NO_BACKUP)
def test_a_look_at_a_survivor_that_finds_none_has_one_decision(name: A) -> None:
    for this, _, is_old in passes(seen=read(record(ID))):
        wanted = aged("refused expectation_failed" if name is A.GONE else EVERYWHERE[name], is_old=is_old)
        assert settled(this, after_survivor(this, SURVIVOR, answer(name))) == wanted


@pytest.mark.parametrize("name", list(A))
def test_a_listing_that_fails_has_one_decision(name: A) -> None:
    for this, _, is_old in passes(seen=read(record(ID)), asked_with=A.HAS_DEPENDENTS):
        assert settled(this, after_listing(this, answer(name))) == aged(LISTING[name], is_old=is_old)


@pytest.mark.parametrize("status", list(STATUSES))
def test_every_status_has_one_decision(status: str | None) -> None:
    for this, _, is_old in passes():
        wanted = aged(STATUSES[status], is_old=is_old)
        assert settled(this, after_show(this, found(ID, status=status), NOW)) == wanted


@pytest.mark.parametrize("status", list(STATUSES))
@pytest.mark.parametrize("asked_with", [A.MAYBE_ACCEPTED, A.WRONG_STATE, A.CONFLICT])
def test_every_status_has_one_decision_after_a_delete(status: str | None, asked_with: A) -> None:
    for this, asked, is_old in passes(seen=read(record(ID)), asked_with=asked_with):
        wanted = STATUSES[status]
        if wanted == "ask":
            wanted = "wait conflict" if asked_with is A.CONFLICT else "wait unexpected_answer"
        if status == "deleting" and asked_with is A.MAYBE_ACCEPTED:
            wanted = "wait accepted" if asked else "asked"
        assert settled(this, after_show(this, found(ID, status=status), NOW)) == aged(wanted, is_old=is_old)


@pytest.mark.parametrize("status", [*STATUSES, "missing"])
def test_every_status_of_a_survivor_has_one_decision(status: str | None) -> None:
    backup = {"available": "stays", "restoring": "stays", None: "wait unknown_field", "": "wait unknown_field"}
    shown = found(SURVIVOR, status=status)
    if status == "missing":
        fields = record(SURVIVOR)
        del fields["status"]
        shown = replace(shown, backup=read(fields))
        backup["missing"] = "wait unknown_field"
    for this, _, is_old in passes(seen=read(record(ID))):
        wanted = aged(backup.get(status, "refused expectation_failed"), is_old=is_old)
        assert settled(this, after_survivor(this, SURVIVOR, shown)) == wanted


def test_a_survivor_that_is_on_hold_stays_all_the_more() -> None:
    assert after_survivor(one_pass(), SURVIVOR, found(SURVIVOR, name="[hold]")) is None


MISSING = object()
V3 = TargetInfo(project_id=PROJECT, hold_marker="[hold]", shows_metadata=True)


def choice(*values: object) -> st.SearchStrategy[object]:
    """Nearly always the first; a single draw, because a draw takes longer than the test of what was drawn."""
    return st.sampled_from([values[0]] * 6 * len(values) + [*values])


records = st.fixed_dictionaries(
    {
        "status": choice("available", "error"),
        "volume_id": choice(VOLUME, None, MISSING, "another"),
        "created_at": choice("2026-11-20T02:00:00.000000", None, MISSING, "yesterday", "2026-11-20T02:00:01"),
        "name": choice("daily", None, MISSING, "my [hold]", "[HOLD]"),
        "description": choice(None, MISSING, "[hold] till May", "text"),
        "metadata": choice({}, None, MISSING, {"hold": ""}, {"Hold": "x"}),
        "os-bak-tenant-attr:tenant_id": choice(PROJECT, None, MISSING, "f" * 32),
    }
)
requests = st.builds(
    lambda expect, rest: request(**({"expect": expect} if expect else {}), **rest),
    st.fixed_dictionaries(
        {},
        optional={
            "volume_id": st.just(VOLUME),
            "created_at": st.just("2026-11-20T03:00:00+01:00"),
            "name": st.sampled_from(["daily", None]),
            "survivors": st.just([SURVIVOR]),
        },
    ),
    st.fixed_dictionaries(
        {}, optional={"expires_at": st.sampled_from(["2026-11-25T04:00:00Z", "2026-11-25T04:00:10Z"])}
    ),
)


def expected_of_deletable(fields: dict[str, Any], this: DeleteRequest, view: TargetInfo, looked_at: datetime) -> str:  # noqa: PLR0911
    """The rows of section 3 for `available` and `error`, from top to bottom."""
    if fields.get("os-bak-tenant-attr:tenant_id") == "f" * 32:
        return "refused not_owned"
    if "[hold]" in str(fields.get("name")).lower() or "[hold]" in str(fields.get("description")):
        return "refused held"
    if {"hold", "Hold"} & set(fields.get("metadata") or {}):
        return "refused held"
    if this.expires_at and looked_at >= this.expires_at:
        return "refused expired"
    given: dict[str, Any] = this.fields.get("expect", {})
    expect = {name: value for name, value in given.items() if value is None or value}
    unknown = not fields.get("volume_id") or "name" not in fields or "description" not in fields
    unknown = unknown or (view.shows_metadata and not isinstance(fields.get("metadata"), dict))
    readable = str(fields.get("created_at")).startswith("2026")
    null_but_expected = fields.get("created_at", MISSING) is None and "created_at" in expect
    if null_but_expected and fields.get("volume_id"):
        return "refused expectation_failed"
    if unknown or not readable:
        return "wait unknown_field"
    if "volume_id" in expect and fields["volume_id"] != VOLUME:
        return "refused expectation_failed"
    if "created_at" in expect and fields["created_at"] != "2026-11-20T02:00:00.000000":
        return "refused expectation_failed"
    if "name" in expect and fields["name"] != expect["name"]:
        return "refused expectation_failed"
    return "look at survivors" if "survivors" in expect else "ask"


@settings(max_examples=600)
@given(records, requests, st.sampled_from([VIEW, V3]), st.integers(0, 11))
def test_holds_expiry_unknown_fields_and_expectations_are_judged_in_the_tables_order(
    shown: dict[str, Any], this: DeleteRequest, view: TargetInfo, late_s: int
) -> None:
    fields = {"id": ID, "updated_at": None} | {key: value for key, value in shown.items() if value is not MISSING}
    looked_at = NOW + timedelta(seconds=late_s)
    shown_answer = replace(found(ID, view), backup=read(fields))
    decision = after_show(one_pass(this), shown_answer, looked_at)
    assert in_words(decision) == expected_of_deletable(fields, this, view, looked_at)


def test_a_request_that_names_another_project_than_its_targets_is_refused() -> None:
    other = answer(A.OTHER_PROJECT)
    guarded = one_pass(request(project_id=PROJECT))
    asked = replace(guarded, asked_with=A.WRONG_STATE, seen=read(record(ID)))
    decisions = [after_show(guarded, other, NOW), after_delete(asked, other), after_survivor(guarded, SURVIVOR, other)]
    assert [in_words(decision) for decision in decisions] == ["refused wrong_project"] * 3


@pytest.mark.parametrize(("ahead_s", "wanted"), [(-1, None), (0, None), (1, 1), (3600, 3600), (86_400, 41_940)])
def test_a_request_that_asks_to_wait_waits_without_a_call(ahead_s: int, wanted: int | None) -> None:
    not_before = (NOW + timedelta(seconds=ahead_s)).isoformat()
    decision = before_any_call(one_pass(request(not_before=not_before)))
    assert (decision.delay_s if decision else None) == wanted


answers = st.builds(answer, st.sampled_from(NO_BACKUP), retry_after_s=st.none() | st.floats(1, 3600)) | st.builds(
    lambda status: found(ID, status=status), st.sampled_from(list(STATUSES))
)
any_pass = st.builds(
    one_pass,
    st.sampled_from(REQUESTS),
    asked=st.booleans(),
    hours=st.floats(0, 330),
    receives=st.integers(1, 1000),
    jitter=st.floats(0, 1, exclude_max=True),
    seen=st.none() | st.just(read(record(ID))),
)


def decided(this: Pass, shown: Answer) -> list[PassEnd]:
    found_out = [
        after_show(this, shown, NOW),
        after_show(replace(this, asked_with=A.WRONG_STATE, seen=read(record(ID))), shown, NOW),
        after_delete(replace(this, seen=read(record(ID))), shown),
        after_survivor(this, SURVIVOR, shown),
        after_listing(this, shown),
    ]
    return [
        settle(this, each)
        for each in found_out
        if isinstance(each, Deleted | AlreadyGone | Asked | Wait | Halt | Refused | Parked | Superseded)
    ]


@given(any_pass, answers)
def test_only_a_proof_says_gone_and_only_a_first_202_says_asked(this: Pass, shown: Answer) -> None:
    for decision in decided(this, shown):
        if isinstance(decision, Deleted | AlreadyGone):
            assert decision.proof.name is A.GONE
        if isinstance(decision, Asked):
            assert shown.name is A.ACCEPTED
            assert this.message.asked_at is None


@given(any_pass, answers)
def test_every_wait_keeps_its_bounds_and_what_is_old_does_not_wait(this: Pass, shown: Answer) -> None:
    is_old = NOW - this.message.sent_at >= timedelta(days=12) or this.message.receive_count >= 980
    for decision in decided(this, shown):
        if isinstance(decision, Wait | Halt):
            assert not is_old
            assert lowest(this, decision, shown) <= decision.delay_s <= highest(this, decision, shown)
        if isinstance(decision, Halt):
            assert decision.remember_s == (asked_s(decision, shown) or BASE_S)
        if isinstance(decision, Parked):
            assert is_old


def ordinary(this: Pass) -> float:
    return min(BASE_S * 2.0 ** (this.message.receive_count - 1), 7200)


def asked_s(decision: Wait | Halt, shown: Answer) -> float:
    """Return how long the cloud asks to wait; 0 if no call was made."""
    was_asked = isinstance(decision, Halt) and shown.name is not A.OTHER_PROJECT
    return (shown.retry_after_s or 0.0) if was_asked else 0.0


SCALED = {Reason.DELETING, Reason.HAS_DEPENDENTS}


def lowest(this: Pass, decision: Wait | Halt, shown: Answer) -> float:
    if decision.reason is Reason.UNCONFIRMED and shown.name is A.GONE:
        return BASE_S / 2
    if decision.reason in SCALED and this.message.receive_count <= 150:
        return BASE_S / 2
    return max(ordinary(this) / 2, asked_s(decision, shown))


def highest(this: Pass, decision: Wait | Halt, shown: Answer) -> float:
    if decision.reason is Reason.UNCONFIRMED and shown.name is A.GONE:
        return BASE_S * 1.5
    if decision.reason in SCALED and this.message.receive_count <= 150:
        return 7200
    return max(ordinary(this), ceil(1.5 * asked_s(decision, shown)))
