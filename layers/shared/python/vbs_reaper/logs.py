"""The logger, created once; and the libraries' own loggers kept from writing down what they carry."""

import logging
from typing import Final

from aws_lambda_powertools import Logger

SERVICE: Final = "vbs-reaper"
_CARRIERS: Final = ("botocore", "boto3", "http.client", "keystoneauth", "keystoneauth1", "requests", "urllib3")
"""Libraries that passwords and tokens pass through: at DEBUG they write bodies and headers down."""

logger: Final = Logger(service=SERVICE)

for _name in _CARRIERS:
    logging.getLogger(_name).setLevel(logging.WARNING)
