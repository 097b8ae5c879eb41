"""The way to a scheduled purge: the values given to `make deploy` reach CloudFormation unchanged."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from tests.infrastructure.markdown import DOCUMENTS
from tests.infrastructure.rendered import Rendered, translated
from tests.infrastructure.test_parameters import takes
from tests.infrastructure.translate import ROOT
from tests.unit.purge.strategies import policy
from vbs_reaper.purge.event import Run, read_event
from vbs_reaper.purge.policy import read_policy

EXAMPLE = ROOT / "events" / "purger" / "parameters.yaml"
SAM = f"{ROOT / '.venv-sam/bin/python'} {ROOT / 'tests/infrastructure/sam_deploy.py'}"
TYPED = (
    *(ROOT / name for name in DOCUMENTS),
    *sorted(path for path in (ROOT / "events").rglob("*.*") if path.suffix != ".md"),
    ROOT / "Makefile",
    ROOT / "template.yaml",
)
"""Every file with commands to type."""
ONE_ATTEMPT = re.compile(r"(^|[\s`])AWS_MAX_ATTEMPTS=1 aws lambda invoke\b[^`\n]*--cli-read-timeout 0\b")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in {"ARGS", "MAKEFLAGS", "MAKEOVERRIDES"}}
"""The environment without the variables that `make test ARGS=…` passes to child makes."""
BY_HAND = f"PARAMETERS={EXAMPLE.relative_to(ROOT)}"
IN_A_PIPELINE = "ARGS=--config-env ci --parameter-overrides DefaultTarget=otc-prod LogRetentionInDays=365"
BUILT = ("--old-file=.venv/stamp", "--old-file=.venv-sam/stamp")


def make(*words: str, environment: Mapping[str, str] = ENVIRONMENT) -> subprocess.CompletedProcess[str]:
    command = ["make", "--silent", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def parameters_of_stack(*words: str) -> dict[str, str]:
    """Return the parameters of the stack after `make deploy` with these words, parsed by make, the shell and SAM."""
    parameters: dict[str, str] = options_of_sam(*words)["parameter_overrides"]
    return parameters


@cache
def options_of_sam(*words: str) -> dict[str, Any]:
    """Return the options of `sam deploy` after `make deploy` with these words, including those of samconfig.toml."""
    done = make("--old-file=build", "deploy", f"SAM={SAM}", *words)
    assert not done.returncode, done.stdout + done.stderr
    options: dict[str, Any] = json.loads(done.stdout)
    return options


def written(folder: Path, text: str) -> str:
    """Return the argument of `make deploy` for a file with this policy, in the form of the example."""
    path = folder / "purge.yaml"
    path.write_text("PurgePolicy: |-\n" + "".join(f"  {line}\n" for line in text.splitlines()), encoding="utf-8")
    return f"PARAMETERS={path}"


# ── Parameters from a file ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_enables_the_purge_when_it_is_deployed() -> None:
    parameters = parameters_of_stack(BY_HAND)
    assert parameters == yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    assert parameters.keys() <= translated()["Parameters"].keys()
    assert all(takes(name, value) for name, value in parameters.items())
    (schedule,) = (s for n, s in Rendered(parameters).every("Scheduler::Schedule").items() if n == "StackPurgeSchedule")
    assert schedule["State"] == "ENABLED"
    event = json.loads(schedule["Input"] if "Input" in schedule else schedule["Target"]["Input"])
    run = read_event(event, "default", "invocation")
    assert isinstance(run, Run)
    assert run.policy == read_policy(json.loads(parameters["PurgePolicy"]))
    assert run.policy.mode == "purge"


def test_a_policy_in_a_file_arrives_unchanged(tmp_path: Path) -> None:
    names = [r"^(.+)-\d{4}$", r"^(\w+)\.\$HOME-$$-$(id)-`id`-$", r"^([^']+)-#1:\\-%s-{{x}}-!Ref$", "ä|\u00fc [ ] * \t"]
    document = {"policy": "nightly", "match": {"name": names}, "keep": {"last": 1}}
    text = json.dumps(document, indent=2, ensure_ascii=False).replace("|", r"\u0022")
    arrived = parameters_of_stack(written(tmp_path, text))["PurgePolicy"]
    assert arrived == text
    assert takes("PurgePolicy", arrived)


def test_a_policy_that_is_not_a_string_in_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "purge.yaml"
    path.write_text('PurgePolicy: {"policy": "nightly", "keep": {"last": 1}}\n', encoding="utf-8")
    assert not takes("PurgePolicy", parameters_of_stack(f"PARAMETERS={path}")["PurgePolicy"])


def test_parameters_can_come_from_a_file_or_from_the_command_line() -> None:
    passed_on = parameters_of_stack(IN_A_PIPELINE)
    assert passed_on == {"DefaultTarget": "otc-prod", "LogRetentionInDays": "365"}


def test_two_lists_of_parameters_are_refused_because_sam_would_ignore_the_first() -> None:
    done = make("--dry-run", "deploy", f"PARAMETERS={EXAMPLE}", "ARGS=--parameter-overrides DefaultTarget=x")
    assert done.returncode
    assert "if both are given, SAM uses only the last" in done.stderr


# ── The policy's pattern ──────────────────────────────────────────────────────────────────────────────────────────────

blanks = st.text(" \t\r\n", max_size=3)


@given(st.sampled_from([None, 0, 2, "\t"]), blanks, blanks, blanks)
def test_every_policy_is_accepted_but_none_without_quotation_marks(
    indent: int | str | None, before: str, inside: str, after: str
) -> None:
    document = {"policy": "nightly", "match": {"name": "daily-*"}, "keep": {"last": 3}, "mode": "purge"}
    assert policy(**document)
    text = json.dumps(document, indent=indent)
    text = f"{before}{{{inside}{text[1:]}{after}"
    assert json.loads(text) == document
    assert takes("PurgePolicy", text)
    for quotes in ("", "'", '\\"'):
        assert not takes("PurgePolicy", text.replace('"', quotes))


@pytest.mark.parametrize("typed", ['{"policy":"nightly","keep":{"last":3}}', '{ "policy": "nightly" }'])
def test_a_policy_without_shell_quotes_is_refused(typed: str) -> None:
    done = subprocess.run(["sh", "-c", f"printf %s {typed}"], capture_output=True, text=True, check=True)  # noqa: S607
    assert not takes("PurgePolicy", done.stdout)


# ── No command starts a purge twice ───────────────────────────────────────────────────────────────────────────────────


def purger_commands() -> list[str]:
    """Return every line with a command that invokes the purger."""
    outputs = [str(each["Value"]) for each in Rendered().outputs.values()]
    texts = [path.read_text(encoding="utf-8") for path in TYPED if path.name != "template.yaml"]
    lines = [line for text in (*texts, *outputs) for line in text.splitlines()]
    return [line for line in lines if re.search(r"\binvoke\b.*Purger", line)]


def test_no_command_to_type_invokes_the_purger_more_than_once() -> None:
    """SAM waits 60 seconds and retries four times, which starts five purges. So does the AWS CLI by default."""
    found = purger_commands()
    assert len(found) == 2, "the outputs PreviewPurgeCommand and ApprovePlanCommand"
    assert [line for line in found if not ONE_ATTEMPT.search(line)] == []


# ── Removing a stack ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "holds", "deletes"),
    [
        ([], "/vbs-reaper", "delete"),
        (["ARGS=--stack-name other --no-prompts"], "/other", "delete --stack-name other --no-prompts"),
        (["ARGS=--region eu-west-1 --stack-name=other"], "eu-west-1/other", "delete --region eu-west-1 --stack-name=o"),
    ],
)
def test_holds_of_a_stack_are_listed_before_it_is_deleted(
    tmp_path: Path, words: list[str], holds: str, deletes: str
) -> None:
    cli = tmp_path / "cli"
    cli.write_text('#!/bin/sh\necho "$1 of $AWS_DEFAULT_REGION/$3"\nexit 1\n', encoding="utf-8")
    cli.chmod(0o700)
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "AWS_DEFAULT_REGION"}
    rules = tmp_path / "rules"
    rules.write_text('#!/bin/sh\necho "rules of $AWS_DEFAULT_REGION/$1"\n', encoding="utf-8")
    rules.chmod(0o700)
    tools = ["SAM=echo sam", f"CLI={cli}", f"BUS_RULES={rules}"]
    done = make(*BUILT, "remove", *tools, *words, environment=environment)
    assert done.returncode == 0, done.stderr
    _, listed, failed, searched, deleted = done.stdout.splitlines()
    assert (listed, failed) == (f"holds of {holds}", "They could not be listed.")
    assert searched == f"rules of {holds}"
    assert deleted.startswith(f"sam {deletes}")


@pytest.mark.parametrize("code", [1, 2])
def test_nothing_is_deleted_while_the_bus_has_rules_of_others_or_they_cannot_be_listed(code: int) -> None:
    done = make(*BUILT, "remove", "SAM=echo sam", "CLI=echo", f"BUS_RULES=sh -c 'exit {code}'")
    assert done.returncode
    assert "sam delete" not in done.stdout


# ── A changed key, and pipelines ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "warns"),
    [
        (["ARGS=--parameter-overrides KmsKeyArn="], True),
        (["PARAMETERS=FILE"], True),
        (["ARGS=--parameter-overrides DefaultTarget=otc-prod"], False),
        ([], False),
    ],
)
def test_a_deployment_with_a_key_prints_how_long_the_former_one_is_needed(
    tmp_path: Path, words: list[str], warns: bool
) -> None:
    path = tmp_path / "key.yaml"
    path.write_text("KmsKeyArn: arn:aws:kms:eu-central-1:123456789012:key/0b5e4f6a\n", encoding="utf-8")
    words = [word.replace("FILE", str(path)) for word in words]
    done = make("--old-file=build", "deploy", "SAM=echo sam", *words)
    assert not done.returncode, done.stderr
    assert ("FormerKmsKeyArns" in done.stderr) == warns
    assert ("14 days" in done.stderr) == warns


def test_the_description_of_the_key_states_how_long_the_former_one_is_needed() -> None:
    description = translated()["Parameters"]["KmsKeyArn"]["Description"]
    assert all(word in description for word in ("FormerKmsKeyArns", "14 days"))


@pytest.mark.parametrize(("words", "asks"), [(BY_HAND, True), (IN_A_PIPELINE, False)])
def test_a_pipeline_gets_no_prompt_and_an_empty_change_is_not_an_error(words: str, asks: bool) -> None:
    passed_on = options_of_sam(words)
    assert passed_on["confirm_changeset"] is asks
    assert passed_on["fail_on_empty_changeset"] is asks
    assert passed_on["stack_name"] == "vbs-reaper"
    assert set(passed_on["capabilities"]) == {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}
