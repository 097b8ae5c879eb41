"""Lists the backups of a cloud, with the same checks as a purge. After the login, only GET requests are sent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import boto3
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn

from vbs_reaper.aws import clients
from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.backups.answer import Answer, Operation, Page, TargetInfo
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.backups.secret_text import StoredSecret
from vbs_reaper.cli.clouds_file import read_cloud
from vbs_reaper.clock import TimeLeft, utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.clouds.target_secret import read_target
from vbs_reaper.errors import CommandError, InvalidSecret
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.listing import list_inventory

TIME_LEFT_S: Final = 3600.0
"""There is no deadline in interactive use: this time left is reported to every call."""


def list_cloud(cloud: str) -> Inventory:
    """List the backups of the project that an entry of clouds.yaml names.

    Raises:
        CommandError: the entry cannot be used.
        RunRefused: the list is incomplete, or a clock is in doubt.
    """
    return _list(cloud, read_cloud(cloud))


def list_secret(name: str) -> Inventory:
    """List the backups of the project in a target's secret in Secrets Manager. `name` is the full name of the secret.

    Raises:
        CommandError: the secret cannot be read or used.
        RunRefused: the list is incomplete, or a clock is in doubt.
    """
    prefix, _, target = name.rpartition("/")
    if not prefix or not target:
        raise CommandError("--secret needs the full name of the secret, such as vbs-reaper/default")
    try:
        if boto3.Session().get_credentials() is None:
            raise CommandError(
                "--secret needs AWS credentials, and the environment has none; set AWS_PROFILE or log in"
            )
        stored = TargetSecrets(clients.secrets_manager(), prefix).read(target)
    except AWS_ERRORS as error:
        raise CommandError(
            f"--secret cannot reach Secrets Manager ({code_of(error)}); set AWS_REGION or AWS_PROFILE"
        ) from None
    except InvalidSecret as error:
        raise CommandError(str(error)) from None
    return _list(target, stored)


def _list(target: str, stored: StoredSecret) -> Inventory:
    try:
        read_target(target, stored)
    except InvalidSecret as error:
        raise CommandError(str(error)) from None
    transports = Transports(calls_at_once=1)
    api = CloudClient(
        secrets=_OneSecret(stored), metrics=_NoMetrics(), clock=utc_now, transports=transports, logins=_NoLoginSlots()
    )
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}: {task.completed:,.0f} backups"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    try:
        with bar:
            task = bar.add_task("listing", total=None)
            return list_inventory(_ListsWithProgress(api, bar, task), target, utc_now, lambda: TIME_LEFT_S)
    finally:
        transports.close()


class _OneSecret:
    """Implements `clouds.ports.TargetSecrets` with one secret, whatever the target."""

    def __init__(self, stored: StoredSecret) -> None:
        self._stored = stored

    def read(self, target: str) -> StoredSecret:
        return self._stored


class _NoLoginSlots:
    """Implements `clouds.ports.LoginStore`: every slot is free. A command makes one login, outside of any stack."""

    def read(self, key: str) -> None:
        pass

    def create(self, key: str, body: bytes) -> str | None:
        return key

    def replace(self, key: str, body: bytes, tag: str) -> str | None:
        return tag

    def delete(self, key: str, tag: str) -> None:
        pass


class _NoMetrics:
    """Implements `clouds.ports.CallMetrics` and records nothing."""

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None:
        pass


class _ListsWithProgress:
    """Implements `backups.ports.BackupLists`: shows the number of backups while the pages arrive."""

    def __init__(self, lists: CloudClient, bar: Progress, task: TaskID) -> None:
        self._lists, self._bar, self._task = lists, bar, task

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        return self._lists.describe_target(target, time_left)

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        seen = 0
        for page in self._lists.list_backups(target, time_left, project_id, address):
            if isinstance(page, Page):
                seen = len(page.backups) + (0 if page.restarted else seen)
                self._bar.update(self._task, completed=seen)
            yield page
