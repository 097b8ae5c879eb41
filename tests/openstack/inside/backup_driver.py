"""Cinder's own file store for backups, with deletions that can be made slow or failing."""

import dataclasses
import time
from typing import Any

from cinder import interface
from cinder.backup.drivers import posix


@dataclasses.dataclass
class _Mood:
    delay_s: float = 0.0
    failing: str | None = None
    only: frozenset[str] = frozenset()
    delays_s: dict[str, float] = dataclasses.field(default_factory=dict)


_mood = _Mood()


def steer(
    delay_s: float = 0.0,
    failing: str | None = None,
    only: list[str] | None = None,
    delays_s: dict[str, float] | None = None,
) -> None:
    """Delete from now on after `delay_s`, then fail with the text `failing` if there is one; `only` these backups.

    `delays_s` are the delays of single backups.
    """
    _mood.delay_s, _mood.failing, _mood.only = delay_s, failing, frozenset(only or ())
    _mood.delays_s = delays_s or {}


@interface.backupdriver
class SteerableBackupDriver(posix.PosixBackupDriver):
    def delete_backup(self, backup: Any) -> None:
        mood = dataclasses.replace(_mood)
        if not mood.only or backup.id in mood.only:
            time.sleep(mood.delays_s.get(backup.id, mood.delay_s))
            if mood.failing:
                raise OSError(mood.failing)
        super().delete_backup(backup)
