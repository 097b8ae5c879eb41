"""What neither cfn-lint nor checkov asks for: encryption, retention, and an end for whatever fails, everywhere."""

from tests.infrastructure.combinations import KEY
from tests.infrastructure.rendered import Properties, Rendered, translated
from vbs_reaper.backups.holds import HOLDS

KEEPS_STATE = {"AWS::SQS::Queue": "Delete", "AWS::Logs::LogGroup": "Delete", "AWS::S3::Bucket": "RetainExceptOnCreate"}
"""What becomes of what is in it when the stack is deleted; nothing is lost by replacing one."""
WITHOUT_DEAD_LETTERS = {
    "CheckerFunction": "the next check comes within its rate, and CheckerSilentAlarm tells of a day without one",
}
RESOURCE_POLICIES = ("SQS::QueuePolicy", "S3::BucketPolicy", "SNS::TopicPolicy")


def of_resource_policies(stack: Rendered) -> list[Properties]:
    documents = [policy["PolicyDocument"] for kind in RESOURCE_POLICIES for policy in stack.every(kind).values()]
    documents += [bus["Policy"] for bus in stack.every("Events::EventBus").values() if "Policy" in bus]
    return [statement for document in documents for statement in document["Statement"]]


def test_what_keeps_state_says_what_becomes_of_it() -> None:
    found = {name: each for name, each in translated()["Resources"].items() if each["Type"] in KEEPS_STATE}
    assert {each["Type"] for each in found.values()} == KEEPS_STATE.keys()
    for name, each in found.items():
        assert each["DeletionPolicy"] == KEEPS_STATE[each["Type"]], name
        assert each["UpdateReplacePolicy"] == "Retain", name


def test_nothing_is_kept_for_ever(stack: Rendered) -> None:
    assert all(each["RetentionInDays"] for each in stack.every("Logs::LogGroup").values())
    assert all(each["MessageRetentionPeriod"] for each in stack.every("SQS::Queue").values())
    for bucket in stack.every("S3::Bucket").values():
        assert [each["ExpirationInDays"] for each in bucket["LifecycleConfiguration"]["Rules"]]


def test_every_lifecycle_rule_names_the_prefix_it_is_about(stack: Rendered) -> None:
    for bucket in stack.every("S3::Bucket").values():
        assert [each["Prefix"] for each in bucket["LifecycleConfiguration"]["Rules"]] == ["plans/", "logins/"]


def test_no_lifecycle_rule_removes_a_hold(stack: Rendered) -> None:
    for bucket in stack.every("S3::Bucket").values():
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            assert rule["Prefix"]
            assert not rule["Prefix"].startswith(HOLDS)
            assert not HOLDS.startswith(rule["Prefix"])


def test_every_queue_and_every_bucket_is_encrypted_and_over_tls_only(stack: Rendered) -> None:
    for queue in stack.every("SQS::Queue").values():
        assert queue.get("SqsManagedSseEnabled") is True or queue.get("KmsMasterKeyId") == KEY
    for bucket in stack.every("S3::Bucket").values():
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    over_tls = [
        each
        for each in of_resource_policies(stack)
        if each["Effect"] == "Deny" and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    assert len(over_tls) == len(stack.every("SQS::Queue")) + len(stack.every("S3::Bucket"))


def test_no_service_is_let_in_but_for_a_named_source(stack: Rendered) -> None:
    let_in = [each for each in of_resource_policies(stack) if each["Effect"] == "Allow"]
    assert let_in
    for statement in let_in:
        if "Service" in statement["Principal"]:
            assert set(statement["Principal"]) == {"Service"}
            assert set(statement["Condition"]) <= {"ArnEquals", "ArnLike"}
            assert any("aws:SourceArn" in statement["Condition"].get(test, {}) for test in ("ArnEquals", "ArnLike"))


def test_nobody_else_is_let_in_but_accounts_that_are_named(stack: Rendered) -> None:
    for statement in of_resource_policies(stack):
        if statement["Effect"] == "Allow" and "Service" not in statement["Principal"]:
            assert statement["Principal"] == {"AWS": ["210987654321"]}
            assert statement["Action"] in {"sqs:SendMessage", "events:PutEvents"}


def test_a_function_is_let_be_invoked_for_a_named_source_only(stack: Rendered) -> None:
    for permission in stack.every("Lambda::Permission").values():
        assert permission["SourceArn"]
        assert permission["SourceAccount"]


def test_every_function_that_is_invoked_asynchronously_says_how_often_and_where_it_ends(stack: Rendered) -> None:
    invoked = {
        schedule["Target"]["Arn"].strip("${}").removesuffix(".Arn")
        for schedule in stack.every("Scheduler::Schedule").values()
    }
    configured = {each["FunctionName"].strip("${}"): each for each in stack.every("Lambda::EventInvokeConfig").values()}
    assert invoked == configured.keys()
    for name, each in configured.items():
        assert "MaximumRetryAttempts" in each
        if name not in WITHOUT_DEAD_LETTERS:
            assert each["DestinationConfig"]["OnFailure"] == {"Destination": "${DeadLetterQueue.Arn}"}
    assert configured.keys() >= WITHOUT_DEAD_LETTERS.keys()


def test_every_queue_that_is_read_from_has_dead_letters(stack: Rendered) -> None:
    for mapping in stack.every("Lambda::EventSourceMapping").values():
        queue = stack.every("SQS::Queue")[mapping["EventSourceArn"].strip("${}").removesuffix(".Arn")]
        assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "${DeadLetterQueue.Arn}"
