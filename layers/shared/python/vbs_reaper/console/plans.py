"""`vbs-reaper plans`: the plans that a stack has stored, newest first; and the picture of one of them, opened."""

import argparse
import json
import tempfile
import webbrowser
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.purge.run.result import key_of


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "plans",
        help="list a stack's purge plans, or open the picture of one",
        description="Lists the purge plans that a stack has stored; opens the picture of one.",
    )
    words.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    words.add_argument("--policy", metavar="NAME", help="only plans of this policy")
    words.add_argument("--open", metavar="RUN", help="open the picture of this run; needs --policy")
    words.add_argument("--json", action="store_true", help="the list, or the picture's path, as JSON")
    words.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """List, or open.

    Raises:
        Refused: the stack or the plan cannot be had.
    """
    stack = DeployedStack(chosen.stack)
    if chosen.open is None:
        found = list(_stored(stack, chosen.policy))
        if chosen.json:
            _print(found)
        else:
            Console(soft_wrap=True).print(_table(found))
        return 0
    if chosen.policy is None:
        raise Refused("--open needs --policy: runs of several policies may have one name")
    page = _fetch(stack, key_of(chosen.policy, chosen.open, "html"))
    print(json.dumps({"picture": str(page)}) if chosen.json else page)  # noqa: T201  # a command speaks here
    webbrowser.open(page.as_uri())
    return 0


@dataclass(frozen=True, slots=True)
class _StoredPlan:
    policy: str
    run: str
    stored: datetime
    sent: bool
    sha256: str


def _stored(stack: DeployedStack, policy: str | None) -> Iterator[_StoredPlan]:
    """The plans, newest first."""
    s3 = stack.s3
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=f"plans/{_within(policy)}")
        objects = {each["Key"]: each["LastModified"] for page in pages for each in page.get("Contents", [])}
        documents = (key for key in objects if key.endswith(".json"))
        for key in sorted(documents, key=lambda key: objects[key], reverse=True):
            _, of, name = key.removesuffix(".json").split("/")
            sha256 = s3.head_object(Bucket=stack.bucket, Key=key)["Metadata"].get("sha256", "")
            sent = not objects.keys().isdisjoint({key_of(of, name, "sent"), key_of(of, name, "grace.sent")})
            yield _StoredPlan(of, name, objects[key].astimezone(UTC), sent, sha256)
    except AWS_ERRORS as error:
        raise stack.failed("list its plans", error) from None


def _table(found: Sequence[_StoredPlan]) -> Table:
    table = Table("policy", "run", "stored", "sent", "sha256")
    for each in found:
        sent = "yes" if each.sent else ""
        table.add_row(each.policy, each.run, f"{each.stored:%Y-%m-%d %H:%M} UTC", sent, each.sha256)
    return table


def _print(found: Sequence[_StoredPlan]) -> None:
    documents = [asdict(each) | {"stored": each.stored.isoformat(timespec="seconds")} for each in found]
    print(json.dumps(documents))  # noqa: T201  # a command speaks here


def _within(policy: str | None) -> str:
    return "" if policy is None else f"{policy}/"


def _fetch(stack: DeployedStack, key: str) -> Path:
    try:
        answer = stack.s3.get_object(Bucket=stack.bucket, Key=key)
        page = answer["Body"].read()
    except AWS_ERRORS as error:
        raise stack.failed(f"read {key}", error) from None
    with tempfile.NamedTemporaryFile(prefix="vbs-reaper-plan-", suffix=".html", delete=False) as file:
        file.write(page)
    return Path(file.name)
