"""Makes every SQLite transaction wait for the write lock at its start.

Otherwise a transaction that reads first and writes later fails with "database is locked" if another has written.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

WAIT_MS = 60_000


def lock_at_begin() -> None:
    """Apply to every engine of this process. Call before the first connection."""
    event.listen(Engine, "connect", _wait_for_locks)
    event.listen(Engine, "before_cursor_execute", _begin_immediate, retval=True)


def _wait_for_locks(connection: Any, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {WAIT_MS}")


def _begin_immediate(
    _connection: object, _cursor: object, statement: str, parameters: object, _context: object, _many: bool
) -> tuple[str, object]:
    return ("BEGIN IMMEDIATE" if statement == "BEGIN" else statement), parameters
