"""Fakes the outputs of a stack, because CloudFormation in moto needs packages that no other test needs."""

from collections.abc import Mapping

import pytest

from vbs_reaper.cli.stack import Stack


def give_outputs(monkeypatch: pytest.MonkeyPatch, outputs: Mapping[str, str]) -> None:
    """Let every stack have these outputs."""
    shown = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    monkeypatch.setattr(Stack, "_describe", lambda _: {"Outputs": shown})
