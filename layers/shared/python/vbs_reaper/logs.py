"""The logger, and the levels of the libraries' loggers that would write secrets."""

import logging
from traceback import extract_tb
from typing import Final

import msgspec
from aws_lambda_powertools import Logger

SERVICE: Final = "vbs-reaper"
_SENSITIVE_LIBRARIES: Final = (
    "botocore",
    "boto3",
    "http.client",
    "keystoneauth",
    "keystoneauth1",
    "requests",
    "urllib3",
)
"""Libraries that handle passwords and tokens: at level DEBUG they log bodies and headers."""

logger: Final = Logger(
    service=SERVICE,
    json_serializer=lambda line: msgspec.json.encode(line, enc_hook=str).decode(),
    json_deserializer=str,  # the phrase of a line is never JSON, so it is not tried
)

for _name in _SENSITIVE_LIBRARIES:
    logging.getLogger(_name).setLevel(logging.WARNING)


def fault_fields(error: Exception | None) -> dict[str, object]:
    """Return what may be logged of an exception: its type and its last stack frames. Its text may contain secrets."""
    if error is None:
        return {}
    frames = extract_tb(error.__traceback__)[-5:]
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "where": where}
