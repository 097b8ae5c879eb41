"""S3: plans and their pictures, by policy and run. What is written once is written with `If-None-Match: *`.

A fault that passes raises `PlansBusy`, any other a plain `PurgeRefused`.
"""

from __future__ import annotations

from http import HTTPStatus
from tempfile import TemporaryFile
from typing import IO
from typing import TYPE_CHECKING
from typing import Final

from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError
from botocore.exceptions import IncompleteReadError

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.document import write_plan
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.picture.page import write_page
from vbs_reaper.purge.ports import PlansBusy
from vbs_reaper.purge.ports import StoredDocument
from vbs_reaper.purge.run.result import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

    from vbs_reaper.purge.plan import Plan
    from vbs_reaper.purge.ports import Mark

PLAN: Final = "json"
PICTURE: Final = "html"
SHA256: Final = "sha256"
"""The object metadata by which an approval finds its plan. What it says is proven by the document itself."""

_THERE: Final = frozenset({"PreconditionFailed", "412"})
_RACED: Final = "ConditionalRequestConflict"
"""Somebody else writes the same key at this moment (S3 guide, "How to prevent object overwrites")."""
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_PASSING: Final = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", _RACED})
"""What S3 says that passes (S3 API, "Error responses"), also where an answer has no status."""


class PlanBucket:
    """The plans bucket. Implements `purge.ports.PlanStore`."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, policy: str, run: str) -> StoredDocument | None:
        """Read a run's document; None where there is none."""
        return self._read(policy, key_of(policy, run, PLAN))

    def newest(self, policy: str, limit: int) -> Iterator[StoredDocument]:
        """Read the documents stored last, `limit` at most, newest first: each when it is asked for."""
        for each in self._newest_first(policy)[:limit]:
            document = self._read(policy, each["Key"])
            if document is not None:
                yield document

    def find(self, policy: str, sha256: str) -> StoredDocument | None:
        """Find the document of a hash; None where none is stored under it."""
        for each in self._newest_first(policy):
            if self._sha256_of(each["Key"]) == sha256:
                return self._read(policy, each["Key"])
        return None

    def store(self, policy: str, run: str, plan: Plan) -> bool:
        """Store a run's plan, once; False where the run has one already."""
        return self._write_once(
            key_of(policy, run, PLAN), write_plan(plan), "application/json", {SHA256: plan.sha256 or ""}
        )

    def draw(self, policy: str, run: str, plan: Plan) -> None:
        """Store the picture of a run's plan, unless it is there."""
        pieces = (piece.encode() for piece in write_page(plan))
        self._write_once(key_of(policy, run, PICTURE), pieces, "text/html; charset=utf-8", {})

    def is_marked(self, policy: str, run: str, mark: Mark) -> bool:
        """Whether a run carries the mark."""
        return self._metadata_of(key_of(policy, run, mark.value)) is not None

    def mark(self, policy: str, run: str, mark: Mark, document: bytes) -> bool:
        """Write the mark, once; False where it was there."""
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
            found = self._client.get_object(Bucket=self._bucket, Key=key)
            return StoredDocument(run=_run_of(policy, key), body=found["Body"].read(), stored_at=found["LastModified"])
        except AWS_ERRORS as error:
            if code_of(error) in _MISSING:
                return None
            raise _unusable("read", key, error) from None

    def _sha256_of(self, key: str) -> str | None:
        return (self._metadata_of(key) or {}).get(SHA256)

    def _metadata_of(self, key: str) -> dict[str, str] | None:
        try:
            return self._client.head_object(Bucket=self._bucket, Key=key)["Metadata"]
        except AWS_ERRORS as error:
            if code_of(error) in _MISSING:
                return None
            raise _unusable("read", key, error) from None

    def _write_once(self, key: str, pieces: Iterable[bytes], content_type: str, metadata: dict[str, str]) -> bool:
        # From a file: a plan of a million backups does not fit into the memory beside itself.
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
                if code_of(error) in _THERE:
                    return False
                if is_last or code_of(error) != _RACED:
                    raise _unusable("written", key, error) from None
            else:
                return True
        return False


def _run_of(policy: str, key: str) -> str:
    return key.removeprefix(f"plans/{policy}/").removesuffix(f".{PLAN}")


def _unusable(what: str, key: str, error: Exception) -> PurgeRefused:
    kind = PlansBusy if _passes(error) else PurgeRefused
    return kind(Reason.PLANS_UNUSABLE, f"the plans bucket cannot be {what} at {key} ({code_of(error)})")


def _passes(error: Exception) -> bool:
    """Whether the same call may succeed a minute later: S3 is busy or out of reach, not closed to us."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _PASSING or status == HTTPStatus.CONFLICT or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, BotoConnectionError | HTTPClientError | IncompleteReadError)
