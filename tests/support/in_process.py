"""Runs the CLI in the process of the test, because a new process for each command takes half a second."""

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
"""The poll interval of commands, shorter than for operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The exit code and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


def run_cli(
    words: Sequence[str], *, environment: Mapping[str, str], folder: Path | None = None, typed: str = ""
) -> Finished:
    """Run `vbs-reaper WORDS` with this environment in this folder, as a shell would.

    The standard streams are not terminals. To test signals, terminals and broken pipes, start a process.
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
    """Replace the environment, the folder, stdin and the caches of libraries while the block runs."""
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
        patch.setattr(letter_queue, "EMPTY_RECEIVES", 1)  # the queue of the emulator has one server
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
