"""The logger, created once; and the libraries' own loggers kept from writing down what they carry."""

import logging
from traceback import extract_tb
from typing import Final

from aws_lambda_powertools import Logger

SERVICE: Final = "vbs-reaper"
_CARRIERS: Final = ("botocore", "boto3", "http.client", "keystoneauth", "keystoneauth1", "requests", "urllib3")
"""Libraries that passwords and tokens pass through: at DEBUG they write bodies and headers down."""

logger: Final = Logger(service=SERVICE)

for _name in _CARRIERS:
    logging.getLogger(_name).setLevel(logging.WARNING)


def fault_fields(error: Exception | None) -> dict[str, object]:
    """What a line may say of an exception: its kind, and the last places it passed; its text may quote anything."""
    if error is None:
        return {}
    frames = extract_tb(error.__traceback__)[-5:]
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "where": where}
