"""Situations of a request, and everything the deleter then does and says, word for word.

`python -m tests.unit.deletion.stories` writes them down anew; the difference is to be read like code.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from tests.support.doubles import DELETER
from tests.unit.deletion.situations import ONE, SETTINGS, THREE, TWO, Setting
from tests.unit.deletion.world import PROJECT, VOLUME, AtOnce, MemoryReport, World
from vbs_reaper.backups.answer import Answer, CallRecord, Listing
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import Decision
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import RequestNotQueued
from vbs_reaper.reasons import Reason

WRITTEN: Final = Path(__file__).with_name("stories.txt")
LEFT_S = 51.0
LONGEST = 1200
REASONS = {reason.value: reason for reason in Reason}
OFTEN = ("a look answers", "the deletion answers")
"""Situations that are many and alike: not invoked directly too."""
AGES = {"of the third receive": (2.0, 3), "too old": (289.0, 700)}

Story = list[str]


@dataclass
class Scribe(MemoryReport):
    """Writes down all that it is told, as does the cloud it stands before."""

    story: Story = field(default_factory=list)

    def began(self, message: Message, now: datetime) -> None:
        self.story.append(f"{message.message_id} began at {now.isoformat()}")

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[CallRecord] = (),
    ) -> None:
        fields = msgspec.structs.asdict(decision)
        if "is_certain" in fields:
            fields["is_certain"] = "certain" if fields["is_certain"] else "doubtful"
        what = " ".join(f"{value}" for name, value in fields.items() if name != "proof")
        whose = "none" if request is None else request.backup_id
        self.story.append(
            f"{message.message_id} decided at {now.isoformat()} on {whose}: {type(decision).__name__} {what}"
        )

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        self.story.append(f"{message.message_id} failed to {step}: {type(error).__name__}")

    def split(self, message: Message, children: int, refused: int) -> None:
        self.story.append(f"{message.message_id} split into {children} and {refused}")


@dataclass
class WatchedCloud:
    """The world's cloud; what it is asked goes into the story."""

    world: World
    story: Story

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self.story.append(f"show {written(_named(ref))} with {time_left()} s left")
        return self.world.cloud.show_backup(ref, time_left)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self.story.append(f"delete {written(_named(ref))} with {time_left()} s left")
        return self.world.cloud.delete_backup(ref, time_left)

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        self.story.append(f"list {volume_id} of {written(_named(ref))} with {time_left()} s left")
        return self.world.cloud.list_volume(ref, volume_id, time_left)


def tell(setting: Setting, age: str) -> Story:
    """All that happens to a message, and to another like it that was asked already: so what is remembered shows."""
    world, story = new_world()
    hours, receives = AGES[age]
    body = setting(world)
    sent_at = world.clock() - timedelta(hours=hours)
    asked = {"asked_at": sent_at.isoformat(), "redrives": "2", "request_id": "m-0", "sent_at": sent_at.isoformat()}
    for message_id, attributes in (("m-1", {}), ("m-2", asked)):
        kept = world.deliver(world.message(body, message_id, sent_at=sent_at, receives=receives, attributes=attributes))
        story.append(f"kept {kept}, hidden {world.queue.hidden}")
        story += effects(world)
    return readable(story, world, sent_at)


def tell_direct(setting: Setting) -> Story:
    """The same without a queue before it."""
    world, story = new_world()
    body = setting(world)
    try:
        answered = world.deleter.handle(body, lambda: world.left_s, "i-1")  # type: ignore[arg-type]  # anything
        story.append(f"answered {written(json.loads(json.dumps(answered)))}")
    except RequestNotQueued as error:
        story.append(f"raised {error}")
    return readable(story + effects(world), world, world.clock())


def new_world() -> tuple[World, Story]:
    world = World()
    story: Story = []
    world.report = Scribe(world.trouble, story=story)
    world.left_s = LEFT_S
    world.deleter = environment(world, WatchedCloud(world, story))
    return world, story


def effects(world: World) -> Story:
    """What left the deleter since it was last asked."""
    told = [
        *(f"sent {written(each)}" for each in world.queue.sent),
        *(f"letter {written(each)}" for each in world.queue.letters),
        *(f"event {written(each)}" for each in world.bus.results),
    ]
    world.queue.sent, world.queue.letters, world.bus.results, world.queue.hidden = [], [], [], {}
    return told


def written(value: object) -> str:
    """A value, as short as it can be told; what a reason says by itself is not repeated."""
    fields = {name: each for name, each in msgspec.to_builtins(value).items() if each}
    said = fields.get("attributes", fields)
    if "reason" in said:
        reason = REASONS[said["reason"]]
        said["message"] = said["message"].replace(reason.sentence[:-1], "<its sentence>")
        if fields.get("action") == reason.action:
            fields["action"] = "<its action>"
    return ", ".join(f"{name} {each}" for name, each in fields.items())


def _named(ref: BackupRef) -> dict[str, str | None]:
    """What a call is about; who hears of it is no part of the story."""
    return {"target": ref.target, "backup_id": ref.backup_id, "project_id": ref.project_id}


def readable(story: Story, world: World, sent_at: datetime) -> Story:
    """With names for what would only be read as noise."""
    names = {ONE: "<one>", TWO: "<two>", THREE: "<three>", PROJECT: "<project>", VOLUME: "<volume>"}
    names |= {world.clock().isoformat(): "<now>", sent_at.isoformat(): "<sent>", "x" * 1000: "<long>"}
    for value, name in names.items():
        story = [line.replace(value, name) for line in story]
    return [line if len(line) < LONGEST else f"{line[:LONGEST]} …" for line in story]


def environment(world: World, cloud: WatchedCloud) -> Deleter:
    """A deleter before the world's neighbours, its cloud watched."""
    return Deleter(
        backups=cloud,
        queue=world.queue,
        bus=world.bus,
        report=world.report,
        clock=world.clock,
        jitter=lambda: 0.3,
        default_target="default",
        base_s=world.base_s,
        calls_at_once=5,
        trusted_senders={DELETER},
        threads=AtOnce(),
    )


def stories() -> str:
    """Every situation, at two ages and invoked directly."""
    told = {f"{name} ({age})": tell(setting, age) for name, setting in SETTINGS.items() for age in AGES}
    direct = {
        f"{name} (direct)": tell_direct(setting) for name, setting in SETTINGS.items() if not name.startswith(OFTEN)
    }
    return "\n".join("\n  ".join([name, *story]) for name, story in (told | direct).items()) + "\n"


if __name__ == "__main__":
    WRITTEN.write_text(stories(), encoding="utf-8")
