"""Decides which login slot a version of a secret may take. Pure: no I/O, no clock.

Every identity has two slots. A login takes one before it is sent. The slot is free again at once if the login is
accepted, and after 20 minutes if it is rejected or if its end is unknown. So an identity has at most two failed logins
in 20 minutes, whatever crashes, restarts or runs at the same time.

Which slot a version may take keeps the second one free for a new secret:

- A version is *suspect* if it was rejected, or if it is older than a rejection of its identity and not proven. It may
  take only the slot `refused`, and only if no login of the identity was rejected in the last 20 minutes.
- A version is *proven* if its last login was accepted. A typing error in another secret of the same user does not make
  it suspect. A rejection of a proven version does, for 20 minutes: the password was probably changed. It does not
  concern versions that are proven after it.
- Any other version may take the slot `new` or, if a login failed there, the slot `refused`.
- A version that has to wait reserves the slot that it waits for, unless it was rejected or a newer version has reserved
  it. So several old secrets with a wrong password do not keep out the right one, which is usually the newest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec

WINDOW: Final = timedelta(minutes=20)
"""How long a failed login occupies its slot. Clouds usually lock a user after 5 failures within 15 minutes."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]

LOGIN_LASTS: Final = timedelta(seconds=30)
"""After this time a login whose slot is still occupied has failed, or its function has died: 15 s to begin, 10 s for
the call, 5 s to free the slot."""


KEY_LOCKED_FOR: Final = timedelta(minutes=5)
"""How long a gateway locks an access key after more than five failures in a row, and how long a login that met such a
lock occupies its slot."""

RESERVED_FOR: Final = timedelta(minutes=10)
"""How long a slot that is free again is reserved for the version that waits for it."""


class Slot(StrEnum):
    """The two slots of an identity."""

    NEW = "new"
    """For versions that are not suspect."""
    REFUSED = "refused"


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """The version that may take a slot first when it is free again."""

    version: str
    created_at: Moment


class SlotRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of a slot. It contains neither a secret nor the name of a user."""

    version: str
    """A hash of the ID of the secret's version."""
    holder: str
    """A random text, by which a function recognizes its own record."""
    at: Moment
    """When the slot was taken or, if the login was rejected, when that happened."""
    is_refused: bool = False
    """The login was rejected."""
    is_over: bool = False
    """The login has ended without a verdict on the credentials: its answer was lost, or the user is locked."""
    had_worked: bool = False
    """The rejected version was proven before."""
    suspect_before: Moment | None = None
    """Versions created before this are suspect."""
    reserved: Reservation | None = None
    until: Moment | None = None
    """When the slot is free again, if that is known: the cloud has locked the access key for a while."""

    @property
    def held_until(self) -> datetime:
        """When the slot is free again. An unknown end may have been a rejection just before `LOGIN_LASTS`."""
        if self.until is not None:
            return self.until
        return self.at + WINDOW + (timedelta() if self.is_refused else LOGIN_LASTS)

    def is_in_progress(self, now: datetime) -> bool:
        """Whether the login may still be running."""
        return not self.is_refused and not self.is_over and now < self.at + LOGIN_LASTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A version of a secret that wants to log in."""

    version: str
    created_at: datetime
    proven_at: datetime | None = None
    """When it was marked as proven; None if it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """The version may take this slot."""

    slot: Slot
    suspect_before: datetime | None
    """What the record must contain if the login is rejected; None: the time of the rejection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Other logins have the slots."""

    until: datetime
    is_in_progress: bool
    """The login may end any moment."""
    reserve: Slot | None = None
    """The slot to reserve for this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A login of the identity was rejected, and this version would probably be rejected too."""

    until: datetime
    reserve: Slot | None = None
    """The slot to reserve for this version."""


def choose(records: Mapping[Slot, SlotRecord], candidate: Candidate, now: datetime) -> Take | Busy | Suspect:
    """Decide what a version may do, given the content of both slots."""
    held = {slot: record for slot, record in records.items() if now < record.held_until}
    rejections = {slot: record for slot, record in held.items() if record.is_refused}
    is_suspect = _is_suspect(candidate, records.values(), rejections.values())
    if is_suspect and rejections:
        last = max(rejections, key=lambda slot: rejections[slot].held_until)
        return Suspect(until=held[last].held_until, reserve=_reserve(last, records, candidate))
    reserved_until = _reserved_until(records.values(), candidate, now)
    if reserved_until is not None:
        return Suspect(until=reserved_until)
    slots = (Slot.REFUSED,) if is_suspect else (Slot.NEW, Slot.REFUSED)
    for slot in slots:
        if slot not in held:
            return Take(slot=slot, suspect_before=_latest_suspicion(records.values()) if is_suspect else None)
        if held[slot].is_in_progress(now):
            return Busy(until=held[slot].at + LOGIN_LASTS, is_in_progress=True)
    first = min(slots, key=lambda slot: held[slot].held_until)
    return Busy(until=held[first].held_until, is_in_progress=False, reserve=_reserve(first, records, candidate))


def _is_suspect(candidate: Candidate, records: Collection[SlotRecord], rejections: Collection[SlotRecord]) -> bool:
    if candidate.proven_at is not None:
        return any(record.had_worked and candidate.proven_at <= record.at for record in rejections)
    if _is_rejected(candidate, records):
        return True
    suspect_before = _latest_suspicion(records)
    return suspect_before is not None and candidate.created_at < suspect_before


def _is_rejected(candidate: Candidate, records: Collection[SlotRecord]) -> bool:
    return any(record.is_refused and record.version == candidate.version for record in records)


def _latest_suspicion(records: Collection[SlotRecord]) -> datetime | None:
    return max((record.suspect_before for record in records if record.suspect_before is not None), default=None)


def _reserve(slot: Slot, records: Mapping[Slot, SlotRecord], candidate: Candidate) -> Slot | None:
    """Return the slot if the version may reserve it: it was not rejected, and no newer version has done so."""
    existing = records[slot].reserved
    is_newest = existing is None or candidate.created_at > existing.created_at
    return slot if is_newest and not _is_rejected(candidate, records.values()) else None


def _reserved_until(records: Collection[SlotRecord], candidate: Candidate, now: datetime) -> datetime | None:
    """Return until when a slot is reserved for a version that goes before this one."""
    if candidate.proven_at is not None:
        return None
    is_rejected = _is_rejected(candidate, records)
    ends = [
        record.held_until + RESERVED_FOR
        for record in records
        if record.reserved is not None
        and record.held_until <= now
        and record.reserved.version != candidate.version
        and (is_rejected or candidate.created_at < record.reserved.created_at)
    ]
    return max((end for end in ends if now < end), default=None)
