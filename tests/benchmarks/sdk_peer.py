"""openstacksdk as people use it: connected to a cloud of ours, and its own waiting loop on a clock by hand."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import openstack
from openstack.connection import Connection

from tests.benchmarks.counting import Counted
from tests.support.doubles import ManualClock
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from vbs_reaper.clock import utc_now

_COUNTED = frozenset({Operation.LOGIN, Operation.SHOW, Operation.LIST, Operation.DELETE})


@contextmanager
def connected(auth_url: str, password: str, project_id: str, region: str = "eu-de") -> Iterator[Connection]:
    """A connection of the member's, closed at the end."""
    connection = openstack.connect(
        load_envvars=False,
        load_yaml_config=False,
        auth_type="password",
        auth={
            "auth_url": auth_url,
            "username": "member",
            "password": password,
            "user_domain_name": "Default",
            "project_id": project_id,
        },
        region_name=region,
        block_storage_api_version="3",
    )
    try:
        yield connection
    finally:
        connection.close()


def count_sdk(takes_s: float) -> Counted:
    """Delete one with `delete_volume_backup(wait=True)`; what it asks about versions is left out, in its favour."""
    clock = ManualClock(utc_now())  # by their own clock the peers would find a token of another day expired
    settings = SimulatorSettings(delete_seconds=takes_s, token_seconds=24 * 3600)
    with Simulator(settings, clock=clock).running() as cloud:
        backup_id = cloud.add_backup()
        with (
            connected(cloud.auth_url, cloud.password_of(), cloud.project_id) as connection,
            patch("openstack.utils.time.sleep", clock.advance),
        ):
            if not connection.delete_volume_backup(backup_id, wait=True):
                raise RuntimeError("openstacksdk did not delete")
        calls = Counter(call.operation.value for call in cloud.journal.calls if call.operation in _COUNTED)
        return Counted(calls=calls, proven=1)
