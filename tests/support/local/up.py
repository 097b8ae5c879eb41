"""`make up` and `make down`: start and stop a local stack in the background."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.local.artefacts import ROOT
from tests.support.local.up_server import READY, SCRATCH, clean

FOLDER = ROOT / ".build" / "up"
SERVER = "tests.support.local.up_server"
READY_WITHIN_S = 300.0
ENDS_WITHIN_S = 60.0
POLL_S = 0.2


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if the stack was started or stopped as requested."""
    parser = argparse.ArgumentParser(prog="make up", description=__doc__)
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where it writes; default: .build/up")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    return up(folder) if options.what == "up" else down(folder)


def up(folder: Path) -> int:
    """Start the stack, wait until it is ready, and print commands to try."""
    running = running_pid(folder)
    if running:
        print(f"the local stack is already running (process {running})")
        _print_commands_to_try(folder)
        return 0
    clean(folder)
    (folder / SCRATCH).mkdir(parents=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", SERVER, str(folder)],
            cwd=ROOT,
            env=own | {"TMPDIR": str(folder / SCRATCH)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that Ctrl-C in this terminal does not stop it later
        )
    (folder / "pid").write_text(f"{process.pid}\n", encoding="utf-8")
    try:
        return _wait_until_ready(folder, process)
    except KeyboardInterrupt:
        down(folder)
        return 130


def down(folder: Path) -> int:
    """Stop the stack and its child processes, by process ID."""
    pid = running_pid(folder)
    ended = "the local stack is not running" if pid is None else _stop(folder, pid)
    (folder / "pid").unlink(missing_ok=True)
    clean(folder)
    print(ended)
    return 0


def _stop(folder: Path, pid: int) -> str:
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < until:
        if running_pid(folder) is None:
            return f"stopped the local stack (process {pid})"
        time.sleep(POLL_S)
    while running_pid(folder) is not None:
        os.kill(pid, signal.SIGKILL)  # the embedded AWS ends with its parent process
        time.sleep(POLL_S)
    return f"killed the local stack (process {pid}), which did not stop within {ENDS_WITHIN_S:g} s"


def running_pid(folder: Path) -> int | None:
    """Return the process ID of the stack, or None if it does not run or another process has its ID."""
    try:
        pid = int((folder / "pid").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    look = ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)]
    shown = subprocess.run(look, capture_output=True, text=True, check=False)
    is_ours = SERVER in shown.stdout and str(folder) in shown.stdout
    return pid if is_ours and not shown.stdout.lstrip().startswith("Z") else None


def _wait_until_ready(folder: Path, process: subprocess.Popen[bytes]) -> int:
    until, printed = time.monotonic() + READY_WITHIN_S, 0
    while not (folder / READY).exists():
        printed = _print_log(folder / "log", printed)
        if process.poll() is not None or time.monotonic() > until:
            print(f"the local stack did not start; see {folder / 'log'}", file=sys.stderr)
            down(folder)
            return 1
        time.sleep(POLL_S)
    _print_log(folder / "log", printed)
    _print_commands_to_try(folder)
    return 0


def _print_log(log: Path, printed: int) -> int:
    """Print the new lines of the log; return how far it was read."""
    text = log.read_text(encoding="utf-8", errors="replace")
    whole = text[printed : text.rfind("\n") + 1]
    print(whole, end="", flush=True)
    return printed + len(whole)


def _print_commands_to_try(folder: Path) -> None:
    try:
        print(f"\nTry:\n{(folder / READY).read_text(encoding='utf-8')}")
    except FileNotFoundError:
        print("the local stack is still starting")


if __name__ == "__main__":
    sys.exit(main())
