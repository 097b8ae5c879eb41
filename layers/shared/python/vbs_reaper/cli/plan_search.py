"""Finds a backup or a volume in the newest stored plan of each policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from vbs_reaper.backups.holds import HoldKind
from vbs_reaper.cli.stored_plans import newest_plans
from vbs_reaper.errors import CommandError, InvalidPlan, RunRefused
from vbs_reaper.purge.plan_file import read_header_pieces
from vbs_reaper.purge.plan_pieces import PlanPieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vbs_reaper.cli.stack import Stack
    from vbs_reaper.purge.ports import StoredDocument


class _Row(msgspec.Struct, frozen=True):
    id: str
    volume_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Where something was seen: the target, the plan as POLICY/RUN, the number of backups, and the name of the first.

    `target` is empty if the plan does not name one.
    """

    target: str
    plan: str
    backups: int
    backup_name: str | None


def find_seen(stack: Stack, kind: HoldKind, wanted: str) -> Seen | None:
    """Return where a backup, or backups of a volume, were seen. `wanted` is the ID in lower case.

    The plans are not checked for changes, because no decision depends on the result. Those that cannot be read are
    ignored.

    Raises:
        CommandError: the bucket cannot be read.
    """
    for policy, document in newest_plans(stack):
        try:
            rows = list(_rows(document, kind, wanted))
            if rows:
                target = read_header_pieces(document.pieces()).policy.target
                return Seen(
                    target="" if target is UNSET else target,
                    plan=f"{policy}/{document.run}",
                    backups=len(rows),
                    backup_name=rows[0].name,
                )
        except (msgspec.DecodeError, UnicodeDecodeError, InvalidPlan):
            continue
        except RunRefused as refusal:
            raise CommandError(str(refusal)) from None
    return None


def _rows(document: StoredDocument, kind: HoldKind, wanted: str) -> Iterator[_Row]:
    """Yield the rows that are about the ID. Only the pieces of the document that contain it are parsed."""
    text = wanted.encode()
    for piece in PlanPieces(document.pieces()).rows():
        if text in piece.lower():
            for row in msgspec.json.decode(b"[%s]" % piece.lstrip(b","), type=list[_Row]):
                found = row.volume_id if kind is HoldKind.VOLUME else row.id
                if found is not None and found.lower() == wanted:
                    yield row
