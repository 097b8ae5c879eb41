"""`vbs-reaper preview`: what it prints, its exit codes, and a million backups in little memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.in_process import Finished, run_cli
from tests.unit.purge.strategies import NOW, Record, backup_id, nightly, record
from vbs_reaper.purge.plan_file import read_plan

POLICY: dict[str, Any] = {
    "policy": "nightly",
    "match": {"name": "daily-*"},
    "keep": {"last": 2},
    "guards": {"max_fraction": 1},
}


class Desk:
    """A folder with a policy and an inventory, in which the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("policy.json", POLICY)
        self.put("inventory.json", {"backups": nightly(5)})

    def put(self, name: str, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.folder.joinpath(name).write_text(text, encoding="utf-8")

    def preview(self, *words: str, now: str = "2026-11-25T03:00:00Z") -> Finished:
        return self.run("--policy", "policy.json", "--backups", "inventory.json", "--now", now, *words)

    def run(self, *words: str) -> Finished:
        environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
        return run_cli(("preview", *words), environment=environment, folder=self.folder)

    def refusal(self, *words: str, **known: str) -> str:
        done = self.preview(*words, **known)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_json_lists_every_backup_with_its_reasons_and_when_it_goes(desk: Desk) -> None:
    done = desk.preview("--json")
    backups = {row["id"]: row for row in json.loads(done.stdout)["backups"]}
    assert set(backups) == {backup_id(number) for number in range(5)}
    kept, going = backups[backup_id(0)], backups[backup_id(4)]
    assert (kept["keep"], kept["reasons"], "due_at" in kept) == (True, ["keep_last", "min_kept"], False)
    assert (going["keep"], going["reasons"], going["due_at"]) == (False, ["not_kept"], "2026-11-25T03:00:00Z")


def test_exit_codes_say_what_would_happen(desk: Desk) -> None:
    assert desk.preview().returncode == 2
    desk.put("policy.json", {**POLICY, "keep": {"last": 9}})
    assert desk.preview("--json").returncode == 0
    desk.put("policy.json", {**POLICY, "guards": {"max_deletions": 2}})
    assert desk.preview("--html", "page.html").returncode == 3


def test_the_terminal_shows_a_calendar_the_guards_and_the_way_back(desk: Desk) -> None:
    shown = desk.preview().stdout
    assert "5 backups listed, 5 matched by the policy, 2 kept; 3 to be deleted now (30 GiB)" in shown
    assert "guard: 3 due, max_deletions 200 allows 200" in shown
    assert "Mon  · x" in shown
    assert "Wed  · L" in shown
    assert "could be restored as of yesterday: copy of 24 Nov 2026" in shown


def test_a_name_cannot_steer_the_terminal(desk: Desk) -> None:
    rows = nightly(3, name="daily-\x1b]0;owned\x07 ü", volume_id="v\x1b[31m")
    desk.put("inventory.json", {"backups": rows})
    shown = desk.preview().stdout
    assert "\x1b" not in shown
    assert "v\\x1b[31m (daily-\\x1b]0;owned\\x07 ü): 1 to be deleted" in shown


def test_a_grace_counts_from_the_last_plan_given(desk: Desk) -> None:
    desk.put("policy.json", {**POLICY, "grace": "1d"})
    first = desk.preview("--json")
    assert json.loads(first.stdout)["totals"]["due"] == 0
    desk.put("last.json", first.stdout)
    second = json.loads(desk.preview("--json", "--last", "last.json", now="2026-11-26T03:00:00Z").stdout)
    assert second["totals"]["due"] == 3
    assert second["difference"]["last_sha256"] == json.loads(first.stdout)["sha256"]


def test_a_last_plan_of_the_default_target_counts_for_a_policy_that_names_none(desk: Desk) -> None:
    desk.put("policy.json", {**POLICY, "grace": "1d", "target": "default"})
    desk.put("last.json", desk.preview("--json").stdout)
    for named, comparable in (({}, True), ({"target": "other"}, False)):
        desk.put("policy.json", {**POLICY, "grace": "1d", **named})
        made = json.loads(desk.preview("--json", "--last", "last.json", now="2026-11-26T03:00:00Z").stdout)
        assert made["difference"]["comparable"] is comparable
        assert made["totals"]["due"] == (3 if comparable else 0)
        assert made["policy"]["target"] == named.get("target", "default")


def test_the_printed_plan_can_be_read_and_proven(desk: Desk) -> None:
    assert read_plan(desk.preview("--json").stdout.encode().removesuffix(b"\n")).totals.due == 3


def test_a_chain_on_cinder_stays_and_the_advice_says_what_frees_it(desk: Desk) -> None:
    rows = nightly(7, is_incremental=True)
    rows[6]["is_incremental"] = False
    desk.put("inventory.json", {"backups": rows})
    done = desk.preview()
    assert done.returncode == 0
    assert "a full backup today frees 7 backups (70 GiB)" in done.stdout


def test_the_same_plan_gives_the_same_bytes(desk: Desk) -> None:
    assert desk.preview("--html", "one.html").returncode == desk.preview("--html", "two.html").returncode == 2
    assert desk.folder.joinpath("one.html").read_bytes() == desk.folder.joinpath("two.html").read_bytes()
    assert desk.preview("--json").stdout == desk.preview("--json").stdout


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("policy.json", "{", "policy.json: is not JSON"),
        ("policy.json", '{"keep": {}, "keep": {"last": 1}}', "policy.json: names a key twice"),
        ("policy.json", {**POLICY, "keep": {}}, 'policy.json: "keep" is empty'),
        ("policy.json", {**POLICY, "keep": {"keep-last": 1}}, "it comes from restic; the equivalent here is "),
        ("policy.json", {**POLICY, "timezone": "Mars"}, '"timezone" is "Mars", which is not a known time zone'),
        ("inventory.json", "nothing", "inventory.json: is not JSON"),
        ("inventory.json", {"backups": [{"name": "x"}]}, '"backups[0]": Object missing required field id'),
        (
            "inventory.json",
            {"backups": [*nightly(2), record(0, age=timedelta(0), volume_id="other")]},
            "two different backups have the id",
        ),
    ],
)
def test_bad_input_is_refused_with_one_sentence(desk: Desk, name: str, content: object, says: str) -> None:
    desk.put(name, content)
    sentence = desk.refusal("--json")
    assert says in sentence
    assert sentence.count("\n") == 1


@pytest.mark.parametrize("now", ["2026-11-25T03:00:00", "2026-11-25", "yesterday", "", "0001-01-01T00:00:00Z"])
def test_a_now_without_a_zone_is_refused(desk: Desk, now: str) -> None:
    assert "give an instant with a time zone" in desk.refusal(now=now)


@pytest.mark.parametrize(
    "words",
    [("--policy", "none.json"), ("--backups", "none.json"), ("--last", "none.json"), ("--html", "none/page.html")],
)
def test_a_file_that_cannot_be_opened_is_named(desk: Desk, words: tuple[str, str]) -> None:
    assert f"{words[1]}: No such file or directory" in desk.refusal(*words)


def test_a_last_plan_that_was_changed_is_refused(desk: Desk) -> None:
    desk.put("last.json", desk.preview("--json").stdout.replace('"keep":true', '"keep":false', 1))
    assert "last.json: the plan was changed" in desk.refusal("--last", "last.json")


def test_an_empty_hold_marker_is_refused(desk: Desk) -> None:
    assert "--hold-marker is empty" in desk.refusal("--hold-marker", " ")


@pytest.mark.parametrize("words", [("--json", "--html", "x"), ("--cluod", "x"), ("--service", "s3")])
def test_a_wrong_option_is_not_the_answer_that_something_goes(desk: Desk, words: tuple[str, ...]) -> None:
    assert "usage: vbs-reaper" in desk.refusal(*words)


def test_a_policy_may_be_given_as_the_event_that_a_schedule_holds(desk: Desk) -> None:
    plain = desk.preview("--json").stdout
    desk.put("policy.json", {"run": POLICY})
    assert desk.preview("--json").stdout == plain
    desk.put("policy.json", {"run": POLICY, "scheduled_time": "2026-11-25T03:00:00Z"})
    assert '"run" is not a key of a policy' in desk.refusal("--json")


@pytest.mark.parametrize("words", [("--now", "2026-11-25T03:00:00Z"), ("--last", "x"), ("--service", "vbs")])
def test_what_only_a_plan_on_the_desk_can_use_does_not_go_with_a_stack(desk: Desk, words: tuple[str, str]) -> None:
    done = desk.run("--policy", "policy.json", "--stack", "s", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{words[0]} cannot be used with --stack" in done.stderr


def test_a_broken_pipe_ends_quietly(desk: Desk) -> None:
    desk.put("inventory.json", {"backups": nightly(5000)})
    words = ["preview", "--policy", "policy.json", "--backups", "inventory.json", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "vbs_reaper.cli", *words],
        cwd=desk.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(9) == b'{"format"'
        process.stdout.close()
        assert process.stderr.read() == b""


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
def test_many_backups_are_planned_in_little_memory(desk: Desk, count: int, volumes: int) -> None:
    with desk.folder.joinpath("inventory.json").open("w") as file:
        file.write('{"backups": [')
        for number, row in enumerate(many(count, volumes)):
            file.write(("," if number else "") + json.dumps(row))
        file.write("]}")
    desk.put("policy.json", {**POLICY, "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2}})
    words = ["preview", "--policy", "policy.json", "--backups", "inventory.json", "--now", f"{NOW:%Y-%m-%dT%H:%M:%SZ}"]
    for output in (["--json"], ["--html", "page.html"]):
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *words, *output],
            cwd=desk.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 3
        cpu_s, peak_mb = done.stderr.split()
        print(f"{count:,} backups, {output[0]}: {cpu_s} s CPU, peak {peak_mb} MB")  # noqa: T201
        assert int(peak_mb) <= 70 + 380 * count // 1_000_000
    desk.folder.joinpath("inventory.json").unlink()
    assert desk.folder.joinpath("page.html").stat().st_size < 4_000_000
