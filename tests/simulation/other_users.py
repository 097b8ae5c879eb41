"""What other users do to the same backups, tokens and secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.cloud import HOLD_KEYS, HOLDS, CloudBackup
from tests.simulation.faults import Fault
from tests.simulation.timeline import HOUR
from vbs_reaper.backups.holds import HoldKind

if TYPE_CHECKING:
    from tests.simulation.world import World

VISITS = 40


class OtherUsers:
    """Users, operators and other software."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deeds: dict[Fault, Callable[[CloudBackup], None]] = {
            Fault.HELD: self._hold,
            Fault.FREED: self._free,
            Fault.HOLD_STORED: self._store_hold,
            Fault.HOLD_RELEASED: self._release_hold,
            Fault.DELETED_BY_ANOTHER: self._delete,
            Fault.REPLACED: self._replace,
            Fault.RESTORED: self._restore,
            Fault.TOUCHED: self._touch,
        }

    def arrange(self, for_s: float) -> None:
        world = self._world
        known = [fault for fault in self._deeds if world.faults.has(fault)]
        for _ in range(VISITS if known else 0):
            fault = world.rng.choice(known)
            world.timeline.at(world.rng.uniform(0, for_s), lambda fault=fault: self._interfere(fault))  # type: ignore[misc]
        if world.faults.has(Fault.MOVED_BACK):
            for _ in range(VISITS):
                world.timeline.at(world.rng.uniform(0, for_s), self._move_letter_back)
        if world.faults.has(Fault.TOKENS_REVOKED):
            for _ in range(3):
                world.timeline.at(world.rng.uniform(0, for_s), self._revoke)

    def _interfere(self, fault: Fault) -> None:
        world = self._world
        if world.faults.is_over or not world.cloud.backups:
            return
        world.faults.fired[fault] += 1
        self._deeds[fault](world.rng.choice(list(world.cloud.backups.values())))

    def _hold(self, backup: CloudBackup) -> None:
        if backup.project.shows_metadata and self._world.rng.random() < 0.5:
            backup.metadata = {self._world.rng.choice(sorted(HOLD_KEYS)): "legal"}
        else:
            backup.description = f"keep this {self._world.rng.choice(HOLDS)}"

    def _free(self, backup: CloudBackup) -> None:
        held = [other for other in self._world.cloud.backups.values() if other.is_held]
        for each in held[:3]:
            each.metadata, each.description = {}, None

    def _store_hold(self, backup: CloudBackup) -> None:
        if self._world.rng.random() < 0.8:
            self._world.aws.holds.write(HoldKind.BACKUP, backup.id)
        else:
            self._world.aws.holds.write(HoldKind.VOLUME, backup.volume_id)

    def _release_hold(self, backup: CloudBackup) -> None:
        self._world.aws.holds.release_oldest()

    def _delete(self, backup: CloudBackup) -> None:
        del self._world.cloud.backups[backup.id]

    def _replace(self, backup: CloudBackup) -> None:
        backup.created_s, backup.name = self._world.timeline.now, "new"

    def _restore(self, backup: CloudBackup) -> None:
        if backup.status == "available":
            backup.status = "restoring"
            self._world.timeline.after(self._world.rng.uniform(60, 2 * HOUR), lambda: self._restored(backup))

    def _restored(self, backup: CloudBackup) -> None:
        if backup.status == "restoring":
            backup.status = "available"

    def _touch(self, backup: CloudBackup) -> None:
        for each in self._world.cloud.backups.values():
            if each.status == "deleting":
                each.updated_s = self._world.timeline.now

    def _move_letter_back(self) -> None:
        world = self._world
        if world.faults.is_over or not world.aws.letters:
            return
        letter = world.rng.choice(world.aws.letters)
        if "request_id" in letter.attributes and "/" not in letter.attributes["request_id"]:
            world.faults.fired[Fault.MOVED_BACK] += 1
            world.aws.move_back(letter)

    def _revoke(self) -> None:
        if not self._world.faults.is_over:
            self._world.faults.fired[Fault.TOKENS_REVOKED] += 1
            self._world.cloud.revoke_all()

    # Secrets

    def rotate_secret(self) -> None:
        secret = self._world.aws.secret
        secret.version, secret.stored_at = secret.version + 1, self._world.timeline.moment()
        secret.password = f"canary-password-{secret.version}"

    def rotate_keystone(self) -> None:
        self._world.cloud.password = f"canary-password-of-keystone-{self._world.aws.secret.version}"
        self._world.cloud.revoke_all()

    def synchronize_password(self) -> None:
        """Make the password of Keystone and of a new version of the secret equal."""
        secret, cloud = self._world.aws.secret, self._world.cloud
        if secret.password != cloud.password:
            secret.version, secret.stored_at = secret.version + 1, self._world.timeline.moment()
            secret.password = cloud.password

    def repair_everything(self) -> None:
        """Finish all actions of users, and make backups that block a chain for ever full ones."""
        self.synchronize_password()
        for backup in self._world.cloud.backups.values():
            if backup.status in {"creating", "restoring"}:
                backup.status = "available"
            backup.is_incremental = False
