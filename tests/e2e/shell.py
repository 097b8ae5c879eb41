"""Runs the commands of the documents in bash, with an emulated `aws`."""

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
"""A file with exported variables: each command runs in a new shell that reads it."""
EXPORT = re.compile(r"export (\w+)=")
LINKED = ("events", "layers", "template.yaml", "pyproject.toml", "uv.lock", "README.md", ".venv", ".venv-sam", ".build")
"""The files of the repository, after `make run` and `make test`, that commands need."""

AWS = """#!/bin/sh
PYTHONPATH="{root}" exec "{python}" -m tests.e2e.command_line "$@"
"""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit code and the output of a command."""

    code: int
    text: str


class Shell:
    """A shell in a copy of the project, with the AWS settings of the local stack."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._folder = folder
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "UV_", "VIRTUAL_ENV"))}
        self._environment = own | {
            "PATH": f"{self._create_programs()}:{os.environ['PATH']}",
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

    def paste(self, command: str, typed: str = "", environment: Mapping[str, str] | None = None) -> CommandResult:
        """Run a command line; return its exit code and output of both streams."""
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
        return CommandResult(done.returncode, done.stdout + done.stderr)

    def write(self, name: str, text: str) -> None:
        """Write a file into the folder."""
        (self._folder / name).write_text(text, encoding="utf-8")

    def _create_programs(self) -> Path:
        programs = self._folder / "programs"
        programs.mkdir()
        program = programs / "aws"
        program.write_text(AWS.format(root=ROOT, python=sys.executable), encoding="utf-8")
        program.chmod(0o755)
        return programs
