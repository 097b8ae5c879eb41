"""Login slots in S3, against moto: every write and delete on its condition, also in a bucket with versions."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from tests.support.template_resources import TemplateResources
from vbs_reaper.aws import clients
from vbs_reaper.aws.login_store import LoginBucket
from vbs_reaper.errors import BucketUnusable

KEY = "0123456789abcdef0123456789abcdef/new"


@pytest.fixture
def bucket(resources: TemplateResources) -> str:
    """The bucket keeps old versions, as the template says."""
    boto3.client("s3").put_bucket_versioning(
        Bucket=resources.plans_bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    return resources.plans_bucket


@pytest.fixture
def store(bucket: str) -> LoginBucket:
    return LoginBucket(clients.s3_of_small_objects, bucket)


@pytest.fixture
def failing(aws: str) -> Iterator[tuple[LoginBucket, Stubber]]:
    client = clients.s3_of_small_objects()
    with Stubber(client) as stubber:
        yield LoginBucket(lambda: client, "bucket"), stubber


def test_an_object_is_created_once_and_read_with_its_tag(store: LoginBucket, bucket: str) -> None:
    tag = store.create(KEY, b"one")
    assert tag is not None
    assert store.create(KEY, b"two") is None
    found = store.read(KEY)
    assert found is not None
    assert (found.body, found.tag) == (b"one", tag)
    (listed,) = boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert listed["Key"] == f"logins/{KEY}"


def test_an_object_is_replaced_only_in_the_state_that_was_read(store: LoginBucket) -> None:
    first = store.create(KEY, b"one")
    assert first is not None
    second = store.replace(KEY, b"two", first)
    assert second not in (None, first)
    assert store.replace(KEY, b"three", first) is None
    assert (found := store.read(KEY)) is not None
    assert found.body == b"two"


def test_an_object_is_deleted_only_in_the_state_that_was_read(store: LoginBucket) -> None:
    first = store.create(KEY, b"one")
    assert first is not None
    second = store.replace(KEY, b"two", first)
    assert second is not None
    store.delete(KEY, first)
    assert store.read(KEY) is not None
    store.delete(KEY, second)
    store.delete(KEY, second)
    assert store.read(KEY) is None
    assert store.replace(KEY, b"three", second) is None
    assert store.create(KEY, b"one") is not None


def test_no_client_is_made_before_a_login_needs_one() -> None:
    def make() -> object:
        raise AssertionError("made")

    LoginBucket(make, "bucket")  # type: ignore[arg-type]  # never called


def test_a_call_ends_soon(aws: str) -> None:
    config: Any = clients.s3_of_small_objects().meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 2


@pytest.mark.parametrize("call", ["read", "create", "replace", "delete"])
@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NoSuchBucket", 404), ("SlowDown", 503)])
def test_a_bucket_that_cannot_be_used_is_told_by_its_code(
    failing: tuple[LoginBucket, Stubber], call: str, code: str, status: int
) -> None:
    store, stubber = failing
    operations = {"read": "get_object", "delete": "delete_object"}
    stubber.add_client_error(operations.get(call, "put_object"), code, "arn:aws:iam::1:role/x may not", status)
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: store.read(KEY),
        "create": lambda: store.create(KEY, b""),
        "replace": lambda: store.replace(KEY, b"", "tag"),
        "delete": lambda: store.delete(KEY, "tag"),
    }
    with pytest.raises(BucketUnusable) as unusable:
        calls[call]()
    assert code in str(unusable.value)
    assert "arn:" not in str(unusable.value)


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "PreconditionFailed"])
def test_a_write_that_another_function_was_faster_with_changes_nothing(
    failing: tuple[LoginBucket, Stubber], code: str
) -> None:
    store, stubber = failing
    for _ in range(2):
        stubber.add_client_error("put_object", code, http_status_code=409)
    assert store.create(KEY, b"") is None
    assert store.replace(KEY, b"", "tag") is None


def test_a_network_that_fails_makes_the_bucket_unusable(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = clients.s3_of_small_objects()

    def fail(**_: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://s3")

    monkeypatch.setattr(client, "put_object", fail)
    with pytest.raises(BucketUnusable, match="ConnectTimeoutError"):
        LoginBucket(lambda: client, "bucket").create(KEY, b"")
