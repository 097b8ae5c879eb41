"""Login slots: at most two failed logins of an identity in 20 minutes, without delaying the right secret."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.doubles import LoginStoreInMemory, ManualClock
from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.backups.stored_object import StoredObject
from vbs_reaper.clouds.login.identity import hash_of, identity_of
from vbs_reaper.clouds.login.login_end import LoginEnd
from vbs_reaper.clouds.login.login_guard import BEGIN_WITHIN, LoginGuard, Taken
from vbs_reaper.clouds.login.slots import (
    KEY_LOCKED_FOR,
    LOGIN_LASTS,
    RESERVED_FOR,
    WINDOW,
    Busy,
    Candidate,
    Reservation,
    Slot,
    SlotRecord,
    Suspect,
    Take,
    choose,
)
from vbs_reaper.clouds.target import Auth, Target
from vbs_reaper.errors import BucketUnusable

NOW: Final = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
LATER: Final = NOW + timedelta(minutes=5)
OLD: Final = NOW - timedelta(days=1)
TARGETS: Final = 6
LOGIN_TAKES: Final = timedelta(seconds=10)


def record(
    version: str = "v1",
    *,
    at: datetime = NOW,
    had_worked: bool = False,
    reserved: Reservation | None = None,
) -> SlotRecord:
    """The slot of a rejected login."""
    return SlotRecord(
        version=version,
        holder="h",
        at=at,
        is_refused=True,
        had_worked=had_worked,
        suspect_before=NOW,
        reserved=reserved,
    )


def unended(version: str = "v1") -> SlotRecord:
    """The slot of a login in progress, or of one that never ended."""
    return SlotRecord(version=version, holder="h", at=NOW)


def candidate(version: str = "v2", *, created_at: datetime = OLD, proven_at: datetime | None = None) -> Candidate:
    return Candidate(version=version, created_at=created_at, proven_at=proven_at)


# Which slot is taken

SECOND: Final = timedelta(seconds=1)
WINDOW_ENDS: Final = NOW + WINDOW
REJECTED: Final = {Slot.NEW: record()}
PROVEN_REJECTED: Final = {Slot.NEW: record(had_worked=True)}
TWO_REJECTED: Final = {Slot.NEW: record(), Slot.REFUSED: record("v2", at=LATER)}
ONE_UNENDED: Final = {Slot.NEW: unended()}
TWO_UNENDED: Final = {Slot.NEW: unended(), Slot.REFUSED: unended("v2")}
WAITING: Final = candidate("waiting", created_at=NOW - timedelta(hours=1))
RESERVED: Final = {Slot.NEW: record(reserved=Reservation(version="waiting", created_at=WAITING.created_at))}
LOCKED_KEY: Final = SlotRecord(version="v1", holder="h", at=NOW, is_over=True, until=NOW + KEY_LOCKED_FOR)
TWO_LOCKED: Final = {Slot.NEW: LOCKED_KEY, Slot.REFUSED: LOCKED_KEY}
PROVEN: Final = candidate(proven_at=OLD)
NEWER: Final = candidate(created_at=NOW)
LATEST: Final = candidate("v3", created_at=LATER)
CHOICES: Final[dict[str, list[tuple[dict[Slot, SlotRecord], Candidate, datetime, object]]]] = {
    "without a failed login every version takes the slot for new ones": [({}, candidate(), LATER, Slot.NEW)],
    "a rejected version waits for the end of the window and reserves nothing": [
        (REJECTED, candidate("v1"), LATER, Suspect(until=WINDOW_ENDS)),
        (REJECTED, candidate("v1"), WINDOW_ENDS - SECOND, Suspect(until=WINDOW_ENDS)),
        (REJECTED, candidate("v1"), WINDOW_ENDS, Slot.REFUSED),
    ],
    "a version older than a rejection of its user is not tried in the window": [
        (REJECTED, candidate(), LATER, Suspect),
        (REJECTED, candidate(), WINDOW_ENDS, Slot.REFUSED),
    ],
    "a version stored after the rejection takes the other slot at once": [
        (REJECTED, NEWER, LATER, Slot.REFUSED),
        ({Slot.REFUSED: record()}, NEWER, LATER, Slot.NEW),
    ],
    "with two failed logins a new version waits for the first of them": [
        (
            TWO_REJECTED,
            LATEST,
            LATER + timedelta(minutes=1),
            Busy(until=WINDOW_ENDS, is_in_progress=False, reserve=Slot.NEW),
        ),
        (TWO_REJECTED, LATEST, WINDOW_ENDS, Slot.NEW),
    ],
    "a typing error in one secret does not stop the proven ones of the same user": [
        (REJECTED, PROVEN, LATER, Slot.REFUSED)
    ],
    "when a proven version is rejected the other proven ones wait for the end of the window": [
        (PROVEN_REJECTED, PROVEN, LATER, Suspect),
        (PROVEN_REJECTED, PROVEN, WINDOW_ENDS, Slot.NEW),
    ],
    "a version that is proven after a rejection is not suspect": [
        (PROVEN_REJECTED, candidate(created_at=NOW, proven_at=NOW + SECOND), LATER, Slot.REFUSED)
    ],
    "a suspect that fails again makes no further version suspect": [
        (REJECTED, candidate(), WINDOW_ENDS, Take(slot=Slot.REFUSED, suspect_before=NOW))
    ],
    "the newest version that waits goes first when the slot is free again": [
        (RESERVED, candidate(), LATER, Suspect(until=WINDOW_ENDS)),
        (
            RESERVED,
            candidate("v3", created_at=NOW - timedelta(minutes=1)),
            LATER,
            Suspect(until=WINDOW_ENDS, reserve=Slot.NEW),
        ),
        *((RESERVED, candidate(old), WINDOW_ENDS, Suspect(until=WINDOW_ENDS + RESERVED_FOR)) for old in ("v1", "v2")),
        *((RESERVED, candidate(old), WINDOW_ENDS + RESERVED_FOR, Slot.REFUSED) for old in ("v1", "v2")),
        (RESERVED, WAITING, WINDOW_ENDS, Slot.REFUSED),
        (RESERVED, PROVEN, WINDOW_ENDS, Slot.NEW),
    ],
    "a login in progress is waited for although the other slot is free": [
        (ONE_UNENDED, candidate(), NOW + SECOND, Busy(until=NOW + LOGIN_LASTS, is_in_progress=True))
    ],
    "a login that never ended occupies its slot for a window and makes no version suspect": [
        *((ONE_UNENDED, candidate(version), NOW + LOGIN_LASTS, Slot.REFUSED) for version in ("v1", "v2")),
        (TWO_UNENDED, candidate("v1"), LATER, Busy),
        (TWO_UNENDED, candidate("v1"), WINDOW_ENDS + LOGIN_LASTS, Slot.NEW),
    ],
    "the slot of a locked key is free again when the lock ends": [
        (TWO_LOCKED, candidate(), NOW + KEY_LOCKED_FOR - SECOND, Busy),
        (TWO_LOCKED, candidate(), NOW + KEY_LOCKED_FOR, Slot.NEW),
    ],
}


@pytest.mark.parametrize("rule", CHOICES)
def test_which_slot_a_version_takes_or_what_it_waits_for(rule: str) -> None:
    for records, version, now, expected in CHOICES[rule]:
        choice = choose(records, version, now)
        slot = choice.slot if isinstance(choice, Take) else type(choice)
        assert expected in (choice, slot)


# Identities


def target(**auth: str) -> Target:
    given = {"auth_url": "https://iam.example/v3", "username": "cleaner", "user_domain_name": "D", "password": "p"}
    return Target(auth=msgspec.convert(given | auth, Auth, dec_hook=lambda _, text: Secret(text)))


@pytest.mark.parametrize(
    ("auth", "is_same"),
    [
        ({"auth_url": "https://iam.example:443/v3/"}, True),
        ({"auth_url": "https://iam.example"}, True),
        ({"project_id": "0f" * 16}, True),
        ({"username": "Cleaner", "user_domain_name": "d"}, True),
        ({"auth_url": "https://iam.example:8443/v3"}, False),
        ({"auth_url": "https://iam2.example/v3"}, False),
        ({"username": "cleaner2"}, False),
        ({"user_domain_name": "E"}, False),
        ({"user_domain_name": "", "user_domain_id": "D"}, False),
    ],
)
def test_a_user_of_a_keystone_is_one_identity(auth: dict[str, str], is_same: bool) -> None:  # noqa: FBT001
    assert (identity_of(target(**auth)) == identity_of(target())) is is_same


def signing_target(access_key: str, **target: str) -> Target:
    auth = Auth(access_key=access_key, secret_key=Secret("s"), project_id="0f" * 16)
    return Target(auth=auth, auth_type="aksk", **{"region_name": "eu-de", **target})  # type: ignore[arg-type]


def test_an_access_key_is_one_identity_in_every_project_and_at_every_host() -> None:
    one = signing_target("AK1")
    assert identity_of(signing_target("AK1", region_name="cn-north-4")) == identity_of(one)
    assert identity_of(signing_target("AK2")) != identity_of(one)
    assert "AK1" not in identity_of(one)


def test_an_identity_does_not_show_the_user() -> None:
    assert len(identity_of(target())) == 32
    assert "cleaner" not in identity_of(target())


# Functions that start, stop and are killed


@dataclass
class Version:
    """A version of a target's secret."""

    number: int
    password: str
    created_at: datetime

    def stored(self) -> StoredSecret:
        return StoredSecret(version_id=f"version-{self.number}", text=Secret("-"), created_at=self.created_at)


@dataclass
class Stack:
    """One user behind several targets, and the functions that log in as this user."""

    clock: ManualClock = field(default_factory=ManualClock)
    password: str = "right"
    failures: list[datetime] = field(default_factory=list)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.store = LoginStoreInMemory(self.clock)
        self.versions = [self._version("right", OLD) for _ in range(TARGETS)]

    def _version(self, password: str, created_at: datetime) -> Version:
        self.numbers += 1
        return Version(self.numbers, password, created_at)

    def store_secret(self, number: int, password: str) -> None:
        self.versions[number] = self._version(password, self.clock())

    def environment(self) -> LoginGuard:
        return LoginGuard(self.store, self.clock, self.clock.advance, lambda: 0.5)

    def target(self, number: int) -> Target:
        return target(password=self.versions[number].password)

    def take(self, guard: LoginGuard, number: int) -> Taken | Busy | Suspect:
        return guard.take(self.target(number), self.versions[number].stored(), lambda: 45.0)

    def judge(self, password: str) -> LoginEnd:
        """Let Keystone judge a password."""
        self.clock.now += LOGIN_TAKES
        if password == self.password:
            return LoginEnd.ACCEPTED
        self.failures.append(self.clock())
        return LoginEnd.REJECTED

    def log_in(self, guard: LoginGuard, number: int) -> LoginEnd | None:
        """Make a complete login; return None if it got no slot."""
        taken = self.take(guard, number)
        if not isinstance(taken, Taken):
            return None
        end = self.judge(self.versions[number].password)
        guard.settle(self.target(number), taken, end)
        return end

    def attempt(self, guard: LoginGuard, end: LoginEnd) -> type:
        """Start a login with this end; return the decision of the guard."""
        taken = self.take(guard, 0)
        if isinstance(taken, Taken):
            guard.settle(self.target(0), taken, end)
        return type(taken)

    def check_failures(self) -> None:
        for first, third in zip(self.failures, self.failures[2:], strict=False):
            assert third - first >= WINDOW, self.failures


numbers = st.integers(0, TARGETS - 1)


class LoginsOfOneUser(RuleBasedStateMachine):
    """Everything that can happen between take, login and settle, in any order, in any number of functions."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = Stack()
        self.guards = [self.stack.environment() for _ in range(3)]
        self.running: list[tuple[LoginGuard, Target, str, Taken]] = []

    @rule(number=numbers, environment=st.integers(0, 2))
    def begin(self, number: int, environment: int) -> None:
        guard = self.guards[environment]
        taken = self.stack.take(guard, number)
        if isinstance(taken, Taken):
            password = self.stack.versions[number].password
            self.running.append((guard, self.stack.target(number), password, taken))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), is_recorded=st.booleans(), is_answered=st.booleans())
    def end(self, data: st.DataObject, is_recorded: bool, is_answered: bool) -> None:  # noqa: FBT001
        guard, target, password, taken = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        end = LoginEnd.NOT_JUDGED if guard.is_too_late(taken) else self.stack.judge(password)
        if not is_answered and end is not LoginEnd.NOT_JUDGED:
            end = LoginEnd.UNANSWERED
        if is_recorded:
            guard.settle(target, taken, end)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))

    @rule(environment=st.integers(0, 2))
    def restart(self, environment: int) -> None:
        self.guards[environment] = self.stack.environment()

    @rule(password=st.sampled_from(["right", "other"]))
    def change_password(self, password: str) -> None:
        self.stack.password = password

    @rule(number=numbers, password=st.sampled_from(["right", "other", "typo"]))
    def store_secret(self, number: int, password: str) -> None:
        self.stack.store_secret(number, password)

    @rule(seconds=st.sampled_from([0.1, 5, 20, 31, 60, 600, 1199, 1200, 1230]))
    def wait(self, seconds: float) -> None:
        self.stack.clock.advance(seconds)

    @invariant()
    def no_more_than_two_failures_in_twenty_minutes(self) -> None:
        self.stack.check_failures()


TestLoginsOfOneUser = LoginsOfOneUser.TestCase
TestLoginsOfOneUser.settings = settings(max_examples=60, stateful_step_count=40)


@dataclass
class PastLogin:
    """One past login, and how far its function came."""

    number: int
    dies: str
    wait_s: float


logins = st.builds(
    PastLogin,
    numbers,
    st.sampled_from(["", "", "before the login", "after the login"]),
    st.floats(0, 900, allow_nan=False),
)


@settings(max_examples=40)
@given(past=st.lists(logins, max_size=12), order=st.permutations(range(TARGETS)))
def test_the_right_secret_works_within_one_window_while_five_others_are_wrong(
    past: list[PastLogin], order: list[int]
) -> None:
    """Every login is made by a new environment without memory."""
    stack = Stack(password="new")
    for login in past:
        guard = stack.environment()
        taken = stack.take(guard, login.number)
        if isinstance(taken, Taken) and login.dies != "before the login":
            end = stack.judge(stack.versions[login.number].password)
            if not login.dies:
                guard.settle(stack.target(login.number), taken, end)
        stack.clock.advance(login.wait_s)
    stack.store_secret(0, "new")
    waiting_since: datetime | None = stack.clock()
    ends = stack.clock() + timedelta(hours=1)
    while stack.clock() < ends:
        for number in order:
            ended = stack.log_in(stack.environment(), number)
            if number:
                continue
            assert ended is not LoginEnd.REJECTED
            waiting_since = None if ended else waiting_since or stack.clock()
            assert waiting_since is None or stack.clock() - waiting_since <= WINDOW + 2 * LOGIN_LASTS
        stack.clock.advance(29)
    stack.check_failures()


def test_six_targets_with_one_wrong_password_and_eight_functions_that_start_at_once() -> None:
    stack = Stack(password="new")
    for _ in range(5):
        for environment in [stack.environment() for _ in range(8)]:
            for number in range(TARGETS):
                stack.log_in(environment, number)
    assert len(stack.failures) == 1
    stack.clock.advance(60)
    stack.store_secret(3, "new")
    assert stack.log_in(stack.environment(), 3) is LoginEnd.ACCEPTED
    assert [stack.log_in(stack.environment(), 3) for _ in range(3)] == [LoginEnd.ACCEPTED] * 3


def test_right_and_wrong_secret_of_one_user_side_by_side() -> None:
    stack = Stack()
    for number in range(TARGETS):
        assert stack.log_in(stack.environment(), number) is LoginEnd.ACCEPTED
    stack.clock.advance(60)
    stack.store_secret(5, "typo")
    for _ in range(100):
        stack.log_in(stack.environment(), 5)
        for number in range(5):
            assert stack.log_in(stack.environment(), number) is LoginEnd.ACCEPTED
        stack.clock.advance(60)
    stack.check_failures()


@pytest.mark.parametrize("end", [LoginEnd.NOT_JUDGED, LoginEnd.ACCEPTED])
def test_a_login_that_was_not_rejected_frees_its_slot(end: LoginEnd) -> None:
    stack = Stack()
    guard = stack.environment()
    assert [stack.attempt(guard, end) for _ in range(3)] == [Taken] * 3
    assert not [key for key in stack.store.objects if key.endswith(("/new", "/refused"))]


@pytest.mark.parametrize("end", [LoginEnd.UNANSWERED, LoginEnd.LOCKED])
def test_a_login_without_a_verdict_counts_as_failed_but_rejects_no_version(end: LoginEnd) -> None:
    stack = Stack()
    guard = stack.environment()
    assert [stack.attempt(guard, end) for _ in range(3)] == [Taken, Taken, Busy]
    stack.clock.now += WINDOW + LOGIN_LASTS
    assert stack.attempt(guard, end) is Taken


def test_the_first_lost_answer_of_a_proven_version_does_not_count_but_the_following_do() -> None:
    stack = Stack()
    guard = stack.environment()
    assert stack.log_in(guard, 0) is LoginEnd.ACCEPTED
    assert [stack.attempt(guard, LoginEnd.UNANSWERED) for _ in range(5)] == [Taken, Taken, Taken, Busy, Busy]


def test_the_mark_of_a_proven_version_is_renewed_every_day() -> None:
    stack = Stack()
    for _ in range(3):
        assert stack.log_in(stack.environment(), 0) is LoginEnd.ACCEPTED
        (mark,) = (stored for key, stored in stack.store.objects.items() if "/accepted-" in key)
        assert stack.clock() - mark.stored_at <= timedelta(days=1)
        stack.clock.advance(25 * 3600)


def test_a_rejected_version_does_not_take_the_slot_that_a_newer_one_has_freed() -> None:
    stack = Stack(password="new")
    assert stack.log_in(stack.environment(), 0) is LoginEnd.REJECTED
    refused = next(key for key in stack.store.objects if key.endswith("/new"))
    stack.store.objects[refused.removesuffix("new") + "refused"] = stack.store.objects.pop(refused)
    assert isinstance(stack.take(stack.environment(), 0), Suspect)
    assert not [key for key in stack.store.objects if key.endswith("/new")]


def test_a_password_rejected_in_this_environment_causes_no_further_call() -> None:
    stack = Stack(password="new")
    guard = stack.environment()
    assert stack.log_in(guard, 0) is LoginEnd.REJECTED
    stack.store.calls.clear()
    assert all(isinstance(stack.take(guard, number), Suspect) for number in range(TARGETS))
    assert stack.store.calls == []


def test_the_same_password_stored_again_is_tried_again() -> None:
    stack = Stack(password="new")
    guard = stack.environment()
    stack.log_in(guard, 0)
    stack.clock.advance(60)
    stack.password = "right"
    stack.store_secret(0, "right")
    assert stack.log_in(guard, 0) is LoginEnd.ACCEPTED


def test_a_login_whose_function_was_frozen_after_it_took_the_slot_does_not_begin() -> None:
    stack = Stack()
    guard = stack.environment()
    taken = stack.take(guard, 0)
    assert isinstance(taken, Taken)
    stack.clock.now += BEGIN_WITHIN
    assert not guard.is_too_late(taken)
    stack.clock.advance(1)
    assert guard.is_too_late(taken)


def test_a_usual_login_makes_four_calls_to_the_store_and_one_more_if_the_version_is_proven() -> None:
    stack = Stack()
    stack.log_in(stack.environment(), 0)
    assert stack.store.calls == ["create", "read", "create", "delete"]
    stack.store.calls.clear()
    stack.log_in(stack.environment(), 0)
    assert stack.store.calls == ["create", "read", "create", "read", "delete"]


UNREADABLE_SLOTS = [
    b"",
    b"{}",
    b"[",
    b'{"version":"v","holder":"h","at":"2026-01-01T00:00:00"}',
    b'{"version":"\xff","holder":"h","at":"2026-01-01T00:00:00Z"}',
    b'{"x":' * 100_000,
]


@pytest.mark.parametrize("body", UNREADABLE_SLOTS, ids=lambda body: repr(body[:20]))
def test_an_unreadable_slot_counts_as_a_login_that_never_ended(body: bytes) -> None:
    stack = Stack()
    stack.store.create(f"{identity_of(stack.target(0))}/new", body)
    assert isinstance(stack.take(stack.environment(), 0), Busy)
    stack.clock.now += LOGIN_LASTS
    taken = stack.take(stack.environment(), 0)
    assert isinstance(taken, Taken)
    assert taken.key.endswith("/refused")


def test_a_slot_from_the_future_does_not_last_longer_than_any_other() -> None:
    stack = Stack()
    body = b'{"version":"v","holder":"h","at":"2999-12-31T00:00:00Z","is_refused":true}'
    for slot in Slot:
        stack.store.create(f"{identity_of(stack.target(0))}/{slot}", body)
    stack.clock.now += WINDOW + LOGIN_LASTS
    assert isinstance(stack.take(stack.environment(), 0), Taken)


def test_a_slot_that_was_created_without_an_answer_is_recognized_as_own() -> None:
    stack = Stack()
    create: Callable[[str, bytes], str | None] = stack.store.create

    def answer_lost(key: str, body: bytes) -> str | None:
        create(key, body)
        return create(key, body)  # as boto3 retries a call without an answer

    stack.store.create = answer_lost  # type: ignore[method-assign]
    assert stack.attempt(stack.environment(), LoginEnd.NOT_JUDGED) is Taken
    assert stack.store.objects == {}


def lose_answers(store: LoginStoreInMemory) -> None:
    """Let every write succeed without an answer; boto3 then repeats it, and S3 answers 412."""
    create: Callable[[str, bytes], str | None] = store.create
    replace: Callable[[str, bytes, str], str | None] = store.replace

    def create_twice(key: str, body: bytes) -> str | None:
        create(key, body)
        return create(key, body)

    def replace_twice(key: str, body: bytes, tag: str) -> str | None:
        replace(key, body, tag)
        return replace(key, body, tag)

    store.create, store.replace = create_twice, replace_twice  # type: ignore[method-assign]


def test_a_rejected_version_does_not_take_the_slot_of_new_versions_after_a_lost_answer() -> None:
    stack = Stack(password="changed")
    assert stack.log_in(stack.environment(), 0) is LoginEnd.REJECTED  # it was not proven: it has the slot `new`
    stack.clock.now += WINDOW
    assert stack.log_in(stack.environment(), 0) is LoginEnd.REJECTED  # it is suspect: it has the slot `refused`
    assert f"{identity_of(stack.target(0))}/refused" in stack.store.objects
    del stack.store.objects[f"{identity_of(stack.target(0))}/new"]  # as another login that is accepted does
    lose_answers(stack.store)
    assert isinstance(stack.take(stack.environment(), 0), Suspect)
    stack.store_secret(1, "changed")
    assert stack.log_in(stack.environment(), 1) is LoginEnd.ACCEPTED


@pytest.mark.parametrize("is_first", [True, False])
def test_a_lost_answer_does_not_change_which_versions_are_suspect(is_first: bool) -> None:
    """Versions that are older than the first rejection stay suspect, and later ones do not become it."""
    slots = []
    for is_lost in (False, True):
        stack = Stack(password="changed")
        stack.log_in(stack.environment(), 0)
        if not is_first:
            stack.clock.now += WINDOW
            stack.log_in(stack.environment(), 0)
        stack.clock.now += WINDOW
        if is_lost:
            lose_answers(stack.store)
        stack.log_in(stack.environment(), 0)
        read = {
            key.rpartition("/")[2]: msgspec.json.decode(stored.body, type=SlotRecord)
            for key, stored in stack.store.objects.items()
        }
        slots.append({slot: (record.is_refused, record.suspect_before) for slot, record in read.items()})
    assert slots[0] == slots[1]


def test_an_accepted_login_frees_its_slot_also_if_the_mark_of_its_version_cannot_be_read() -> None:
    """A mark that is encrypted with a former key stays unreadable, and every login would occupy a slot."""
    stack = Stack()
    stack.log_in(stack.environment(), 0)
    read: Callable[[str], StoredObject | None] = stack.store.read

    def deny_marks(key: str) -> StoredObject | None:
        if "/accepted-" in key:
            raise BucketUnusable("the stack's bucket cannot be read under logins/ (AccessDenied)")
        return read(key)

    stack.store.read = deny_marks  # type: ignore[method-assign]
    assert [stack.log_in(stack.environment(), 0) for _ in range(3)] == [LoginEnd.ACCEPTED] * 3


def test_a_store_contains_neither_user_nor_password_nor_the_id_of_a_version() -> None:
    stack = Stack(password="new")
    stack.log_in(stack.environment(), 0)
    stored = repr(stack.store.objects)
    for canary in ("cleaner", "right", "version-1"):
        assert canary not in stored
    assert hash_of("version-1") in stored
