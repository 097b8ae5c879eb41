"""Secrets Manager: the current version of a target's secret, or one sentence that says why it cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.openstack.secret import Secret
from vbs_reaper.openstack.secret import SecretUnusable
from vbs_reaper.openstack.secret import StoredSecret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_FAULTS: Final = {
    "ResourceNotFoundException": "does not exist; create it",
    "InvalidRequestException": "is marked for deletion; restore it",
    "AccessDeniedException": "may not be read; allow the function secretsmanager:GetSecretValue on it",
    "DecryptionFailure": "cannot be decrypted; allow the function kms:Decrypt on its key",
}
"""What is wrong with the secret itself. Every other code is about Secrets Manager, and says nothing of the secret."""


class TargetSecrets:
    """The secrets of all targets, by name. Nothing is kept: a login reads its secret anew, and logins are rare."""

    def __init__(self, client: SecretsManagerClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def read(self, target: str) -> StoredSecret:
        """Read the version that is AWSCURRENT now.

        Raises:
            SecretUnusable: names target, secret and what to do; never a value.
        """
        name = f"{self._prefix}/{target}"
        try:
            answer = self._client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        except AWS_ERRORS as error:
            raise SecretUnusable(f'target "{target}": {_fault(name, code_of(error))}') from None
        text = answer.get("SecretString")
        if text is None:
            raise SecretUnusable(
                f'target "{target}": secret {name} is binary; store one clouds.yaml entry as JSON text'
            )
        return StoredSecret(version_id=answer["VersionId"], text=Secret(text), name=name)


def _fault(name: str, code: str) -> str:
    if code in _FAULTS:
        return f"secret {name} {_FAULTS[code]}"
    return f"secret {name} is unknown for now, as Secrets Manager fails ({code}); nothing to do unless it lasts"
