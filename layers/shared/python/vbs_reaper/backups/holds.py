"""Holds in the stack's bucket: what the key of a hold says, and which hold forbids a deletion. Pure: no I/O, no clock.

A hold is one object. Its key says everything that a decision needs, so one listing is enough:

    holds/backup/<backup ID>/<until>-<n>     this backup
    holds/volume/<volume ID>/<until>-<n>     all backups of this volume, also later ones
    holds/run/<policy>/<run>/<until>-<n>     a stop: all requests of this run of a purge policy; every run if it is `*`

`until` is a UTC time such as `2027-01-01T00-00-00Z`, or `released`. `n` are eight hexadecimal digits, so several holds
on the same thing do not conflict. A hold ends at `until`, or when its object is deleted.

The marker in the name or description of a backup, which is another kind of hold, is in `hold_marker`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.backups.identifiers import UUID
from vbs_reaper.errors import InvalidHold
from vbs_reaper.text import printable

HOLDS: Final = "holds/"
"""How the keys of all holds begin."""

EVERY_RUN: Final = "*"
"""In place of a run: every run of the policy."""

_UNTIL: Final = re.compile(r"(released|\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)-([0-9a-f]{8})", re.ASCII)
_RELEASED: Final = "released"
_TIME: Final = "%Y-%m-%dT%H-%M-%SZ"
_DEPTH: Final = {"backup": 3, "volume": 3, "run": 4}


class HoldKind(StrEnum):
    """What a hold is on."""

    BACKUP = "backup"
    VOLUME = "volume"
    RUN = "run"
    """A stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold, as its key states it. `of` is the ID of a backup or volume in lower case, or `<policy>/<run>`."""

    name: str
    """The key without `holds/`."""
    kind: HoldKind
    of: str
    until: datetime | None
    """When it ends, in UTC; None if it ends only when it is released."""

    def is_live(self, now: datetime) -> bool:
        """Return whether it still counts."""
        return self.until is None or now < self.until

    @property
    def period(self) -> str:
        """Until when it counts, for sentences."""
        return "until it is released" if self.until is None else f"until {self.until:%Y-%m-%dT%H:%M:%SZ}"


class HoldRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of a hold, for people. No decision depends on it.

    `by` is the ARN of the caller who wrote it and `at` when, in UTC. `target` and `backup_name` say where a backup or
    volume was found.
    """

    reason: str
    by: str
    at: datetime
    target: str | UnsetType = UNSET
    backup_name: str | UnsetType = UNSET


def name_of_hold(kind: HoldKind, of: str, until: datetime | None, n: str) -> str:
    """Return the name of a new hold. `n` are eight hexadecimal digits that no other hold on the same thing has."""
    when = _RELEASED if until is None else until.astimezone(UTC).strftime(_TIME)
    return f"{kind.value}/{of}/{when}-{n}"


def read_hold(key: str) -> Hold | None:
    """Read a key that begins with `holds/`. Returns None for a placeholder of a folder, as the S3 console makes them.

    A name after the ID that is not `<until>-<n>` counts as a hold without an end: somebody meant a hold.

    Raises:
        InvalidHold: the key is not a hold of any kind that this version knows, or is on an ID that is not a UUID.
    """
    name = key.removeprefix(HOLDS)
    if key == HOLDS or name.endswith("/"):
        return None
    kind, _, rest = name.partition("/")
    of, _, last = rest.rpartition("/")
    if name.count("/") + 1 != _DEPTH.get(kind) or not all(rest.split("/")):
        raise InvalidHold(
            f'the object "{printable(key)}" in the stack\'s bucket is not a hold that this version understands; '
            "remove it, or deploy the version that wrote it"
        )
    if kind != HoldKind.RUN:
        of = of.casefold()
        if not UUID.fullmatch(of):
            raise InvalidHold(
                f'the hold "{printable(key)}" in the stack\'s bucket is on an ID that is not a UUID, so it would '
                "forbid nothing; write it again with `vbs-reaper hold`, then remove this object"
            )
    return Hold(name=name, kind=HoldKind(kind), of=of, until=_read_until(last))


def _read_until(text: str) -> datetime | None:
    match = _UNTIL.fullmatch(text)
    if match is None or match[1] == _RELEASED:
        return None
    try:
        return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
    except ValueError:  # such as February 30
        return None


class Holds:
    """All holds of the stack at one moment."""

    def __init__(self, holds: Iterable[Hold], listed_at: datetime) -> None:
        """`listed_at` is when the listing began: later holds may be missing."""
        self._holds: dict[tuple[HoldKind, str], list[Hold]] = defaultdict(list)
        for hold in holds:
            self._holds[hold.kind, hold.of].append(hold)
        self.listed_at = listed_at

    def __iter__(self) -> Iterator[Hold]:
        """Iterate over all of them."""
        return (hold for holds in self._holds.values() for hold in holds)

    def on_backup(self, backup_id: str, volume_id: str | None, now: datetime) -> Hold | None:
        """Return the hold on a backup, or on its volume, that lasts longest; None if there is none."""
        if not self._holds:
            return None
        of_volume = () if volume_id is None else self._live(HoldKind.VOLUME, volume_id, now)
        return _longest([*self._live(HoldKind.BACKUP, backup_id, now), *of_volume])

    def on_run(self, run: str, now: datetime) -> Hold | None:
        """Return the stop of a run, or of every run of its policy, that lasts longest; None if there is none.

        `run` is `<policy>/<run>`. Any other text is not a run.
        """
        policy, slash, _ = run.partition("/")
        if not slash:
            return None
        of_all = self._live(HoldKind.RUN, f"{policy}/{EVERY_RUN}", now)
        return _longest([*self._live(HoldKind.RUN, run, now), *of_all])

    def _live(self, kind: HoldKind, of: str, now: datetime) -> list[Hold]:
        of = of if kind is HoldKind.RUN else of.casefold()
        return [hold for hold in self._holds.get((kind, of), ()) if hold.is_live(now)]


_LAST: Final = datetime.max.replace(tzinfo=UTC)


def _longest(holds: list[Hold]) -> Hold | None:
    return max(holds, key=lambda hold: hold.until or _LAST, default=None)
