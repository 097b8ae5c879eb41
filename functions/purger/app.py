"""Lambda handler of the purger.

The event is a run of a purge policy, or the approval of a stored plan. The response is the result of the run.
"""

from vbs_reaper.cold_start import wiring

# isort: split
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from vbs_reaper.aws import clients
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.login_store import LoginBucket
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.aws.purge_report import PurgeReport
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.logs import logger
from vbs_reaper.purge.purger import LOGIN_PATIENCE_S, Purger
from vbs_reaper.settings import PurgerSettings, stack_name

metrics = Metrics(stack_name())


@cache
@wiring()
def purger() -> Purger:
    """Build the purger on the first invocation. It is kept for the life of the execution environment."""
    settings = PurgerSettings.from_env()
    secrets = TargetSecrets(clients.secrets_manager(), settings.secret_prefix)
    small_objects = clients.once(clients.s3_of_small_objects)
    return Purger(
        backups=CloudClient(
            secrets=secrets,
            metrics=metrics,
            clock=utc_now,
            transports=Transports(calls_at_once=1),
            logins=LoginBucket(small_objects, settings.plans_bucket),
            patience_s=LOGIN_PATIENCE_S,
        ),
        plans=PlanBucket(clients.s3(), settings.plans_bucket),
        queue=DeleteQueue(clients.sqs(), settings.delete_queue_url, settings.dead_letter_queue_url),
        bus=EventBus(clients.events(), settings.event_bus_name, SOURCE),
        report=PurgeReport(metrics, logger),
        clock=utc_now,
        default_target=settings.default_target,
        holds=HoldBucket(small_objects, settings.plans_bucket, utc_now),
        minimum_age=settings.minimum_age,
        memory_mb=settings.memory_mb,
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one event. The metrics are written even if the invocation fails."""
    try:
        return purger().handle(event, lambda: context.get_remaining_time_in_millis() / 1000, context.aws_request_id)
    except RunUnfinished as unfinished:
        logger.error("purge unfinished", detail=str(unfinished))
        raise
    finally:
        metrics.flush()
