"""Of two requests of one environment that name each other as survivors, exactly one deletes its backup."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from tests.support.doubles import ManualClock
from tests.unit.deletion.world import ONE, THREE, TWO, VIEW, World, answer, ask, backup_id
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.deletion.survivor_claims import SurvivorClaims

NOW = ManualClock().now
BASE = timedelta(seconds=60)

# The claims alone


def test_a_survivor_that_is_claimed_makes_the_request_wait() -> None:
    claims = SurvivorClaims()
    assert claims.claim(ONE, [TWO], NOW, BASE) is None
    assert claims.claim(TWO, [THREE, ONE], NOW, BASE) == ONE
    assert claims.claim(THREE, [TWO], NOW, BASE) is None, "the request that has to wait claims nothing"


def test_a_released_claim_is_over_at_once_or_when_its_time_is() -> None:
    claims = SurvivorClaims()
    claims.claim(ONE, [], NOW, BASE)
    claims.release(ONE, None)
    claims.claim(TWO, [ONE], NOW, BASE)
    claims.release(TWO, NOW + BASE)
    assert claims.claim(THREE, [TWO], NOW + BASE / 2, BASE) == TWO
    assert claims.claim(THREE, [TWO], NOW + BASE / 2, BASE) == TWO, "asking does not end it"
    assert claims.claim(THREE, [TWO], NOW + BASE, BASE) is None


def test_a_claim_of_two_requests_for_one_backup_ends_with_the_second() -> None:
    claims = SurvivorClaims()
    claims.claim(ONE, [], NOW, BASE)
    claims.claim(ONE, [], NOW, BASE)
    claims.release(ONE, None)
    assert claims.claim(TWO, [ONE], NOW, BASE) == ONE
    claims.release(ONE, None)
    assert claims.claim(TWO, [ONE], NOW, BASE) is None


# Passes


def test_a_clock_that_is_set_back_does_not_keep_a_claim_for_more_than_a_base() -> None:
    world = World(ONE, TWO)
    world.cloud.answers("delete", ONE, answer(AnswerName.TIMED_OUT))
    world.process(ask(ONE))
    world.clock.advance(-3600)
    assert world.process(ask(TWO, ONE), "m-2") == "wait survivor_claimed"
    world.clock.advance(60)
    assert world.process(ask(TWO, ONE), "m-3") == "asked"


@pytest.mark.parametrize("name", [AnswerName.ACCEPTED, AnswerName.TIMED_OUT, AnswerName.CONNECTION_LOST])
def test_a_claim_is_kept_for_a_base_if_the_delete_may_have_been_accepted(name: AnswerName) -> None:
    world = World(ONE, TWO)
    world.cloud.answers("delete", ONE, answer(name))
    world.process(ask(ONE))
    world.clock.advance(59)
    world.cloud.calls.clear()
    assert world.process(ask(TWO, ONE), "m-2") == "wait survivor_claimed"
    assert getattr(world.report.last("m-2"), "message", "") == f"survivor {ONE} is being deleted"
    assert world.cloud.calls == [("show", TWO)]
    world.clock.advance(1)
    assert world.process(ask(TWO, ONE), "m-3") != "wait survivor_claimed"


@pytest.mark.parametrize("name", [AnswerName.BAD_REQUEST, AnswerName.FORBIDDEN])
def test_a_claim_ends_with_a_delete_that_was_rejected(name: AnswerName) -> None:
    world = World(ONE, TWO)
    world.cloud.answers("delete", ONE, answer(name))
    world.process(ask(ONE))
    assert world.process(ask(TWO, ONE), "m-2") == "asked"


@pytest.mark.parametrize(("raises", "decision"), [(("show", 2), "asked"), (("delete", 1), "wait survivor_claimed")])
def test_a_pass_that_raises_releases_its_claim_unless_it_sent_a_delete(raises: tuple[str, int], decision: str) -> None:
    world = World(ONE, TWO, THREE)
    world.trouble.raises = frozenset({raises})
    world.process(ask(ONE, THREE))
    assert world.process(ask(TWO, ONE), "m-2") == decision


def test_survivors_are_observed_again_if_a_login_delays_the_delete() -> None:
    world = World(ONE, TWO)

    def log_in_slowly(operation: str, _: BackupRef) -> None:
        if operation == "delete":
            world.clock.advance(14)
            del world.cloud.backups[TWO]

    world.cloud.meanwhile = log_in_slowly
    world.cloud.answers("delete", ONE, replace(answer(AnswerName.UNAUTHORIZED, view=VIEW), is_late=True))
    assert world.process(ask(ONE, TWO)) == "refused expectation_failed"
    assert world.called("delete") == [ONE], "only the one that was late"


def test_of_forty_pairs_that_name_each_other_exactly_one_of_each_pair_is_deleted() -> None:
    """Both requests of a pair are observed at the same time, so that they meet at the claims."""
    pairs = [(backup_id(1000 + number), backup_id(2000 + number)) for number in range(40)]
    with ThreadPoolExecutor(10) as pool:
        world = World(*sum(pairs, ()), threads=pool)
        world.cloud.deletion_s = 10
        world.process(ask(backup_id(9)))  # the breaker is closed now
        for first, second in pairs:
            barriers = dict.fromkeys((first, second), Barrier(2))
            world.cloud.meanwhile = partial(meet, barriers)
            world.deliver(world.message(ask(first, second), first), world.message(ask(second, first), second))
            assert (first in world.cloud.deleted) is not (second in world.cloud.deleted)
            assert {world.decision(first), world.decision(second)} in (
                {"asked", "wait survivor_claimed"},
                {"asked", "refused expectation_failed"},
            )
        world.clock.advance(120)
        for first, second in pairs:
            left, other = (second, first) if first in world.cloud.deleted else (first, second)
            assert world.process(ask(left, other), "again") == "refused expectation_failed"
        assert len(world.cloud.deleted) == 40


def meet(barriers: dict[BackupId, Barrier], _: str, ref: BackupRef) -> None:
    barrier = barriers.pop(ref.backup_id, None)
    if barrier is not None:
        barrier.wait(10)


requests = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sets(st.integers(0, 4), max_size=2),
        st.sampled_from([0.0, 30.0, 61.0, 3600.0]),
        st.sampled_from([AnswerName.ACCEPTED, AnswerName.TIMED_OUT, AnswerName.BAD_REQUEST]),
    ),
    min_size=1,
    max_size=12,
)


@given(requests)
def test_a_backup_is_never_deleted_while_a_survivor_it_names_is_being_deleted(
    requests: list[tuple[int, set[int], float, AnswerName]],
) -> None:
    backups = [backup_id(number) for number in range(5)]
    world = World(*backups)
    for number, survivors, pause_s, name in requests:
        named = [backups[survivor] for survivor in sorted(survivors - {number})]
        if name is not AnswerName.ACCEPTED:
            world.cloud.scripted["delete", backups[number]] = [answer(name)]
        before = dict(world.cloud.deleted)
        world.process(ask(backups[number], *named))
        if set(world.cloud.deleted) - set(before):
            assert not set(named) & set(before)
        world.cloud.scripted.clear()
        world.clock.advance(pause_s)
