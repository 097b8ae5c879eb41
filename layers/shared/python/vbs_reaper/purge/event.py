"""Reads the purger's event: either a run of a policy, or the approval of a stored plan. Parsed once, then trusted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.errors import InvalidPolicy, RunRefused
from vbs_reaper.purge.policy import POLICY_LIMIT_BYTES, PurgePolicy, is_policy_name, read_policy
from vbs_reaper.reasons import Reason
from vbs_reaper.strict_json import explain
from vbs_reaper.text import printable
from vbs_reaper.timestamps import read_instant

SCHEDULED_TIME: Final = "scheduled_time"
STARTED_AT: Final = "started_at"
"""The keys of the time after which a run is named: of a run by a schedule, and of one that a person starts."""
_RUNS: Final = ({"run"}, {"run", SCHEDULED_TIME}, {"run", STARTED_AT})

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Plan by this policy and, if its mode is `purge`, request the deletions that are due.

    `policy.target` is always set: to `target`, which is the default target if the event names none. `started_at` is
    the time that the event states, scheduled or not; None if it states none. `is_scheduled` says whether a schedule has
    started the run, and not a person.
    """

    policy: PurgePolicy
    target: str
    name: str
    started_at: datetime | None = None
    is_scheduled: bool = False


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Request the deletions of the stored plan with this sha256: those that are due, or with `include_grace` all."""

    policy: str
    plan: str
    include_grace: bool = False


def read_event(event: object, default_target: str, invocation_id: str) -> Run | Approval:
    """Check and parse the function's event.

    Raises:
        RunRefused: the event cannot be accepted. The message names the key, what is wrong with it and how to fix it.
    """
    members = event if isinstance(event, Mapping) else {}
    keys = set(members)
    if keys == {"approve"}:
        return _read_approval(members["approve"])
    if is_run(event):
        time = members.get(SCHEDULED_TIME, members.get(STARTED_AT))
        return _read_run(members["run"], time, default_target, invocation_id, by_schedule=SCHEDULED_TIME in keys)
    raise _refused(
        'the event must be {"run": {<policy>}, "scheduled_time": "<time>"} or {"approve": {"policy": "<name>", '
        f'"plan": "<sha256>"}}}}; found the keys {printable(", ".join(sorted(map(str, keys)))[:128]) or "none"}'
    )


def is_run(event: object) -> bool:
    """Return whether the keys of an event are those of a run. Its policy is under the key "run"."""
    return isinstance(event, Mapping) and set(event) in _RUNS


def policy_name_of(event: object) -> str | None:
    """Return the policy's name, also of an event that is refused; None if the event has no valid name."""
    part = event.get("run", event.get("approve")) if isinstance(event, Mapping) else None
    name = part.get("policy") if isinstance(part, Mapping) else None
    return name if isinstance(name, str) and is_policy_name(name) else None


def _read_run(policy: object, time: object, default_target: str, invocation_id: str, *, by_schedule: bool) -> Run:
    try:
        if len(msgspec.json.encode(policy)) > POLICY_LIMIT_BYTES:
            raise _refused(f'"run" has more than {POLICY_LIMIT_BYTES} bytes, the maximum size of a policy')
        parsed = read_policy(policy)
    except (UnicodeEncodeError, RecursionError):
        raise _refused('"run" contains text that is not valid Unicode, or is nested too deeply') from None
    except InvalidPolicy as refusal:
        raise _refused(f'"run": {refusal}') from None
    target = default_target if parsed.target is UNSET else parsed.target
    started_at = read_instant(time)
    # The plan names the target too, so that a later change of the default does not change what an approval deletes.
    return Run(
        policy=msgspec.structs.replace(parsed, target=target),
        target=target,
        name=_run_name(started_at, invocation_id),
        started_at=started_at,
        is_scheduled=by_schedule and started_at is not None,
    )


def _run_name(started_at: datetime | None, invocation_id: str) -> str:
    """Return the name of the run: its time in UTC, or the invocation ID if that is missing or unreadable.

    A schedule may be delivered several times, or at several times of invocation: the name is the same for all of them.
    """
    if started_at is None:
        return invocation_id
    return f"{started_at.replace(tzinfo=None).isoformat(timespec='seconds').replace(':', '-')}Z"


def _read_approval(document: object) -> Approval:
    try:
        approval = msgspec.convert(document, Approval, strict=True)
    except msgspec.ValidationError as error:
        raise _refused(f'"approve": {printable(explain(error, Approval.__struct_fields__))}') from None
    if not is_policy_name(approval.policy):
        raise _refused('"approve.policy" is not a valid name; give the "policy" of the plan')
    if not _SHA256.fullmatch(approval.plan):
        raise _refused('"approve.plan" is not a sha256; give the 64 lower-case hexadecimal digits of the plan')
    return approval


def _refused(message: str) -> RunRefused:
    return RunRefused(Reason.POLICY_REFUSED, message)
