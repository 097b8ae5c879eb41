"""S3: the holds, as objects under `holds/` in the stack's bucket. Written once, never changed, released by deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.backups.holds import HOLDS, Hold, HoldRecord, read_hold
from vbs_reaper.errors import BucketUnusable, InvalidHold
from vbs_reaper.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from vbs_reaper.clock import Clock

UNREADABLE: Final = (*AWS_ERRORS, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Everything that `HoldBucket.fetch_record` raises if a record cannot be read."""

RECORD_BYTES: Final = 1 << 16
"""How much of a record is read. A person may store anything under the name of a hold, also a large file."""

LIST_S: Final = 10.0
"""Most seconds for one listing, which is enough for more than ten thousand holds."""


class HoldBucket:
    """Implements `backups.ports.HoldStore`.

    `s3` returns the client (see `clients.once`). It is called for each call to S3, the first one being a DELETE's or a
    plan's.
    """

    def __init__(self, s3: Callable[[], S3Client], bucket: str, clock: Clock) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock

    def list_holds(self) -> list[Hold]:
        """See `HoldStore.list_holds`. A listing in S3 contains everything that was written before it began."""
        began_at, holds, is_truncated = self._clock(), list[Hold](), None
        try:
            for page in self._s3().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=HOLDS):
                read = (read_hold(each["Key"]) for each in page.get("Contents", []))
                holds.extend(hold for hold in read if hold is not None)
                is_truncated = page.get("IsTruncated")
                if is_truncated and (self._clock() - began_at).total_seconds() > LIST_S:
                    raise BucketUnusable(f"the listing of {HOLDS} in the stack's bucket takes more than {LIST_S:.0f} s")
        except AWS_ERRORS as error:
            raise BucketUnusable(f"the stack's bucket cannot be listed under {HOLDS} ({code_of(error)})") from None
        except InvalidHold as fault:
            raise BucketUnusable(str(fault)) from None
        if is_truncated is not False:
            raise BucketUnusable(f"the listing of {HOLDS} in the stack's bucket is not complete")
        return holds

    def read_record(self, hold: Hold) -> HoldRecord | None:
        """See `HoldStore.read_record`."""
        try:
            return self.fetch_record(hold)
        except UNREADABLE as error:
            logger.warning("hold not readable", extra={"hold": hold.name, "detail": code_of(error)})
            return None

    def fetch_record(self, hold: Hold) -> HoldRecord:
        """Return what a hold says to people. Raises one of `UNREADABLE` if that cannot be read."""
        found = self._s3().get_object(Bucket=self._bucket, Key=HOLDS + hold.name)
        return msgspec.json.decode(found["Body"].read(RECORD_BYTES), type=HoldRecord)

    def write(self, name: str, record: HoldRecord) -> None:
        """Store a new hold. It is encrypted by S3, not with the stack's key: a hold must not depend on a key.

        Raises:
            botocore.exceptions.ClientError: S3 rejects it, for instance because a hold with this name exists.
        """
        self._s3().put_object(
            Bucket=self._bucket,
            Key=HOLDS + name,
            Body=msgspec.json.encode(record),
            ContentType="application/json",
            ServerSideEncryption="AES256",
            IfNoneMatch="*",
        )

    def release(self, hold: Hold) -> None:
        """Delete a hold.

        Raises:
            botocore.exceptions.ClientError: S3 rejects it.
        """
        self._s3().delete_object(Bucket=self._bucket, Key=HOLDS + hold.name)
