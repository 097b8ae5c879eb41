"""Failures of AWS calls, by code alone: the exceptions' messages may contain sensitive data and are never logged."""

from botocore.exceptions import BotoCoreError, ClientError

AWS_ERRORS = (BotoCoreError, ClientError)
"""Everything that boto3 raises for failures of AWS and of the network."""


def code_of(error: Exception) -> str:
    """Return AWS's error code, such as `ThrottlingException`, or the type of exception if there was no response."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "") or "Unknown"
    return type(error).__name__
