"""Of two requests of one environment that name each other as survivors, exactly one deletes its backup."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.deletion.world import VIEW, MemoryCloud, World, answer, backup_id
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import Asked, Refused, Wait
from vbs_reaper.deletion.survivor_claims import SurvivorClaims
from vbs_reaper.reasons import Reason

ONE, TWO, THREE = (backup_id(number) for number in (1, 2, 3))
NOW = ManualClock().now
BASE = timedelta(seconds=60)


def wants(backup: str, *survivors: str) -> dict[str, object]:
    return {"backup_id": backup, "expect": {"survivors": list(survivors)}}


def names(decision: object) -> str:
    return str(getattr(decision, "reason", type(decision).__name__))


# The claims alone


def test_a_survivor_that_is_claimed_makes_the_request_wait() -> None:
    claims = SurvivorClaims()
    assert claims.claim(ONE, [TWO], NOW) is None
    assert claims.claim(TWO, [THREE, ONE], NOW) == ONE
    assert claims.claim(THREE, [TWO], NOW) is None, "the request that has to wait claims nothing"


def test_a_released_claim_is_over_at_once_or_when_its_time_is() -> None:
    claims = SurvivorClaims()
    claims.claim(ONE, [], NOW)
    claims.release(ONE, None)
    claims.claim(TWO, [ONE], NOW)
    claims.release(TWO, NOW + BASE)
    assert claims.claim(THREE, [TWO], NOW + BASE / 2) == TWO
    assert claims.claim(THREE, [TWO], NOW + BASE) is None


def test_a_claim_of_two_requests_for_one_backup_ends_with_the_second() -> None:
    claims = SurvivorClaims()
    claims.claim(ONE, [], NOW)
    claims.claim(ONE, [], NOW)
    claims.release(ONE, None)
    assert claims.claim(TWO, [ONE], NOW) == ONE
    claims.release(ONE, None)
    assert claims.claim(TWO, [ONE], NOW) is None


# Passes


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        (AnswerName.ACCEPTED, True),
        (AnswerName.TIMED_OUT, True),
        (AnswerName.CONNECTION_LOST, True),
        (AnswerName.BAD_REQUEST, False),
        (AnswerName.FORBIDDEN, False),
    ],
)
def test_a_claim_is_kept_for_a_base_if_the_delete_may_have_been_accepted(name: AnswerName, is_kept: bool) -> None:  # noqa: FBT001
    world = World()
    for each in (ONE, TWO):
        world.cloud.has(each)
    world.cloud.answers("delete", ONE, answer(name))
    world.deliver(world.message({"backup_id": ONE}, "m-1"))
    world.clock.advance(59)
    world.deliver(world.message(wants(TWO, ONE), "m-2"))
    if not is_kept:
        assert isinstance(world.report.last("m-2"), Asked)
        return
    decision = world.report.last("m-2")
    assert isinstance(decision, Wait)
    assert (decision.reason, decision.message) == (Reason.SURVIVOR_CLAIMED, f"survivor {ONE} is being deleted")
    world.clock.advance(1)
    world.deliver(world.message(wants(TWO, ONE), "m-3"))
    assert names(world.report.last("m-3")) != Reason.SURVIVOR_CLAIMED


@pytest.mark.parametrize(("raises", "is_claimed"), [(("show", 2), False), (("delete", 1), True)])
def test_a_pass_that_raises_releases_its_claim_unless_it_sent_a_delete(
    raises: tuple[str, int],
    is_claimed: bool,  # noqa: FBT001
) -> None:
    world = World()
    for each in (ONE, TWO, THREE):
        world.cloud.has(each)
    world.trouble.raises = frozenset({raises})
    world.deliver(world.message(wants(ONE, THREE), "m-1"), world.message(wants(TWO, ONE), "m-2"))
    decision = world.report.last("m-2")
    assert isinstance(decision, Wait if is_claimed else Asked)


def test_survivors_are_observed_again_if_a_login_delays_the_delete() -> None:
    world = World()
    for each in (ONE, TWO):
        world.cloud.has(each)
    delete = world.cloud.delete_backup

    def delete_after_a_slow_login(ref: BackupRef, time_left: TimeLeft) -> Answer:
        if TWO not in world.cloud.backups:
            return delete(ref, time_left)
        world.clock.advance(14)
        del world.cloud.backups[TWO]
        return replace(answer(AnswerName.UNAUTHORIZED, view=VIEW), is_late=True)

    world.cloud.delete_backup = delete_after_a_slow_login  # type: ignore[method-assign]
    world.deliver(world.message(wants(ONE, TWO)))
    assert isinstance(world.report.last("m-1"), Refused)
    assert ("delete", ONE) not in world.cloud.calls


def test_a_wait_for_a_claimed_survivor_makes_no_further_call() -> None:
    world = World()
    for each in (ONE, TWO):
        world.cloud.has(each)
    world.deliver(world.message({"backup_id": ONE}, "m-1"))
    world.cloud.calls.clear()
    assert world.deliver(world.message(wants(TWO, ONE), "m-2")) == ["m-2"]
    assert world.cloud.calls == [("show", TWO)]


class PairCloud(MemoryCloud):
    """Both requests of a pair are observed before either continues, so that they meet at the claims."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.pairs: dict[str, Barrier] = {}
        self.first: Counter[str] = Counter()

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        shown = super().show_backup(ref, time_left)
        barrier = self.pairs.pop(ref.backup_id, None)
        if barrier is not None:
            try:
                barrier.wait(10)
            except BrokenBarrierError:  # pragma: no cover  # the test fails on its own then
                raise AssertionError from None
        return shown


def test_of_forty_pairs_that_name_each_other_exactly_one_of_each_pair_is_deleted() -> None:
    with ThreadPoolExecutor(10) as pool:
        world = World(threads=pool)
        cloud = PairCloud(world)
        cloud.deletion_s = 10
        world.cloud = cloud
        world.deleter = world.new_environment()
        pairs = [(backup_id(1000 + number), backup_id(2000 + number)) for number in range(40)]
        for pair in pairs:
            for each in pair:
                cloud.has(each)
        world.deliver(world.second_delivery({"backup_id": backup_id(9)}, "m-warm"))  # the breaker is closed now
        for pair in pairs:
            barrier = Barrier(2)
            cloud.pairs = dict.fromkeys(pair, barrier)
            first, second = pair
            world.deliver(
                world.message(wants(first, second), f"m-{first}"), world.message(wants(second, first), f"m-{second}")
            )
        for first, second in pairs:
            assert (first in cloud.deleted) is not (second in cloud.deleted)
            ends = Counter(names(world.report.last(f"m-{each}")) for each in (first, second))
            assert ends in (
                Counter(["Asked", Reason.SURVIVOR_CLAIMED.value]),
                Counter(["Asked", Reason.EXPECTATION_FAILED.value]),
            )
        world.clock.advance(120)
        for first, second in pairs:
            left = second if first in cloud.deleted else first
            other = first if left == second else second
            world.deliver(world.message(wants(left, other), f"again-{left}"))
            assert isinstance(world.report.last(f"again-{left}"), Refused)
        assert len(cloud.deleted) == 40


requests = st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 4), max_size=2)), min_size=1, max_size=12)
steps = st.lists(st.sampled_from([0.0, 30.0, 61.0, 3600.0]), min_size=12, max_size=12)
deletes = st.lists(
    st.sampled_from([AnswerName.ACCEPTED, AnswerName.TIMED_OUT, AnswerName.BAD_REQUEST]), min_size=12, max_size=12
)


@given(requests, steps, deletes)
def test_a_backup_is_never_deleted_while_a_survivor_it_names_is_being_deleted(
    asked: list[tuple[int, set[int]]], pauses: list[float], answers: list[AnswerName]
) -> None:
    world = World()
    backups = [backup_id(number) for number in range(5)]
    for each in backups:
        world.cloud.has(each)
    for number, ((backup, survivors), pause, name) in enumerate(zip(asked, pauses, answers, strict=False)):
        named = [backups[survivor] for survivor in sorted(survivors - {backup})]
        if name is not AnswerName.ACCEPTED:
            world.cloud.scripted["delete", backups[backup]] = [answer(name)]
        before = dict(world.cloud.deleted)
        body: dict[str, Any] = wants(backups[backup], *named) if named else {"backup_id": backups[backup]}
        world.deliver(world.message(body, f"m-{number}"))
        if set(world.cloud.deleted) - set(before):
            assert not set(named) & set(before)
        world.cloud.scripted.clear()
        world.clock.advance(pause)
