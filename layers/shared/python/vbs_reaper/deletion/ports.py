"""What the deleter needs of the world, from its own side: clouds, queue, bus, report, clock.

Every method may be called from several threads at once. None raises for what a neighbour does: its answer is a value,
or False. An exception out of a port is a fault of this software and leaves the message in the queue.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Protocol

from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import Result
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import Called
from vbs_reaper.openstack.answer import Listing
from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.backup import ProjectId

Clock = Callable[[], datetime]
"""Now, in UTC."""

TimeLeft = Callable[[], float]
"""Seconds until the function is stopped."""


Heard = Callable[[Called], None]
"""Hears of every exchange of a call, in order."""


def _nobody(_called: Called) -> None:
    """Nobody wants to hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRef:
    """The one backup a call is about. Where `project_id` or `address` differ from the target's, no call is made.

    The project is the request's guard; both are those of the look, once there was one.
    """

    target: str
    backup_id: BackupId
    project_id: ProjectId | None = None
    address: str | None = field(default=None, repr=False)
    not_after: datetime | None = None
    """A DELETE, and each repeat of it, is only sent until then: later the backup may have changed since the look."""
    heard: Heard = field(default=_nobody, compare=False, repr=False)


class BackupService(Protocol):
    """The clouds behind the targets. A call logs in where needed, and is repeated at most once per cause."""

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Look at the backup (GET)."""
        ...

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        """Ask for its deletion (DELETE)."""
        ...

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        """List the backups of a volume; an `Answer` where that failed."""
        ...


class Queue(Protocol):
    """The delete queue and its dead letters."""

    def hide(self, delays_s: Mapping[str, int]) -> None:
        """Hide messages, given by receipt handle, for whole seconds; what fails comes back on its own, later."""
        ...

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send to the delete queue; True only when every message is stored."""
        ...

    def dead_letter(self, letter: NewMessage) -> bool:
        """Send to the dead-letter queue; True only when it is stored."""
        ...


class Bus(Protocol):
    """The event bus that hears how requests end."""

    def publish(self, results: Sequence[Result]) -> bool:
        """Publish result events; True only when the bus has taken every one."""
        ...


class Report(Protocol):
    """Logs and metrics of what the deleter decides; must not raise."""

    def began(self, message: Message, now: datetime) -> None:
        """A message was delivered: its age counts."""
        ...

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[Called] = (),
    ) -> None:
        """A pass over a message ended so, after these calls; `request` is None where the body held none."""
        ...

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        """A step of ours failed (`publish`, `dead_letter`, `send`, `hide`, `pass`); the message comes back."""
        ...

    def split(self, message: Message, children: int, refused: int) -> None:
        """A bulk was taken apart: so many requests sent, so many elements refused."""
        ...
