"""The operator's commands on a deployed stack, each as a process."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.desk import Desk
from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud


@pytest.fixture
def desk(stack: LocalStack, tmp_path: Path) -> Desk:
    return Desk(stack, tmp_path)


def test_plans_are_listed_by_their_hash_and_a_picture_is_opened(desk: Desk, plan: dict[str, Any]) -> None:
    code, said, complained = desk.run("plans", "--policy", plan["policy"])
    assert code == 0, complained
    assert plan["plan"] in said
    assert plan["run"] in said
    (listed,) = json.loads(desk.run("plans", "--policy", plan["policy"], "--json")[1])
    assert (listed["run"], listed["sha256"], listed["sent"]) == (plan["run"], plan["plan"], False)
    code, said, _ = desk.run("plans", "--policy", plan["policy"], "--open", plan["run"])
    assert code == 0
    assert plan["plan"] in Path(said.splitlines()[0]).read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", ["40", "80", "120", None])
def test_no_width_cuts_what_an_approval_needs(desk: Desk, plan: dict[str, Any], columns: str | None) -> None:
    del desk.environment["COLUMNS"]
    if columns:
        desk.environment["COLUMNS"] = columns
    code, said, complained = desk.run("plans", "--policy", plan["policy"])
    assert code == 0, complained
    assert plan["plan"] in said
    assert plan["run"] in said
    assert "…" not in said
    if columns is None:
        assert len(said.splitlines()) == 2, "in a pipe a line for each plan, below the names of the columns"


def test_a_list_without_plans_says_so(desk: Desk) -> None:
    assert desk.run("plans", "--policy", "none") == (0, 'policy "none" has no stored plan\n', "")
    assert desk.run("plans", "--policy", "none", "--json") == (0, "[]\n", "")


def test_the_beginning_of_a_hash_or_a_run_is_enough(
    desk: Desk, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    code, said, complained = desk.run("plans", "--policy", plan["policy"], "--open", plan["run"][:8])
    assert code == 0, complained
    assert plan["plan"] in Path(said.splitlines()[0]).read_text(encoding="utf-8")
    for given in (plan["plan"][:11], "x" * 12, "", plan["plan"] + "0", plan["plan"].upper()):
        code, _, complained = desk.run("approve", "--policy", plan["policy"], "--plan", given, "--yes")
        assert (code, "is not the sha256 of a plan" in complained) == (1, True), given
    code, said, complained = desk.run("approve", "--policy", plan["policy"], "--plan", plan["plan"][:12], "--yes")
    assert code == 0, complained
    assert plan["plan"] in said
    assert set(cloud.remaining()) == set(nights[:3])


def test_a_beginning_that_several_have_is_refused_with_their_names(
    desk: Desk, plan: dict[str, Any], stack: LocalStack, cloud: Cloud, nights: list[str]
) -> None:
    other = plan["plan"][:20] + "0" * 44
    stack.aws.client("s3").put_object(
        Bucket=stack.outputs["PlansBucketName"],
        Key=f"plans/{plan['policy']}/{plan['run'][:8]}-other.json",
        Body=b"{}",
        Metadata={"sha256": other},
    )
    code, _, complained = desk.run("approve", "--policy", plan["policy"], "--plan", plan["plan"][:20], "--yes")
    assert code == 1
    assert all(each in complained for each in (plan["plan"], other, "give more characters"))
    assert set(cloud.remaining()) == set(nights)
    code, _, complained = desk.run("plans", "--policy", plan["policy"], "--open", plan["run"][:8])
    assert code == 1
    assert all(each in complained for each in (plan["run"], f"{plan['run'][:8]}-other", "give more characters"))
    assert desk.run("plans", "--policy", plan["policy"], "--open", plan["run"])[0] == 0


def test_what_is_stored_beside_the_plans_is_no_plan(desk: Desk, plan: dict[str, Any], stack: LocalStack) -> None:
    for key in (f"plans/{plan['policy']}/deeper/x.json", f"plans/{plan['policy']}/\x1b[31m.json", "plans/x.json"):
        stack.aws.client("s3").put_object(Bucket=stack.outputs["PlansBucketName"], Key=key, Body=b"{}")
    code, said, complained = desk.run("plans", "--json")
    assert code == 0, complained
    assert [each["run"] for each in json.loads(said) if each["policy"] == plan["policy"]] == [plan["run"]]


@pytest.fixture
def policy_file(tmp_path: Path, target: str) -> str:
    """A policy that purges, as a schedule's event holds it."""
    path = tmp_path / "policy.json"
    run = {"policy": target, "target": target, "mode": "purge", "match": {"name": "daily-*"}, "keep": {"last": 3}}
    path.write_text(json.dumps({"run": run}), encoding="utf-8")
    return str(path)


def test_a_preview_by_the_stack_sends_nothing_and_is_approved_as_it_says(
    desk: Desk, policy_file: str, nights: list[str], cloud: Cloud, stack: LocalStack
) -> None:
    code, said, complained = desk.run("preview", "--policy", policy_file)
    assert code == 3, complained  # 7 of 10 are more than a quarter
    assert "7 to be deleted now" in said
    assert stack.depth().total == 0
    opened, approval = (shlex.split(line) for line in said.splitlines() if line.startswith("vbs-reaper "))
    _, command, _, _, *words = opened
    assert desk.run(command, *words)[0] == 0
    _, command, _, _, *words = approval
    assert desk.run(command, *words, "--yes")[0] == 0
    assert set(cloud.remaining()) == set(nights[:3])


def test_a_preview_by_the_stack_prints_the_stored_plan(desk: Desk, policy_file: str, nights: list[str]) -> None:
    code, said, complained = desk.run("preview", "--policy", policy_file, "--json")
    assert code == 3, complained
    made = json.loads(said)
    (listed,) = json.loads(desk.run("plans", "--policy", made["policy"]["policy"], "--json")[1])
    assert (listed["run"], listed["sha256"]) == (made["run"], made["sha256"])
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z", listed["run"])
    assert not listed["run"].endswith("-00Z"), "that could be the name of a scheduled run"


def test_an_approval_is_followed_until_the_last_deletion_has_ended(
    desk: Desk, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    words = ("--policy", plan["policy"], "--plan", plan["plan"])
    code, said, complained = desk.run("approve", *words, typed=f"{plan['target']}\n")
    assert code == 0, complained
    assert "7 to be deleted now" in said
    assert "A guard refuses this plan. Your approval overrides it" in said
    assert "deleted: 7" in said
    assert set(cloud.remaining()) == set(nights[:3])
    code, said, complained = desk.run("approve", *words, "--yes", "--json")
    assert code == 0, complained
    assert "nothing was sent again" in json.loads(said)["message"]


def test_a_run_deletes_what_is_due_and_is_followed(
    desk: Desk, policy_file: str, nights: list[str], cloud: Cloud
) -> None:
    document = json.loads(Path(policy_file).read_text(encoding="utf-8"))
    document["run"]["guards"] = {"max_fraction": 1}
    Path(policy_file).write_text(json.dumps(document), encoding="utf-8")
    code, said, complained = desk.run("run", "--policy", policy_file, typed=f"{document['run']['policy']}\n")
    assert code == 0, complained
    assert "7 deletions were requested" in said
    assert "deleted: 7" in said
    assert set(cloud.remaining()) == set(nights[:3])
    code, said, complained = desk.run("run", "--policy", policy_file, "--yes", "--json")
    assert code == 0, complained
    assert (json.loads(said)["requested"], json.loads(said)["ends"]) == (0, {})


def test_a_run_that_a_guard_refuses_deletes_nothing(
    desk: Desk, policy_file: str, nights: list[str], cloud: Cloud, stack: LocalStack
) -> None:
    code, _, complained = desk.run("run", "--policy", policy_file, "--yes")
    assert (code, "guard_exceeded" in complained) == (1, True), complained
    assert stack.depth().total == 0
    assert set(cloud.remaining()) == set(nights)


def test_a_run_needs_the_mode_purge_and_the_name_of_the_policy(
    desk: Desk, policy_file: str, stack: LocalStack, nights: list[str]
) -> None:
    code, _, complained = desk.run("run", "--policy", policy_file, typed="yes\n")
    assert (code, "nothing was sent" in complained) == (1, True), complained
    document = json.loads(Path(policy_file).read_text(encoding="utf-8"))
    del document["run"]["mode"]
    Path(policy_file).write_text(json.dumps(document), encoding="utf-8")
    code, _, complained = desk.run("run", "--policy", policy_file, "--yes")
    assert (code, "show its plan with `preview`" in complained) == (1, True), complained
    assert stack.depth().total == 0


def test_what_is_kept_by_now_is_left_out_and_told(
    desk: Desk, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    cloud.hold(nights[4])
    cloud.remove_backup(nights[1])
    words = ("approve", "--policy", plan["policy"], "--plan", plan["plan"], "--yes", "--json")
    code, said, complained = desk.run(*words)
    assert code == 0, complained
    answer = json.loads(said)
    assert (answer["requested"], answer["ends"]) == (5, {"deleted": 5})
    assert answer["left_out"]["reasons"] == {"held": 1, "keep_last": 1}
    assert f"left out: {nights[3]} (keep_last)" in complained
    assert f"left out: {nights[4]} (held)" in complained
    assert set(cloud.remaining()) == {nights[0], *nights[2:5]}


def test_a_deletion_that_is_superseded_shows_in_the_exit_code(
    desk: Desk, plan: dict[str, Any], nights: list[str], cloud: Cloud, stack: LocalStack
) -> None:
    assert desk.run("pause")[0] == 0
    try:
        with desk.start("approve", "--policy", plan["policy"], "--plan", plan["plan"], "--yes") as process:
            wait_until("all are requested", lambda: stack.depth().total == 7, within_s=WITHIN_S)
            cloud.hold(nights[4])
            assert desk.run("resume")[0] == 0
            said, complained = process.communicate(timeout=WITHIN_S)
    finally:
        desk.run("resume")
    assert process.returncode == 2, complained
    assert "superseded: 1" in said
    assert cloud.status_of(nights[4]) == "available"


@pytest.mark.parametrize("typed", ["", "yes\n", "otc\n"])
def test_whoever_does_not_type_the_targets_name_sends_nothing(
    desk: Desk, plan: dict[str, Any], stack: LocalStack, typed: str
) -> None:
    code, _, complained = desk.run("approve", "--policy", plan["policy"], "--plan", plan["plan"], typed=typed)
    assert code == 1
    assert ("nothing was sent" if typed else "add --yes; nothing was done") in complained
    assert stack.depth().total == 0


def test_what_is_not_there_is_refused_in_a_sentence(desk: Desk, plan: dict[str, Any]) -> None:
    assert desk.run("plans", stack="nowhere")[0] == 1
    code, _, complained = desk.run("approve", "--policy", plan["policy"], "--plan", "a" * 64)
    assert (code, "has no stored plan" in complained) == (1, True)
    code, _, complained = desk.run("plans", "--open", plan["run"])
    assert (code, "--open needs --policy" in complained) == (1, True)
    code, _, complained = desk.run("plans", "--policy", plan["policy"], "--open", "nowhere")
    assert (code, f'policy "{plan["policy"]}" has no run nowhere' in complained) == (1, True)
    code, _, complained = desk.run("approve", "--policy", plan["policy"], "--plan", "a" * 12)
    assert (code, "has no stored plan" in complained) == (1, True)
