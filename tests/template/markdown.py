"""What a Markdown file of ours is made of: headings, links, blocks of code, tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)
LINK = re.compile(r"\[(?:[^\]]|\](?!\())*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code and its language."""

    language: str
    text: str


class Markdown:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.prose = FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The texts of the blocks of a language."""
        return [found["text"] for found in FENCE.finditer(self.text) if found["language"] == language]

    def commands(self) -> Iterator[str]:
        """Every command line that a reader may paste."""
        for block in self.blocks("console"):
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield line.removeprefix("$ ").split("   #")[0].strip()

    def anchors(self) -> set[str]:
        """What a link's `#…` may name, as GitHub makes it of a heading."""
        titles = (found["title"].lower() for found in HEADING.finditer(self.prose))
        return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}

    def links(self) -> list[str]:
        """The targets of links and pictures."""
        return [found["target"] for found in LINK.finditer(self.prose)]

    def rows(self, heading: str) -> Iterator[list[str]]:
        """The cells of the first table under a heading, its own two first lines left out."""
        section = self.prose.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("|")]
        for line in lines[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]
