"""A user in the account of the local stack with only the operator's policy."""

from functools import cache

from tests.support.local.stack import LocalStack


@cache
def operator_keys(stack: LocalStack) -> dict[str, str]:
    """Return the access key of the user as environment variables. The user is created once."""
    iam = stack.aws.client("iam")
    iam.create_user(UserName="operator")
    iam.attach_user_policy(UserName="operator", PolicyArn=stack.outputs["OperatorPolicyArn"])
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
