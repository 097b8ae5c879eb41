"""Records what happened to each request. Disabled by default, because it takes time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.simulation.timeline import Timeline

if TYPE_CHECKING:
    from tests.simulation.run import Run


class Trace:
    def __init__(self, timeline: Timeline, *, is_enabled: bool) -> None:
        self.is_enabled = is_enabled
        self._timeline = timeline
        self._lines: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, identity: str, text: str) -> None:
        if self.is_enabled:
            now = self._timeline.now
            self._lines[identity].append(f"{self._timeline.moment():%d %H:%M:%S} (+{now:9.1f} s)  {text}")

    def add_to_all(self, run: Run, text: str) -> None:
        if self.is_enabled:
            for message in run.messages:
                self.add(message.identity, text)

    def of(self, identity: str) -> str:
        return "\n".join(self._lines[identity])
