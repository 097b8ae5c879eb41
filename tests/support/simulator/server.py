"""The simulator: a cloud and its HTTP server."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.simulator.cloud import Clock, Cloud, utc_now
from tests.support.simulator.listener import HOST, Listener
from tests.support.simulator.settings import SimulatorSettings


class Simulator:
    """A cloud and its server, on 127.0.0.1 by default: `with Simulator(settings).running() as cloud: … cloud.url …`."""

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        clock: Clock = utc_now,
        tls: ssl.SSLContext | None = None,
        host: str = HOST,
        port: int = 0,
    ) -> None:
        self.cloud = Cloud(settings, clock)
        self._tls = tls
        self._host = host
        self._port = port
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    @contextmanager
    def running(self) -> Iterator[Cloud]:
        """Serve while the block runs. No thread, connection or port is left after it."""
        self.start()
        try:
            yield self.cloud
        finally:
            self.stop()

    def start(self) -> None:
        """Start serving, on a free port by default.

        Raises:
            OSError: the port is in use.
        """
        self._listener = Listener(self.cloud, self._host, self._port, self._tls)
        self._port = self._listener.server_port
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.cloud.url = f"{'https' if self._tls else 'http'}://{shown}:{self._port}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, name="simulator", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._host, self._port

    def stop(self) -> None:
        """Stop serving and close all connections. `start` uses the same port again."""
        if self._listener is None or self._thread is None:
            return
        self._listener.end()
        self._thread.join()
        self._listener = self._thread = None

    def drop_connections(self) -> None:
        """Close all connections, as a load balancer does with idle ones, and continue to serve."""
        if self._listener is not None:
            self._listener.drop_connections()
