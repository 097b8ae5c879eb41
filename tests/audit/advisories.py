"""PyPA's advisory database in a folder, answering as api.osv.dev does: for places that reach no such service.

Source: OSV's API, "POST /v1/query", and the OSV schema 1.7, "affected[].versions" and "affected[].ranges[].events".
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import yaml
from packaging.version import Version

PYPI: Final = "PyPI"
Advisory = Mapping[str, Any]


class NoDatabase(Exception):
    """The folder is no clone of the database; the text is one sentence."""


class Advisories:
    """The advisories in a clone of https://github.com/pypa/advisory-database."""

    def __init__(self, clone: Path) -> None:
        self._folder = clone / "vulns"
        if not self._folder.is_dir():
            raise NoDatabase(f"{clone} has no vulns/; name a clone of PyPA's advisory database")
        git = ["git", "-C", str(clone), "log", "-1", "--format=%cs"]
        self.day = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
        """Of the newest commit: what was found out later is not in it."""

    def affecting(self, name: str, version: str) -> list[Advisory]:
        """Those that are about this version of a package, by its normalised name."""
        files = sorted((self._folder / name).glob("*.yaml"))
        # As text throughout: 1.10 is no number, and pip-audit wants times as they are written.
        read = partial(yaml.load, Loader=yaml.BaseLoader)  # noqa: S506  # it makes nothing but text, lists and mappings
        found = (read(file.read_text(encoding="utf-8")) for file in files)
        return [advisory for advisory in found if is_affected(advisory, name, version)]


def is_affected(advisory: Advisory, name: str, version: str) -> bool:
    """Whether it names the version itself, or a range of releases that holds it."""
    return any(
        version in affected.get("versions", ())
        or any(_holds(each["events"], Version(version)) for each in affected.get("ranges", ()) if _by_release(each))
        for affected in advisory["affected"]
        if (affected["package"]["ecosystem"], affected["package"]["name"].lower()) == (PYPI, name)
    )


def _by_release(releases: Mapping[str, Any]) -> bool:
    return bool(releases["type"] == "ECOSYSTEM")


def _holds(events: list[dict[str, str]], version: Version) -> bool:
    """Whether the last event up to this version is one that brought the fault in."""
    holds = False
    for event in sorted(events, key=lambda event: Version(*event.values())):
        (kind, at), *_ = event.items()
        if Version(at) < version or (Version(at) == version and kind != "last_affected"):
            holds = kind == "introduced"
    return holds


@contextmanager
def served(advisories: Advisories) -> Iterator[str]:
    """Answer queries on a free port of 127.0.0.1; the address is what pip-audit takes as `--osv-url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's own name for it
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = advisories.affecting(query["package"]["name"], query["version"])
            answer = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
