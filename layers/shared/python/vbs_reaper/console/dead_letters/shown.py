"""Dead letters as tables and as JSON, with what an administrator of the cloud may paste for backups that are stuck."""

import os
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vbs_reaper.console.dead_letters.letter import Kind
from vbs_reaper.console.dead_letters.letter import Letter

SHOWN_OF_A_REASON: Final = 10
WIDTH: Final = 200
ROOM_FOR_WORDS: Final = 24
"""As wide a last column, of sentences, makes a table; with less room each row is a block of lines."""
RETENTION: Final = timedelta(days=14)
"""How long a queue keeps a message (the template's MessageRetentionPeriod, SQS's longest)."""


def wide_console() -> Console:
    """Standard output: a terminal as wide as it is, a file or pipe as wide as a row needs."""
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_known else WIDTH, soft_wrap=False)


def none_found(kind: Kind | None) -> str:
    """That there are none, or none of this kind."""
    return "there are no dead letters" if kind is None else f'no dead letter has the reason "{kind.code}"'


def print_letters(letters: Sequence[Letter], console: Console, now: datetime, stack: str, *, everyone: bool) -> None:
    """Print the reasons, what is in each, and what to paste; `everyone` shows all of a reason."""
    _print_rows(_reasons(letters, now), console)
    console.print()
    _print_rows(_ones(letters, now, None if everyone else SHOWN_OF_A_REASON), console)
    stuck = [each for each in letters if each.is_stuck]
    if stuck:
        console.print(Text("\nFor an administrator of the cloud; look at each backup first:", "bold"))
        for letter in stuck[: None if everyone else SHOWN_OF_A_REASON]:
            console.print(Text(f"\n# {_since_when(letter, now)}", "dim"), soft_wrap=True)
            for command in commands_for(letter, stack):
                console.print(Text(command), soft_wrap=True)


def as_json(letters: Sequence[Letter], now: datetime, stack: str) -> dict[str, Any]:
    """All of it for scripts: ages in whole seconds."""
    return {
        "letters": len(letters),
        "reasons": [
            {
                "reason": kind.code,
                "letters": len(rows),
                "oldest_age_s": max(_rests_s(each, now) for each in rows),
                "sentence": kind.sentence,
                "action": kind.action,
                "can_heal": kind.can_heal,
                "requests": [_one_as_json(each, now, stack) for each in rows],
            }
            for rows in by_reason(letters)
            for kind in [rows[0].kind]
        ],
    }


def by_reason(letters: Sequence[Letter]) -> list[list[Letter]]:
    """The letters of each reason, the most frequent first, the oldest letter first."""
    found: dict[str, list[Letter]] = {}
    for letter in sorted(letters, key=lambda each: each.message.sent_at):
        found.setdefault(letter.kind.code, []).append(letter)
    return sorted(found.values(), key=lambda rows: (-len(rows), rows[0].kind.code))


def commands_for(letter: Letter, stack: str) -> list[str]:
    """What to paste: look, reset the state one way or the other (it needs the role admin), send the request again.

    In the state `error` a backup may be deleted (block storage API, "Reset a backup's status").
    """
    return [
        f"openstack volume backup show {letter.backup_id}",
        f"openstack volume backup set --state error {letter.backup_id}",
        f"cinder backup-reset-state --state error {letter.backup_id}  # the same by the older client",
        f"vbs-reaper dead-letters --stack {stack} redrive --request-id {letter.message.request_id}",
    ]


def age(seconds: float) -> str:
    """A time as people say it: the largest unit of which there are two."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


_Rows = dict[str, list[Text]]
"""The cells of a table by the names of its columns; the last column holds sentences, the others must not be broken."""


def _print_rows(columns: _Rows, console: Console) -> None:
    """Print a table where it fits, else a block for each row: what one copies is never cut or broken over lines."""
    *names, last = columns
    fixed = sum(max(len(name), *(cell.cell_len for cell in columns[name])) + 2 for name in names)
    if console.width >= fixed + ROOM_FOR_WORDS:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in names:
            table.add_column(name, justify="right" if name in {"letters", "oldest"} else "left", no_wrap=True)
        table.add_column(last)
        for row in zip(*columns.values(), strict=True):
            table.add_row(*row)
        console.print(table)
        return
    for row in zip(*columns.values(), strict=True):
        for name, cell in zip(columns, row, strict=True):
            if cell:
                console.print(Text.assemble((f"{name}: " if name != last else "", "dim"), cell), soft_wrap=name != last)
        console.print()


def _reasons(letters: Sequence[Letter], now: datetime) -> _Rows:
    found = by_reason(letters)
    return {
        "reason": [Text(rows[0].kind.code, "bold") for rows in found],
        "letters": [Text(f"{len(rows):,}") for rows in found],
        "oldest": [Text(age(max(_rests_s(each, now) for each in rows))) for rows in found],
        "redrive": [
            Text("can heal", "green") if rows[0].kind.can_heal else Text("cannot heal", "yellow") for rows in found
        ],
        "what it says, and what to do": [Text(f"{rows[0].kind.sentence} {rows[0].kind.action}") for rows in found],
    }


def _ones(letters: Sequence[Letter], now: datetime, limit: int | None) -> _Rows:
    columns: _Rows = {name: [] for name in ("reason", "request id", "backup", "age", "message")}
    for rows in by_reason(letters):
        for letter in rows[:limit]:
            for column, cell in zip(columns.values(), _cells(letter, now), strict=True):
                column.append(Text(cell))
        if limit is not None and len(rows) > limit:
            more = f"and {len(rows) - limit:,} more; --reason {rows[0].kind.code} or --json has them"
            for column, text in zip(columns.values(), (rows[0].kind.code, "", "", "", more), strict=True):
                column.append(Text(text, "dim"))
    return columns


def _cells(letter: Letter, now: datetime) -> Iterator[str]:
    yield letter.kind.code
    yield letter.message.request_id
    yield f"{letter.backup_id}{f' ({letter.target})' if letter.target else ''}"
    yield age(_rests_s(letter, now))
    yield letter.words


def _since_when(letter: Letter, now: datetime) -> str:
    message = letter.message
    asked = f", the cloud accepted its deletion {_before(message.asked_at, now)}" if message.asked_at else ""
    words = f": {letter.words}" if letter.words else ""
    return f"request {message.request_id}, first sent {_before(message.first_sent_at, now)}{asked}{words}"


def _before(moment: datetime, now: datetime) -> str:
    return f"{age((now - moment).total_seconds())} ago ({moment:%Y-%m-%dT%H:%M:%SZ})"


def _rests_s(letter: Letter, now: datetime) -> int:
    return max(0, int((now - letter.message.sent_at).total_seconds()))


def _one_as_json(letter: Letter, now: datetime, stack: str) -> dict[str, Any]:
    message = letter.message
    told: Mapping[str, Any] = {
        "request_id": message.request_id,
        "message_id": message.message_id,
        "backup_id": letter.backup_id or None,
        "target": letter.target or None,
        "message": letter.words or None,
        "age_s": _rests_s(letter, now),
        "expires_at": (message.sent_at + RETENTION).isoformat(),
        "first_sent_at": message.first_sent_at.isoformat(),
        "asked_at": message.asked_at.isoformat() if message.asked_at else None,
        "redrives": message.redrives,
        "commands": commands_for(letter, stack) if letter.is_stuck else None,
    }
    return {key: value for key, value in told.items() if value is not None}
