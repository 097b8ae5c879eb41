"""Caches the login of each target, and decides when to log in, when to log in again, and when not to."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.secret_text import StoredSecret
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.clouds.call_metrics import observe
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.clouds.login import access_key, keystone
from vbs_reaper.clouds.login.login import Login
from vbs_reaper.clouds.login.login_end import LoginEnd
from vbs_reaper.clouds.login.login_guard import LoginGuard
from vbs_reaper.clouds.login.slots import Busy, Suspect
from vbs_reaper.clouds.ports import CallMetrics, TargetSecrets
from vbs_reaper.clouds.target import Target
from vbs_reaper.clouds.target_secret import read_target
from vbs_reaper.errors import BucketUnusable, InvalidSecret

CALL_S: Final = 15.0
"""Seconds that must be left to begin a call: ten for the call itself, five to record how it ended."""

ROLES_EVERY: Final = timedelta(minutes=1)
"""Minimum interval between logins that are made only because a role may have changed."""

BUSY_FOR: Final = timedelta(seconds=10)
"""How long the calls of this execution environment do not wait again for a login slot that was occupied."""

RENEWED_LATER: Final = timedelta(minutes=1)
"""How long a token that is still valid is used before the next attempt to renew it."""

_NO_SLOT: Final = frozenset({AnswerName.LOGIN_BUSY, AnswerName.BUCKET_UNUSABLE})
"""Answers of a login that was not sent because it got no slot."""


@dataclass(slots=True)
class _TargetSession:
    """What this execution environment knows about one target. Only the holder of the lock may change it."""

    lock: Lock = field(default_factory=Lock)
    login: Login | None = None
    attempts: int = 0
    failure: Answer | None = None
    """How the last login attempt failed."""
    busy_until: datetime | None = None
    roles_checked_at: datetime | None = None


class SessionCache:
    """The logins of all targets. Only one thread at a time logs in to a target; the others wait for its result."""

    def __init__(
        self, secrets: TargetSecrets, transports: Transports, metrics: CallMetrics, clock: Clock, guard: LoginGuard
    ) -> None:
        self._secrets = secrets
        self._transports = transports
        self._guard = guard
        self._metrics = metrics
        self._clock = clock
        self._sessions: defaultdict[str, _TargetSession] = defaultdict(_TargetSession)
        self._sessions_lock = Lock()

    def login(self, target: str, time_left: TimeLeft) -> Login | Answer:
        """Return the login of a target; log in first if there is none or if it is about to expire."""
        session = self._session(target)
        if (login := self._good(session)) is not None:
            return login
        return self._log_in_once(target, session, time_left)

    def replace(self, target: str, refused: Login, time_left: TimeLeft) -> Login | Answer:
        """Return a login other than the one whose token was rejected: another thread's newer one, or a new one."""
        return self._log_in_once(target, self._session(target), time_left, refused)

    def refresh_roles(self, target: str, forbidden: Login, time_left: TimeLeft) -> Login | None:
        """Log in again because roles are fixed in a token. Returns None if that was done recently, or if it failed.

        A login without roles, such as that of an access key, has none that could have changed.
        """
        if not forbidden.info.roles:
            return None
        session = self._session(target)
        with _locked(session, time_left) as is_locked:
            if not is_locked:
                return None
            if session.login is not forbidden:
                return self._good(session)
            now = self._clock()
            if session.roles_checked_at is not None and now - session.roles_checked_at < ROLES_EVERY:
                return None
            session.roles_checked_at = now
            answer = self._log_in(target, session, time_left)
            return answer if isinstance(answer, Login) and answer.credentials is not forbidden.credentials else None

    def _log_in_once(
        self, target: str, session: _TargetSession, time_left: TimeLeft, refused: Login | None = None
    ) -> Login | Answer:
        """Log in, or use the result of an attempt that another thread made while this one waited."""
        attempts = session.attempts
        with _locked(session, time_left) as is_locked:
            if not is_locked:
                return out_of_time()
            if refused is not None and session.login is not None and session.login.credentials is refused.credentials:
                session.login = None  # also if its renewal was put off meanwhile, which makes another `Login` of it
            if (login := self._good(session)) is not None:
                return login
            if session.failure is not None and session.attempts != attempts:
                return session.failure
            return self._log_in(target, session, time_left)

    def _session(self, target: str) -> _TargetSession:
        with self._sessions_lock:
            return self._sessions[target]

    def _good(self, session: _TargetSession) -> Login | None:
        login = session.login
        return login if login is not None and self._clock() < login.renew_at else None

    def _log_in(self, target: str, session: _TargetSession, time_left: TimeLeft) -> Login | Answer:
        now = self._clock()
        busy_for = timedelta() if session.busy_until is None else session.busy_until - now
        # More time than that is left only if the clock was set back.
        if session.failure is not None and timedelta() < busy_for <= BUSY_FOR:
            return session.failure
        answer = self._attempt(target, session, time_left)
        if isinstance(answer, Answer) and answer.name in _NO_SLOT:
            session.busy_until = now + BUSY_FOR
            if (login := session.login) is not None and now < login.expires_at:
                session.login = replace(login, renew_at=min(now + RENEWED_LATER, login.expires_at))
                return session.login
        session.attempts += 1
        session.failure = answer if isinstance(answer, Answer) and answer.name is not AnswerName.OUT_OF_TIME else None
        return answer

    def _attempt(self, target: str, session: _TargetSession, time_left: TimeLeft) -> Login | Answer:
        now = self._clock()
        try:
            stored = self._secrets.read(target)
            configured = read_target(target, stored)
        except InvalidSecret as unusable:
            return Answer(name=AnswerName.SECRET_UNUSABLE, message=str(unusable), at=now)
        with self._guard.one_at_a_time(configured, time_left() - CALL_S) as is_locked:
            if not is_locked:
                return out_of_time()
            answer = self._attempt_guarded(target, configured, stored, time_left)
        if isinstance(answer, Login):
            session.login = answer
        elif answer.name is AnswerName.LOGIN_REFUSED:
            session.login = None
        return answer

    def _attempt_guarded(
        self, target: str, configured: Target, stored: StoredSecret, time_left: TimeLeft
    ) -> Login | Answer:
        """Log in if a slot is free, and record in the slot how it ended."""
        now = self._clock()
        try:
            taken = self._guard.take(configured, stored, lambda: time_left() - CALL_S)
        except BucketUnusable as unusable:
            message = f'target "{target}": no new login, because {unusable}'
            return Answer(name=AnswerName.BUCKET_UNUSABLE, message=message, at=now)
        if isinstance(taken, Suspect):
            return _rejected_before(target, stored, taken.until, now)
        if isinstance(taken, Busy):
            return _busy(target, taken, now)
        end = LoginEnd.NOT_JUDGED
        try:
            if time_left() < CALL_S or self._guard.is_too_late(taken):
                return out_of_time()
            transport = self._transports.of(configured.cacert)
            begun = time.monotonic()
            end = LoginEnd.UNANSWERED  # unless the attempt returns
            log_in = access_key.log_in if configured.uses_access_key else keystone.log_in
            attempt = log_in(target, configured, transport, self._clock())
            end = attempt.end
        finally:
            self._guard.settle(configured, taken, end)
        observe(self._metrics, target, Operation.AUTHENTICATE, attempt.status_code, begun)
        return attempt.result


@contextmanager
def _locked(session: _TargetSession, time_left: TimeLeft) -> Iterator[bool]:
    """Hold the lock of a target, if it becomes free while there is time for a call."""
    is_locked = session.lock.acquire(timeout=max(0.0, time_left() - CALL_S))
    try:
        yield is_locked
    finally:
        if is_locked:
            session.lock.release()


def _rejected_before(target: str, stored: StoredSecret, until: datetime, now: datetime) -> Answer:
    return Answer(
        name=AnswerName.LOGIN_REFUSED,
        message=f'target "{target}": a login with {stored} was rejected. To avoid locking'
        " the user or the access key, it will not be retried before"
        f" {until.isoformat(timespec='seconds')}; store a new version",
        at=now,
    )


def _busy(target: str, busy: Busy, now: datetime) -> Answer:
    why = "another login of its user is in progress"
    if not busy.is_in_progress:
        until = busy.until.isoformat(timespec="seconds")
        why = f"two logins of its user have failed; to avoid locking the account there is no other one before {until}"
    return Answer(name=AnswerName.LOGIN_BUSY, message=f'target "{target}": {why}', at=now)


def out_of_time() -> Answer:
    """Return the answer for a call that could not begin in time."""
    return Answer(name=AnswerName.OUT_OF_TIME, message="too little time was left for a call")
