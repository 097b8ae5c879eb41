"""The purger: a schedule's purge policy, or an approved plan, in; the run's result out."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from vbs_reaper.aws import clients
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.known_bus import KnownBus
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.aws.purge_report import PurgeReport
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.clock import utc_now
from vbs_reaper.cold_start import wiring
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.logs import logger
from vbs_reaper.openstack.backup_api import BackupApi
from vbs_reaper.openstack.transport import Transports
from vbs_reaper.purge.purger import Purger
from vbs_reaper.purge.run.sending import Unfinished
from vbs_reaper.settings import PurgerSettings

metrics = Metrics()


@cache
@wiring()
def purger() -> Purger:
    """Built on the first invocation, kept while the execution environment lives."""
    settings = PurgerSettings.from_env()
    secrets = TargetSecrets(clients.secrets_manager(), settings.secret_prefix)
    events = clients.events()
    return Purger(
        backups=BackupApi(secrets=secrets, calls=metrics, clock=utc_now, transports=Transports(calls_at_once=1)),
        plans=PlanBucket(clients.s3(), settings.plans_bucket),
        queue=DeleteQueue(clients.sqs(), settings.delete_queue_url, settings.dead_letter_queue_url),
        bus=KnownBus(EventBus(events, settings.event_bus_name, SOURCE), events, settings.event_bus_name),
        report=PurgeReport(metrics, logger),
        clock=utc_now,
        default_target=settings.default_target,
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one event; whatever happens, what was counted is written down."""
    try:
        return purger().handle(event, lambda: context.get_remaining_time_in_millis() / 1000, context.aws_request_id)
    except Unfinished as unfinished:
        logger.error("purge unfinished", detail=str(unfinished))
        raise
    finally:
        metrics.flush()
