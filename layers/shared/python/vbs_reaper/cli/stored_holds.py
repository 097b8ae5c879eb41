"""The holds and stops of a stack, with what they say to people: lists, writes and releases them, many at a time."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.aws.hold_store import UNREADABLE
from vbs_reaper.backups.holds import HOLDS, Hold, HoldKind, HoldRecord, name_of_hold, read_hold
from vbs_reaper.cli.stack import HOLDS_AT_ONCE
from vbs_reaper.errors import BucketUnusable, CommandError
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from vbs_reaper.cli.stack import Stack

DIGITS: Final = 8
"""The number of hexadecimal digits at the end of a name, which is enough to release a hold."""
_EXISTS: Final = "PreconditionFailed"
"""S3 has received the hold before: boto3 repeats a call whose response is lost. The name is random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHold:
    """A hold, and its record; None if the record cannot be read."""

    hold: Hold
    record: HoldRecord | None

    @property
    def on(self) -> str:
        """What it is on, as its key states it: a backup ID, a volume ID, or `<policy>/<run>`."""
        return self.hold.name.partition("/")[2].rpartition("/")[0]


class StoredHolds:
    """The holds and stops of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._bucket = stack.holds

    def list_all(self) -> list[Hold]:
        """Return all holds, also those that have ended, in the order of their names.

        Raises:
            CommandError: they cannot be listed, or one of them is not understood.
        """
        try:
            return sorted(self._bucket.list_holds(), key=lambda hold: hold.name)
        except BucketUnusable as fault:
            raise CommandError(str(fault)) from None

    def read(self, holds: Iterable[Hold]) -> list[StoredHold]:
        """Return the holds with their records, in the same order."""
        with ThreadPoolExecutor(HOLDS_AT_ONCE) as pool:
            return list(pool.map(self._read, holds))

    def write(self, kind: HoldKind, on: str, until: datetime | None, record: HoldRecord) -> StoredHold:
        """Store a new hold.

        Raises:
            CommandError: S3 rejects it.
        """
        name = name_of_hold(kind, on, until, secrets.token_hex(DIGITS // 2))
        hold = read_hold(HOLDS + name)
        if hold is None:  # `on` is checked before
            raise CommandError(f'"{printable(name)}" cannot be the name of a hold')
        try:
            self._bucket.write(name, record)
        except AWS_ERRORS as error:
            if code_of(error) != _EXISTS:
                raise self._stack.failed(f"store the hold {printable(name)}", error) from None
        return StoredHold(hold=hold, record=record)

    def write_all(self, writes: Iterable[Callable[[], StoredHold]]) -> list[StoredHold]:
        """Carry out many calls of `write` at a time; return their results in the same order."""
        with ThreadPoolExecutor(HOLDS_AT_ONCE) as pool:
            return list(pool.map(lambda write: write(), writes))

    def release(self, holds: Sequence[Hold]) -> None:
        """Delete holds. One that does not exist any more is not an error.

        Raises:
            CommandError: S3 rejects one. Others may have been deleted.
        """
        try:
            with ThreadPoolExecutor(HOLDS_AT_ONCE) as pool:
                list(pool.map(self._bucket.release, holds))
        except AWS_ERRORS as error:
            raise self._stack.failed("release all of them", error) from None

    def _read(self, hold: Hold) -> StoredHold:
        try:
            return StoredHold(hold=hold, record=self._bucket.fetch_record(hold))
        except UNREADABLE:
            return StoredHold(hold=hold, record=None)


def find_caller(stack: Stack) -> str:
    """Return the ARN of the caller, which is stored in a hold. Everybody may ask for it (STS, GetCallerIdentity).

    Raises:
        CommandError: AWS does not accept the credentials.
    """
    try:
        return str(boto3.client("sts").get_caller_identity()["Arn"])
    except AWS_ERRORS as error:
        raise stack.failed("find out who you are", error) from None
