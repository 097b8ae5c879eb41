"""What the purger is asked for: a run of a policy, or a stored plan's approval. Checked here once, then trusted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.openstack.backup import read_instant
from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.policy import POLICY_LIMIT_BYTES
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.policy import is_policy_name
from vbs_reaper.purge.policy import read_policy
from vbs_reaper.purge.policy_refusal import PolicyRefused
from vbs_reaper.strict_json import explain

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Plan by this policy, and send what is due where its mode says so. The target is named; the run has a name."""

    policy: PurgePolicy
    target: str
    name: str


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Send the stored plan of this hash: what is due, with `include_grace` all that it selects."""

    policy: str
    plan: str
    include_grace: bool = False


def read_event(event: object, default_target: str, invocation_id: str) -> Run | Approval:
    """Check the function's event.

    Raises:
        PurgeRefused: names the key, what is wrong with it and what to write instead.
    """
    asked = event if isinstance(event, Mapping) else {}
    keys = set(asked)
    if keys == {"approve"}:
        return _read_approval(asked["approve"])
    if "run" in keys and keys <= {"run", "scheduled_time"}:
        return _read_run(asked["run"], asked.get("scheduled_time"), default_target, invocation_id)
    raise _refused(
        'the event is {"run": {<policy>}, "scheduled_time": "<time>"} or {"approve": {"policy": "<name>", '
        f'"plan": "<sha256>"}}}}; found the keys {printable(", ".join(sorted(map(str, keys)))[:128]) or "none"}'
    )


def policy_name_of(event: object) -> str | None:
    """The policy's name, where a refused event still says one."""
    part = event.get("run", event.get("approve")) if isinstance(event, Mapping) else None
    name = part.get("policy") if isinstance(part, Mapping) else None
    return name if isinstance(name, str) and is_policy_name(name) else None


def _read_run(policy: object, scheduled_time: object, default_target: str, invocation_id: str) -> Run:
    try:
        if len(msgspec.json.encode(policy)) > POLICY_LIMIT_BYTES:
            raise _refused(f'"run" has more than {POLICY_LIMIT_BYTES} bytes; no policy needs as many')
        read = read_policy(policy)
    except (UnicodeEncodeError, RecursionError):
        raise _refused('"run" holds what is no text, or is nested too deeply; no policy does') from None
    except PolicyRefused as refusal:
        raise _refused(f'"run": {refusal}') from None
    target = default_target if read.target is UNSET else read.target
    # Named in the plan too: a default that changes later must not change what an approval sends.
    return Run(
        policy=msgspec.structs.replace(read, target=target),
        target=target,
        name=_run_name(scheduled_time, invocation_id),
    )


def _run_name(scheduled_time: object, invocation_id: str) -> str:
    """One name for one scheduled time, however often it fires; without a readable time, the invocation's own."""
    instant = read_instant(scheduled_time)
    if instant is not None:
        return f"{instant.replace(tzinfo=None).isoformat(timespec='seconds').replace(':', '-')}Z"
    return invocation_id


def _read_approval(document: object) -> Approval:
    try:
        approval = msgspec.convert(document, Approval, strict=True)
    except msgspec.ValidationError as error:
        raise _refused(f'"approve": {printable(explain(error, Approval.__struct_fields__))}') from None
    if not is_policy_name(approval.policy):
        raise _refused('"approve.policy" is no policy\'s name')
    if not _SHA256.fullmatch(approval.plan):
        raise _refused('"approve.plan" is no sha256; give the 64 lower-case hexadecimal digits of the plan')
    return approval


def _refused(message: str) -> PurgeRefused:
    return PurgeRefused(Reason.POLICY_REFUSED, message)
