"""What `sam build` makes of the template: run once, beside the tree, with the Python that the Makefile uses."""

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
    """The build failed; the text is what it said."""


class Built:
    """The artefacts of one build, by the logical ids of the template."""

    def __init__(self, scratch: Path, **variables: str) -> None:
        """Build into `scratch`; `variables` are the layers' Makefiles' own, `RUNTIME` and `PLATFORM`.

        Raises:
            NotBuiltError: when there is no `sam`, or when it fails.
        """
        if not SAM.exists():
            raise NotBuiltError("there is no sam here: `make test` or `make build` makes its environment first")
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
        """What would be zipped for a function or a layer."""
        return self.scratch / "build" / logical_id

    def files(self, logical_id: str) -> set[str]:
        """The names of its files, relative to its folder."""
        folder = self.folder(logical_id)
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def definitions(self) -> Iterator[dict[str, Any]]:
        """How SAM recorded each function and each layer: runtime, architecture."""
        for kind in tomllib.loads((self.scratch / "build.toml").read_text()).values():
            yield from kind.values()
