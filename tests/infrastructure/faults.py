"""The fault that raises each alarm, for the table of alarms and for the test that records its metric."""

from collections.abc import Mapping
from typing import Final

RAISED: Final[Mapping[str, str]] = {
    "DeadLettersAlarm": "one message in the dead-letter queue",
    "NewDeadLettersAlarm": "one message sent to the dead-letter queue",
    "DeadLettersExpireAlarm": "a dead letter of 10 days and a second",
    "OldestRequestDayAlarm": "a request delivered a day and a second after it was sent",
    "UndeliveredDayAlarm": "a request that was received fewer than three times in a day and a second",
    "UndeliveredWeekAlarm": "a request that was received fewer than three times in 7 days and a second",
    "DeleterIdleAlarm": "an hour in which a request was waiting and none was received",
    "DeliveryFailedAlarm": "one event of the rule, or one invocation of a schedule, that could not be delivered",
    "StackUnhealthyAlarm": "one wait for `bucket_unusable`, `not_stored`, `unheard` or `internal_error`, or one "
    "scheduled check that finds a part of the stack missing",
    "TargetUnhealthyAlarm": "one wait for `credentials_rejected` or another reason that only a person can end, or one "
    "scheduled check that finds a target unhealthy",
    "IdentityMismatchAlarm": "one wait for `identity_mismatch`: the response describes another backup",
    "MostlyAlreadyGoneAlarm": "ten requests in an hour, not of purges, for backups that are gone, and fewer deletions",
    "DeleterErrorsAlarm": "one invocation of the deleter that fails",
    "DeleterThrottlesAlarm": "throttled invocations in each of three half-hours",
    "PurgeRefusedAlarm": "one run that a guard refuses",
    "PurgeMissingAlarm": "7 days (`PurgeMaximumGapInDays`) without a scheduled run of the policy",
    "CheckerSilentAlarm": "24 hours without a scheduled check",
}
