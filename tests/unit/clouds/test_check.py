"""What a report says to the bus."""

from vbs_reaper.checking.target_check import TargetReport, unhealthy_event

UNHEALTHY = TargetReport(
    target="otc-prod", healthy=False, reason="forbidden", message="It may not.", action="Give it a role."
)


def test_an_unhealthy_report_is_an_event_with_its_reason_and_what_to_do() -> None:
    told = unhealthy_event(UNHEALTHY, "check-1")
    assert told is not None
    assert (told.target, told.outcome, told.reason, told.message, told.action) == (
        "otc-prod",
        "unhealthy",
        "forbidden",
        "It may not.",
        "Give it a role.",
    )


def test_a_target_that_is_healthy_or_not_judged_is_no_event() -> None:
    assert unhealthy_event(TargetReport(target="otc-prod", healthy=True), "check-1") is None
    assert unhealthy_event(TargetReport(target="otc-prod", healthy=None), "check-1") is None


def test_one_check_of_one_target_has_one_id() -> None:
    other = TargetReport(target="otc-test", healthy=False)
    ids = [
        told.id
        for report, check_id in (
            (UNHEALTHY, "check-1"),
            (UNHEALTHY, "check-1"),
            (UNHEALTHY, "check-2"),
            (other, "check-1"),
        )
        if (told := unhealthy_event(report, check_id))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
