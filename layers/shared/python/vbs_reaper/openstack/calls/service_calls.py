"""One call to a target's backup service, with the logins and the repeats it may need.

It is repeated at most once per cause: a refused token (and once more after two seconds: a revocation reaches to the end
of its second, so it can hit the new token too), roles that may have changed, a kept connection that was dead.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from typing import Final
from typing import Generic
from typing import TypeVar

import requests

from vbs_reaper.deletion.ports import Clock
from vbs_reaper.deletion.ports import Heard
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import Called
from vbs_reaper.openstack.answer import Operation
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.answer import read_request_id
from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.calls.backup_request import NotSendable
from vbs_reaper.openstack.calls.observation import observe
from vbs_reaper.openstack.calls.redaction import without_token
from vbs_reaper.openstack.exchange import CallFailed
from vbs_reaper.openstack.exchange import Reply
from vbs_reaper.openstack.identity.login import Login
from vbs_reaper.openstack.keystone import CALL_S
from vbs_reaper.openstack.keystone import Keystone
from vbs_reaper.openstack.keystone import out_of_time
from vbs_reaper.openstack.ports import Calls

ACCEPTED: Final = 202
"""The one status whose line is enough: of an accepted deletion the body says nothing, whole or not."""

REVOCATION_S: Final = 2.0
"""Keystone's revocations know whole seconds only: after so long a new token is surely younger."""

_TOO_LATE: Final = "the DELETE was not sent: the last look at the backup was too old by then"

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Read]):
    """What is to be asked of a target, and how the reply is read."""

    target: str
    operation: Operation
    request: Callable[[Login], requests.PreparedRequest]
    read: Callable[[Reply, datetime], Answer | Read]
    body_limit: int
    project_id: ProjectId | None = None
    """A guard: where the target is of another project, no call is made."""
    address: str | None = None
    """Another guard: if the target is at another address, no call is made."""
    not_after: datetime | None = None
    """The latest time to send it, repeats included. Logins and dead connections may use up the time."""
    backup_id: BackupId | None = None
    """The one backup it is about, if it is about one."""
    heard: Heard | None = None
    """Hears of every exchange that is made for it."""


class ServiceCalls:
    """Makes calls. Safe for threads."""

    def __init__(self, keystone: Keystone, calls: Calls, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._keystone = keystone
        self._calls = calls
        self._clock = clock
        self._sleep = sleep

    def view_target(self, target: str, time_left: TimeLeft) -> TargetView | Answer:
        """Tell what a decision must know of a target, logging in where needed."""
        login = self._keystone.enter(target, time_left)
        return login.view if isinstance(login, Login) else login

    def make(self, call: Call[Read], time_left: TimeLeft) -> Answer | Read:
        """Make one call; what is no usable reply is an answer as well. Answers of the service name its target.

        If it is too late to repeat a call that the service refused, the refusal is the answer, marked `is_late`.
        """
        login = self._keystone.enter(call.target, time_left)
        refused: Answer | None = None
        refusals = 0
        asked_for_roles = False
        while isinstance(login, Login):
            result = self._make_once(call, login, time_left)
            if not isinstance(result, Answer):
                return result
            if result.is_late and refused is not None:
                return replace(refused, is_late=True)
            refused = result = replace(result, target=login.view)
            if result.name is AnswerName.UNAUTHORIZED and refusals < 2:
                refusals += 1
                if refusals == 2:
                    self._sleep(REVOCATION_S)
                login = self._keystone.replace(call.target, login, time_left)
            elif result.name is AnswerName.FORBIDDEN and not asked_for_roles:
                asked_for_roles = True
                login = self._keystone.refresh_roles(call.target, login, time_left) or result
            else:
                return result
        return login

    def _make_once(self, call: Call[Read], login: Login, time_left: TimeLeft) -> Answer | Read:
        if call.project_id not in (None, login.project_id):
            return self._answer(
                AnswerName.OTHER_PROJECT,
                f'the request is for project {call.project_id}, target "{call.target}" is project {login.project_id}',
            )
        if call.address not in (None, login.root):
            return self._answer(
                AnswerName.WRONG_ENDPOINT,
                f'target "{call.target}" was at {call.address} a moment ago and is at {login.root} now;'
                " its secret or the cloud's catalogue has changed",
            )
        try:
            request = call.request(login)
        except NotSendable as fault:
            return self._answer(AnswerName.BAD_REQUEST, f"nothing was sent: {fault}")
        for on_fresh_connection in (False, True):
            if time_left() < CALL_S:
                return out_of_time()
            if call.not_after is not None and self._clock() > call.not_after:
                return replace(self._answer(AnswerName.OUT_OF_TIME, _TOO_LATE), is_late=True)
            reply = self._exchange(call, login, request, on_fresh_connection=on_fresh_connection)
            if not (isinstance(reply, CallFailed) and reply.is_stale):
                break
        if isinstance(reply, CallFailed):
            return self._answer(reply.name, reply.message)
        return call.read(reply, self._clock())

    def _exchange(
        self, call: Call[Read], login: Login, request: requests.PreparedRequest, *, on_fresh_connection: bool
    ) -> Reply | CallFailed:
        begun = time.monotonic()
        result: Reply | CallFailed
        try:
            result = login.transport.send(request, body_limit=call.body_limit, on_fresh_connection=on_fresh_connection)
        except CallFailed as failed:
            result = failed
        if isinstance(result, Reply) and result.broken is not None and result.status != ACCEPTED:
            result = result.broken
        if isinstance(result, Reply):
            result = without_token(result, login.token)
        observe(self._calls, call.target, call.operation, _status_of(result), begun)
        if call.heard is not None:
            call.heard(self._called(call, result))
        return result

    def _called(self, call: Call[Read], result: Reply | CallFailed) -> Called:
        named = read_request_id(result.headers, result.body) if isinstance(result, Reply) else ""
        return Called(
            operation=call.operation,
            status=_status_of(result),
            at=self._clock(),
            request_id=named,
            backup_id=call.backup_id,
        )

    def _answer(self, name: AnswerName, message: str) -> Answer:
        return Answer(name=name, message=message, at=self._clock())


def _status_of(result: Reply | CallFailed) -> str:
    return str(result.status) if isinstance(result, Reply) else result.status_code
