"""The event source mapping between the delete queue and the deleter: switched, and waited for until it really is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import boto3
from rich.console import Console

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused

if TYPE_CHECKING:
    import argparse

    from mypy_boto3_lambda import LambdaClient

ENABLED: Final = "Enabled"
DISABLED: Final = "Disabled"
WITHIN_S: Final = 300.0
LOOK_EVERY_S: Final = 1.0
_BUSY: Final = "ResourceInUseException"
"""Lambda carries out an earlier change; this one may be made afterwards."""


def add_options(words: argparse.ArgumentParser) -> None:
    """What both commands take."""
    words.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    words.add_argument("--json", action="store_true", help="how it was and is, as JSON")


def switch(name: str, wanted: str) -> bool:
    """Let the mapping be Enabled or Disabled; whether it was otherwise before. Interrupted, the change goes on.

    Raises:
        Refused: the stack or its mapping cannot be had, or it takes longer than 5 minutes.
    """
    stack = DeployedStack(name)
    mapping = stack.output("DeleteRequestsMappingId")
    client = boto3.client("lambda")
    try:
        if _state(client, mapping) == wanted:
            return False
        with Console(stderr=True).status(f"waiting until it is {wanted.lower()}") as shown:
            _wait(client, mapping, wanted, shown)
    except AWS_ERRORS as error:
        raise stack.failed("switch its event source mapping", error) from None
    return True


def _wait(client: LambdaClient, mapping: str, wanted: str, shown: Any) -> None:  # noqa: ANN401  # rich's Status
    until, is_asked = time.monotonic() + WITHIN_S, False
    while True:
        is_asked = is_asked or _is_asked(client, mapping, wanted)
        state = _state(client, mapping)
        if is_asked and state == wanted:
            return
        if time.monotonic() > until:
            raise Refused(f"the mapping is still {state} after {WITHIN_S:.0f} s; run the command again to look")
        shown.update(f"waiting until it is {wanted.lower()}; it is {state.lower()}")
        time.sleep(LOOK_EVERY_S)


def _is_asked(client: LambdaClient, mapping: str, wanted: str) -> bool:
    try:
        client.update_event_source_mapping(UUID=mapping, Enabled=wanted == ENABLED)
    except AWS_ERRORS as error:
        if code_of(error) == _BUSY:
            return False
        raise
    return True


def _state(client: LambdaClient, mapping: str) -> str:
    return client.get_event_source_mapping(UUID=mapping)["State"]
