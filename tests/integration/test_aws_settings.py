"""Broken AWS settings: every command prints one sentence with the variable or the file, and no traceback."""

import os
from pathlib import Path

import pytest

from tests.support.in_process import run_cli

ID = "00000000-0000-4000-8000-000000000001"
COMMANDS = (
    ("check",),
    ("send", ID),
    ("explain", ID),
    ("plans",),
    ("approve", "--policy", "nightly", "--plan", "0" * 64),
    ("pause",),
    ("resume",),
    ("dead-letters", "list"),
)
GOOD = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "y",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
CONFIG = """
[default]
[profile process]
credential_process = /no/such/program
[profile chain]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = gone
[profile attempts]
max_attempts = x
[profile address]
endpoint_url = localhost
"""
Settings = dict[str, str | None]
NO_KEYS: Settings = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def refusal(folder: Path, settings: Settings, words: tuple[str, ...] = ("check",)) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    given = {"AWS_CONFIG_FILE": str(folder / "config"), **GOOD, **settings}
    environment |= {name: value.replace("FOLDER", str(folder)) for name, value in given.items() if value is not None}
    folder.joinpath("config").write_text(CONFIG)
    folder.joinpath("broken").write_text("[profile x\n")
    first, *rest = words
    stack = ("--stack", "vbs-reaper")
    done = run_cli((first, *stack, *rest), environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": None}, "AWS_DEFAULT_REGION has a value that cannot be used"),
        ({"AWS_DEFAULT_REGION": "eu central", "AWS_ENDPOINT_URL": None}, "AWS_DEFAULT_REGION has a value"),
        ({"AWS_DEFAULT_REGION": None}, "no AWS region is set; set AWS_DEFAULT_REGION, or"),
        ({"AWS_DEFAULT_REGION": None, "AWS_REGION": "eu-west-1"}, "set AWS_DEFAULT_REGION, because AWS_REGION is not"),
        ({"AWS_ENDPOINT_URL": "localhost:4566"}, "AWS_ENDPOINT_URL has a value that cannot be used"),
        ({"AWS_ENDPOINT_URL": "http://"}, "AWS_ENDPOINT_URL has"),
        ({"AWS_ENDPOINT_URL": "http://[::1"}, "AWS_ENDPOINT_URL has"),
        ({"AWS_ENDPOINT_URL": "http://x:99999"}, "AWS_ENDPOINT_URL has"),
        ({"AWS_ENDPOINT_URL_CLOUDFORMATION": "localhost"}, "AWS_ENDPOINT_URL_CLOUDFORMATION has"),
        ({"AWS_ENDPOINT_URL": "ftp://x"}, "AWS_ENDPOINT_URL has"),
        ({}, "http://127.0.0.1:1/ does not answer"),
        ({"AWS_PROFILE": "nope"}, 'AWS_PROFILE is "nope"'),
        ({"AWS_CONFIG_FILE": "FOLDER/broken"}, "/broken cannot be parsed"),
        ({"AWS_SHARED_CREDENTIALS_FILE": "FOLDER/broken"}, "/broken cannot be parsed"),
        ({"AWS_MAX_ATTEMPTS": "x"}, "AWS_MAX_ATTEMPTS has"),
        ({"AWS_MAX_ATTEMPTS": "-1"}, "AWS_MAX_ATTEMPTS has"),
        ({"AWS_RETRY_MODE": "x"}, "AWS_RETRY_MODE has"),
        ({"AWS_DEFAULTS_MODE": "x"}, "AWS_DEFAULTS_MODE has"),
        ({"AWS_STS_REGIONAL_ENDPOINTS": "x"}, "AWS_STS_REGIONAL_ENDPOINTS has"),
        ({"AWS_REQUEST_CHECKSUM_CALCULATION": "x"}, "AWS_REQUEST_CHECKSUM_CALCULATION or"),
        ({"AWS_METADATA_SERVICE_TIMEOUT": "x"}, "AWS_METADATA_SERVICE_TIMEOUT has"),
        (NO_KEYS, "there are no AWS credentials; log in and set AWS_PROFILE"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "AWS_SECRET_ACCESS_KEY is missing"),
        ({"AWS_SESSION_TOKEN": "a\nb"}, "check the variables AWS_… and …_PROXY for stray characters"),
        ({**NO_KEYS, "AWS_ROLE_ARN": "arn:x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/file"}, "/no/file, which the AWS"),
        ({**NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x.example"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ({**NO_KEYS, "AWS_PROFILE": "process"}, "/no/such/program, which the AWS configuration names, cannot be read"),
        ({**NO_KEYS, "AWS_PROFILE": "chain"}, "the AWS configuration is wrong: "),
        ({"AWS_PROFILE": "attempts", "AWS_MAX_ATTEMPTS": None}, "and the profile"),
        ({"AWS_PROFILE": "address", "AWS_ENDPOINT_URL": None}, "and the profile"),
        ({"HTTP_PROXY": "127.0.0.1:1", "AWS_ENDPOINT_URL": "http://x.example"}, "the proxy cannot be reached"),
    ],
)
def test_a_broken_setting_is_named(tmp_path: Path, settings: Settings, says: str) -> None:
    assert says in refusal(tmp_path, settings)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_names_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert "AWS_ENDPOINT_URL has a value" in refusal(tmp_path, {"AWS_ENDPOINT_URL": "localhost:4566"}, words)


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize("words", COMMANDS)
def test_an_empty_name_of_a_stack_is_rejected_before_any_call_to_aws(words: tuple[str, ...], name: str) -> None:
    # For an empty name, as of an unset variable of the shell, an API may return the stacks of the whole account.
    first, *rest = words
    done = run_cli((first, "--stack", name, *rest), environment={**os.environ, **GOOD})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "vbs-reaper: --stack is empty; give the name of the deployed stack\n"


def test_the_address_of_a_single_service_is_named(tmp_path: Path) -> None:
    tmp_path.joinpath("policy").write_text('{"policy": "p", "match": {"name": "*"}, "keep": {"last": 1}}')
    environment = {**os.environ, **GOOD, "AWS_ENDPOINT_URL_SECRETS_MANAGER": "localhost"}
    words = ("preview", "--policy", str(tmp_path / "policy"), "--secret", "vbs-reaper/default")
    done = run_cli(words, environment=environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "AWS_ENDPOINT_URL_SECRETS_MANAGER has a value" in done.stderr


def test_an_address_with_a_password_is_not_quoted(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, {"AWS_ENDPOINT_URL": "http://user:hunter2@127.0.0.1:1"})
    assert "hunter2" not in sentence
