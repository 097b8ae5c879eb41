"""A reader of the documents at a terminal: pastes their commands as they are into bash, with an emulated `aws`."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.local.artefacts import ROOT
from tests.support.local.embedded_aws import REGION
from tests.support.local.stack import LocalStack

WITHIN_S = 150.0
SESSION = "session"
"""What a shell would remember: each command has a shell of its own."""
EXPORT = re.compile(r"export (\w+)=")
CLONED = ("events", "layers", "template.yaml", "pyproject.toml", "uv.lock", "README.md", ".venv", ".venv-sam", ".build")
"""What a reader who has run `make run` and `make test` finds in the folder."""

AWS = """#!/bin/sh
PYTHONPATH="{root}" exec "{python}" -m tests.e2e.command_line "$@"
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    text: str


class Reader:
    """Somebody in a folder of their own with the project in it, whose environment names the stack's account."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._folder = folder
        for name in CLONED:
            (folder / name).symlink_to(ROOT / name)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "UV_", "VIRTUAL_ENV"))}
        self._environment = own | {
            "PATH": f"{self._programs()}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": stack.aws.url,
            "AWS_CA_BUNDLE": str(stack.aws.certificate),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "SAM_CLI_TELEMETRY": "0",
            "BROWSER": "true",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "TMPDIR": str(folder),
            "BASH_ENV": str(folder / SESSION),
        }

    def paste(self, command: str, typed: str = "", environment: Mapping[str, str] | None = None) -> Said:
        """Run a command line; what it printed on both streams."""
        exported = EXPORT.match(command)
        keep = f" && declare -p {exported[1]} >> {SESSION}" if exported else ""
        done = subprocess.run(
            ["/bin/bash", "-c", command + keep],
            cwd=self._folder,
            env=self._environment | dict(environment or {}),
            input=typed,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=WITHIN_S,
        )
        return Said(done.returncode, done.stdout + done.stderr)

    def write(self, name: str, text: str) -> None:
        """Put a file into the folder."""
        (self._folder / name).write_text(text, encoding="utf-8")

    def _programs(self) -> Path:
        programs = self._folder / "programs"
        programs.mkdir()
        program = programs / "aws"
        program.write_text(AWS.format(root=ROOT, python=sys.executable), encoding="utf-8")
        program.chmod(0o755)
        return programs
