"""Lists the plans that a stack has stored, and finds one by the first characters of its sha256 or of its run."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from vbs_reaper.aws.error_codes import AWS_ERRORS
from vbs_reaper.aws.plan_store import DUE, EXCEEDED, SHA256
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError, RunRefused
from vbs_reaper.purge.mark_names import read_mark_key
from vbs_reaper.purge.ports import StoredDocument
from vbs_reaper.text import printable

SHA256_DIGITS: Final = 64
LEAST_DIGITS: Final = 12
"""Minimum number of digits that identify a plan: 48 bits, which two plans do not share by accident."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
CANDIDATES_SHOWN: Final = 8
"""Maximum number of candidates in the message about an ambiguous name."""
_PLAN_KEY: Final = re.compile(r"plans/[\w.-]+/[\w.-]+\.json", re.ASCII)
"""The key of a plan. Other objects in the bucket are ignored. A match contains no control characters."""
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},{SHA256_DIGITS}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """One plan in the list. `sha256` is empty if the object does not have that metadata.

    `result` says in words what became of the plan, or what it would do. It is empty if the object does not show that.
    """

    policy: str
    run: str
    stored: datetime
    sent: bool
    sha256: str
    result: str


def stored_plans(stack: Stack, policy: str | None) -> Iterator[StoredPlan]:
    """Yield the plans of a policy, or of all policies, newest first.

    Raises:
        CommandError: the bucket cannot be read.
    """
    s3 = stack.s3
    try:
        objects = _objects(stack, policy)
        marked, begun = _marked_at(objects, parts=False), _marked_at(objects, parts=True)
        documents = (key for key in objects if _PLAN_KEY.fullmatch(key))
        for key in sorted(documents, key=lambda key: objects[key], reverse=True):
            name, stored_at = key.removesuffix(".json"), objects[key]
            _, plan_policy, run = name.split("/")
            metadata = s3.head_object(Bucket=stack.bucket, Key=key)["Metadata"]
            sent = marked.get(name, _NEVER) >= stored_at
            partly_sent = begun.get(name, _NEVER) >= stored_at
            result = "sent" if sent else "partly sent" if partly_sent else printable(_unsent(metadata))
            yield StoredPlan(plan_policy, run, stored_at.astimezone(UTC), sent, metadata.get(SHA256, ""), result)
    except AWS_ERRORS as error:
        raise stack.failed("list its plans", error) from None


def find_sha256(stack: Stack, policy: str, given: str) -> str:
    """Return the full sha256 of the one plan of the policy that begins with `given`. A full one is returned as it is.

    Raises:
        CommandError: `given` is not the beginning of a sha256 or too short, or it matches no plan or several.
    """
    if not _DIGITS.fullmatch(given):
        raise CommandError(
            f'"{printable(given[:SHA256_DIGITS])}" is not the sha256 of a plan; give its {SHA256_DIGITS} hexadecimal '
            f"digits, or the first {LEAST_DIGITS} or more, as `vbs-reaper plans` lists them"
        )
    if len(given) == SHA256_DIGITS:
        return given
    return _find_one([plan.sha256 for plan in stored_plans(stack, policy)], given, policy, "stored plan")


def find_run(stack: Stack, policy: str, given: str) -> str:
    """Return the name of the one run of the policy whose name is `given` or begins with it.

    Raises:
        CommandError: `given` is empty, no run matches, or several do.
    """
    if not given:
        raise CommandError("the name of the run is empty; `vbs-reaper plans` lists the runs")
    return _find_one(list(runs_of(stack, policy)), given, policy, "run")


def runs_of(stack: Stack, policy: str) -> dict[str, datetime]:
    """Return the runs of a policy that have a stored plan, and when it was stored.

    Raises:
        CommandError: the bucket cannot be read.
    """
    return {run: stored for (_, run), stored in _plans(stack, policy).items()}


def newest_plans(stack: Stack) -> Iterator[tuple[str, StoredDocument]]:
    """Yield the plan of each policy that was stored last, with the name of the policy.

    Raises:
        CommandError: the bucket cannot be read.
    """
    plans = _plans(stack, None)
    newest = dict(sorted(plans, key=lambda name: plans[name]))  # the last one of each policy remains
    for policy, run in sorted(newest.items()):
        try:
            document = stack.plans.read(policy, run)
        except RunRefused as refusal:
            raise CommandError(str(refusal)) from None
        if document is not None:
            yield policy, document


def _find_one(names: list[str], given: str, policy: str, what: str) -> str:
    found = sorted({name for name in names if name.startswith(given)})
    if given in found:
        return given
    if not found:
        raise CommandError(
            f'policy "{printable(policy[:64])}" has no {what} {printable(given[:64])}; `vbs-reaper plans` lists them'
        )
    if len(found) > 1:
        more = f" or {len(found) - CANDIDATES_SHOWN:,} others" if len(found) > CANDIDATES_SHOWN else ""
        raise CommandError(
            f"{printable(given[:64])} is ambiguous: {' or '.join(found[:CANDIDATES_SHOWN])}{more}; give more characters"
        )
    return found[0]


def _plans(stack: Stack, policy: str | None) -> dict[tuple[str, str], datetime]:
    """Return when each plan was stored, by policy and run."""
    try:
        objects = _objects(stack, policy)
    except AWS_ERRORS as error:
        raise stack.failed("list its plans", error) from None
    names = (
        (key.removesuffix(".json").split("/"), stored) for key, stored in objects.items() if _PLAN_KEY.fullmatch(key)
    )
    return {(policy_name, run): stored for (_, policy_name, run), stored in names}


def _unsent(metadata: Mapping[str, str]) -> str:
    """Return what a plan would do that was not sent; an empty text if its metadata does not show that."""
    if exceeded := metadata.get(EXCEEDED):
        return f"exceeds {exceeded.replace(',', ', ')}"
    due = metadata.get(DUE, "")
    if not (due.isascii() and due.isdigit()):
        return ""
    return f"{int(due):,} due" if int(due) else "nothing due"


def _marked_at(objects: Mapping[str, datetime], *, parts: bool) -> dict[str, datetime]:
    """Return when the last mark, or part of one, of each run was stored.

    One that is older than its plan is not the purger's.
    """
    marked: dict[str, datetime] = {}
    for key, stored_at in objects.items():
        mark = read_mark_key(key)
        if mark is not None and mark.is_part == parts:
            marked[mark.run] = max(stored_at, marked.get(mark.run, _NEVER))
    return marked


def _objects(stack: Stack, policy: str | None) -> dict[str, datetime]:
    """Return the objects of a policy, or of all policies: when each key was last modified."""
    prefix = "plans/" if policy is None else f"plans/{policy}/"
    pages = stack.s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=prefix)
    return {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", [])}
