"""`vbs-reaper preview --cloud` and `--secret`: the plan of what a cloud lists over HTTP."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.support.in_process import Finished, run_cli
from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

POLICY: dict[str, Any] = {
    "policy": "nightly",
    "match": {"name": "daily-*"},
    "keep": {"last": 2},
    "guards": {"max_fraction": 1},
}
CANARY = "canary-hunter2"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud that lists three backups a page."""
    with Simulator(SimulatorSettings(page_limit=3)).running() as running:
        now = datetime.now(UTC)
        for age in range(8):
            running.add_backup(
                volume_id="7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31",
                name=f"daily-{age}",
                created_at=now - timedelta(days=age, hours=1),
            )
        running.hold(running.add_backup(name="daily-held", created_at=now - timedelta(days=30)))
        running.add_backup(name="weekly-1")
        yield running


class Desk:
    """A folder with a policy and a clouds.yaml, in which the command is run."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.folder, self.cloud = folder, cloud
        self.put("policy.json", json.dumps(POLICY))
        self.entry()

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def entry(self, *, file: str = "clouds.yaml", auth: dict[str, object] | None = None, **more: object) -> None:
        entry = self.cloud.target_secret(**{"service": "vbs", **more})  # type: ignore[arg-type]
        self.put(file, yaml.safe_dump({"clouds": {"otc": entry | {"auth": entry["auth"] | (auth or {})}}}))

    def preview(self, *words: str, **variables: str) -> Finished:
        own = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        return run_cli(
            ("preview", "--policy", "policy.json", *words),
            environment={**own, "NO_COLOR": "1", "HOME": str(self.folder), **variables},
            folder=self.folder,
        )

    def refusal(self, *words: str, **variables: str) -> str:
        done = self.preview(*words, **variables)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert CANARY not in done.stderr
        assert self.cloud.password_of() not in done.stderr
        return done.stderr


@pytest.fixture
def desk(tmp_path: Path, cloud: Cloud) -> Desk:
    return Desk(tmp_path, cloud)


def asked_of(cloud: Cloud) -> list[str]:
    return [call.method for call in cloud.journal.calls if call.operation is not Operation.LOGIN]


@pytest.mark.parametrize("service", ["vbs", "cinder"])
def test_the_plan_of_a_cloud_is_the_plan_of_the_same_backups_in_a_file(desk: Desk, cloud: Cloud, service: str) -> None:
    desk.entry(service=service)
    live = desk.preview("--cloud", "otc", "--json")
    assert live.returncode == 2
    assert live.stderr == ""
    methods = asked_of(cloud)
    assert set(methods) == {"GET"}
    assert len(methods) == 4
    assert len(cloud.journal.calls) - len(methods) == 1
    plan = json.loads(live.stdout)
    assert plan["totals"]["backups"] == 10
    rows: list[object] = []
    version, marker = ("/v2" if service == "vbs" else "/v3"), ""
    with Caller(cloud) as somebody:
        while True:
            path = f"{version}/PROJECT/backups/detail?limit=3{marker}"
            page = somebody.call("GET", path, version="3.43").json()["backups"]
            rows += page
            if not page:
                break
            marker = f"&marker={page[-1]['id']}"
    desk.put("inventory.json", json.dumps({"backups": rows}))
    same = desk.preview("--backups", "inventory.json", "--service", service, "--json", "--now", plan["made_at"])
    of_file = json.loads(same.stdout)
    for only_live in ("sha256", "project_id", "endpoint"):
        plan.pop(only_live, None)
        of_file.pop(only_live, None)
    assert plan == of_file


def test_the_plan_of_a_secret_is_the_plan_of_its_cloud(aws: str, desk: Desk, cloud: Cloud) -> None:
    boto3.client("secretsmanager").create_secret(
        Name="some/where/otc-prod", SecretString=json.dumps(cloud.target_secret())
    )
    done = desk.preview("--secret", "some/where/otc-prod", "--json")
    assert done.returncode == 2
    plan = json.loads(done.stdout)
    now = plan["made_at"]
    assert json.loads(desk.preview("--cloud", "otc", "--json", "--now", now).stdout) == plan
    assert set(asked_of(cloud)) == {"GET"}


def test_a_last_plan_counts_for_a_secret_of_its_own_target_only(aws: str, desk: Desk, cloud: Cloud) -> None:
    desk.put("policy.json", json.dumps(POLICY | {"target": "otc-prod"}))
    last = desk.preview("--cloud", "otc", "--json")
    desk.put("last.json", last.stdout)
    desk.put("policy.json", json.dumps(POLICY))
    for target in ("otc-prod", "otc-test"):
        boto3.client("secretsmanager").create_secret(
            Name=f"vbs-reaper/{target}", SecretString=json.dumps(cloud.target_secret())
        )
        done = desk.preview("--secret", f"vbs-reaper/{target}", "--last", "last.json", "--json")
        made = json.loads(done.stdout)
        assert made["difference"]["comparable"] is (target == "otc-prod")


def test_the_targets_hold_marker_and_service_hold_unless_told_otherwise(desk: Desk) -> None:
    desk.entry(service="cinder", hold_marker="daily-0")
    reasons = {
        row["name"]: row["reasons"] for row in json.loads(desk.preview("--cloud", "otc", "--json").stdout)["backups"]
    }
    assert "held" in str(reasons["daily-0"])
    told = desk.preview("--cloud", "otc", "--json", "--service", "vbs", "--hold-marker", "daily-5")
    reasons = {row["name"]: row["reasons"] for row in json.loads(told.stdout)["backups"]}
    assert "held" not in str(reasons["daily-0"])
    assert "held" in str(reasons["daily-5"])
    assert "--hold-marker is empty" in desk.refusal("--cloud", "otc", "--hold-marker", " ")


def test_a_password_in_secure_yaml_beside_the_file_is_used(desk: Desk, cloud: Cloud) -> None:
    desk.entry(auth={"password": ""})
    desk.put("secure.yaml", yaml.safe_dump({"clouds": {"otc": {"auth": {"password": cloud.password_of()}}}}))
    assert desk.preview("--cloud", "otc").returncode == 2


@pytest.mark.parametrize("place", [".config/openstack/clouds.yaml", "clouds.yml"])
def test_the_file_is_found_where_openstacksdk_finds_it(desk: Desk, place: str) -> None:
    desk.folder.joinpath("clouds.yaml").unlink()
    desk.entry(file=place)
    assert desk.preview("--cloud", "otc", XDG_CONFIG_HOME="").returncode == 2


def test_the_file_that_the_environment_names_comes_first(desk: Desk) -> None:
    desk.entry(file="elsewhere.yaml")
    desk.put("clouds.yaml", "clouds: {}")
    assert desk.preview("--cloud", "otc", OS_CLIENT_CONFIG_FILE="elsewhere.yaml").returncode == 2
    assert "none.yaml: No such file" in desk.refusal("--cloud", "otc", OS_CLIENT_CONFIG_FILE="none.yaml")


def test_without_a_file_the_places_looked_at_are_named(desk: Desk) -> None:
    desk.folder.joinpath("clouds.yaml").unlink()
    sentence = desk.refusal("--cloud", "otc", XDG_CONFIG_HOME="")
    assert "there is no clouds.yaml (clouds.yaml, " in sentence
    assert "/etc/openstack/clouds.yaml" in sentence
    assert "OS_CLIENT_CONFIG_FILE" in sentence


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clouds: {prod: {}, test: {}}", 'has no entry "otc"; it has prod, test'),
        ("clouds: {otc: }", 'entry "otc" is empty'),
        ("clouds: []", 'no entries below "clouds"'),
        ("", 'no entries below "clouds"'),
        (f"clouds: {{otc: {{auth: {{password: *{CANARY}}}}}}}", "is not valid YAML at line 1"),
        (f"clouds:\n otc:\n  auth: {{password: @{CANARY}}}", "is not valid YAML at line 3"),
        (f"clouds: {{otc: !!python/name:{CANARY} x}}", "is not valid YAML"),
        ("clouds: {otc: {auth: {password: 2026-11-25}}}", "is a date; put it in quotes"),
        (
            f"clouds: {{otc: {{auth: {{pasword: {CANARY}}}}}}}",
            'key of 7 characters in "auth"; did you mean "auth.password"?',
        ),
        (f"clouds: {{otc: {{auth: {{password: {CANARY}}}}}}}", 'clouds.yaml, entry "otc" lacks "auth.auth_url"'),
        ("clouds: {otc: {profile: otc}}", 'has "profile", which is not accepted here'),
    ],
)
def test_a_file_that_would_not_work_is_refused_with_one_sentence(desk: Desk, text: str, says: str) -> None:
    desk.put("clouds.yaml", text)
    assert says in desk.refusal("--cloud", "otc")
    assert desk.cloud.journal.calls == []


def test_a_wrong_password_is_sent_once_and_never_shown(desk: Desk, cloud: Cloud) -> None:
    desk.entry(auth={"password": CANARY})
    assert "login_refused" in desk.refusal("--cloud", "otc")
    assert [call.operation for call in cloud.journal.calls] == [Operation.LOGIN]


def test_a_list_cut_short_is_never_planned_on(desk: Desk, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LIST, skip=2, times=None, status=500))
    assert "not all backups could be listed" in desk.refusal("--cloud", "otc")


def test_a_cloud_whose_clock_is_off_is_not_planned_on(desk: Desk, cloud: Cloud) -> None:
    cloud.change_settings(date_offset_seconds=3600.0)
    assert "clock" in desk.refusal("--cloud", "otc")


def test_a_secret_that_cannot_be_read_is_refused_with_one_sentence(
    aws: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "secret vbs-reaper/default does not exist" in desk.refusal("--secret", "vbs-reaper/default")
    assert "full name" in desk.refusal("--secret", "default")
    boto3.client("secretsmanager").create_secret(
        Name="vbs-reaper/odd", SecretString=json.dumps({"auth": {"pasword": CANARY}})
    )
    assert 'unknown key of 7 characters in "auth"' in desk.refusal("--secret", "vbs-reaper/odd")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "needs AWS credentials" in desk.refusal("--secret", "vbs-reaper/default")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "NoRegionError" in desk.refusal("--secret", "vbs-reaper/default")


def test_there_is_one_source(desk: Desk) -> None:
    done = desk.preview("--cloud", "otc", "--secret", "a/b")
    assert done.returncode == 1
    assert "not allowed with argument" in done.stderr
