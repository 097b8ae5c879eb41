"""What happened to each request, for whoever must understand a seed. Silent unless asked for: it costs time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.simulation.timeline import Timeline

if TYPE_CHECKING:
    from tests.simulation.run import Run


class Story:
    def __init__(self, timeline: Timeline, *, is_told: bool) -> None:
        self.is_told = is_told
        self._timeline = timeline
        self._lines: defaultdict[str, list[str]] = defaultdict(list)

    def tell(self, identity: str, text: str) -> None:
        if self.is_told:
            now = self._timeline.now
            self._lines[identity].append(f"{self._timeline.moment():%d %H:%M:%S} (+{now:9.1f} s)  {text}")

    def tell_all(self, run: Run, text: str) -> None:
        if self.is_told:
            for message in run.messages:
                self.tell(message.identity, text)

    def of(self, identity: str) -> str:
        return "\n".join(self._lines[identity])
