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
from vbs_reaper.errors import PlanStoreBusy, PlanUnreadable, RunRefused
from vbs_reaper.purge.mark_names import endings_of, read_mark_key
from vbs_reaper.purge.plan_file import write_plan
from vbs_reaper.purge.ports import SentMark, StoredDocument, StoredMark
from vbs_reaper.purge.report.html_page import write_page
from vbs_reaper.purge.run_result import key_of
from vbs_reaper.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from datetime import datetime

    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectTypeDef

    from vbs_reaper.purge.plan import Plan

PLAN: Final = "json"
PAGE: Final = "html"
SHA256: Final = "sha256"
"""The object metadata by which an approved plan is found. It is not trusted: the sha256 is computed when it is read."""

TARGET: Final = "target"
"""The object metadata by which plans of the same target are found. It is used only for a warning."""
DUE: Final = "due"
EXCEEDED: Final = "exceeded"
"""The object metadata with the number of deletions that are due, and the guards that refuse them. Only `vbs-reaper
plans` shows them."""
PLANS: Final = "plans/"

PIECE_BYTES: Final = 1 << 20
"""Plans are read in pieces of this size."""

MARK_BYTES: Final = 1 << 16
"""Larger objects are not marks: a result names at most 100 backups."""
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})
_CONFLICT: Final = "ConditionalRequestConflict"
"""A concurrent request writes to the same key (S3 User Guide, "How to prevent object overwrites")."""
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_TRANSIENT: Final = frozenset(
    {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "KMS.ThrottlingException", _CONFLICT}
)
"""Codes of errors that may pass (S3 API Reference, "Error responses"; KMS API Reference, "Common Errors"), also for
responses without a status."""


class PlanBucket:
    """The plans bucket. Implements `purge.ports.PlanStore`."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, policy: str, run: str) -> StoredDocument | None:
        """Return the document of a run; None if there is none."""
        key = key_of(policy, run, PLAN)
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)  # HEAD does not show that the bucket is gone
        except AWS_ERRORS as error:
            if code_of(error) in _MISSING:
                return None
            raise _unusable("read", key, error) from None
        pieces = partial(self._pieces, key, found["ETag"], [found["Body"]])
        return StoredDocument(run=run, stored_at=found["LastModified"], pieces=pieces)

    def newest(self, policy: str, before: datetime | None = None) -> Iterator[StoredDocument]:
        """Yield the stored documents, or those stored before a time, newest first.

        Reading one that is gone by then raises `PlanStoreBusy`.
        """
        for each in self._newest_first(policy):
            if before is None or each["LastModified"] < before:
                yield self._listed(policy, each)

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
                return self._listed(policy, newest)
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
                return self._listed(policy, each)
        return None

    def store(self, policy: str, run: str, plan: Plan) -> str | None:
        """Store the plan of a run; return its sha256. Stores nothing and returns None if the run already has a plan."""
        with TemporaryFile() as file:
            sha256 = _write(write_plan(plan), file)
            is_stored = self._put(key_of(policy, run, PLAN), file, "application/json", _metadata(plan, sha256))
            return sha256 if is_stored else None

    def store_page(self, policy: str, run: str, plan: Plan) -> None:
        """Store the HTML page of the plan of a run, unless it exists."""
        pieces = (piece.encode() for piece in write_page(plan))
        self._write_once(key_of(policy, run, PAGE), pieces, "text/html; charset=utf-8", {})

    def marks(self, policy: str, run: str) -> Iterator[StoredMark]:
        """Return all marks and parts that are stored for a run, whoever has stored them."""
        prefix = key_of(policy, run, "")
        for each in self._list(prefix):
            key = read_mark_key(each["Key"])
            if key is not None and f"{key.run}." == prefix:
                listed = self._listed(policy, each)
                yield StoredMark(
                    name=each["Key"],
                    mark=key.mark,
                    is_part=key.is_part,
                    stored_at=listed.stored_at,
                    document=b"".join(listed.pieces()) if each["Size"] <= MARK_BYTES else b"",
                )

    def mark(self, policy: str, run: str, mark: SentMark, document: bytes, *, is_part: bool) -> None:
        """Store a mark, or a part of one, under the first name that is free.

        If no name is free, nothing is stored: the deletions are requested again if the run is repeated.
        """
        for ending in endings_of(mark, is_part=is_part):
            if self._write_once(key_of(policy, run, ending), [document], "application/json", {}):
                return

    def _newest_first(self, policy: str) -> list[ObjectTypeDef]:
        found = [each for each in self._list(f"plans/{policy}/") if each["Key"].endswith(f".{PLAN}")]
        return sorted(found, key=lambda each: (each["LastModified"], each["Key"]), reverse=True)

    def _list(self, prefix: str) -> Iterator[ObjectTypeDef]:
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from page.get("Contents", [])
        except AWS_ERRORS as error:
            raise _unusable("listed", prefix, error) from None

    def _listed(self, policy: str, each: ObjectTypeDef) -> StoredDocument:
        """Return an object that was listed. It is requested only when it is read."""
        pieces = partial(self._pieces, each["Key"], each["ETag"], [])
        return StoredDocument(run=_run_of(policy, each["Key"]), stored_at=each["LastModified"], pieces=pieces)

    def _pieces(self, key: str, tag: str, opened: list[StreamingBody]) -> Iterator[bytes]:
        """Read an object that has this entity tag. A body that is already opened is read first, and only once."""
        try:
            if not opened:
                opened.append(self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=tag)["Body"])
            with closing(opened.pop()) as body:
                yield from body.iter_chunks(PIECE_BYTES)
        except AWS_ERRORS as error:
            if code_of(error) in _MISSING:
                raise PlanStoreBusy(Reason.PLANS_UNUSABLE, f"{key} was removed while it was read") from None
            raise _unusable("read", key, error, denied=PlanUnreadable) from None

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


def _metadata(plan: Plan, sha256: str) -> dict[str, str]:
    metadata = {SHA256: sha256, DUE: str(plan.totals.due)}
    if plan.policy.target:
        metadata[TARGET] = plan.policy.target
    if plan.exceeded:
        metadata[EXCEEDED] = ",".join(guard.guard for guard in plan.exceeded)
    return metadata


def _write(pieces: Generator[bytes, None, str], file: IO[bytes]) -> str:
    """Write a plan; return its sha256. The sha256 is metadata of the object, so it must be known before the upload."""
    while True:
        try:
            file.write(next(pieces))
        except StopIteration as end:
            return str(end.value)


def _run_of(policy: str, key: str) -> str:
    return key.removeprefix(f"plans/{policy}/").removesuffix(f".{PLAN}")


def _unusable(what: str, key: str, error: Exception, *, denied: type[RunRefused] = RunRefused) -> RunRefused:
    error_type = PlanStoreBusy if _may_pass(error) else denied if _is_denied(error) else RunRefused
    return error_type(Reason.PLANS_UNUSABLE, f"the plans bucket cannot be {what} at {key} ({code_of(error)})")


def _is_denied(error: Exception) -> bool:
    """Return whether an object cannot be read because of permissions, or because of the key that it is encrypted with.

    After a change of the key, the newest plans are still encrypted with the earlier one.
    """
    return code_of(error) == "AccessDenied" or code_of(error).startswith("KMS.")


def _may_pass(error: Exception) -> bool:
    """Return whether the same call may succeed later: S3 is overloaded or unreachable, but did not deny the call."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        is_busy = status == HTTPStatus.CONFLICT or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return is_busy or code_of(error) in _TRANSIENT
    return isinstance(error, BotoConnectionError | HTTPClientError | IncompleteReadError)
