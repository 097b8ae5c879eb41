"""Access to a deployed stack: its outputs and parameters, its stored plans and its functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from vbs_reaper.aws.clients import once
from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.cli.aws_failure import explain_failure
from vbs_reaper.clock import utc_now
from vbs_reaper.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_SUCH_STACK: Final = "ValidationError"
"""The error code if the stack does not exist (AWS CloudFormation API reference, "DescribeStacks")."""
LONG_CALL: Final = Config(read_timeout=910, retries={"total_max_attempts": 1}, tcp_keepalive=True)
"""A purge may take all of its 900 s, and an invocation must not be retried automatically. Keep-alive probes prevent
NAT gateways from forgetting the connection while the purger works (Lambda API reference, "Invoke")."""
HOLDS_AT_ONCE: Final = 32
"""How many holds are read or deleted at the same time."""
_HOLDS_AT_ONCE: Final = Config(max_pool_connections=HOLDS_AT_ONCE)


class Stack:
    """A stack in the account and region that the environment configures."""

    def __init__(self, name: str) -> None:
        """Read the stack's outputs and parameters.

        Raises:
            CommandError: the name is empty, or the stack does not exist or cannot be read.
        """
        if not name.strip():
            raise CommandError("--stack is empty; give the name of the deployed stack")
        self._name = name
        stack = self._describe()
        outputs = stack.get("Outputs", [])
        self._outputs: dict[str, str] = {each["OutputKey"]: each["OutputValue"] for each in outputs}
        parameters = stack.get("Parameters", [])
        self._parameters: dict[str, str] = {each["ParameterKey"]: each["ParameterValue"] for each in parameters}

    def output(self, key: str) -> str:
        """Return an output of the stack.

        Raises:
            CommandError: the stack does not have this output, because an older version is deployed.
        """
        try:
            return self._outputs[key]
        except KeyError:
            raise CommandError(
                f'stack "{self._name}" has no output {key}; deploy this version of vbs-reaper first'
            ) from None

    @property
    def default_target(self) -> str:
        """The target of requests that name none."""
        return self._parameters.get("DefaultTarget", "default")

    @property
    def check_targets(self) -> list[str]:
        """The targets that the checker checks by its schedule; empty for the default target."""
        names = self._parameters.get("CheckTargets", "").split(",")
        return [name.strip() for name in names if name]

    @property
    def bucket(self) -> str:
        """The name of the plans bucket."""
        return self.output("PlansBucketName")

    @property
    def s3(self) -> S3Client:
        """A client for the plans bucket."""
        return boto3.client("s3")

    @property
    def plans(self) -> PlanBucket:
        """The stored plans."""
        return PlanBucket(self.s3, self.bucket)

    @property
    def holds(self) -> HoldBucket:
        """The stored holds."""
        s3 = once(lambda: boto3.client("s3", config=_HOLDS_AT_ONCE))
        return HoldBucket(s3, self.bucket, utc_now)

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke the `Purger` or the `Checker` with an event and return its response.

        Raises:
            CommandError: the function could not be invoked, or it failed.
        """
        name = function.lower()
        try:
            answer = boto3.client("lambda", config=LONG_CALL).invoke(
                FunctionName=self.output(f"{function}FunctionName"), Payload=json.dumps(event).encode()
            )
            document: dict[str, Any] = json.loads(answer["Payload"].read())
        except AWS_ERRORS as error:
            raise self.failed(f"invoke its {name}", error) from None
        if "FunctionError" in answer:
            raise CommandError(
                f"the {name} failed: {document.get('errorMessage', 'see its log')}; repeating the command is safe"
            )
        return document

    def failed(self, what: str, error: Exception) -> CommandError:
        """Return the error for a failed AWS call; `what` completes "cannot ..."."""
        return CommandError(f'stack "{self._name}": cannot {what}: {explain_failure(error)}')

    def _describe(self) -> Mapping[str, Any]:
        try:
            (found,) = boto3.client("cloudformation").describe_stacks(StackName=self._name)["Stacks"]
        except AWS_ERRORS as error:
            if code_of(error) == _NO_SUCH_STACK:
                raise CommandError(
                    f'there is no stack "{self._name}" in this account and region; check name, credentials and region'
                ) from None
            raise self.failed("be read", error) from None
        stack: Mapping[str, Any] = found
        return stack
