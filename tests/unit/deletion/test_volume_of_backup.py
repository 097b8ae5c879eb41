"""A request remembers the volume of its backup, because a proof of deletion may need it."""

from datetime import UTC, datetime

import pytest

from tests.unit.deletion.world import VOLUME, World, backup_id
from vbs_reaper.deletion.message import Message, read_message

ONE, TWO = backup_id(1), backup_id(2)
OTHER_VOLUME = "8e3f4b21-69d5-4c8f-9a2a-3d7b0f1c5e42"
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


def volumes_stated(world: World) -> list[tuple[str, str | None]]:
    return [(operation, ref.volume_id) for (operation, _), ref in zip(world.cloud.calls, world.cloud.refs, strict=True)]


def test_a_call_states_the_volume_that_was_seen_last() -> None:
    world = World()
    world.cloud.has(ONE)
    world.deliver(world.message({"backup_id": ONE}, attributes={"volume_id": OTHER_VOLUME}))
    assert volumes_stated(world) == [("show", OTHER_VOLUME), ("delete", VOLUME)]
    assert world.queue.sent[0].attributes["volume_id"] == VOLUME


def test_a_survivor_may_be_of_another_volume() -> None:
    world = World()
    world.cloud.has(ONE)
    world.cloud.has(TWO)
    world.deliver(world.message({"backup_id": ONE, "expect": {"survivors": [TWO]}}))
    assert volumes_stated(world) == [("show", None), ("show", None), ("delete", VOLUME)]


def test_the_volume_that_the_request_expects_is_not_the_one_that_was_seen() -> None:
    world = World()
    world.deliver(world.message({"backup_id": ONE, "expect": {"volume_id": VOLUME}}))
    assert volumes_stated(world) == [("show", None)]


@pytest.mark.parametrize("text", ["", "x", VOLUME.upper(), f"{VOLUME}&x=y", f"{VOLUME}\n", "-"])
def test_what_is_no_id_is_not_there(text: str) -> None:
    assert _read({"volume_id": text}).volume_id is None


def test_the_volume_is_dropped_with_the_place() -> None:
    stated = {"volume_id": VOLUME, "place": "p https://a"}
    assert _read(stated).volume_id == VOLUME
    assert _read(stated | {"reason": "held"}).volume_id == VOLUME
    assert _read(stated | {"reason": "asked_elsewhere"}).volume_id is None


def _read(texts: dict[str, str]) -> Message:
    return read_message(
        {"messageId": "m-1", "messageAttributes": {name: {"stringValue": text} for name, text in texts.items()}}, NOW
    )
