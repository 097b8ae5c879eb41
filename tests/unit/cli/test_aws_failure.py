"""The messages for errors of AWS, by error code."""

import pytest
from botocore.exceptions import ClientError, SSLError

from vbs_reaper.cli.aws_failure import explain_failure, is_of_aws


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "GetObject")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("NoSuchKey", "it does not exist, or no longer"),
        ("ResourceNotFoundException", "it does not exist, or no longer"),
        ("AWS.SimpleQueueService.NonExistentQueue", "it does not exist, or no longer"),
        ("ExpiredToken", "the AWS credentials have expired; log in again"),
        ("InvalidClientTokenId", "AWS does not know the credentials"),
        ("AccessDenied", "attach the stack's OperatorPolicy"),
        ("ThrottlingException", "AWS did not carry it out; try again"),
    ],
)
def test_each_code_has_its_sentence(code: str, says: str) -> None:
    sentence = explain_failure(error(code))
    assert says in sentence
    assert sentence.endswith(f"({code})")
    assert ("credentials" in sentence) is (code in {"ExpiredToken", "InvalidClientTokenId"})
    assert "secret" not in sentence


def test_a_file_of_certificates_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = SSLError(endpoint_url="https://127.0.0.1:1", error=Exception("x"))
    monkeypatch.setenv("AWS_CA_BUNDLE", "/no/file")
    assert "AWS_CA_BUNDLE is /no/file, which cannot be read; correct or unset it" in explain_failure(rejected)
    monkeypatch.setenv("AWS_CA_BUNDLE", __file__)
    assert "set AWS_CA_BUNDLE to the certificates of your proxy" in explain_failure(rejected)


def test_a_fault_of_this_program_is_not_reported_as_one_of_aws() -> None:
    assert is_of_aws(error("x"))
    assert not is_of_aws(ValueError("x"))
