"""`make mutants`: how many of the faults put into what decides the tests notice, module by module.

Those that no test can notice are listed in equivalent.toml, each with its reason.
"""

import argparse
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutants.workshop import Mutant, Subject, Workshop

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
LEAST = 0.95

WITHOUT_SIMULATIONS = tuple(f"--ignore=tests/unit/deletion/test_{name}.py" for name in ("bulk_killed", "endless_waits"))
"""Thousands of messages each: what no other test notices, they rarely do, and it takes them seconds."""

WITHOUT_A_LOG = (
    "--ignore=tests/unit/clouds/test_observation.py",
    "--deselect=tests/integration/test_keystone.py::test_neither_password_nor_token_is_written_down_at_any_level",
)
"""These read the log, which mutmut closes between its runs."""

WITHOUT_PICTURES_AND_YEARS = ("--ignore=tests/unit/purge/report", "--ignore=tests/unit/purge/test_year.py")
"""A year of purges takes seconds; where a picture fails, what decides has failed in another test."""

RUN_OF_A_PURGE = tuple(
    f"purge/{name}.py"
    for name in ("approval", "inventory", "listing", "planning", "purger", "recheck", "run_result", "sending")
)

SUBJECTS = {
    "answers": Subject(
        mutated=("clouds/apis/*", "clouds/error_body.py"),
        tests=("tests/unit/clouds", *WITHOUT_A_LOG),
    ),
    "calls": Subject(
        mutated=("clouds/client.py", "clouds/caller.py", "clouds/login/*"),
        tests=(
            "tests/unit/clouds",
            "tests/integration/test_backup_api.py",
            "tests/integration/test_calls_heard.py",
            "tests/integration/test_keystone.py",
            *WITHOUT_A_LOG,
        ),
    ),
    "deletion": Subject(mutated=("deletion/*",), tests=("tests/unit/deletion", *WITHOUT_SIMULATIONS)),
    "purge-rules": Subject(
        mutated=("purge/rules/*", "purge/calendar/*"), tests=("tests/unit/purge", *WITHOUT_PICTURES_AND_YEARS)
    ),
    "purge-run": Subject(
        mutated=RUN_OF_A_PURGE,
        tests=(
            "tests/unit/purge/test_purger.py",
            "tests/unit/purge/test_approval.py",
            "tests/unit/purge/test_last_plan.py",
            "tests/unit/purge/test_recheck.py",
            "tests/unit/purge/test_stored_time.py",
            "tests/unit/purge/test_words_of_a_run.py",
        ),
    ),
    "purge-plan": Subject(
        mutated=("purge/*",),
        # A report decides nothing; the others are subjects of their own.
        spared=("purge/report/*", "purge/rules/*", "purge/calendar/*", *RUN_OF_A_PURGE),
        tests=("tests/unit/purge", *WITHOUT_PICTURES_AND_YEARS),
    ),
}


def main() -> int:
    """Mutate; zero when of each module's faults at least 95 % are noticed, the equivalent ones left out."""
    parser = argparse.ArgumentParser(prog="make mutants ARGS=…", description=__doc__)
    parser.add_argument(
        "subjects", nargs="*", metavar="subject", help=f"of {', '.join(SUBJECTS)}; purge is all of its parts"
    )
    parser.add_argument("--at-once", type=int, default=2, help="mutants at once (2)")
    parser.add_argument("--again", action="store_true", help="only report what the last run found")
    parser.add_argument(
        "--left", action="store_true", help="only what the last run left, with the tests as they are now"
    )
    arguments = parser.parse_args()
    enough = True
    for name in chosen(arguments.subjects):
        workshop = Workshop(name, SUBJECTS[name])
        if arguments.left:
            workshop.renew()
            workshop.mutate(arguments.at_once, [mutant.name for mutant in left_of(workshop.mutants())])
        elif not arguments.again:
            workshop.set_up()
            workshop.mutate(arguments.at_once)
        enough &= report(list(workshop.mutants()))
    return 0 if enough else 1


def chosen(names: Sequence[str]) -> list[str]:
    """The subjects of these names: `purge` is all of its parts; all there are where none is named."""
    unknown = [name for name in names if name not in SUBJECTS and not parts(name)]
    if unknown:
        raise SystemExit(f"no such subject: {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    return [part for name in names for part in ([name] if name in SUBJECTS else parts(name))] or list(SUBJECTS)


def parts(name: str) -> list[str]:
    """The subjects that are parts of one."""
    return [subject for subject in SUBJECTS if subject.startswith(f"{name}-")]


def report(mutants: list[Mutant]) -> bool:
    """Say what was noticed, module by module, and what was not; whether that is enough."""
    unnoticed = [mutant for mutant in mutants if not mutant.is_noticed]
    left = left_of(unnoticed)
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


def left_of(mutants: Iterable[Mutant]) -> list[Mutant]:
    """Those that no test has noticed and that are not known to change nothing."""
    known = equivalents()
    return [mutant for mutant in mutants if not mutant.is_noticed and (mutant.where, mutant.added) not in known]


def equivalents() -> dict[tuple[str, str], str]:
    """Function and line of each fault that changes nothing anybody could see, and why."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return {(entry["where"], entry["added"]): entry["reason"] for entry in entries}


def count(mutants: Iterable[Mutant]) -> Counter[str]:
    """How many in each module."""
    return Counter(mutant.module for mutant in mutants)


if __name__ == "__main__":
    sys.exit(main())
