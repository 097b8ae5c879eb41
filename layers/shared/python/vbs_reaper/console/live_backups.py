"""An inventory from the cloud itself, listed and doubted as a purge does it: a login, and nothing but GETs after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import boto3
from rich.console import Console
from rich.progress import Progress
from rich.progress import SpinnerColumn
from rich.progress import TaskID
from rich.progress import TextColumn

from vbs_reaper.aws import clients
from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.clock import utc_now
from vbs_reaper.console.clouds_file import read_cloud
from vbs_reaper.console.refusal import Refused
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import Operation
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.backup_api import BackupApi
from vbs_reaper.openstack.calls.page import Page
from vbs_reaper.openstack.secret import SecretUnusable
from vbs_reaper.openstack.secret import StoredSecret
from vbs_reaper.openstack.target import read_target
from vbs_reaper.openstack.transport import Transports
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.run.listing import list_inventory

UNHURRIED_S: Final = 3600.0
"""A person waits as long as pages come: every call sees this much time left."""


def list_cloud(cloud: str) -> Inventory:
    """Every backup of the project that an entry of clouds.yaml names.

    Raises:
        Refused: the entry cannot be used.
        PurgeRefused: the list is incomplete, or a clock is in doubt.
    """
    return _list(cloud, read_cloud(cloud))


def list_secret(name: str) -> Inventory:
    """Every backup of the project that a target's secret in Secrets Manager names; `name` is the secret's own.

    Raises:
        Refused: the secret cannot be read or used.
        PurgeRefused: the list is incomplete, or a clock is in doubt.
    """
    prefix, _, target = name.rpartition("/")
    if not prefix or not target:
        raise Refused("--secret wants the secret's whole name, such as vbs-reaper/default")
    try:
        if boto3.Session().get_credentials() is None:
            raise Refused("--secret needs AWS credentials, and the environment has none; set AWS_PROFILE or log in")
        stored = TargetSecrets(clients.secrets_manager(), prefix).read(target)
    except AWS_ERRORS as error:
        raise Refused(
            f"--secret cannot reach Secrets Manager ({code_of(error)}); set AWS_REGION or AWS_PROFILE"
        ) from None
    except SecretUnusable as unusable:
        raise Refused(str(unusable)) from None
    return _list(target, stored)


def _list(target: str, stored: StoredSecret) -> Inventory:
    try:
        read_target(target, stored)
    except SecretUnusable as unusable:
        raise Refused(str(unusable)) from None
    transports = Transports(calls_at_once=1)
    api = BackupApi(secrets=_Only(stored), calls=_Uncounted(), clock=utc_now, transports=transports)
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
            return list_inventory(_Watched(api, bar, task), target, utc_now, lambda: UNHURRIED_S)
    finally:
        transports.close()


class _Only:
    """The one secret there is."""

    def __init__(self, stored: StoredSecret) -> None:
        self._stored = stored

    def read(self, target: str) -> StoredSecret:
        return self._stored


class _Uncounted:
    """A desk has no metrics."""

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None:
        pass


class _Watched:
    """The lists of the cloud, shown as they come."""

    def __init__(self, lists: BackupApi, bar: Progress, task: TaskID) -> None:
        self._lists, self._bar, self._task = lists, bar, task

    def view_target(self, target: str, time_left: TimeLeft) -> TargetView | Answer:
        return self._lists.view_target(target, time_left)

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        seen = 0
        for page in self._lists.list_backups(target, time_left, project_id, address):
            if isinstance(page, Page):
                seen = len(page.backups) + (0 if page.begins_anew else seen)
                self._bar.update(self._task, completed=seen)
            yield page
