"""What a tool found, and the exceptions from it: each names its reason, and one that excepts nothing is a fault."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that one tool does not like. `line` is the line itself, for secrets too: what is found is public."""

    tool: str
    kind: str
    file: str
    number: int = 0
    line: str = ""

    def __str__(self) -> str:
        return f"{self.tool}: {self.kind} in {self.file}:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempt:
    """What is known and left as it is: findings of a tool and kind, in files, in lines; and why."""

    tool: str
    kind: str
    files: str
    reason: str
    line: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether this finding is meant."""
        return (
            (self.tool, self.kind) == (finding.tool, finding.kind)
            and fnmatch(finding.file, self.files)
            and re.search(self.line, finding.line) is not None
        )


def read_exceptions(path: Path = EXCEPTIONS) -> list[Exempt]:
    """All of the file; an entry without a reason cannot be read.

    Raises:
        TypeError: an entry lacks a key or has an unknown one.
        ValueError: its reason is empty.
    """
    exceptions = [Exempt(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["exception"]]
    if any(not each.reason.strip() for each in exceptions):
        raise ValueError("an exception without a reason")
    return exceptions


def judge(findings: Iterable[Finding], exceptions: Iterable[Exempt]) -> list[str]:
    """What is left: findings that nothing excepts, then exceptions that except nothing."""
    found, allowed = list(findings), list(exceptions)
    left = [str(each) for each in found if not any(exempt.covers(each) for exempt in allowed)]
    stale = [each for each in allowed if not any(each.covers(finding) for finding in found)]
    return left + [f"{each.tool}: nothing is excepted by {each.kind} in {each.files} {each.line}" for each in stale]
