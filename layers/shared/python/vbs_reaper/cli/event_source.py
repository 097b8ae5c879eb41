"""Switches the event source mapping between the delete queue and the deleter, and waits until it has changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import boto3
from rich.console import Console

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.checking.ports import ENABLED
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError

if TYPE_CHECKING:
    import argparse

    from mypy_boto3_lambda import LambdaClient

DISABLED: Final = "Disabled"
LIMIT_S: Final = 300.0
POLL_S: Final = 1.0
_BUSY: Final = "ResourceInUseException"
"""Lambda is still applying an earlier change; the update can be retried."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `pause` and `resume`."""
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument("--json", action="store_true", help="the state, and whether it was changed, as JSON")


def switch(name: str, wanted: str) -> bool:
    """Set a stack's mapping to `ENABLED` or `DISABLED`; return whether it had another state before.

    If the wait is interrupted, the change still takes effect.

    Raises:
        CommandError: the stack or its mapping cannot be accessed, or the change takes more than 5 minutes.
    """
    stack = Stack(name)
    mapping = stack.output("DeleteRequestsMappingId")
    client = boto3.client("lambda")
    try:
        if _state(client, mapping) == wanted:
            return False
        with Console(stderr=True).status(f"waiting until it is {wanted.lower()}") as status:
            _wait(client, mapping, wanted, status)
    except AWS_ERRORS as error:
        raise stack.failed("switch its event source mapping", error) from None
    return True


def _wait(client: LambdaClient, mapping: str, wanted: str, status: Any) -> None:  # noqa: ANN401  # rich's Status
    deadline, requested = time.monotonic() + LIMIT_S, False
    while True:
        requested = requested or _request(client, mapping, wanted)
        state = _state(client, mapping)
        if requested and state == wanted:
            return
        if time.monotonic() > deadline:
            raise CommandError(f"the mapping is still {state} after {LIMIT_S:.0f} s; run the command again to wait")
        status.update(f"waiting until it is {wanted.lower()}; it is {state.lower()}")
        time.sleep(POLL_S)


def _request(client: LambdaClient, mapping: str, wanted: str) -> bool:
    """Request the change; return False if Lambda is busy with an earlier one."""
    try:
        client.update_event_source_mapping(UUID=mapping, Enabled=wanted == ENABLED)
    except AWS_ERRORS as error:
        if code_of(error) == _BUSY:
            return False
        raise
    return True


def _state(client: LambdaClient, mapping: str) -> str:
    return client.get_event_source_mapping(UUID=mapping)["State"]
