"""The four kinds of run of the purger, with the stub as the cloud and files in place of S3."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from tests.benchmarks.stub import Stub
from tests.integration.api_harness import TARGET, FakeTimeLeft, TargetSecretsInMemory
from tests.support.doubles import HoldStoreInMemory, LoginStoreInMemory
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.plan_store import PIECE_BYTES
from vbs_reaper.aws.purge_report import PurgeReport
from vbs_reaper.backups.answer import Answer, Page, TargetInfo
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.clock import TimeLeft, utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.logs import logger
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import write_plan
from vbs_reaper.purge.ports import SentMark, StoredDocument, StoredMark
from vbs_reaper.purge.purger import Purger
from vbs_reaper.purge.report.html_page import write_page
from vbs_reaper.purge.run_result import PurgeResult

PAGE: Final = 1000
RUNS: Final = ("first", "second", "repeat", "approval")
"""In this order: a run with a previous plan, one that finds its own plan, and the approval of that plan."""
POLICY: Final = {
    "policy": "nightly",
    "target": TARGET,
    "match": {"name": "daily*"},
    "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2},
    "grace": "7d",
    "guards": {"max_deletions": 1_000_000, "max_fraction": 1},
}
SCHEDULED: Final = {"first": "2026-11-26T04:00:00Z", "second": "2026-11-27T04:00:00Z"}


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """Plans as files of a folder."""

    folder: Path

    def read(self, policy: str, run: str) -> StoredDocument | None:
        """Return the document of a run."""
        path = self.folder / f"{run}.json"
        return self._document(path) if path.exists() else None

    def newest(self, policy: str, before: datetime | None = None) -> Iterator[StoredDocument]:
        """Yield the documents, newest first."""
        return map(self._document, sorted(self.folder.glob("*.json"), reverse=True))

    def newest_of_others(self, policy: str, target: str, limit: int) -> Iterator[StoredDocument]:
        """There is one policy."""
        return iter(())

    def find(self, policy: str, sha256: str) -> StoredDocument | None:
        """Return the newest document: the hash of another one is refused later."""
        return next(self.newest(policy), None)

    def store(self, policy: str, run: str, plan: Plan) -> str | None:
        """Write a plan."""
        pieces = write_plan(plan)
        with (self.folder / f"{run}.json").open("wb") as file:
            while True:
                try:
                    file.write(next(pieces))
                except StopIteration as end:
                    (self.folder / "sha256").write_text(str(end.value), encoding="ascii")
                    return str(end.value)

    def store_page(self, policy: str, run: str, plan: Plan) -> None:
        """Write the page."""
        with (self.folder / f"{run}.html").open("w", encoding="utf-8") as file:
            file.writelines(write_page(plan))

    def marks(self, policy: str, run: str) -> Iterator[StoredMark]:
        """Nothing is marked."""
        return iter(())

    def mark(self, policy: str, run: str, mark: SentMark, document: bytes, *, is_part: bool) -> None:
        """Do not mark it."""

    def _document(self, path: Path) -> StoredDocument:
        stored_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return StoredDocument(run=path.stem, stored_at=stored_at, pieces=partial(_pieces, path))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(partial(file.read, PIECE_BYTES), b"")


@dataclass(frozen=True, slots=True)
class FirstBackups:
    """The first backups of the stub's endless list."""

    client: CloudClient
    count: int

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        """Log in."""
        return self.client.describe_target(target, time_left)

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        """List them, with the time that the stub does not tell."""
        for page in islice(self.client.list_backups(target, time_left, project_id, address), self.count // PAGE):
            yield page if isinstance(page, Answer) else replace(page, date=utc_now())


class Everywhere:
    """The queue and the bus: both accept everything."""

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Accept requests."""
        return True

    def announce(self, detail_type: str, details: Sequence[PurgeResult]) -> bool:
        """Accept events."""
        return True


def run_purger(run: str, url: str, count: int, folder: Path) -> int:
    """Carry out one of `RUNS`; return how many backups it selects or requests the deletion of."""
    secrets, transports, metrics = (
        TargetSecretsInMemory(),
        Transports(calls_at_once=1, deadline_s=60.0),
        Metrics("reaper"),
    )
    secrets.put(Stub(url=url).secret())
    logins = LoginStoreInMemory(utc_now)
    client = CloudClient(secrets=secrets, metrics=metrics, clock=utc_now, transports=transports, logins=logins)
    target = Purger(
        holds=HoldStoreInMemory(),
        backups=FirstBackups(client, count),
        plans=PlanFiles(folder),
        queue=Everywhere(),
        bus=Everywhere(),
        report=PurgeReport(metrics, logger),
        clock=utc_now,
        default_target=TARGET,
    )
    event: dict[str, Any] = {"run": POLICY, "scheduled_time": SCHEDULED.get(run, SCHEDULED["second"])}
    if run == "approval":
        sha256 = (folder / "sha256").read_text(encoding="ascii")
        event = {"approve": {"policy": POLICY["policy"], "plan": sha256, "include_grace": True}}
    try:
        answer = target.handle(event, FakeTimeLeft(900.0), "run")
    finally:
        transports.close()
    assert answer["outcome"] == ("completed" if run == "approval" else "planned"), answer
    return int(answer["requested"] if run == "approval" else answer["totals"]["selected"])
