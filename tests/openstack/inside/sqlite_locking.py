"""SQLite for many threads: every transaction takes the write lock at its start and waits for it.

One that reads first and writes later would otherwise fail with "database is locked" when another wrote in between.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

WAIT_MS = 60_000


def lock_at_begin() -> None:
    """For every engine of this process; call before the first connection."""
    event.listen(Engine, "connect", _wait_for_locks)
    event.listen(Engine, "before_cursor_execute", _begin_immediate, retval=True)


def _wait_for_locks(connection: Any, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {WAIT_MS}")


def _begin_immediate(
    _connection: object, _cursor: object, statement: str, parameters: object, _context: object, _many: bool
) -> tuple[str, object]:
    return ("BEGIN IMMEDIATE" if statement == "BEGIN" else statement), parameters
