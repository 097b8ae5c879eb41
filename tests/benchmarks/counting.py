"""Calls to the cloud per proven deletion, counted on a clock that nobody waits for."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.benchmarks.queue_in_memory import BusInMemory, QueueInMemory
from tests.integration.reach import TARGET, Reach, reaching
from tests.support.doubles import ManualClock
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.logs import logger

TAKES: Final = {"1 s": 1.0, "30 s": 30.0, "30 min": 1800.0}
"""How long a deletion takes the cloud."""
BASE_S: Final = 60
"""`BackoffBaseInSeconds` as the template has it."""
LOOKS_AT_MOST: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The calls of one run, by operation, and how many deletions they proved."""

    calls: Counter[str]
    proven: int
    connections: int = 0
    """To the cloud, over the whole run."""

    @property
    def per_deletion(self) -> float:
        """Every call there was, logins too, for each deletion."""
        return self.calls.total() / self.proven

    @property
    def looks_per_deletion(self) -> float:
        """Looks at the backup for each deletion, the one before the DELETE and the proof too."""
        return self.calls["ShowBackup"] / self.proven


@contextmanager
def slow_cloud(takes_s: float, clock: ManualClock) -> Iterator[Reach]:
    """A cloud whose deletions take so long on that clock, and our way to it."""
    settings = SimulatorSettings(delete_seconds=takes_s, token_seconds=24 * 3600)
    with Simulator(settings, clock=clock).running() as cloud, reaching(cloud, clock=clock) as reach:
        yield reach


def count_ours(takes_s: float, deletions: int, *, jitter: Callable[[], float] = lambda: 0.5) -> Counted:
    """Delete so many with the deleter, each from its message to its result; `dice` is the luck of its waits."""
    clock = ManualClock()
    queue, bus = QueueInMemory(clock), BusInMemory()
    with slow_cloud(takes_s, clock) as reach:
        deleter = Deleter(
            backups=reach.api,
            queue=queue,
            bus=bus,
            report=DeletionReport(Metrics(), logger),
            clock=clock,
            jitter=jitter,
            default_target=TARGET,
            base_s=BASE_S,
            calls_at_once=5,
        )
        ids = reach.cloud.add_backups(deletions)
        queue.send([NewMessage(body=json.dumps({"backup_id": backup_id})) for backup_id in ids])
        while (moment := queue.next_at()) is not None:
            clock.now = max(clock.now, moment)
            received = queue.receive()
            event: dict[str, Any] = {"Records": received}
            queue.acknowledge(received, deleter.handle(event, lambda: 60.0, "invocation"))
        proven = sum(result.outcome is Outcome.DELETED for result in bus.results)
        calls = Counter(operation for operation, _ in reach.book.calls)
        connections = len({call.connection for call in reach.cloud.journal.calls})
        return Counted(calls=calls, proven=proven, connections=connections)


def count_terraform(takes_s: float) -> Counted:
    """Compute the provider's documented loop: login, read, DELETE, then looks after 10, 3 and 6 s, and each 10 s."""
    waited_s, wait_s, looks = 10.0, 3.0, 1
    while waited_s < takes_s:
        waited_s += wait_s
        wait_s = min(2 * wait_s, 10.0)
        looks += 1
    return Counted(calls=Counter(Authenticate=1, ShowBackup=1 + looks, DeleteBackup=1), proven=1)
