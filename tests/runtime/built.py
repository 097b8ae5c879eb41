"""Runs `sam build` into a separate folder, with the Python of the Makefile."""

import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infrastructure.translate import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"
BUILDERS_PATH = ROOT / ".build" / "uv" / "bin"


class NotBuiltError(Exception):
    """The build failed. The message is its output."""


class Built:
    """The artifacts of one build, by logical ID."""

    def __init__(self, scratch: Path, **variables: str) -> None:
        """Build into `scratch`. `variables` are those of the Makefiles of the layers: `RUNTIME` and `PLATFORM`.

        Raises:
            NotBuiltError: `sam` does not exist, or fails.
        """
        if not SAM.exists():
            raise NotBuiltError("sam is not installed: `make test-runtime` and `make build` create its environment")
        self.scratch = scratch
        places = ["--build-dir", str(scratch / "build"), "--cache-dir", str(scratch / "cache")]
        path = f"{BUILDERS_PATH}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "SAM_CLI_TELEMETRY": "0"} | variables
        finished = subprocess.run(
            [SAM, "build", *places], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if finished.returncode:
            raise NotBuiltError(finished.stdout + finished.stderr)

    def folder(self, logical_id: str) -> Path:
        """Return the folder of a function or layer that would be zipped."""
        return self.scratch / "build" / logical_id

    def files(self, logical_id: str) -> set[str]:
        """Return the names of the files, relative to the folder."""
        folder = self.folder(logical_id)
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def definitions(self) -> Iterator[dict[str, Any]]:
        """Yield what SAM recorded about each function and layer, such as runtime and architecture."""
        for kind in tomllib.loads((self.scratch / "build.toml").read_text()).values():
            yield from kind.values()
