"""The purger in a seed: nightly backups, nightly runs of policies, and what happens to requested backups."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation.bucket import Object
from tests.simulation.cloud import PROJECTS, CloudBackup, Project, new_id
from tests.simulation.faults import Fault
from tests.simulation.judge_of_purges import PurgeJudge
from tests.simulation.operator import Operator
from tests.simulation.policies import draw_policy
from tests.simulation.purger import PurgerFunction
from tests.simulation.timeline import DAY, HOUR, seconds_of
from vbs_reaper.backups.holds import EVERY_RUN, HoldKind
from vbs_reaper.errors import InvalidPlan
from vbs_reaper.purge.calendar.zone import to_datetime, to_micros
from vbs_reaper.purge.plan_file import encode_plan, read_plan

if TYPE_CHECKING:
    from tests.simulation.world import World

BEGINS_S = -9 * DAY
"""Before the other requests, so that plans older than a week exist."""
NIGHTS_RUN = 0.35
"""The schedule is off in some nights."""


ON_THE_WAY = (Fault.DUE_HELD, Fault.DUE_RENAMED, Fault.DUE_REPLACED, Fault.DUE_DELETED, Fault.SURVIVOR_GONE)
"""What may happen to a backup or its survivor between the request and the deletion."""


class Nights:
    """Creates backups and runs policies, with its own random numbers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = random.Random(f"purger {world.seed}")
        world.faults.join(self.rng, random.Random(f"forger {world.seed}"))
        self._skew_s = self.rng.uniform(-200, 200)
        self.page_size = self.rng.choice((20, 40, 1000))
        self.bucket: dict[str, Object] = {}
        self.judge = PurgeJudge(world, self.clock, {project.target: project for project in PROJECTS})
        self.function = PurgerFunction(world, self)
        self._volumes = [
            (project, f"{project.target}{number}", new_id(self.rng), self.rng.random() < 0.4)
            for project in PROJECTS
            for number in range(self.rng.randint(1, 3))
        ]

    def clock(self) -> datetime:
        return self.world.timeline.moment(self.world.timeline.now + self._skew_s)

    def arrange(self, trouble_s: float) -> None:
        """Schedule the nights from long before the faults until after them."""
        rng, timeline = self.rng, self.world.timeline
        policies = [draw_policy(rng, project) for project in rng.sample(PROJECTS, rng.randint(1, 2))]
        self.judge.last = {policy["policy"]: None for policy in policies}
        for number in range(-16, -9):
            self._back_up_all(number, number * DAY)
        tonight_s = rng.uniform(0.05, 0.8) * min(trouble_s, DAY)
        first, last = -8, int((trouble_s + 2 * HOUR - tonight_s) // DAY) + 1
        for number in range(first, last + 1):
            night_s = tonight_s + number * DAY
            timeline.at(night_s - HOUR, partial(self._back_up_all, number, night_s - HOUR))
            if number in {first, 0, last} or rng.random() < NIGHTS_RUN:
                for policy in policies:
                    if night_s < trouble_s - 6 * HOUR:
                        self._arrange_stop(f"{policy['policy']}/{EVERY_RUN}", night_s)
                    timeline.at(night_s + rng.uniform(0, 90), partial(self._run, policy, night_s))
                if self.world.faults.has(Fault.BUCKET_DOWN) and night_s < trouble_s and rng.random() < 0.4:
                    timeline.at(night_s - 60, partial(self.world.faults.begin, Fault.BUCKET_DOWN))
                    timeline.at(night_s + rng.uniform(60, 7200), partial(self.world.faults.end, Fault.BUCKET_DOWN))
        Operator(self.world, self).arrange(trouble_s)

    def _arrange_stop(self, runs: str, night_s: float) -> None:
        """Sometimes stop every run of a policy for a few hours, including that of this night."""
        if self.world.faults.strikes(Fault.RUN_STOPPED, 0.2):
            self.world.timeline.at(night_s - 120, partial(self._stop, runs))
            self.world.timeline.at(night_s + 6 * HOUR, partial(self.world.aws.holds.release, runs))

    def _stop(self, run: str) -> None:
        self.world.aws.holds.write(HoldKind.RUN, run)

    def _run(self, policy: dict[str, Any], night_s: float) -> None:
        event = {"run": policy, "scheduled_time": f"{self.world.timeline.moment(night_s):%Y-%m-%dT%H:%M:%SZ}"}
        self._forge(policy, str(event["scheduled_time"]))
        if self.world.faults.strikes(Fault.FIRED_TWICE):
            self.world.timeline.after(self.rng.choice((0.1, 1, 300)), partial(self.function.invoke, event))
        self.function.invoke(event)

    def _forge(self, policy: dict[str, Any], scheduled: str) -> None:
        """Forge objects before the run of this night, as an attacker who can write to the bucket."""
        name = f"{policy['policy']}/{scheduled.replace(':', '-')}"
        if f"plans/{name}.json" in self.bucket:
            return
        moment = self.world.timeline.moment()
        if self.world.faults.strikes(Fault.MARK_FORGED):
            body = json.dumps({"plan": "0" * 64, "requested": 1}).encode()
            self.bucket[f"plans/{name}.sent"] = Object(body, {}, moment.replace(microsecond=0))
        last = self.judge.last_planned(policy["policy"])
        if "grace" not in policy or last is None or not self.world.faults.strikes(Fault.GRACE_FORGED):
            return
        stored = self.bucket[f"plans/{last}.json"]
        made_at = to_micros(moment - timedelta(minutes=10))
        try:
            found = replace(read_plan(stored.body), made_at=made_at)
        except InvalidPlan:  # it was changed before
            return
        for row in found.backups:
            if row.in_set:
                row.keep = False
                row.selected_since = row.due_at = made_at - 30 * 24 * 3_600_000_000
        self.bucket[f"plans/{last}.json"] = Object(encode_plan(found), stored.metadata, moment.replace(microsecond=0))
        self.judge.changed.add(last)
        self.judge.forged.setdefault(policy["policy"], seconds_of(to_datetime(made_at)))

    # Backups

    def back_up_one(self, project: Project) -> None:
        """Create a backup outside the schedule."""
        mine = [volume for volume in self._volumes if volume[0] is project]
        self._back_up(self.rng.choice(mine), "extra", self.world.timeline.now, is_incremental=False)

    def _back_up_all(self, number: int, when_s: float) -> None:
        for place, volume in enumerate(self._volumes):
            is_chain = volume[3] and volume[0].api_version == "v3" and not self.world.faults.is_over
            self._back_up(volume, str(number), when_s + place, is_incremental=is_chain and number % 4 != 0)

    def _back_up(
        self, volume: tuple[Project, str, str, bool], label: str, when_s: float, *, is_incremental: bool
    ) -> None:
        project, name, volume_id, _ = volume
        self.world.cloud.add(
            CloudBackup(
                id=new_id(self.rng),
                project=project,
                volume_id=volume_id,
                created_s=when_s,
                updated_s=when_s,
                name=f"nightly-{name}-{label}",
                status=self.rng.choices(("available", "error"), (95, 5))[0],
                description="[hold]" if self.rng.random() < 0.05 else None,
                is_incremental=is_incremental,
            )
        )

    # Changes of requested backups

    def interfere(self, body: dict[str, Any]) -> None:
        """Sometimes change a backup between its request and its deletion."""
        survivors = body.get("expect", {}).get("survivors")
        for fault in ON_THE_WAY:
            if fault is Fault.SURVIVOR_GONE and not survivors:
                continue
            if self.world.faults.strikes(fault, 0.1):
                backup_id = self.rng.choice(survivors) if fault is Fault.SURVIVOR_GONE else body["backup_id"]
                self.world.timeline.after(
                    self.rng.choice((0.0, 0.0, 30.0, 300.0)), partial(self._apply, fault, backup_id)
                )

        if self.world.faults.strikes(Fault.RUN_STOPPED, 0.02):
            self._stop(body["requested_by"])

    def _apply(self, fault: Fault, backup_id: str) -> None:
        backup = self.world.cloud.backups.get(backup_id)
        match fault:
            case _ if backup is None:
                return
            case Fault.DUE_HELD:
                backup.description = "wanted [hold]"
            case Fault.DUE_RENAMED:
                backup.name = "renamed"
            case Fault.DUE_REPLACED:
                backup.created_s = self.world.timeline.now
            case _:
                del self.world.cloud.backups[backup_id]
