"""Connections are kept for the last hosts; those of a host that is used are never closed."""

from hypothesis import given, settings, strategies as st

from vbs_reaper.clouds.http.transport import HOSTS, Transport

TRANSPORT = Transport(calls_at_once=1)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 2 * HOSTS), min_size=3 * HOSTS, max_size=6 * HOSTS))
def test_pool_that_is_returned_is_open_whatever_hosts_came_before(numbers: list[int]) -> None:
    for number in numbers:
        pool = TRANSPORT._adapter._pool(f"http://host-{number}/v3/backups?x=1")
        assert pool.pool is not None, "urllib3 has closed it"
        assert pool.host == f"host-{number}"


def test_pool_of_a_host_is_kept_while_others_come() -> None:
    first = TRANSPORT._adapter._pool("https://first:8776/v2/a")
    for number in range(HOSTS // 4):
        TRANSPORT._adapter._pool(f"https://other-{number}/")
    assert TRANSPORT._adapter._pool("https://first:8776/v3/b") is first
    assert TRANSPORT._adapter._pool("http://first:8776/v3/b") is not first
