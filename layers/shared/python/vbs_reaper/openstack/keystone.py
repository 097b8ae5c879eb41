"""When to log in, when again, and when never: one login at a time per target, its token kept while it is good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from threading import Lock
from typing import Final

from vbs_reaper.deletion.ports import Clock
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import Operation
from vbs_reaper.openstack.calls.observation import observe
from vbs_reaper.openstack.identity.login import Login
from vbs_reaper.openstack.identity.login import log_in
from vbs_reaper.openstack.ports import Calls
from vbs_reaper.openstack.ports import TargetSecrets
from vbs_reaper.openstack.secret import SecretUnusable
from vbs_reaper.openstack.secret import StoredSecret
from vbs_reaper.openstack.target import read_target
from vbs_reaper.openstack.transport import Transports

CALL_S: Final = 15.0
"""Seconds that must be left for a call to begin: its own ten, and some to record how it ended."""

REFUSED_FOR: Final = timedelta(minutes=20)
"""How long a refused version of a secret is not sent again. Five failures within 15 minutes lock a user: so four
environments, each with one wrong version, stay below that."""

ROLES_EVERY: Final = timedelta(minutes=1)
"""How often, at most, a login is made only because a role may have changed."""


@dataclass(slots=True)
class _Door:
    """What the environment knows of one target. Only who holds the lock changes it."""

    lock: Lock = field(default_factory=Lock)
    login: Login | None = None
    attempts: int = 0
    failure: Answer | None = None
    """How the last attempt to log in failed."""
    refused_version: str | None = None
    refused_until: datetime | None = None
    roles_checked_at: datetime | None = None


class Keystone:
    """The logins of all targets."""

    def __init__(self, secrets: TargetSecrets, transports: Transports, calls: Calls, clock: Clock) -> None:
        self._secrets = secrets
        self._transports = transports
        self._calls = calls
        self._clock = clock
        self._doors: dict[str, _Door] = {}
        self._doors_lock = Lock()

    def enter(self, target: str, time_left: TimeLeft) -> Login | Answer:
        """Give the login of a target, made now if there is none or it comes to its end."""
        door = self._door(target)
        if (login := self._good(door)) is not None:
            return login
        return self._log_in_alone(target, door, time_left)

    def replace(self, target: str, refused: Login, time_left: TimeLeft) -> Login | Answer:
        """Give another login than the one whose token was refused: somebody else's newer one, or a new one."""
        return self._log_in_alone(target, self._door(target), time_left, refused)

    def refresh_roles(self, target: str, forbidden: Login, time_left: TimeLeft) -> Login | None:
        """Give another login because roles are frozen into a token; None where it is too soon, or brought none."""
        door = self._door(target)
        with _alone(door, time_left) as is_alone:
            if not is_alone:
                return None
            if door.login is not forbidden:
                return self._good(door)
            now = self._clock()
            if door.roles_checked_at is not None and now - door.roles_checked_at < ROLES_EVERY:
                return None
            door.roles_checked_at = now
            answer = self._log_in(target, door, time_left)
            return answer if isinstance(answer, Login) else None

    def _log_in_alone(
        self, target: str, door: _Door, time_left: TimeLeft, refused: Login | None = None
    ) -> Login | Answer:
        """Log in, or take what another thread's attempt has brought meanwhile: a login, or its failure."""
        attempts = door.attempts
        with _alone(door, time_left) as is_alone:
            if not is_alone:
                return out_of_time()
            if refused is not None and door.login is refused:
                door.login = None
            if (login := self._good(door)) is not None:
                return login
            if door.failure is not None and door.attempts != attempts:
                return door.failure
            return self._log_in(target, door, time_left)

    def _door(self, target: str) -> _Door:
        with self._doors_lock:
            return self._doors.setdefault(target, _Door())

    def _good(self, door: _Door) -> Login | None:
        login = door.login
        return login if login is not None and self._clock() < login.renew_at else None

    def _log_in(self, target: str, door: _Door, time_left: TimeLeft) -> Login | Answer:
        answer = self._attempt(target, door, time_left)
        door.attempts += 1
        door.failure = answer if isinstance(answer, Answer) and answer.name is not AnswerName.OUT_OF_TIME else None
        return answer

    def _attempt(self, target: str, door: _Door, time_left: TimeLeft) -> Login | Answer:
        now = self._clock()
        try:
            stored = self._secrets.read(target)
            if stored.version_id == door.refused_version and door.refused_until and now < door.refused_until:
                return _not_sent_again(target, stored, door.refused_until, now)
            configured = read_target(target, stored)
        except SecretUnusable as unusable:
            return Answer(name=AnswerName.SECRET_UNUSABLE, message=str(unusable), at=now)
        if time_left() < CALL_S:
            return out_of_time()
        transport = self._transports.of(configured.cacert)
        begun = time.monotonic()
        answer, status_code = log_in(target, configured, transport, now)
        observe(self._calls, target, Operation.AUTHENTICATE, status_code, begun)
        if isinstance(answer, Login):
            door.login = answer
        elif answer.name is AnswerName.LOGIN_REFUSED:
            door.login = None
            door.refused_version, door.refused_until = stored.version_id, now + REFUSED_FOR
        return answer


@contextmanager
def _alone(door: _Door, time_left: TimeLeft) -> Iterator[bool]:
    """Hold the target's lock, if it can be had while there is time for a call."""
    is_alone = door.lock.acquire(timeout=max(0.0, time_left() - CALL_S))
    try:
        yield is_alone
    finally:
        if is_alone:
            door.lock.release()


def _not_sent_again(target: str, stored: StoredSecret, until: datetime, now: datetime) -> Answer:
    return Answer(
        name=AnswerName.LOGIN_REFUSED,
        message=f'target "{target}": this version of {stored} was refused and is not sent again before'
        f" {until.isoformat(timespec='seconds')}, lest the user be locked; store a new version",
        at=now,
    )


def out_of_time() -> Answer:
    """The answer where no time was left to ask."""
    return Answer(name=AnswerName.OUT_OF_TIME, message="too little time was left for a call")
