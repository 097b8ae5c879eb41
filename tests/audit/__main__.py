"""`make audit`: known faults, weak code, forgotten secrets, and the SBOM of what is shipped; one line each."""

import argparse
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from tests.audit.finding import Finding, judge, read_exceptions
from tests.audit.tools import ROOT, NotAudited, forgotten_secrets, known_faults, weak_code, write_sbom

Step = Callable[[], Iterable[Finding]]


def main() -> int:
    """Audit; zero when all is clean. With `sbom` only that is written."""
    parser = argparse.ArgumentParser(prog="make audit ARGS=…", description=__doc__)
    parser.add_argument("only", nargs="?", choices=["sbom"], help="only the SBOM")
    parser.add_argument(
        "--advisories", type=Path, metavar="FOLDER", help="a clone of PyPA's advisory database, to ask instead of PyPI"
    )
    arguments = parser.parse_args()
    try:
        print(f"sbom: {write_sbom().relative_to(ROOT)}, which names what the lock pins")
    except NotAudited as failed:
        print(f"sbom: {failed}")
        return 1
    if arguments.only:
        return 0
    steps: dict[str, Step] = {
        "bandit": weak_code,
        "detect-secrets": forgotten_secrets,
        "pip-audit": partial(known_faults, arguments.advisories),
    }
    failures = sum(not is_clean(name, step) for name, step in steps.items())
    return 1 if failures else 0


def is_clean(name: str, step: Step) -> bool:
    """Run one tool and say what is left of its findings."""
    exceptions = [each for each in read_exceptions() if each.tool == name]
    try:
        findings = list(step())
    except NotAudited as failed:
        print(f"{name}: {failed}")
        return False
    left = judge(findings, exceptions)
    excepted = f"{len(findings)} findings, all of them excepted with a reason" if findings else "nothing found"
    print("\n".join(left) or f"{name}: clean ({excepted})")
    return not left


if __name__ == "__main__":
    sys.exit(main())
