"""A small object in the stack's bucket, as read at one moment."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object and the tag that identifies this state of it."""

    body: bytes
    tag: str
    stored_at: datetime
