"""The fault that raises each alarm, for the table of alarms and for the test that records its metric."""

from collections.abc import Mapping
from typing import Final

RAISED: Final[Mapping[str, str]] = {
    "DeadLettersAlarm": "one message in the dead-letter queue",
    "DeadLettersExpireAlarm": "a dead letter of 10 days and a second",
    "OldestRequestDayAlarm": "a request delivered a day and a second after it was sent",
    "OldestRequestWeekAlarm": "a request delivered 7 days and a second after it was sent",
    "UndeliveredDayAlarm": "a request that was received fewer than three times in a day and a second",
    "UndeliveredWeekAlarm": "a request that was received fewer than three times in 7 days and a second",
    "DeleterIdleAlarm": "13 hours in which the queue contained a request and the deleter was not invoked",
    "InFlightAlarm": "60,001 messages hidden at the same time",
    "WrongEndpointAlarm": "one wait for `wrong_endpoint`: the endpoint is not a backup API",
    "AskedElsewhereAlarm": "one wait for `asked_elsewhere`: a backup is missing at an address where it never was",
    "CredentialsRejectedAlarm": "one wait for `credentials_rejected`: a wrong password in the secret",
    "BucketUnusableAlarm": "one wait for `bucket_unusable`: the bucket denies the function's role",
    "IdentityMismatchAlarm": "one wait for `identity_mismatch`: the response describes another backup",
    "ForbiddenAlarm": "one wait for `forbidden`: a user who may only read",
    "UnknownFieldAlarm": "one wait for `unknown_field`: a GET response without `description`",
    "DeletionFailedAlarm": "one refusal for `deletion_failed`: the backup ends in `error_deleting`",
    "MostlyAlreadyGoneAlarm": "ten requests in an hour, not of purges, for backups that are gone, and fewer deletions",
    "TargetUnhealthyAlarm": "one check that finds a target unhealthy",
    "DeleterErrorsAlarm": "one invocation of the deleter that fails",
    "DeleterThrottlesAlarm": "one invocation of the deleter that Lambda throttles",
    "PurgeRefusedAlarm": "one run that a guard refuses",
    "PurgeMissingAlarm": "7 days without an invocation of the purger",
    "PurgerErrorsAlarm": "one invocation of the purger that fails",
    "PurgerThrottlesAlarm": "one invocation of the purger that Lambda throttles",
    "CheckerErrorsAlarm": "one invocation of the checker that fails",
    "CheckerThrottlesAlarm": "one invocation of the checker that Lambda throttles",
}
