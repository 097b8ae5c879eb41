"""`make run` as a person meets it: its exit code is the verdict, and Ctrl-C leaves no process and no file behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.local.artefacts import ROOT
from tests.support.local.waiting import wait_until

WITHIN_S = 300.0


@contextmanager
def _run(*arguments: str, scratch: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`make run` in a group of its own, as a shell starts it; `scratch` is where it may leave files."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.local", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _started_in(scratch: Path) -> list[str]:
    """The processes that live in that scratch folder: the embedded AWS and the functions it runs."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607
    return [line for line in listed.stdout.splitlines() if str(scratch) in line]


def _files_in(scratch: Path) -> list[str]:
    return [path.name for path in scratch.glob("vbs-reaper-*")]


def test_a_whole_story_loses_nothing_and_says_so_as_json(tmp_path: Path) -> None:
    with _run(
        "--json",
        "--seed",
        "7",
        "--pictures",
        str(tmp_path),
        scratch=tmp_path,
        AWS_PROFILE="a-profile-that-is-not-there",
    ) as process:
        said, _ = process.communicate(timeout=WITHIN_S)
    document = json.loads(said[said.index("{") :])
    assert document["good"], document["verdict"]
    assert process.returncode == 0
    told = " ".join(said.split())
    numbers = [
        int(number)
        for pattern in (
            r"a simulator of VBS, Cinder and CBR with (\d+) backups",
            r"(\d+) of them in another project",
            r"requested to delete 5 of (\d+) more backups",
            r"They may delete (\d+) backups",
            r"and (\d+) left from before",
        )
        for number in re.findall(pattern, told)
    ]
    stored, foreign, more, doomed, left = numbers
    assert stored - foreign + more - doomed == left, "a reader can follow the numbers"
    assert document["stop"] == {"requested": 5, "stopped": 5, "gone": []}
    assert document["verdict"]["lost"] == document["verdict"]["wrong"] == []
    assert document["verdict"]["accepted_by"].keys() == {"vbs", "cinder", "cbr"}
    assert document["purge"]["lost"] == document["purge"]["wrong"] == []
    assert [Path(each).name for each in document["purge"]["pictures"]] == ["purge-before.html", "purge-after.html"]
    assert all(Path(each).read_text(encoding="utf-8").startswith("<!doctype") for each in document["purge"]["pictures"])
    assert not _files_in(tmp_path)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_even_twice_leaves_no_process_and_no_file(tmp_path: Path, ending: signal.Signals) -> None:
    with _run(scratch=tmp_path) as process:
        wait_until("a function runs", lambda: _started_in(tmp_path), within_s=WITHIN_S)
        os.killpg(process.pid, ending)
        os.killpg(process.pid, ending)
        process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert not _started_in(tmp_path)
    assert not _files_in(tmp_path)


def test_a_run_killed_outright_takes_its_processes_with_it(tmp_path: Path) -> None:
    with _run(scratch=tmp_path) as process:
        wait_until("a function runs", lambda: _started_in(tmp_path), within_s=WITHIN_S)
        process.kill()
        process.communicate(timeout=WITHIN_S)
    wait_until("nothing runs any more", lambda: not _started_in(tmp_path), within_s=WITHIN_S)
