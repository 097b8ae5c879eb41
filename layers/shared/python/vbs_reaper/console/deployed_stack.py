"""A deployed stack as the commands see it: its outputs, its plans, its purger, and how far its deletions are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import boto3
from botocore.config import Config

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.console.refusal import Refused
from vbs_reaper.deletion.result import DETAIL_TYPES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENDS: Final = frozenset(outcome.value for outcome in DETAIL_TYPES)
LATE: Final = timedelta(minutes=2)
"""How late a line of the log may come; so far back it is read again."""
_PATIENT: Final = Config(read_timeout=910, retries={"total_max_attempts": 1})
"""A purge may take its whole 900 s; an invocation is not repeated by itself."""


class DeployedStack:
    """The stack of that name, in the account and region that the environment names."""

    def __init__(self, name: str) -> None:
        """Raises `Refused` where there is no such stack."""
        self._name = name
        self._outputs = self._read_outputs()

    def output(self, key: str) -> str:
        """What the stack says about itself under that key of its outputs.

        Raises:
            Refused: an older version is deployed, which does not say it.
        """
        try:
            return self._outputs[key]
        except KeyError:
            raise Refused(f'stack "{self._name}" has no output {key}; deploy this version first') from None

    @property
    def bucket(self) -> str:
        """The name of the bucket with the plans."""
        return self.output("PlansBucketName")

    @property
    def s3(self) -> S3Client:
        """A client for the bucket with the plans."""
        return boto3.client("s3")

    @property
    def plans(self) -> PlanBucket:
        """The stored plans."""
        return PlanBucket(self.s3, self.bucket)

    def invoke_purger(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Let the purger carry out an event; its answer.

        Raises:
            Refused: the function failed.
        """
        try:
            answer = boto3.client("lambda", config=_PATIENT).invoke(
                FunctionName=self.output("PurgerFunctionName"), Payload=json.dumps(event).encode()
            )
            document: dict[str, Any] = json.loads(answer["Payload"].read())
        except AWS_ERRORS as error:
            raise self.failed("invoke its purger", error) from None
        if "FunctionError" in answer:
            raise Refused(f"the purger failed: {document.get('errorMessage', 'see its log')}; the same again is safe")
        return document

    def ends(self, requested_by: str, since: datetime) -> Iterator[tuple[str, str]]:
        """Backup and outcome of every deletion of that plan that has ended, as the deleter's log tells; may repeat."""
        try:
            deleter = self.output("DeleterFunctionName")
            group = boto3.client("lambda").get_function_configuration(FunctionName=deleter)["LoggingConfig"]
            pages = boto3.client("logs").get_paginator("filter_log_events")
            found = pages.paginate(
                logGroupName=group["LogGroup"],
                startTime=int((since - LATE).timestamp() * 1000),
                filterPattern=f'"{requested_by}"',
            )
            for page in found:
                for event in page["events"]:
                    yield from _end(event["message"], requested_by)
        except AWS_ERRORS as error:
            raise self.failed("read its deleter's log", error) from None

    def failed(self, what: str, error: Exception) -> Refused:
        """The sentence for what AWS does not let us do."""
        return Refused(f'stack "{self._name}": cannot {what} ({code_of(error)}); check credentials, region and rights')

    def _read_outputs(self) -> dict[str, str]:
        try:
            (stack,) = boto3.client("cloudformation").describe_stacks(StackName=self._name)["Stacks"]
        except AWS_ERRORS as error:
            raise self.failed("be read", error) from None
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def _end(line: str, requested_by: str) -> Iterator[tuple[str, str]]:
    try:
        document = json.loads(line)
    except ValueError:
        return
    if isinstance(document, dict) and document.get("requested_by") == requested_by and document.get("outcome") in ENDS:
        yield str(document.get("backup_id")), document["outcome"]
