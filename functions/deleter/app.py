"""The deleter: a batch of the delete queue, or one direct request, in; what stays in the queue, or the outcome, out."""

from functools import cache
from random import random
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from vbs_reaper.aws import clients
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.known_bus import KnownBus
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.report import DeletionReport
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.clock import utc_now
from vbs_reaper.cold_start import wiring
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.logs import logger
from vbs_reaper.openstack.backup_api import BackupApi
from vbs_reaper.openstack.transport import Transports
from vbs_reaper.settings import DeleterSettings

metrics = Metrics()


@cache
@wiring()
def deleter() -> Deleter:
    """Built on the first invocation, kept while the execution environment lives."""
    settings = DeleterSettings.from_env()
    secrets = TargetSecrets(clients.secrets_manager(), settings.secret_prefix)
    transports = Transports(calls_at_once=settings.calls_at_once)
    events = clients.events()
    return Deleter(
        backups=BackupApi(secrets=secrets, calls=metrics, clock=utc_now, transports=transports),
        queue=DeleteQueue(clients.sqs(), settings.delete_queue_url, settings.dead_letter_queue_url),
        bus=KnownBus(EventBus(events, settings.event_bus_name, SOURCE), events, settings.event_bus_name),
        report=DeletionReport(metrics, logger),
        clock=utc_now,
        dice=random,
        default_target=settings.default_target,
        base_s=settings.base_s,
        calls_at_once=settings.calls_at_once,
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one event; whatever happens, what was counted is written down."""
    try:
        return deleter().handle(event, lambda: context.get_remaining_time_in_millis() / 1000, context.aws_request_id)
    finally:
        metrics.flush()
