"""`plans`, `preview`, `approve`, `run` and `stop` on a deployed stack."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud


@pytest.fixture
def cli(stack: LocalStack, tmp_path: Path) -> OperatorCli:
    return OperatorCli(stack, tmp_path)


def test_plans_are_listed_with_their_hash_and_a_picture_is_opened(cli: OperatorCli, plan: dict[str, Any]) -> None:
    code, stdout, stderr = cli.run("plans", "--policy", plan["policy"])
    assert code == 0, stderr
    assert plan["plan"] in stdout
    assert plan["run"] in stdout
    (listed,) = json.loads(cli.run("plans", "--policy", plan["policy"], "--json")[1])
    assert (listed["run"], listed["sha256"], listed["sent"]) == (plan["run"], plan["plan"], False)
    assert listed["result"] == "exceeds max_fraction"
    code, stdout, _ = cli.run("plans", "--policy", plan["policy"], "--open", plan["run"])
    assert code == 0
    assert plan["plan"] in Path(stdout.splitlines()[0]).read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", ["40", "80", "120", None])
def test_the_list_is_not_truncated_at_any_width(cli: OperatorCli, plan: dict[str, Any], columns: str | None) -> None:
    del cli.environment["COLUMNS"]
    if columns:
        cli.environment["COLUMNS"] = columns
    code, stdout, stderr = cli.run("plans", "--policy", plan["policy"])
    assert code == 0, stderr
    assert plan["plan"] in stdout
    assert plan["run"] in stdout
    assert "…" not in stdout
    if columns is None:
        assert len(stdout.splitlines()) == 2, "in a pipe a line for each plan, below the names of the columns"


def test_an_empty_list_of_plans_is_reported(cli: OperatorCli) -> None:
    assert cli.run("plans", "--policy", "none") == (0, 'policy "none" has no stored plan\n', "")
    assert cli.run("plans", "--policy", "none", "--json") == (0, "[]\n", "")


def test_a_prefix_of_a_hash_or_a_run_is_enough(
    cli: OperatorCli, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    code, stdout, stderr = cli.run("plans", "--policy", plan["policy"], "--open", plan["run"][:8])
    assert code == 0, stderr
    assert plan["plan"] in Path(stdout.splitlines()[0]).read_text(encoding="utf-8")
    for given in (plan["plan"][:11], "x" * 12, "", plan["plan"] + "0", plan["plan"].upper()):
        code, _, stderr = cli.run("approve", "--policy", plan["policy"], "--plan", given, "--yes")
        assert (code, "is not the sha256 of a plan" in stderr) == (1, True), given
    code, stdout, stderr = cli.run("approve", "--policy", plan["policy"], "--plan", plan["plan"][:12], "--yes")
    assert code == 0, stderr
    assert plan["plan"] in stdout
    assert set(cloud.remaining()) == set(nights[:3])


def test_an_ambiguous_prefix_is_refused_with_the_names(
    cli: OperatorCli, plan: dict[str, Any], stack: LocalStack, cloud: Cloud, nights: list[str]
) -> None:
    other = plan["plan"][:20] + "0" * 44
    stack.aws.client("s3").put_object(
        Bucket=stack.outputs["PlansBucketName"],
        Key=f"plans/{plan['policy']}/{plan['run'][:8]}-other.json",
        Body=b"{}",
        Metadata={"sha256": other},
    )
    code, _, stderr = cli.run("approve", "--policy", plan["policy"], "--plan", plan["plan"][:20], "--yes")
    assert code == 1
    assert all(each in stderr for each in (plan["plan"], other, "give more characters"))
    assert set(cloud.remaining()) == set(nights)
    code, _, stderr = cli.run("plans", "--policy", plan["policy"], "--open", plan["run"][:8])
    assert code == 1
    assert all(each in stderr for each in (plan["run"], f"{plan['run'][:8]}-other", "give more characters"))
    assert cli.run("plans", "--policy", plan["policy"], "--open", plan["run"])[0] == 0


def test_other_objects_beside_the_plans_are_not_listed(
    cli: OperatorCli, plan: dict[str, Any], stack: LocalStack
) -> None:
    for key in (f"plans/{plan['policy']}/deeper/x.json", f"plans/{plan['policy']}/\x1b[31m.json", "plans/x.json"):
        stack.aws.client("s3").put_object(Bucket=stack.outputs["PlansBucketName"], Key=key, Body=b"{}")
    code, stdout, stderr = cli.run("plans", "--json")
    assert code == 0, stderr
    assert [each["run"] for each in json.loads(stdout) if each["policy"] == plan["policy"]] == [plan["run"]]


@pytest.fixture
def policy_file(tmp_path: Path, target: str) -> str:
    """The file of a policy with a purge, as in the event of a schedule."""
    path = tmp_path / "policy.json"
    run = {"policy": target, "target": target, "mode": "purge", "match": {"name": "daily-*"}, "keep": {"last": 3}}
    path.write_text(json.dumps({"run": run}), encoding="utf-8")
    return str(path)


def test_a_preview_by_the_stack_sends_nothing_and_prints_a_valid_approval(
    cli: OperatorCli, policy_file: str, nights: list[str], cloud: Cloud, stack: LocalStack
) -> None:
    code, stdout, stderr = cli.run("preview", "--policy", policy_file)
    assert code == 3, stderr  # 7 of 10 exceed the guard of a quarter
    assert "7 to be deleted now" in stdout
    assert stack.depth().total == 0
    opened, approval = (shlex.split(line) for line in stdout.splitlines() if line.startswith("vbs-reaper "))
    _, command, _, _, *words = opened
    assert cli.run(command, *words)[0] == 0
    _, command, _, _, *words = approval
    assert cli.run(command, *words, "--yes")[0] == 0
    assert set(cloud.remaining()) == set(nights[:3])


def test_a_preview_by_the_stack_prints_the_stored_plan(cli: OperatorCli, policy_file: str, nights: list[str]) -> None:
    code, stdout, stderr = cli.run("preview", "--policy", policy_file, "--json")
    assert code == 3, stderr
    made = json.loads(stdout)
    (listed,) = json.loads(cli.run("plans", "--policy", made["policy"]["policy"], "--json")[1])
    assert (listed["run"], listed["sha256"]) == (made["run"], made["sha256"])
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z", listed["run"])
    assert not listed["run"].endswith("-00Z"), "that could be the name of a scheduled run"


def test_an_approval_is_followed_until_the_last_deletion_has_ended(
    cli: OperatorCli, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    words = ("--policy", plan["policy"], "--plan", plan["plan"])
    code, stdout, stderr = cli.run("approve", *words, typed=f"{plan['target']}\n")
    assert code == 0, stderr
    assert "7 to be deleted now" in stdout
    assert "A guard refuses this plan. Your approval overrides it" in stdout
    assert "deleted: 7" in stdout
    assert set(cloud.remaining()) == set(nights[:3])
    code, stdout, stderr = cli.run("approve", *words, "--yes", "--json")
    assert code == 0, stderr
    assert "nothing was sent again" in json.loads(stdout)["message"]


def test_a_run_deletes_what_is_due_and_is_followed(
    cli: OperatorCli, policy_file: str, nights: list[str], cloud: Cloud
) -> None:
    document = json.loads(Path(policy_file).read_text(encoding="utf-8"))
    document["run"]["guards"] = {"max_fraction": 1}
    Path(policy_file).write_text(json.dumps(document), encoding="utf-8")
    code, stdout, stderr = cli.run("run", "--policy", policy_file, typed=f"{document['run']['policy']}\n")
    assert code == 0, stderr
    assert "7 deletions were requested" in stdout
    assert "deleted: 7" in stdout
    assert set(cloud.remaining()) == set(nights[:3])
    code, stdout, stderr = cli.run("run", "--policy", policy_file, "--yes", "--json")
    assert code == 0, stderr
    assert (json.loads(stdout)["requested"], json.loads(stdout)["ends"]) == (0, {})


def test_a_run_that_a_guard_refuses_deletes_nothing(
    cli: OperatorCli, policy_file: str, nights: list[str], cloud: Cloud, stack: LocalStack
) -> None:
    code, _, stderr = cli.run("run", "--policy", policy_file, "--yes")
    assert (code, "guard_exceeded" in stderr) == (1, True), stderr
    assert stack.depth().total == 0
    assert set(cloud.remaining()) == set(nights)


def test_a_run_requires_the_mode_purge_and_the_name_of_the_policy(
    cli: OperatorCli, policy_file: str, stack: LocalStack, nights: list[str]
) -> None:
    code, _, stderr = cli.run("run", "--policy", policy_file, typed="yes\n")
    assert (code, "nothing was sent" in stderr) == (1, True), stderr
    document = json.loads(Path(policy_file).read_text(encoding="utf-8"))
    del document["run"]["mode"]
    Path(policy_file).write_text(json.dumps(document), encoding="utf-8")
    code, _, stderr = cli.run("run", "--policy", policy_file, "--yes")
    assert (code, "show its plan with `preview`" in stderr) == (1, True), stderr
    assert stack.depth().total == 0


def test_backups_that_are_kept_by_now_are_left_out_and_reported(
    cli: OperatorCli, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    cloud.hold(nights[4])
    cloud.remove_backup(nights[1])
    words = ("approve", "--policy", plan["policy"], "--plan", plan["plan"], "--yes", "--json")
    code, stdout, stderr = cli.run(*words)
    assert code == 0, stderr
    answer = json.loads(stdout)
    assert (answer["requested"], answer["ends"]) == (5, {"deleted": 5})
    assert answer["left_out"]["reasons"] == {"held": 1, "keep_last": 1}
    assert f"left out: {nights[3]} (keep_last)" in stderr
    assert f"left out: {nights[4]} (held)" in stderr
    assert set(cloud.remaining()) == {nights[0], *nights[2:5]}


def test_a_superseded_deletion_changes_the_exit_code(
    cli: OperatorCli, plan: dict[str, Any], nights: list[str], cloud: Cloud, stack: LocalStack
) -> None:
    assert cli.run("pause")[0] == 0
    try:
        with cli.start("approve", "--policy", plan["policy"], "--plan", plan["plan"], "--yes") as process:
            wait_until("all are requested", lambda: stack.depth().total == 7, within_s=WITHIN_S)
            cloud.hold(nights[4])
            assert cli.run("resume")[0] == 0
            stdout, stderr = process.communicate(timeout=WITHIN_S)
    finally:
        cli.run("resume")
    assert process.returncode == 2, stderr
    assert "superseded: 1" in stdout
    assert cloud.status_of(nights[4]) == "available"


@pytest.mark.parametrize("typed", ["", "yes\n", "otc\n"])
def test_nothing_is_sent_unless_the_name_of_the_target_is_typed(
    cli: OperatorCli, plan: dict[str, Any], stack: LocalStack, typed: str
) -> None:
    code, _, stderr = cli.run("approve", "--policy", plan["policy"], "--plan", plan["plan"], typed=typed)
    assert code == 1
    assert ("nothing was sent" if typed else "add --yes; nothing was done") in stderr
    assert stack.depth().total == 0


def test_a_superseded_plan_is_refused_before_anyone_is_asked_to_confirm(
    cli: OperatorCli, plan: dict[str, Any], stack: LocalStack
) -> None:
    keeps_more = {
        "policy": plan["policy"],
        "target": plan["target"],
        "match": {"name": "daily-*"},
        "keep": {"last": 9},
    }
    stack.invoke({"run": keeps_more}, function="Purger")
    code, stdout, stderr = cli.run("approve", "--policy", plan["policy"], "--plan", plan["plan"], typed="\n")
    assert (code, "(plan_superseded)" in stderr) == (1, True), stderr
    assert "overrides" not in stdout
    assert "type the name" not in stdout + stderr


def test_a_missing_plan_or_run_is_refused_in_one_sentence(cli: OperatorCli, plan: dict[str, Any]) -> None:
    assert cli.run("plans", stack="nowhere")[0] == 1
    code, _, stderr = cli.run("approve", "--policy", plan["policy"], "--plan", "a" * 64)
    assert (code, "has no stored plan" in stderr) == (1, True)
    code, _, stderr = cli.run("plans", "--open", plan["run"])
    assert (code, "--open needs --policy" in stderr) == (1, True)
    code, _, stderr = cli.run("plans", "--policy", plan["policy"], "--open", "nowhere")
    assert (code, f'policy "{plan["policy"]}" has no run nowhere' in stderr) == (1, True)
    code, _, stderr = cli.run("approve", "--policy", plan["policy"], "--plan", "a" * 12)
    assert (code, "has no stored plan" in stderr) == (1, True)
