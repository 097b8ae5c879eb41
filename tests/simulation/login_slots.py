"""A model of the small objects in the stack's bucket, login slots and holds, as a function's S3 client sees them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.simulation.faults import Fault
from vbs_reaper.backups.holds import HOLDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.simulation.aws import Aws
    from tests.simulation.life import Life


@dataclass(slots=True)
class LoginObjects:
    """What is stored: body, ETag and time of each key."""

    objects: dict[str, tuple[bytes, str, datetime]] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)


class LoginSlotsClient:
    """What an environment asks of S3 about its logins. A call takes 0.02 s and may be the last one."""

    def __init__(self, aws: Aws, life: Life, call: Callable[..., Any]) -> None:
        self._aws = aws
        self._life = life
        self._call = call

    @property
    def _objects(self) -> dict[str, tuple[bytes, str, datetime]]:
        return self._aws.logins.objects

    def get_paginator(self, operation: str) -> LoginSlotsClient:
        """The one that lists."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        """The holds, on one page."""
        assert Prefix == HOLDS
        page: dict[str, Any] = self._call("list holds", None, Fault.HOLDS_UNREADABLE, None, self._aws.holds.page)
        yield page

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """An object, or that there is none."""

        def get() -> dict[str, Any]:
            if Key not in self._objects:
                raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
            body, tag, stored_at = self._objects[Key]
            return {"Body": BytesIO(body), "ETag": tag, "LastModified": stored_at}

        return self._made("get", get)

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfNoneMatch: str = "",  # noqa: N803
        IfMatch: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        """Store, where the condition holds."""
        assert IfNoneMatch == "*" or IfMatch

        def put() -> dict[str, Any]:
            found = self._objects.get(Key)
            if (found is not None) if IfNoneMatch else (found is None or found[1] != IfMatch):
                raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
            tag = f'"{next(self._aws.logins.numbers)}"'
            self._objects[Key] = (Body, tag, self._aws.world.timeline.moment())
            return {"ETag": tag}

        return self._made("put", put)

    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str) -> dict[str, Any]:  # noqa: N803
        """Delete, where the condition holds."""

        def delete() -> dict[str, Any]:
            if Key not in self._objects or self._objects[Key][1] != IfMatch:
                raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "DeleteObject")
            del self._objects[Key]
            return {}

        return self._made("delete", delete)

    def _made(self, operation: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = self._call(f"{operation} login slot", None, None, None, work)
        return answer
