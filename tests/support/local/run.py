"""`make run`: delete backups and purge on local emulators of AWS and the cloud, inject faults, and check the result."""

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from rich.console import Console

from tests.support.local.artefacts import ROOT
from tests.support.local.hold_act import HoldAct, StopVerdict
from tests.support.local.metrics import dashboard, measured
from tests.support.local.play import Played, play
from tests.support.local.purge_act import PurgeVerdict, purge_year
from tests.support.local.report import WIDTH, Report, picture
from tests.support.local.scenario import make_scenario
from tests.support.local.stack import LocalStack
from tests.support.local.year import make_year
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

DELETE_SECONDS = 1.0
INTERRUPTED = 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str] | None = None) -> int:
    """Run everything. Return 0 only if no request was lost and nothing wrong was deleted."""
    options = _options().parse_args(arguments)
    _remove_aws_settings()
    for each in STOP_SIGNALS:
        signal.signal(each, _interrupt)
    console = Console(stderr=options.json, width=None if sys.stdout.isatty() else WIDTH)
    try:
        stopped, played, purged, monitoring = _run(options, console)
    except KeyboardInterrupt:
        console.print("interrupted; all started processes have ended")
        return INTERRUPTED
    if options.svg:
        options.svg.write_text(picture(played.moment, played.verdict), encoding="utf-8")
    if options.json:
        print(json.dumps(_as_json(options.seed, stopped, played, purged) | monitoring, indent=2))
    return 0 if stopped.is_good and played.verdict.is_good and purged.is_good else 1


def _run(options: argparse.Namespace, console: Console) -> tuple[StopVerdict, Played, PurgeVerdict, dict[str, object]]:
    report = Report(console)
    scenario = make_scenario(options.seed)
    foreign = sum(backup.is_foreign for backup in scenario.stored)
    report.say(
        f"Cloud: a simulator of VBS, Cinder and CBR with {len(scenario.stored)} backups, {foreign} of them in another "
        "project. AWS: ministack, deployed from template.yaml."
    )
    began = time.monotonic()
    simulator = Simulator(SimulatorSettings(delete_seconds=DELETE_SECONDS))
    with simulator.running() as cloud, LocalStack() as stack, TemporaryDirectory(prefix="vbs-reaper-") as scratch:
        report.say(f"Ready after {time.monotonic() - began:.1f} s.")
        stack.store_secret("default", cloud.target_secret())
        report.say("First, an operator holds a backup and a volume, and stops a run of a purge:")
        act = HoldAct(stack, cloud, report, Path(scratch))
        act.hold(scenario.stored)
        stopped = act.stop()
        report.say(
            f"Act 1: {len(scenario.requests)} delete requests under faults. They may delete "
            f"{len(scenario.to_delete)} backups."
        )
        with report:
            played = play(scenario, stack, cloud, report)
        if not options.json:
            report.conclude(played.verdict)
        purged = purge_year(make_year(options.seed), stack, cloud, report, options.pictures)
        if not options.json:
            report.conclude_purge(purged)
            report.say(
                "Next: `make up` leaves such a stack running, with commands to try. To deploy: README.md, Deploy."
            )
        monitoring: dict[str, object] = {
            "dashboard": dashboard(stack),
            "metrics": [asdict(each) for each in measured(stack)],
        }
        return stopped, played, purged, monitoring


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the backups, requests and faults (default: 1)")
    parser.add_argument("--json", action="store_true", help="print the verdict, the metrics and the dashboard as JSON")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write the result as SVG")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        default=ROOT / ".build" / "run",
        help="write the pages of the purge plans (default: .build/run)",
    )
    return parser


def _as_json(seed: int, stopped: StopVerdict, played: Played, purged: PurgeVerdict) -> dict[str, object]:
    verdict, moment = played.verdict, played.moment
    return {
        "seed": seed,
        "good": stopped.is_good and verdict.is_good and purged.is_good,
        "seconds": round(moment.elapsed_s, 1),
        "stop": asdict(stopped),
        "verdict": asdict(verdict),
        "purge": asdict(purged),
    }


def _remove_aws_settings() -> None:
    """Remove the caller's AWS settings: a profile or an endpoint must not apply to the emulator."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Stop in order. A second Ctrl-C is ignored, because it would leave files behind."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
