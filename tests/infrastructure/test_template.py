"""Properties of queues, functions and targets that no emulator checks, in the translated template."""

import re
import tomllib
from datetime import timedelta

import pytest

from tests.infrastructure.combinations import KEY, WITH_EVERYTHING
from tests.infrastructure.rendered import Properties, Rendered, translated
from tests.infrastructure.translate import ROOT
from vbs_reaper.backups.holds import HOLDS
from vbs_reaper.deletion.result import REQUESTED
from vbs_reaper.settings import DeleterSettings, PurgerSettings

DAYS_14_S = 14 * 86400
DAYS_13_S = 13 * 86400
PLATFORM_OF = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
KEEPS_STATE = {
    "AWS::SQS::Queue": "Delete",
    "AWS::Logs::LogGroup": "Delete",
    "AWS::S3::Bucket": "RetainExceptOnCreate",
    "AWS::S3::BucketPolicy": "RetainExceptOnCreate",
}
"""What happens to resources with state when the stack is deleted. Replacing one loses nothing."""
SIZES = {"DeleterFunction": (60, 256), "PurgerFunction": (900, 512), "CheckerFunction": (60, 256)}
"""Timeout in seconds, memory in MB."""
WITHOUT_DEAD_LETTERS = {
    "CheckerFunction": "the next check comes within its rate, and CheckerSilentAlarm tells of a day without one",
}
LIKE_A_SECRET = re.compile("PASSWORD|PASSWD|TOKEN|CREDENTIAL|KEY|SECRET(?!_PREFIX)", re.IGNORECASE)


def queue(stack: Rendered, logical_id: str) -> Properties:
    return stack.every("SQS::Queue")[logical_id]


def deleter(stack: Rendered) -> Properties:
    return stack.every("Lambda::Function")["DeleterFunction"]


def deleter_mapping(stack: Rendered) -> Properties:
    (mapping,) = stack.every("Lambda::EventSourceMapping").values()
    return mapping


def targets(stack: Rendered) -> list[Properties]:
    """Return all targets of rules and schedules."""
    of_rules = [target for rule in stack.every("Events::Rule").values() for target in rule["Targets"]]
    return of_rules + [schedule["Target"] for schedule in stack.every("Scheduler::Schedule").values()]


# ── Queues ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_visibility_timeout_is_six_times_the_function_timeout_as_aws_recommends(stack: Rendered) -> None:
    assert queue(stack, "DeleteQueue")["VisibilityTimeout"] == 1200
    assert queue(stack, "DeleteQueue")["VisibilityTimeout"] >= 6 * deleter(stack)["Timeout"]


def test_a_function_that_cannot_start_loses_nothing_for_13_days(stack: Rendered) -> None:
    redrive = queue(stack, "DeleteQueue")["RedrivePolicy"]
    assert redrive == {"deadLetterTargetArn": "${DeadLetterQueue.Arn}", "maxReceiveCount": 1000}
    assert redrive["maxReceiveCount"] * queue(stack, "DeleteQueue")["VisibilityTimeout"] > DAYS_13_S


def test_both_queues_keep_messages_for_14_days(stack: Rendered) -> None:
    assert {name: each["MessageRetentionPeriod"] for name, each in stack.every("SQS::Queue").items()} == {
        "DeleteQueue": DAYS_14_S,
        "DeadLetterQueue": DAYS_14_S,
    }


def test_a_dead_letter_can_be_larger_than_a_request(stack: Rendered) -> None:
    assert queue(stack, "DeleteQueue")["MaximumMessageSize"] == 256 * 1024
    assert queue(stack, "DeadLetterQueue")["MaximumMessageSize"] == 1024 * 1024


def test_only_the_delete_queue_may_use_the_dead_letter_queue(stack: Rendered) -> None:
    name = queue(stack, "DeleteQueue")["QueueName"]
    assert queue(stack, "DeadLetterQueue")["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}"],
    }


def test_queues_are_encrypted_by_sqs_or_with_the_given_key() -> None:
    for each in Rendered().every("SQS::Queue").values():
        assert each["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in each
    for each in Rendered(WITH_EVERYTHING).every("SQS::Queue").values():
        assert each["KmsMasterKeyId"] == KEY
        assert "SqsManagedSseEnabled" not in each


# ── The deleter ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_reports_each_message_and_none_is_filtered(stack: Rendered) -> None:
    assert deleter_mapping(stack) == {
        "EventSourceArn": "${DeleteQueue.Arn}",
        "FunctionName": "${DeleterFunction}",
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
    }


def test_the_parameter_limits_the_concurrency_of_the_deleter() -> None:
    assert deleter_mapping(Rendered({"MaximumConcurrency": "7"}))["ScalingConfig"] == {"MaximumConcurrency": "7"}
    assert "ReservedConcurrentExecutions" not in deleter(Rendered())


def test_the_deleter_accepts_the_environment_in_the_template(stack: Rendered) -> None:
    variables = {name: str(value) for name, value in deleter(stack)["Environment"]["Variables"].items()}
    given = {"DELETE_QUEUE_URL": "https://queue.example/1/delete", "DEAD_LETTER_QUEUE_URL": "https://queue.example/1/d"}
    given |= {"EVENT_BUS_NAME": "bus", "PLANS_BUCKET": "reaper-plansbucket"}
    settings = DeleterSettings.from_env(variables | given)
    assert variables.keys() >= given.keys()
    assert settings.secret_prefix == "vbs-reaper"
    assert settings.default_target == "default"
    assert settings.base_s == 60
    assert settings.calls_at_once == 5
    assert settings.minimum_age == timedelta()
    assert settings.trusted_senders == {"${DeleterRole.RoleId}", "${PurgerRole.RoleId}", "${AWS::AccountId}"}


def test_results_are_sent_to_the_bus_of_the_requests(stack: Rendered) -> None:
    (rule,) = stack.every("Events::Rule").values()
    assert deleter(stack)["Environment"]["Variables"]["EVENT_BUS_NAME"] == rule["EventBusName"]
    assert stack.outputs["EventBusName"]["Value"] == rule["EventBusName"]


# ── The purger and its plans ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_purger_accepts_the_environment_in_the_template(stack: Rendered) -> None:
    environment = stack.every("Lambda::Function")["PurgerFunction"]["Environment"]["Variables"]
    variables = {name: str(value) for name, value in environment.items()}
    given = {"DELETE_QUEUE_URL": "https://queue.example/1/delete", "DEAD_LETTER_QUEUE_URL": "https://queue.example/1/d"}
    given |= {"EVENT_BUS_NAME": "bus", "PLANS_BUCKET": "plans"}
    assert variables.keys() >= given.keys()
    settings = PurgerSettings.from_env(variables | given)
    assert (settings.secret_prefix, settings.default_target) == ("vbs-reaper", "default")


def test_plans_and_login_slots_are_versioned_and_expire_and_holds_do_not(stack: Rendered) -> None:
    (bucket,) = stack.every("S3::Bucket").values()
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert [
        (each["Status"], each["Prefix"], each["ExpirationInDays"], each["NoncurrentVersionExpiration"])
        for each in rules
    ] == [
        ("Enabled", "plans/", 90, {"NoncurrentDays": 90}),
        ("Enabled", "logins/", 90, {"NoncurrentDays": 1}),
    ]
    assert not [each for each in rules if HOLDS.startswith(each["Prefix"]) or each["Prefix"].startswith(HOLDS)]


def test_deleter_and_purger_have_the_minimum_age() -> None:
    for stack, hours in ((Rendered(), "0"), (Rendered({"MinimumAge": "48"}), "48")):
        functions = stack.every("Lambda::Function")
        for name in ("DeleterFunction", "PurgerFunction"):
            assert str(functions[name]["Environment"]["Variables"]["MINIMUM_AGE_IN_HOURS"]) == hours


def test_every_function_has_the_bucket_of_the_login_slots(stack: Rendered) -> None:
    for function in stack.every("Lambda::Function").values():
        assert function["Environment"]["Variables"]["PLANS_BUCKET"] == "${PlansBucket}"


def test_plans_are_encrypted_by_s3_or_with_the_given_key() -> None:
    def encryption(stack: Rendered) -> Properties:
        (bucket,) = stack.every("S3::Bucket").values()
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        found: Properties = rule["ServerSideEncryptionByDefault"]
        return found

    assert encryption(Rendered()) == {"SSEAlgorithm": "AES256"}
    assert encryption(Rendered(WITH_EVERYTHING)) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}


def test_the_parameter_sets_how_long_plans_are_kept() -> None:
    bucket = Rendered({"PlanRetentionInDays": "3653"}).every("S3::Bucket")["PlansBucket"]
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert days == {"plans/": "3653", "logins/": 90}


def test_every_resource_with_state_has_a_deletion_policy() -> None:
    found = {name: each for name, each in translated()["Resources"].items() if each["Type"] in KEEPS_STATE}
    assert {each["Type"] for each in found.values()} == KEEPS_STATE.keys()
    for name, each in found.items():
        assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == (KEEPS_STATE[each["Type"]], "Retain"), name


def test_the_purge_is_disabled_by_default_and_scheduled_in_its_time_zone() -> None:
    def schedule(**parameters: str) -> Properties:
        return Rendered(parameters).every("Scheduler::Schedule")["StackPurgeSchedule"]

    assert (schedule()["State"], schedule()["ScheduleExpressionTimezone"]) == ("DISABLED", "UTC")
    assert "Name" not in schedule()
    assert schedule()["Target"]["Arn"] == "${PurgerFunction.Arn}"
    assert schedule()["Target"]["RoleArn"] == "${PurgeScheduleRole.Arn}"
    changed = schedule(PurgeState="ENABLED", PurgeTimezone="Europe/Berlin", PurgeSchedule="rate(1 day)")
    assert changed["State"] == "ENABLED"
    assert changed["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert changed["ScheduleExpression"] == "rate(1 day)"


def test_schedules_in_the_group_have_new_logical_ids() -> None:
    """Updating only `GroupName` fails: CloudFormation looks for the schedule in the new group (aws-cdk #34216)."""
    schedules = Rendered().every("Scheduler::Schedule")
    assert {each["GroupName"] for each in schedules.values()} == {"${ScheduleGroup}"}
    assert not {"CheckSchedule", "PurgeRunSchedule"} & schedules.keys()


# ── Every function ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_function_has_the_designed_memory_and_timeout(stack: Rendered) -> None:
    functions = stack.every("Lambda::Function")
    assert {name: (each["Timeout"], each["MemorySize"]) for name, each in functions.items()} == SIZES
    assert {each["Handler"] for each in functions.values()} == {"app.lambda_handler"}
    assert functions["PurgerFunction"]["EphemeralStorage"] == {"Size": 2048}
    assert Rendered({"PurgerMemory": "2048"}).every("Lambda::Function")["PurgerFunction"]["MemorySize"] == "2048"


def test_a_function_can_be_invoked_only_for_a_named_source(stack: Rendered) -> None:
    for permission in stack.every("Lambda::Permission").values():
        assert permission["SourceArn"]
        assert permission["SourceAccount"]


def test_every_asynchronous_function_has_a_retry_limit_and_a_failure_destination(stack: Rendered) -> None:
    invoked = {
        schedule["Target"]["Arn"].strip("${}").removesuffix(".Arn")
        for schedule in stack.every("Scheduler::Schedule").values()
    }
    configured = {each["FunctionName"].strip("${}"): each for each in stack.every("Lambda::EventInvokeConfig").values()}
    assert invoked == configured.keys() >= WITHOUT_DEAD_LETTERS.keys()
    assert configured["PurgerFunction"]["MaximumRetryAttempts"] == 2
    for name, each in configured.items():
        assert "MaximumRetryAttempts" in each
        if name not in WITHOUT_DEAD_LETTERS:
            assert each["DestinationConfig"]["OnFailure"] == {"Destination": "${DeadLetterQueue.Arn}"}


def test_no_variable_or_parameter_contains_a_secret_and_no_event_is_logged(stack: Rendered) -> None:
    for each in stack.every("Lambda::Function").values():
        variables = each["Environment"]["Variables"]
        assert not [name for name in variables if LIKE_A_SECRET.search(name)]
        assert variables["POWERTOOLS_LOGGER_LOG_EVENT"] == "false"
    assert not [name for name, each in translated()["Parameters"].items() if each.get("NoEcho")]


def test_every_function_logs_to_a_group_of_the_stack_with_a_retention(stack: Rendered) -> None:
    for each in stack.every("Lambda::Function").values():
        logging = each["LoggingConfig"]
        group = stack.every("Logs::LogGroup")[logging["LogGroup"].strip("${}")]
        assert logging["LogFormat"] == "JSON"
        assert logging["ApplicationLogLevel"] == "INFO"
        assert group["RetentionInDays"] == 90


def test_layers_are_for_the_runtime_and_the_architecture_of_the_functions(stack: Rendered) -> None:
    for function in stack.every("Lambda::Function").values():
        assert function["Architectures"] == ["arm64"]
        assert function["Runtime"] == "python3.13"
        layers = [stack.every("Lambda::LayerVersion")[reference.strip("${}")] for reference in function["Layers"]]
        assert [layer["LayerName"] for layer in layers] == ["DependenciesLayer", "SharedLayer"]
        for layer in layers:
            assert layer["CompatibleRuntimes"] == [function["Runtime"]]
            assert layer["CompatibleArchitectures"] == function["Architectures"]


def test_the_version_of_the_template_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert Rendered().outputs["Version"]["Value"] == project["version"]


@pytest.mark.parametrize("makefile", ["Makefile", "layers/dependencies/Makefile"])
def test_builds_are_for_the_runtime_of_the_template(makefile: str) -> None:
    variables = dict(re.findall(r"^(?:export )?(\w+) [:?]= (\S+)$", (ROOT / makefile).read_text(), re.MULTILINE))
    function = deleter(Rendered())
    assert f"python{variables['RUNTIME']}" == function["Runtime"]
    assert variables["PLATFORM"] == PLATFORM_OF[function["Architectures"][0]]


# ── Events ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_requested_deletion_of_this_account_goes_to_the_queue(stack: Rendered) -> None:
    (rule,) = stack.every("Events::Rule").values()
    assert rule["EventPattern"]["detail-type"] == [REQUESTED]
    assert rule["EventPattern"]["account"][0] == "${AWS::AccountId}"
    assert rule["EventPattern"].keys() <= {"detail-type", "account", "source"}
    assert [target["Arn"] for target in rule["Targets"]] == ["${DeleteQueue.Arn}"]


def test_every_target_has_dead_letters_and_a_retry_policy(stack: Rendered) -> None:
    assert targets(stack)
    for target in targets(stack):
        assert target["DeadLetterConfig"] == {"Arn": "${DeadLetterQueue.Arn}"}
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}


def test_sources_of_requests_are_named_or_all_are_allowed() -> None:
    (rule,) = Rendered().every("Events::Rule").values()
    assert "source" not in rule["EventPattern"]
    (rule,) = Rendered(WITH_EVERYTHING).every("Events::Rule").values()
    assert rule["EventPattern"]["source"] == ["example.housekeeping", "example.archive"]


def test_a_bus_is_created_only_if_none_is_given() -> None:
    assert list(Rendered().every("Events::EventBus")) == ["EventBus"]
    assert not Rendered(WITH_EVERYTHING).every("Events::EventBus")


# ── Exceptions from the linters' rules ────────────────────────────────────────────────────────────────────────────────


def test_every_suppressed_check_has_a_reason() -> None:
    for logical_id, resource in translated()["Resources"].items():
        for skipped in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skipped["comment"].split()) > 3, (logical_id, skipped)
    unexplained = [line for line in _lines_that_ignore() if not re.search("# .{20,}", line)]
    assert not unexplained


def _lines_that_ignore() -> list[str]:
    lines = (ROOT / "template.yaml").read_text().splitlines()
    inside = [line for line in lines if re.match(r"\s+- [EW]S?\d{4}", line)]
    return inside + [line for line in lines if re.search(r"ignore_checks: \[", line)]
