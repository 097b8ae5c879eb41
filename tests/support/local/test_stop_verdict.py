"""The verdict on the stop of `make run`: a request that was not withdrawn, or a backup that is gone, fails it."""

import pytest

from tests.support.local.hold_act import StopVerdict


def test_a_stop_that_withdrew_everything_is_good() -> None:
    assert StopVerdict(requested=5, stopped=5, gone=[]).is_good


@pytest.mark.parametrize(
    ("requested", "stopped", "gone"), [(5, 4, []), (0, 0, []), (5, 5, ["1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"])]
)
def test_any_other_is_not(requested: int, stopped: int, gone: list[str]) -> None:
    assert not StopVerdict(requested=requested, stopped=stopped, gone=gone).is_good
