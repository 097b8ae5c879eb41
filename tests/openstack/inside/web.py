"""Serves a WSGI application on a socket that the parent process has bound."""

import socket
import threading
from typing import Any

import waitress

THREADS = 16


def serve(application: Any, listener: int) -> None:
    """Start serving in threads."""
    server = waitress.create_server(application, sockets=[socket.socket(fileno=listener)], threads=THREADS, ident=None)
    threading.Thread(target=server.run, name="web", daemon=True).start()
