"""Lambda handler of the deleter.

The event is a batch of messages from the delete queue, or one direct request. The response lists the messages to keep
in the queue, or contains the outcome of the direct request.
"""

from vbs_reaper.cold_start import wiring

# isort: split
from functools import cache
from random import random
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from vbs_reaper.aws import clients
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.login_store import LoginBucket
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.deleter import BATCH_LIMIT, Deleter
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.logs import logger
from vbs_reaper.settings import DeleterSettings, stack_name

metrics = Metrics(stack_name())


@cache
@wiring()
def deleter() -> Deleter:
    """Build the deleter on the first invocation. It is kept for the life of the execution environment."""
    settings = DeleterSettings.from_env()
    secrets = TargetSecrets(clients.secrets_manager(), settings.secret_prefix)
    s3 = clients.once(clients.s3_of_small_objects)
    logins = LoginBucket(s3, settings.plans_bucket)
    transports = Transports(calls_at_once=BATCH_LIMIT)
    return Deleter(
        backups=CloudClient(secrets=secrets, metrics=metrics, clock=utc_now, transports=transports, logins=logins),
        holds=HoldBucket(s3, settings.plans_bucket, utc_now),
        queue=DeleteQueue(clients.sqs(), settings.delete_queue_url, settings.dead_letter_queue_url),
        bus=EventBus(clients.events(), settings.event_bus_name, SOURCE),
        report=DeletionReport(metrics, logger),
        clock=utc_now,
        jitter=random,
        default_target=settings.default_target,
        base_s=settings.base_s,
        calls_at_once=settings.calls_at_once,
        trusted_senders=settings.trusted_senders,
        minimum_age=settings.minimum_age,
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one event. The metrics are written even if the invocation fails."""
    try:
        return deleter().handle(event, lambda: context.get_remaining_time_in_millis() / 1000, context.aws_request_id)
    finally:
        metrics.flush()
