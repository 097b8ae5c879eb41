"""The README as a new user tries it: its commands are pasted as they stand, in its order, on the local stack."""

import json
import re
import shlex
from collections.abc import Callable
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.conftest import WITHIN_S
from tests.e2e.examples import SAMPLE_ID
from tests.e2e.reader import Reader
from tests.e2e.reader import Said
from tests.local.artefacts import ROOT
from tests.local.stack import LocalStack
from tests.local.waiting import wait_until
from tests.simulator.cloud import Cloud
from tests.template.markdown import Markdown
from tests.template.rendered import translated

pytestmark = pytest.mark.xdist_group("local stack")

COMMANDS = tuple(dict.fromkeys(Markdown(ROOT / "README.md").commands()))
BY_MAKE = tuple(command for command in COMMANDS if command.startswith("make "))
PASTED = tuple(command for command in COMMANDS if command not in BY_MAKE)
DIRECT_ID = json.loads((ROOT / "events/deleter/direct.json").read_text())["backup_id"]
A_PARAMETER = re.compile(r"(?:ParameterKey=)?(\w+)(?:=|,ParameterValue=)")


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """As new as the reader's."""
    with LocalStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def reader(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(stack, tmp_path_factory.mktemp("reader"))


@pytest.fixture
def a_project(stack: LocalStack, cloud: Cloud) -> None:
    """What the samples speak of: two targets, two backups, and a month of nights."""
    stack.store_secret("otc-prod", cloud.target_secret())
    now, volume_id = datetime.now(UTC), cloud.new_id()
    for backup_id in (SAMPLE_ID, DIRECT_ID):
        cloud.add_backup(id=backup_id)
    for age in range(30):
        cloud.add_backup(volume_id=volume_id, name=f"daily-{age}", created_at=now - timedelta(days=age, hours=1))


def test_every_command_does_what_the_readme_says(
    reader: Reader, stack: LocalStack, cloud: Cloud, a_project: None
) -> None:
    reader.write("target.json", json.dumps(cloud.target_secret()))
    story = Story(reader, stack, cloud)
    for command in sorted(PASTED, key=lambda each: "create-secret" not in each):
        story.paste(command)


class Story:
    """What is said of each command, by how it begins."""

    def __init__(self, reader: Reader, stack: LocalStack, cloud: Cloud) -> None:
        self._reader, self._stack, self._cloud = reader, stack, cloud
        self._plan: dict[str, Any] = {}

    def paste(self, command: str) -> None:
        """Paste it and look at what came of it."""
        check = next(check for start, check in self._checks().items() if start in command)
        said = self._reader.paste(command.replace("SHA256", self._plan.get("plan", "")), typed="otc-prod\n")
        assert "Traceback" not in said.text
        check(said)

    def _checks(self) -> dict[str, Callable[[Said], None]]:
        return {
            "aws secretsmanager": self._succeeded,
            "aws sqs send-message": self._deleted,
            "aws events put-events": self._deleted,
            "invoke DeleterFunction": self._queued,
            "invoke PurgerFunction": self._planned,
            "invoke CheckerFunction": self._healthy,
            "vbs-reaper plans": self._listed,
            "vbs-reaper approve": self._approved,
            "vbs-reaper send": self._succeeded,
            "vbs-reaper explain": self._told,
            "vbs-reaper dead-letters": self._succeeded,
            "vbs-reaper check": self._succeeded,
            "vbs-reaper pause": self._succeeded,
            "vbs-reaper resume": self._succeeded,
        }

    def _succeeded(self, said: Said) -> None:
        assert said.code == 0, said.text

    def _deleted(self, said: Said) -> None:
        self._succeeded(said)
        wait_until("deleted", lambda: SAMPLE_ID not in self._cloud.remaining(), within_s=WITHIN_S)

    def _queued(self, said: Said) -> None:
        self._succeeded(said)
        assert '"queued"' in said.text

    def _planned(self, said: Said) -> None:
        self._succeeded(said)
        self._plan = _answer(said)
        assert self._plan["outcome"] == "planned", self._plan

    def _healthy(self, said: Said) -> None:
        self._succeeded(said)
        assert "unhealthy" not in said.text

    def _listed(self, said: Said) -> None:
        self._succeeded(said)
        assert self._plan["plan"] in said.text

    def _told(self, said: Said) -> None:
        self._succeeded(said)
        assert "deleted" in said.text

    def _approved(self, said: Said) -> None:
        self._succeeded(said)
        assert f"deleted: {self._plan['totals']['due']}" in said.text


def _answer(said: Said) -> dict[str, Any]:
    """The function's answer among what SAM prints."""
    answer: dict[str, Any]
    answer, _ = json.JSONDecoder().raw_decode(said.text[said.text.index("{") :])
    return answer


@pytest.mark.parametrize("command", [each for each in BY_MAKE if "ARGS" in each] or ["make deploy"])
def test_what_needs_an_account_names_parameters_that_the_template_has(command: str) -> None:
    _, target, *rest = shlex.split(command)
    assert target == "deploy"
    given = shlex.split(rest[0].removeprefix("ARGS="))[1:] if rest else []
    assert {found[1] for found in map(A_PARAMETER.match, given) if found} <= {*translated()["Parameters"]}
