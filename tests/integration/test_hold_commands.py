"""`vbs-reaper hold`, `holds`, `release` and `stop`, with the bucket in moto."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest

from tests.integration.stack_outputs import give_outputs
from tests.support.in_process import Finished, run_cli
from tests.support.template_resources import REGION
from tests.unit.purge.strategies import NOW, inventory, nightly, policy
from vbs_reaper.aws import clients
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.backups.holds import HOLDS, HoldKind, HoldRecord, name_of_hold
from vbs_reaper.clock import utc_now
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.ports import SentMark

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "plans-of-a-stack"
UNSEEN = "99999999-0b0a-4a5e-9c3e-2f6f0c6f7a11"
ARN = "arn:aws:sts::123456789012:user/moto"
RUN = "2026-11-25T04-00-00Z"

Cli = Callable[..., Finished]


@pytest.fixture
def s3(aws: str, monkeypatch: pytest.MonkeyPatch) -> "S3Client":
    """The bucket of a deployed stack."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    outputs = {"PlansBucketName": BUCKET, "DeleterFunctionName": "deleter"}
    give_outputs(monkeypatch, outputs)
    return client


@pytest.fixture
def cli(s3: object) -> Cli:
    """Return a function that runs a command on the stack, 80 columns wide."""

    def run(command: str, *words: str, typed: str = "") -> Finished:
        environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
        return run_cli((command, "--stack", "reaper", *words), environment=environment, typed=typed)

    return run


@pytest.fixture
def bucket(s3: object) -> HoldBucket:
    return HoldBucket(clients.s3, BUCKET, utc_now)


@pytest.fixture
def backups(s3: object) -> list[Any]:
    """Store a plan of policy "nightly" for RUN; return its backups."""
    of_target = msgspec.structs.replace(policy(), target="otc")
    made = plan(of_target, inventory(nightly(5)), NOW + timedelta(days=5), run=RUN)
    store = PlanBucket(clients.s3(), BUCKET)
    store.store("nightly", RUN, replace(made, sha256=None))
    store.mark("nightly", RUN, SentMark.SENT, b'{"requested": 3}', is_part=False)
    return list(made.backups)


def held(cli: Cli, *words: str) -> list[dict[str, Any]]:
    finished = cli("holds", "--json", *words)
    assert finished.returncode == 0, finished.stderr
    found: list[dict[str, Any]] = json.loads(finished.stdout)["holds"]
    return found


def put(bucket: HoldBucket, kind: HoldKind, on: str, until: datetime | None = None, n: int = 0) -> str:
    name = name_of_hold(kind, on, until, f"{n:08x}")
    bucket.write(name, HoldRecord(reason=f"reason {n}", by="arn:somebody", at=NOW))
    return name


def test_a_hold_is_stored_with_data_of_the_newest_plan_and_its_author(
    cli: Cli,
    backups: list[Any],
    s3: "S3Client",
) -> None:
    backup = backups[2]
    done = cli("hold", "--backup", backup.id.upper(), "--until", "2199-12-31", "--reason", "Legal: case 17")
    assert done.returncode == 0, done.stderr
    assert "until the end of 2199-12-31 (UTC), that is 2200-01-01T00:00:00Z" in done.stdout
    assert f'held: backup {backup.id} ("{backup.name}", target otc)' in done.stdout
    (found,) = held(cli)
    assert re.fullmatch(rf"backup/{backup.id}/2200-01-01T00-00-00Z-[0-9a-f]{{8}}", found["name"])
    assert found | {"name": "", "at": ""} == {
        "name": "",
        "kind": "backup",
        "id": backup.id,
        "until": "2200-01-01T00:00:00Z",
        "live": True,
        "reason": "Legal: case 17",
        "by": ARN,
        "at": "",
        "target": "otc",
        "backup_name": backup.name,
    }
    assert s3.head_object(Bucket=BUCKET, Key=HOLDS + found["name"])["ServerSideEncryption"] == "AES256"
    text = cli("holds").stdout
    assert all(each in text for each in (found["name"], ARN, "Legal: case 17", "1 hold", "end of 2199-12-31"))
    assert f"  {found['name']}" in text.splitlines()
    assert max(map(len, text.splitlines())) <= 80


def test_a_hold_on_a_volume_says_how_many_of_its_backups_are_in_the_plan(cli: Cli, backups: list[Any]) -> None:
    volume_id = backups[0].volume_id
    done = cli("hold", "--volume", volume_id, "--reason", "keep")
    assert done.returncode == 0, done.stderr
    assert (
        f"{sum(each.volume_id == volume_id for each in backups)} backups are in the plan nightly/{RUN}." in done.stdout
    )
    (found,) = held(cli)
    assert (found["kind"], found["id"], found["until"], found["target"]) == ("volume", volume_id, None, "otc")
    assert "backup_name" not in found


def test_an_id_that_no_plan_contains_is_rejected_without_unseen(
    cli: Cli, backups: list[Any], bucket: HoldBucket
) -> None:
    for words in (("--backup", UNSEEN), ("--volume", backups[0].id)):
        done = cli("hold", *words, "--reason", "x")
        assert done.returncode == 1
        assert "add --unseen to hold it anyway" in done.stderr
    assert bucket.list_holds() == []
    assert cli("hold", "--backup", UNSEEN, "--reason", "x", "--unseen").returncode == 0
    assert [each.of for each in bucket.list_holds()] == [UNSEEN]


def test_the_newest_plan_of_every_policy_is_searched_even_if_another_cannot_be_read(
    cli: Cli,
    backups: list[Any],
    s3: "S3Client",
) -> None:
    for key in ("plans/a-broken/x.json", "plans/z-broken/x.json"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b'{"advice":[],"backups":[{"created_at":%s' % backups[0].id.encode())
    assert cli("hold", "--backup", backups[0].id, "--reason", "x").returncode == 0
    PlanBucket(clients.s3(), BUCKET).store(
        "nightly", "2026-11-26T04-00-00Z", plan(policy(), inventory([]), NOW + timedelta(days=6))
    )
    done = cli("hold", "--backup", backups[0].id, "--reason", "x")
    assert (done.returncode, "newest stored plan" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--backup", UNSEEN), "--reason is missing"),
        (("--backup", UNSEEN, "--reason", "x", "--until", "soon"), "give a date such as"),
        (("--reason", "x"), "one of the arguments --backup --volume --from-file is required"),
        (("--backup", UNSEEN, "--volume", UNSEEN, "--reason", "x"), "not allowed with"),
        (("--from-file", "x.json", "--reason", "x"), "--from-file cannot be used with"),
        (("--from-file", "does-not-exist.json"), "No such file"),
    ],
)
def test_wrong_input_is_one_error_before_any_call_to_aws(words: tuple[str, ...], complaint: str) -> None:
    done = run_cli(("hold", "--stack", "reaper", *words), environment={})
    assert done.returncode == 1
    assert complaint in done.stderr


def test_ended_holds_are_counted_and_shown_on_request(cli: Cli, bucket: HoldBucket) -> None:
    assert cli("holds").stdout == "no holds and no stops\n"
    ended = put(bucket, HoldKind.BACKUP, UNSEEN, NOW, 1)
    live = put(bucket, HoldKind.BACKUP, UNSEEN, datetime(2199, 1, 1, tzinfo=UTC), 2)
    put(bucket, HoldKind.RUN, "nightly/*", None, 3)
    text = cli("holds").stdout
    assert ended not in text
    assert live in text
    assert "every run of policy nightly" in text
    assert "1 hold and 1 stop; 1 more ended: --all shows them, `release --ended` removes them" in text
    assert f"until {NOW:%Y-%m-%d %H:%M:%S} UTC (ended)" in cli("holds", "--all").stdout
    assert [each["live"] for each in held(cli, "--all")] == [False, True, True]


def test_an_unreadable_record_is_named_with_what_to_do(cli: Cli, s3: "S3Client") -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{HOLDS}backup/{UNSEEN}/by-hand", Body=b"not JSON")
    (found,) = held(cli)
    assert found == {"name": f"backup/{UNSEEN}/by-hand", "kind": "backup", "id": UNSEEN, "until": None, "live": True}
    text = cli("holds").stdout
    assert "its record cannot be read" in text
    assert "until it is released" in text
    s3.put_object(Bucket=BUCKET, Key=f"{HOLDS}tape/7", Body=b"{}")
    done = cli("holds")
    assert done.returncode == 1
    assert "holds/tape/7" in done.stderr
    assert "remove it" in done.stderr


def test_all_holds_are_read_in_order_with_one_client(
    cli: Cli, bucket: HoldBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 cannot create clients in several threads at once, and one client per hold would take seconds."""
    for n in range(20):
        put(bucket, HoldKind.BACKUP, UNSEEN, n=n)
    made, create = list[str](), boto3.client

    def count(service: str, **settings: Any) -> Any:  # noqa: ANN401  # passed on
        made.append(service)
        return create(service, **settings)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3, "client", count)
    assert [each["reason"] for each in held(cli)] == [f"reason {n}" for n in range(20)]
    assert made == ["s3"]


@pytest.mark.parametrize("by", ["name", "digits"])
def test_a_hold_is_released_by_its_name_or_digits_after_confirmation(cli: Cli, bucket: HoldBucket, by: str) -> None:
    kept = put(bucket, HoldKind.BACKUP, UNSEEN, None, 1)
    name = put(bucket, HoldKind.BACKUP, UNSEEN, None, 2)
    given = name if by == "name" else name[-8:]
    done = cli("release", given, typed="y\n")
    assert (done.returncode, "nothing was released" in done.stderr) == (1, True)
    assert "reason 2" in done.stderr, "what is asked about"
    done = cli("release", given, typed="1\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"released: backup {UNSEEN}, but 1 other hold on it still counts\n"
    assert [each.name for each in bucket.list_holds()] == [kept]
    assert json.loads(cli("release", kept, "--yes", "--json").stdout)["released"][0]["name"] == kept
    assert bucket.list_holds() == []


def test_an_unknown_or_ambiguous_name_releases_nothing(cli: Cli, bucket: HoldBucket) -> None:
    one = put(bucket, HoldKind.BACKUP, UNSEEN, None, 7)
    other = put(bucket, HoldKind.VOLUME, UNSEEN, None, 7)
    put(bucket, HoldKind.VOLUME, UNSEEN, None, 8)
    done = cli("release", "00000007", "--yes")
    assert done.returncode == 1
    assert all(each in done.stderr for each in (one, other, "ambiguous"))
    for unknown in ("00000009", "7", UNSEEN):
        done = cli("release", "00000008", unknown, "--yes")
        assert (done.returncode, "there is no hold" in done.stderr) == (1, True), unknown
    assert cli("release", "--yes").returncode == 1
    assert cli("release", one, "--ended", "--yes").returncode == 1
    assert len(bucket.list_holds()) == 3


def test_only_ended_holds_are_released_by_ended(cli: Cli, bucket: HoldBucket) -> None:
    live = [put(bucket, HoldKind.BACKUP, UNSEEN, until, 1) for until in (None, datetime(2199, 1, 1, tzinfo=UTC))]
    for n in range(3):
        put(bucket, HoldKind.RUN, f"nightly/run-{n}", NOW, n)
    done = cli("release", "--ended", typed="3\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("released: run run-") == 3
    assert sorted(each.name for each in bucket.list_holds()) == sorted(live)
    assert cli("release", "--ended").stdout == "no hold or stop has ended\n"


def test_holds_are_copied_to_another_stack_once(cli: Cli, bucket: HoldBucket, s3: "S3Client", tmp_path: Path) -> None:
    names = [
        put(bucket, HoldKind.BACKUP, UNSEEN, None, 1),
        put(bucket, HoldKind.VOLUME, UNSEEN, datetime(2199, 1, 1, tzinfo=UTC), 2),
        put(bucket, HoldKind.RUN, "nightly/*", None, 3),
        put(bucket, HoldKind.RUN, f"nightly/{RUN}", datetime(2199, 1, 1, tzinfo=UTC), 4),
        put(bucket, HoldKind.BACKUP, UNSEEN, NOW, 5),
    ]
    path = tmp_path / "holds.json"
    path.write_text(cli("holds", "--json", "--all").stdout, encoding="utf-8")
    for name in names[1:]:
        s3.delete_object(Bucket=BUCKET, Key=HOLDS + name)
    done = cli("hold", "--from-file", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 holds and stops written; 1 existed already, 1 of the file have ended\n"
    carried = held(cli)
    shape = [(each["kind"], each["id"], each["until"], each["reason"]) for each in carried]
    assert {each["by"] for each in carried} == {"arn:somebody", ARN}
    assert shape == [
        ("backup", UNSEEN, None, "reason 1"),
        ("run", "nightly/*", None, "reason 3"),
        ("run", f"nightly/{RUN}", "2199-01-01T00:00:00Z", "reason 4"),
        ("volume", UNSEEN, "2199-01-01T00:00:00Z", "reason 2"),
    ]
    again = cli("hold", "--from-file", str(path), "--json")
    assert json.loads(again.stdout) == {"holds": []}
    assert len(bucket.list_holds()) == 4


@pytest.mark.parametrize(
    ("words", "of", "lasts", "says"),
    [
        (("--run", RUN), f"nightly/{RUN}", timedelta(days=14), f"stopped: run {RUN} of policy nightly"),
        (("--run", RUN[:9]), f"nightly/{RUN}", timedelta(days=14), f"stopped: run {RUN} of policy nightly"),
        ((), "nightly/*", None,
         "The policy's next runs and approvals are refused (stopped) until the stop is released."),
    ],
    ids=["one run", "one run by the beginning of its name", "every run"],
)  # fmt: skip
def test_one_run_is_stopped_for_14_days_and_a_policy_until_the_stop_is_released(
    cli: Cli, backups: list[Any], bucket: HoldBucket, words: tuple[str, ...], of: str, lasts: timedelta | None,
    says: str,
) -> None:  # fmt: skip
    done = cli("stop", "--policy", "nightly", *words, "--reason", "wrong policy")
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    assert "What was requested and accepted before is not known:" in done.stdout, "there is no log"
    (found,) = held(cli)
    assert (found["kind"], found["id"], found["reason"]) == ("run", of, "wrong policy")
    (hold,) = bucket.list_holds()
    assert (hold.until is None) is (lasts is None)
    if hold.until is not None and lasts is not None:
        assert timedelta() <= datetime.now(UTC) + lasts - hold.until < timedelta(hours=1)
    assert cli("release", hold.name[-8:], "--yes").stdout.startswith("released: ")
    assert bucket.list_holds() == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--policy", "nightly", "--run", "2027", "--reason", "x"), 'policy "nightly" has no run 2027'),
        (("--policy", "nigthly", "--reason", "x"), "nothing was stopped; the policies with plans: nightly"),
        (("--policy", "nightly/", "--reason", "x"), "nothing was stopped"),
        (("--policy", "nightly"), "--reason is missing"),
        (("--policy", "nightly", "--run", "", "--reason", "x"), "the name of the run is empty"),
    ],
)
def test_what_cannot_be_stopped_is_one_error(
    cli: Cli, backups: list[Any], bucket: HoldBucket, words: tuple[str, ...], complaint: str
) -> None:
    done = cli("stop", *words)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert bucket.list_holds() == []
