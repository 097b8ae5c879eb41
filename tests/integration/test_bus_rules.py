"""Rules of others on the event bus of a stack, which prevent the deletion of the stack."""

import boto3
import pytest

from tests.integration.stack_outputs import give_outputs
from vbs_reaper.cli import bus_rules

OWN = "reaper-DeleteRequestedRule-1A2B3C"


@pytest.fixture
def bus(aws: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The bus of a stack, with the rule of the stack. CloudFormation in moto cannot create it."""
    give_outputs(monkeypatch, {"EventBusName": "reaper"})
    monkeypatch.setattr(bus_rules, "_own_rule", lambda _: OWN)
    boto3.client("events").create_event_bus(Name="reaper")
    add_rule("reaper", OWN)
    return "reaper"


def add_rule(bus: str, name: str) -> None:
    boto3.client("events").put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["vbs-reaper"]}')


def test_the_rule_of_the_stack_does_not_prevent_its_deletion(bus: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bus_rules.main("reaper") == 0
    assert capsys.readouterr().out == ""


def test_rules_of_others_are_named_with_the_commands_that_delete_them(
    bus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        add_rule(bus, f"audit-{number}")
    assert bus_rules.main("reaper") == bus_rules.EXIT_FOUND
    output = capsys.readouterr().out
    assert all(f"delete-rule --event-bus-name reaper --name audit-{number}\n" in output for number in range(30))
    assert OWN not in output


def test_rules_on_a_bus_that_the_stack_does_not_own_are_ignored(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add_rule(bus, "audit")
    give_outputs(monkeypatch, {"EventBusName": "ours"})
    assert bus_rules.main("reaper") == 0


def test_a_bus_that_is_already_deleted_has_no_rules(bus: str) -> None:
    """The second attempt, after a removal that failed later."""
    boto3.client("events").delete_rule(Name=OWN, EventBusName=bus)
    boto3.client("events").delete_event_bus(Name=bus)
    assert bus_rules.main("reaper") == 0


def test_rules_that_cannot_be_listed_are_an_error_that_names_the_next_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give_outputs(monkeypatch, {})  # as of a stack that could not be created
    assert bus_rules.main("reaper") == 1
    error = capsys.readouterr().err
    assert "could not be listed: " in error
    assert "Nothing was deleted" in error
    assert ".venv-sam/bin/sam delete --stack-name reaper" in error
