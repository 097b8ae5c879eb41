from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import HoldStoreInMemory, ManualClock
from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.holds import EVERY_RUN, HOLDS, Hold, HoldKind, HoldRecord, Holds, name_of_hold, read_hold
from vbs_reaper.errors import BucketUnusable, InvalidHold

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
BACKUP = "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"
VOLUME = "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31"
SECOND = timedelta(seconds=1)

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(9998, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC, microsecond=0)
)


def holds(*names: str) -> Holds:
    read = (read_hold(HOLDS + name) for name in names)
    return Holds([hold for hold in read if hold is not None], NOW)


@given(until=st.none() | MOMENTS, kind=st.sampled_from(HoldKind))
def test_a_name_states_what_is_held_and_until_when(until: datetime | None, kind: HoldKind) -> None:
    of = f"nightly/{EVERY_RUN}" if kind is HoldKind.RUN else BACKUP
    name = name_of_hold(kind, of, until, "0123abcd")
    assert read_hold(HOLDS + name) == Hold(name=name, kind=kind, of=of, until=until)


def test_a_hold_counts_until_its_end_and_no_longer() -> None:
    until = NOW + timedelta(days=1)
    held = holds(name_of_hold(HoldKind.BACKUP, BACKUP, until, "0123abcd"))
    assert held.on_backup(BACKUP, VOLUME, until - SECOND) is not None
    assert held.on_backup(BACKUP, VOLUME, until) is None


def test_a_hold_on_a_volume_holds_each_of_its_backups_and_no_other() -> None:
    held = holds(name_of_hold(HoldKind.VOLUME, VOLUME, None, "0123abcd"))
    assert held.on_backup(BACKUP, VOLUME, NOW) is not None
    assert held.on_backup(BACKUP, BACKUP, NOW) is None
    assert held.on_backup(VOLUME, None, NOW) is None


def test_the_hold_that_lasts_longest_is_named() -> None:
    names = [
        name_of_hold(HoldKind.BACKUP, BACKUP, NOW + days * timedelta(days=1), f"0000000{days}") for days in (1, 3, 2)
    ]
    named = holds(*names).on_backup(BACKUP, None, NOW)
    assert named is not None
    assert named.name == names[1]
    forever = name_of_hold(HoldKind.VOLUME, VOLUME, None, "00000009")
    assert holds(*names, forever).on_backup(BACKUP, VOLUME, NOW) == read_hold(HOLDS + forever)


@pytest.mark.parametrize(
    ("stop", "run", "stops"),
    [
        ("nightly/2026-11-25T04-00-00Z", "nightly/2026-11-25T04-00-00Z", True),
        ("nightly/2026-11-25T04-00-00Z", "nightly/2026-11-26T04-00-00Z", False),
        ("nightly/2026-11-25T04-00-00Z", "weekly/2026-11-25T04-00-00Z", False),
        ("nightly/*", "nightly/2026-11-26T04-00-00Z", True),
        ("nightly/*", "nightly-2/2026-11-26T04-00-00Z", False),
        ("nightly/*", "jane@example.com", False),
        ("nightly/*", "nightly", False),
        ("Nightly/*", "nightly/2026-11-26T04-00-00Z", False),
    ],
)
def test_a_stop_concerns_one_run_or_every_run_of_its_policy(stop: str, run: str, *, stops: bool) -> None:
    assert (holds(name_of_hold(HoldKind.RUN, stop, None, "0123abcd")).on_run(run, NOW) is not None) is stops


@pytest.mark.parametrize(
    "name", [f"backup/{BACKUP.upper()}/released-0123abcd", f"backup/{BACKUP}/by hand", f"backup/{BACKUP}/2026-02-30x"]
)
def test_a_manually_written_hold_counts(name: str) -> None:
    assert holds(name).on_backup(BACKUP, None, NOW + timedelta(days=9000)) is not None


@pytest.mark.parametrize("key", ["holds/", "holds/backup/", f"holds/volume/{VOLUME}/"])
def test_the_placeholder_of_a_folder_is_not_a_hold(key: str) -> None:
    assert read_hold(key) is None


SPELLINGS = [f" {BACKUP}", f"{BACKUP} ", f"{{{BACKUP}}}", BACKUP.replace("-", ""), "name"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("vault/1/released-0123abcd", "vault/1"),
        ("readme.txt", "readme.txt"),
        (f"backup/{BACKUP}", BACKUP),
        ("backup//x", "backup//x"),
        ("run/nightly/x", "run/nightly/x"),
        *((f"{kind}/{each}/released-0123abcd", "not a UUID") for kind in ("backup", "volume") for each in SPELLINGS),
    ],
)
def test_an_unknown_object_is_named(key: str, message: str) -> None:
    with pytest.raises(InvalidHold, match=message):
        read_hold(HOLDS + key)


# The cache


@pytest.fixture
def store() -> HoldStoreInMemory:
    return HoldStoreInMemory()


@pytest.fixture
def cache(store: HoldStoreInMemory, clock: ManualClock) -> HoldCache:
    return HoldCache(store, clock)


@pytest.mark.parametrize(("seconds", "listings"), [(30, 1), (31, 2), (-3600, 2)])
def test_a_listing_is_used_for_thirty_seconds_and_not_after_the_clock_went_back(
    store: HoldStoreInMemory, cache: HoldCache, clock: ManualClock, seconds: float, listings: int
) -> None:
    first = cache.current()
    clock.advance(seconds)
    assert (cache.current() is first) is (listings == 1)
    assert store.listings == listings


def test_the_age_of_a_listing_counts_from_its_beginning(store: HoldStoreInMemory, clock: ManualClock) -> None:
    class SlowStore(HoldStoreInMemory):
        def list_holds(self) -> list[Hold]:
            found = super().list_holds()
            clock.advance(20)
            return found

    slow = SlowStore()
    cache = HoldCache(slow, clock)
    cache.current()
    clock.advance(11)
    cache.current()
    assert slow.listings == 2


def test_an_old_listing_is_not_used_while_the_bucket_fails(
    store: HoldStoreInMemory, cache: HoldCache, clock: ManualClock
) -> None:
    cache.current()
    store.is_unusable = True
    clock.advance(30)
    cache.current()
    for _ in range(2):
        clock.advance(1)
        with pytest.raises(BucketUnusable, match="AccessDenied"):
            cache.current()
    store.is_unusable = False
    clock.advance(1)
    cache.current()


def test_a_listing_that_failed_is_tried_again_although_the_clock_was_set_back(
    store: HoldStoreInMemory, cache: HoldCache, clock: ManualClock
) -> None:
    store.is_unusable = True
    with pytest.raises(BucketUnusable):
        cache.current()
    store.is_unusable = False
    clock.advance(-3600)
    cache.current()


def test_the_record_of_a_hold_is_read_once(store: HoldStoreInMemory, cache: HoldCache) -> None:
    name = f"backup/{BACKUP}/2026-12-01T00-00-00Z-0123abcd"
    store.put(name, HoldRecord(reason="case 7", by="arn:aws:iam::1:user/jane", at=NOW))
    held = cache.current().on_backup(BACKUP, None, NOW)
    assert held is not None
    expected = f"by arn:aws:iam::1:user/jane until 2026-12-01T00:00:00Z: case 7 ({name})"
    assert [cache.describe(held), cache.describe(held)] == [expected, expected]
    assert store.reads == [name]


def test_a_hold_with_an_unreadable_record_is_described_by_its_name(store: HoldStoreInMemory, cache: HoldCache) -> None:
    name = f"backup/{BACKUP}/released-0123abcd"
    store.put(name)
    held = cache.current().on_backup(BACKUP, None, NOW)
    assert held is not None
    assert cache.describe(held) == f"until it is released ({name})"


class Watched(str):
    """A name that records when the cache reads it."""

    __slots__ = ("looked_at",)
    looked_at: Callable[[], object]

    def __hash__(self) -> int:
        self.looked_at()
        return super().__hash__()

    __eq__ = str.__eq__


def test_a_thread_may_describe_a_hold_while_another_one_lists_them() -> None:
    clock, store = ManualClock(NOW), HoldStoreInMemory()
    names = [name_of_hold(HoldKind.BACKUP, BACKUP, None, f"0000000{number}") for number in (1, 2, 3)]
    for name in names:
        store.put(name, HoldRecord(reason="legal", by="arn:aws:iam::1:user/ann", at=NOW))
    cache = HoldCache(store, clock)
    first, second, third = sorted(cache.current(), key=lambda hold: hold.name)
    watched = Watched(first.name)
    watched.looked_at = lambda: None
    cache.describe(Hold(name=watched, kind=first.kind, of=first.of, until=first.until))
    cache.describe(second)
    watched.looked_at = lambda: cache.describe(third)
    clock.advance(31)
    assert {hold.name for hold in cache.current()} == set(names)
