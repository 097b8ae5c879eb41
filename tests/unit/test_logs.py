import importlib
import json
import logging

import pytest

from tests.support.log_lines import LogLines
from vbs_reaper import logs

CARRIERS = [
    "boto3.resources",
    "botocore.parsers",
    "http.client",
    "keystoneauth.identity.v3",
    "keystoneauth1.session",
    "requests.sessions",
    "urllib3.connectionpool",
]


@pytest.mark.parametrize("name", CARRIERS)
def test_libraries_that_handle_secrets_do_not_log_at_any_level(name: str) -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger(name).isEnabledFor(logging.WARNING)
    finally:
        root.setLevel(before)


def test_importing_again_gives_the_same_logger_and_no_second_handler() -> None:
    again = importlib.import_module(logs.__name__)
    assert again.logger is logs.logger
    assert len(logging.getLogger(logs.SERVICE).handlers) == 1


def test_a_line_is_one_json_object_with_its_data_in_fields(log_lines: LogLines) -> None:
    logs.logger.info("backup deleted", extra={"request_id": "r-1"})
    (line,) = log_lines.text().splitlines()
    assert (
        json.loads(line).items()
        >= {"level": "INFO", "message": "backup deleted", "service": "vbs-reaper", "request_id": "r-1"}.items()
    )
