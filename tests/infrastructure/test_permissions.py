"""The roles and resource policies of the translated template, statement by statement."""

from collections.abc import Iterator

import pytest

from tests.infrastructure.combinations import FORMER_KEY, KEY, LOG_KEY, RULE, SECRET_KEY, TOPIC, WITH_EVERYTHING
from tests.infrastructure.rendered import Properties, Rendered
from vbs_reaper.deletion.result import REQUESTED

HERE = "${AWS::Region}:${AWS::AccountId}"
SECRETS = f"arn:${{AWS::Partition}}:secretsmanager:{HERE}:secret:vbs-reaper/*"
MAPPING = f"arn:${{AWS::Partition}}:lambda:{HERE}:event-source-mapping:${{DeleterFunctionDeleteRequests}}"
LOGIN_SLOTS = {
    ("s3:ListBucket", "${PlansBucket.Arn}"),
    ("s3:GetObject", "${PlansBucket.Arn}/logins/*"),
    ("s3:PutObject", "${PlansBucket.Arn}/logins/*"),
    ("s3:DeleteObject", "${PlansBucket.Arn}/logins/*"),
}
FUNCTIONS_MAY = {
    "DeleterRole": {
        ("sqs:ReceiveMessage", "${DeleteQueue.Arn}"),
        ("sqs:DeleteMessage", "${DeleteQueue.Arn}"),
        ("sqs:GetQueueAttributes", "${DeleteQueue.Arn}"),
        ("sqs:ChangeMessageVisibility", "${DeleteQueue.Arn}"),
        ("sqs:SendMessage", "${DeleteQueue.Arn}"),
        ("sqs:SendMessage", "${DeadLetterQueue.Arn}"),
        ("secretsmanager:GetSecretValue", SECRETS),
        ("logs:CreateLogStream", "${DeleterLogGroup.Arn}"),
        ("logs:PutLogEvents", "${DeleterLogGroup.Arn}"),
        ("s3:GetObject", "${PlansBucket.Arn}/holds/*"),
        *LOGIN_SLOTS,
    },
    "PurgerRole": {
        ("s3:GetObject", "${PlansBucket.Arn}/plans/*"),
        ("s3:PutObject", "${PlansBucket.Arn}/plans/*"),
        ("sqs:SendMessage", "${DeleteQueue.Arn}"),
        ("sqs:SendMessage", "${DeadLetterQueue.Arn}"),
        ("secretsmanager:GetSecretValue", SECRETS),
        ("logs:CreateLogStream", "${PurgerLogGroup.Arn}"),
        ("logs:PutLogEvents", "${PurgerLogGroup.Arn}"),
        ("s3:GetObject", "${PlansBucket.Arn}/holds/*"),
        *LOGIN_SLOTS,
    },
    "CheckerRole": {
        ("sqs:GetQueueAttributes", "${DeleteQueue.Arn}"),
        ("sqs:GetQueueAttributes", "${DeadLetterQueue.Arn}"),
        ("secretsmanager:GetSecretValue", SECRETS),
        ("lambda:GetEventSourceMapping", MAPPING),
        ("logs:CreateLogStream", "${CheckerLogGroup.Arn}"),
        ("logs:PutLogEvents", "${CheckerLogGroup.Arn}"),
        *LOGIN_SLOTS,
    },
}
USE_THE_KEY = {("kms:Decrypt", KEY), ("kms:GenerateDataKey", KEY)}
SCHEDULES_MAY = {
    "CheckScheduleRole": ("lambda:InvokeFunction", "${CheckerFunction.Arn}"),
    "PurgeScheduleRole": ("lambda:InvokeFunction", "${PurgerFunction.Arn}"),
    "RequestScheduleRole": ("sqs:SendMessage", "${DeleteQueue.Arn}"),
}
CHANGES = ["s3:PutObject*", "s3:DeleteObject*", "s3:ReplicateObject", "s3:ReplicateDelete"]
"""Including changes of tags and versions."""
BUCKET_DENIES = {
    "OnlyOverTls": (
        "s3:*",
        ["${PlansBucket.Arn}", "${PlansBucket.Arn}/*"],
        {"Bool": {"aws:SecureTransport": "false"}},
    ),
    "OnlyThePurgerWritesPlans": (
        CHANGES,
        "${PlansBucket.Arn}/plans/*",
        {"ArnNotEquals": {"aws:PrincipalArn": "${PurgerRole.Arn}"}},
    ),
    "PlansAreWrittenOnce": ("s3:PutObject", "${PlansBucket.Arn}/plans/*", {"Null": {"s3:if-none-match": "true"}}),
    "OnlyTheFunctionsWriteLogins": (
        CHANGES,
        "${PlansBucket.Arn}/logins/*",
        {"ArnNotEquals": {"aws:PrincipalArn": ["${DeleterRole.Arn}", "${PurgerRole.Arn}", "${CheckerRole.Arn}"]}},
    ),
    "LoginsAreWrittenOnACondition": (
        "s3:PutObject",
        "${PlansBucket.Arn}/logins/*",
        {"Null": {"s3:if-none-match": "true", "s3:if-match": "true"}},
    ),
    "LoginsAreDeletedOnACondition": (
        "s3:DeleteObject",
        "${PlansBucket.Arn}/logins/*",
        {"Null": {"s3:if-match": "true"}},
    ),
    "HoldsAreWrittenOnce": ("s3:PutObject", "${PlansBucket.Arn}/holds/*", {"Null": {"s3:if-none-match": "true"}}),
    "HoldsAreEncryptedByS3": (
        "s3:PutObject",
        "${PlansBucket.Arn}/holds/*",
        {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}},
    ),
}
"""Actions, resources and conditions of the bucket's policy. No statement denies s3:GetObject.

S3 guide, "Enforce conditional writes" and "Enforce conditional deletes": the key of a header is absent without it, and
all keys of one test must match. IAM guide, "Condition operators": a negated operator also matches if the request does
not contain the key. So a hold without the header, which the bucket's default would encrypt with KmsKeyArn, is denied.
"""


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(document: Properties) -> list[Properties]:
    found: list[Properties] = document["Statement"]
    return found


def of_roles(stack: Rendered) -> Iterator[Properties]:
    for role in stack.every("IAM::Role").values():
        for policy in role["Policies"]:
            yield from statements(policy["PolicyDocument"])


def may(stack: Rendered, role: str) -> set[tuple[str, str]]:
    """Return every (action, resource) that a role allows."""
    return {
        (action, resource)
        for policy in stack.every("IAM::Role")[role]["Policies"]
        for statement in statements(policy["PolicyDocument"])
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def of_queue(stack: Rendered, queue: str) -> list[Properties]:
    """Return the statements of the policy of a queue."""
    return [
        statement
        for policy in stack.every("SQS::QueuePolicy").values()
        if f"${{{queue}}}" in policy["Queues"]
        for statement in statements(policy["PolicyDocument"])
    ]


def senders(stack: Rendered, queue: str) -> set[str]:
    """Return the ARNs or patterns of the sources that a queue accepts messages from."""
    return {
        arn
        for statement in of_queue(stack, queue)
        if statement["Effect"] == "Allow"
        for test in ("ArnEquals", "ArnLike")
        for arn in listed(statement.get("Condition", {}).get(test, {}).get("aws:SourceArn", []))
    }


# ── Roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("role", "rights"), FUNCTIONS_MAY.items())
def test_a_function_has_exactly_the_permissions_it_needs(role: str, rights: set[tuple[str, str]]) -> None:
    all_keys = USE_THE_KEY | {("kms:Decrypt", FORMER_KEY), ("kms:Decrypt", SECRET_KEY)}
    for given, bus, keys in (({}, "${EventBus}", set[tuple[str, str]]()), (WITH_EVERYTHING, "ours", all_keys)):
        arn = f"arn:${{AWS::Partition}}:events:{HERE}:event-bus/{bus}"
        publish = {("events:PutEvents", arn), ("events:DescribeEventBus", arn)}
        assert may(Rendered(given), role) == rights | publish | keys


@pytest.mark.parametrize(("role", "right"), SCHEDULES_MAY.items())
def test_a_schedule_has_exactly_the_permissions_it_needs(role: str, right: tuple[str, str]) -> None:
    rights = {right, ("sqs:SendMessage", "${DeadLetterQueue.Arn}")}
    assert may(Rendered(), role) == rights
    assert may(Rendered(WITH_EVERYTHING), role) == rights | USE_THE_KEY


def test_every_statement_has_a_name_actions_and_resources(stack: Rendered) -> None:
    for statement in of_roles(stack):
        assert statement["Effect"] == "Allow"
        assert statement["Sid"]
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        for resource in listed(statement["Resource"]):
            assert resource != "*"
            assert "*" not in resource.removesuffix("/*"), "only the end of a name may be a wildcard"


def test_no_role_has_a_managed_policy_of_others(stack: Rendered) -> None:
    attached = [role.get("ManagedPolicyArns", []) for role in stack.every("IAM::Role").values()]
    assert all(each in ([], ["${NetworkPolicy}"]) for each in attached)
    assert not stack.every("IAM::Policy")


def test_every_function_has_its_own_role_that_only_lambda_can_assume(stack: Rendered) -> None:
    functions = stack.every("Lambda::Function").values()
    roles = [function["Role"].strip("${}").removesuffix(".Arn") for function in functions]
    assert len(set(roles)) == len(roles)
    for role in roles:
        (trust,) = statements(stack.every("IAM::Role")[role]["AssumeRolePolicyDocument"])
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_every_other_role_can_be_assumed_only_by_schedules_of_this_account(stack: Rendered) -> None:
    for name in stack.every("IAM::Role").keys() - FUNCTIONS_MAY.keys():
        (trust,) = statements(stack.every("IAM::Role")[name]["AssumeRolePolicyDocument"])
        assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}


def test_plans_are_private(stack: Rendered) -> None:
    (bucket,) = stack.every("S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_policy_of_the_bucket_has_exactly_these_denials(stack: Rendered) -> None:
    (policy,) = stack.every("S3::BucketPolicy").values()
    found = statements(policy["PolicyDocument"])
    assert {(each["Effect"], each["Principal"]) for each in found} == {("Deny", "*")}
    assert {each["Sid"]: (each["Action"], each["Resource"], each["Condition"]) for each in found} == BUCKET_DENIES


# ── Who may send ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("queue", ["DeleteQueue", "DeadLetterQueue"])
def test_a_queue_requires_tls(stack: Rendered, queue: str) -> None:
    (denied,) = (statement for statement in of_queue(stack, queue) if statement["Effect"] == "Deny")
    assert denied["Principal"] == "*"
    assert denied["Action"] == "sqs:*"
    assert denied["Resource"] == f"${{{queue}.Arn}}"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("queue", ["DeleteQueue", "DeadLetterQueue"])
def test_a_service_can_only_send_for_a_named_source(stack: Rendered, queue: str) -> None:
    """SQS guide, "Key management": SNS and EventBridge set aws:SourceArn. For SNS, nothing else is documented."""
    allowed = [each for each in of_queue(stack, queue) if each["Effect"] == "Allow" and "Service" in each["Principal"]]
    assert allowed
    for statement in allowed:
        assert set(listed(statement["Principal"]["Service"])) <= {"events.amazonaws.com", "sns.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert statement["Resource"] == f"${{{queue}.Arn}}"
        assert {key for test in statement["Condition"].values() for key in test} == {"aws:SourceArn"}
    assert "*" not in senders(stack, queue)


@pytest.mark.parametrize("queue", ["DeleteQueue", "DeadLetterQueue"])
def test_further_topics_and_rules_may_send_requests_and_dead_letters_if_they_are_named(queue: str) -> None:
    assert senders(Rendered(), queue) == {"${DeleteRequestedRule.Arn}"}
    assert senders(Rendered(WITH_EVERYTHING), queue) == {"${DeleteRequestedRule.Arn}", TOPIC, RULE}


def of_bus(stack: Rendered) -> list[Properties]:
    """Return the statements of the policy of the stack's bus."""
    buses = stack.every("Events::EventBus").values()
    return [statement for bus in buses if "Policy" in bus for statement in statements(bus["Policy"])]


def other_accounts(stack: Rendered) -> list[str]:
    """Return the accounts that may send to the queue."""
    allowed = (each["Principal"] for each in of_queue(stack, "DeleteQueue") if each["Effect"] == "Allow")
    return [account for principal in allowed for account in principal.get("AWS", [])]


def test_other_accounts_may_send_requests_and_nothing_else(stack: Rendered) -> None:
    (rule,) = stack.every("Events::Rule").values()
    named = other_accounts(stack)
    assert rule["EventPattern"]["account"] == ["${AWS::AccountId}", *named]
    for statement in of_queue(stack, "DeleteQueue"):
        if "AWS" in statement["Principal"]:
            assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", "${DeleteQueue.Arn}")
    assert not [each for each in of_queue(stack, "DeadLetterQueue") if "AWS" in each["Principal"]]
    for statement in of_bus(stack):
        assert statement["Action"] == "events:PutEvents"
        assert statement["Principal"] == {"AWS": named}
        assert statement["Resource"] == f"arn:${{AWS::Partition}}:events:{HERE}:event-bus/${{AWS::StackName}}"
        assert statement["Condition"] == {"StringEquals": {"events:detail-type": REQUESTED}}


def test_other_accounts_may_use_only_the_bus_of_the_stack() -> None:
    accounts = {"AllowedAccountIds": "210987654321,109876543210"}
    assert other_accounts(Rendered()) == []
    assert other_accounts(Rendered(accounts)) == ["210987654321", "109876543210"]
    assert len(of_bus(Rendered(accounts))) == 1
    assert of_bus(Rendered({**accounts, "EventBusName": "ours"})) == []


# ── The account ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_role_has_the_boundary_and_the_path_that_the_account_requires() -> None:
    """Without a path, IAM uses its default. A path replaces the role, so it is set only on request."""
    for role in Rendered().every("IAM::Role").values():
        assert not role.keys() & {"Path", "PermissionsBoundary"}
    for role in Rendered(WITH_EVERYTHING).every("IAM::Role").values():
        assert role["Path"] == WITH_EVERYTHING["RolePath"]
        assert role["PermissionsBoundary"] == WITH_EVERYTHING["PermissionsBoundaryArn"]


def test_the_policy_of_the_operator_has_a_fixed_name_only_on_request() -> None:
    (name,) = (each.get("ManagedPolicyName") for each in Rendered().every("IAM::ManagedPolicy").values())
    assert name is None
    assert Rendered(WITH_EVERYTHING).every("IAM::ManagedPolicy")["OperatorPolicy"]["ManagedPolicyName"]


def test_all_functions_are_in_the_vpc_or_none_is(stack: Rendered) -> None:
    functions = stack.every("Lambda::Function").values()
    networks = [each.get("VpcConfig") for each in functions]
    assert len(networks) == 3
    assert networks in ([None] * 3, [networks[0]] * 3)
    roles = [stack.every("IAM::Role")[each["Role"].strip("${}").removesuffix(".Arn")] for each in functions]
    attached = ["${NetworkPolicy}"] if networks[0] else []
    assert all(role.get("ManagedPolicyArns", []) == attached for role in roles)
    assert ("NetworkPolicy" in stack.resources) == bool(attached)


def test_only_lambda_itself_uses_the_permissions_for_the_network() -> None:
    """Lambda guide, "Giving Lambda functions access to resources in a VPC": calls of function code have this key."""
    policy = Rendered(WITH_EVERYTHING).every("IAM::ManagedPolicy")["NetworkPolicy"]
    allowed, denied = statements(policy["PolicyDocument"])
    assert allowed["Effect"] == "Allow"
    assert {action.partition(":")[0] for action in allowed["Action"]} == {"ec2"}
    assert (denied["Effect"], denied["Action"], denied["Resource"]) == ("Deny", "ec2:*", "*")
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_logs_have_a_key_only_if_one_is_given() -> None:
    assert {each.get("KmsKeyId") for each in Rendered().every("Logs::LogGroup").values()} == {None}
    assert {each["KmsKeyId"] for each in Rendered(WITH_EVERYTHING).every("Logs::LogGroup").values()} == {LOG_KEY}


def test_a_role_that_can_use_the_key_can_decrypt_with_former_keys(stack: Rendered) -> None:
    """Even without KmsKeyArn: waiting messages are still encrypted with a removed key."""
    former = [FORMER_KEY] if "ReadWhatFormerKeysEncrypted" in str(stack.resources) else []
    for role in FUNCTIONS_MAY:
        assert [each for action, each in may(stack, role) if each == FORMER_KEY] == former
    for role in stack.every("IAM::Role").keys() - FUNCTIONS_MAY.keys():
        assert not {FORMER_KEY, SECRET_KEY} & {resource for _, resource in may(stack, role)}


def test_a_former_key_can_still_decrypt() -> None:
    for current in ({}, {"KmsKeyArn": KEY}):
        stack = Rendered({**current, "FormerKmsKeyArns": f"{FORMER_KEY},{LOG_KEY}"})
        for role in FUNCTIONS_MAY:
            assert {("kms:Decrypt", FORMER_KEY), ("kms:Decrypt", LOG_KEY)} <= may(stack, role)


def test_every_rule_may_send_to_its_target_and_to_its_dead_letters(stack: Rendered) -> None:
    for logical_id, rule in stack.every("Events::Rule").items():
        for target in rule["Targets"]:
            for queue in (target["Arn"], target["DeadLetterConfig"]["Arn"]):
                assert f"${{{logical_id}.Arn}}" in senders(stack, queue.strip("${}").removesuffix(".Arn"))
