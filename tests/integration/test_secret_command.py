"""`vbs-reaper secret`: reads a clouds.yaml or openrc from standard input, prints a secret or one error."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.integration.certificates import Authority
from tests.support.in_process import Finished, run_cli
from tests.support.simulator.cloud import Cloud
from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clouds.target_secret import read_target

CANARY = "canary-hunter2"
COMMAND = (sys.executable, "-W", "error", "-m", "vbs_reaper.cli", "secret")
AT_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), termios.TIOCSCTTY, 0)
os.execv(sys.argv[2], sys.argv[2:])
"""
PROJECT = "5a1e0c7b9d3f4826a0b4c6d8e2f01357"
HORIZON = f"""#!/usr/bin/env bash
# To use an OpenStack cloud you need to authenticate against the Identity service named keystone. It's easy.
export OS_AUTH_URL=https://iam.eu-de.otc.t-systems.com/v3
# With the addition of Keystone we have standardized on the term **project**
export OS_PROJECT_ID={PROJECT}
export OS_PROJECT_NAME="eu-de"
export OS_USER_DOMAIN_NAME="OTC-EU-DE-00000000001000000000"
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
export OS_PROJECT_DOMAIN_ID=""
if [ -z "$OS_PROJECT_DOMAIN_ID" ]; then unset OS_PROJECT_DOMAIN_ID; fi
unset OS_TENANT_ID
export OS_USERNAME="vbs-reaper"
echo "Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: "
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD=$OS_PASSWORD_INPUT
export OS_REGION_NAME="eu-de"
export OS_INTERFACE=public  # as everybody
export OS_IDENTITY_API_VERSION=3
"""
AUTH = {
    "auth_url": "https://iam.eu-de.otc.t-systems.com/v3",
    "username": "vbs-reaper",
    "user_domain_name": "OTC-EU-DE-00000000001000000000",
    "project_id": PROJECT,
    "project_name": "eu-de",
}
ENTRY: dict[str, Any] = {"auth": {**AUTH, "password": CANARY}, "region_name": "eu-de"}


def environment(**variables: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OS_")} | variables


def make(text: str, *words: str, folder: Path | str = ".", **variables: str) -> Finished:
    return run_cli(("secret", *words), environment=environment(**variables), folder=Path(folder), typed=text)


def made(text: str, *words: str, **variables: str) -> dict[str, Any]:
    done = make(text, *words, **variables)
    assert done.returncode == 0, done.stderr
    assert ("The secret is for VBS." in done.stderr) is ("volume_backup_service" not in done.stdout)
    read_target("new", StoredSecret(version_id="1", text=Secret(done.stdout)))
    secret: dict[str, Any] = json.loads(done.stdout)
    return secret


def refusal(text: str, *words: str, **variables: str) -> str:
    done = make(text, *words, **variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert CANARY not in done.stderr
    return done.stderr


def clouds(**entries: object) -> str:
    return yaml.safe_dump({"clouds": entries})


# ------------------------------------------------------------------ openrc


def test_a_missing_password_is_taken_from_the_environment() -> None:
    place = {"region_name": "eu-de", "interface": "public", "identity_api_version": "3"}
    assert made(HORIZON, OS_PASSWORD=CANARY) == {"auth": {**AUTH, "password": CANARY}, **place}
    assert made(clouds(otc={**ENTRY, "auth": AUTH}), OS_PASSWORD=CANARY) == ENTRY


def test_without_a_terminal_a_missing_password_is_refused() -> None:
    done = subprocess.run(
        COMMAND,
        input=HORIZON,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
        start_new_session=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "no terminal to ask for it; set OS_PASSWORD" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_password_is_asked_for_on_the_terminal_and_not_echoed() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", AT_TERMINAL, os.ttyname(theirs), *COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        process.stdin.write(HORIZON.encode())
        process.stdin.close()
        process.stdin = None
        seen = b""
        while b"user: " not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, f"{CANARY}\n".encode())
        out, err = process.communicate()
    os.set_blocking(ours, False)
    with suppress(BlockingIOError):
        seen += os.read(ours, 1000)
    os.close(ours)
    os.close(theirs)
    assert err.count(b"\n") == 1
    assert json.loads(out)["auth"]["password"] == CANARY
    assert CANARY.encode() not in seen


def test_an_openrc_with_an_application_credential_needs_no_password() -> None:
    secret = made(
        "export OS_AUTH_TYPE=v3applicationcredential\nexport OS_AUTH_URL=https://keystone.example.org/v3\n"
        "export OS_IDENTITY_API_VERSION=3\nexport OS_REGION_NAME=RegionOne\nexport OS_INTERFACE=publicURL\n"
        f"export OS_APPLICATION_CREDENTIAL_ID=0f2a\nexport OS_APPLICATION_CREDENTIAL_SECRET={CANARY}\n",
        "--service",
        "cinder",
    )
    assert secret["auth"]["application_credential_secret"] == CANARY
    assert (secret["interface"], secret["volume_backup_service"]) == ("public", "cinder")


@pytest.mark.parametrize(
    ("openrc", "says"),
    [
        (f"{HORIZON}export OS_TOKEN=x\n", "sets OS_TOKEN, which a target does not use"),
        (f"{HORIZON}export OS_TENANT_ID={'0' * 32}\n", 'two values for "project_id"'),
        (f"{HORIZON}export OS_CACERT=/none.pem\n", "/none.pem cannot be read (No such file or directory)"),
        (HORIZON.replace("https:", "http:"), '"auth.auth_url"'),
        (HORIZON.replace("$OS_PASSWORD_INPUT", f"$({CANARY})"), "line 15 of the openrc: OS_PASSWORD needs a shell"),
        (HORIZON.replace("$OS_PASSWORD_INPUT", f"a;{CANARY}"), "OS_PASSWORD is followed by a command"),
    ],
    ids=["token", "two projects", "no certificate", "plain http", "needs a shell", "a command"],
)
def test_an_unusable_openrc_is_refused(openrc: str, says: str) -> None:
    assert says in refusal(openrc, OS_PASSWORD=CANARY)


# ------------------------------------------------------------------ clouds.yaml


@pytest.mark.parametrize("text", [clouds(otc=ENTRY), yaml.safe_dump(ENTRY), json.dumps(ENTRY)])
def test_the_only_entry_of_a_clouds_yaml_needs_no_name(text: str) -> None:
    assert made(text) == ENTRY


def test_one_of_several_entries_must_be_named() -> None:
    both = clouds(otc=ENTRY, other={})
    assert made(both, "--cloud", "otc") == ENTRY
    assert "select one with --cloud: otc, other" in refusal(both)
    assert 'has no entry "none"; it has otc, other' in refusal(both, "--cloud", "none")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({**ENTRY, "regin_name": "x"}, 'unknown key of 10 characters; did you mean "region_name"?'),
        ({**ENTRY, "verify": False}, 'has "verify": false; remove it'),
        ({**ENTRY, "profile": "otc"}, 'has "profile", which is not accepted here'),
        ({**ENTRY, "auth": {**ENTRY["auth"], "project_id": "x"}}, '"auth.project_id" with a value that cannot be used'),
        ({"region_name": "eu-de", "auth": {}}, 'lacks "auth.auth_url"'),
    ],
)
def test_an_unusable_entry_is_refused_with_its_key(entry: dict[str, Any], says: str) -> None:
    assert says in refusal(clouds(otc=entry))


@pytest.mark.parametrize("text", ["hello", "clouds: {}", f"clouds: {{x: *{CANARY}}}"])
def test_other_input_is_refused(text: str) -> None:
    assert "standard input" in refusal(text)
    assert "standard input is empty; give a clouds.yaml, an openrc or a credentials.csv" in refusal("\n")


def test_too_much_input_is_refused() -> None:
    assert "has more than 1,048,576 bytes" in refusal("#" * (1 << 20) + "\n\n")
    assert "65536 are allowed" in refusal(clouds(otc={**ENTRY, "hold_marker": "x" * 70_000}))


# ------------------------------------------------------------------ access keys

KEY_FILE = f'User Name,Access Key Id,Secret Access Key\n"vbs-reaper",AKEXAMPLE0123456789,{CANARY}\n'
KEY_PLACE = {"OS_PROJECT_ID": PROJECT, "OS_REGION_NAME": "eu-de"}
KEY_ENTRY = {
    "auth_type": "aksk",
    "auth": {"access_key": "AKEXAMPLE0123456789", "secret_key": CANARY, "project_id": PROJECT},
    "region_name": "eu-de",
}


@pytest.mark.parametrize("text", [KEY_FILE, f"\ufeff{KEY_FILE}", KEY_FILE.replace("\n", "\r\n"), f"{KEY_FILE}\n"])
def test_the_file_of_an_access_key_becomes_a_secret_with_the_place_of_the_environment(text: str) -> None:
    assert made(text, **KEY_PLACE) == KEY_ENTRY
    assert made(text, "--service", "vbs", **KEY_PLACE) == {**KEY_ENTRY, "volume_backup_service": "vbs"}
    assert "the environment lacks OS_PROJECT_ID, OS_REGION_NAME; set" in refusal(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{KEY_FILE}x,y,{CANARY}\n", "does not have one key"),
        (KEY_FILE.partition("\n")[0] + "\n", "does not have one key"),
        (KEY_FILE.replace(",AKEXAMPLE0123456789", ""), "does not have one key"),
        (KEY_FILE.replace("Access Key Id", "Access key ID"), "other columns"),
        (f"Access key ID,Secret access key\nAKIA,{CANARY}\n", "other columns"),
        (KEY_FILE.replace('"vbs-reaper"', '"vbs-reaper'), "not valid CSV"),
        (KEY_FILE.replace(CANARY, f" {CANARY}"), '"auth.secret_key" with a value that cannot be used'),
        (KEY_FILE.replace("AKEXAMPLE0123456789", ""), 'lacks "auth.access_key"'),
    ],
)
def test_another_key_file_is_rejected_without_its_values(text: str, says: str) -> None:
    assert says in refusal(text, **KEY_PLACE)


def test_an_access_key_in_the_environment_needs_no_input() -> None:
    variables = {"OS_ACCESS_KEY": "AKEXAMPLE0123456789", "OS_SECRET_KEY": CANARY, **KEY_PLACE}
    assert made("", "--environment", **variables) == KEY_ENTRY
    assert "the environment lacks OS_SECRET_KEY; set" in refusal(
        "", "--environment", **{**variables, "OS_SECRET_KEY": ""}
    )
    assert "--environment reads none" in refusal("", "--environment", "--cloud", "otc", **variables)


def test_an_openrc_may_have_an_access_key_instead_of_a_password() -> None:
    lines = {"OS_ACCESS_KEY": "AKEXAMPLE0123456789", "OS_SECRET_KEY": CANARY, **KEY_PLACE}
    openrc = "".join(f"export {name}='{value}'\n" for name, value in lines.items())
    assert made(openrc) == KEY_ENTRY
    assert made(f"{openrc}export OS_AUTH_URL=https://iam.eu-de.otc.t-systems.com/v3\n") == KEY_ENTRY
    assert 'has "auth.username", which its "auth_type" does not use' in refusal(f"{openrc}export OS_USERNAME=x\n")


# ------------------------------------------------------------------ output


@pytest.mark.parametrize("access_key", [False, True])
def test_a_secret_that_was_stored_lists_the_backups(aws: str, cloud: Cloud, tmp_path: Path, access_key: bool) -> None:
    cloud.add_backup(name="daily-1")
    secret = make(clouds(otc=cloud.target_secret(access_key=access_key))).stdout
    boto3.client("secretsmanager").create_secret(Name="vbs-reaper/default", SecretString=secret)
    policy = {"policy": "nightly", "match": {"name": "daily-*"}, "keep": {"last": 1}}
    tmp_path.joinpath("policy.json").write_text(json.dumps(policy))
    words = ["preview", "--policy", "policy.json", "--secret", "vbs-reaper/default", "--json"]
    done = run_cli(words, environment=os.environ, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["totals"]["kept"] == 1
    assert len(cloud.journal.logins) == (0 if access_key else 1)


def test_the_path_of_a_certificate_is_replaced_by_its_content(tmp_path: Path) -> None:
    pem = Authority().pem
    tmp_path.joinpath("ca.pem").write_text(pem)
    done = make(clouds(otc={**ENTRY, "cacert": "ca.pem"}), folder=tmp_path)
    assert json.loads(done.stdout)["cacert"] == pem
    tmp_path.joinpath("ca.pem").write_text("nothing of the kind")
    done = make(clouds(otc={**ENTRY, "cacert": "ca.pem"}), folder=tmp_path)
    assert 'has a "cacert" that is not a certificate' in done.stderr
