"""S3: stores plans and their HTML pages by policy and run. Every object is written once, with `If-None-Match: *`.

A failure that may pass raises `PlanStoreBusy`, any other failure raises `RunRefused`.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from http import HTTPStatus
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

from botocore.exceptions import (
    ClientError,
    ConnectionError as BotoConnectionError,
    HTTPClientError,
    IncompleteReadError,
)

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.errors import PlanStoreBusy, RunRefused
from vbs_reaper.purge.plan_file import write_plan
from vbs_reaper.purge.ports import StoredDocument
from vbs_reaper.purge.report.html_page import write_page
from vbs_reaper.purge.run_result import key_of
from vbs_reaper.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectTypeDef

    from vbs_reaper.purge.plan import Plan
    from vbs_reaper.purge.ports import SentMark

PLAN: Final = "json"
PAGE: Final = "html"
SHA256: Final = "sha256"
"""The object metadata by which an approved plan is found. It is not trusted: the sha256 is computed when it is read."""

TARGET: Final = "target"
"""The object metadata by which plans of the same target are found. It is used only for a warning."""
PLANS: Final = "plans/"

PIECE_BYTES: Final = 1 << 20
"""Plans are read in pieces of this size."""

_EXISTS: Final = frozenset({"PreconditionFailed", "412"})
_CONFLICT: Final = "ConditionalRequestConflict"
"""A concurrent request writes to the same key (S3 User Guide, "How to prevent object overwrites")."""
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_TRANSIENT: Final = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", _CONFLICT})
"""Codes of errors that may pass (S3 API Reference, "Error responses"), also for responses without a status."""


class PlanBucket:
    """The plans bucket. Implements `purge.ports.PlanStore`."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, policy: str, run: str) -> StoredDocument | None:
        """Return the document of a run; None if there is none."""
        return self._read(policy, key_of(policy, run, PLAN))

    def newest(self, policy: str, limit: int) -> Iterator[StoredDocument]:
        """Yield the documents stored last, newest first, at most `limit`. Those that are gone by then are left out."""
        for each in self._newest_first(policy)[:limit]:
            document = self._read(policy, each["Key"])
            if document is not None:
                yield document

    def newest_of_others(self, policy: str, target: str, limit: int) -> Iterator[StoredDocument]:
        """Yield the document stored last of each other policy of the target, at most `limit`, in the order of names.

        Plans of earlier versions do not show their target, so they are left out.
        """
        found = (each for each in self._policies() if each != policy)
        documents = (self._newest_of(each, target) for each in found)
        yield from islice((each for each in documents if each is not None), limit)

    def _newest_of(self, policy: str, target: str) -> StoredDocument | None:
        for newest in self._newest_first(policy)[:1]:
            found = self._head(newest["Key"])
            if found is not None and found["Metadata"].get(TARGET) == target:
                return self._read(policy, newest["Key"])
        return None

    def _policies(self) -> list[str]:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=PLANS, Delimiter="/"
            )
            found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
        except AWS_ERRORS as error:
            raise _unusable("listed", PLANS, error) from None
        return [each.removeprefix(PLANS).rstrip("/") for each in found]

    def find(self, policy: str, sha256: str) -> StoredDocument | None:
        """Return the document that was stored with this sha256; None if there is none."""
        for each in self._newest_first(policy):
            if self._sha256_of(each["Key"]) == sha256:
                return self._read(policy, each["Key"])
        return None

    def store(self, policy: str, run: str, plan: Plan) -> str | None:
        """Store the plan of a run; return its sha256. Stores nothing and returns None if the run already has a plan."""
        with TemporaryFile() as file:
            sha256 = _write(write_plan(plan), file)
            metadata = {SHA256: sha256} | ({TARGET: plan.policy.target} if plan.policy.target else {})
            is_stored = self._put(key_of(policy, run, PLAN), file, "application/json", metadata)
            return sha256 if is_stored else None

    def store_page(self, policy: str, run: str, plan: Plan) -> None:
        """Store the HTML page of the plan of a run, unless it exists."""
        pieces = (piece.encode() for piece in write_page(plan))
        self._write_once(key_of(policy, run, PAGE), pieces, "text/html; charset=utf-8", {})

    def is_marked(self, policy: str, run: str, mark: SentMark) -> bool:
        """Return whether the run has the mark."""
        return self._head(key_of(policy, run, mark.value)) is not None

    def mark(self, policy: str, run: str, mark: SentMark, document: bytes) -> bool:
        """Store the mark. Returns False, and stores nothing, if the run already has it."""
        return self._write_once(key_of(policy, run, mark.value), [document], "application/json", {})

    def _newest_first(self, policy: str) -> list[ObjectTypeDef]:
        found = [each for each in self._list(f"plans/{policy}/") if each["Key"].endswith(f".{PLAN}")]
        return sorted(found, key=lambda each: (each["LastModified"], each["Key"]), reverse=True)

    def _list(self, prefix: str) -> Iterator[ObjectTypeDef]:
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from page.get("Contents", [])
        except AWS_ERRORS as error:
            raise _unusable("listed", prefix, error) from None

    def _read(self, policy: str, key: str) -> StoredDocument | None:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)  # HEAD does not show that the bucket is gone
            found["Body"].close()
        except AWS_ERRORS as error:
            if code_of(error) in _MISSING:
                return None
            raise _unusable("read", key, error) from None
        pieces = partial(self._pieces, key, found["ETag"])
        return StoredDocument(run=_run_of(policy, key), stored_at=found["LastModified"], pieces=pieces)

    def _pieces(self, key: str, tag: str) -> Iterator[bytes]:
        """Read an object that has this entity tag."""
        try:
            with closing(self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=tag)["Body"]) as body:
                yield from body.iter_chunks(PIECE_BYTES)
        except AWS_ERRORS as error:
            raise _unusable("read", key, error) from None

    def _sha256_of(self, key: str) -> str | None:
        found = self._head(key)
        return None if found is None else found["Metadata"].get(SHA256)

    def _head(self, key: str) -> HeadObjectOutputTypeDef | None:
        try:
            return self._client.head_object(Bucket=self._bucket, Key=key)
        except AWS_ERRORS as error:
            if code_of(error) in _MISSING:
                return None
            raise _unusable("read", key, error) from None

    def _write_once(self, key: str, pieces: Iterable[bytes], content_type: str, metadata: dict[str, str]) -> bool:
        # Use a file: a plan of a million backups and its encoded document do not fit into memory together.
        with TemporaryFile() as file:
            file.writelines(pieces)
            return self._put(key, file, content_type, metadata)

    def _put(self, key: str, file: IO[bytes], content_type: str, metadata: dict[str, str]) -> bool:
        for is_last in (False, True):
            file.seek(0)
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=file,
                    ContentType=content_type,
                    Metadata=metadata,
                    IfNoneMatch="*",
                )
            except AWS_ERRORS as error:
                if code_of(error) in _EXISTS:
                    return False
                if is_last or code_of(error) != _CONFLICT:
                    raise _unusable("written", key, error) from None
            else:
                return True
        return False


def _write(pieces: Generator[bytes, None, str], file: IO[bytes]) -> str:
    """Write a plan; return its sha256. The sha256 is metadata of the object, so it must be known before the upload."""
    while True:
        try:
            file.write(next(pieces))
        except StopIteration as end:
            return str(end.value)


def _run_of(policy: str, key: str) -> str:
    return key.removeprefix(f"plans/{policy}/").removesuffix(f".{PLAN}")


def _unusable(what: str, key: str, error: Exception) -> RunRefused:
    error_type = PlanStoreBusy if _may_pass(error) else RunRefused
    return error_type(Reason.PLANS_UNUSABLE, f"the plans bucket cannot be {what} at {key} ({code_of(error)})")


def _may_pass(error: Exception) -> bool:
    """Return whether the same call may succeed later: S3 is overloaded or unreachable, but did not deny the call."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        is_busy = status == HTTPStatus.CONFLICT or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return is_busy or code_of(error) in _TRANSIENT
    return isinstance(error, BotoConnectionError | HTTPClientError | IncompleteReadError)
