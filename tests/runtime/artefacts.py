"""What `sam build` makes, for this machine and the Python of the runtime's environment, laid out as Lambda does."""

import platform
import shutil
import subprocess
from pathlib import Path

from tests.infrastructure.built import Built
from tests.infrastructure.translate import ROOT

RUNTIME_PYTHON = ROOT / ".venv-runtime" / "bin" / "python"
"""It holds the runtime's own packages only: what else a handler imports must come from a layer."""

LAYERS = ("DependenciesLayer", "SharedLayer")
WHEELS_OF = {"x86_64": "manylinux2014_x86_64", "aarch64": "manylinux2014_aarch64", "arm64": "manylinux2014_aarch64"}


def runtime_version() -> str:
    """Of the Python that plays the runtime: major and minor."""
    command = [str(RUNTIME_PYTHON), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class Artefacts:
    """Functions and layers, built once and laid out as in an execution environment."""

    def __init__(self, scratch: Path) -> None:
        """Build into `scratch`.

        Raises:
            NotBuiltError: when there is no `sam`, or when it fails.
        """
        self._built = Built(scratch, RUNTIME=runtime_version(), PLATFORM=WHEELS_OF[platform.machine()])
        self.layers = scratch / "opt" / "python"
        for layer in LAYERS:
            shutil.copytree(self.layer(layer), self.layers, dirs_exist_ok=True)

    def function(self, logical_id: str) -> Path:
        """What /var/task would be."""
        return self._built.folder(logical_id)

    def layer(self, logical_id: str) -> Path:
        """What one layer adds to /opt/python."""
        return self._built.folder(logical_id) / "python"
