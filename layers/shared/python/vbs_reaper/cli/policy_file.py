"""Reads a purge policy from a file, for a preview or a run."""

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from vbs_reaper.cli.files import BYTE_ORDER_MARK, decode, read_file
from vbs_reaper.errors import CommandError, InvalidJson, InvalidPolicy
from vbs_reaper.purge.event import STARTED_AT, is_run
from vbs_reaper.purge.policy import POLICY_LIMIT_BYTES, PurgePolicy, read_policy
from vbs_reaper.strict_json import read_json


def read_policy_file(path: Path) -> PurgePolicy:
    """Return the policy in a file, which may also contain it in an event of the purger. The time of that is not used.

    Raises:
        CommandError: the file cannot be read, or does not contain a valid policy.
    """
    try:
        text = decode(read_file(path), str(path))
        document = read_json(text.removeprefix(BYTE_ORDER_MARK), limit=POLICY_LIMIT_BYTES)
        return read_policy(document["run"] if is_run(document) else document)
    except (InvalidJson, InvalidPolicy) as error:
        raise CommandError(f"{path}: {error}") from None


def run_event(policy: PurgePolicy, now: datetime) -> dict[str, Any]:
    """Return the event of a run that a person starts. It does not count as a run of the policy's schedule."""
    return {"run": msgspec.to_builtins(policy), STARTED_AT: _time_of_run(now)}


def _time_of_run(now: datetime) -> str:
    """Return the time that a run is named after, so that a repeated invocation belongs to the same run.

    It is never a whole minute: a scheduled run could have that name, and would then be refused.
    """
    return now.replace(microsecond=0, second=now.second or 1).isoformat()
