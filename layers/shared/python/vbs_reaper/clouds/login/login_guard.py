"""Takes a login slot before each login and frees it afterwards. What a slot allows is decided in `slots`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from vbs_reaper.clouds.login.identity import credential_of, hash_of, identity_of
from vbs_reaper.clouds.login.login_end import LoginEnd
from vbs_reaper.clouds.login.slots import (
    KEY_LOCKED_FOR,
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
from vbs_reaper.errors import BucketUnusable
from vbs_reaper.logs import logger

if TYPE_CHECKING:
    from vbs_reaper.backups.secret_text import Secret, StoredSecret
    from vbs_reaper.backups.stored_object import StoredObject
    from vbs_reaper.clock import Clock, TimeLeft
    from vbs_reaper.clouds.ports import LoginStore
    from vbs_reaper.clouds.target import Target

PATIENCE_S: Final = 5.0
"""How long to wait for another function's login to end."""

POLL_S: Final = (0.2, 0.6)
"""Least and most seconds between two looks at an occupied slot."""

BEGIN_WITHIN: Final = timedelta(seconds=15)
"""A login does not begin later than this after its slot was taken: Lambda may have frozen the thread in between."""


RENEW_PROOF_AFTER: Final = timedelta(days=1)
"""How old the mark of a proven version may become. The lifecycle rule of the bucket removes older ones after months."""

CREATED_SKEW: Final = timedelta(seconds=2)
"""How much later than its recorded time a version may have been stored: clocks differ, or show whole seconds."""

FUTURE: Final = timedelta(hours=1)
"""A slot is not trusted if its time is this much later than that of the store: the clock of its writer was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A slot that this function has, for one login."""

    key: str
    tag: str
    record: SlotRecord
    suspect_before: datetime | None
    proof_key: str
    previous: SlotRecord | None
    """What the slot contained before."""


@dataclass(slots=True)
class _Account:
    """What this execution environment knows about one identity. It saves calls, and no decision depends on it alone."""

    lock: Lock = field(default_factory=Lock)
    rejected: Secret | None = None
    """The password that was rejected last."""
    rejected_at: datetime | None = None


class LoginGuard:
    """Allows logins so that an identity has at most two failed ones in 20 minutes. See `slots` for the rules."""

    def __init__(
        self,
        store: LoginStore,
        clock: Clock,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._patience_s = patience_s
        self._accounts: dict[str, _Account] = {}
        self._accounts_lock = Lock()

    @contextmanager
    def one_at_a_time(self, target: Target, within_s: float) -> Iterator[bool]:
        """Hold the lock of the target's identity in this execution environment, if it is free in time."""
        account = self._account(target)
        is_locked = account.lock.acquire(timeout=max(0.0, within_s))
        try:
            yield is_locked
        finally:
            if is_locked:
                account.lock.release()

    def take(self, target: Target, stored: StoredSecret, time_left: TimeLeft) -> Taken | Busy | Suspect:
        """Take a slot. Waits briefly while another login of the identity is in progress.

        Raises:
            BucketUnusable: the store of the slots failed.
        """
        account = self._account(target)
        until = _rejected_here_until(account, credential_of(target), stored)
        if until is not None and self._clock() < until:
            return Suspect(until=until)
        ends_s = min(self._patience_s, time_left())
        waited_s = 0.0
        attempt = _Attempt(self._store, identity_of(target), stored)
        while True:
            found = attempt.take(self._clock())
            if not isinstance(found, Busy) or not found.is_in_progress or waited_s >= ends_s:
                return found
            pause_s = POLL_S[0] + (POLL_S[1] - POLL_S[0]) * self._jitter()
            self._sleep(pause_s)
            waited_s += pause_s

    def is_too_late(self, taken: Taken) -> bool:
        """Whether the slot was taken too long ago to begin the login."""
        return self._clock() - taken.record.at > BEGIN_WITHIN

    def settle(self, target: Target, taken: Taken, end: LoginEnd) -> None:
        """Record how the login ended. If that fails, the slot stays occupied, which is safe."""
        now = self._clock()
        if end is LoginEnd.REJECTED:
            account = self._account(target)
            account.rejected, account.rejected_at = credential_of(target), now
        try:
            match end:
                case LoginEnd.ACCEPTED:
                    try:
                        self._prove(taken.proof_key, now)
                    finally:  # also if the mark cannot be read, for example because of the key that encrypts it
                        self._free(taken)
                case LoginEnd.REJECTED:
                    self._reject(taken, now)
                case LoginEnd.UNANSWERED if (proof := self._store.read(taken.proof_key)) is not None:
                    # Keystone is probably down. But the password may have changed, so the next lost answer counts.
                    self._store.delete(taken.proof_key, proof.tag)
                    self._free(taken)
                case LoginEnd.NOT_JUDGED:
                    self._free(taken)
                case LoginEnd.KEY_LOCKED:
                    record = msgspec.structs.replace(taken.record, is_over=True, until=now + KEY_LOCKED_FOR)
                    self._store.replace(taken.key, msgspec.json.encode(record), taken.tag)
                case LoginEnd.UNANSWERED | LoginEnd.LOCKED:
                    record = msgspec.structs.replace(taken.record, is_over=True)
                    self._store.replace(taken.key, msgspec.json.encode(record), taken.tag)
        except BucketUnusable as unusable:
            logger.warning("login slot not freed", extra={"detail": str(unusable)})

    def _prove(self, proof_key: str, now: datetime) -> None:
        """Mark the version as proven, or renew the mark before the bucket's lifecycle rule removes it."""
        if self._store.create(proof_key, b"{}") is None:
            proof = self._store.read(proof_key)
            if proof is not None and now - proof.stored_at > RENEW_PROOF_AFTER:
                self._store.replace(proof_key, b"{}", proof.tag)

    def _free(self, taken: Taken) -> None:
        """Free the slot. What it says about older versions stays."""
        if taken.previous is not None and taken.previous.suspect_before is not None:
            self._store.replace(taken.key, msgspec.json.encode(taken.previous), taken.tag)
        else:
            self._store.delete(taken.key, taken.tag)

    def _reject(self, taken: Taken, now: datetime) -> None:
        proof = self._store.read(taken.proof_key)
        record = msgspec.structs.replace(
            taken.record,
            at=now,
            is_refused=True,
            had_worked=proof is not None,
            suspect_before=taken.suspect_before or now - CREATED_SKEW,
        )
        self._store.replace(taken.key, msgspec.json.encode(record), taken.tag)
        if proof is not None:
            self._store.delete(taken.proof_key, proof.tag)

    def _account(self, target: Target) -> _Account:
        with self._accounts_lock:
            return self._accounts.setdefault(identity_of(target), _Account())


LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The age of a version whose age is not known."""


class _Attempt:
    """Tries to take a slot for one version of a secret."""

    def __init__(self, store: LoginStore, identity: str, stored: StoredSecret) -> None:
        self._store = store
        self._identity = identity
        self._version = hash_of(stored.version_id)
        self._created_at = stored.created_at or LONG_AGO
        self._holder = uuid4().hex
        self._proof_key = f"{identity}/accepted-{self._version}"

    def take(self, now: datetime) -> Taken | Busy | Suspect:
        """Take the slot `new` if it does not exist, which is the usual case. Else read everything and decide."""
        record = SlotRecord(version=self._version, holder=self._holder, at=now)
        tag = self._store.create(self._key(Slot.NEW), msgspec.json.encode(record))
        if tag is not None:
            return self._confirm_new(tag, record, now)
        found = {slot: stored for slot in Slot if (stored := self._store.read(self._key(slot))) is not None}
        records = {slot: _read(stored) for slot, stored in found.items()}
        if Slot.NEW in records and records[Slot.NEW].holder == self._holder:  # S3 stored it, but its answer was lost
            return self._confirm_new(found[Slot.NEW].tag, records[Slot.NEW], now)
        choice = choose(records, self._candidate(), now)
        if not isinstance(choice, Take):
            if choice.reserve is not None:
                self._reserve(choice.reserve, found[choice.reserve], records[choice.reserve])
            return choice
        if choice.slot in found:
            return self._replace(choice, found[choice.slot], records[choice.slot], record)
        tag = self._store.create(self._key(choice.slot), msgspec.json.encode(record)) or self._own_tag(choice.slot)
        if tag is None:  # another function was faster
            return Busy(until=now, is_in_progress=True)
        return self._taken(choice.slot, tag, record, choice, None)

    def _confirm_new(self, tag: str, record: SlotRecord, now: datetime) -> Taken | Busy | Suspect:
        """Keep the slot `new` unless what the slot `refused` says forbids it to this version."""
        refused = self._store.read(self._key(Slot.REFUSED))
        if refused is None:
            return self._taken(Slot.NEW, tag, record, None, None)
        existing = _read(refused)
        choice = choose({Slot.REFUSED: existing}, self._candidate(), now)
        if isinstance(choice, Take) and choice.slot is Slot.NEW:
            return self._taken(Slot.NEW, tag, record, None, None)
        self._store.delete(self._key(Slot.NEW), tag)
        return self._replace(choice, refused, existing, record) if isinstance(choice, Take) else choice

    def _replace(self, choice: Take, stored: StoredObject, existing: SlotRecord, record: SlotRecord) -> Taken | Busy:
        """Take a slot that has a record, unless another function is faster."""
        key = self._key(choice.slot)
        tag = self._store.replace(key, msgspec.json.encode(record), stored.tag) or self._own_tag(choice.slot)
        if tag is None:
            return Busy(until=record.at, is_in_progress=True)
        return self._taken(choice.slot, tag, record, choice, existing)

    def _own_tag(self, slot: Slot) -> str | None:
        """Return the tag of a slot that has the record of this attempt: S3 stored it, but its answer was lost."""
        stored = self._store.read(self._key(slot))
        return stored.tag if stored is not None and _read(stored).holder == self._holder else None

    def _reserve(self, slot: Slot, stored: StoredObject, record: SlotRecord) -> None:
        reservation = Reservation(version=self._version, created_at=self._created_at)
        body = msgspec.json.encode(msgspec.structs.replace(record, reserved=reservation))
        self._store.replace(self._key(slot), body, stored.tag)  # if it has changed meanwhile, the next attempt reserves

    def _candidate(self) -> Candidate:
        proof = self._store.read(self._proof_key)
        proven_at = proof.stored_at if proof is not None else None
        return Candidate(version=self._version, created_at=self._created_at, proven_at=proven_at)

    def _taken(
        self, slot: Slot, tag: str, record: SlotRecord, choice: Take | None, previous: SlotRecord | None
    ) -> Taken:
        return Taken(
            key=self._key(slot),
            tag=tag,
            record=record,
            suspect_before=choice.suspect_before if choice else None,
            proof_key=self._proof_key,
            previous=previous,
        )

    def _key(self, slot: Slot) -> str:
        return f"{self._identity}/{slot.value}"


def _read(stored: StoredObject) -> SlotRecord:
    """Read a slot. An unreadable one, or one from the future, counts as a login whose end is unknown."""
    unknown = SlotRecord(version="", holder="", at=stored.stored_at)
    try:
        record = msgspec.json.decode(stored.body, type=SlotRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unknown
    return record if record.at < stored.stored_at + FUTURE else unknown


def _rejected_here_until(account: _Account, credential: Secret, stored: StoredSecret) -> datetime | None:
    """Return until when not to send a password that was rejected here, unless its version was stored afterwards."""
    if account.rejected_at is None or account.rejected != credential:
        return None
    is_older = stored.created_at is None or stored.created_at < account.rejected_at - CREATED_SKEW
    return account.rejected_at + WINDOW if is_older else None
