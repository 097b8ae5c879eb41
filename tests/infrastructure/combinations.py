"""Deployments with each pair of optional parameters: both, one or none of them set."""

from collections.abc import Iterator, Mapping, Sequence

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b5e4f6a-7c1d-4e2f-9a3b-0c5d6e7f8091"
FORMER_KEY = "arn:aws:kms:eu-central-1:123456789012:key/1c6f5a7b-8d2e-4f30-8b4c-1d6e7f8091a2"
SECRET_KEY = "arn:aws:kms:eu-central-1:210987654321:key/2d70616c-9e3f-4041-9c5d-2e7f8091a2b3"
LOG_KEY = "arn:aws:kms:eu-central-1:123456789012:key/3e81727d-af40-4152-8d6e-3f8091a2b3c4"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:requests"
RULE = "arn:aws:events:eu-central-1:123456789012:rule/other/deletions"

DEFAULTS_ONLY: Mapping[str, str] = {}
WITH_EVERYTHING: Mapping[str, str] = {
    "EventBusName": "ours",
    "AllowedEventSources": "example.housekeeping,example.archive",
    "AllowedSourceArns": f"{TOPIC},{RULE}",
    "AllowedAccountIds": "210987654321",
    "PurgeState": "ENABLED",
    "PurgeMaximumGapInDays": "0",
    "CheckTargets": "otc-prod,huawei-prod",
    "AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:alarms",
    "KmsKeyArn": KEY,
    "FormerKmsKeyArns": FORMER_KEY,
    "SecretKmsKeyArns": SECRET_KEY,
    "LogKmsKeyArn": LOG_KEY,
    "SubnetIds": "subnet-0a1b2c3d4e5f60718,subnet-1b2c3d4e5f6071829",
    "SecurityGroupIds": "sg-0a1b2c3d4e5f60718",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "RolePath": "/backups/",
    "OperatorPolicyName": "vbs-reaper-operators",
}
"""Each parameter that adds or removes something, with a value that is not its default."""


def pairwise(names: Sequence[str]) -> Iterator[frozenset[str]]:
    """Yield sets of names. For each two names, there are sets with both, with none, and with only each of them.

    The numbers of two names differ in a binary digit, so the set of names with a 1 there contains only one of them.
    """
    yield frozenset()
    yield frozenset(names)
    for digit in range((len(names) - 1).bit_length()):
        ones = frozenset(name for number, name in enumerate(names) if number >> digit & 1)
        yield ones
        yield frozenset(names) - ones


COMBINATIONS: Sequence[Mapping[str, str]] = tuple(
    {name: value for name, value in WITH_EVERYTHING.items() if name in chosen}
    for chosen in pairwise(list(WITH_EVERYTHING))
)
"""Parameters of deployments. The first is `DEFAULTS_ONLY`, the second `WITH_EVERYTHING`."""
