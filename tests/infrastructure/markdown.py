"""Parses the Markdown documents of the repository: headings, links, code blocks and tables."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.infrastructure.translate import ROOT

DOCUMENTS: Final = (
    "README.md",
    "functions/README.md",
    "functions/PURGING.md",
    "events/README.md",
    "layers/README.md",
    "tests/README.md",
    ".github/CONTRIBUTING.md",
    ".github/SECURITY.md",
)
"""Every document that the tests check, in reading order."""

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
"""A code block, which may be indented in a list."""
HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)
LINK = re.compile(r"\[(?:[^\]]|\](?!\())*\]\((?P<target>[^)\s]+)\)")


class Markdown:
    """One document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.prose = FENCE.sub("", self.text)

    @property
    def name(self) -> str:
        """The path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    def blocks(self, language: str) -> list[str]:
        """Return the texts of the blocks of a language, without the indent of a list."""
        return [textwrap.dedent(found["text"]) for found in FENCE.finditer(self.text) if found["language"] == language]

    def commands(self) -> Iterator[str]:
        """Yield every command line that a reader can paste."""
        for block in self.blocks("console"):
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield line.removeprefix("$ ").split("   #")[0].strip()

    def anchors(self) -> set[str]:
        """Return the anchors of the headings, as GitHub makes them."""
        titles = (found["title"].lower() for found in HEADING.finditer(self.prose))
        return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}

    def links(self) -> list[str]:
        """Return the targets of links and pictures."""
        return [found["target"] for found in LINK.finditer(self.prose)]

    def linked_paths(self) -> set[str]:
        """Return the linked files and folders of the repository, as paths from its root."""
        paths = {link.partition("#")[0] for link in self.links() if not link.startswith("https://")}
        return {(self.path.parent / path).resolve().relative_to(ROOT).as_posix() for path in paths if path}

    def section(self, heading: str) -> str:
        """Return the text under a heading of the second level."""
        return self.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]

    def table(self, head: str) -> list[list[str]]:
        """Return the cells of the table with this first line, without its head."""
        lines = self.prose.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:] if line.startswith("|")]


def documents() -> list[Markdown]:
    """Return all documents, in reading order."""
    return [Markdown(ROOT / name) for name in DOCUMENTS]
