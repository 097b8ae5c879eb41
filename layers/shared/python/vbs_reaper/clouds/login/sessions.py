"""Caches the login of each target, and decides when to log in, when to log in again, and when not to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.secret_text import StoredSecret
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.clouds.call_metrics import observe
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.clouds.login.keystone import Login, log_in
from vbs_reaper.clouds.ports import CallMetrics, TargetSecrets
from vbs_reaper.clouds.target_secret import read_target
from vbs_reaper.errors import InvalidSecret

CALL_S: Final = 15.0
"""Seconds that must be left to begin a call: ten for the call itself, five to record how it ended."""

REFUSED_FOR: Final = timedelta(minutes=20)
"""How long a rejected version of a secret is not sent again. Five failures within 15 minutes lock a user, so four
execution environments with one rejected version each stay below the limit."""

ROLES_EVERY: Final = timedelta(minutes=1)
"""Minimum interval between logins that are made only because a role may have changed."""


@dataclass(slots=True)
class _TargetSession:
    """What this execution environment knows about one target. Only the holder of the lock may change it."""

    lock: Lock = field(default_factory=Lock)
    login: Login | None = None
    attempts: int = 0
    failure: Answer | None = None
    """How the last login attempt failed."""
    refused_version: str | None = None
    refused_until: datetime | None = None
    roles_checked_at: datetime | None = None


class SessionCache:
    """The logins of all targets. Only one thread at a time logs in to a target; the others wait for its result."""

    def __init__(self, secrets: TargetSecrets, transports: Transports, metrics: CallMetrics, clock: Clock) -> None:
        self._secrets = secrets
        self._transports = transports
        self._metrics = metrics
        self._clock = clock
        self._sessions: dict[str, _TargetSession] = {}
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
        """Log in again because roles are fixed in a token. Returns None if that was done recently, or if it failed."""
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
            return answer if isinstance(answer, Login) else None

    def _log_in_once(
        self, target: str, session: _TargetSession, time_left: TimeLeft, refused: Login | None = None
    ) -> Login | Answer:
        """Log in, or use the result of an attempt that another thread made while this one waited."""
        attempts = session.attempts
        with _locked(session, time_left) as is_locked:
            if not is_locked:
                return out_of_time()
            if refused is not None and session.login is refused:
                session.login = None
            if (login := self._good(session)) is not None:
                return login
            if session.failure is not None and session.attempts != attempts:
                return session.failure
            return self._log_in(target, session, time_left)

    def _session(self, target: str) -> _TargetSession:
        with self._sessions_lock:
            return self._sessions.setdefault(target, _TargetSession())

    def _good(self, session: _TargetSession) -> Login | None:
        login = session.login
        return login if login is not None and self._clock() < login.renew_at else None

    def _log_in(self, target: str, session: _TargetSession, time_left: TimeLeft) -> Login | Answer:
        answer = self._attempt(target, session, time_left)
        session.attempts += 1
        session.failure = answer if isinstance(answer, Answer) and answer.name is not AnswerName.OUT_OF_TIME else None
        return answer

    def _attempt(self, target: str, session: _TargetSession, time_left: TimeLeft) -> Login | Answer:
        now = self._clock()
        try:
            stored = self._secrets.read(target)
            if stored.version_id == session.refused_version and session.refused_until and now < session.refused_until:
                return _rejected_before(target, stored, session.refused_until, now)
            configured = read_target(target, stored)
        except InvalidSecret as unusable:
            return Answer(name=AnswerName.SECRET_UNUSABLE, message=str(unusable), at=now)
        if time_left() < CALL_S:
            return out_of_time()
        transport = self._transports.of(configured.cacert)
        begun = time.monotonic()
        answer, status_code = log_in(target, configured, transport, now)
        observe(self._metrics, target, Operation.AUTHENTICATE, status_code, begun)
        if isinstance(answer, Login):
            session.login = answer
        elif answer.name is AnswerName.LOGIN_REFUSED:
            session.login = None
            session.refused_version, session.refused_until = stored.version_id, now + REFUSED_FOR
        return answer


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
        message=f'target "{target}": this version of {stored} was rejected. To avoid locking'
        f" the account it will not be retried before {until.isoformat(timespec='seconds')}; store a new version",
        at=now,
    )


def out_of_time() -> Answer:
    """Return the answer for a call that could not begin in time."""
    return Answer(name=AnswerName.OUT_OF_TIME, message="too little time was left for a call")
