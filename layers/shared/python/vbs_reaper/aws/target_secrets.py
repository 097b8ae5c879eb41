"""Secrets Manager: reads the current version of a target's secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.errors import InvalidSecret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_FAULTS: Final = {
    "ResourceNotFoundException": "does not exist; create it",
    "InvalidRequestException": "is scheduled for deletion; restore it",
    # Secrets Manager also answers so if the role may not use the secret's key.
    "AccessDeniedException": "may not be read; allow the function secretsmanager:GetSecretValue on it; if it has a KMS "
    "key of its own, name the key in SecretKmsKeyArns",
    "DecryptionFailure": "cannot be decrypted; allow the function kms:Decrypt on its key",
}
"""Error codes about the secret itself. Every other code is about Secrets Manager."""


class TargetSecrets:
    """Implements `clouds.ports.TargetSecrets`. Nothing is cached: every login reads its secret, and logins are rare."""

    def __init__(self, client: SecretsManagerClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def read(self, target: str) -> StoredSecret:
        """Read the version that is AWSCURRENT now.

        Raises:
            InvalidSecret: names target, secret and what to do; never a value.
        """
        name = f"{self._prefix}/{target}"
        try:
            answer = self._client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        except AWS_ERRORS as error:
            raise InvalidSecret(f'target "{target}": {_fault(name, code_of(error))}') from None
        text = answer.get("SecretString")
        if text is None:
            raise InvalidSecret(f'target "{target}": secret {name} is binary; store one clouds.yaml entry as JSON text')
        created_at = answer.get("CreatedDate")
        return StoredSecret(version_id=answer["VersionId"], text=Secret(text), name=name, created_at=created_at)


def _fault(name: str, code: str) -> str:
    if code in _FAULTS:
        return f"secret {name} {_FAULTS[code]}"
    return f"secret {name} cannot be read because Secrets Manager fails ({code}); nothing to do unless it lasts"
