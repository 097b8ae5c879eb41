"""The simulator as tests and `make run` use it: a cloud and the server in front of it."""

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
        """Serve while the block runs; after it no thread, no connection and no port is left."""
        self.start()
        try:
            yield self.cloud
        finally:
            self.stop()

    def start(self) -> None:
        """Serve from now on. The port is a free one unless one was named.

        Raises:
            OSError: the named port is taken.
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
        """Host and port, for those who speak no HTTP to it."""
        return self._host, self._port

    def stop(self) -> None:
        """Refuse connections from now on and close those there are; `start` takes the same port again."""
        if self._listener is None or self._thread is None:
            return
        self._listener.end()
        self._thread.join()
        self._listener = self._thread = None

    def drop_connections(self) -> None:
        """Close every connection there is, as a load balancer does with idle ones; serve on."""
        if self._listener is not None:
            self._listener.drop_connections()
