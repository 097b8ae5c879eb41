"""`send` and `check` on the deployed stack: all requests are sent or none, and every end is reported."""

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.desk import Desk
from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack
from tests.support.simulator.cloud import Cloud


@pytest.fixture
def desk(stack: LocalStack, tmp_path: Path) -> Desk:
    return Desk(stack, tmp_path)


def test_ids_words_and_whole_requests_are_sent_once_each_and_their_ends_told(
    desk: Desk, cloud: Cloud, target: str, tmp_path: Path
) -> None:
    first, second, third = cloud.add_backups(3)
    file = tmp_path / "old.txt"
    whole = json.dumps({"backup_id": third, "target": target, "requested_by": "ann", "reason": "moved"})
    file.write_text(f"# old ones\n{second}  # the second\n\n{first}\n{whole}\n", encoding="utf-8")
    code, said, complained = desk.run("send", first, "--file", str(file), "--target", target)
    assert (code, complained) == (0, "")
    assert f"{file}, line 4 repeats ID 1; it is sent once" in said
    assert "3 requests are in the queue" in said
    assert said.count("  deleted  proven gone: 404") == 3
    assert not cloud.remaining()
    assert [cloud.journal.accepted(one) for one in (first, second, third)] == [1, 1, 1]


def test_a_refused_one_shows_in_json_and_in_the_exit_code(desk: Desk, cloud: Cloud, target: str) -> None:
    held, gone = cloud.add_backups(2)
    cloud.hold(held)
    code, said, _ = desk.run("send", held, gone, "--target", target, "--json")
    ends = {line["backup_id"]: line for line in map(json.loads, said.splitlines())}
    assert code == 2
    assert (ends[held]["outcome"], ends[held]["reason"]) == ("refused", "held")
    assert ends[gone]["outcome"] == "deleted"


def test_one_bad_line_sends_nothing_and_is_named(desk: Desk, cloud: Cloud, target: str, stack: LocalStack) -> None:
    good = cloud.add_backup()
    code, said, complained = desk.run(
        "send", "--file", "-", "--target", target, typed=f"{good}\n{good[:-1].upper()}\n{good}\n"
    )
    assert (code, said) == (1, "")
    assert 'standard input, line 2: "backup_id" is ' in complained
    assert "give a lower-case UUID" in complained
    assert "nothing was sent" in complained
    assert stack.depth().total == 0
    assert cloud.status_of(good) == "available"


@pytest.mark.parametrize(("words", "name"), [(("--target", "nowhere"), "nowhere"), ((), "default")])
def test_a_target_that_cannot_work_is_named_at_once(
    desk: Desk, cloud: Cloud, stack: LocalStack, words: tuple[str, ...], name: str
) -> None:
    backup_id = cloud.add_backup()
    code, said, complained = desk.run("send", backup_id, *words)
    assert (code, said, complained.count("\n")) == (1, "", 1)
    assert f'the target "{name}" does not work: ' in complained
    assert "does not exist" in complained
    assert "(secret_unusable); nothing was sent" in complained
    assert stack.depth().total == 0
    assert cloud.status_of(backup_id) == "available"


def test_many_are_sent_only_after_their_number_is_typed(
    desk: Desk, cloud: Cloud, target: str, tmp_path: Path, stack: LocalStack
) -> None:
    backups = cloud.add_backups(23)
    file = tmp_path / "many.txt"
    file.write_text("\n".join(backups), encoding="utf-8")
    words = ("--file", str(file), "--target", target)
    code, _, complained = desk.run("send", *words, typed="22\n")
    assert (code, "not their number" in complained) == (1, True)
    assert (stack.depth().total, len(cloud.remaining())) == (0, 23)
    code, said, _ = desk.run("send", *words, typed="23\n")
    assert (code, "deleted: 23" in said) == (0, True)
    assert not cloud.remaining()


def test_ctrl_c_stops_looking_and_no_deletion(desk: Desk, cloud: Cloud, target: str) -> None:
    cloud.set_service(up=False)
    backup_id = cloud.add_backup()
    with desk.start("send", backup_id, "--target", target) as process:
        assert process.stdout is not None
        assert "1 request is in the queue" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert "Stopped following; 1 request is in the queue and will be processed" in said
    assert "vbs-reaper explain ID" in said
    assert "Traceback" not in complained
    cloud.set_service(up=True)
    assert desk.run("send", backup_id, "--target", target, "--no-wait")[0] == 0


def test_what_cannot_be_sent_is_refused_in_a_sentence(desk: Desk, target: str, tmp_path: Path) -> None:
    backup_id = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    for words, sentence in (
        (("--file", str(empty)), "contains no backup ID"),
        ((), "no backup is named"),
        (("--file", str(tmp_path / "none.txt")), "No such file"),
        ((backup_id, "--target", "No"), '"target" is "No"; give up to 63'),
    ):
        code, said, complained = desk.run("send", *words)
        assert (code, said) == (1, "")
        assert sentence in complained
        assert len(complained.splitlines()) == 1
    code, _, complained = desk.run("send", backup_id, stack="nowhere")
    assert (code, 'stack "nowhere": cannot be read' in complained) == (1, True)
    del desk.environment["AWS_ACCESS_KEY_ID"], desk.environment["AWS_SECRET_ACCESS_KEY"]
    desk.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "none")
    code, _, complained = desk.run("send", backup_id)
    assert (code, "NoCredentialsError" in complained) == (1, True)


def test_check_says_what_is_healthy_and_what_to_do_of_the_rest(
    desk: Desk, cloud: Cloud, target: str, stack: LocalStack
) -> None:
    cloud.add_backup()
    code, said, _ = desk.run("check", target)
    assert (code, f"{target}: healthy: 1 backup, the newest " in said) == (0, True)
    stack.store_secret("only-looks", cloud.target_secret("reader"))
    code, said, _ = desk.run("check", target, "only-looks")
    assert (code, f"{target}: healthy" in said, "only-looks: unhealthy" in said) == (2, True, True)
    assert "(forbidden). Give the user a role that may delete backups: " in said
    code, said, _ = desk.run("check", "only-looks", "--json")
    assert (code, json.loads(said)["targets"][0]["reason"]) == (2, "forbidden")
    code, _, complained = desk.run("check", "No Target")
    assert (code, "is not a target name" in complained) == (1, True)


def test_check_without_a_target_is_about_those_of_the_schedule(
    desk: Desk, cloud: Cloud, target: str, stack: LocalStack
) -> None:
    stack.store_secret("another", cloud.target_secret())
    template = {
        "Parameters": {"CheckTargets": {"Type": "CommaDelimitedList", "Default": ""}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"CheckerFunctionName": {"Value": stack.outputs["CheckerFunctionName"]}},
    }
    stack.aws.client("cloudformation").create_stack(
        StackName="with-targets",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "CheckTargets", "ParameterValue": f"{target},another"}],
    )
    # The operator has no permission to describe this stack.
    desk.environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    code, said, complained = desk.run("check", "--json", stack="with-targets")
    assert code == 0, complained
    assert [report["target"] for report in json.loads(said)["targets"]] == [target, "another"]
