"""Models of SQS, EventBridge and Secrets Manager, used by the clients of the functions."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from tests.simulation.bucket import Object, SlotsClient
from tests.simulation.cbr import CBR
from tests.simulation.client import Client, refused
from tests.simulation.cloud import PROJECTS, secret_text
from tests.simulation.faults import Fault
from tests.simulation.holds import StoredHolds
from tests.simulation.timeline import DAY, START
from tests.support.doubles import DELETER

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.simulation.life import Life
    from tests.simulation.world import World

VISIBILITY_S = 1200.0
LONGEST_HIDE_S = 43_200.0
RETENTION_S = 14 * DAY
MAX_RECEIVES = 1000
PRODUCER = "AIDAPRODUCER"
STARTED_MS = int(START.timestamp() * 1000)


@dataclass(slots=True)
class Stored:
    """A message in the delete queue."""

    id: str
    body: str
    attributes: dict[str, str]
    sent_s: float
    visible_s: float
    sender: str = PRODUCER
    receives: int = 0
    received_s: float = 0.0
    first_received_s: float = 0.0
    receipt: str = ""
    hides: int = 0

    @property
    def identity(self) -> str:
        """The ID of its request. Claims of producers are ignored; a redriven dead letter is a new request."""
        is_known = self.sender == DELETER and "reason" not in self.attributes
        return self.attributes.get("request_id", self.id) if is_known else self.id

    def knows(self, attribute: str) -> bool:
        """Return whether it has an attribute that the deleter wrote."""
        return self.sender == DELETER and attribute in self.attributes

    @property
    def is_of_purge(self) -> bool:
        """Return whether the purger sent the request and no person has re-sent it."""
        return self.knows("purge_run") and "reason" not in self.attributes

    def record(self) -> dict[str, Any]:
        return {
            "messageId": self.id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(STARTED_MS + int(self.sent_s * 1000)),
                "ApproximateFirstReceiveTimestamp": str(STARTED_MS + int(self.first_received_s * 1000)),
                "SenderId": self.sender,
            },
            "messageAttributes": {
                name: {"stringValue": value, "dataType": "String"} for name, value in self.attributes.items()
            },
        }


@dataclass(slots=True)
class Letter:
    body: str
    attributes: dict[str, str]
    at_s: float


@dataclass(slots=True)
class Secret:
    """A target's secret: its current version."""

    version: int = 1
    password: str = "canary-password-1"
    stored_at: datetime = START - timedelta(days=30)


@dataclass
class Aws:
    """Both queues, the bus and the secrets."""

    world: World
    messages: dict[str, Stored] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    secret: Secret = field(default_factory=Secret)
    slots: dict[str, Object] = field(default_factory=dict)
    versions: itertools.count[int] = field(default_factory=itertools.count)
    """Versions of the objects in `slots`."""
    holds: StoredHolds = field(init=False)
    _visible: list[tuple[float, int, str]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.holds = StoredHolds(self.world.timeline)

    def slots_client(self, life: Life) -> S3Client:
        """Return a client for login slots and holds. All functions share them."""
        return cast("S3Client", SlotsClient(self, life))

    # The delete queue

    def put(self, body: str, attributes: Mapping[str, str], delay_s: float = 0.0, *, sender: str = PRODUCER) -> Stored:
        now = self.world.timeline.now
        message = Stored(f"m-{next(self._numbers)}", body, dict(attributes), now, now + delay_s, sender)
        self.messages[message.id] = message
        self.world.judge.stored(message)
        self._schedule_visibility(message)
        return message

    def _schedule_visibility(self, message: Stored) -> None:
        heapq.heappush(self._visible, (message.visible_s, next(self._numbers), message.id))
        self.world.function.poll_at(message.visible_s)

    def next_visible_s(self) -> float | None:
        """Return when the next message becomes visible, or None."""
        while self._visible:
            visible_s, _, message_id = self._visible[0]
            message = self.messages.get(message_id)
            if message is not None and message.visible_s == visible_s:
                return visible_s
            heapq.heappop(self._visible)
        return None

    def receive(self, most: int) -> list[Stored]:
        """Receive some visible messages in random order."""
        now, rng = self.world.timeline.now, self.world.rng
        due: list[Stored] = []
        while self._visible and self._visible[0][0] <= now and len(due) < 3 * most:
            visible_s, _, message_id = heapq.heappop(self._visible)
            message = self.messages.get(message_id)
            if message is not None and message.visible_s == visible_s and message not in due:
                due.append(message)
        rng.shuffle(due)
        for message in due[most:]:
            self._schedule_visibility(message)
        return [message for message in due[:most] if self._receive(message, now)]

    def _receive(self, message: Stored, now: float) -> bool:
        if now - message.sent_s >= RETENTION_S:
            del self.messages[message.id]
            self.world.judge.expired(message)
            return False
        message.receives += 1
        if message.receives > MAX_RECEIVES:
            del self.messages[message.id]
            self.world.judge.redriven_by_sqs(message)
            return False
        message.receipt = f"{message.id}/{message.receives}"
        message.received_s = now
        if message.receives == 1:
            message.first_received_s = now
        again_s = VISIBILITY_S
        if self.world.faults.strikes(Fault.DELIVERED_TWICE):
            again_s = self.world.rng.uniform(0.0, 1.0)
        message.visible_s = now + again_s
        self._schedule_visibility(message)
        return True

    def acknowledge(self, message_id: str, receipt: str) -> None:
        """Delete a message. An old receipt may or may not work."""
        message = self.messages.get(message_id)
        if message is None:
            return
        if self.world.faults.strikes(Fault.ACK_LOST):
            return
        if message.receipt != receipt and not self.world.faults.strikes(Fault.STALE_ACK, 0.5):
            return
        del self.messages[message_id]
        self.world.judge.acknowledged(message)

    def hide(self, receipt: str, seconds: float) -> bool:
        message_id, _, _ = receipt.rpartition("/")
        message = self.messages.get(message_id)
        now = self.world.timeline.now
        if message is None or message.receipt != receipt or message.visible_s <= now:
            return False
        if not 0 <= now - message.received_s + seconds <= LONGEST_HIDE_S:
            self.world.judge.wrong("hide", message.identity, f"hidden for {seconds} s: beyond the 12 hours of SQS")
            return False
        message.visible_s = now + seconds
        message.hides += 1
        self._schedule_visibility(message)
        return True

    def move_back(self, letter: Letter) -> None:
        """Redrive a dead letter as SQS does: a new message with the same body, attributes and sender."""
        self.letters.remove(letter)
        identity = letter.attributes["request_id"]
        message = self.put(letter.body, letter.attributes, sender=DELETER)
        self.world.judge.moved_back(identity, message)


class Sqs(Client):
    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        if QueueUrl == "dead":
            return self._call(
                "letter",
                lambda: self._store(Entries, self._send_dead_letter),
                failed=Fault.LETTER_FAILED,
                down=Fault.LETTERS_DOWN,
                reply_lost=Fault.LETTER_REPLY_LOST,
            )
        return self._call(
            "send",
            lambda: self._store(Entries, self._send),
            failed=Fault.SEND_FAILED,
            down=Fault.SENDS_DOWN,
            reply_lost=Fault.SEND_REPLY_LOST,
        )

    def _store(
        self, entries: Sequence[Mapping[str, Any]], store: Callable[[str, dict[str, str], float], None]
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in entries:
            if self._world.faults.strikes(Fault.SEND_PARTLY):
                self._life.run.had_trouble("send")
                answer["Failed"].append({"Id": entry["Id"], "Code": "InternalError"})
                continue
            attributes = {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}
            store(entry["MessageBody"], attributes, entry["DelaySeconds"])
            answer["Successful"].append({"Id": entry["Id"]})
        return answer

    def _send(self, body: str, attributes: dict[str, str], delay_s: float) -> None:
        message = self._aws.put(body, attributes, delay_s, sender=DELETER)
        self._world.judge.sent_onward(self._life.run, message, delay_s)

    def _send_dead_letter(self, body: str, attributes: dict[str, str], delay_s: float) -> None:
        letter = Letter(body, attributes, self._world.timeline.now)
        self._aws.letters.append(letter)
        self._world.judge.lettered(self._life.run, letter)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return self._call(
            "hide", lambda: self._hide(Entries), failed=Fault.HIDE_FAILED, reply_lost=Fault.HIDE_REPLY_LOST
        )

    def _hide(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in entries:
            lost = self._world.faults.strikes(Fault.HIDE_PARTLY)
            if lost:
                self._life.run.had_trouble("hide")
            self._world.judge.hidden(self._life.run, entry["ReceiptHandle"], entry["VisibilityTimeout"])
            if not lost and self._aws.hide(entry["ReceiptHandle"], entry["VisibilityTimeout"]):
                answer["Successful"].append({"Id": entry["Id"]})
            else:
                answer["Failed"].append({"Id": entry["Id"], "Code": "InternalError"})
        return answer


class Events(Client):
    def describe_event_bus(self, *, Name: str) -> dict[str, Any]:
        return {"Name": Name}

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return self._call(
            "publish",
            lambda: self._publish(Entries),
            failed=Fault.PUBLISH_FAILED,
            down=Fault.BUS_DOWN,
            reply_lost=Fault.PUBLISH_REPLY_LOST,
        )

    def _publish(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        answers: list[dict[str, str]] = []
        for entry in entries:
            if self._world.faults.strikes(Fault.PUBLISH_PARTLY):
                answers.append({"ErrorCode": "InternalFailure"})
                continue
            answers.append({"EventId": "e"})
            self._published(entry["DetailType"], json.loads(entry["Detail"]))
        return {"Entries": answers}

    def _published(self, detail_type: str, detail: dict[str, Any]) -> None:
        self._world.judge.published(self._life.run, detail_type, detail)


class Secrets(Client):
    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:
        return self._call("secret", lambda: self._read(SecretId), down=Fault.SECRETS_DOWN)

    def _read(self, secret_id: str) -> dict[str, Any]:
        secret = self._aws.secret
        name = secret_id.removeprefix("vbs-reaper/")
        project = next((project for project in (*PROJECTS, CBR) if project.target == name), None)
        if project is None:
            raise refused("GetSecretValue", "ResourceNotFoundException")
        is_elsewhere = self._life.may_be_misled and self._world.faults.lasts(Fault.ELSEWHERE)
        host = project.empty_host if is_elsewhere else project.service_host
        text = "{" if self._world.faults.lasts(Fault.SECRET_BROKEN) else secret_text(project, secret.password, host)
        return {"SecretString": text, "VersionId": f"{name}-{secret.version}", "CreatedDate": secret.stored_at}
