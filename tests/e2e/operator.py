"""Somebody who operates: a user of the local stack's account with the operator's policy and no other right."""

from functools import cache

from tests.support.local.stack import LocalStack


@cache
def operator_keys(stack: LocalStack) -> dict[str, str]:
    """Access key and secret key, as the environment names them; the user is made once."""
    iam = stack.aws.client("iam")
    iam.create_user(UserName="operator")
    iam.attach_user_policy(UserName="operator", PolicyArn=stack.outputs["OperatorPolicyArn"])
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
