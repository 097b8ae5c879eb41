"""The checker: names of targets in; a report on each, and on our own queues and bus, out."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from vbs_reaper.aws import clients
from vbs_reaper.aws.check_run import AT_ONCE
from vbs_reaper.aws.check_run import CheckRun
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.known_bus import KnownBus
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.own_side import OwnSide
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.clock import utc_now
from vbs_reaper.cold_start import wiring
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.logs import logger
from vbs_reaper.openstack.backup_api import BackupApi
from vbs_reaper.openstack.check import TargetCheck
from vbs_reaper.openstack.transport import Transports
from vbs_reaper.settings import CheckerSettings

metrics = Metrics()


@cache
@wiring()
def check_run() -> CheckRun:
    """Built on the first invocation, kept while the execution environment lives."""
    settings = CheckerSettings.from_env()
    secrets = TargetSecrets(clients.secrets_manager(), settings.secret_prefix)
    backups = BackupApi(secrets=secrets, calls=metrics, clock=utc_now, transports=Transports(calls_at_once=AT_ONCE))
    queues = {"delete queue": settings.delete_queue_url, "dead-letter queue": settings.dead_letter_queue_url}
    events = clients.events()
    return CheckRun(
        check=TargetCheck(backups, utc_now),
        own_side=OwnSide(clients.sqs(), events, queues, settings.event_bus_name),
        bus=KnownBus(EventBus(events, settings.event_bus_name, SOURCE), events, settings.event_bus_name),
        metrics=metrics,
        default_target=settings.default_target,
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check the targets that the event names; whatever happens, what was counted is written down."""
    try:
        return check_run().handle(event, lambda: context.get_remaining_time_in_millis() / 1000, context.aws_request_id)
    finally:
        metrics.flush()
