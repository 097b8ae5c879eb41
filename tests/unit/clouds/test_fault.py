"""Error bodies of these clouds, parsed into code and message."""

import json

import pytest

from vbs_reaper.clouds.error_body import ERROR_BYTES, ErrorBody, read_error_body
from vbs_reaper.text import printable


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"itemNotFound": {"code": 404, "message": "m"}}, ErrorBody(True, "404", "m")),
        ({"badrequest": {"code": "XXXX", "message": "m"}}, ErrorBody(True, "XXXX", "m")),
        ({"badRequest": "m"}, ErrorBody(True, "", "m")),
        ({"error": {"code": "VolumeBackup.0102", "message": "m"}}, ErrorBody(True, "VolumeBackup.0102", "m")),
        (
            {"error_msg": "m", "error_code": "APIG.0301", "request_id": "r"},
            ErrorBody(True, "APIG.0301", "m", from_gateway=True),
        ),
        ({"error": {"code": 401, "message": "m", "title": "t"}}, ErrorBody(True, "401", "m")),
        ({"error": {"error_code": "IAM.0061", "error_msg": "m"}}, ErrorBody(True, "IAM.0061", "m")),
        ({"overLimit": {"code": 413, "message": "m", "retryAfter": "0"}}, ErrorBody(True, "413", "m", "0")),
        ({"error_code": "IAM.1", "error_msg": "m", "detail": {}}, ErrorBody(True, "IAM.1", "IAM.1")),
        ({"error": {"code": 400, "message": ["m"]}}, ErrorBody(True, "400", "")),
        ({"code": "404 Not Found", "title": "Not Found", "message": "m"}, ErrorBody(True, "404 Not Found", "m")),
        ({}, ErrorBody(is_json=True)),
    ],
)
def test_each_known_shape_is_read(document: object, fault: ErrorBody) -> None:
    assert read_error_body(json.dumps(document).encode()) == fault


@pytest.mark.parametrize(
    ("document", "is_from_gateway"),
    [
        ({"error_code": "APIG.0301"}, True),
        ({"error": {"code": "APIGW.0301"}}, True),
        ({"error": {"code": 403, "error_code": "APIG.0301"}}, True),
        ({"error_code": "IAM.0301"}, False),
        ({"error_code": "APIG"}, False),
        ({"error_msg": "APIG.0301"}, False),
        ({"error": {"code": ["APIG.0301"]}}, False),
        ({}, False),
    ],
)
def test_a_code_of_the_gateway_is_recognized_at_every_place(document: object, is_from_gateway: bool) -> None:  # noqa: FBT001
    assert read_error_body(json.dumps(document).encode()).from_gateway is is_from_gateway


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"', b"5", b"null", b"\xff", b"{" * 100_000])
def test_a_body_that_is_not_a_json_object_is_not_parsed(body: bytes) -> None:
    assert read_error_body(body) == ErrorBody()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("ü", "\\xfc"),
        ("a\\b ~", "a\\b ~"),
        ("\u202e", "\\u202e"),
        ("\ud800", "\\ud800"),
        ("x" * 300, "x" * 256),
        ("ü" * 300, ("\\xfc" * 64)),
    ],
)
def test_text_of_the_cloud_is_escaped_and_truncated(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_body_that_is_too_large_for_an_error_is_not_read() -> None:
    text = json.dumps({"error_code": "APIG.0301", "padding": ""}).encode()
    largest = text.replace(b'""', b'"%s"' % (b"x" * (ERROR_BYTES - len(text))))
    assert (len(largest), read_error_body(largest).code) == (ERROR_BYTES, "APIG.0301")
    assert read_error_body(largest + b" ") == ErrorBody()
