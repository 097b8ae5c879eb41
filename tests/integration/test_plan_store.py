"""Plans in S3, with moto: written once, found by hash, newest first. Errors of S3 refuse the run."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from tests.unit.purge.strategies import NOW, inventory, nightly, policy
from vbs_reaper.aws import clients
from vbs_reaper.aws.error_codes import code_of
from vbs_reaper.aws.plan_store import MARK_BYTES, PlanBucket
from vbs_reaper.errors import PlanStoreBusy, PlanUnreadable, RunRefused
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan, sha256_of
from vbs_reaper.purge.ports import SentMark, StoredDocument
from vbs_reaper.reasons import Reason

URL = "https://canary-of-an-endpoint"


def bodies(documents: Iterable[StoredDocument]) -> list[bytes]:
    return [b"".join(each.pieces()) for each in documents]


def head(bucket: str, name: str) -> Any:  # noqa: ANN401  # the response of S3
    return boto3.client("s3").head_object(Bucket=bucket, Key=f"plans/nightly/{name}")


def made(run: str, nights: int = 5) -> Plan:
    found = plan(policy(), inventory(nightly(nights)), NOW + timedelta(days=nights), run=run)
    return replace(found, sha256=sha256_of(found))


@pytest.fixture
def store(bucket: str) -> PlanBucket:
    return PlanBucket(clients.s3(), bucket)


@pytest.fixture
def denied(aws: str) -> Iterator[tuple[PlanBucket, Stubber]]:
    """A store with a stubbed response to its next call."""
    client = clients.s3()
    with Stubber(client) as stubber:
        yield PlanBucket(client, "plans"), stubber


def test_a_plan_is_written_once_and_read_back_unchanged(store: PlanBucket, bucket: str) -> None:
    first = made("first")
    assert store.read("nightly", "first") is None
    assert store.store("nightly", "first", replace(first, sha256=None)) == first.sha256
    assert store.store("nightly", "first", made("first", nights=9)) is None
    for found in (store.read("nightly", "first"), store.find("nightly", str(first.sha256)), *store.newest("nightly")):
        assert found is not None
        assert found.run == "first"
        assert found.stored_at == head(bucket, "first.json")["LastModified"]
        assert b"".join(found.pieces()) == b"".join(found.pieces()) == encode_plan(first)
    assert read_plan(encode_plan(first)).sha256 == first.sha256
    # Its policy names no target.
    assert head(bucket, "first.json")["Metadata"] == {"sha256": first.sha256, "due": "3", "exceeded": "max_fraction"}
    assert head(bucket, "first.json")["ContentType"] == "application/json"


def test_the_metadata_of_a_plan_names_only_guards_that_are_exceeded(store: PlanBucket, bucket: str) -> None:
    sha256 = store.store("nightly", "first", made("first", nights=2))
    assert head(bucket, "first.json")["Metadata"] == {"sha256": sha256, "due": "0"}


def test_the_page_of_a_plan_is_stored_beside_it(store: PlanBucket, bucket: str) -> None:
    for _ in range(2):
        store.store_page("nightly", "first", made("first"))
    found = boto3.client("s3").get_object(Bucket=bucket, Key="plans/nightly/first.html")
    assert found["ContentType"] == "text/html; charset=utf-8"
    with found["Body"] as body:
        page = body.read().decode()
    assert page.startswith("<!doctype html>")
    assert str(made("first").sha256) in page


def test_a_plan_that_was_replaced_or_removed_while_it_is_read_is_not_read(store: PlanBucket, bucket: str) -> None:
    store.store("nightly", "first", made("first"))
    document, listed = store.read("nightly", "first"), next(store.newest("nightly"))
    assert document is not None
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="plans/nightly/first.json", Body=b"{}")
    assert b"".join(document.pieces()) == encode_plan(made("first"))  # it was opened before
    for each in (document, listed):
        with pytest.raises(RunRefused, match=r"cannot be read at plans/nightly/first.json \(PreconditionFailed\)"):
            list(each.pieces())
    s3.delete_object(Bucket=bucket, Key="plans/nightly/first.json")
    with pytest.raises(PlanStoreBusy, match=r"plans/nightly/first.json was removed while it was read"):
        list(listed.pieces())


def test_the_newest_plans_of_a_policy_are_those_stored_last_for_any_run_names(store: PlanBucket, bucket: str) -> None:
    assert list(store.newest("nightly")) == []
    store.store("nightly", "b", made("b", 4))
    store.store("nightly", "c", made("c", 5))
    store.store("nightly-2", "first", made("first"))
    store.store_page("nightly", "c", made("c", 5))
    store.mark("nightly", "c", SentMark.SENT, b"{}", is_part=False)
    assert bodies(store.newest("nightly")) == [encode_plan(made("c", 5)), encode_plan(made("b", 4))]
    stored_at = head(bucket, "b.json")["LastModified"]
    assert list(store.newest("nightly", stored_at)) == []
    assert [each.run for each in store.newest("nightly", stored_at + timedelta(minutes=1))] == ["c", "b"]


def test_a_plan_is_found_by_its_hash_among_those_of_its_policy(store: PlanBucket) -> None:
    for run, nights in (("first", 4), ("second", 5), ("third", 6)):
        store.store("nightly", run, made(run, nights))
    sha256 = made("second").sha256
    assert sha256 is not None
    found = store.find("nightly", sha256)
    assert found is not None
    assert (found.run, bodies([found])) == ("second", [encode_plan(made("second"))])
    assert store.find("weekly", sha256) is None
    assert store.find("nightly", hashlib.sha256(b"").hexdigest()) is None


def test_the_newest_plans_of_other_policies_of_a_target_are_found(store: PlanBucket) -> None:
    def of(target: str, run: str) -> Plan:
        return replace(made(run), policy=policy(target=target), sha256=None)

    for name, target in (("a", "otc"), ("b", "otc-test"), ("c", "otc"), ("nightly", "otc"), ("d", "otc")):
        for run in ("first", "second"):
            store.store(name, run, of(target, run))
    store.store("old", "first", made("first"))
    found = list(store.newest_of_others("nightly", "otc", 2))
    assert [(each.run, b"".join(each.pieces())) for each in found] == [("second", encode_plan(of("otc", "second")))] * 2
    assert len(list(store.newest_of_others("nightly", "otc", 9))) == 3
    assert list(store.newest_of_others("nightly", "other", 9)) == []


@pytest.mark.parametrize("mark", SentMark)
def test_marks_and_parts_are_stored_under_unused_names(store: PlanBucket, bucket: str, mark: SentMark) -> None:
    store.store("nightly", "first", made("first"))
    store.mark("nightly", "first-2", mark, b"{}", is_part=False)
    assert list(store.marks("nightly", "first")) == []
    for document, is_part in ((b"1", False), (b"2", True), (b"3", False), (b"4", True)):
        store.mark("nightly", "first", mark, document, is_part=is_part)
    found = {each.name.removeprefix("plans/nightly/first."): each for each in store.marks("nightly", "first")}
    assert {name: (each.mark, each.is_part, each.document) for name, each in found.items()} == {
        mark.value: (mark, False, b"1"),
        f"{mark}.part": (mark, True, b"2"),
        f"{mark}.1": (mark, False, b"3"),
        f"{mark}.part.1": (mark, True, b"4"),
    }
    assert found[mark.value].stored_at == head(bucket, f"first.{mark}")["LastModified"]


def test_an_object_that_is_too_large_to_be_a_mark_is_not_read(store: PlanBucket, bucket: str) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="plans/nightly/first.sent", Body=b"x" * (MARK_BYTES + 1))
    s3.put_object(Bucket=bucket, Key="plans/nightly/first.sentence", Body=b"{}")
    ((name, document),) = [(each.name, each.document) for each in store.marks("nightly", "first")]
    assert (name, document) == ("plans/nightly/first.sent", b"")


def test_a_document_costs_one_request(store: PlanBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for run, nights in (("first", 4), ("second", 5)):
        store.store("nightly", run, made(run, nights))
    client, opened = clients.s3(), []

    def get_object(**parts: str) -> object:
        opened.append(parts["Key"])
        return boto3.client("s3").get_object(**parts)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(client, "get_object", get_object)
    counted = PlanBucket(client, store._bucket)  # noqa: SLF001  # the same bucket
    document = counted.read("nightly", "first")
    assert document is not None
    list(document.pieces())
    assert opened == ["plans/nightly/first.json"]
    newest = list(counted.newest("nightly"))
    assert len(opened) == 1
    list(newest[0].pieces())
    assert opened[1:] == ["plans/nightly/second.json"]


# ------------------------------------------------------------------ an unusable bucket

CALLS: dict[str, tuple[str, Callable[[PlanBucket], object]]] = {
    "read": ("get_object", lambda store: store.read("nightly", "first")),
    "newest": ("list_objects_v2", lambda store: list(store.newest("nightly"))),
    "newest_of_others": ("list_objects_v2", lambda store: list(store.newest_of_others("nightly", "otc", 9))),
    "find": ("list_objects_v2", lambda store: store.find("nightly", "a" * 64)),
    "store": ("put_object", lambda store: store.store("nightly", "first", made("first"))),
    "store_page": ("put_object", lambda store: store.store_page("nightly", "first", made("first"))),
    "marks": ("list_objects_v2", lambda store: list(store.marks("nightly", "first"))),
    "mark": ("put_object", lambda store: store.mark("nightly", "first", SentMark.SENT, b"{}", is_part=False)),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_unusable_bucket_refuses_the_run_with_only_the_error_code(
    denied: tuple[PlanBucket, Stubber], call: str
) -> None:
    store, stubber = denied
    operation, make_call = CALLS[call]
    stubber.add_client_error(operation, "AccessDenied", "arn:aws:iam::1:role/x may not", 403)
    with pytest.raises(RunRefused) as refused:
        make_call(store)
    assert not isinstance(refused.value, PlanStoreBusy)
    assert refused.value.reason is Reason.PLANS_UNUSABLE
    assert "AccessDenied" in str(refused.value)
    assert "arn:" not in str(refused.value)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDenied", 400, PlanUnreadable),
        ("KMS.DisabledException", 400, PlanUnreadable),
        ("KMS.KMSInvalidStateException", 400, PlanUnreadable),
        ("KMS.ThrottlingException", 400, PlanStoreBusy),
        ("KMS.KMSInternalException", 500, PlanStoreBusy),
    ],
)
def test_a_plan_whose_key_may_not_be_used_is_unreadable_and_one_whose_key_is_busy_is_not(
    store: PlanBucket, bucket: str, monkeypatch: pytest.MonkeyPatch, code: str, status: int, kind: type[RunRefused]
) -> None:
    store.store("nightly", "first", made("first"))
    client = clients.s3()

    def deny(**_: object) -> None:
        raise answered(code, status)

    monkeypatch.setattr(client, "get_object", deny)
    (found,) = PlanBucket(client, bucket).newest("nightly")
    with pytest.raises(kind, match=rf"first.json \({code}\)"):
        list(found.pieces())


def answered(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")


@pytest.mark.parametrize(
    ("error", "is_busy"),
    [
        *((answered(code, 400), True) for code in ("RequestTimeout", "InternalError", "ServiceUnavailable", "SlowDown",
                                                   "ConditionalRequestConflict")),
        (answered("OperationAborted", 409), True),
        (answered("500", 500), True),
        (answered("Unheard", 502), True),
        (answered("AccessDenied", 403), False),
        (ConnectTimeoutError(endpoint_url=URL), True),
        (ReadTimeoutError(endpoint_url=URL), True),
        (EndpointConnectionError(endpoint_url=URL), True),
        (ConnectionClosedError(endpoint_url=URL), True),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (NoCredentialsError(), False),
    ],
    ids=str,
)  # fmt: skip
def test_a_temporary_failure_of_a_bucket_is_busy_and_a_denial_is_not(
    monkeypatch: pytest.MonkeyPatch, aws: str, error: Exception, is_busy: bool
) -> None:
    def fail(**_: object) -> None:
        raise error

    client = clients.s3()
    monkeypatch.setattr(client, "get_object", fail)
    with pytest.raises(RunRefused) as refused:
        PlanBucket(client, "plans").read("nightly", "first")
    assert refused.value.reason is Reason.PLANS_UNUSABLE
    assert isinstance(refused.value, PlanStoreBusy) is is_busy
    assert str(refused.value) == f"the plans bucket cannot be read at plans/nightly/first.json ({code_of(error)})"


def test_a_conflicting_write_is_retried(denied: tuple[PlanBucket, Stubber]) -> None:
    store, stubber = denied
    conflict = "ConditionalRequestConflict"
    stubber.add_client_error("put_object", conflict, http_status_code=409)
    stubber.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
    assert store.store("nightly", "first", made("first")) is None
    for _ in range(2):
        stubber.add_client_error("put_object", conflict, http_status_code=409)
    with pytest.raises(PlanStoreBusy, match=rf"written at plans/nightly/first.sent \({conflict}\)$"):
        store.mark("nightly", "first", SentMark.SENT, b"{}", is_part=False)


def test_a_missing_bucket_refuses_the_run(aws: str) -> None:
    with pytest.raises(RunRefused, match="NoSuchBucket"):
        list(PlanBucket(clients.s3(), "nowhere").newest("nightly"))
    with pytest.raises(ClientError):
        boto3.client("s3").head_bucket(Bucket="nowhere")
