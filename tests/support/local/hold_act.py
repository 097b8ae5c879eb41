"""The first part of `make run`: an operator holds backups, and stops a purge run that has requests in the queue."""

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.report import Report
from tests.support.local.scenario import StoredBackup
from tests.support.local.stack import LocalStack
from tests.support.simulator.cloud import Cloud

POLICY: dict[str, Any] = {"policy": "mistake", "match": {"name": "mistake-*"}, "keep": {"last": 1}}
BACKUPS = 6
POLL_S = 0.5
ENDS_WITHIN_S = 75.0
EMPTY_POLLS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StopVerdict:
    """How many deletions a run requested, how many of them were stopped, and which backups are gone."""

    requested: int
    stopped: int
    gone: Sequence[str]

    @property
    def is_good(self) -> bool:
        """Whether every request was stopped and nothing was deleted."""
        return self.requested == self.stopped > 0 and not self.gone


class HoldAct:
    """Runs CLI commands with the operator's permissions and prints their output."""

    def __init__(self, stack: LocalStack, cloud: Cloud, report: Report, folder: Path) -> None:
        self._stack = stack
        self._cloud = cloud
        self._report = report
        self._cli = OperatorCli(stack, folder)

    def hold(self, backups: Sequence[StoredBackup]) -> None:
        """Hold the backups with `held_by`. No function has cached a list of holds yet: nothing was requested."""
        for backup in backups:
            if backup.held_by:
                on = backup.id if backup.held_by == "backup" else backup.volume_id
                self._run("hold", f"--{backup.held_by}", on, "--reason", "Legal: case 17", "--unseen", lines=1)

    def stop(self) -> StopVerdict:
        """Request deletions while the deleter is paused, stop the run, and resume the deleter."""
        began, volume_id = datetime.now(UTC), self._cloud.new_id()
        backups = [
            self._cloud.add_backup(
                volume_id=volume_id, name=f"mistake-{age}", created_at=began - timedelta(days=age, hours=2)
            )
            for age in range(BACKUPS)
        ]
        preview = self._stack.invoke({"run": POLICY}, function="Purger")
        self._run("pause", lines=0)
        approval = {"policy": POLICY["policy"], "plan": preview["plan"]}
        requested = self._stack.invoke({"approve": approval}, function="Purger")["requested"]
        self._report.say(
            f"A wrong policy has requested to delete {requested} of {BACKUPS} more backups. An operator stops its run:"
        )
        self._run("stop", "--policy", POLICY["policy"], "--run", preview["run"], "--reason", "mistake", lines=3)
        self._run("resume", lines=0)
        self._wait(lambda: self._stack.depth().total == 0)
        log = self._stack.log().documents(began - timedelta(minutes=1))
        stopped = {
            line["backup_id"] for line in log if line.get("outcome") == "superseded" and line["reason"] == "stopped"
        }
        self._report.say(f"{len(stopped)} of {requested} requests ended as superseded (stopped).")
        gone = [backup_id for backup_id in backups if backup_id not in self._cloud.remaining()]
        return StopVerdict(requested=requested, stopped=len(stopped), gone=gone)

    def _wait(self, is_quiet: Callable[[], bool]) -> None:
        until, quiet = time.monotonic() + ENDS_WITHIN_S, 0
        while quiet < EMPTY_POLLS and time.monotonic() < until:
            time.sleep(POLL_S)
            quiet = quiet + 1 if is_quiet() else 0

    def _run(self, *words: str, lines: int) -> None:
        """Run a command, and print the first lines of its output.

        Raises:
            RuntimeError: the command failed.
        """
        code, stdout, stderr = self._cli.run(*words)
        if code:
            raise RuntimeError(f"{shlex.join(words)}: {stderr}")
        if lines:
            self._report.say(f"$ vbs-reaper {shlex.join(words)}")
        for line in stdout.splitlines()[:lines]:
            self._report.say(f"  {line}")
