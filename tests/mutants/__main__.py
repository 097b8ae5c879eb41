"""`make mutants`: how many of the faults put into what decides the tests notice, module by module.

Those that no test can notice are listed in equivalent.toml, each with its reason.
"""

import argparse
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.workshop import Mutant
from tests.mutants.workshop import Subject
from tests.mutants.workshop import Workshop

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
LEAST = 0.95

WITHOUT_SIMULATIONS = tuple(f"--ignore=tests/unit/deletion/test_{name}.py" for name in ("bulk_killed", "endless_waits"))
"""Thousands of messages each: what no other test notices, they rarely do, and it takes them seconds."""

WITHOUT_A_LOG = (
    "--ignore=tests/unit/openstack/calls/test_observation.py",
    "--deselect=tests/integration/test_keystone.py::test_neither_password_nor_token_is_written_down_at_any_level",
)
"""These read the log, which mutmut closes between its runs."""

SUBJECTS = {
    "answers": Subject(mutated=("openstack/answer.py", "openstack/fault.py"), tests=("tests/unit/openstack",)),
    "calls": Subject(
        mutated=("openstack/backup_api.py", "openstack/calls/*"),
        spared=("openstack/calls/observation.py",),  # it counts and logs
        tests=(
            "tests/unit/openstack",
            "tests/integration/test_backup_api.py",
            "tests/integration/test_keystone.py",
            *WITHOUT_A_LOG,
        ),
    ),
    "deletion": Subject(mutated=("deletion/*",), tests=("tests/unit/deletion", *WITHOUT_SIMULATIONS)),
    # A picture decides nothing.
    "purge": Subject(mutated=("purge/*",), spared=("purge/picture/*",), tests=("tests/unit/purge",)),
}


def main() -> int:
    """Mutate; zero when of each module's faults at least 95 % are noticed, the equivalent ones left out."""
    parser = argparse.ArgumentParser(prog="make mutants ARGS=…", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="subject", help=f"of {', '.join(SUBJECTS)}; all where none is")
    parser.add_argument("--at-once", type=int, default=2, help="mutants at once (2)")
    parser.add_argument("--again", action="store_true", help="only report what the last run found")
    arguments = parser.parse_args()
    enough = True
    for name in arguments.subjects or SUBJECTS:
        workshop = Workshop(name, SUBJECTS[name])
        if not arguments.again:
            workshop.set_up()
            workshop.mutate(arguments.at_once)
        enough &= report(list(workshop.mutants()))
    return 0 if enough else 1


def report(mutants: list[Mutant]) -> bool:
    """Say what was noticed, module by module, and what was not; whether that is enough."""
    known = equivalents()
    unnoticed = [mutant for mutant in mutants if not mutant.is_noticed]
    left = [mutant for mutant in unnoticed if (mutant.where, mutant.added) not in known]
    total, open_ones, missed = count(mutants), count(left), count(unnoticed)
    for mutant in left:
        print(f"  {mutant.name} ({mutant.status}): {mutant.added}")
    for module, number in sorted(total.items()):
        equivalent = missed[module] - open_ones[module]
        share = 1 - open_ones[module] / max(1, number - equivalent)
        noticed = number - missed[module]
        print(
            f"{module}: {noticed} of {number} noticed, {equivalent} equivalent, {open_ones[module]} left: {share:.1%}"
        )
    return all(open_ones[module] <= (1 - LEAST) * number for module, number in total.items())


def equivalents() -> dict[tuple[str, str], str]:
    """Function and line of each fault that changes nothing anybody could see, and why."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return {(entry["where"], entry["added"]): entry["reason"] for entry in entries}


def count(mutants: Iterable[Mutant]) -> Counter[str]:
    """How many in each module."""
    return Counter(mutant.module for mutant in mutants)


if __name__ == "__main__":
    sys.exit(main())
