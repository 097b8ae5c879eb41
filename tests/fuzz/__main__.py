"""`make fuzz`: run the fuzzer with every parser, one after the other, and print a summary."""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.readers import READERS

ROOT = Path(__file__).parents[2]
SEEDS = Path(__file__).parent / "corpus"
GROWN = ROOT / ".build" / "fuzz"
HANG_S = 10
"""An input that takes longer is a hang."""


def main() -> int:
    """Run the fuzzer; return 0 if no parser crashed, hung or failed a check."""
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=…", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="reader", help=f"of {', '.join(READERS)}; default: all")
    parser.add_argument("--executions", type=int, default=10_000_000, help="in all, shared evenly (ten million)")
    arguments = parser.parse_args()
    chosen = arguments.readers or list(READERS)
    if unknown := {*chosen} - {*READERS}:
        parser.error(f"no such reader: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    results = [fuzz(reader, -(-arguments.executions // len(chosen))) for reader in chosen]
    executions = sum(count for count, _ in results)
    failed = [reader for reader, (_, code) in zip(chosen, results, strict=True) if code]
    minutes = (time.monotonic() - began) / 60
    verdict = f"failed: {', '.join(failed)}" if failed else "no crash, no hang, no failed check"
    print(f"{executions:,} executions in {minutes:.1f} minutes: {verdict}")
    return 1 if failed else 0


def fuzz(reader: str, executions: int) -> tuple[int, int]:
    """Run one parser in its own process; return the number of executions and the exit code.

    Findings remain in the corpus of the fuzzer.
    """
    grown = GROWN / reader
    grown.mkdir(parents=True, exist_ok=True)
    options = [f"-runs={executions}", f"-timeout={HANG_S}", "-rss_limit_mb=2048", "-max_len=4096", "-verbosity=1"]
    finding = f"-artifact_prefix={GROWN}/{reader}-"
    command = [sys.executable, "-m", "tests.fuzz.one", reader, *options, finding, str(grown), str(SEEDS / reader)]
    began = time.monotonic()
    finished = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    counts = [int(number) for number in re.findall(r"^#(\d+)", finished.stderr, re.MULTILINE)]
    count = max(counts, default=0)
    seconds = max(time.monotonic() - began, 0.001)
    print(f"{reader}: {count:,} executions in {seconds:.0f} s, {count / seconds:,.0f} a second", flush=True)
    if finished.returncode:
        print(without_progress(finished.stderr), flush=True)
    return count, finished.returncode


def without_progress(output: str) -> str:
    """Return the output of the fuzzer about a finding, without its progress."""
    return "\n".join(line for line in output.splitlines() if not line.startswith(("#", "INFO:", "WARNING:")))


if __name__ == "__main__":
    sys.exit(main())
