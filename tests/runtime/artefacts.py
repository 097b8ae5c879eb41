"""Builds functions and layers with `sam build` for this machine, and lays them out as in Lambda."""

import platform
import shutil
import subprocess
from pathlib import Path

from tests.infrastructure.translate import ROOT
from tests.runtime.built import Built

RUNTIME_PYTHON = ROOT / ".venv-runtime" / "bin" / "python"
"""It contains only the packages of the runtime; everything else must come from a layer."""

LAYERS = ("DependenciesLayer", "SharedLayer")
WHEELS_OF = {"x86_64": "manylinux2014_x86_64", "aarch64": "manylinux2014_aarch64", "arm64": "manylinux2014_aarch64"}


def runtime_version() -> str:
    """Return the major and minor version of the Python of the runtime."""
    command = [str(RUNTIME_PYTHON), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class Artefacts:
    """The functions and layers of one build, laid out as in an execution environment."""

    def __init__(self, scratch: Path) -> None:
        """Build into `scratch`.

        Raises:
            NotBuiltError: `sam` does not exist, or fails.
        """
        self._built = Built(scratch, RUNTIME=runtime_version(), PLATFORM=WHEELS_OF[platform.machine()])
        self.layers = scratch / "opt" / "python"
        for layer in LAYERS:
            shutil.copytree(self.layer(layer), self.layers, dirs_exist_ok=True)

    def function(self, logical_id: str) -> Path:
        """Return the folder for /var/task."""
        return self._built.folder(logical_id)

    def layer(self, logical_id: str) -> Path:
        """Return the folder that a layer adds to /opt/python."""
        return self._built.folder(logical_id) / "python"
