"""Holds in S3, with moto: several pages of them, and an unusable bucket."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.support.doubles import ManualClock
from vbs_reaper.aws import clients
from vbs_reaper.aws.hold_store import LIST_S, HoldBucket
from vbs_reaper.backups.holds import HOLDS, HoldKind, HoldRecord, Holds, name_of_hold, read_hold
from vbs_reaper.errors import BucketUnusable

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
BACKUP = "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"
NAME = name_of_hold(HoldKind.BACKUP, BACKUP, None, "0123abcd")
RECORD = HoldRecord(reason="case 7", by="arn:aws:iam::1:user/jane", at=NOW, target="otc-prod")


@pytest.fixture
def store(bucket: str) -> HoldBucket:
    return HoldBucket(clients.s3_of_small_objects, bucket, ManualClock())


@pytest.fixture
def failing(aws: str) -> Iterator[tuple[HoldBucket, Stubber]]:
    client = clients.s3_of_small_objects()
    with Stubber(client) as stubber:
        yield HoldBucket(lambda: client, "bucket", ManualClock()), stubber


def test_a_hold_is_written_once_encrypted_by_s3_read_and_released(store: HoldBucket, bucket: str) -> None:
    assert store.list_holds() == []
    store.write(NAME, RECORD)
    (hold,) = store.list_holds()
    assert hold == read_hold(HOLDS + NAME)
    assert store.read_record(hold) == RECORD
    with pytest.raises(ClientError, match="PreconditionFailed"):
        store.write(NAME, RECORD)
    found = boto3.client("s3").head_object(Bucket=bucket, Key=HOLDS + NAME)
    assert found["ServerSideEncryption"] == "AES256"
    store.release(hold)
    assert store.list_holds() == []
    assert store.read_record(hold) is None


def test_every_hold_on_several_pages_is_found(store: HoldBucket, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")  # S3 lists 1,000 a page; moto runs in this process
    s3 = boto3.client("s3")
    ids = [str(UUID(int=number)) for number in range(25)]
    for each in ids:
        s3.put_object(Bucket=bucket, Key=HOLDS + name_of_hold(HoldKind.BACKUP, each, None, "0123abcd"))
    s3.put_object(Bucket=bucket, Key="holds/backup/")
    s3.put_object(Bucket=bucket, Key="plans/nightly/x.json")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 10
    holds = Holds(store.list_holds(), NOW)
    assert all(holds.on_backup(each, None, NOW) for each in ids)
    assert len(list(holds)) == len(ids)


@pytest.mark.parametrize(
    "body",
    [b"by hand", b"[" * 100_000, b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"x" * (4 << 20)],
    ids=["not JSON", "nested", "nested in an object", "large"],
)
def test_a_hold_counts_although_its_record_cannot_be_read(store: HoldBucket, bucket: str, body: bytes) -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key=HOLDS + NAME, Body=body)
    (hold,) = store.list_holds()
    assert store.read_record(hold) is None


@pytest.mark.parametrize("page", [{"IsTruncated": True}, {}])
def test_a_listing_without_is_truncated_is_unusable(failing: tuple[HoldBucket, Stubber], page: dict[str, bool]) -> None:
    store, stubber = failing
    stubber.add_response("list_objects_v2", page)
    with pytest.raises(BucketUnusable, match="not complete"):
        store.list_holds()


def test_an_object_of_another_kind_makes_the_bucket_unusable_and_is_named(store: HoldBucket, bucket: str) -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key="holds/vault/1/released-0123abcd")
    with pytest.raises(BucketUnusable, match="holds/vault/1/released-0123abcd"):
        store.list_holds()


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NoSuchBucket", 404), ("SlowDown", 503)])
def test_a_bucket_that_cannot_be_listed_is_reported_with_the_error_code(
    failing: tuple[HoldBucket, Stubber], code: str, status: int
) -> None:
    store, stubber = failing
    stubber.add_client_error("list_objects_v2", code, "arn:aws:iam::1:role/x may not", status)
    with pytest.raises(BucketUnusable) as unusable:
        store.list_holds()
    assert code in str(unusable.value)
    assert "arn:" not in str(unusable.value)


@pytest.mark.usefixtures("aws")
def test_an_unreachable_bucket_is_unusable() -> None:
    s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(BucketUnusable, match="EndpointConnectionError"):
        HoldBucket(lambda: s3, "bucket", ManualClock()).list_holds()


def test_a_listing_does_not_take_longer_than_ten_seconds(aws: str) -> None:
    clock = ManualClock()

    def slow_clock() -> datetime:
        clock.advance(LIST_S * 0.6)
        return clock()

    client = clients.s3_of_small_objects()
    page = {"IsTruncated": True, "NextContinuationToken": "next", "Contents": [{"Key": HOLDS + NAME}]}
    with Stubber(client) as stubber:
        for _ in range(2):
            stubber.add_response("list_objects_v2", page)
        with pytest.raises(BucketUnusable, match="takes more than 10 s"):
            HoldBucket(lambda: client, "bucket", slow_clock).list_holds()
        stubber.assert_no_pending_responses()
