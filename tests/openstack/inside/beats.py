"""Heartbeats of the services. Cinder treats a service as down if its row was not updated for a minute."""

import datetime
import threading

from cinder import context, objects
from cinder.db import api as database
from oslo_utils import timeutils

INTERVAL_S = 10.0
LONG_AGO = datetime.timedelta(hours=1)


class Beats:
    """Sends heartbeats for each service by name: services in one process would all update the row of the last one."""

    def __init__(self) -> None:
        self._services: dict[str, str] = {}
        self._silent: set[str] = set()
        self._lock = threading.Lock()

    def add(self, binary: str, host: str) -> None:
        """Send a heartbeat for this service now, and at intervals after `start`."""
        with self._lock:
            self._services[binary] = host
            self._touch(binary)

    def start(self) -> None:
        threading.Thread(target=self._keep_beating, name="beats", daemon=True).start()

    def set_up(self, up: bool, binary: str = "cinder-backup") -> None:
        """Stop the heartbeat of a service, which is then down immediately, or resume it."""
        with self._lock:
            if up:
                self._silent.discard(binary)
                self._touch(binary)
            else:
                self._silent.add(binary)
                self._touch(binary, ago=LONG_AGO)

    def _keep_beating(self) -> None:
        pause = threading.Event()
        while not pause.wait(INTERVAL_S):
            with self._lock:
                for binary in self._services.keys() - self._silent:
                    self._touch(binary)

    def _touch(self, binary: str, *, ago: datetime.timedelta = datetime.timedelta()) -> None:
        admin = context.get_admin_context()
        row = objects.Service.get_by_args(admin, self._services[binary], binary)
        database.service_update(admin, row.id, {"updated_at": timeutils.utcnow() - ago})
