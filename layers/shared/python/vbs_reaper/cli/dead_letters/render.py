"""Renders dead letters as tables and as JSON, with commands to copy for backups that are stuck."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vbs_reaper.cli.dead_letters.dead_letter import Letter, LetterKind
from vbs_reaper.cli.oldest_request import RETENTION

SHOWN_PER_REASON: Final = 10
WIDTH: Final = 200
"""Columns of a file or pipe."""
MIN_TEXT_WIDTH: Final = 24
"""Minimum columns for the last column of a table, which holds sentences. With less, each row is a block of lines."""


def wide_console() -> Console:
    """Return a console for standard output: as wide as the terminal, or `WIDTH` columns for a file or pipe."""
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_known else WIDTH, soft_wrap=False)


def none_found(kind: LetterKind | None) -> str:
    """Return the message that there are no letters, or none of this kind."""
    return "there are no dead letters" if kind is None else f'no dead letter has the reason "{kind.code}"'


def print_letters(letters: Sequence[Letter], console: Console, now: datetime, stack: str, *, show_all: bool) -> None:
    """Print the reasons, the letters of each, and the commands for stuck backups.

    Without `show_all`, at most `SHOWN_PER_REASON` letters of each reason (the oldest) and the commands of as many stuck
    ones are printed.
    """
    _print_rows(_reason_rows(letters, now), console)
    console.print()
    _print_rows(_letter_rows(letters, now, None if show_all else SHOWN_PER_REASON), console)
    stuck = [letter for letter in letters if letter.is_stuck]
    if stuck:
        console.print(Text("\nFor an administrator of the cloud; check each backup first:", "bold"))
        for letter in stuck[: None if show_all else SHOWN_PER_REASON]:
            console.print(Text(f"\n# {_history(letter, now)}", "dim"), soft_wrap=True)
            for command in commands_for(letter, stack):
                console.print(Text(command), soft_wrap=True)


def as_json(letters: Sequence[Letter], now: datetime, stack: str) -> dict[str, Any]:
    """Return all letters by reason as plain values for scripts. Ages are in whole seconds."""
    return {
        "letters": len(letters),
        "reasons": [
            {
                "reason": kind.code,
                "letters": len(rows),
                "oldest_age_s": max(_age_s(letter, now) for letter in rows),
                "sentence": kind.sentence,
                "action": kind.action,
                "can_heal": kind.can_heal,
                "requests": [_letter_as_json(letter, now, stack) for letter in rows],
            }
            for rows in by_reason(letters)
            for kind in [rows[0].kind]
        ],
    }


def by_reason(letters: Sequence[Letter]) -> list[list[Letter]]:
    """Group the letters by reason: the most frequent reason first, and the oldest letter of each first."""
    found: dict[str, list[Letter]] = {}
    for letter in sorted(letters, key=lambda letter: letter.message.sent_at):
        found.setdefault(letter.kind.code, []).append(letter)
    return sorted(found.values(), key=lambda rows: (-len(rows), rows[0].kind.code))


def commands_for(letter: Letter, stack: str) -> list[str]:
    """Return commands to copy: show the backup, reset its state (needs the role admin), send the request again.

    A backup in the state `error` can be deleted (block storage API, "Reset a backup's status"). The reset is given for
    two clients.
    """
    return [
        f"openstack volume backup show {letter.backup_id}",
        f"openstack volume backup set --state error {letter.backup_id}",
        f"cinder backup-reset-state --state error {letter.backup_id}  # the same with the older client",
        f"vbs-reaper dead-letters --stack {stack} redrive --request-id {letter.message.request_id}",
    ]


def age(seconds: float) -> str:
    """Return a duration in the largest unit of which there are at least two: `5 s`, `2 min`, `2 h`, `13 d`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


_Rows = dict[str, list[Text]]
"""The cells of a table by column name. The last column holds sentences; the cells of the others are never wrapped."""


def _print_rows(columns: _Rows, console: Console) -> None:
    """Print a table if it fits, else a block for each row, so that text to copy is never truncated or wrapped."""
    *names, last = columns
    fixed = sum(max(len(name), *(cell.cell_len for cell in columns[name])) + 2 for name in names)
    if console.width >= fixed + MIN_TEXT_WIDTH:
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


def _reason_rows(letters: Sequence[Letter], now: datetime) -> _Rows:
    found = by_reason(letters)
    return {
        "reason": [Text(rows[0].kind.code, "bold") for rows in found],
        "letters": [Text(f"{len(rows):,}") for rows in found],
        "oldest": [Text(age(max(_age_s(letter, now) for letter in rows))) for rows in found],
        "redrive": [
            Text("can heal", "green") if rows[0].kind.can_heal else Text("cannot heal", "yellow") for rows in found
        ],
        "meaning and action": [Text(f"{rows[0].kind.sentence} {rows[0].kind.action}") for rows in found],
    }


def _letter_rows(letters: Sequence[Letter], now: datetime, limit: int | None) -> _Rows:
    columns: _Rows = {name: [] for name in ("reason", "request ID", "backup", "age", "message")}
    for rows in by_reason(letters):
        for letter in rows[:limit]:
            for column, cell in zip(columns.values(), _cells(letter, now), strict=True):
                column.append(Text(cell))
        if limit is not None and len(rows) > limit:
            more = f"and {len(rows) - limit:,} more; use --reason {rows[0].kind.code} or --json to list them"
            for column, text in zip(columns.values(), (rows[0].kind.code, "", "", "", more), strict=True):
                column.append(Text(text, "dim"))
    return columns


def _cells(letter: Letter, now: datetime) -> Iterator[str]:
    yield letter.kind.code
    yield letter.message.request_id
    yield f"{letter.backup_id}{f' ({letter.target})' if letter.target else ''}"
    yield age(_age_s(letter, now))
    yield letter.detail


def _history(letter: Letter, now: datetime) -> str:
    message = letter.message
    asked = f", the cloud accepted its deletion {_ago(message.asked_at, now)}" if message.asked_at else ""
    detail = f": {letter.detail}" if letter.detail else ""
    return f"request {message.request_id}, first sent {_ago(message.first_sent_at, now)}{asked}{detail}"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{age((now - moment).total_seconds())} ago ({moment:%Y-%m-%dT%H:%M:%SZ})"


def _age_s(letter: Letter, now: datetime) -> int:
    return max(0, int((now - letter.message.sent_at).total_seconds()))


def _letter_as_json(letter: Letter, now: datetime, stack: str) -> dict[str, Any]:
    message = letter.message
    fields: Mapping[str, Any] = {
        "request_id": message.request_id,
        "message_id": message.message_id,
        "backup_id": letter.backup_id or None,
        "target": letter.target or None,
        "message": letter.detail or None,
        "age_s": _age_s(letter, now),
        "expires_at": (message.sent_at + RETENTION).isoformat(),
        "first_sent_at": message.first_sent_at.isoformat(),
        "asked_at": message.asked_at.isoformat() if message.asked_at else None,
        "redrives": message.redrives,
        "commands": commands_for(letter, stack) if letter.is_stuck else None,
    }
    return {key: value for key, value in fields.items() if value is not None}
