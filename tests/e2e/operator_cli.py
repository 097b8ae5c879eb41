"""The CLI, with the permissions of an operator on the local stack."""

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.operator import operator_keys
from tests.support.in_process import run_cli
from tests.support.local.deployment import STACK_NAME
from tests.support.local.embedded_aws import REGION
from tests.support.local.stack import LocalStack


class OperatorCli:
    """Runs commands of the CLI with the permissions of an operator."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = own | {
            "AWS_ENDPOINT_URL": stack.aws.url,
            "AWS_CA_BUNDLE": str(stack.aws.certificate),
            "AWS_DEFAULT_REGION": REGION,
            **operator_keys(stack),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "BROWSER": "true",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "TMPDIR": str(folder),
        }

    def start(self, command: str, *words: str, stack: str = STACK_NAME) -> "subprocess.Popen[str]":
        """Start a command as a process, with pipes as its standard streams."""
        return subprocess.Popen(
            [sys.executable, "-m", "vbs_reaper.cli", command, "--stack", stack, *words],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, command: str, *words: str, typed: str = "", stack: str = STACK_NAME) -> tuple[int, str, str]:
        """Run a command in this process; return its exit code, standard output and standard error."""
        finished = run_cli((command, "--stack", stack, *words), environment=self.environment, typed=typed)
        return finished.returncode, finished.stdout, finished.stderr
