"""The query of a list: pages, order and filters, with the rules and error messages of Cinder."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import urlencode

from tests.support.simulator.backups.microversion import Microversion
from tests.support.simulator.backups.record import BackupRecord
from tests.support.simulator.backups.store import BackupStore

Query = list[tuple[str, str]]
SORT_KEYS = frozenset({"id", "status", "volume_id", "created_at", "updated_at", "size", "description", "user_id"})
NAME_SORTS_FROM: Microversion = (3, 37)
STRICT_FILTERS_FROM: Microversion = (3, 31)
LIKE_FILTERS_FROM: Microversion = (3, 34)
FILTERS = ("name", "status", "volume_id")
NOT_FILTERS = frozenset(
    {"limit", "offset", "marker", "sort", "sort_key", "sort_dir", "with_count", "all_tenants"}
)  # fmt: skip


class BadQuery(Exception):
    """Causes a 400 with this message."""


class NoSuchMarker(Exception):
    """Causes a 404: the last backup of the previous page has been deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """The validated query of a list."""

    limit: int
    offset: int
    marker: str | None
    order: tuple[tuple[str, bool], ...]
    """Sort keys, each with whether it is descending."""
    filters: tuple[tuple[str, str], ...]

    @property
    def is_newest_first(self) -> bool:
        """Whether the requested order is that of the table."""
        return self.order[0] == ("created_at", True)


def read_query(query: Query, *, page_limit: int, microversion: Microversion, is_administrator: bool) -> PageQuery:
    """Validate a query, in the order in which Cinder does.

    Raises:
        BadQuery: Cinder would answer 400.
    """
    given = dict(query)
    limit = _whole_number(given.get("limit"), page_limit, "limit param must be an integer")
    if limit < 0:
        raise BadQuery("limit param must be positive")
    offset = _whole_number(given.get("offset"), 0, "offset must be an integer")
    if offset < 0:
        raise BadQuery("offset must be >= 0")
    return PageQuery(
        limit=min(limit, page_limit),
        offset=offset,
        marker=given.get("marker"),
        order=_order(given, microversion),
        filters=_filters(given, microversion, is_administrator=is_administrator),
    )


def _whole_number(text: str | None, default: int, message: str) -> int:
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise BadQuery(message) from None


def _order(given: dict[str, str], microversion: Microversion) -> tuple[tuple[str, bool], ...]:
    if "sort" in given and ("sort_key" in given or "sort_dir" in given):
        raise BadQuery(
            "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter."
        )
    if "sort" in given:
        parts = [part.partition(":")[::2] for part in given["sort"].strip().split(",")]
    else:
        parts = [(given.get("sort_key", "created_at"), given.get("sort_dir", "desc"))]
    allowed = SORT_KEYS | ({"name"} if microversion >= NAME_SORTS_FROM else set())
    order = []
    for key, direction in parts:
        if direction.strip() not in ("", "asc", "desc"):
            raise BadQuery("Invalid input received: Unknown sort direction, must be one of: asc, desc")
        if key.strip() not in allowed:
            raise BadQuery("Invalid input received: Invalid sort key")
        order.append((key.strip(), direction.strip() != "asc"))
    return tuple(order)


def _filters(
    given: dict[str, str], microversion: Microversion, *, is_administrator: bool
) -> tuple[tuple[str, str], ...]:
    known = set(FILTERS)
    if microversion >= LIKE_FILTERS_FROM:
        known |= {f"{name}~" for name in FILTERS}
    unknown = [name for name in given if name not in known | NOT_FILTERS]
    if unknown and microversion >= STRICT_FILTERS_FROM and not is_administrator:
        raise BadQuery(f"Invalid filters {', '.join(unknown)} are found in query options.")
    return tuple((name, value) for name, value in given.items() if name in known)


def select(store: BackupStore, query: PageQuery, sees: Callable[[BackupRecord], bool]) -> list[BackupRecord]:
    """Return one page of the backups that the caller may see.

    Raises:
        NoSuchMarker: there is no backup with the ID of the marker.
    """
    marker = None
    if query.marker is not None:
        marker = store.get(query.marker)
        if marker is None or not sees(marker):
            raise NoSuchMarker(query.marker)
    rows = store.newest_first(marker) if query.is_newest_first else _sorted_rows(store, query, marker)
    wanted = _matching(rows, query, sees)
    return list(islice(wanted, query.offset, query.offset + query.limit))


def count(store: BackupStore, query: PageQuery, sees: Callable[[BackupRecord], bool]) -> int:
    """Return the number of backups on all pages."""
    return sum(1 for _ in _matching(store.newest_first(), query, sees))


def _matching(
    rows: Iterable[BackupRecord], query: PageQuery, sees: Callable[[BackupRecord], bool]
) -> Iterable[BackupRecord]:
    rows = (row for row in rows if sees(row))
    return rows if not query.filters else (row for row in rows if _passes(row, query.filters))


def _passes(row: BackupRecord, filters: tuple[tuple[str, str], ...]) -> bool:
    for name, wanted in filters:
        value = str(getattr(row, name.rstrip("~")))
        if not (wanted in value if name.endswith("~") else wanted == value):
            return False
    return True


def _sorted_rows(store: BackupStore, query: PageQuery, marker: BackupRecord | None) -> list[BackupRecord]:
    """Return all rows sorted by the keys, then by created_at and ID in the direction of the first key."""
    descending = query.order[0][1]
    rows = sorted(store, key=lambda row: row.key, reverse=descending)
    for key, key_descending in reversed(query.order):
        rows.sort(key=lambda row, key=key: _sortable(getattr(row, key)), reverse=key_descending)  # type: ignore[misc]
    return rows if marker is None else rows[rows.index(marker) + 1 :]


def _sortable(value: object) -> tuple[bool, str | int | float]:
    """Return a sort key that puts null first, as SQL does."""
    if isinstance(value, datetime):
        value = value.timestamp()
    return (value is not None, value if isinstance(value, str | int | float) else "")


def next_query(query: Query, last: BackupRecord) -> str:
    """Return the query of a next link: that of the request, including `offset`, plus the marker."""
    return urlencode([(name, value) for name, value in query if name != "marker"] + [("marker", last.id)])


def is_full(query: Query, page_limit: int, found: int) -> bool:
    """Return whether a page has a next link: if it is full, even if no backup follows."""
    limit = min(int(dict(query).get("limit", page_limit)), page_limit)
    return limit > 0 and found == limit
