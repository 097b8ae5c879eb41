"""A model of the plans bucket, as the purger's S3 client sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.simulation.aws import Client, refused
from tests.simulation.faults import Fault
from tests.simulation.purges import purge_of

if TYPE_CHECKING:
    from tests.simulation.judge_of_purges import PurgeJudge
    from tests.simulation.life import Life
    from tests.simulation.world import World

KEYS_OF_A_PAGE = 5


@dataclass(slots=True)
class Object:
    """What is stored under a key."""

    body: bytes
    metadata: dict[str, str]
    modified: datetime

    @property
    def tag(self) -> str:
        """The entity tag."""
        return f'"{md5(self.body, usedforsecurity=False).hexdigest()}"'


Bucket = dict[str, Object]


class PlansClient(Client):
    """What an environment asks of S3."""

    def __init__(self, world: World, life: Life, bucket: Bucket, judge: PurgeJudge) -> None:
        super().__init__(world.aws, life)
        self._bucket = bucket
        self._judge = judge

    def get_paginator(self, operation: str) -> PlansClient:
        """The one that lists."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803
        """Keys by their names, a few at a time; with a delimiter, the folders."""
        if Delimiter:
            self._work("list", lambda: None)
            names = {key.removeprefix(Prefix).partition(Delimiter)[0] for key in self._bucket if key.startswith(Prefix)}
            yield {"CommonPrefixes": [{"Prefix": f"{Prefix}{name}{Delimiter}"} for name in sorted(names)]}
            return
        found = sorted(key for key in self._bucket if key.startswith(Prefix))
        for start in range(0, len(found) or 1, KEYS_OF_A_PAGE):
            page = found[start : start + KEYS_OF_A_PAGE]
            self._work("list", lambda: None)
            contents = [
                {
                    "Key": key,
                    "LastModified": self._bucket[key].modified,
                    "ETag": self._bucket[key].tag,
                    "Size": len(self._bucket[key].body),
                }
                for key in page
            ]
            yield {"Contents": contents}

    def get_object(self, *, Bucket: str, Key: str, IfMatch: str | None = None) -> dict[str, Any]:  # noqa: N803
        """An object, or that there is none."""
        found = self._found(Key, "NoSuchKey")
        assert IfMatch in {None, found.tag}
        body = StreamingBody(BytesIO(found.body), len(found.body))
        return {"Body": body, "LastModified": found.modified, "ETag": found.tag}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """An object's metadata, or that there is none."""
        found = self._found(Key, "404")
        return {"Metadata": found.metadata}

    def put_object(  # noqa: PLR0913  # as boto3 has it
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: IO[bytes],  # noqa: N803
        ContentType: str,  # noqa: N803
        Metadata: Mapping[str, str],  # noqa: N803
        IfNoneMatch: str,  # noqa: N803
    ) -> dict[str, Any]:
        """Store, where nothing is stored yet."""
        assert IfNoneMatch == "*"
        if self._world.faults.strikes(Fault.BUCKET_RACED):
            raise ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject")
        kills = Fault.PLAN_KILLED if Key.endswith(".json") else Fault.MARK_KILLED if Key.endswith("sent") else None
        self._may_die(kills)
        self._work("put", lambda: self._put(Key, Body.read(), dict(Metadata)))
        self._may_die(kills)
        if self._world.faults.strikes(Fault.OBJECT_REPLY_LOST):
            raise refused("put")
        return {}

    def _put(self, key: str, body: bytes, metadata: dict[str, str]) -> None:
        if key in self._bucket:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self._bucket[key] = Object(body, metadata, self._world.timeline.moment().replace(microsecond=0))
        self._judge.stored(purge_of(self._life), key, metadata)

    def _found(self, key: str, missing: str) -> Object:
        self._work("get", lambda: None)
        if key not in self._bucket:
            raise ClientError({"Error": {"Code": missing}}, "GetObject")
        return self._bucket[key]

    def _work(self, operation: str, work: Any) -> None:  # noqa: ANN401
        self._call(operation, Fault.BUCKET_REFUSES, Fault.BUCKET_DOWN, None, work)

    def _may_die(self, fault: Fault | None) -> None:
        if fault is not None:
            self._life.may_die(fault)
