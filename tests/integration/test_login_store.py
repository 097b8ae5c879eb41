"""Login slots in S3, with moto: every write and delete is conditional, in a bucket with versioning."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from vbs_reaper.aws import clients
from vbs_reaper.aws.login_store import TRIES, LoginBucket
from vbs_reaper.errors import BucketUnusable

KEY = "0123456789abcdef0123456789abcdef/new"


@pytest.fixture
def bucket(bucket: str) -> str:
    """The bucket with versioning, as in the template."""
    boto3.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


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


def test_an_object_is_replaced_and_deleted_only_if_unchanged_since_it_was_read(store: LoginBucket) -> None:
    first = store.create(KEY, b"one")
    assert first is not None
    second = store.replace(KEY, b"two", first)
    assert second not in (None, first)
    assert store.replace(KEY, b"three", first) is None
    store.delete(KEY, first)
    assert (found := store.read(KEY)) is not None
    assert found.body == b"two"
    for _ in range(2):
        store.delete(KEY, str(second))
    assert store.read(KEY) is None
    assert store.replace(KEY, b"three", str(second)) is None
    assert store.create(KEY, b"one") is not None


def test_a_call_has_a_short_timeout(aws: str) -> None:
    config: Any = clients.s3_of_small_objects().meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 2


CALLS: dict[str, tuple[str, Callable[[LoginBucket], object]]] = {
    "read": ("get_object", lambda store: store.read(KEY)),
    "create": ("put_object", lambda store: store.create(KEY, b"")),
    "replace": ("put_object", lambda store: store.replace(KEY, b"", "tag")),
    "delete": ("delete_object", lambda store: store.delete(KEY, "tag")),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NoSuchBucket", 404), ("SlowDown", 503)])
def test_an_unusable_bucket_is_reported_with_the_error_code(
    failing: tuple[LoginBucket, Stubber], call: str, code: str, status: int
) -> None:
    store, stubber = failing
    operation, make_call = CALLS[call]
    stubber.add_client_error(operation, code, "arn:aws:iam::1:role/x may not", status)
    with pytest.raises(BucketUnusable) as unusable:
        make_call(store)
    assert code in str(unusable.value)
    assert "arn:" not in str(unusable.value)


def test_an_unreachable_bucket_is_unusable(aws: str) -> None:
    once = Config(retries={"total_max_attempts": 1})
    with pytest.raises(BucketUnusable, match="EndpointConnectionError"):
        LoginBucket(lambda: boto3.client("s3", endpoint_url="http://127.0.0.1:9", config=once), "x").create(KEY, b"")


@pytest.mark.parametrize("call", ["create", "replace", "delete"])
@pytest.mark.parametrize(
    ("code", "status", "times"), [("PreconditionFailed", 412, 1), ("ConditionalRequestConflict", 409, TRIES)]
)
def test_a_write_after_that_of_another_function_or_always_beside_one_changes_nothing(
    failing: tuple[LoginBucket, Stubber], call: str, code: str, status: int, times: int
) -> None:
    store, stubber = failing
    operation, make_call = CALLS[call]
    for _ in range(times):
        stubber.add_client_error(operation, code, http_status_code=status)
    assert make_call(store) is None
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("call", ["create", "replace", "delete"])
def test_a_call_that_conflicts_with_that_of_another_function_is_repeated(
    failing: tuple[LoginBucket, Stubber], call: str
) -> None:
    """While a login is in progress, other functions try to create its slot. It must be freed nevertheless."""
    store, stubber = failing
    operation, make_call = CALLS[call]
    stubber.add_client_error(operation, "ConditionalRequestConflict", http_status_code=409)
    stubber.add_response(operation, {} if call == "delete" else {"ETag": "new"})
    assert make_call(store) == (None if call == "delete" else "new")
    stubber.assert_no_pending_responses()
