"""A copy of package and tests in which mutmut puts its faults: the tree itself is never touched."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from filecmp import cmp as same
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKSHOPS = ROOT / ".build" / "mutants"
PACKAGE = ROOT / "layers" / "shared" / "python" / "vbs_reaper"
FEW_EXAMPLES = {"PURGE_EXAMPLES": "25"}
"""Properties take most of the time; what so few examples do not notice counts as unnoticed."""
PATIENCE_S = 15
"""Twice this and twice what the tests take, and a mutant is taken for endless."""
MUTMUT = Path(sys.executable).with_name("mutmut")

WITHOUT_CACHES = shutil.ignore_patterns("__pycache__")

SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
also_copy = ["functions"]
only_mutate = {mutated}
do_not_mutate = {spared}
pytest_add_cli_args = ["-p", "no:cacheprovider", "--hypothesis-seed=0", "--hypothesis-profile=unshrunk"]
pytest_add_cli_args_test_selection = {tests}
timeout_constant = {patience_s}
timeout_multiplier = 2
track_dependencies = false
use_git_change_detection = false

[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["--import-mode=importlib", "-q", "-m", "not openstack and not nightly and not runtime"]
markers = ["nightly", "openstack", "runtime"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is mutated, as patterns below the package, and the tests that are to notice."""

    mutated: tuple[str, ...]
    tests: tuple[str, ...]
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault that was put in. `added` is the line as it became, its blanks taken off."""

    name: str
    module: str
    status: str
    added: str = ""

    @property
    def where(self) -> str:
        """The function or method, by its whole name; mutmut's own begins with an x and has ǁ for dots."""
        mangled = self.name.rpartition(".")[2].partition("__mutmut_")[0]
        return f"{self.module}.{mangled.removeprefix('xǁ').removeprefix('x_').replace('ǁ', '.')}"

    @property
    def is_noticed(self) -> bool:
        """Whether a test failed, or never came to its end."""
        return self.status in {"killed", "timeout"}


class Workshop:
    """Where one subject is mutated. What was found stays there until it is set up anew."""

    def __init__(self, name: str, subject: Subject) -> None:
        self._name = name
        self._folder = WORKSHOPS / name
        self._subject = subject

    def set_up(self) -> None:
        """Copy package and tests as they are now."""
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(PACKAGE, self._folder / "src" / PACKAGE.name, ignore=WITHOUT_CACHES)
        for name in ("tests", "functions"):
            shutil.copytree(ROOT / name, self._folder / name, ignore=WITHOUT_CACHES)
        self._write_settings()

    def _write_settings(self) -> None:
        paths = {
            "mutated": [f"src/{PACKAGE.name}/{pattern}" for pattern in self._subject.mutated],
            "spared": [f"src/{PACKAGE.name}/{pattern}" for pattern in self._subject.spared],
        }
        settings = SETTINGS.format(tests=list(self._subject.tests), patience_s=PATIENCE_S, **paths)
        (self._folder / "pyproject.toml").write_text(settings, encoding="utf-8")

    def renew(self) -> None:
        """Copy the tests, and what of the package is not mutated, as they are now; what was found stays.

        Raises:
            SystemExit: what was mutated has changed since.
        """
        if not self._holds_what_is_mutated():
            raise SystemExit(f"{self._name}: the package has changed since it was mutated; mutate it anew")
        for place in (self._folder, self._folder / "mutants"):  # mutmut copies once only
            shutil.rmtree(place / "tests", ignore_errors=True)
            for path in PACKAGE.rglob("*.py"):
                if not self._mutates(path):
                    copied = place / "src" / PACKAGE.name / path.relative_to(PACKAGE)
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, copied)
        shutil.copytree(ROOT / "tests", self._folder / "tests", ignore=WITHOUT_CACHES)
        self._write_settings()

    def _holds_what_is_mutated(self) -> bool:
        copied = self._folder / "src" / PACKAGE.name
        mutated = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if self._mutates(path)]
        return all((copied / path).exists() and same(PACKAGE / path, copied / path, shallow=False) for path in mutated)

    def _mutates(self, path: Path) -> bool:
        name = path.relative_to(PACKAGE).as_posix()
        mutated, spared = (
            any(fnmatch(name, pattern) for pattern in patterns)
            for patterns in (self._subject.mutated, self._subject.spared)
        )
        return mutated and not spared

    def mutate(self, at_once: int, names: Iterable[str] = ()) -> None:
        """Put every fault in, or those named, one after the other, and run the tests that reach it."""
        command = [str(MUTMUT), "run", "--max-children", str(at_once), *names]
        environment = os.environ | FEW_EXAMPLES
        with (self._folder / "mutmut.log").open("wb") as log:
            finished = subprocess.run(command, cwd=self._folder, env=environment, stdout=log, stderr=log, check=False)
        if finished.returncode:
            raise SystemExit(f"mutmut failed; {self._folder.relative_to(ROOT)}/mutmut.log says why")

    def mutants(self) -> Iterator[Mutant]:
        """All there were, the unnoticed with the line that became of theirs."""
        for line in self._mutmut("results", "--all", "true").splitlines():
            if found := re.fullmatch(r"\s*(\S+): (.+)", line):
                mutant = Mutant(name=found[1], module=found[1].rpartition(".")[0], status=found[2])
                yield mutant if mutant.is_noticed else self._with_line(mutant)

    def _with_line(self, mutant: Mutant) -> Mutant:
        diff = self._mutmut("show", mutant.name).splitlines()
        changed = [line[1:].strip() for line in diff if line[:1] in "+-" and not line.startswith(("+++", "---"))]
        added = [line[1:].strip() for line in diff if line.startswith("+") and not line.startswith("+++")]
        return Mutant(
            name=mutant.name, module=mutant.module, status=mutant.status, added=(added or [f"- {changed[0]}"])[0]
        )

    def _mutmut(self, *arguments: str) -> str:
        command = [str(MUTMUT), *arguments]
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=True).stdout
