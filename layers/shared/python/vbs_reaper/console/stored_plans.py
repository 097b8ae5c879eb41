"""The plans that a stack has stored, and one of them by the beginning of its sha256 or of its run's name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from typing import Final

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.run.result import key_of

SHA256_DIGITS: Final = 64
LEAST_DIGITS: Final = 12
"""As few digits of a sha256 are taken: 48 bits, which no two plans share by accident."""
NAMED: Final = 8
"""So many candidates are named where several plans begin alike."""
_A_PLAN: Final = re.compile(r"plans/[\w.-]+/[\w.-]+\.json", re.ASCII)
"""The key of a plan; nothing else in the bucket is one, and it cannot steer a terminal."""
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},{SHA256_DIGITS}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """One plan as it is listed; `sha256` is empty where the object does not say it."""

    policy: str
    run: str
    stored: datetime
    sent: bool
    sha256: str


def stored_plans(stack: DeployedStack, policy: str | None) -> Iterator[StoredPlan]:
    """The plans of a policy, or of all, newest first.

    Raises:
        Refused: the bucket cannot be read.
    """
    s3 = stack.s3
    try:
        objects = _objects(stack, policy)
        documents = (key for key in objects if _A_PLAN.fullmatch(key))
        for key in sorted(documents, key=lambda key: objects[key], reverse=True):
            _, of, name = key.removesuffix(".json").split("/")
            sha256 = s3.head_object(Bucket=stack.bucket, Key=key)["Metadata"].get("sha256", "")
            sent = not objects.keys().isdisjoint({key_of(of, name, "sent"), key_of(of, name, "grace.sent")})
            yield StoredPlan(of, name, objects[key].astimezone(UTC), sent, sha256)
    except AWS_ERRORS as error:
        raise stack.failed("list its plans", error) from None


def find_sha256(stack: DeployedStack, policy: str, given: str) -> str:
    """The whole sha256 of the one plan of the policy whose sha256 begins so; a whole one is returned as it is.

    Raises:
        Refused: it is too short or no sha256, or no plan or several begin so.
    """
    if not _DIGITS.fullmatch(given):
        raise Refused(
            f'"{printable(given[:SHA256_DIGITS])}" is not the sha256 of a plan; give its {SHA256_DIGITS} hexadecimal '
            f"digits, or the first {LEAST_DIGITS} or more, as `vbs-reaper plans` lists them"
        )
    if len(given) == SHA256_DIGITS:
        return given
    return _one_of([each.sha256 for each in stored_plans(stack, policy)], given, policy, "stored plan")


def find_run(stack: DeployedStack, policy: str, given: str) -> str:
    """The name of the one run of the policy that is named so or begins so.

    Raises:
        Refused: no run begins so, or several do.
    """
    try:
        keys = [key for key in _objects(stack, policy) if _A_PLAN.fullmatch(key)]
    except AWS_ERRORS as error:
        raise stack.failed("list its plans", error) from None
    return _one_of([key.removesuffix(".json").rpartition("/")[2] for key in keys], given, policy, "run")


def _one_of(names: list[str], given: str, policy: str, what: str) -> str:
    found = sorted({name for name in names if name.startswith(given)})
    if given in found:
        return given
    if not found:
        raise Refused(
            f'policy "{printable(policy[:64])}" has no {what} {printable(given[:64])}; `vbs-reaper plans` lists them'
        )
    if len(found) > 1:
        more = f" or {len(found) - NAMED:,} others" if len(found) > NAMED else ""
        raise Refused(f"{printable(given[:64])} may be {' or '.join(found[:NAMED])}{more}; give more of it")
    return found[0]


def _objects(stack: DeployedStack, policy: str | None) -> dict[str, datetime]:
    """When each object of a policy's plans, or of all, was stored."""
    prefix = "plans/" if policy is None else f"plans/{policy}/"
    pages = stack.s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=prefix)
    return {each["Key"]: each["LastModified"] for page in pages for each in page.get("Contents", [])}
