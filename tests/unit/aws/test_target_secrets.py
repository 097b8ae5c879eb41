"""Responses of Secrets Manager without a secret."""

from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.errors import InvalidSecret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CANARY = "canary-7f3a"


@pytest.fixture
def secrets(secrets_manager: "SecretsManagerClient") -> TargetSecrets:
    return TargetSecrets(secrets_manager, "vbs-reaper")


def refusal(secrets: TargetSecrets) -> str:
    with pytest.raises(InvalidSecret) as refused:
        secrets.read("otc-prod")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ResourceNotFoundException", "secret vbs-reaper/otc-prod does not exist; create it"),
        ("InvalidRequestException", "secret vbs-reaper/otc-prod is scheduled for deletion; restore it"),
        (
            "AccessDeniedException",
            "secret vbs-reaper/otc-prod may not be read; allow the function secretsmanager:GetSecretValue on it; if it "
            "has a KMS key of its own, name the key in SecretKmsKeyArns",
        ),
        ("DecryptionFailure", "secret vbs-reaper/otc-prod cannot be decrypted; allow"),
    ],
)
def test_a_fault_of_the_secret_is_reported_with_its_fix(
    secrets: TargetSecrets, secrets_manager_stub: Stubber, code: str, sentence: str
) -> None:
    secrets_manager_stub.add_client_error("get_secret_value", code)
    assert refusal(secrets).startswith(f'target "otc-prod": {sentence}')


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServiceError", "ServiceUnavailable", "Whatever"])
def test_a_failure_of_secrets_manager_is_never_reported_as_a_missing_secret(
    secrets: TargetSecrets, secrets_manager_stub: Stubber, code: str
) -> None:
    secrets_manager_stub.add_client_error("get_secret_value", code, http_status_code=503)
    message = refusal(secrets)
    assert f"because Secrets Manager fails ({code})" in message
    assert "does not exist" not in message


def test_a_binary_secret_is_refused_with_its_fix(secrets: TargetSecrets, secrets_manager_stub: Stubber) -> None:
    secrets_manager_stub.add_response("get_secret_value", {"VersionId": "v" * 32, "SecretBinary": CANARY.encode()})
    message = refusal(secrets)
    assert (
        message == 'target "otc-prod": secret vbs-reaper/otc-prod is binary; store one clouds.yaml entry as JSON text'
    )


def test_the_current_version_is_requested_by_name(secrets: TargetSecrets, secrets_manager_stub: Stubber) -> None:
    secrets_manager_stub.add_response(
        "get_secret_value",
        {"VersionId": "v" * 32, "SecretString": CANARY},
        {"SecretId": "vbs-reaper/otc-prod", "VersionStage": "AWSCURRENT"},
    )
    stored = secrets.read("otc-prod")
    assert (stored.version_id, stored.name, stored.text.reveal()) == ("v" * 32, "vbs-reaper/otc-prod", CANARY)


def test_a_stored_secret_shows_its_value_nowhere(secrets: TargetSecrets, secrets_manager_stub: Stubber) -> None:
    secrets_manager_stub.add_response("get_secret_value", {"VersionId": "v" * 32, "SecretString": CANARY})
    stored = secrets.read("otc-prod")
    assert CANARY not in f"{stored!r} {stored}"
