"""Serve a WSGI application on a socket that the starter has already bound: its address is known before the start."""

import socket
import threading
from typing import Any

import waitress

THREADS = 16


def serve(application: Any, listener: int) -> None:
    """Serve in threads from here on; returns at once."""
    server = waitress.create_server(application, sockets=[socket.socket(fileno=listener)], threads=THREADS, ident=None)
    threading.Thread(target=server.run, name="web", daemon=True).start()
