"""A hold set with the API of Cinder between the first observation and the DELETE prevents the deletion."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.integration.api_harness import TARGET, CallRecorder, FakeTimeLeft, TargetSecretsInMemory
from tests.openstack.cloud import Cloud
from tests.openstack.volumes import TIMEOUT_S
from tests.support.doubles import LoginStoreInMemory, no_holds
from vbs_reaper.backups.answer import Answer
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.backups.secret_text import StoredSecret
from vbs_reaper.clock import TimeLeft
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.decision import Asked, Pass, PassEnd, Refused
from vbs_reaper.deletion.message import Delivery, read_message
from vbs_reaper.deletion.reconcile import OBSERVATION_VALID, Reconciler
from vbs_reaper.deletion.request import read_request
from vbs_reaper.reasons import Reason

pytestmark = pytest.mark.openstack
LONGER_THAN_VALID_S = OBSERVATION_VALID.total_seconds() + 0.3
Action = Callable[[], None]


def now() -> datetime:
    return datetime.now(UTC)


def hold(cloud: Cloud, backup_id: str, text: str) -> None:
    """Set the description of a backup with the API, as its owner."""
    headers = {"X-Auth-Token": cloud.token(), "OpenStack-API-Version": "volume 3.43"}
    url = f"{cloud.cinder_url}/v3/{cloud.accounts.project_id}/backups/{backup_id}"
    with requests.Session() as http:
        http.trust_env = False
        http.put(url, json={"backup": {"description": text}}, headers=headers, timeout=TIMEOUT_S).raise_for_status()


class SlowSecrets(TargetSecretsInMemory):
    """Secrets with a slow read and a callback, if a test sets one."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Action | None = None

    def read(self, target: str) -> StoredSecret:
        deed, self.meanwhile = self.meanwhile, None
        if deed is not None:
            deed()
            time.sleep(LONGER_THAN_VALID_S)
        return super().read(target)


class Interrupted:
    """The real client, with a callback after the GET of a given backup."""

    def __init__(self, api: CloudClient) -> None:
        self._api = api
        self.after_look_at: dict[str, Action] = {}
        self.delete_backup = api.delete_backup
        self.list_volume = api.list_volume

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        answer = self._api.show_backup(ref, time_left)
        self.after_look_at.pop(ref.backup_id, lambda: None)()
        return answer


class PassRunner:
    """Makes passes, and records their calls."""

    def __init__(self, cloud: Cloud, transports: Transports) -> None:
        self.secrets = SlowSecrets()
        self.secrets.put(dict(cloud.secret()), TARGET)
        self.recorder = CallRecorder()
        self._slept = timedelta()
        client = CloudClient(
            secrets=self.secrets,
            metrics=self.recorder,
            clock=self.clock,
            transports=transports,
            logins=LoginStoreInMemory(now),
        )
        self.cloud = Interrupted(client)

    def clock(self) -> datetime:
        """Return the time without the sleeps of the test, so that these do not make an observation too old."""
        return now() - self._slept

    def sleep_until_tokens_are_revoked(self) -> None:
        """Sleep past the current second, because Keystone compares whole seconds."""
        time.sleep(1.1)
        self._slept += timedelta(seconds=1.1)

    def make_pass(self, backup_id: str, **more: Any) -> PassEnd:  # noqa: ANN401  # fields of a request
        request = read_request({"backup_id": backup_id, **more}, now())
        delivery = Delivery(message=read_message({"messageId": "m-1"}, now()), now=now(), base_s=60, jitter=0.5)
        return Reconciler(self.cloud, no_holds(self.clock), self.clock, 5).reconcile(
            Pass(request=request, delivery=delivery), TARGET, FakeTimeLeft(60.0)
        )

    def calls(self, operation: str) -> list[str]:
        return [status for name, status in self.recorder.calls if name == operation]


@pytest.fixture
def runner(cloud: Cloud) -> Iterator[PassRunner]:
    with transports() as opened:
        yield PassRunner(cloud, opened)


@contextmanager
def transports() -> Iterator[Transports]:
    opened = Transports(calls_at_once=1)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("text", ["[hold] legal", "keep: [ HOLD ]"])
def test_a_hold_set_while_a_survivor_is_observed_keeps_the_backup(cloud: Cloud, runner: PassRunner, text: str) -> None:
    backup, survivor = cloud.write_backups([{"display_name": "old"}, {"display_name": "new"}])

    def meanwhile() -> None:
        hold(cloud, backup, text)
        time.sleep(LONGER_THAN_VALID_S)

    runner.cloud.after_look_at[survivor] = meanwhile
    decision = runner.make_pass(backup, expect={"survivors": [survivor]})
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.HELD
    assert (runner.calls("ShowBackup"), runner.calls("DeleteBackup")) == (["200"] * 3, [])
    assert cloud.read_backups()[backup].status == "available"


def test_a_hold_set_during_a_login_before_the_delete_keeps_the_backup(cloud: Cloud, runner: PassRunner) -> None:
    (backup,) = cloud.write_backups([{"display_name": "old"}])
    member = cloud.accounts.member

    def revoke() -> None:
        cloud.keystone.set_password(member.id, member.password)  # the same password, but this revokes all tokens
        runner.sleep_until_tokens_are_revoked()
        runner.secrets.meanwhile = lambda: hold(cloud, backup, "[hold] legal")

    runner.cloud.after_look_at[backup] = revoke
    decision = runner.make_pass(backup)
    assert isinstance(decision, Refused)
    assert decision.reason is Reason.HELD
    assert runner.calls("DeleteBackup") == ["401"]
    assert cloud.read_backups()[backup].status == "available"


def test_without_a_hold_the_same_login_causes_one_more_get(cloud: Cloud, runner: PassRunner) -> None:
    (backup,) = cloud.write_backups([{"display_name": "old"}])
    member = cloud.accounts.member

    def revoke() -> None:
        cloud.keystone.set_password(member.id, member.password)
        runner.sleep_until_tokens_are_revoked()
        runner.secrets.meanwhile = lambda: None

    runner.cloud.after_look_at[backup] = revoke
    assert isinstance(runner.make_pass(backup), Asked)
    assert (runner.calls("ShowBackup"), runner.calls("DeleteBackup")) == (["200", "200"], ["401", "202"])
    assert cloud.read_backups()[backup].status in {"deleting", "deleted"}
