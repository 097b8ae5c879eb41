"""Holds and stops in sentences, as blocks of lines, and as JSON values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from vbs_reaper.backups.holds import EVERY_RUN, HoldKind
from vbs_reaper.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vbs_reaper.backups.holds import Hold
    from vbs_reaper.cli.stored_holds import StoredHold


def what(stored: StoredHold) -> str:
    """Return what a hold is on: `backup <id> ("daily-3", target otc)`, `run <run> of policy nightly`."""
    kind, on = stored.hold.kind, printable(stored.on)
    if kind is HoldKind.RUN:
        policy, _, run = on.partition("/")
        return f"every run of policy {policy}" if run == EVERY_RUN else f"run {run} of policy {policy}"
    thing = f"backup {on}" if kind is HoldKind.BACKUP else f"all backups of volume {on}"
    facts = []
    if stored.record is not None:
        if stored.record.backup_name is not UNSET:
            facts.append(f'"{printable(stored.record.backup_name)}"')
        if stored.record.target is not UNSET:
            facts.append(f"target {printable(stored.record.target)}")
    return f"{thing} ({', '.join(facts)})" if facts else thing


def period(until: datetime | None) -> str:
    """Return until when a hold counts, in words. The end of a day is called by the name of that day."""
    if until is None:
        return "until it is released"
    if until.astimezone(UTC).time() == datetime.min.time():
        return f"until the end of {until.astimezone(UTC) - timedelta(days=1):%Y-%m-%d} (UTC)"
    return f"until {until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def block(stored: StoredHold, now: datetime) -> Iterator[str]:
    """Yield the lines that describe a hold. The last one is its name."""
    ended = "" if stored.hold.is_live(now) else " (ended)"
    yield what(stored)
    yield f"  {period(stored.hold.until)}{ended}"
    if stored.record is None:
        yield "  its record cannot be read"
    else:
        yield f"  by {printable(stored.record.by)}, {stored.record.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        yield f"  reason: {printable(stored.record.reason)}"
    yield f"  {printable(stored.hold.name)}"


def totals(holds: Sequence[Hold]) -> str:
    """Return how many there are: `2 holds and 1 stop`."""
    stops = sum(hold.kind is HoldKind.RUN for hold in holds)
    return " and ".join(
        count(number, thing) for number, thing in ((len(holds) - stops, "hold"), (stops, "stop")) if number
    )


def as_json(stored: StoredHold, now: datetime) -> dict[str, Any]:
    """Return a hold as plain values. `hold --from-file` reads them."""
    hold, record = stored.hold, stored.record
    fields = {"name": hold.name, "kind": hold.kind.value, "id": stored.on}
    known = {} if record is None else {"reason": record.reason, "by": record.by, "at": as_instant(record.at)}
    seen = {} if record is None else {"target": record.target, "backup_name": record.backup_name}
    return {
        **fields,
        "until": None if hold.until is None else as_instant(hold.until),
        "live": hold.is_live(now),
        **known,
        **{name: value for name, value in seen.items() if value is not UNSET},
    }


def as_instant(moment: datetime) -> str:
    """Return a time in RFC 3339, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
