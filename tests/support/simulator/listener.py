"""The HTTP/1.1 server of the simulator: connections, threads and TLS."""

import socket
import socketserver
import ssl
import sys
import threading
import traceback
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.support.simulator.cloud import Cloud
from tests.support.simulator.dispatch import reply_to
from tests.support.simulator.exchange import Answer, Header, Request
from tests.support.simulator.response_writer import ResponseWriter, closes_connection

HOST = "127.0.0.1"
CLOSE_WITHIN_S = 5.0


class Listener(ThreadingHTTPServer):
    """Serves each connection in its own thread. Setting `stopping` ends all delays of responses."""

    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, cloud: Cloud, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.cloud = cloud
        self.tls = tls
        self.stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        super().__init__((host, port), Connection)

    def server_bind(self) -> None:
        """Bind without the host name lookup of HTTPServer."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Do the TLS handshake in the thread of the connection, so that a slow client blocks no other."""
        if self.tls is not None:
            try:
                request.settimeout(CLOSE_WITHIN_S)
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError:
                request.close()
                return
        with self._lock:
            self._connections[request] = threading.current_thread()
        if self.stopping.is_set():
            self.drop_connections()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[request]

    def drop_connections(self) -> list[threading.Thread]:
        """Close all connections; return their threads."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # it may be closed already
                    connection.shutdown(socket.SHUT_RDWR)
            return list(self._connections.values())

    def end(self) -> None:
        """Stop accepting, end all delays, close all connections and wait for their threads."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for thread in self.drop_connections():
            thread.join(CLOSE_WITHIN_S)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Ignore clients that disconnect; print other errors, which are faults of the simulator."""
        if not isinstance(sys.exception(), OSError):
            traceback.print_exc()


class Connection(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    raw_requestline: bytes

    def setup(self) -> None:
        """Initialize the counters of this connection."""
        super().setup()
        self.number = 0  # until the first call
        self.answered = 0

    def finish(self) -> None:
        """Count the connection even if it had no request."""
        if not self.number:
            self.server.cloud.journal.open_connection()
        super().finish()

    def serve(self) -> None:
        """Answer one request."""
        cloud = self.server.cloud
        request = self._read_request()
        if request is None:
            self.close_connection = True
            return
        writer = ResponseWriter(connection=self.connection, stopping=self.server.stopping)
        if cloud.settings.latency_seconds:
            self.server.stopping.wait(cloud.settings.latency_seconds)
        self.number = self.number or cloud.journal.open_connection()
        reply = reply_to(cloud, request, list(self.headers.items()), self.number, is_first=self.answered == 0)
        self.answered += 1
        if closes_connection(reply.answer, reply.fault):
            self.close_connection = True
        try:
            writer.send(reply.answer, self._common_headers(), reply.fault)
        except OSError:
            reply.call.status = None  # the client has disconnected
            raise

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_OPTIONS = serve

    def _read_request(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or "Transfer-Encoding" in self.headers:
            return None
        raw_path = self.raw_requestline.decode("latin-1").rstrip("\r\n").split(" ")[1]
        path, _, query = raw_path.partition("?")
        return Request(
            method=self.command,
            raw_path=raw_path,
            path=unquote(path),
            query=parse_qsl(query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )

    def _common_headers(self) -> list[Header]:
        cloud = self.server.cloud
        at = cloud.now() + timedelta(seconds=cloud.settings.date_offset_seconds)
        return [("Date", format_datetime(at, usegmt=True)), ("Server", HOST)]

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a malformed request with a 400 without recording it."""
        self.close_connection = True
        answer = Answer(status=code, headers=[("Content-Length", "0")], closes=True)
        ResponseWriter(connection=self.connection, stopping=self.server.stopping).send(answer, self._common_headers())

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the journal is the log."""
