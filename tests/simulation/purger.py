"""The purger as in Lambda: environments with the real code, and asynchronous invocations with two retries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from tests.simulation.aws import Events, Sqs
from tests.simulation.bucket import PlansClient
from tests.simulation.client import refused
from tests.simulation.cloud import Project, Response
from tests.simulation.environment import cloud_client
from tests.simulation.faults import Fault
from tests.simulation.life import Killed, Life
from tests.simulation.network import AnyRequest, Network
from tests.simulation.purges import Purge, purge_of
from tests.simulation.run import CallOutcome
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.purger import LOGIN_PATIENCE_S, Purger
from vbs_reaper.purge.run_result import PurgeResult

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from tests.simulation.nights import Nights
    from tests.simulation.world import World

ATTEMPTS = 3
ROW_FIELDS = ("status", "name", "description")


class PurgerFunction:
    """Invoked by a schedule or a person. A failed invocation is retried twice."""

    def __init__(self, world: World, nights: Nights) -> None:
        self._world = world
        self._nights = nights
        self._idle: list[PurgerEnvironment] = []
        self._numbers = iter(range(1, 1_000_000))

    def invoke(self, event: dict[str, Any], attempt: int = 1) -> None:
        """Make one invocation, and schedule the next attempt if it fails."""
        world = self._world
        purge = Purge(next(self._numbers), [], event=event, attempt=attempt)
        self._nights.judge.begins(purge)
        environment = self._environment()
        left_s = self._nights.rng.uniform(10, 60) if world.faults.strikes(Fault.SHORT_OF_TIME) else 900.0
        try:
            answer = environment.handle(event, purge, left_s)
        except Killed as killed:
            self._failed(purge, f"killed: {killed}")
            return
        except RunUnfinished as unfinished:
            self._failed(purge, str(unfinished))
        except Exception as error:  # any exception is a fault of the product
            world.judge.wrong("raised", purge.name, repr(error))
        else:
            self._nights.judge.ended(purge, answer)
        self._idle.append(environment)

    def _failed(self, purge: Purge, why: str) -> None:
        self._world.trace.add(purge.name, f"attempt {purge.attempt} failed: {why}")
        if purge.attempt < ATTEMPTS:
            self._world.timeline.after(60.0 * purge.attempt, lambda: self.invoke(purge.event, purge.attempt + 1))

    def _environment(self) -> PurgerEnvironment:
        if self._idle and not self._world.faults.strikes(Fault.NEW_ENVIRONMENT):
            return self._idle.pop()
        return PurgerEnvironment(self._world, self._nights)


class NoReport:
    """Ignores reports."""

    def scheduled(self, policy: str) -> None: ...

    def planned(self, result: PurgeResult) -> None: ...

    def unreadable(self, policy: str, message: str) -> None: ...

    def requested(self, policy: str, count: int) -> None: ...

    def ended(self, result: PurgeResult) -> None: ...


class PurgerEnvironment:
    """The real purger with its real adapters, which is reused until it is killed."""

    def __init__(self, world: World, nights: Nights) -> None:
        self._life = Life(world)
        self._purger = Purger(
            backups=cloud_client(
                world, self._life, ListingNetwork(world, self._life, nights), nights.clock, LOGIN_PATIENCE_S
            ),
            holds=HoldBucket(lambda: world.aws.slots_client(self._life), "bucket", nights.clock),
            plans=PlanBucket(cast("S3Client", PlansClient(world, self._life, nights.bucket, nights.judge)), "plans"),
            queue=DeleteQueue(cast("SQSClient", SendingSqs(world, self._life, nights)), "delete", "dead"),
            bus=EventBus(cast("EventBridgeClient", PurgeEvents(world, self._life, nights)), "bus", SOURCE),
            report=NoReport(),
            clock=nights.clock,
            default_target="default",
        )

    def handle(self, event: dict[str, Any], purge: Purge, left_s: float) -> dict[str, Any]:
        self._life.begin(purge, left_s)
        answer = self._purger.handle(json.loads(json.dumps(event)), self._life.left_s, f"invocation-{purge.number}")
        if self._life.left_s() <= 0:
            raise Killed("timed out")
        return cast("dict[str, Any]", json.loads(json.dumps(answer)))


class ListingNetwork(Network):
    """The network of an environment of the purger: lists have pages, and their own faults."""

    def __init__(self, world: World, life: Life, nights: Nights) -> None:
        super().__init__(world, life, nights.judge)
        self._nights = nights

    def _serve(
        self, project: Project, method: str, path: str, query: str, request: AnyRequest, *, fresh: bool
    ) -> tuple[Response, CallOutcome]:
        faults, cloud = self._world.faults, self._world.cloud
        marker = dict(parse_qsl(query)).get("marker")
        if marker and faults.strikes(Fault.LIST_CUT):
            return Response(500, {}, b""), CallOutcome("odd", 500)
        if marker and faults.strikes(Fault.MARKER_GONE):
            cloud.backups.pop(marker, None)
        if faults.strikes(Fault.LIST_GREW):
            self._nights.back_up_one(project)
        response, outcome = super()._serve(project, method, path, query, request, fresh=fresh)
        if response.status != 200 or outcome.is_cut:
            return response, outcome
        rows: list[dict[str, Any]] = json.loads(response.body)["backups"]
        if marker:
            ids = [row["id"] for row in rows]
            if marker not in ids:
                return cloud.not_found(marker), CallOutcome("not found", 404)
            rows = rows[ids.index(marker) + 1 :]
        return self._page(rows, response, is_first=marker is None), outcome

    def _page(self, rows: list[dict[str, Any]], response: Response, *, is_first: bool) -> Response:
        faults, size = self._world.faults, self._nights.page_size
        page, is_last = rows[:size], len(rows) <= size
        if page and faults.strikes(Fault.ROW_LACKS):
            del self._nights.rng.choice(page)[self._nights.rng.choice(ROW_FIELDS)]
        document: dict[str, Any] = {"backups": page}
        if not is_last:
            document["backups_links"] = [{"rel": "next", "href": "https://elsewhere.example/"}]
        is_off = faults.strikes(Fault.DATE_OFF)
        now_s = self._world.timeline.now + (self._nights.rng.choice([-600, 600]) if is_off else 0)
        headers = dict(response.headers)
        if not faults.strikes(Fault.DATE_MISSING):
            headers["date"] = format_datetime(self._world.timeline.moment(now_s), usegmt=True)
            is_doubtful = is_off
        else:
            is_doubtful = False
        self._nights.judge.listed(
            purge_of(self._life), page, is_first=is_first, is_last=is_last, is_doubtful=is_doubtful
        )
        return Response(200, headers, json.dumps(document).encode())


class SendingSqs(Sqs):
    def __init__(self, world: World, life: Life, nights: Nights) -> None:
        super().__init__(world.aws, life)
        self._nights = nights

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        faults = self._world.faults
        self._life.maybe_kill(Fault.BATCH_KILLED)
        taken = Entries[: len(Entries) // 2] if faults.strikes(Fault.BATCH_HALF) else Entries
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        if taken:
            answer = super().send_message_batch(QueueUrl=QueueUrl, Entries=taken)
        answer["Failed"] += [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries[len(taken) :]]
        self._life.maybe_kill(Fault.BATCH_KILLED)
        if faults.strikes(Fault.BATCH_REPLY_LOST):
            raise refused("send")
        return answer

    def _send(self, body: str, attributes: dict[str, str], delay_s: float) -> None:
        message = self._aws.put(body, attributes, delay_s)
        self._nights.judge.queued(purge_of(self._life), message)
        self._nights.interfere(json.loads(body))


class PurgeEvents(Events):
    def __init__(self, world: World, life: Life, nights: Nights) -> None:
        super().__init__(world.aws, life)
        self._nights = nights

    def _published(self, detail_type: str, detail: dict[str, Any]) -> None:
        self._nights.judge.published(purge_of(self._life), detail_type, detail)
