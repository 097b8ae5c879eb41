"""One pass over one request in each situation: which calls it makes, what it decides, and what leaves the deleter.

A row says what the cloud answers, what the request states, and the pass as `CALLS → Decision(reason): message`, in the
words of the decision table in layers/README.md. `test_decision.py` has the decision on every answer, `test_backoff.py`
the length of a wait.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import msgspec
import pytest
from msgspec import structs

from tests.unit.deletion.test_decision import DELETE, EVERYWHERE
from tests.unit.deletion.world import (
    BASE_S,
    OPERATIONS,
    PROJECT,
    VIEW,
    VOLUME,
    InjectedFaults,
    World,
    answer,
    ask,
    backup_id,
    found,
)
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.decision import AlreadyGone, Asked, Decision, Deleted, Halt, Parked, Refused, Wait
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.reasons import Reason

ID, SURVIVOR = backup_id(1), backup_id(2)
OTHER_PROJECT = "0f" * 16
OWNER, OWNER_IN_V3 = "os-bak-tenant-attr:tenant_id", "os-backup-project-attr:project_id"
V3 = replace(VIEW, shows_metadata=True)
MADE_AT, EARLIER, LATER = "2026-11-20T02:00:00Z", "2026-11-01T02:00:00", "2026-11-21T02:00:00"


@dataclass(frozen=True)
class Situation:
    """What the cloud shows, what the request states, and the expected pass."""

    expected: str
    asked: str = ""
    """The expected pass if the DELETE was accepted before. Empty: the same, or the result of `once_asked`."""
    backup: Mapping[str, object] | None = field(default_factory=dict)
    request: Mapping[str, object] = field(default_factory=dict)
    gets: tuple[Answer, ...] = ()
    delete: AnswerName | None = None
    listing: AnswerName | None = None
    survivor: Answer | None = None
    others: tuple[str | None, ...] = ()
    """When other backups of the volume were made."""

    def prepare(self, world: World) -> dict[str, Any]:
        """Put it into the cloud and return the request."""
        if self.backup is not None:
            world.cloud.has(ID, **self.backup)
        for number, created_at in enumerate(self.others):
            world.cloud.has(backup_id(10 + number), created_at=created_at)
        world.cloud.answers("show", ID, *self.gets)
        for operation, name in (("delete", self.delete), ("list", self.listing)):
            if name is not None:
                world.cloud.answers(operation, ID, answer(name, at=world.clock()))
        if self.survivor is None:
            return {"backup_id": ID, **self.request}
        world.cloud.answers("show", SURVIVOR, self.survivor)
        return {"backup_id": ID, "expect": {"survivors": [SURVIVOR]}}


S = Situation
ACCEPTED = "GET DELETE → Asked: the deletion is accepted"
WITH_SURVIVOR = "GET GET-SURVIVOR DELETE → Asked: the deletion is accepted"
HELD = "GET → Refused(held): the backup is put on hold by its name, description or metadata"
LACKS = 'GET → Wait(unknown_field): the answer lacks "{}"'
NOT_EXPECTED = 'GET → Refused(expectation_failed): "expect.{}" wants {}; the backup has {}'
NOT_OWNED = f"GET → Refused(not_owned): the backup belongs to project {OTHER_PROJECT}"
UNUSABLE = (
    f'GET GET-SURVIVOR → Refused(expectation_failed): "expect.survivors" wants {SURVIVOR} to be available; it is '
)
DEPENDENTS = "GET DELETE LIST → Wait(has_dependents): {} newer backups of the volume are still listed"
SITUATIONS: Final = {
    "there is no such backup": S("GET → AlreadyGone", backup=None),
    "the backup is available": S(ACCEPTED),
    "the request states all it may": S(
        ACCEPTED,
        request={"target": "otc-prod", "project_id": PROJECT, "reason": "old", "requested_by": "me"},
    ),
    "the backup is in error": S(
        ACCEPTED,
        asked="GET DELETE → Wait(deletion_failed): the deletion failed and is requested again",
        backup={"status": "error"},
    ),
    "the backup is in error and says why": S(
        ACCEPTED,
        asked=r"GET DELETE → Wait(deletion_failed): the deletion failed and is requested again: disk\nfull",
        backup={"status": "error", "fail_reason": "disk\nfull"},
    ),
    "the backup is being created": S("GET → Wait(busy): the backup is creating", backup={"status": "creating"}),
    "the backup is being restored": S("GET → Wait(busy): the backup is restoring", backup={"status": "restoring"}),
    "the backup is being deleted": S("GET → Wait(deleting): the backup is deleting", backup={"status": "deleting"}),
    "the backup is being deleted, although it is on hold, not as expected, and the request has expired": S(
        "GET → Wait(deleting): the backup is deleting",
        backup={"status": "deleting", "name": "[hold]"},
        request={"expect": {"volume_id": "x"}, "expires_at": "2026-11-25T04:00:00Z"},
    ),
    "a deletion has failed": S(
        "GET → Refused(deletion_failed): the backup is error_deleting", backup={"status": "error_deleting"}
    ),
    "a deletion has failed and says why": S(
        r"GET → Refused(deletion_failed): the backup is error_deleting: disk\nfull",
        backup={"status": "error_deleting", "fail_reason": "disk\nfull"},
    ),
    "the status is unknown": S(
        'GET → Wait(unexpected_answer): the backup\'s status is "odd"', backup={"status": "odd"}
    ),
    "the status is empty": S(LACKS.format("status"), backup={"status": ""}),
    "the status is null": S(LACKS.format("status"), backup={"status": None}),
    "the volume is null": S(LACKS.format("volume_id"), backup={"volume_id": None}),
    "the creation time is null": S(LACKS.format("created_at"), backup={"created_at": None}),
    "the metadata is missing": S(LACKS.format("metadata"), gets=(found(ID, V3),)),
    # Holds and times
    "the backup is on hold": S(HELD, backup={"description": "[hold] me"}),
    "the metadata puts the backup on hold": S(HELD, gets=(found(ID, V3, metadata={"hold": "1"}),)),
    "the request has expired": S(
        "GET → Refused(expired): still available after 2026-11-25T04:00:00+00:00",
        request={"expires_at": "2026-11-25T04:00:00Z"},
    ),
    "the request has expired, and the backup is in error": S(
        "GET → Refused(expired): still error after 2026-11-25T04:00:00+00:00",
        asked="GET → Refused(deletion_failed): the deletion failed: disk full",
        backup={"status": "error", "fail_reason": "disk full"},
        request={"expires_at": "2026-11-25T04:00:00Z"},
    ),
    "the request has nearly expired": S(ACCEPTED, request={"expires_at": "2026-11-25T04:00:01+00:00"}),
    # What the request expects
    "all it expects is true": S(
        ACCEPTED, request={"expect": {"name": "daily", "created_at": MADE_AT, "volume_id": VOLUME}}
    ),
    "the volume is another": S(
        NOT_EXPECTED.format("volume_id", '"v"', f'"{VOLUME}"'),
        request={"expect": {"volume_id": "v", "created_at": MADE_AT, "name": "x", "survivors": [SURVIVOR]}},
    ),
    "it was created at another time": S(
        NOT_EXPECTED.format("created_at", '"2026-11-20T02:00:01+00:00"', '"2026-11-20T02:00:00.000000"'),
        request={"expect": {"created_at": "2026-11-20T02:00:01Z"}},
    ),
    "a creation time is expected, and it is null": S(
        NOT_EXPECTED.format("created_at", '"2026-11-20T02:00:00+00:00"', "none"),
        request={"expect": {"created_at": MADE_AT}},
        backup={"created_at": None},
    ),
    "a creation time is expected, and it is unreadable": S(
        LACKS.format("created_at"), request={"expect": {"created_at": MADE_AT}}, backup={"created_at": "x"}
    ),
    "a name is expected, and there is none": S(
        NOT_EXPECTED.format("name", r'"x\ny"', "none"), request={"expect": {"name": "x\ny"}}, backup={"name": None}
    ),
    "no name is expected, and there is one": S(
        NOT_EXPECTED.format("name", "none", '"daily"'), request={"expect": {"name": None}}
    ),
    "another status is expected": S(
        NOT_EXPECTED.format("status", '"error"', '"available"'),
        asked="GET DELETE → Wait(accepted): the deletion is accepted again",
        request={"expect": {"status": "error"}},
    ),
    # Who owns it
    "another project owns it": S(NOT_OWNED, gets=(found(ID, VIEW, **{OWNER: OTHER_PROJECT}),)),
    "it names two owners": S(NOT_OWNED, gets=(found(ID, VIEW, **{OWNER: OTHER_PROJECT, OWNER_IN_V3: PROJECT}),)),
    "it names this project twice": S(ACCEPTED, gets=(found(ID, VIEW, **{OWNER: PROJECT, OWNER_IN_V3: PROJECT}),)),
    "the secret is for another project than the request": S(
        "GET → Refused(wrong_project): other_project",
        request={"project_id": PROJECT},
        gets=(answer(AnswerName.OTHER_PROJECT),),
    ),
    "another backup is shown": S(
        "GET → Halt(identity_mismatch): ", gets=(structs.replace(found(SURVIVOR), name=AnswerName.OTHER_BACKUP),)
    ),
    # After the DELETE
    "the DELETE may be accepted, and it is deleting": S(
        "GET DELETE GET → Asked: the deletion is accepted",
        gets=(found(ID), found(ID, status="deleting")),
        delete=AnswerName.MAYBE_ACCEPTED,
    ),
    "the DELETE may be accepted, and it is unchanged": S(
        "GET DELETE GET → Wait(unexpected_answer): after the DELETE, the backup is still available: maybe_accepted",
        delete=AnswerName.MAYBE_ACCEPTED,
    ),
    "the DELETE is in conflict, and it is deleting": S(
        "GET DELETE GET → Wait(deleting): the backup is deleting",
        gets=(found(ID), found(ID, status="deleting")),
        delete=AnswerName.CONFLICT,
    ),
    "the DELETE is in conflict, and it is unchanged": S(
        "GET DELETE GET → Wait(conflict): after the DELETE, the backup is still available: conflict",
        delete=AnswerName.CONFLICT,
    ),
    "the DELETE finds the wrong state, and it is gone": S(
        "GET DELETE GET → Deleted", gets=(found(ID), answer(AnswerName.GONE)), delete=AnswerName.WRONG_STATE
    ),
    "the DELETE finds the wrong state, and it is unchanged": S(
        "GET DELETE GET → Wait(unexpected_answer): after the DELETE, the backup is still available: wrong_state",
        delete=AnswerName.WRONG_STATE,
    ),
    "the DELETE says that it may be gone, and it is gone": S(
        "GET DELETE GET → Deleted", gets=(found(ID), answer(AnswerName.GONE)), delete=AnswerName.MAYBE_GONE
    ),
    "the DELETE says that it may be gone, and that is not confirmed": S(
        "GET DELETE GET → Wait(unconfirmed): maybe_gone",
        gets=(found(ID), answer(AnswerName.MAYBE_GONE)),
        delete=AnswerName.MAYBE_GONE,
    ),
    "the DELETE finds that it is gone": S("GET DELETE → Deleted", delete=AnswerName.GONE),
    "the DELETE finds it locked": S("GET DELETE → Refused(locked): locked", delete=AnswerName.LOCKED),
    "the DELETE finds it locked until it expires": S(
        'GET DELETE → Refused(locked): locked; it expires at "2027-01-01T00:00:00.000+00:00"',
        backup={"expired_at": "2027-01-01T00:00:00.000+00:00"},
        delete=AnswerName.LOCKED,
    ),
    "the DELETE finds it busy": S("GET DELETE → Wait(busy): busy", delete=AnswerName.BUSY),
    # What the record itself forbids
    "it is a part of another backup": S(
        f"GET → Refused(not_a_volume_backup): it is a part of backup {SURVIVOR}",
        backup={"parent_id": SURVIVOR, "resource_type": "OS::Cinder::Volume"},
    ),
    "it is the backup of a server": S(
        "GET → Refused(not_a_volume_backup): it is a backup of OS::Nova::Server",
        backup={"parent_id": None, "resource_type": "OS::Nova::Server"},
    ),
    "it is the backup of a volume alone": S(
        ACCEPTED,
        backup={"parent_id": None, "resource_type": "OS::Cinder::Volume", "image_ids": []},
    ),
    "two images were made from it": S("GET → Refused(used_by_image): image a, b", backup={"image_ids": ["a", "b"]}),
    # Backups that depend on it
    "no newer backup is listed": S(DEPENDENTS.format(0), delete=AnswerName.HAS_DEPENDENTS, others=(EARLIER,)),
    "one of unknown age is listed": S(DEPENDENTS.format(1), delete=AnswerName.HAS_DEPENDENTS, others=(EARLIER, None)),
    "three newer ones are listed": S(
        DEPENDENTS.format(4), delete=AnswerName.HAS_DEPENDENTS, others=(EARLIER, None, LATER, LATER, LATER)
    ),
    "the list times out": S(DEPENDENTS.format(1), delete=AnswerName.HAS_DEPENDENTS, listing=AnswerName.TIMED_OUT),
    "the list is unavailable": S(
        "GET DELETE LIST → Halt(service_down): unavailable",
        delete=AnswerName.HAS_DEPENDENTS,
        listing=AnswerName.UNAVAILABLE,
    ),
    # Survivors
    "the survivor is available": S(WITH_SURVIVOR, survivor=found(SURVIVOR)),
    "the survivor is being restored": S(WITH_SURVIVOR, survivor=found(SURVIVOR, status="restoring")),
    "the survivor belongs to the project": S(WITH_SURVIVOR, survivor=found(SURVIVOR, VIEW, **{OWNER: PROJECT})),
    "the survivor is in an unknown state": S(UNUSABLE + r"error\n", survivor=found(SURVIVOR, status="error\n")),
    "the survivor is gone": S(UNUSABLE + "gone", survivor=answer(AnswerName.GONE)),
    "the survivor is another project's": S(
        UNUSABLE + "another project's", survivor=found(SURVIVOR, VIEW, **{OWNER: OTHER_PROJECT})
    ),
    **{
        f"the status of the survivor is {status!r}": S(
            f'GET GET-SURVIVOR → Wait(unknown_field): the answer about survivor {SURVIVOR} lacks "status"',
            survivor=found(SURVIVOR, status=status),
        )
        for status in ("", None)
    },
    "the GET of the survivor times out": S(
        "GET GET-SURVIVOR → Wait(timed_out): timed_out", survivor=answer(AnswerName.TIMED_OUT)
    ),
    "another backup is shown as the survivor": S(
        "GET GET-SURVIVOR → Halt(identity_mismatch): ",
        survivor=structs.replace(found(backup_id(3)), name=AnswerName.OTHER_BACKUP),
    ),
    "the record of the survivor is incomplete": S(
        "GET GET-SURVIVOR → Wait(unexpected_answer): odd", survivor=Answer(name=AnswerName.FOUND, message="odd")
    ),
}


def decision_on(name: AnswerName, words: str, *, of_delete: bool = False) -> str:
    kind, reason = words.split()
    is_lost = of_delete and name in {AnswerName.TIMED_OUT, AnswerName.CONNECTION_LOST, AnswerName.SERVER_ERROR}
    return f"{'Unanswered' if is_lost else kind.capitalize()}({reason}): {name}"


for _name, _words in EVERYWHERE.items():
    SITUATIONS[f"the GET answers {_name}"] = S(f"GET → {decision_on(_name, _words)}", gets=(answer(_name),))
for _name, _words in DELETE.items():
    if _words.split()[0] in {"wait", "halt", "refused"} and _name is not AnswerName.ACCEPTED:
        _said = decision_on(_name, _words, of_delete=True)
        SITUATIONS[f"the DELETE answers {_name}"] = S(f"GET DELETE → {_said}", delete=_name)


End = Deleted | AlreadyGone | Refused | Parked
OLD: Final = timedelta(hours=289)
"""Past 12 days a request waits no longer."""


def once_asked(expected: str) -> str:
    """Return the default expectation if the DELETE was accepted before."""
    again = expected.replace("Asked: the deletion is accepted", "Wait(accepted): the deletion is accepted again")
    return again.replace("AlreadyGone", "Deleted").replace("Unanswered", "Wait")


def past_12_days(expected: str) -> str:
    return expected.replace("→ Wait", "→ Parked").replace("→ Halt", "→ Parked")


def first_and_direct(expected: str) -> str:
    return expected.replace("AlreadyGone", "Wait(unconfirmed): the project has no such backup")


def pass_in_words(world: World, decision: Decision) -> str:
    method = {"show": "GET", "delete": "DELETE", "list": "LIST"}
    calls = [method[call] + ("-SURVIVOR" if backup == SURVIVOR else "") for call, backup in world.cloud.calls]
    kind, reason = type(decision).__name__, getattr(decision, "reason", "")
    if any("unanswered_at" in message.attributes for message in world.queue.sent):
        kind = "Unanswered"
    message = f": {decision.message}" if hasattr(decision, "message") else ""
    return f"{' '.join(calls)} → {kind}{f'({reason})' if reason else ''}{message}"


RESULT_IDS: Final = {
    "m-1": "d150f745-a308-59bf-8ad7-e2f0b0d0d7e3",
    "m-0": "b6d3f31d-00d4-5ad2-9fb3-04ffbee7dd40",  # redriven twice
    "i-1": "98464505-8b3f-58d1-bd2d-dd45207b3653",
}
"""The ID of each request's event. Consumers drop repeats by it, so it never changes."""


def result(decision: End, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """The result event of an end. Every field is part of the contract."""
    proof = {}
    match decision:
        case Deleted(proof=answer) | AlreadyGone(proof=answer):
            outcome, detail = ("deleted" if isinstance(decision, Deleted) else "already_gone"), ""
            reason = Reason.DELETED if isinstance(decision, Deleted) else Reason.ALREADY_GONE
            if answer.at:
                proof = {"proof": {"request_id": "req-7", "status": 404, "at": "2026-11-25T04:00:00Z"}}
        case Refused() | Parked():
            outcome, reason, detail = type(decision).__name__.lower(), decision.reason, decision.message
    return proof | {
        "id": RESULT_IDS[request_id],
        "request_id": request_id,
        "outcome": outcome,
        "reason": reason,
        "message": reason.with_detail(detail),
        "action": reason.action,
        "target": request.get("target", "default"),
        "backup_id": ID,
        "request": request,
    }


def published(world: World) -> list[dict[str, Any]]:
    return [json.loads(msgspec.json.encode(each)) for each in world.bus.results]


def marks(world: World, said: str) -> dict[str, str]:
    """Return what a message must store about the DELETE of this pass. If not empty, it is sent again."""
    mark = "asked_at" if "→ Asked" in said else "unanswered_at" if "→ Unanswered" in said else ""
    return {mark: world.clock().isoformat(), "place": VIEW.place, "volume_id": VOLUME} if mark else {}


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_pass_makes_these_calls_decides_this_and_does_no_more(name: str) -> None:
    row = SITUATIONS[name]
    asked = row.asked or once_asked(row.expected)
    check_pass(row, row.expected, {})
    check_pass(row, past_12_days(row.expected), {}, OLD)
    was_asked = {"request_id": "m-0", "redrives": "2", "asked_at": "2026-11-13T00:00:00+00:00"}
    check_pass(row, asked, was_asked)
    check_pass(row, past_12_days(asked), was_asked, OLD)


def check_pass(row: Situation, expected: str, attributes: dict[str, str], age: timedelta = timedelta(hours=2)) -> None:
    world = World()
    request = row.prepare(world)
    target, sent_at = request.get("target", "default"), world.clock() - age
    carried = {"request_id": "m-1", "sent_at": sent_at.isoformat()} | attributes
    message = world.message(request, age=age, receives=3, attributes=carried if attributes else {})
    kept = world.deliver(message)
    decision = world.report.last("m-1")
    said = pass_in_words(world, decision)
    assert said == expected
    places = [(ref.target, ref.project_id) for ref in world.cloud.refs]
    assert places == [(target, request.get("project_id")), *[(target, PROJECT)] * (len(places) - 1)]

    delay_s = decision.delay_s if isinstance(decision, Asked | Wait | Halt) else 0
    onward = NewMessage(body=message["body"], attributes=carried | marks(world, said), group=target, delay_s=delay_s)
    end = result(decision, request, carried["request_id"]) if isinstance(decision, End) else {}
    letter = {field: end.get(field, "") for field in ("reason", "message")}
    is_requeued, needs_letter = bool(marks(world, said)), isinstance(decision, Refused | Parked)
    assert kept == ([] if is_requeued or end else ["m-1"])
    assert world.queue.hidden == ({"receipt-of-m-1": delay_s} if kept else {})
    assert world.queue.sent == ([onward] if is_requeued else [])
    assert published(world) == ([end] if end else [])
    assert world.queue.letters == (
        [NewMessage(body=message["body"], attributes=carried | letter, group=target)] if needs_letter else []
    )
    assert world.report.calls == [(world.clock(), [OPERATIONS[operation] for operation, _ in world.cloud.calls])]
    assert world.report.failures == []


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_direct_request_gets_the_same_decision_as_its_answer(name: str) -> None:
    """A waiting request is queued. An ended one leaves no dead letter, because the caller gets the response."""
    row, world = SITUATIONS[name], World()
    request = row.prepare(world)
    response = json.loads(json.dumps(world.invoke(request)))
    decision = world.report.last("i-1")
    said = pass_in_words(world, decision)
    assert said == first_and_direct(row.expected)
    assert world.queue.letters == []
    if isinstance(decision, End):
        assert published(world) == [response] == [result(decision, request, "i-1")]
        assert world.queue.sent == []
    else:
        assert isinstance(decision, Asked | Wait | Halt)
        remembered = marks(world, said)
        reason = Reason.ACCEPTED if isinstance(decision, Asked) else decision.reason
        assert response == {
            "outcome": "queued",
            "reason": reason,
            "message": reason.with_detail("" if remembered else decision.message),
            "action": reason.action,
            "request_id": "i-1",
        }
        attributes = {"request_id": "i-1", "sent_at": world.clock().isoformat()} | remembered
        delay_s, target = min(decision.delay_s, 900), request.get("target", "default")
        queued = NewMessage(body=json.dumps(request), attributes=attributes, group=target, delay_s=delay_s)
        assert world.queue.sent == [queued]
        assert published(world) == []


HELD_BACKUP, GONE_BACKUP = S(HELD, backup={"name": "[hold]"}), S("GET → AlreadyGone", backup=None)
BUSY_BACKUP, NEW_BACKUP = SITUATIONS["the backup is being created"], SITUATIONS["the backup is available"]
UNHEARD = "Wait(unheard): the end ({}) was not published"
NOT_STORED = "Wait(not_stored): the dead letter was not stored"
IS_HELD = HELD.removeprefix("GET → ")
FAULTS: Final = [
    # the step that fails, the situation, the decision, and who knows of the end: an event, a dead letter
    ("publish", HELD_BACKUP, UNHEARD.format("refused"), ""),
    ("publish", GONE_BACKUP, UNHEARD.format("already_gone"), ""),
    ("dead_letter", HELD_BACKUP, NOT_STORED, "event"),
    ("send", NEW_BACKUP, "Wait(accepted): the deletion is accepted", ""),
    ("show", NEW_BACKUP, "Wait(internal_error): BrokenPortError", ""),
]
FAULTS_PAST_12_DAYS: Final = [
    ("publish", HELD_BACKUP, IS_HELD, "letter"),
    ("publish", GONE_BACKUP, "Parked(unheard): already_gone: The project has no such backup.", "letter"),
    ("publish", BUSY_BACKUP, "Parked(busy): the backup is creating", "letter"),
    ("dead_letter", HELD_BACKUP, NOT_STORED, ""),
    ("dead_letter", BUSY_BACKUP, NOT_STORED, ""),
    ("publish dead_letter", GONE_BACKUP, NOT_STORED, ""),
    ("send", NEW_BACKUP, "Parked(accepted): the deletion is accepted", "event letter"),
    ("show", NEW_BACKUP, "Parked(internal_error): BrokenPortError", "event letter"),
]


@pytest.mark.parametrize(
    ("age", "steps", "row", "expected", "known_from"),
    [(timedelta(hours=2), *fault) for fault in FAULTS] + [(OLD, *fault) for fault in FAULTS_PAST_12_DAYS],
)
def test_a_message_is_kept_until_its_end_is_published_or_dead_lettered(
    age: timedelta, steps: str, row: Situation, expected: str, known_from: str
) -> None:
    check_fault("raises", age, steps, row, expected, known_from)
    if steps != "show":  # the refusal of a GET is an answer
        check_fault("refuses", age, steps, row, expected, known_from)


def check_fault(how: str, age: timedelta, steps: str, row: Situation, expected: str, known_from: str) -> None:  # noqa: PLR0913  # the columns of the table
    world = World()
    request = row.prepare(world)
    setattr(world.trouble, how, frozenset((step, 0) for step in steps.split()))
    kept = world.deliver(world.message(request, age=age, receives=3))
    decision = world.report.last("m-1")
    assert pass_in_words(world, decision).partition(" → ")[2] == expected
    assert kept == (["m-1"] if isinstance(decision, Wait) else [])
    assert world.queue.hidden == ({"receipt-of-m-1": 180} if isinstance(decision, Wait) else {})
    assert [step for _, step in world.report.failures] == ["pass" if each == "show" else each for each in steps.split()]
    assert steps == "show" or all(end["backup_id"] == ID for end in published(world))
    assert ["event"] * len(world.bus.results) + ["letter"] * len(world.queue.letters) == known_from.split()
    assert world.queue.sent == []


def test_a_message_that_cannot_be_hidden_is_kept() -> None:
    world = World(trouble=InjectedFaults(raises=frozenset({("hide", 0)})))
    request = BUSY_BACKUP.prepare(world)
    assert world.deliver(world.message(request)) == ["m-1"]
    assert world.report.failures == [("m-1", "hide")]


@pytest.mark.parametrize(
    ("request_", "left_s", "expected", "delay_s"),
    [
        (
            ask(ID, not_before="2026-11-25T05:00:00.5Z"),
            60.0,
            "Wait(not_before): waits until 2026-11-25T05:00:00.500000+00:00",
            3571,
        ),
        (ask(ID), 29.9, "Wait(out_of_time): too little time was left to begin", 45),
        (ask(ID, target="throttled"), 60.0, "Wait(halted): the target is halted for 60 s more", 75),
    ],
)
def test_a_pass_waits_without_a_call(request_: dict[str, Any], left_s: float, expected: str, delay_s: int) -> None:
    world = World(ID)
    world.cloud.answers("show", ID, answer(AnswerName.THROTTLED, retry_after_s=90))
    world.process(ask(ID, target="throttled"), "m-0")
    world.clock.advance(30.4)
    world.cloud.calls.clear()
    world.left_s = left_s
    assert world.deliver(world.message(request_)) == ["m-1"]
    assert pass_in_words(world, world.report.last("m-1")) == f" → {expected}"
    assert world.queue.hidden["receipt-of-m-1"] == delay_s


def test_a_request_begins_at_the_moment_it_names_and_with_half_a_minute_left() -> None:
    world = World(ID)
    world.left_s = 30.0
    assert world.process(ask(ID, not_before=world.clock().isoformat())) == "asked"


@pytest.mark.parametrize(("operation", "counted"), [("show", 3), ("delete", 1)])
def test_the_wait_for_halted_deletes_begins_to_grow_later_than_that_for_a_halted_target(
    operation: str, counted: int
) -> None:
    world = World(ID)
    world.cloud.answers(operation, ID, answer(AnswerName.UNAVAILABLE))
    world.process(ask(ID), "m-0")
    world.process(ask(ID), receives=3)
    assert world.queue.hidden["receipt-of-m-1"] == backoff.wait_s(counted, BASE_S, 0.5, BASE_S)
