"""Runs the CLI in this process: a process for each command takes half a second, and most tests do not need one."""

import contextlib
import io
import os
import sys
import tempfile
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from tests.support.service_models import share_service_models
from vbs_reaper.cli import event_source, follow
from vbs_reaper.cli.dead_letters import letter_queue
from vbs_reaper.cli.main import main

POLL_S = 0.2
"""How often a command looks whether something has happened; a person can wait longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run_cli(
    words: Sequence[str], *, environment: Mapping[str, str], folder: Path | None = None, typed: str = ""
) -> Finished:
    """Run a command as `vbs-reaper WORDS` would run in a shell with this environment, in this folder.

    Standard streams are not terminals. Use a process to test signals, terminals and broken pipes.
    """
    stdout, stderr = _stream(), _stream()
    with _surroundings(environment, folder, _stream(typed)), _streams(stdout, stderr):
        try:
            code = main(words)
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
    return Finished(returncode=code, stdout=_written(stdout), stderr=_written(stderr))


@contextlib.contextmanager
def _surroundings(environment: Mapping[str, str], folder: Path | None, stdin: io.TextIOWrapper) -> Iterator[None]:
    """Replace what a process would have of its own, and what libraries remember of an earlier one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(environment):
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        if folder is not None:
            patch.chdir(folder)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        share_service_models(patch)
        patch.setattr(tempfile, "tempdir", None)
        patch.setattr(webbrowser, "_tryorder", None)
        patch.setattr(follow, "POLL_S", POLL_S)
        patch.setattr(event_source, "POLL_S", POLL_S)
        patch.setattr(letter_queue, "EMPTY_RECEIVES", 1)  # the queue of the emulator is on one server
        patch.setattr(sys, "stdin", stdin)
        yield


@contextlib.contextmanager
def _streams(stdout: io.TextIOWrapper, stderr: io.TextIOWrapper) -> Iterator[None]:
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        yield


def _stream(text: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", write_through=True)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode("utf-8").replace(os.linesep, "\n")
