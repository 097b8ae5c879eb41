"""The output of commands: JSON is UTF-8, a failed write is one sentence, and Ctrl-C prints no traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MODULE = (sys.executable, "-m", "vbs_reaper.cli")
COMMAND = (sys.executable, "-W", "error", "-m", "vbs_reaper.cli")
SCRIPT = Path(sys.executable).with_name("vbs-reaper")
OPENRC = """
export OS_AUTH_URL=https://iam.eu-de.otc.t-systems.com/v3 OS_USERNAME=reaper OS_USER_DOMAIN_NAME=OTC1
export OS_PASSWORD='pässwört' OS_PROJECT_ID=5a1e0c7b9d3f4826a0b4c6d8e2f01357
"""
POLICY = {"policy": "nightly", "match": {"name": "*"}, "keep": {"last": 1}, "guards": {"max_fraction": 1.0}}
BACKUPS = [
    {
        "id": f"00000000-0000-4000-8000-{day:012d}",
        "volume_id": "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31",
        "name": "Tägliche Sicherung",
        "status": "available",
        "created_at": f"2026-11-{day:02d}T02:00:00.000000",
        "size": 10,
        "description": None,
    }
    for day in range(1, 4)
]
PREVIEW = ("preview", "--policy", "policy.json", "--backups", "backups.json", "--now", "2026-11-28T12:00:00Z")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("policy.json").write_text(json.dumps(POLICY))
    tmp_path.joinpath("backups.json").write_text(json.dumps({"backups": BACKUPS}))
    tmp_path.joinpath("openrc").write_text(OPENRC, encoding="utf-8")
    return tmp_path


def run(folder: Path, words: tuple[str, ...], redirect: str = "", **environment: str) -> tuple[int, bytes, str]:
    """Run a command in a shell with the file openrc as standard input; return exit code, output and errors."""
    done = subprocess.run(
        ["sh", "-c", f'exec <openrc {redirect}; exec "$@"', "sh", *COMMAND, *words],  # noqa: S607
        cwd=folder,
        env={**{key: value for key, value in os.environ.items() if not key.startswith("OS_")}, **environment},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("words", "encoding"), [(("secret",), "ascii"), (("secret",), "cp037"), ((*PREVIEW, "--json"), "utf-16")]
)
def test_json_is_utf_8_whatever_the_locale(folder: Path, words: tuple[str, ...], encoding: str) -> None:
    code, out, _ = run(folder, words, PYTHONIOENCODING=encoding)
    assert code in (0, 2)
    text = out.decode("utf-8")
    json.loads(text)
    assert "pässwört" in text or "Tägliche" in json.dumps(json.loads(text), ensure_ascii=False)


@pytest.mark.parametrize(
    ("words", "redirect", "says"),
    [
        (("secret",), ">/dev/full", "standard output: No space left on device"),
        (PREVIEW, ">/dev/full", "standard output: No space left on device"),
        ((*PREVIEW, "--json"), ">/dev/full", "standard output: No space left on device"),
        (("--help",), ">/dev/full", "standard output: No space left on device"),
        (("secret",), ">&-", "standard output is closed; nothing was done"),
    ],
)
def test_a_full_disk_and_a_closed_output_are_one_sentence(
    folder: Path, words: tuple[str, ...], redirect: str, says: str
) -> None:
    code, out, errors = run(folder, words, redirect)
    assert (code, out, errors) == (1, b"", f"vbs-reaper: {says}\n")


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full"])
def test_without_standard_error_nothing_is_written_into_the_output(folder: Path, redirect: str) -> None:
    assert run(folder, ("secret", "--cloud", "none"), redirect)[:2] in [(1, b""), (120, b"")]
    assert json.loads(run(folder, ("secret",), redirect)[1])["auth"]["username"] == "reaper"


def test_a_closed_standard_input_is_empty(folder: Path) -> None:
    code, out, errors = run(folder, ("secret",), "<&-")
    assert (code, out, errors.count("\n")) == (1, b"", 1)
    assert "standard input is empty" in errors


def test_text_that_cannot_be_encoded_is_one_sentence(folder: Path) -> None:
    code, _, errors = run(folder, PREVIEW, PYTHONIOENCODING="ascii")
    assert code == 1
    assert errors.startswith("vbs-reaper: standard output cannot show this text in ascii; set PYTHONIOENCODING=utf-8")
    assert errors.count("\n") == 1


def test_a_closed_pipe_is_not_an_error(folder: Path) -> None:
    words = " ".join((*COMMAND, *PREVIEW, "--json"))
    done = subprocess.run(["sh", "-c", f"{words} | true"], cwd=folder, capture_output=True, check=False)  # noqa: S607
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("command", "words"), [(MODULE, ("check", "--stack", "x")), ((str(SCRIPT),), ("preview", "--help"))]
)
def test_ctrl_c_at_any_moment_prints_no_traceback(
    folder: Path, command: tuple[str, ...], words: tuple[str, ...]
) -> None:
    interrupted = 0
    for delay_ms in (0, 150, 350, 600):
        with subprocess.Popen(
            [*command, *words],
            cwd=folder,
            env={**os.environ, "AWS_ENDPOINT_URL": "http://192.0.2.1:1", "AWS_DEFAULT_REGION": "eu-central-1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            wait_until_started(process)
            time.sleep(delay_ms / 1000)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate()
        interrupted += process.returncode in (130, -signal.SIGINT)
        assert b"Traceback" not in errors
    assert interrupted


INTERRUPTED_IMPORT = """
import os, signal, sys

module = sys.argv.pop()

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from vbs_reaper.cli.start import start

sys.exit(start())
"""


@pytest.mark.parametrize("module", ["vbs_reaper.cli.main", "vbs_reaper.cli.check", "boto3"])
def test_ctrl_c_during_an_import_ends_the_process(folder: Path, module: str) -> None:
    """A KeyboardInterrupt inside an import can leave an open file and a message about it."""
    words = [sys.executable, "-W", "error", "-c", INTERRUPTED_IMPORT, "check", "--stack", "x", module]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def wait_until_started(process: subprocess.Popen[bytes]) -> None:
    """Wait until `start` has restored the default action of SIGINT; before that, Python handles it."""
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        signals = dict(line.split(":\t") for line in status.splitlines() if line.startswith(("SigIgn", "SigCgt")))
        is_python = _contains(signals["SigIgn"], signal.SIGPIPE)
        if is_python and not _contains(signals["SigCgt"], signal.SIGINT):
            return
        time.sleep(0.001)


def _contains(mask: str, number: signal.Signals) -> bool:
    return bool(int(mask, 16) & (1 << (number - 1)))
