"""Lambda handler of the checker.

The event names the targets to check. The response contains a report on each target, and on the queues and the event
bus of the stack itself. `scheduled_time` marks a check by the schedule.
"""

from vbs_reaper.cold_start import wiring

# isort: split
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from vbs_reaper.aws import clients
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.login_store import LoginBucket
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.stack_check import StackCheck
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.checking.checker import PARALLEL_CHECKS, Checker
from vbs_reaper.checking.target_check import TargetCheck
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.logs import logger
from vbs_reaper.settings import CheckerSettings, stack_name

metrics = Metrics(stack_name())


@cache
@wiring()
def checker() -> Checker:
    """Build the checker on the first invocation. It is kept for the life of the execution environment."""
    settings = CheckerSettings.from_env()
    secrets = TargetSecrets(clients.secrets_manager(), settings.secret_prefix)
    small_objects = clients.once(clients.s3_of_small_objects)
    logins = LoginBucket(small_objects, settings.plans_bucket)
    holds = HoldBucket(small_objects, settings.plans_bucket, utc_now)
    transports = Transports(calls_at_once=PARALLEL_CHECKS)
    backups = CloudClient(secrets=secrets, metrics=metrics, clock=utc_now, transports=transports, logins=logins)
    queues = {"delete queue": settings.delete_queue_url, "dead-letter queue": settings.dead_letter_queue_url}
    events, functions = clients.events(), clients.lambda_functions()
    return Checker(
        check=TargetCheck(backups, utc_now),
        stack=StackCheck(clients.sqs(), events, queues, settings.event_bus_name, holds, functions, settings.mapping_id),
        bus=EventBus(events, settings.event_bus_name, SOURCE),
        metrics=metrics,
        default_target=settings.default_target,
        scheduled_policy=settings.scheduled_policy,
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check the targets that the event names. The metrics are written even if the check fails."""
    try:
        return checker().handle(event, lambda: context.get_remaining_time_in_millis() / 1000, context.aws_request_id)
    finally:
        metrics.flush()
