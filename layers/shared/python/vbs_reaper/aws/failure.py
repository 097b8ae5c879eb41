"""What AWS says when a call fails, by its code alone: the texts of these exceptions are nobody's to log."""

from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError

AWS_ERRORS = (BotoCoreError, ClientError)
"""Everything boto3 raises for what AWS or the network to it does."""


def code_of(error: Exception) -> str:
    """AWS's error code, such as `ThrottlingException`; the kind of exception where nothing was answered."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "") or "Unknown"
    return type(error).__name__
