"""`make run` in processes of its own: its exit code is the result, and Ctrl-C leaves no process and no file behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.local.artefacts import ROOT
from tests.support.local.waiting import wait_until

WITHIN_S = 300.0


@contextmanager
def _run(scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """Start it in a new process group, as a shell does. `scratch` is the folder for temporary files."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.local"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _processes_in(scratch: Path) -> list[str]:
    """Return the processes that use the scratch folder: the AWS emulator and the functions that it runs."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607
    return [line for line in listed.stdout.splitlines() if str(scratch) in line]


def _files_in(scratch: Path) -> list[str]:
    return [path.name for path in scratch.glob("vbs-reaper-*")]


def test_make_run_loses_nothing_and_prints_its_result_as_json(tmp_path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--no-print-directory", "run", f"ARGS=--json --seed 7 --pictures {tmp_path}"],  # noqa: S607
        cwd=ROOT,
        env=own | {"TMPDIR": str(tmp_path), "AWS_PROFILE": "missing"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    output = done.stdout
    document = json.loads(output[output.index("{") :])
    assert document["good"], document["verdict"]
    assert done.returncode == 0
    text = " ".join(output.split())
    numbers = [
        int(number)
        for pattern in (
            r"a simulator of VBS, Cinder and CBR with (\d+) backups",
            r"(\d+) of them in another project",
            r"requested to delete 5 of (\d+) more backups",
            r"They may delete (\d+) backups",
            r"and (\d+) left from before",
        )
        for number in re.findall(pattern, text)
    ]
    stored, foreign, more, to_delete, left = numbers
    assert stored - foreign + more - to_delete == left, "a reader can follow the numbers"
    assert document["stop"] == {"requested": 5, "stopped": 5, "gone": []}
    assert document["verdict"]["lost"] == document["verdict"]["wrong"] == []
    assert document["verdict"]["accepted_by"].keys() == {"vbs", "cinder", "cbr"}
    assert document["purge"]["lost"] == document["purge"]["wrong"] == []
    assert [Path(each).name for each in document["purge"]["pictures"]] == ["purge-before.html", "purge-after.html"]
    assert all(Path(each).read_text(encoding="utf-8").startswith("<!doctype") for each in document["purge"]["pictures"])
    assert not _files_in(tmp_path)


def test_ctrl_c_even_twice_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    with _run(tmp_path) as process:
        wait_until("a function runs", lambda: _processes_in(tmp_path), within_s=WITHIN_S)
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert not _processes_in(tmp_path)
    assert not _files_in(tmp_path)


def test_a_run_killed_outright_takes_its_processes_with_it(tmp_path: Path) -> None:
    with _run(tmp_path) as process:
        wait_until("a function runs", lambda: _processes_in(tmp_path), within_s=WITHIN_S)
        process.kill()
        process.communicate(timeout=WITHIN_S)
    wait_until("nothing runs any more", lambda: not _processes_in(tmp_path), within_s=WITHIN_S)
