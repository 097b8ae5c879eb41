"""S3: the login slots, as objects under `logins/` in the stack's bucket. Every write and delete is conditional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import ClientError

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.backups.stored_object import StoredObject
from vbs_reaper.errors import BucketUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

_T = TypeVar("_T")

PREFIX: Final = "logins/"

_MISSING: Final = frozenset({"NoSuchKey", "404"})
_CONFLICT: Final = "ConditionalRequestConflict"
"""A concurrent request for the same key, so S3 does not say whether the condition holds. The same call may succeed (S3
User Guide, "How to prevent object overwrites with conditional writes")."""
_CHANGED: Final = frozenset({"PreconditionFailed", "412", _CONFLICT}) | _MISSING
"""Codes for a condition that does not hold, also because the object is gone."""
TRIES: Final = 3
"""How often a call is made that conflicts with a concurrent one. boto3 does not repeat it."""


class LoginBucket:
    """Implements `clouds.ports.LoginStore`.

    `s3` returns the client (see `clients.once`). It is called for each call to S3, the first one being a login's.
    """

    def __init__(self, s3: Callable[[], S3Client], bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def read(self, key: str) -> StoredObject | None:
        """Return an object; None if it does not exist."""
        try:
            found = self._s3().get_object(Bucket=self._bucket, Key=PREFIX + key)
            return StoredObject(body=found["Body"].read(), tag=found["ETag"], stored_at=found["LastModified"])
        except AWS_ERRORS as error:
            if code_of(error) in _MISSING:
                return None
            raise _unusable("read", error) from None

    def create(self, key: str, body: bytes) -> str | None:
        """Store an object that does not exist. Returns its tag, or None if it exists."""
        return self._write(
            lambda: self._s3().put_object(Bucket=self._bucket, Key=PREFIX + key, Body=body, IfNoneMatch="*")["ETag"]
        )

    def replace(self, key: str, body: bytes, tag: str) -> str | None:
        """Replace an object that still has this tag. Returns the new tag, or None if it does not have it."""
        return self._write(
            lambda: self._s3().put_object(Bucket=self._bucket, Key=PREFIX + key, Body=body, IfMatch=tag)["ETag"]
        )

    def delete(self, key: str, tag: str) -> None:
        """Delete an object if it still has this tag."""
        try:
            _repeat(lambda: self._s3().delete_object(Bucket=self._bucket, Key=PREFIX + key, IfMatch=tag))
        except AWS_ERRORS as error:
            if code_of(error) not in _CHANGED:
                raise _unusable("deleted", error) from None

    def _write(self, put: Callable[[], str]) -> str | None:
        try:
            return _repeat(put)
        except AWS_ERRORS as error:
            if code_of(error) in _CHANGED:
                return None
            raise _unusable("written", error) from None


def _repeat(call: Callable[[], _T]) -> _T:
    """Make a call, and again if it conflicts with a concurrent one. The last conflict is raised."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except ClientError as error:
            if code_of(error) != _CONFLICT:
                raise
    return call()


def _unusable(what: str, error: Exception) -> BucketUnusable:
    return BucketUnusable(f"the stack's bucket cannot be {what} under {PREFIX} ({code_of(error)})")
