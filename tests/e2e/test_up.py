"""`make up` starts at most one stack for the CLI; `make down` leaves nothing behind."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.local.artefacts import ROOT
from tests.support.local.embedded_aws import remove_folder
from tests.support.local.up import main, running_pid

WITHIN_S = 400.0


def stop_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run `make down` in this process."""
    assert main(["down", "--folder", str(folder)]) == 0
    return capsys.readouterr().out


def make(what: str, folder: Path) -> str:
    command = [sys.executable, "-m", "tests.support.local.up", what, "--folder", str(folder)]
    own = os.environ | {"TMPDIR": str(folder.parent), "AWS_PROFILE": "a-profile-that-is-not-there"}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=True, timeout=WITHIN_S)
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "up"
    make("down", tmp_path / "up")


def shell(folder: Path, command: str) -> tuple[int, str]:
    """Run a printed command in a shell that has sourced the file."""
    words = command.replace(".venv/bin/vbs-reaper", f"{sys.executable} -m vbs_reaper.cli")
    done = subprocess.run(
        ["sh", "-c", f". {folder / 'env'} && {words}"],  # noqa: S607
        cwd=ROOT,
        env={"PATH": os.defpath, "NO_COLOR": "1", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_printed_commands_work_and_nothing_is_left_after_down(folder: Path) -> None:
    output = make("up", folder)
    assert (folder / "env").is_file()
    commands = re.findall(
        r"^\.venv/bin/vbs-reaper (?:dead-letters .* list|holds? .*|plans .*|pause .*|resume .*)$", output, re.M
    )
    assert len(commands) == 6
    for command in commands:
        code, answer = shell(folder, command)
        assert code == 0, answer
    assert "1 hold" in shell(folder, commands[2])[1]
    checks_and_deletions = re.findall(
        r"^\.venv/bin/vbs-reaper (?:check .* (?:access-key|cbr)|send .* --target cbr .*)$", output, re.M
    )
    assert len(checks_and_deletions) == 3
    for command in checks_and_deletions:
        code, report = shell(folder, command)
        assert code == 0, report
    (preview,) = re.findall(r"^\.venv/bin/vbs-reaper preview .*policy\.json$", output, re.M)
    code, plan = shell(folder, preview)
    assert code == 3, plan
    _, listed = shell(folder, commands[0])
    for reason in ("held", "deletion_failed", "malformed", "expired", "service_down", "moved_by_sqs"):
        assert reason in listed
    pid = running_pid(folder)
    assert make("up", folder).startswith(f"the local stack is already running (process {pid})")
    assert make("down", folder) == f"stopped the local stack (process {pid})\n"
    assert not [*folder.parent.rglob("vbs-reaper-local-*")]
    assert {path.name for path in folder.iterdir()} == {"log"}
    assert make("down", folder) == "the local stack is not running\n"


@pytest.mark.parametrize(
    "stale", ["999999999", "no number", str(os.getpid())], ids=["ended", "no number", "another process"]
)
def test_a_stale_pid_file_names_no_running_stack(
    tmp_path: Path, stale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "up"
    folder.mkdir()
    (folder / "pid").write_text(stale, encoding="utf-8")
    assert running_pid(folder) is None
    assert stop_again(folder, capsys) == "the local stack is not running\n"
    assert not (folder / "pid").exists()


def test_a_stack_that_does_not_stop_is_killed_and_its_files_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.support.local.up.ENDS_WITHIN_S", 0.5)
    folder = tmp_path / "up"
    (folder / "vbs-reaper-tmp").mkdir(parents=True)
    for name in ("env", "log", "policy.json", "ready", "vbs-reaper-tmp/key.pem"):
        (folder / name).touch()
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    command = [sys.executable, "-c", stubborn, "tests.support.local.up_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()  # it ignores SIGTERM from here on
        (folder / "pid").write_text(str(process.pid), encoding="utf-8")
        answer = stop_again(folder, capsys)
    assert answer == f"killed the local stack (process {process.pid}), which did not stop within 0.5 s\n"
    assert {path.name for path in folder.iterdir()} == {"log"}


def test_a_folder_is_removed_although_a_process_still_writes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scratch"
    (folder / "inner").mkdir(parents=True)
    late = iter([folder / "first", folder / "second"])
    rmdir = os.rmdir

    def rmdir_after_a_write(path: str, *, dir_fd: int | None = None) -> None:
        if file := next(late, None):
            file.touch()
        rmdir(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", rmdir_after_a_write)
    remove_folder(folder)
    assert not folder.exists()
    assert next(late, None) is None
