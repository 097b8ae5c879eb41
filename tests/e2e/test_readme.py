"""The commands of the documents, run unchanged and in reading order on the local stack."""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from tests.e2e.conftest import WITHIN_S
from tests.e2e.examples import SAMPLE_ID
from tests.e2e.shell import CommandResult, Shell
from tests.infrastructure.markdown import Markdown
from tests.infrastructure.rendered import translated
from tests.support.local.artefacts import ROOT
from tests.support.local.fixtures import started_stack
from tests.support.local.stack import LocalStack
from tests.support.local.up import FOLDER
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from vbs_reaper.cli.main import parser
from vbs_reaper.cli.preview import EXIT_DELETIONS_PLANNED, EXIT_GUARD_EXCEEDED

READ = tuple(
    Markdown(ROOT / name) for name in ("README.md", "functions/README.md", "functions/PURGING.md", "events/README.md")
)
"""The documents for users, in reading order."""
COMMANDS = tuple(dict.fromkeys(command for document in READ for command in document.commands()))
BY_MAKE = tuple(command for command in COMMANDS if command.startswith("make "))
SOURCED = tuple(command for command in COMMANDS if command.startswith("source "))
PASTED = tuple(command for command in COMMANDS if command not in BY_MAKE + SOURCED)
PREREQUISITES = str([row for document in READ for row in document.table("| for | you need |")])
INLINE = tuple(
    " ".join(found[1].split())
    for document in READ
    for found in re.finditer(r"`((?:aws|make|uv|source|\.[\w/-]+) [^`]+)`", document.prose)
)
"""Commands in the text, in which words in capitals are placeholders."""
KEY_FILE = 'User Name,Access Key Id,Secret Access Key\n"vbs-reaper",ABCDEFGHIJ0123456789,not-a-real-key\n'
OPENRC = """export OS_AUTH_URL=https://iam.eu-de.otc.t-systems.com/v3
export OS_PROJECT_ID=5a1e0c7b9d3f4826a0b4c6d8e2f01357
export OS_USER_DOMAIN_NAME=OTC-EU-DE-00000000001000000000
export OS_USERNAME=vbs-reaper
export OS_PASSWORD=secret
export OS_REGION_NAME=eu-de
"""
DIRECT_ID = json.loads((ROOT / "events/deleter/direct.json").read_text())["backup_id"]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """Start a new stack."""
    with started_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def shell(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(stack, tmp_path_factory.mktemp("shell"))


@pytest.fixture
def a_project(stack: LocalStack, cloud: Cloud) -> None:
    """Create what the commands name: a second target, two backups, and a month of nightly backups."""
    stack.store_secret("otc-prod", cloud.target_secret())
    now, volume_id = datetime.now(UTC), cloud.new_id()
    for backup_id in (SAMPLE_ID, DIRECT_ID):
        cloud.add_backup(id=backup_id)
    for age in range(30):
        cloud.add_backup(volume_id=volume_id, name=f"daily-{age}", created_at=now - timedelta(days=age, hours=1))


def test_every_command_does_what_the_documents_say(
    shell: Shell, stack: LocalStack, cloud: Cloud, a_project: None
) -> None:
    shell.write("target.json", json.dumps(cloud.target_secret()))
    shell.write("openrc.sh", OPENRC)
    shell.write("credentials.csv", KEY_FILE)
    checks = CommandChecks(shell, stack, cloud)
    for command in sorted(PASTED, key=lambda each: "create-secret" not in each):
        checks.paste(command)


class CommandChecks:
    """Runs commands and checks the effect of each."""

    def __init__(self, shell: Shell, stack: LocalStack, cloud: Cloud) -> None:
        self._shell, self._stack, self._cloud = shell, stack, cloud
        self._plan, self._due = "", 0

    def paste(self, command: str) -> None:
        """Run a command and check its effect. The backup that commands delete is created before, if needed."""
        if SAMPLE_ID not in self._cloud.remaining():
            self._cloud.add_backup(id=SAMPLE_ID)
        check = next(check for start, check in self._checks().items() if start in command)
        result = self._shell.paste(command.replace("SHA256", self._plan), typed="otc-prod\n")
        assert "Traceback" not in result.text
        check(result)

    def _checks(self) -> dict[str, Callable[[CommandResult], None]]:
        return {
            "aws secretsmanager": self._succeeded,
            "vbs-reaper secret": self._succeeded,
            "aws sqs get-queue-url": self._succeeded,
            "aws sqs send-message": self._deleted,
            "aws events put-events": self._deleted,
            "invoke DeleterFunction": self._queued,
            "invoke CheckerFunction": self._healthy,
            "vbs-reaper preview": self._planned,
            "vbs-reaper plans": self._listed,
            "vbs-reaper approve": self._approved,
            "vbs-reaper send": self._deleted,
            "vbs-reaper explain": self._explained,
            "vbs-reaper dead-letters": self._succeeded,
            "vbs-reaper check": self._succeeded,
            "vbs-reaper pause": self._succeeded,
            "vbs-reaper resume": self._succeeded,
        }

    def _succeeded(self, result: CommandResult) -> None:
        assert result.code == 0, result.text

    def _deleted(self, result: CommandResult) -> None:
        self._succeeded(result)
        wait_until("deleted", lambda: SAMPLE_ID not in self._cloud.remaining(), within_s=WITHIN_S)

    def _queued(self, result: CommandResult) -> None:
        self._succeeded(result)
        assert '"queued"' in result.text

    def _planned(self, result: CommandResult) -> None:
        assert result.code in {EXIT_DELETIONS_PLANNED, EXIT_GUARD_EXCEEDED}, result.text
        (self._plan,) = re.findall(r"approve .*--plan ([0-9a-f]{64})", result.text)
        (due,) = re.findall(r"; (\d+) to be deleted now", result.text)
        self._due = int(due)

    def _healthy(self, result: CommandResult) -> None:
        self._succeeded(result)
        assert "unhealthy" not in result.text

    def _listed(self, result: CommandResult) -> None:
        self._succeeded(result)
        assert self._plan in result.text

    def _explained(self, result: CommandResult) -> None:
        self._succeeded(result)
        assert "deleted" in result.text

    def _approved(self, result: CommandResult) -> None:
        self._succeeded(result)
        assert f"deleted: {self._due}" in result.text


# ── Commands that cannot be run here are at least valid ───────────────────────────────────────────────────────────────


def program_of(command: str) -> str:
    """Return the program that a command line starts, after variables and `export`."""
    words = shlex.split(re.sub(r"^export \w+=\$\((.*)\)$", r"\1", command))
    return next(word for word in words if not re.match(r"[A-Z_]+=", word))


@pytest.mark.parametrize("command", [*COMMANDS, *INLINE])
def test_the_program_of_every_command_is_listed_as_a_prerequisite(command: str) -> None:
    program = program_of(command)
    if program in {"make", "aws"}:
        assert f"`{program}" in PREREQUISITES
    elif program == "source":
        assert ROOT / command.split()[1] == FOLDER / "env"
    else:
        environment = program.partition("/bin/")[0]
        assert environment in {".venv", ".venv-sam"}
        assert f"`{program}`" in PREREQUISITES
        assert (ROOT / program).is_file(), f"make {environment}/stamp"


def test_every_variable_is_set_before_it_is_used() -> None:
    for variable in {name for command in COMMANDS for name in re.findall(r"\$(\w+)", command)}:
        uses = [number for number, command in enumerate(COMMANDS) if f"${variable}" in command]
        sets = [number for number, command in enumerate(COMMANDS) if command.startswith(f"export {variable}=")]
        assert sets, variable
        assert sets[0] < uses[0]


@pytest.mark.parametrize("command", [each for each in (*COMMANDS, *INLINE) if each.startswith(".venv/bin/vbs-reaper")])
def test_a_command_of_the_cli_is_valid(command: str) -> None:
    words = shlex.split(re.sub(r"[<>] ?\S+", "", command))
    assert callable(parser().parse_args(words[1:]).run)


@pytest.mark.parametrize("command", [each for each in (*BY_MAKE, *INLINE) if each.startswith("make deploy")])
def test_deployed_parameters_exist_in_the_template(command: str) -> None:
    _, target, *rest = shlex.split(command)
    assert target == "deploy"
    for name, value in (each.split("=", 1) for each in rest):
        if name == "PARAMETERS":
            path = ROOT / value
            assert value == "FILE" or {*yaml.safe_load(path.read_text())} <= {*translated()["Parameters"]}
        else:
            option, *given = shlex.split(value)
            if option == "--config-env":
                assert {*given} <= tomllib.loads((ROOT / "samconfig.toml").read_text()).keys()
                continue
            assert (name, option) == ("ARGS", "--parameter-overrides")
            assert {each.partition("=")[0] for each in given} <= {*translated()["Parameters"]}
