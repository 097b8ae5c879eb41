"""Draws `send` and `explain` from a run on a local stack: `python -m tests.support.local.console_pictures`."""

import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from rich.console import Console
from rich.text import Text

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.artefacts import ROOT
from tests.support.local.stack import LocalStack
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

FOLDER = ROOT / "tests" / "support" / "local" / "pictures"
TARGET = "otc-prod"
WIDTH = 130


def main() -> int:
    """Draw both pictures."""
    settings = SimulatorSettings(delete_seconds=0.3)
    with Simulator(settings).running() as cloud, LocalStack() as stack, TemporaryDirectory() as scratch:
        stack.store_secret(TARGET, cloud.target_secret())
        cli = OperatorCli(stack, Path(scratch))
        del cli.environment["NO_COLOR"]
        cli.environment |= {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(WIDTH)}
        backups = _create_backups(cloud)
        words = ("--target", TARGET, "--requested-by", "ann", "--reason", "volume moved")
        _, stdout, _ = cli.run("send", *backups, *words)
        _draw("send", f"vbs-reaper send --stack vbs-reaper ID ID ID --target {TARGET}", stdout)
        _, stdout, _ = cli.run("explain", backups[-1])
        _draw("explain", f"vbs-reaper explain --stack vbs-reaper {backups[-1]}", stdout)
    return 0


def _create_backups(cloud: Cloud) -> list[str]:
    """Create three backups: one to be deleted, a held one, and one with a 503 for its first GET."""
    backups = [cloud.add_backup(id=str(uuid4())) for _ in range(3)]
    cloud.hold(backups[1])
    cloud.inject(Fault(operation=Operation.SHOW, backup_id=backups[2], status=503, times=1))
    return backups


def _draw(name: str, command: str, stdout: str) -> None:
    console = Console(record=True, file=StringIO(), width=WIDTH, force_terminal=True)
    console.print(Text.from_ansi(stdout))
    drawn = console.export_svg(title=command, unique_id=f"vbs-reaper-{name}")
    (FOLDER / f"console-{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
