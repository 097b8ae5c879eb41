"""python-openstackclient as scripts use it: `openstack volume backup delete`, then `show` until there is nothing."""

import contextlib
import io
import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Final

from openstackclient.shell import OpenStackShell

from tests.benchmarks.counting import Counted
from tests.support.doubles import ManualClock
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from vbs_reaper.clock import utc_now

EVERY_S: Final = 10.0
"""Seconds between two looks: as often as the Terraform provider looks in the end."""
_COUNTED: Final = frozenset({Operation.LOGIN, Operation.SHOW, Operation.LIST, Operation.DELETE})


def count_client(takes_s: float) -> Counted:
    """Compute the loop of its commands out of what each of them calls; each command logs in by itself."""
    asked, look, proof = _commands()
    looks = math.ceil(takes_s / EVERY_S) - 1
    waited = Counter({operation: number * looks for operation, number in look.items()})
    return Counted(calls=asked + waited + proof, proven=1)


@cache
def _commands() -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Count a delete, a look at what is still there, and one at what is not."""
    clock = ManualClock(utc_now())  # by their own clock the peers would find a token of another day expired
    settings = SimulatorSettings(delete_seconds=EVERY_S, token_seconds=24 * 3600)
    with Simulator(settings, clock=clock).running() as cloud:
        backup_id = cloud.add_backup()
        asked = _count(cloud, ["delete", backup_id], succeeds=True)
        look = _count(cloud, ["show", backup_id], succeeds=True)
        clock.advance(EVERY_S + 1)
        return asked, look, _count(cloud, ["show", backup_id], succeeds=False)


def _count(cloud: Cloud, command: Sequence[str], *, succeeds: bool) -> Counter[str]:
    before = len(cloud.journal.calls)
    options = {
        "auth-type": "password",
        "auth-url": cloud.auth_url,
        "username": "member",
        "password": cloud.password_of(),
        "user-domain-name": "Default",
        "project-id": cloud.project_id,
        "region-name": "eu-de",
    }
    arguments = [text for name, value in options.items() for text in (f"--os-{name}", value)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = OpenStackShell().run([*arguments, "volume", "backup", *command])
    if (code == 0) is not succeeds:
        raise RuntimeError(f"openstack volume backup {command[0]} ended with {code}: {said.getvalue()[-500:]}")
    return Counter(call.operation.value for call in cloud.journal.calls[before:] if call.operation in _COUNTED)
