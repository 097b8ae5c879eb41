"""A terminal of somebody who may do what the operator's policy says, on the local stack."""

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.operator import operator_keys
from tests.support.local.deployment import STACK_NAME
from tests.support.local.embedded_aws import REGION
from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack


class Desk:
    """Runs the console's commands, each as a process."""

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
        """Start a command; its output and its complaints are pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "vbs_reaper.cli", command, "--stack", stack, *words],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, command: str, *words: str, typed: str = "", stack: str = STACK_NAME) -> tuple[int, str, str]:
        """Run a command to its end: exit code, what it said, what it complained of."""
        with self.start(command, *words, stack=stack) as process:
            said, complained = process.communicate(typed, timeout=WITHIN_S)
        assert "Traceback" not in complained
        return process.returncode, said, complained
