"""The operator's commands on a deployed stack, each as a process."""

import os
import subprocess
import sys
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.operator import operator_keys
from tests.local.deployment import STACK_NAME
from tests.local.embedded_aws import REGION
from tests.local.fixtures import WITHIN_S
from tests.local.stack import LocalStack
from tests.simulator.cloud import Cloud

pytestmark = pytest.mark.xdist_group("local stack")


class Desk:
    """A terminal of somebody who may do what the operator's policy says."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = own | {
            "AWS_ENDPOINT_URL": stack.aws.url,
            "AWS_CA_BUNDLE": str(stack.aws.certificate),
            "AWS_DEFAULT_REGION": REGION,
            **operator_keys(stack),
            "AWS_CONFIG_FILE": os.devnull,
            "BROWSER": "true",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "TMPDIR": str(folder),
        }

    def run(self, command: str, *words: str, typed: str = "", stack: str = STACK_NAME) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "vbs_reaper.console", command, "--stack", stack, *words],
            env=self.environment,
            input=typed,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=WITHIN_S,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def desk(stack: LocalStack, tmp_path: Path) -> Desk:
    return Desk(stack, tmp_path)


@pytest.fixture
def nights(cloud: Cloud) -> list[str]:
    """Ten nightly backups, newest first."""
    now, volume_id = datetime.now(UTC), cloud.new_id()
    return [
        cloud.add_backup(volume_id=volume_id, name=f"daily-{age}", created_at=now - timedelta(days=age, hours=1))
        for age in range(10)
    ]


@pytest.fixture
def plan(stack: LocalStack, target: str, nights: list[str]) -> dict[str, Any]:
    """A previewed plan that calls seven due; policy and target have the test's name."""
    policy = {"policy": target, "target": target, "match": {"name": "daily-*"}, "keep": {"last": 3}}
    return stack.invoke({"run": policy}, function="Purger")


def test_plans_are_listed_by_their_hash_and_a_picture_is_opened(desk: Desk, plan: dict[str, Any]) -> None:
    code, said = desk.run("plans", "--policy", plan["policy"])
    assert code == 0
    assert plan["plan"] in said
    assert plan["run"] in said
    code, said = desk.run("plans", "--policy", plan["policy"], "--open", plan["run"])
    assert code == 0
    assert plan["plan"] in Path(said.splitlines()[0]).read_text(encoding="utf-8")


def test_an_approval_is_followed_until_the_last_deletion_has_ended(
    desk: Desk, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    words = ("--policy", plan["policy"], "--plan", plan["plan"])
    code, said = desk.run("approve", *words, typed=f"{plan['target']}\n")
    assert code == 0, said
    assert "7 go now" in said
    assert "deleted: 7" in said
    assert set(cloud.remaining()) == set(nights[:3])
    code, said = desk.run("approve", *words, "--yes")
    assert code == 0
    assert "nothing was sent again" in said


def test_a_deletion_that_is_refused_shows_in_the_exit_code(
    desk: Desk, plan: dict[str, Any], nights: list[str], cloud: Cloud
) -> None:
    cloud.hold(nights[4])
    code, said = desk.run("approve", "--policy", plan["policy"], "--plan", plan["plan"], "--yes")
    assert code == 2, said
    assert "refused: 1" in said
    assert cloud.status_of(nights[4]) == "available"


@pytest.mark.parametrize("typed", ["", "yes\n", "otc\n"])
def test_whoever_does_not_type_the_targets_name_sends_nothing(
    desk: Desk, plan: dict[str, Any], stack: LocalStack, typed: str
) -> None:
    code, said = desk.run("approve", "--policy", plan["policy"], "--plan", plan["plan"], typed=typed)
    assert code == 1
    assert "nothing was sent" in said
    assert stack.depth().total == 0


def test_what_is_not_there_is_refused_in_a_sentence(desk: Desk, plan: dict[str, Any]) -> None:
    assert desk.run("plans", stack="nowhere")[0] == 1
    code, said = desk.run("approve", "--policy", plan["policy"], "--plan", "a" * 64)
    assert (code, "has no stored plan" in said) == (1, True)
    code, said = desk.run("plans", "--open", plan["run"])
    assert (code, "--open needs --policy" in said) == (1, True)
