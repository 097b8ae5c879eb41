"""Who may do what: roles and resource policies of the translated template, statement by statement."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from tests.infrastructure.combinations import FORMER_KEY, KEY, LOG_KEY, RULE, SECRET_KEY, TOPIC, WITH_EVERYTHING
from tests.infrastructure.rendered import Properties, Rendered
from vbs_reaper.deletion.result import REQUESTED

HERE = "${AWS::Region}:${AWS::AccountId}"
DELETER_MAY = {
    ("sqs:ReceiveMessage", "${DeleteQueue.Arn}"),
    ("sqs:DeleteMessage", "${DeleteQueue.Arn}"),
    ("sqs:GetQueueAttributes", "${DeleteQueue.Arn}"),
    ("sqs:ChangeMessageVisibility", "${DeleteQueue.Arn}"),
    ("sqs:SendMessage", "${DeleteQueue.Arn}"),
    ("sqs:SendMessage", "${DeadLetterQueue.Arn}"),
    ("secretsmanager:GetSecretValue", f"arn:${{AWS::Partition}}:secretsmanager:{HERE}:secret:vbs-reaper/*"),
    ("logs:CreateLogStream", "${DeleterLogGroup.Arn}"),
    ("logs:PutLogEvents", "${DeleterLogGroup.Arn}"),
}
MAPPING = f"arn:${{AWS::Partition}}:lambda:{HERE}:event-source-mapping:${{DeleterFunctionDeleteRequests}}"
LOGIN_SLOTS = {
    ("s3:ListBucket", "${PlansBucket.Arn}"),
    ("s3:GetObject", "${PlansBucket.Arn}/logins/*"),
    ("s3:PutObject", "${PlansBucket.Arn}/logins/*"),
    ("s3:DeleteObject", "${PlansBucket.Arn}/logins/*"),
}
READ_HOLDS = {("s3:GetObject", "${PlansBucket.Arn}/holds/*")}
PUBLISH = ("events:PutEvents", "events:DescribeEventBus")
PUBLISH_ON_ITS_OWN_BUS = {
    (action, f"arn:${{AWS::Partition}}:events:{HERE}:event-bus/${{EventBus}}") for action in PUBLISH
}
PUBLISH_ON_THE_GIVEN_BUS = {(action, f"arn:${{AWS::Partition}}:events:{HERE}:event-bus/ours") for action in PUBLISH}
USE_THE_KEY = {("kms:Decrypt", KEY), ("kms:GenerateDataKey", KEY)}
DECRYPT_OLDER_ONES_AND_SECRETS = {("kms:Decrypt", FORMER_KEY), ("kms:Decrypt", SECRET_KEY)}
USE_ALL_KEYS = USE_THE_KEY | DECRYPT_OLDER_ONES_AND_SECRETS


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
    """Every (action, resource) that a role allows."""
    return {
        (action, resource)
        for policy in stack.every("IAM::Role")[role]["Policies"]
        for statement in statements(policy["PolicyDocument"])
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def of_queue(stack: Rendered, queue: str) -> list[Properties]:
    """The statements of a queue's policy."""
    return [
        statement
        for policy in stack.every("SQS::QueuePolicy").values()
        if f"${{{queue}}}" in policy["Queues"]
        for statement in statements(policy["PolicyDocument"])
    ]


def of_bucket(stack: Rendered) -> dict[str, Properties]:
    """The statements of the plans bucket's policy, by name."""
    (policy,) = stack.every("S3::BucketPolicy").values()
    return {each["Sid"]: each for each in statements(policy["PolicyDocument"])}


def senders(stack: Rendered, queue: str) -> set[str]:
    """The ARNs, or their patterns, of what a queue's policy lets send."""
    return {
        arn
        for statement in of_queue(stack, queue)
        if statement["Effect"] == "Allow"
        for test in ("ArnEquals", "ArnLike")
        for arn in listed(statement.get("Condition", {}).get(test, {}).get("aws:SourceArn", []))
    }


# ── Roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_deleter_may_do_what_it_does_and_nothing_else() -> None:
    deleter_may = DELETER_MAY | LOGIN_SLOTS | READ_HOLDS
    assert may(Rendered(), "DeleterRole") == deleter_may | PUBLISH_ON_ITS_OWN_BUS
    assert may(Rendered(WITH_EVERYTHING), "DeleterRole") == deleter_may | PUBLISH_ON_THE_GIVEN_BUS | USE_ALL_KEYS


def test_every_statement_says_its_name_its_actions_and_its_resources(stack: Rendered) -> None:
    for statement in of_roles(stack):
        assert statement["Effect"] == "Allow"
        assert statement["Sid"]
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        for resource in listed(statement["Resource"]):
            assert resource != "*"
            assert "*" not in resource.removesuffix("/*"), "a name's end may be open, nothing before it"


def test_no_role_has_a_policy_that_someone_else_writes(stack: Rendered) -> None:
    attached = [role.get("ManagedPolicyArns", []) for role in stack.every("IAM::Role").values()]
    assert all(each in ([], ["${NetworkPolicy}"]) for each in attached)
    assert not stack.every("IAM::Policy")


def test_every_function_has_a_role_of_its_own_that_only_lambda_takes_on(stack: Rendered) -> None:
    functions = stack.every("Lambda::Function").values()
    roles = [function["Role"].strip("${}").removesuffix(".Arn") for function in functions]
    assert len(set(roles)) == len(roles)
    for role in roles:
        (trust,) = statements(stack.every("IAM::Role")[role]["AssumeRolePolicyDocument"])
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_every_other_role_is_taken_on_for_this_account_only(stack: Rendered) -> None:
    for role in stack.every("IAM::Role").values():
        for trust in statements(role["AssumeRolePolicyDocument"]):
            if trust["Principal"] != {"Service": "lambda.amazonaws.com"}:
                assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "${AWS::AccountId}"}


def test_the_checker_may_look_and_publish_and_nothing_else() -> None:
    look = {
        ("sqs:GetQueueAttributes", "${DeleteQueue.Arn}"),
        ("sqs:GetQueueAttributes", "${DeadLetterQueue.Arn}"),
        ("secretsmanager:GetSecretValue", f"arn:${{AWS::Partition}}:secretsmanager:{HERE}:secret:vbs-reaper/*"),
        ("lambda:GetEventSourceMapping", MAPPING),
        ("logs:CreateLogStream", "${CheckerLogGroup.Arn}"),
        ("logs:PutLogEvents", "${CheckerLogGroup.Arn}"),
    }
    assert may(Rendered(), "CheckerRole") == look | LOGIN_SLOTS | PUBLISH_ON_ITS_OWN_BUS
    assert may(Rendered(), "CheckScheduleRole") == {
        ("lambda:InvokeFunction", "${CheckerFunction.Arn}"),
        ("sqs:SendMessage", "${DeadLetterQueue.Arn}"),
    }
    assert may(Rendered(WITH_EVERYTHING), "CheckerRole") == look | LOGIN_SLOTS | PUBLISH_ON_THE_GIVEN_BUS | USE_ALL_KEYS


def test_the_purger_may_store_plans_and_request_deletions_and_nothing_else() -> None:
    purger_may = (
        LOGIN_SLOTS
        | READ_HOLDS
        | {
            ("s3:GetObject", "${PlansBucket.Arn}/plans/*"),
            ("s3:PutObject", "${PlansBucket.Arn}/plans/*"),
            ("sqs:SendMessage", "${DeleteQueue.Arn}"),
            ("sqs:SendMessage", "${DeadLetterQueue.Arn}"),
            ("secretsmanager:GetSecretValue", f"arn:${{AWS::Partition}}:secretsmanager:{HERE}:secret:vbs-reaper/*"),
            ("logs:CreateLogStream", "${PurgerLogGroup.Arn}"),
            ("logs:PutLogEvents", "${PurgerLogGroup.Arn}"),
        }
    )
    assert may(Rendered(), "PurgerRole") == purger_may | PUBLISH_ON_ITS_OWN_BUS
    assert may(Rendered(WITH_EVERYTHING), "PurgerRole") == purger_may | PUBLISH_ON_THE_GIVEN_BUS | USE_ALL_KEYS


def test_a_purge_schedule_may_run_the_purger_and_nothing_else() -> None:
    run = {("lambda:InvokeFunction", "${PurgerFunction.Arn}"), ("sqs:SendMessage", "${DeadLetterQueue.Arn}")}
    assert may(Rendered(), "PurgeScheduleRole") == run
    assert may(Rendered(WITH_EVERYTHING), "PurgeScheduleRole") == run | USE_THE_KEY


def test_plans_are_private_and_are_talked_about_over_tls_only(stack: Rendered) -> None:
    (bucket,) = stack.every("S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    denied = of_bucket(stack)["OnlyOverTls"]
    assert denied["Action"] == "s3:*"
    assert denied["Resource"] == ["${PlansBucket.Arn}", "${PlansBucket.Arn}/*"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_nobody_is_let_into_the_plans_bucket_by_its_own_policy(stack: Rendered) -> None:
    found = of_bucket(stack)
    assert {(each["Effect"], each["Principal"]) for each in found.values()} == {("Deny", "*")}
    assert found.keys() == {
        "OnlyOverTls",
        "OnlyThePurgerWritesPlans",
        "PlansAreWrittenOnce",
        "OnlyTheFunctionsWriteLogins",
        "LoginsAreWrittenOnACondition",
        "LoginsAreDeletedOnACondition",
        "HoldsAreWrittenOnce",
        "HoldsAreEncryptedByS3",
    }


CHANGES = (
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
)


@pytest.mark.parametrize("action", CHANGES)
def test_only_the_functions_take_and_free_login_slots(stack: Rendered, action: str) -> None:
    denied = of_bucket(stack)["OnlyTheFunctionsWriteLogins"]
    assert any(fnmatchcase(action, pattern) for pattern in denied["Action"])
    assert denied["Resource"] == "${PlansBucket.Arn}/logins/*"
    roles = ["${DeleterRole.Arn}", "${PurgerRole.Arn}", "${CheckerRole.Arn}"]
    assert denied["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": roles}}


def test_a_login_slot_is_never_changed_without_a_condition(stack: Rendered) -> None:
    """S3 guide, "Enforce conditional writes" and "Enforce conditional deletes": all keys of one test must match."""
    written = of_bucket(stack)["LoginsAreWrittenOnACondition"]
    assert written["Action"] == "s3:PutObject"
    assert written["Condition"] == {"Null": {"s3:if-none-match": "true", "s3:if-match": "true"}}
    deleted = of_bucket(stack)["LoginsAreDeletedOnACondition"]
    assert deleted["Action"] == "s3:DeleteObject"
    assert deleted["Condition"] == {"Null": {"s3:if-match": "true"}}
    assert written["Resource"] == deleted["Resource"] == "${PlansBucket.Arn}/logins/*"


@pytest.mark.parametrize("action", CHANGES)
def test_only_the_purgers_role_writes_or_deletes_plans(stack: Rendered, action: str) -> None:
    denied = of_bucket(stack)["OnlyThePurgerWritesPlans"]
    assert any(fnmatchcase(action, pattern) for pattern in denied["Action"])
    assert denied["Resource"] == "${PlansBucket.Arn}/plans/*"
    assert denied["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": "${PurgerRole.Arn}"}}


def test_reading_plans_is_not_denied_to_anyone(stack: Rendered) -> None:
    for denied in of_bucket(stack).values():
        if "Bool" not in denied["Condition"]:
            assert not any(fnmatchcase("s3:GetObject", pattern) for pattern in listed(denied["Action"]))


def test_a_plan_is_never_written_over(stack: Rendered) -> None:
    """S3 guide, "Enforce conditional writes on Amazon S3 buckets": the key is absent without the header."""
    denied = of_bucket(stack)["PlansAreWrittenOnce"]
    assert denied["Action"] == "s3:PutObject"
    assert denied["Resource"] == "${PlansBucket.Arn}/plans/*"
    assert denied["Condition"] == {"Null": {"s3:if-none-match": "true"}}


def test_a_hold_is_never_written_over(stack: Rendered) -> None:
    denied = of_bucket(stack)["HoldsAreWrittenOnce"]
    assert denied["Action"] == "s3:PutObject"
    assert denied["Resource"] == "${PlansBucket.Arn}/holds/*"
    assert denied["Condition"] == {"Null": {"s3:if-none-match": "true"}}


def test_a_hold_does_not_depend_on_a_key_whatever_the_default_encryption_of_the_bucket_is() -> None:
    """IAM guide, "Condition operators": a negated operator also matches if the request does not contain the key.

    So a request without the header, which the bucket's default would encrypt with KmsKeyArn, is denied as well.
    """
    for stack in (Rendered(), Rendered(WITH_EVERYTHING)):
        denied = of_bucket(stack)["HoldsAreEncryptedByS3"]
        assert denied["Action"] == "s3:PutObject"
        assert denied["Resource"] == "${PlansBucket.Arn}/holds/*"
        assert denied["Condition"] == {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}


@pytest.mark.parametrize("role", ["DeleterRole", "PurgerRole", "CheckerRole"])
def test_no_function_may_hold_or_release(stack: Rendered, role: str) -> None:
    on_holds = {action for action, resource in may(stack, role) if resource == "${PlansBucket.Arn}/holds/*"}
    assert on_holds <= {"s3:GetObject"}


def test_a_schedule_may_send_requests_and_nothing_else() -> None:
    send = {("sqs:SendMessage", "${DeleteQueue.Arn}"), ("sqs:SendMessage", "${DeadLetterQueue.Arn}")}
    assert may(Rendered(), "RequestScheduleRole") == send
    assert may(Rendered(WITH_EVERYTHING), "RequestScheduleRole") == send | USE_THE_KEY


# ── Who may send ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("queue", ["DeleteQueue", "DeadLetterQueue"])
def test_a_queue_talks_over_tls_only(stack: Rendered, queue: str) -> None:
    (denied,) = (statement for statement in of_queue(stack, queue) if statement["Effect"] == "Deny")
    assert denied["Principal"] == "*"
    assert denied["Action"] == "sqs:*"
    assert denied["Resource"] == f"${{{queue}.Arn}}"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("queue", ["DeleteQueue", "DeadLetterQueue"])
def test_a_service_may_only_send_and_only_for_a_named_source(stack: Rendered, queue: str) -> None:
    """SQS guide, "Key management": SNS and EventBridge set aws:SourceArn; of SNS, no more is documented."""
    allowed = [each for each in of_queue(stack, queue) if each["Effect"] == "Allow" and "Service" in each["Principal"]]
    assert allowed
    for statement in allowed:
        assert set(listed(statement["Principal"]["Service"])) <= {"events.amazonaws.com", "sns.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert statement["Resource"] == f"${{{queue}.Arn}}"
        assert {key for test in statement["Condition"].values() for key in test} == {"aws:SourceArn"}
    assert len(senders(stack, queue)) >= len(allowed)
    assert "*" not in senders(stack, queue)


def test_further_topics_and_rules_may_send_where_they_are_named_and_nobody_else() -> None:
    assert senders(Rendered(), "DeleteQueue") == {"${DeleteRequestedRule.Arn}"}
    assert senders(Rendered(WITH_EVERYTHING), "DeleteQueue") == {"${DeleteRequestedRule.Arn}", TOPIC, RULE}


def of_bus(stack: Rendered) -> list[Properties]:
    """The statements of the policy of the stack's own bus."""
    buses = stack.every("Events::EventBus").values()
    return [statement for bus in buses if "Policy" in bus for statement in statements(bus["Policy"])]


def other_accounts(stack: Rendered) -> list[str]:
    """The accounts that the queue's policy lets send."""
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
    """An absent path is the default of IAM. A path that is set replaces the role, so it is not set unless asked."""
    for role in Rendered().every("IAM::Role").values():
        assert not role.keys() & {"Path", "PermissionsBoundary"}
    for role in Rendered(WITH_EVERYTHING).every("IAM::Role").values():
        assert role["Path"] == WITH_EVERYTHING["RolePath"]
        assert role["PermissionsBoundary"] == WITH_EVERYTHING["PermissionsBoundaryArn"]


def test_the_operators_policy_has_a_fixed_name_only_if_asked() -> None:
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
    """Lambda guide, "Giving Lambda functions access to resources in a VPC": the key is in calls of function code."""
    policy = Rendered(WITH_EVERYTHING).every("IAM::ManagedPolicy")["NetworkPolicy"]
    allowed, denied = statements(policy["PolicyDocument"])
    assert allowed["Effect"] == "Allow"
    assert {action.partition(":")[0] for action in allowed["Action"]} == {"ec2"}
    assert (denied["Effect"], denied["Action"], denied["Resource"]) == ("Deny", "ec2:*", "*")
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_logs_have_a_key_only_if_one_is_given() -> None:
    assert {each.get("KmsKeyId") for each in Rendered().every("Logs::LogGroup").values()} == {None}
    assert {each["KmsKeyId"] for each in Rendered(WITH_EVERYTHING).every("Logs::LogGroup").values()} == {LOG_KEY}


READERS_OF_WHAT_IS_STORED = {"DeleterRole", "PurgerRole", "CheckerRole"}


def test_whoever_reads_what_the_key_encrypts_may_read_what_former_keys_encrypted(stack: Rendered) -> None:
    """Without KmsKeyArn too: a key that was removed still encrypts the messages that wait."""
    former = [FORMER_KEY] if "ReadWhatFormerKeysEncrypted" in str(stack.resources) else []
    for role in READERS_OF_WHAT_IS_STORED:
        assert [each for action, each in may(stack, role) if each == FORMER_KEY] == former
    for role in stack.every("IAM::Role").keys() - READERS_OF_WHAT_IS_STORED:
        assert not {FORMER_KEY, SECRET_KEY} & {resource for _, resource in may(stack, role)}


def test_a_changed_or_removed_key_still_decrypts_if_it_is_named_as_a_former_one() -> None:
    for current in ({}, {"KmsKeyArn": KEY}):
        stack = Rendered({**current, "FormerKmsKeyArns": f"{FORMER_KEY},{LOG_KEY}"})
        for role in READERS_OF_WHAT_IS_STORED:
            assert {("kms:Decrypt", FORMER_KEY), ("kms:Decrypt", LOG_KEY)} <= may(stack, role)


def test_every_rule_may_send_to_its_target_and_to_its_dead_letters(stack: Rendered) -> None:
    for logical_id, rule in stack.every("Events::Rule").items():
        for target in rule["Targets"]:
            for queue in (target["Arn"], target["DeadLetterConfig"]["Arn"]):
                assert f"${{{logical_id}.Arn}}" in senders(stack, queue.strip("${}").removesuffix(".Arn"))
