"""Changed passwords and revoked tokens lose no request and lock no user."""

from tests.support.local.fixtures import WITHIN_S, FindLine
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud


def _delete(stack: LocalStack, cloud: Cloud, target: str, count: int) -> list[str]:
    backups = cloud.add_backups(count)
    stack.send_all([{"backup_id": backup_id, "target": target} for backup_id in backups])
    return backups


def _all_gone(cloud: Cloud, backups: list[str]) -> None:
    wait_until("all are gone", lambda: all(cloud.journal.is_gone(one) for one in backups), within_s=WITHIN_S)


def test_revoked_tokens_cause_a_login_and_lose_no_request(stack: LocalStack, cloud: Cloud, target: str) -> None:
    _all_gone(cloud, _delete(stack, cloud, target, 3))
    cloud.revoke_tokens()
    _all_gone(cloud, _delete(stack, cloud, target, 10))
    assert not cloud.journal.failed_logins()


def test_requests_wait_for_the_secret_if_the_password_is_changed_first(
    stack: LocalStack, cloud: Cloud, target: str, log_line: FindLine
) -> None:
    _all_gone(cloud, _delete(stack, cloud, target, 2))
    cloud.change_password("the-new-one")
    backups = _delete(stack, cloud, target, 10)
    log_line(target=target, reason="credentials_rejected")
    stack.store_secret(target, cloud.target_secret())
    _all_gone(cloud, backups)
    assert len(cloud.journal.failed_logins()) <= 2
    assert not cloud.is_locked()


def test_requests_wait_without_locking_the_user_if_the_secret_is_changed_first(
    stack: LocalStack, cloud: Cloud, target: str
) -> None:
    _all_gone(cloud, _delete(stack, cloud, target, 2))
    early = cloud.target_secret()
    early["auth"]["password"] = "soon-the-password"
    stack.store_secret(target, early)
    backups = _delete(stack, cloud, target, 5)
    _all_gone(cloud, backups)  # the token of the old password is still valid
    cloud.change_password("soon-the-password")
    stack.store_secret(target, early)  # an environment that started meanwhile may have been rejected with it
    _all_gone(cloud, _delete(stack, cloud, target, 5))
    assert len(cloud.journal.failed_logins()) <= 2
    assert not cloud.is_locked()
