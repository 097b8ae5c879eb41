"""Calls to the cloud per proven deletion, compared with openstacksdk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

import openstack
from openstack.connection import Connection

from tests.benchmarks.deleter import count_ours, quiet
from tests.benchmarks.table import Row
from tests.support.doubles import ManualClock
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from vbs_reaper.clock import utc_now

TAKES: Final = {"2 s": (2.0, 3.05), "30 s": (30.0, 4.6), "30 min": (1800.0, 24.0)}
"""The duration of a deletion in the cloud, and the aim for all calls of the product."""
DELETIONS: Final = 20
"""Deletions that share one login of the product."""
_COUNTED: Final = frozenset({Operation.LOGIN, Operation.SHOW, Operation.LIST, Operation.DELETE})


def measure_calls() -> list[Row]:
    """Compare all calls of a deletion, logins included. The peer logs in for each deletion."""
    rows = []
    for name, (takes_s, bound) in TAKES.items():
        with quiet():
            ours = count_ours(takes_s, DELETIONS)
        pairs = [(ours.calls.total() / ours.proven, float(count_sdk(takes_s)))]
        title = f"calls: deletion of {name} / openstacksdk, wait=True"
        rows.append(Row(name=title, pairs=pairs, unit="calls", bound=bound))
    return rows


def count_sdk(takes_s: float) -> int:
    """Count the calls of `delete_volume_backup(wait=True)`, without its requests for versions."""
    clock = ManualClock(utc_now())  # the SDK compares the expiry of the token with the real time
    settings = SimulatorSettings(delete_seconds=takes_s, token_seconds=24 * 3600)
    with Simulator(settings, clock=clock).running() as cloud:
        backup_id = cloud.add_backup()
        with (
            connected(cloud.auth_url, cloud.password_of(), cloud.project_id) as connection,
            patch("openstack.utils.time.sleep", clock.advance),
        ):
            if not connection.delete_volume_backup(backup_id, wait=True):
                raise RuntimeError("openstacksdk did not delete the backup")
        return sum(call.operation in _COUNTED for call in cloud.journal.calls)


@contextmanager
def connected(auth_url: str, password: str, project_id: str) -> Iterator[Connection]:
    """Connect openstacksdk as the user `member`."""
    user = {"username": "member", "password": password, "user_domain_name": "Default", "project_id": project_id}
    connection = openstack.connect(
        load_envvars=False,
        load_yaml_config=False,
        auth_type="password",
        auth={"auth_url": auth_url, **user},
        region_name="eu-de",
        block_storage_api_version="3",
    )
    try:
        yield connection
    finally:
        connection.close()
