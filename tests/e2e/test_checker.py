"""The checker in the deployed stack: its permissions suffice, and it reports faults."""

from tests.support.local.stack import LocalStack
from tests.support.simulator.cloud import Cloud


def test_a_target_is_checked_with_the_permissions_of_the_role(stack: LocalStack, cloud: Cloud, target: str) -> None:
    backup_id = cloud.add_backup()
    answer = stack.invoke({"targets": [target]}, function="Checker")
    (report,) = answer["targets"]
    assert (report["target"], report["healthy"], report["backups"]) == (target, True, 1)
    assert answer["own_side"] == {"healthy": True, "faults": [], "deleter": "Enabled"}
    assert cloud.status_of(backup_id) == "available"


def test_an_unhealthy_target_is_published(stack: LocalStack, cloud: Cloud, target: str) -> None:
    stack.store_secret(target, cloud.target_secret("reader"))
    answer = stack.invoke({"targets": [target]}, function="Checker")
    (report,) = answer["targets"]
    assert (report["healthy"], report["reason"]) == (False, "forbidden")
    assert answer["published"] is True
