"""The initial backups, and the requests: valid, wrong, malformed and duplicate ones, in every envelope."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.cloud import CloudBackup, Project, new_id
from tests.simulation.faults import Fault
from tests.simulation.timeline import DAY, HOUR, START
from tests.simulation.wanted import Wanted
from vbs_reaper.deletion.result import REQUESTED

if TYPE_CHECKING:
    from tests.simulation.world import World

BURSTS = 8
"""Requests arrive in bursts, as purges send them."""
MALFORMED = [
    "no request",
    "[" * 5000,
    '{"backup_id": "x"}',
    '{"backup_id": "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11\\n"}',
    '{"backup_id": "../volumes/1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"}',
    '{"backup_id": "1D11C8B0-0B0A-4A5E-9C3E-2F6F0C6F7A11"}',
    '{"backup_id": "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11", "force": true}',
    '{"backup_id": "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11", "backup_id": "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a12"}',
]

ENVELOPES: Sequence[Callable[[dict[str, Any]], dict[str, Any]]] = (
    lambda body: body,
    lambda body: {"version": "0", "detail-type": REQUESTED, "source": "x", "detail": body},
    lambda body: {"Type": "Notification", "Message": json.dumps(body)},
    lambda body: {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": body},
)
"""No envelope, an event of EventBridge, a notification of SNS, a CloudEvent."""


@dataclass
class Workload:
    """Sends `requests` requests within `for_s` seconds."""

    world: World
    requests: int
    for_s: float
    made: int = 0
    _backups: list[CloudBackup] = field(default_factory=list)

    def arrange(self) -> None:
        """Create the backups, and schedule the requests."""
        rng = self.world.rng
        for project in self.world.projects:
            for number in range(max(2, self.requests // 6)):
                self._add_volume(project, f"{project.target[0]}{number}")
        bursts = [rng.uniform(0, self.for_s) for _ in range(BURSTS)]
        while self.made < self.requests:
            self._plan(rng.random(), rng.choice(bursts) + rng.uniform(0, 30))

    def _add_volume(self, project: Project, name: str) -> None:
        rng = self.world.rng
        volume_id = new_id(self.world.rng)
        is_chain = rng.random() < 0.25 and project.service != "cbr"
        for number in range(rng.randint(1, 5)):
            created_s = -rng.uniform(1, 60) * DAY
            self._backups.append(
                self.world.cloud.add(
                    CloudBackup(
                        id=new_id(self.world.rng),
                        project=project,
                        volume_id=volume_id,
                        created_s=created_s,
                        updated_s=created_s,
                        name=rng.choice([f"daily-{name}-{number}", None, ""]),
                        status=rng.choices(["available", "error", "creating", "restoring"], [90, 5, 3, 2])[0],
                        is_incremental=is_chain and number > 0,
                        metadata={"hold": "x"} if rng.random() < 0.02 else {},
                        description="[hold]" if rng.random() < 0.03 else None,
                    )
                )
            )
        if is_chain:
            self._order_chain(volume_id)

    def _order_chain(self, volume_id: str) -> None:
        """Make the full backup the oldest of its chain."""
        chain = [backup for backup in self._backups if backup.volume_id == volume_id]
        for backup, created_s in zip(chain, sorted(backup.created_s for backup in chain), strict=True):
            backup.created_s = created_s

    def _plan(self, kind: float, when: float) -> None:
        backup = self.world.rng.choice(self._backups)
        if kind < 0.08:
            self._put(when, self.world.rng.choice(MALFORMED), backup.project, None, {})
        elif kind < 0.14:
            self._put_bulk(when, backup.project)
        elif kind < 0.20:
            backup_id = new_id(self.world.rng)
            if backup.project.service == "cbr" and self.world.rng.random() < 0.5:  # deleted before the first request
                self.world.cloud.history[backup_id] = backup.project
            self._put_request(when, backup.project, backup_id, {})
        elif kind < 0.23:
            foreign = next(project for project in self.world.projects if project is not backup.project)
            self._put_request(when, foreign, backup.id, {})
        else:
            conditions = self._conditions(backup, when)
            self._put_request(when, backup.project, backup.id, conditions)
            if kind > 0.93:
                later = when + self.world.rng.uniform(0, 2 * HOUR)
                self._put_request(later, backup.project, backup.id, self._conditions(backup, later))

    def _conditions(self, backup: CloudBackup, when: float) -> dict[str, Any]:
        rng = self.world.rng
        conditions: dict[str, Any] = {}
        expect: dict[str, Any] = {}
        if rng.random() < 0.3:
            expect["volume_id"] = backup.volume_id if rng.random() < 0.9 else new_id(self.world.rng)
        if rng.random() < 0.3:
            expect["created_at"] = _written(self.world, backup.created_s + rng.choice([0] * 9 + [1]))
        if rng.random() < 0.3:
            expect["name"] = backup.name if rng.random() < 0.9 else "another"
        others = [other.id for other in self._backups if other.volume_id == backup.volume_id and other is not backup]
        if others and rng.random() < 0.2:
            expect["survivors"] = rng.sample(others, rng.randint(1, min(2, len(others))))
        if expect:
            conditions["expect"] = expect
        if rng.random() < 0.1:
            conditions["expires_at"] = _written(self.world, when + rng.uniform(0, 2) * HOUR)
        if rng.random() < 0.05:
            conditions["not_before"] = _written(self.world, when + rng.uniform(0, 23) * HOUR)
        if rng.random() < 0.2:
            right = rng.random() < 0.8
            conditions["project_id"] = backup.project.project_id if right else "ab" * 16
        return conditions

    def _put_request(self, when: float, project: Project, backup_id: str, conditions: dict[str, Any]) -> None:
        body = {"backup_id": backup_id, "reason": "superfluous"} | conditions
        self._put(when, self._in_envelope(body, project), project, backup_id, conditions)

    def _in_envelope(self, body: dict[str, Any], project: Project) -> str:
        """Return the request in a random envelope, with or without the name of the default target."""
        rng = self.world.rng
        if project.target != "default" or rng.random() < 0.5:
            body = {"target": project.target} | body
        for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
            body = rng.choice(ENVELOPES)(body)
        return json.dumps(body)

    def _put(self, when: float, body: str, project: Project, backup_id: str | None, conditions: dict[str, Any]) -> None:
        self.made += 1

        def wants(identity: str) -> None:
            self.world.judge.accepted(_wanted(identity, project, backup_id, conditions))
            self.world.trace.add(identity, f"came in: {body[:500]}")

        is_direct = body.startswith('{"') and self.world.rng.random() < 0.05 and backup_id is not None
        if is_direct:
            self.world.timeline.at(when, lambda: self.world.function.invoke_directly(body, wants))
        else:
            self.world.timeline.at(when, lambda: wants(self.world.aws.put(body, self._claims()).id))

    def _claims(self) -> dict[str, str]:
        """Return message attributes: none, or forged claims to be another request."""
        if not self.world.faults.strikes(Fault.FORGED):
            return {}
        others = list(self.world.judge.wanted) or ["m-0"]
        return {
            "request_id": self.world.rng.choice(others),
            "sent_at": _written(self.world, -400 * DAY),
            "asked_at": _written(self.world, -300 * DAY),
            "unanswered_at": _written(self.world, -300 * DAY),
            "redrives": "3",
        }

    def _put_bulk(self, when: float, project: Project) -> None:
        rng = self.world.rng
        mine = [backup.id for backup in self._backups if backup.project is project]
        elements: list[object] = [*rng.sample(mine, min(len(mine), rng.randint(1, 5)))]
        if rng.random() < 0.5:
            elements.insert(rng.randint(0, len(elements)), rng.choice(["x", 7, None, "../volumes"]))
        self.made += len(elements)
        body = self._in_envelope({"backup_ids": elements}, project)

        def arrive() -> None:
            message = self.world.aws.put(body, {})
            parts = [
                _wanted(f"{message.id}/{element}", project, element, {})
                if isinstance(element, str) and element in mine
                else _wanted(f"{message.id}/{place}", project, None, {})
                for place, element in enumerate(elements)
            ]
            self.world.judge.accepted(Wanted(message.id, project, parts=parts))
            self.world.trace.add(message.id, f"came in: {body}")

        self.world.timeline.at(when, arrive)


def _wanted(identity: str, project: Project, backup_id: str | None, conditions: dict[str, Any]) -> Wanted:
    return Wanted(
        identity,
        project,
        backup_id,
        expect=conditions.get("expect", {}),
        guard=conditions.get("project_id"),
        not_before_s=_read(conditions.get("not_before")),
        expires_at_s=_read(conditions.get("expires_at")),
    )


def _written(world: World, seconds: float) -> str:
    return world.timeline.moment(seconds).isoformat()


def _read(text: str | None) -> float | None:
    return None if text is None else (datetime.fromisoformat(text) - START).total_seconds()
