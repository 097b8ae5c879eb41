"""The options of `dead-letters`: which values they accept, and which they reject before anything is read."""

import argparse

import pytest

from vbs_reaper.cli.dead_letters.command import add_to
from vbs_reaper.cli.main import COMMANDS, main


def redrive_at(rate: str) -> float:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_to(parser.add_subparsers())
    argv = ["dead-letters", "--stack", "s", "redrive", "--all-that-can-heal", "--rate", rate]
    parsed: float = parser.parse_args(argv).rate
    return parsed


@pytest.mark.parametrize("rate", ["0.1", "5", "1000"])
def test_a_rate_is_from_a_tenth_to_a_thousand(rate: str) -> None:
    assert redrive_at(rate) == float(rate)


@pytest.mark.parametrize("rate", ["0.0999", "1e-9", "0", "-1", "1000.1", "nan", "inf", "fast", ""])
def test_any_other_rate_is_refused_with_what_to_give(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        redrive_at(rate)
    assert f'"{rate}" is not a rate; give letters per second, from 0.1 to 1000' in capsys.readouterr().err


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


@pytest.mark.parametrize("command", [command.__name__.rpartition(".")[2] for command in COMMANDS])
def test_help_fits_80_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = ["dead-letters" if command == "command" else command, "--help"]
    with pytest.raises(SystemExit):
        main(words)
    said = capsys.readouterr().out
    assert said.startswith(f"usage: vbs-reaper {words[0]} ")
    assert max(map(len, said.splitlines())) <= 80
