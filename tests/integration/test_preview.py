"""`vbs-reaper preview` of a file or a cloud: its output, its exit codes, and its memory for many backups."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.integration.api_harness import with_auth
from tests.support.in_process import Finished, run_cli
from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from tests.unit.purge.strategies import NOW, Record, backup_id, nightly, record
from vbs_reaper.purge.plan_file import read_plan

CANARY = "canary-hunter2"
POLICY: dict[str, Any] = {
    "policy": "nightly",
    "match": {"name": "daily-*"},
    "keep": {"last": 2},
    "guards": {"max_fraction": 1},
}


class PreviewCli:
    """Runs `preview` in a folder with a policy and an inventory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("policy.json", POLICY)
        self.put("inventory.json", {"backups": nightly(5)})

    def put(self, name: str, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.folder.joinpath(name).write_text(text, encoding="utf-8")

    def preview(self, *words: str, now: str = "2026-11-25T03:00:00Z") -> Finished:
        return self.run("--backups", "inventory.json", "--now", now, *words)

    def run(self, *words: str, **variables: str) -> Finished:
        own = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        environment = {**own, "COLUMNS": "120", "NO_COLOR": "1", "HOME": str(self.folder), **variables}
        return run_cli(("preview", "--policy", "policy.json", *words), environment=environment, folder=self.folder)

    def refusal(self, *words: str, **variables: str) -> str:
        done = self.run(*words, **variables)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        assert CANARY not in done.stderr
        return done.stderr


@pytest.fixture
def cli(tmp_path: Path) -> PreviewCli:
    return PreviewCli(tmp_path)


def test_the_json_lists_every_backup_with_its_reasons_and_when_it_will_be_deleted(cli: PreviewCli) -> None:
    done = cli.preview("--json")
    assert read_plan(done.stdout.encode().removesuffix(b"\n")).totals.due == 3
    backups = {row["id"]: row for row in json.loads(done.stdout)["backups"]}
    assert set(backups) == {backup_id(number) for number in range(5)}
    kept, going = backups[backup_id(0)], backups[backup_id(4)]
    assert (kept["keep"], kept["reasons"], "due_at" in kept) == (True, ["keep_last", "min_kept"], False)
    assert (going["keep"], going["reasons"], going["due_at"]) == (False, ["not_kept"], "2026-11-25T03:00:00Z")


def test_the_same_plan_gives_the_same_bytes_also_for_the_event_of_a_schedule(cli: PreviewCli) -> None:
    assert cli.preview("--html", "one.html").returncode == cli.preview("--html", "two.html").returncode == 2
    assert cli.folder.joinpath("one.html").read_bytes() == cli.folder.joinpath("two.html").read_bytes()
    plain = cli.preview("--json").stdout
    for time in ({}, {"scheduled_time": "<aws.scheduler.scheduled-time>"}, {"started_at": "2026-11-25T03:00:00Z"}):
        cli.put("policy.json", {"run": POLICY, **time})
        assert cli.preview("--json").stdout == plain


def test_the_exit_code_depends_on_what_would_happen(cli: PreviewCli) -> None:
    assert cli.preview().returncode == 2
    cli.put("policy.json", {**POLICY, "keep": {"last": 9}})
    assert cli.preview("--json").returncode == 0
    cli.put("policy.json", {**POLICY, "guards": {"max_deletions": 2}})
    assert cli.preview("--html", "page.html").returncode == 3


def test_the_terminal_shows_a_calendar_the_guards_and_restore_points(cli: PreviewCli) -> None:
    shown = cli.preview().stdout
    assert "5 backups listed, 5 matched by the policy, 2 kept; 3 to be deleted now (30 GiB)" in shown
    assert "guard: 3 due, max_deletions 200 allows 200" in shown
    assert "Mon  · x" in shown
    assert "Wed  · L" in shown
    assert "could be restored as of yesterday: copy of 24 Nov 2026" in shown


def test_control_characters_of_a_name_are_escaped(cli: PreviewCli) -> None:
    rows = nightly(3, name="daily-\x1b]0;owned\x07 ü", volume_id="v\x1b[31m")
    cli.put("inventory.json", {"backups": rows})
    shown = cli.preview().stdout
    assert "\x1b" not in shown
    assert "v\\x1b[31m (daily-\\x1b]0;owned\\x07 ü): 1 to be deleted" in shown


def test_grace_counts_from_the_last_plan(cli: PreviewCli) -> None:
    cli.put("policy.json", {**POLICY, "grace": "1d"})
    first = cli.preview("--json")
    assert json.loads(first.stdout)["totals"]["due"] == 0
    cli.put("last.json", first.stdout)
    second = json.loads(cli.preview("--json", "--last", "last.json", now="2026-11-26T03:00:00Z").stdout)
    assert second["totals"]["due"] == 3
    assert second["difference"]["last_sha256"] == json.loads(first.stdout)["sha256"]


def test_a_last_plan_of_the_default_target_counts_for_a_policy_that_names_none(cli: PreviewCli) -> None:
    cli.put("policy.json", {**POLICY, "grace": "1d", "target": "default"})
    cli.put("last.json", cli.preview("--json").stdout)
    for named, comparable in (({}, True), ({"target": "other"}, False)):
        cli.put("policy.json", {**POLICY, "grace": "1d", **named})
        made = json.loads(cli.preview("--json", "--last", "last.json", now="2026-11-26T03:00:00Z").stdout)
        assert made["difference"]["comparable"] is comparable
        assert made["totals"]["due"] == (3 if comparable else 0)
        assert made["policy"]["target"] == named.get("target", "default")


def test_a_chain_on_cinder_is_kept_and_the_advice_says_what_frees_it(cli: PreviewCli) -> None:
    rows = nightly(7, is_incremental=True)
    rows[6]["is_incremental"] = False
    cli.put("inventory.json", {"backups": rows})
    done = cli.preview()
    assert done.returncode == 0
    assert "a full backup today frees 7 backups (70 GiB)" in done.stdout


def test_a_last_plan_that_was_changed_is_refused(cli: PreviewCli) -> None:
    cli.put("last.json", cli.preview("--json").stdout.replace('"keep":true', '"keep":false', 1))
    assert "last.json: the plan was changed" in cli.refusal(*FILES, "--last", "last.json")


FILES = ("--backups", "inventory.json")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "policy.json: is not JSON"),
        ({**POLICY, "keep": {"keep-last": 1}}, "it comes from restic; the equivalent here is "),
        ({**POLICY, "timezone": "Mars"}, '"timezone" is "Mars", which is not a known time zone'),
        ({"run": POLICY, "schedule_time": "2026-11-25T03:00:00Z"}, '"run" is not a key of a policy'),
    ],
)
def test_a_faulty_policy_is_refused_with_one_sentence(cli: PreviewCli, content: object, says: str) -> None:
    cli.put("policy.json", content)
    sentence = cli.refusal(*FILES, "--json")
    assert says in sentence
    assert sentence.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*FILES, "--now", "2026-11-25T03:00:00"), "give an instant with a time zone"),
        ((*FILES, "--now", ""), "give an instant with a time zone"),
        ((*FILES, "--policy", "none.json"), "none.json: No such file or directory"),
        (("--backups", "none.json"), "none.json: No such file or directory"),
        ((*FILES, "--last", "none.json"), "none.json: No such file or directory"),
        ((*FILES, "--html", "none/page.html"), "none/page.html: No such file or directory"),
        ((*FILES, "--hold-marker", " "), "--hold-marker is empty"),
        ((*FILES, "--json", "--html", "x"), "usage: vbs-reaper"),
        ((*FILES, "--cluod", "x"), "usage: vbs-reaper"),
        ((*FILES, "--service", "s3"), "usage: vbs-reaper"),
        (("--cloud", "otc", "--secret", "a/b"), "not allowed with argument"),
        (("--stack", "s", "--now", "2026-11-25T03:00:00Z"), "--now cannot be used with --stack"),
        (("--stack", "s", "--last", "x"), "--last cannot be used with --stack"),
        (("--stack", "s", "--service", "vbs"), "--service cannot be used with --stack"),
        (("--secret", "default"), "full name"),
    ],
    ids=" ".join,
)
def test_wrong_options_are_refused(cli: PreviewCli, words: tuple[str, ...], says: str) -> None:
    assert says in cli.refusal(*words)


def test_a_broken_pipe_ends_quietly(cli: PreviewCli) -> None:
    cli.put("inventory.json", {"backups": nightly(5000)})
    words = ["preview", "--policy", "policy.json", "--backups", "inventory.json", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "vbs_reaper.cli", *words],
        cwd=cli.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(9) == b'{"format"'
        process.stdout.close()
        assert process.stderr.read() == b""


# ------------------------------------------------------------------ the backups of a cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud with pages of three backups."""
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


class CloudPreviewCli(PreviewCli):
    """Runs `preview` in a folder with a policy and a clouds.yaml."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        super().__init__(folder)
        self.cloud = cloud
        self.entry()

    def entry(self, *, file: str = "clouds.yaml", auth: dict[str, str] | None = None, **more: Any) -> None:  # noqa: ANN401
        secret = with_auth(self.cloud.target_secret(**{"service": "vbs", **more}), **(auth or {}))
        self.folder.joinpath(file).parent.mkdir(parents=True, exist_ok=True)
        self.put(file, yaml.safe_dump({"clouds": {"otc": secret}}))

    def refusal(self, *words: str, **variables: str) -> str:
        sentence = super().refusal(*words, **variables)
        assert sentence.count("\n") == 1
        assert self.cloud.password_of() not in sentence
        return sentence


@pytest.fixture
def live(tmp_path: Path, cloud: Cloud) -> CloudPreviewCli:
    return CloudPreviewCli(tmp_path, cloud)


def asked_of(cloud: Cloud) -> list[str]:
    return [call.method for call in cloud.journal.calls if call.operation is not Operation.LOGIN]


@pytest.mark.parametrize("service", ["vbs", "cinder"])
def test_the_plan_of_a_cloud_is_the_plan_of_the_same_backups_in_a_file(
    live: CloudPreviewCli, cloud: Cloud, service: str
) -> None:
    live.entry(service=service)
    planned = live.run("--cloud", "otc", "--json")
    assert (planned.returncode, planned.stderr) == (2, "")
    methods = asked_of(cloud)
    assert set(methods) == {"GET"}
    assert len(methods) == 4
    assert len(cloud.journal.calls) - len(methods) == 1
    plan = json.loads(planned.stdout)
    assert plan["totals"]["backups"] == 10
    rows: list[object] = []
    version, marker = ("/v2" if service == "vbs" else "/v3"), ""
    with Caller(cloud) as caller:
        path = f"{version}/PROJECT/backups/detail?limit=3"
        while page := caller.call("GET", path + marker, version="3.43").json()["backups"]:
            rows += page
            marker = f"&marker={page[-1]['id']}"
    live.put("inventory.json", json.dumps({"backups": rows}))
    same = live.run("--backups", "inventory.json", "--service", service, "--json", "--now", plan["made_at"])
    of_file = json.loads(same.stdout)
    for only_live in ("sha256", "project_id", "endpoint"):
        plan.pop(only_live, None)
        of_file.pop(only_live, None)
    assert plan == of_file


def test_the_plan_of_a_secret_is_the_plan_of_its_cloud(aws: str, live: CloudPreviewCli, cloud: Cloud) -> None:
    boto3.client("secretsmanager").create_secret(
        Name="some/where/otc-prod", SecretString=json.dumps(cloud.target_secret())
    )
    done = live.run("--secret", "some/where/otc-prod", "--json")
    assert done.returncode == 2
    plan = json.loads(done.stdout)
    now = plan["made_at"]
    assert json.loads(live.run("--cloud", "otc", "--json", "--now", now).stdout) == plan
    assert set(asked_of(cloud)) == {"GET"}


def test_a_last_plan_counts_for_a_secret_of_its_own_target_only(aws: str, live: CloudPreviewCli, cloud: Cloud) -> None:
    live.put("policy.json", json.dumps(POLICY | {"target": "otc-prod"}))
    last = live.run("--cloud", "otc", "--json")
    live.put("last.json", last.stdout)
    live.put("policy.json", json.dumps(POLICY))
    for target in ("otc-prod", "otc-test"):
        boto3.client("secretsmanager").create_secret(
            Name=f"vbs-reaper/{target}", SecretString=json.dumps(cloud.target_secret())
        )
        done = live.run("--secret", f"vbs-reaper/{target}", "--last", "last.json", "--json")
        made = json.loads(done.stdout)
        assert made["difference"]["comparable"] is (target == "otc-prod")


def test_the_hold_marker_and_service_of_the_target_are_the_defaults(live: CloudPreviewCli) -> None:
    live.entry(service="cinder", hold_marker="daily-0")
    reasons = {
        row["name"]: row["reasons"] for row in json.loads(live.run("--cloud", "otc", "--json").stdout)["backups"]
    }
    assert "held" in str(reasons["daily-0"])
    overridden = live.run("--cloud", "otc", "--json", "--service", "vbs", "--hold-marker", "daily-5")
    reasons = {row["name"]: row["reasons"] for row in json.loads(overridden.stdout)["backups"]}
    assert "held" not in str(reasons["daily-0"])
    assert "held" in str(reasons["daily-5"])


def test_a_password_in_secure_yaml_beside_the_file_is_used(live: CloudPreviewCli, cloud: Cloud) -> None:
    live.entry(auth={"password": ""})
    live.put("secure.yaml", yaml.safe_dump({"clouds": {"otc": {"auth": {"password": cloud.password_of()}}}}))
    assert live.run("--cloud", "otc").returncode == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clouds: {prod: {}, test: {}}", 'has no entry "otc"; it has prod, test'),
        ("clouds: {otc: }", 'entry "otc" is empty'),
        ("clouds: []", 'no entries below "clouds"'),
        (f"clouds:\n otc:\n  auth: {{password: @{CANARY}}}", "is not valid YAML at line 3"),
        (f"clouds: {{otc: {{auth: {{password: {CANARY}}}}}}}", 'clouds.yaml, entry "otc" lacks "auth.auth_url"'),
    ],
)
def test_an_unusable_file_is_refused_with_one_sentence(live: CloudPreviewCli, text: str, says: str) -> None:
    live.put("clouds.yaml", text)
    assert says in live.refusal("--cloud", "otc")
    assert live.cloud.journal.calls == []


def test_a_wrong_password_is_sent_once_and_never_shown(live: CloudPreviewCli, cloud: Cloud) -> None:
    live.entry(auth={"password": CANARY})
    assert "login_refused" in live.refusal("--cloud", "otc")
    assert [call.operation for call in cloud.journal.calls] == [Operation.LOGIN]


def test_a_clouds_yaml_is_found_where_openstacksdk_finds_it(live: CloudPreviewCli) -> None:
    live.folder.joinpath("clouds.yaml").unlink()
    nowhere = live.refusal("--cloud", "otc", XDG_CONFIG_HOME="")
    assert "there is no clouds.yaml (clouds.yaml, " in nowhere
    assert "/etc/openstack/clouds.yaml" in nowhere
    assert "OS_CLIENT_CONFIG_FILE" in nowhere
    for place in (".config/openstack/clouds.yaml", "clouds.yml"):
        live.entry(file=place)
        assert live.run("--cloud", "otc", XDG_CONFIG_HOME="").returncode == 2
        live.folder.joinpath(place).unlink()
    live.entry(file="elsewhere.yaml")
    live.put("clouds.yaml", "clouds: {}")
    assert live.run("--cloud", "otc", OS_CLIENT_CONFIG_FILE="elsewhere.yaml").returncode == 2
    assert "none.yaml: No such file" in live.refusal("--cloud", "otc", OS_CLIENT_CONFIG_FILE="none.yaml")


def test_an_incomplete_list_or_a_wrong_clock_is_refused(live: CloudPreviewCli, cloud: Cloud) -> None:
    cloud.inject(Fault(operation=Operation.LIST, skip=2, times=None, status=500))
    assert "not all backups could be listed" in live.refusal("--cloud", "otc")
    cloud.clear_faults()
    cloud.change_settings(date_offset_seconds=3600.0)
    assert "clock" in live.refusal("--cloud", "otc")


def test_a_secret_that_cannot_be_read_is_refused_with_one_sentence(
    aws: str, live: CloudPreviewCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "secret vbs-reaper/default does not exist" in live.refusal("--secret", "vbs-reaper/default")
    boto3.client("secretsmanager").create_secret(
        Name="vbs-reaper/odd", SecretString=json.dumps({"auth": {"pasword": CANARY}})
    )
    assert 'unknown key of 7 characters in "auth"' in live.refusal("--secret", "vbs-reaper/odd")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "needs AWS credentials" in live.refusal("--secret", "vbs-reaper/default")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "NoRegionError" in live.refusal("--secret", "vbs-reaper/default")


# ------------------------------------------------------------------ scale

MEASURED = """
import re, resource, sys
from pathlib import Path
from vbs_reaper.cli.main import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: it includes the memory of the parent process, from before the exec.
peak_kib = int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
print(f"{used.ru_utime + used.ru_stime:.1f} {peak_kib // 1024}", file=sys.stderr)
sys.exit(code)
"""


def many(count: int, volumes: int) -> Iterable[Record]:
    """Backups as VBS lists them, newest first."""
    link = "http://192.0.2.7:8776/v2/" + "7" * 32 + "/backups/x"
    for number in range(count):
        night, volume = divmod(number, volumes)
        yield record(
            number,
            age=timedelta(days=night, minutes=volume % 120, microseconds=number % 999983),
            volume_id=backup_id(10**9 + volume),
            links=[{"href": link, "rel": "self"}, {"href": link, "rel": "bookmark"}],
            availability_zone="eu-de-01",
            container="7" * 32,
            snapshot_id=backup_id(2 * 10**9 + number),
            service_metadata=' {"bootable": false, "Type": 1, "progress": 100, "ST": 0}',
            **{"os-bak-tenant-attr:tenant_id": "7" * 32},
        )


@pytest.mark.parametrize(
    ("count", "volumes"),
    [
        (10_000, 500),
        pytest.param(
            1_000_000,
            10_000,
            marks=pytest.mark.skipif(
                "PURGE_SCALE" not in os.environ, reason="takes a minute and 900 MB of disk: PURGE_SCALE=1"
            ),
        ),
    ],
)
def test_many_backups_are_planned_in_little_memory(cli: PreviewCli, count: int, volumes: int) -> None:
    with cli.folder.joinpath("inventory.json").open("w") as file:
        file.write('{"backups": [')
        for number, row in enumerate(many(count, volumes)):
            file.write(("," if number else "") + json.dumps(row))
        file.write("]}")
    cli.put("policy.json", {**POLICY, "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2}})
    words = ["preview", "--policy", "policy.json", "--backups", "inventory.json", "--now", f"{NOW:%Y-%m-%dT%H:%M:%SZ}"]
    for output in (["--json"], ["--html", "page.html"]):
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *words, *output],
            cwd=cli.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 3
        cpu_s, peak_mb = done.stderr.split()
        print(f"{count:,} backups, {output[0]}: {cpu_s} s CPU, peak {peak_mb} MB")  # noqa: T201
        assert int(peak_mb) <= 70 + 380 * count // 1_000_000
    cli.folder.joinpath("inventory.json").unlink()
    assert cli.folder.joinpath("page.html").stat().st_size < 4_000_000
