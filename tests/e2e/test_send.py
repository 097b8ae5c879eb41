"""`send` and `check` on the deployed stack: all requests are sent or none, and every end is reported."""

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack
from tests.support.simulator.cloud import Cloud


@pytest.fixture
def cli(stack: LocalStack, tmp_path: Path) -> OperatorCli:
    return OperatorCli(stack, tmp_path)


def test_ids_and_complete_requests_are_sent_once_each_and_their_ends_reported(
    cli: OperatorCli, cloud: Cloud, target: str, tmp_path: Path
) -> None:
    first, second, third = cloud.add_backups(3)
    file = tmp_path / "old.txt"
    whole = json.dumps({"backup_id": third, "target": target, "requested_by": "ann", "reason": "moved"})
    file.write_text(f"# old ones\n{second}  # the second\n\n{first}\n{whole}\n", encoding="utf-8")
    code, stdout, stderr = cli.run("send", first, "--file", str(file), "--target", target)
    assert (code, stderr) == (0, "")
    assert f"{file}, line 4 repeats ID 1; it is sent once" in stdout
    assert "3 requests are in the queue" in stdout
    assert stdout.count("  deleted  proven gone: 404") == 3
    assert not cloud.remaining()
    assert [cloud.journal.accepted(one) for one in (first, second, third)] == [1, 1, 1]


def test_a_refused_request_appears_in_json_and_in_the_exit_code(cli: OperatorCli, cloud: Cloud, target: str) -> None:
    held, gone = cloud.add_backups(2)
    cloud.hold(held)
    code, stdout, _ = cli.run("send", held, gone, "--target", target, "--json")
    ends = {line["backup_id"]: line for line in map(json.loads, stdout.splitlines())}
    assert code == 2
    assert (ends[held]["outcome"], ends[held]["reason"]) == ("refused", "held")
    assert ends[gone]["outcome"] == "deleted"


def test_nothing_is_sent_if_one_line_is_malformed(
    cli: OperatorCli, cloud: Cloud, target: str, stack: LocalStack
) -> None:
    good = cloud.add_backup()
    code, stdout, stderr = cli.run(
        "send", "--file", "-", "--target", target, typed=f"{good}\n{good[:-1].upper()}\n{good}\n"
    )
    assert (code, stdout) == (1, "")
    assert 'standard input, line 2: "backup_id" is ' in stderr
    assert "give a lower-case UUID" in stderr
    assert "nothing was sent" in stderr
    assert stack.depth().total == 0
    assert cloud.status_of(good) == "available"


@pytest.mark.parametrize(("words", "name"), [(("--target", "nowhere"), "nowhere"), ((), "default")])
def test_an_unusable_target_is_reported_immediately(
    cli: OperatorCli, cloud: Cloud, stack: LocalStack, words: tuple[str, ...], name: str
) -> None:
    backup_id = cloud.add_backup()
    code, stdout, stderr = cli.run("send", backup_id, *words)
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert f'the target "{name}" does not work: ' in stderr
    assert "does not exist" in stderr
    assert "(secret_unusable); nothing was sent" in stderr
    assert stack.depth().total == 0
    assert cloud.status_of(backup_id) == "available"


def test_many_requests_are_sent_only_after_their_number_is_typed(
    cli: OperatorCli, cloud: Cloud, target: str, tmp_path: Path, stack: LocalStack
) -> None:
    backups = cloud.add_backups(23)
    file = tmp_path / "many.txt"
    file.write_text("\n".join(backups), encoding="utf-8")
    words = ("--file", str(file), "--target", target)
    code, _, stderr = cli.run("send", *words, typed="22\n")
    assert (code, "not their number" in stderr) == (1, True)
    assert (stack.depth().total, len(cloud.remaining())) == (0, 23)
    code, stdout, _ = cli.run("send", *words, typed="23\n")
    assert (code, "deleted: 23" in stdout) == (0, True)
    assert not cloud.remaining()


def test_ctrl_c_stops_following_but_no_deletion(cli: OperatorCli, cloud: Cloud, target: str) -> None:
    cloud.set_service(up=False)
    backup_id = cloud.add_backup()
    with cli.start("send", backup_id, "--target", target) as process:
        assert process.stdout is not None
        assert "1 request is in the queue" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert "Stopped following; 1 request is in the queue and will be processed" in stdout
    assert "vbs-reaper explain ID" in stdout
    assert "Traceback" not in stderr
    cloud.set_service(up=True)
    assert cli.run("send", backup_id, "--target", target, "--no-wait")[0] == 0


def test_invalid_input_is_refused_in_one_sentence(cli: OperatorCli, target: str, tmp_path: Path) -> None:
    backup_id = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    for words, sentence in (
        (("--file", str(empty)), "contains no backup ID"),
        ((), "no backup is named"),
        (("--file", str(tmp_path / "none.txt")), "No such file"),
        ((backup_id, "--target", "No"), '"target" is "No"; give up to 63'),
    ):
        code, stdout, stderr = cli.run("send", *words)
        assert (code, stdout) == (1, "")
        assert sentence in stderr
        assert len(stderr.splitlines()) == 1
    code, _, stderr = cli.run("send", backup_id, stack="nowhere")
    assert (code, 'stack "nowhere": cannot be read' in stderr) == (1, True)
    del cli.environment["AWS_ACCESS_KEY_ID"], cli.environment["AWS_SECRET_ACCESS_KEY"]
    cli.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "none")
    code, _, stderr = cli.run("send", backup_id)
    assert (code, "NoCredentialsError" in stderr) == (1, True)


def test_check_reports_healthy_targets_and_what_to_do_about_others(
    cli: OperatorCli, cloud: Cloud, target: str, stack: LocalStack
) -> None:
    cloud.add_backup()
    code, stdout, _ = cli.run("check", target)
    assert (code, f"{target}: healthy: 1 backup, the newest " in stdout) == (0, True)
    stack.store_secret("only-looks", cloud.target_secret("reader"))
    code, stdout, _ = cli.run("check", target, "only-looks")
    assert (code, f"{target}: healthy" in stdout, "only-looks: unhealthy" in stdout) == (2, True, True)
    assert "(forbidden). Give the user a role that may delete backups: " in stdout
    code, stdout, _ = cli.run("check", "only-looks", "--json")
    assert (code, json.loads(stdout)["targets"][0]["reason"]) == (2, "forbidden")
    code, _, stderr = cli.run("check", "No Target")
    assert (code, "is not a target name" in stderr) == (1, True)


def test_check_without_a_target_uses_those_of_the_schedule(
    cli: OperatorCli, cloud: Cloud, target: str, stack: LocalStack
) -> None:
    stack.store_secret("another", cloud.target_secret())
    template = {
        "Parameters": {"CheckTargets": {"Type": "String", "Default": ""}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"CheckerFunctionName": {"Value": stack.outputs["CheckerFunctionName"]}},
    }
    stack.aws.client("cloudformation").create_stack(
        StackName="with-targets",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "CheckTargets", "ParameterValue": f"{target}, another"}],
    )
    # The operator has no permission to describe this stack.
    cli.environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    code, stdout, stderr = cli.run("check", "--json", stack="with-targets")
    assert code == 0, stderr
    assert [report["target"] for report in json.loads(stdout)["targets"]] == [target, "another"]
