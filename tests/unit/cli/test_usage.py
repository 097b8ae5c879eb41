"""Usage and help of the commands."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from vbs_reaper.cli.main import COMMANDS, main, parser


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (["check", "--stack", "s", "--target", "x"], "usage: vbs-reaper check [-h] --stack NAME"),
        (["dead-letters", "--stack", "s", "list", "--bad"], "usage: vbs-reaper dead-letters list [-h]"),
        (["send", "--stack", "s", "--bad"], "usage: vbs-reaper send [-h] --stack NAME"),
        (["secret", "file"], "usage: vbs-reaper secret [options] < FILE\n"),
        (["preview", "--bad"], "usage: vbs-reaper preview --policy FILE"),
    ],
)
def test_wrong_usage_shows_the_usage_of_the_command(
    words: list[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        main(words)
    assert exited.value.code == 1
    assert capsys.readouterr().err.startswith(usage)


def test_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["--version"])
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert (exited.value.code, capsys.readouterr().out.strip()) == (None, project["version"])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    output = capsys.readouterr().out
    assert output.startswith(f"usage: vbs-reaper {command} ")
    assert max(map(len, output.splitlines())) <= 80


def test_a_command_imports_no_library_that_only_others_need() -> None:
    program = "import sys; from vbs_reaper.cli.main import parser; parser('pause'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "boto3" in imported
    assert not {"keystoneauth1", "vbs_reaper.clouds.client"} & {*imported}


@pytest.mark.parametrize("words", [["--stack", "s", "list"], ["list", "--stack", "s"]])
def test_the_stack_of_dead_letters_is_named_before_or_after_the_action(words: list[str]) -> None:
    assert parser("dead-letters").parse_args(["dead-letters", *words]).stack == "s"


def test_dead_letters_need_a_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dead-letters", "list"]) == 1
    assert "--stack is missing" in capsys.readouterr().err
