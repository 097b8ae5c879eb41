"""The event of a health report."""

import pytest

from vbs_reaper.checking.target_check import TargetReport, unhealthy_event

UNHEALTHY = TargetReport(
    target="otc-prod", healthy=False, reason="forbidden", message="It may not.", action="Give it a role."
)


def test_an_unhealthy_report_is_an_event_with_its_reason_and_what_to_do() -> None:
    event = unhealthy_event(UNHEALTHY, "check-1")
    assert event is not None
    assert (event.target, event.outcome, event.reason) == ("otc-prod", "unhealthy", "forbidden")
    assert (event.message, event.action) == ("It may not.", "Give it a role.")


@pytest.mark.parametrize("healthy", [True, None])
def test_a_target_that_is_healthy_or_not_judged_is_no_event(healthy: bool | None) -> None:  # noqa: FBT001
    assert unhealthy_event(TargetReport(target="otc-prod", healthy=healthy), "check-1") is None


def test_one_check_of_one_target_has_one_id() -> None:
    other = TargetReport(target="otc-test", healthy=False)
    checks = [(UNHEALTHY, "check-1"), (UNHEALTHY, "check-1"), (UNHEALTHY, "check-2"), (other, "check-1")]
    first, repeated, *others = [event.id for check in checks if (event := unhealthy_event(*check))]
    assert first == repeated
    assert len({first, *others}) == 3
