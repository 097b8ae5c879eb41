"""A deployed stack as the commands see it: its outputs, its plans, its functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import boto3
from botocore.config import Config

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.console.refusal import Refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_SUCH_STACK: Final = "ValidationError"
"""What CloudFormation answers for a stack that is not there (AWS CloudFormation API, DescribeStacks)."""
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

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Let the `Purger` or the `Checker` carry out an event; its answer.

        Raises:
            Refused: the function failed.
        """
        name = function.lower()
        try:
            answer = boto3.client("lambda", config=_PATIENT).invoke(
                FunctionName=self.output(f"{function}FunctionName"), Payload=json.dumps(event).encode()
            )
            document: dict[str, Any] = json.loads(answer["Payload"].read())
        except AWS_ERRORS as error:
            raise self.failed(f"invoke its {name}", error) from None
        if "FunctionError" in answer:
            raise Refused(f"the {name} failed: {document.get('errorMessage', 'see its log')}; the same again is safe")
        return document

    def failed(self, what: str, error: Exception) -> Refused:
        """The sentence for what AWS does not let us do."""
        return Refused(f'stack "{self._name}": cannot {what} ({code_of(error)}); check credentials, region and rights')

    def _read_outputs(self) -> dict[str, str]:
        try:
            (stack,) = boto3.client("cloudformation").describe_stacks(StackName=self._name)["Stacks"]
        except AWS_ERRORS as error:
            if code_of(error) == _NO_SUCH_STACK:
                raise Refused(
                    f'there is no stack "{self._name}" in this account and region; give the name it has'
                ) from None
            raise self.failed("be read", error) from None
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
