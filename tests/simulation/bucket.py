"""A model of the bucket of the stack: login slots and holds, and plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from botocore.response import StreamingBody

from tests.simulation.client import Client, refused
from tests.simulation.faults import Fault
from tests.simulation.purges import purge_of
from vbs_reaper.backups.holds import HOLDS

if TYPE_CHECKING:
    from tests.simulation.judge_of_purges import PurgeJudge
    from tests.simulation.life import Life
    from tests.simulation.world import World

KEYS_OF_A_PAGE = 5
Answer = dict[str, Any]


@dataclass(slots=True)
class Object:
    body: bytes
    metadata: dict[str, str]
    modified: datetime
    version: int = 0

    @property
    def tag(self) -> str:
        return f'"{md5(self.body, usedforsecurity=False).hexdigest()}-{self.version}"'

    def answer(self) -> Answer:
        """Return the response of GetObject."""
        body = StreamingBody(BytesIO(self.body), len(self.body))
        return {"Body": body, "LastModified": self.modified, "ETag": self.tag}


Bucket = dict[str, Object]


class SlotsClient(Client):
    """Login slots, and the list of holds. A call takes 0.02 s, and the function may be killed in it."""

    def get_paginator(self, operation: str) -> SlotsClient:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[Answer]:
        """Yield the holds on one page."""
        assert Prefix == HOLDS
        yield self._call("list holds", self._aws.holds.page, down=Fault.HOLDS_UNREADABLE)

    def get_object(self, *, Bucket: str, Key: str) -> Answer:
        def get() -> Answer:
            if Key not in self._aws.slots:
                raise refused("GetObject", "NoSuchKey")
            return self._aws.slots[Key].answer()

        return self._call("get login slot", get)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", IfMatch: str = "") -> Answer:
        assert IfNoneMatch == "*" or IfMatch

        def put() -> Answer:
            if Key in self._aws.slots if IfNoneMatch else not self._matches(Key, IfMatch):
                raise refused("PutObject", "PreconditionFailed")
            self._aws.slots[Key] = Object(Body, {}, self._world.timeline.moment(), next(self._aws.versions))
            return {"ETag": self._aws.slots[Key].tag}

        return self._call("put login slot", put)

    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str) -> Answer:
        def delete() -> Answer:
            if not self._matches(Key, IfMatch):
                raise refused("DeleteObject", "PreconditionFailed")
            del self._aws.slots[Key]
            return {}

        return self._call("delete login slot", delete)

    def _matches(self, key: str, tag: str) -> bool:
        return key in self._aws.slots and self._aws.slots[key].tag == tag


class PlansClient(Client):
    """Plans, their pictures and marks."""

    def __init__(self, world: World, life: Life, bucket: Bucket, judge: PurgeJudge) -> None:
        super().__init__(world.aws, life)
        self._bucket = bucket
        self._judge = judge

    def get_paginator(self, operation: str) -> PlansClient:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[Answer]:
        """Yield keys in order on small pages; with a delimiter, yield folders."""
        if Delimiter:
            self._work("list", lambda: None)
            names = {key.removeprefix(Prefix).partition(Delimiter)[0] for key in self._bucket if key.startswith(Prefix)}
            yield {"CommonPrefixes": [{"Prefix": f"{Prefix}{name}{Delimiter}"} for name in sorted(names)]}
            return
        found = sorted(key for key in self._bucket if key.startswith(Prefix))
        for start in range(0, len(found) or 1, KEYS_OF_A_PAGE):
            self._work("list", lambda: None)
            shown = [(key, self._bucket[key]) for key in found[start : start + KEYS_OF_A_PAGE]]
            yield {
                "Contents": [
                    {"Key": key, "LastModified": each.modified, "ETag": each.tag, "Size": len(each.body)}
                    for key, each in shown
                ]
            }

    def get_object(self, *, Bucket: str, Key: str, IfMatch: str | None = None) -> Answer:
        found = self._found(Key, "NoSuchKey")
        assert IfMatch in {None, found.tag}
        return found.answer()

    def head_object(self, *, Bucket: str, Key: str) -> Answer:
        return {"Metadata": self._found(Key, "404").metadata}

    def put_object(
        self, *, Bucket: str, Key: str, Body: IO[bytes], ContentType: str, Metadata: Mapping[str, str], IfNoneMatch: str
    ) -> Answer:
        assert IfNoneMatch == "*"
        if self._world.faults.strikes(Fault.BUCKET_RACED):
            raise refused("PutObject", "ConditionalRequestConflict")
        kills = Fault.PLAN_KILLED if Key.endswith(".json") else Fault.MARK_KILLED if Key.endswith("sent") else None
        self._maybe_kill(kills)
        self._work("put", lambda: self._put(Key, Body.read(), dict(Metadata)))
        self._maybe_kill(kills)
        if self._world.faults.strikes(Fault.OBJECT_REPLY_LOST):
            raise refused("put")
        return {}

    def _put(self, key: str, body: bytes, metadata: dict[str, str]) -> None:
        if key in self._bucket:
            raise refused("PutObject", "PreconditionFailed")
        self._bucket[key] = Object(body, metadata, self._world.timeline.moment().replace(microsecond=0))
        self._judge.stored(purge_of(self._life), key, metadata)

    def _found(self, key: str, missing: str) -> Object:
        self._work("get", lambda: None)
        if key not in self._bucket:
            raise refused("GetObject", missing)
        return self._bucket[key]

    def _work(self, operation: str, work: Callable[[], None]) -> None:
        self._call(operation, work, failed=Fault.BUCKET_REFUSES, down=Fault.BUCKET_DOWN)

    def _maybe_kill(self, fault: Fault | None) -> None:
        if fault is not None:
            self._life.maybe_kill(fault)
