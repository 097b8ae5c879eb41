"""Situations a delete request can be in: each sets the neighbours up and returns the body of the message."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.unit.deletion.world import PROJECT, VIEW, World, answer, backup_id, found
from vbs_reaper.backups.answer import Answer, AnswerName, TargetInfo

ONE, TWO, THREE = backup_id(1), backup_id(2), backup_id(3)
OTHER_PROJECT = "0f" * 16
OWNER = "os-bak-tenant-attr:tenant_id"
OWNER_IN_V3 = "os-backup-project-attr:project_id"

Setting = Callable[[World], object]
"""Sets the world up and returns the body of the request."""


def asks(**fields: object) -> dict[str, object]:
    return {"backup_id": ONE} | fields


def there(request: dict[str, object] | None = None, **record: object) -> Setting:
    """The backup is there, as `record` says."""

    def set_up(world: World) -> object:
        world.cloud.has(ONE, **record)
        return asks() if request is None else request

    return set_up


def answered(operation: str, *names: AnswerName, **request: object) -> Setting:
    """The backup is there, and one kind of call is answered so."""

    def set_up(world: World) -> object:
        world.cloud.has(ONE, status="available")
        world.cloud.answers(operation, ONE, *(answer(name, at=world.clock()) for name in names))
        return asks(**request)

    return set_up


def looked(*looks: Answer, deletion: AnswerName | None = None) -> Setting:
    """The looks show this, one after the other."""

    def set_up(world: World) -> object:
        world.cloud.has(ONE)
        world.cloud.answers("show", ONE, *looks)
        if deletion:
            world.cloud.answers("delete", ONE, answer(deletion))
        return asks()

    return set_up


def survived(*looks: Answer) -> Setting:
    """The survivor is shown so."""

    def set_up(world: World) -> object:
        world.cloud.has(ONE)
        world.cloud.answers("show", TWO, *looks)
        return asks(expect={"survivors": [TWO]})

    return set_up


def troubled(setting: Setting, *steps: str, how: str = "refuses") -> Setting:
    """A port of ours fails."""

    def set_up(world: World) -> object:
        setattr(world.trouble, how, frozenset((step, 0) for step in steps))
        return setting(world)

    return set_up


def newer(count: int, **own: object) -> Setting:
    """The volume has newer backups, one older, and one whose age nobody knows."""

    def set_up(world: World) -> object:
        world.cloud.has(ONE, **own)
        for number in range(count):
            world.cloud.has(backup_id(10 + number), created_at="2026-11-21T02:00:00")
        world.cloud.has(TWO, created_at="2026-11-01T02:00:00")
        world.cloud.has(THREE, created_at=None)
        world.cloud.answers("delete", ONE, answer(AnswerName.HAS_DEPENDENTS))
        return asks()

    return set_up


def unlisted(name: AnswerName) -> Setting:
    """There are newer ones, but they cannot be listed."""

    def set_up(world: World) -> object:
        world.cloud.has(ONE)
        world.cloud.answers("delete", ONE, answer(AnswerName.HAS_DEPENDENTS))
        world.cloud.answers("list", ONE, answer(name))
        return asks()

    return set_up


def without_time(world: World) -> object:
    world.left_s = 29.9
    return asks()


def halted(world: World) -> object:
    world.cloud.answers("show", ONE, answer(AnswerName.THROTTLED, retry_after_s=90))
    world.deliver(world.message(asks(), "m-0"))
    world.clock.advance(30.4)
    return asks()


EXPECTS = {"volume_id": "v", "created_at": "2026-11-20T02:00:00Z", "name": "x", "survivors": [TWO]}
V3 = TargetInfo(project_id=PROJECT, hold_marker="[hold]", shows_metadata=True)
SETTINGS: Final[dict[str, Setting]] = {
    "nobody's backup": lambda _: asks(),
    "an available backup": there(asks(target="otc-prod", project_id=PROJECT, reason="old", requested_by="me")),
    "a backup in error": there(status="error"),
    **{f"the backup is {status!r}": there(status=status) for status in ("creating", "restoring", "odd", "", None)},
    "deleting since a while": there(status="deleting", updated_at="2026-11-25T03:50:00"),
    "deleting since nobody knows": there(status="deleting", updated_at=None),
    "error_deleting": there(status="error_deleting"),
    "error_deleting, with a reason": there(status="error_deleting", fail_reason="disk\nfull"),
    "held": there(description="[hold] me"),
    "expired": there(asks(expires_at="2026-11-25T04:00:00Z")),
    "not yet expired": there(asks(expires_at="2026-11-25T04:00:01+00:00")),
    "not before": there(asks(not_before="2026-11-25T05:00:00.5Z")),
    "not before long ago": there(asks(not_before="2026-11-25T04:00:00Z")),
    **{f"{name} is missing": there(**{name: None}) for name in ("volume_id", "created_at")},
    "created_at is null and expected": there(asks(expect={"created_at": "2026-11-20T02:00:00Z"}), created_at=None),
    "created_at is unreadable and expected": there(asks(expect={"created_at": "2026-11-20T02:00:00Z"}), created_at="x"),
    "the volume is another": there(asks(expect=EXPECTS)),
    "the creation is another": there(asks(expect={"created_at": "2026-11-20T02:00:01Z"})),
    "the name is another": there(asks(expect={"name": "x\ny"}), name=None),
    "a name was not expected": there(asks(expect={"name": None})),
    "a name is expected and there": there(asks(expect={"name": "daily"})),
    "metadata is missing": looked(found(ONE, V3)),
    "metadata holds": looked(found(ONE, V3, metadata={"hold": "1"})),
    "another project owns it": looked(found(ONE, VIEW, **{OWNER: OTHER_PROJECT})),
    "its fields name two owners": looked(found(ONE, VIEW, **{OWNER: OTHER_PROJECT, OWNER_IN_V3: PROJECT})),
    "both fields name the project": looked(found(ONE, VIEW, **{OWNER: PROJECT, OWNER_IN_V3: PROJECT})),
    **{f"a look answers {name}": answered("show", name) for name in AnswerName if name is not AnswerName.FOUND},
    "a look answers other_project to a guarded request": answered("show", AnswerName.OTHER_PROJECT, project_id=PROJECT),
    **{f"the deletion answers {name}": answered("delete", name) for name in AnswerName},
    "a look shows another backup": looked(replace(found(TWO), name=AnswerName.OTHER_BACKUP)),
    "maybe accepted, then deleting": looked(
        found(ONE), found(ONE, status="deleting"), deletion=AnswerName.MAYBE_ACCEPTED
    ),
    "in conflict, then deleting": looked(found(ONE), found(ONE, status="deleting"), deletion=AnswerName.CONFLICT),
    "in the wrong state, then gone": looked(found(ONE), answer(AnswerName.GONE), deletion=AnswerName.WRONG_STATE),
    **{f"{count} newer backups": newer(count) for count in (0, 1, 4)},
    "two newer backups than one of unknown age": newer(2, created_at=None),
    **{f"no listing: {name}": unlisted(name) for name in (AnswerName.UNAVAILABLE, AnswerName.TIMED_OUT)},
    **{f"the survivor is {status!r}": survived(found(TWO, status=status)) for status in ("available", "restoring")},
    **{f"the survivor is {status!r}": survived(found(TWO, status=status)) for status in ("error\n", "", None)},
    "the survivor is gone": survived(answer(AnswerName.GONE)),
    "the survivor is another project's": survived(found(TWO, VIEW, **{OWNER: OTHER_PROJECT})),
    "the survivor is of the project": survived(found(TWO, VIEW, **{OWNER: PROJECT})),
    "the survivor cannot be looked at": survived(answer(AnswerName.TIMED_OUT)),
    "the survivor is shown as another backup": survived(replace(found(THREE), name=AnswerName.OTHER_BACKUP)),
    "the survivor's record is incomplete": survived(Answer(name=AnswerName.FOUND, message="odd")),
    "a bulk": lambda _: {"backup_ids": [ONE, TWO, ONE, "x", 7], "target": "otc-prod", "reason": "é"},
    "a bulk with conditions": lambda _: {"backup_ids": [ONE, "é"], "not_before": "2026-11-25T05:00:00Z"},
    "a bulk that looks like an envelope": lambda _: {"backup_ids": [ONE], "specversion": "1.0", "data": asks()},
    "a bulk that cannot be stored": troubled(lambda _: {"backup_ids": [ONE]}, "send"),
    "too little time": without_time,
    "halted": halted,
    **{
        f"{step} fails, and the backup {what}": troubled(setting, step)
        for step in ("publish", "dead_letter", "send")
        for what, setting in {
            "is held": there(name="[hold]"),
            "is gone": lambda _: asks(),
            "is there": there(),
            "is busy": there(status="creating"),
        }.items()
    },
    **{
        f"{step} raises, and the backup is held": troubled(there(name="[hold]"), step, how="raises")
        for step in ("publish", "dead_letter", "show", "hide")
    },
    "hiding raises, and the backup is busy": troubled(there(status="creating"), "hide", how="raises"),
    "neither bus nor dead letters, and gone": troubled(lambda _: asks(), "publish", "dead_letter"),
    "neither bus nor dead letters": troubled(there(name="[hold]"), "publish", "dead_letter"),
}
