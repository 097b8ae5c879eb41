"""The CLI invokes the purger once, and waits as long as a run can take."""

import os

import pytest
from botocore.config import Config

from tests.infrastructure.rendered import Rendered
from tests.integration.scripted_server import Script, ScriptedServer, closing_after, responding
from tests.integration.stack_outputs import give_outputs
from vbs_reaper.cli.stack import LONG_CALL, Stack
from vbs_reaper.errors import CommandError

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack at AWS_ENDPOINT_URL; the AWS settings enable retries."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    for name, value in {"DEFAULT_REGION": "eu-central-1", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    give_outputs(monkeypatch, {"PurgerFunctionName": "purger"})
    return Stack("reaper")


@pytest.mark.parametrize("script", [closing_after(b""), responding(BUSY)], ids=["connection lost", "busy"])
def test_an_invocation_without_an_answer_is_not_retried(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    with ScriptedServer(script).running() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(CommandError, match="cannot invoke its purger"):
            stack.invoke("Purger", {})
    assert len(server.requests) == 1


def test_the_answer_is_awaited_longer_than_the_function_may_run() -> None:
    longest_s = max(each["Timeout"] for each in Rendered().every("Lambda::Function").values())
    assert longest_s < LONG_CALL.read_timeout <= longest_s + 60  # type: ignore[attr-defined]


def test_the_connection_is_kept_open_while_nothing_is_sent() -> None:
    """Lambda API reference, "Invoke": long calls need TCP keep-alive, or a network in between closes them."""
    assert isinstance(LONG_CALL, Config)
    assert LONG_CALL.tcp_keepalive is True  # type: ignore[attr-defined]
