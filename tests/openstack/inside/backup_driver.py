"""Cinder's file driver for backups, with configurable delays and failures of deletions."""

import dataclasses
import time
from typing import Any

from cinder import interface
from cinder.backup.drivers import posix


@dataclasses.dataclass
class _Settings:
    delay_s: float = 0.0
    failing: str | None = None
    only: frozenset[str] = frozenset()
    delays_s: dict[str, float] = dataclasses.field(default_factory=dict)


_settings = _Settings()


def steer(
    delay_s: float = 0.0,
    failing: str | None = None,
    only: list[str] | None = None,
    delays_s: dict[str, float] | None = None,
) -> None:
    """Delay deletions by `delay_s`, then let them fail with the message `failing` if given, optionally `only` of these.

    `delays_s` are the delays by backup.
    """
    _settings.delay_s, _settings.failing, _settings.only = delay_s, failing, frozenset(only or ())
    _settings.delays_s = delays_s or {}


@interface.backupdriver
class ConfigurableBackupDriver(posix.PosixBackupDriver):
    def delete_backup(self, backup: Any) -> None:
        mood = dataclasses.replace(_settings)
        if not mood.only or backup.id in mood.only:
            time.sleep(mood.delays_s.get(backup.id, mood.delay_s))
            if mood.failing:
                raise OSError(mood.failing)
        super().delete_backup(backup)
