"""Makes one call to a target's backup service, with the logins and repeats it may need.

A call is repeated at most once per cause: a rejected token (and once more after two seconds, because Keystone's
revocations have a resolution of one second and can hit the new token too), roles that may have changed, and a kept
connection that was dead.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from vbs_reaper.backups.answer import Answer, AnswerName, CallRecord, Operation
from vbs_reaper.clouds.call_metrics import observe
from vbs_reaper.clouds.error_body import read_request_id
from vbs_reaper.clouds.http.deadline import CallFailed, Reply
from vbs_reaper.clouds.http.redaction import without_secret
from vbs_reaper.clouds.http.transport import HttpRequest, NotSendable
from vbs_reaper.clouds.login.login import Login
from vbs_reaper.clouds.login.sessions import CALL_S, SessionCache, out_of_time
from vbs_reaper.clouds.login.signature_refusal import read_signature_refusal
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbs_reaper.backups.secret_text import Secret
    from vbs_reaper.clock import Clock, TimeLeft
    from vbs_reaper.clouds.apis.interface import Call, Rows
    from vbs_reaper.clouds.ports import CallMetrics

REVOCATION_S: Final = 2.0
"""After this time a new token is younger than any revocation before it."""

BODY_LIMITS: Final = {
    Operation.SHOW_BACKUP: 64 * 1024,
    Operation.DELETE_BACKUP: 64 * 1024,
    Operation.LIST_BACKUPS: 16 * 1024 * 1024,
    Operation.LIST_TASKS: 4 * 1024 * 1024,
}
"""Maximum number of bytes of a response body."""

VOLUME_PAGE_BYTES: Final = 4 * 1024 * 1024
"""The same for a page of the backups of one volume. The deleter reads it, which has less memory than the purger."""

_OBSERVATIONS: Final = frozenset({200, 404})
"""The statuses that show what is there and what is not. A stored copy of such a response shows neither."""

_ACCEPTED: Final = frozenset({AnswerName.ACCEPTED, AnswerName.MAYBE_ACCEPTED})
_REPEATED: Final = "repeated, because a kept connection broke without a response"
_TOO_LATE: Final = "the DELETE was not sent: the last observation of the backup was too old"


class Caller:
    """Makes calls. Thread-safe."""

    def __init__(
        self, sessions: SessionCache, metrics: CallMetrics, clock: Clock, sleep: Callable[[float], None]
    ) -> None:
        self._sessions = sessions
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep

    def make(self, call: Call, time_left: TimeLeft) -> Answer | Rows:
        """Make one call. Every answer of the service itself carries the `TargetInfo` of its login.

        If it is too late to repeat a call that the service rejected, the rejection is returned, marked `is_late`. If a
        kept connection broke at any attempt, the answer is marked `is_repeat`, whichever attempt it belongs to.
        """
        login = self._sessions.login(call.target, time_left)
        rejected: Answer | None = None
        rejections = 0
        refreshed_roles = False
        is_repeat = False
        while isinstance(login, Login):
            result = self._make_once(call, login, time_left)
            if not isinstance(result, Answer):
                return result
            is_repeat = is_repeat or result.is_repeat
            if result.is_late and rejected is not None:
                return replace(rejected, is_late=True, is_repeat=is_repeat)
            rejected = result = replace(result, target=login.info, is_repeat=is_repeat)
            if result.name is AnswerName.UNAUTHORIZED and rejections < 2:
                rejections += 1
                if rejections == 2:
                    self._sleep(REVOCATION_S)
                replaced = self._sessions.replace(call.target, login, time_left)
                if isinstance(replaced, Login) and replaced.credentials == login.credentials:
                    return result  # an access key that is right but does not open this call; a repeat would lock it
                login = replaced
            elif result.name is AnswerName.FORBIDDEN and not refreshed_roles:
                refreshed_roles = True
                login = self._sessions.refresh_roles(call.target, login, time_left) or result
            else:
                return result
        return replace(login, is_repeat=is_repeat)

    def _make_once(self, call: Call, login: Login, time_left: TimeLeft) -> Answer | Rows:
        if call.project_id not in (None, login.project_id):
            return self._answer(
                AnswerName.OTHER_PROJECT,
                f'the request is for project {call.project_id}, target "{call.target}" is project {login.project_id}',
            )
        if call.address not in (None, login.root):
            return self._answer(
                AnswerName.WRONG_ENDPOINT,
                f'target "{call.target}" was at {call.address} a moment ago and is at {login.root} now;'
                " its secret or the cloud's catalog has changed",
            )
        try:
            return self._send(call, login, login.api.prepare(call, login), time_left)
        except NotSendable as fault:
            return self._answer(AnswerName.BAD_REQUEST, f"nothing was sent: {fault}")

    def _send(self, call: Call, login: Login, request: HttpRequest, time_left: TimeLeft) -> Answer | Rows:
        """Send a request, and once more on a new connection if a kept one was dead.

        Raises:
            NotSendable: it cannot be authenticated.
        """
        for on_fresh_connection in (False, True):
            if (late := self._check_time(call, time_left)) is not None:
                return replace(late, is_repeat=on_fresh_connection)
            secret = login.credentials.authenticate(request, self._clock())
            reply = self._exchange(call, login, request, secret, on_fresh_connection=on_fresh_connection)
            if not (isinstance(reply, CallFailed) and reply.is_stale):
                break
        result = self._read(call, login, reply)
        if not on_fresh_connection or not isinstance(result, Answer):
            return result
        message = f"{_REPEATED}: {result.message}" if isinstance(reply, CallFailed) else result.message
        return replace(result, message=message, is_repeat=True)

    def _check_time(self, call: Call, time_left: TimeLeft) -> Answer | None:
        """Return the answer for a call that it is too late to send; None if there is time."""
        if time_left() < CALL_S:
            return out_of_time()
        if call.not_after is not None and self._clock() > call.not_after:
            return replace(self._answer(AnswerName.OUT_OF_TIME, _TOO_LATE), is_late=True)
        return None

    def _read(self, call: Call, login: Login, reply: Reply | CallFailed) -> Answer | Rows:
        if isinstance(reply, CallFailed):
            return self._answer(reply.name, reply.message)
        now = self._clock()
        result = read_signature_refusal(reply, now) or login.api.read(call, reply, now)
        if reply.age is not None and _is_observation(result, reply.status):
            copy = f"a cache answered with a copy, not the service itself (Age: {printable(reply.age)})"
            return replace(self._answer(AnswerName.STALE_ANSWER, copy), status=reply.status)
        return result

    def _exchange(
        self,
        call: Call,
        login: Login,
        request: HttpRequest,
        secret: Secret,
        *,
        on_fresh_connection: bool,
    ) -> Reply | CallFailed:
        begun = time.monotonic()
        result: Reply | CallFailed
        try:
            result = login.transport.send(
                request,
                body_limit=_body_limit(call),
                on_fresh_connection=on_fresh_connection,
            )
        except CallFailed as failed:
            result = failed
        if isinstance(result, Reply) and result.broken is not None:
            is_accepted = call.operation is Operation.DELETE_BACKUP and result.status in login.api.accepted
            result = result if is_accepted else result.broken
        if isinstance(result, Reply):
            result = without_secret(result, secret)
        status = str(result.status) if isinstance(result, Reply) else result.status_code
        observe(self._metrics, call.target, call.operation, status, begun)
        if call.recorder is not None:
            request_id = read_request_id(result.headers, result.body) if isinstance(result, Reply) else ""
            record = CallRecord(
                operation=call.operation,
                status=status,
                at=self._clock(),
                request_id=request_id,
                backup_id=call.backup_id,
            )
            call.recorder(record)
        return result

    def _answer(self, name: AnswerName, message: str) -> Answer:
        return Answer(name=name, message=message, at=self._clock())


def _is_observation(result: Answer | Rows, status: int) -> bool:
    """Whether a response shows what is there or what is not. CBR may say with a 400 that a backup does not exist.

    No cache stores the response to an accepted DELETE, whatever its headers say (RFC 9111 section 3).
    """
    if isinstance(result, Answer) and result.name in _ACCEPTED:
        return False
    return status in _OBSERVATIONS or (isinstance(result, Answer) and result.name is AnswerName.MAYBE_GONE)


def _body_limit(call: Call) -> int:
    is_of_volume = call.operation is Operation.LIST_BACKUPS and call.volume_id is not None
    return VOLUME_PAGE_BYTES if is_of_volume else BODY_LIMITS[call.operation]
