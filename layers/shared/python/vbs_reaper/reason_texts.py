"""What each reason says, and what to do: shown in events, dead letters, plans, the CLI and the documents."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # The normal course of a request
    "deleted": ("The backup is proven gone.", "Nothing to do."),
    "already_gone": ("The project has no such backup.", "Nothing to do."),
    "split": ("The bulk request was split into single requests.", "Nothing to do: each has its own end."),
    "not_before": ("The request asks to wait.", "Nothing to do."),
    # The request itself: it is refused
    "malformed": (
        "The message is not a valid delete request.",
        "Fix what the message names and send the request again.",
    ),
    "wrong_project": ("The request names a project that is not its target's.", "Name the target of that project."),
    "held": ("The backup is on hold.", "Remove the hold first, if the backup may be deleted."),
    "stopped": (
        "The run of the purge policy was stopped.",
        "Look at the stop with `vbs-reaper holds`; release it, if the run's deletions are right.",
    ),
    "minimum_age": (
        "The backup is younger than the stack's MinimumAge.",
        "Nothing to do: request it again when it is older, if it should still be deleted.",
    ),
    "expired": (
        "The request expired before the backup could be deleted.",
        "Send a new request if the backup should still be deleted.",
    ),
    "expectation_failed": (
        "The backup does not match what the request expects.",
        "Look at the backup and send a request that matches it.",
    ),
    "not_owned": (
        "The backup belongs to another project or service.",
        "Delete it where it belongs. If the account was migrated from VBS to CBR, use a target of the service cbr.",
    ),
    "used_by_image": ("An image was created from the backup.", "Delete the image first, then send the request again."),
    "not_a_volume_backup": (
        "The backup is not that of one volume alone, and this product deletes backups of volumes only.",
        "Delete the server backup, or whatever it is a part of, with the tools of the cloud.",
    ),
    "locked": (
        "The backup was made by a policy in a locked vault, where it cannot be deleted before it expires.",
        "Send the request again after the backup has expired, if the cloud has not deleted it by then.",
    ),
    "deletion_failed": (
        "The cloud could not delete the backup.",
        "Ask an administrator of the cloud to reset or remove the backup.",
    ),
    # The backup is not ready, or the outcome of a call is unknown: the request waits
    "accepted": ("The cloud has accepted the deletion.", "Nothing to do: the next pass observes the result."),
    "deleting": ("The cloud is deleting the backup.", "Nothing to do. If it lasts, ask the operator of the cloud."),
    "busy": ("The backup is being created, restored or used.", "Nothing to do: it is deleted afterwards."),
    "has_dependents": ("Newer incremental backups depend on this one.", "Delete the newer ones too, or keep this one."),
    "conflict": ("The cloud reports a conflict and the backup is still there.", "Look at the backup."),
    "vault_unusable": (
        "The vault of the backup allows no deletion now.",
        "Look at the vault: if it is locked or frozen, the account is in arrears; if it is being deleted, do nothing.",
    ),
    "unconfirmed": (
        "The cloud has no such backup; a later look must confirm it.",
        "Nothing to do: the next pass looks again. If it is parked and the backup is gone, drop the dead letter.",
    ),
    "asked_elsewhere": (
        "The backup is not where it was listed or where its deletion was requested.",
        "Check the target's secret and the cloud's catalog; redrive the request when the address is right.",
    ),
    "survivor_claimed": (
        "A backup that must survive is being deleted by another request.",
        "Nothing to do. If this repeats, look at the requests that name each other.",
    ),
    "unknown_field": (
        "A field that must be known before a deletion is missing, has an unexpected type, is too long or named twice.",
        "Check the API version of the target, and the backup that the message names.",
    ),
    "forbidden": ("The target's user does not have the permission.", "Give the user a role that may delete backups."),
    "timed_out": (
        "The cloud did not answer in time; the outcome is unknown.",
        "Nothing to do: the next pass observes the result.",
    ),
    "connection_lost": (
        "The connection broke; the outcome is unknown.",
        "Nothing to do: the next pass observes the result.",
    ),
    "server_error": ("The cloud reported an internal error.", "If it lasts, ask the operator of the cloud."),
    "unexpected_answer": ("The cloud gave an undocumented answer.", "If it lasts, read the answer in the log."),
    "unexpected_status": (
        "The cloud answered with an undocumented 4xx status.",
        "If it lasts, read the cloud's message.",
    ),
    "stale_answer": (
        "A cache answered instead of the cloud, so the answer may be old.",
        "Exclude the backup service from the cache of the proxy or gateway in front of it.",
    ),
    "bad_request": ("The cloud rejects the call as a bad request.", "If it lasts, read the cloud's message."),
    "out_of_time": (
        "The function had no time left for this request.",
        "Nothing to do: the request is delivered again.",
    ),
    "internal_error": ("This software failed while processing the request.", "Read the log and report the fault."),
    # The target: all its requests wait
    "halted": ("The target was found unusable a moment ago.", "See the reason of the request that halted it."),
    "credentials_rejected": (
        "Keystone or the backup service rejects the target's credentials.",
        "Store working credentials in the target's secret.",
    ),
    "clock_skew": (
        "The cloud rejects signatures, because its clock and ours differ too much.",
        "Nothing to do if it happens once. If it lasts, compare the clocks: vbs-reaper check shows the difference.",
    ),
    "secret_unusable": ("The target's secret cannot be used.", "Fix the secret as the message says."),
    "administrator_refused": (
        "The target's user is an administrator, who could delete other projects' backups.",
        'Use a user without the role admin, or set "allow_admin": true.',
    ),
    "project_mismatch": (
        "The token belongs to another project than the target.",
        "Fix the project in the target's secret.",
    ),
    "identity_mismatch": (
        "The cloud returned another backup than the requested one.",
        "Pause the deleter; check proxy and endpoint of the target.",
    ),
    "wrong_endpoint": (
        "The endpoint does not serve this API.",
        "Check region, endpoint and API version of the target.",
    ),
    "redirected": (
        "The endpoint redirects, and a deletion never follows a redirect.",
        "Configure the endpoint it redirects to.",
    ),
    "gateway_refused": (
        "The cloud's gateway rejects this caller.",
        "Check IP address, project and quota at the gateway.",
    ),
    "proxy": ("A proxy requires credentials.", "Check the network path of the function."),
    "throttled": ("The cloud limits the rate of calls.", "If it lasts, lower MaximumConcurrency."),
    "login_busy": (
        "Another login of the same user is in progress, or has failed in the last 20 minutes.",
        "Nothing to do. If it lasts, fix the credentials of every target with this user.",
    ),
    "login_throttled": ("Keystone limits the rate of logins.", "If it lasts, lower MaximumConcurrency."),
    "service_down": ("The backup service or Keystone is down.", "If it lasts, ask the operator of the cloud."),
    "unreachable": ("The endpoint cannot be reached.", "Check network, DNS and endpoint of the target."),
    "tls": ("The endpoint's certificate is not trusted.", 'Check the certificate, or give "cacert" in the secret.'),
    # Our own side
    "bucket_unusable": (
        "The stack's bucket cannot be used, so there are no new logins and no deletions.",
        "Check the bucket, its policy and the function's role.",
    ),
    "not_stored": (
        "A message could not be stored in a queue.",
        "If it lasts, check the queues and the function's role.",
    ),
    "unheard": (
        "The result could not be published for 12 days.",
        "Repair the event bus; the message says how the request ended.",
    ),
    # In a plan: a backup stays
    "keep_last": ("Among the newest.", "Nothing to do."),
    "keep_hourly": ("The newest of its hour.", "Nothing to do."),
    "keep_daily": ("The newest of its day.", "Nothing to do."),
    "keep_weekly": ("The newest of its week.", "Nothing to do."),
    "keep_monthly": ("The newest of its month.", "Nothing to do."),
    "keep_yearly": ("The newest of its year.", "Nothing to do."),
    "keep_within": ("Young enough compared with the newest copy.", "Nothing to do."),
    "keep_within_hourly": ("The newest of its hour, and young enough.", "Nothing to do."),
    "keep_within_daily": ("The newest of its day, and young enough.", "Nothing to do."),
    "keep_within_weekly": ("The newest of its week, and young enough.", "Nothing to do."),
    "keep_within_monthly": ("The newest of its month, and young enough.", "Nothing to do."),
    "keep_within_yearly": ("The newest of its year, and young enough.", "Nothing to do."),
    "keep_oldest": ("The oldest copy stays while the rule has fewer copies than it keeps.", "Nothing to do."),
    "min_kept": ("The newest copies of a group always stay.", "Nothing to do."),
    "not_matched": ("The policy does not apply to it.", "Widen the policy's match, if it should."),
    "no_group": ("Its name gives no group.", "Fix the name, or the policy's group_by."),
    "too_young": ("It is not older than the policy requires.", "Nothing to do."),
    "source_stale": (
        "Its group has no copy that is new enough.",
        "Find out why no backups are made; the old ones may be the last.",
    ),
    "in_use": ("The backup is being created, restored or deleted.", "Nothing to do: the next plan looks again."),
    "chain_blocked": (
        "A kept incremental backup may need it.",
        "Make a full backup; the plan's advice says what it frees.",
    ),
    "only_copy": (
        "The plan did not show that it is the last usable copy of its volume.",
        "Preview the policy again; the new plan shows the volume.",
    ),
    "created_in_future": ("Its creation time is in the future.", "Check the clocks of the cloud and of AWS."),
    # In a plan: a backup is to be deleted
    "not_kept": ("No keep rule keeps it.", "Put it on hold, if it should stay."),
    "failed_copy": ("It failed, and the policy matches failed backups.", "Put it on hold, if it should stay."),
    "in_grace": ("It is deleted when its grace ends.", "Fix the policy or put it on hold before, if it should stay."),
    # A purge run is refused as a whole
    "guard_exceeded": (
        "More would be deleted than a guard allows.",
        "Look at the plan; approve it, or change the policy.",
    ),
    "listing_incomplete": ("Not all backups could be listed.", "Nothing to do: the next run lists again."),
    "memory_too_small": (
        "The purger has too little memory for this number of backups.",
        "Set the template parameter PurgerMemory to the size that the message names.",
    ),
    "clock_doubt": ("The clocks of the cloud and of AWS differ too much to compute ages.", "Check both clocks."),
    "inventory_doubtful": ("The list of backups contradicts itself.", "Read what the message names; list again."),
    "policy_refused": (
        "The event of the purge or its policy cannot be used.",
        "Fix what the message names and run it again.",
    ),
    "plans_unusable": (
        "The plans bucket cannot be read or written.",
        "Check the bucket and the purger's role; the next run plans again.",
    ),
    "plan_unknown": ("The policy has no stored plan with that sha256.", "Use the sha256 of a plan of the last 7 days."),
    "plan_changed": ("The stored plan is not what was written.", "Find out who changed it; run the policy again."),
    "plan_expired": ("The plan is older than 7 days.", "Run the policy again and approve the new plan."),
    "plan_misplaced": (
        "The plan belongs to another policy, target, project or address.",
        "Approve a plan of this policy and target.",
    ),
    "plan_superseded": (
        "The policy's newest plan selects by other rules or guards, or has a longer grace.",
        "Preview the policy again and approve that plan.",
    ),
    # A purge run succeeded
    "planned": ("The plan is stored.", "Look at its page; approve it, or let the policy purge."),
    "all_requested": ("Every due deletion was requested.", "Nothing to do: each request has its own end."),
    "already_requested": ("The plan was sent before; nothing was sent again.", "Nothing to do."),
}
"""By reason code: one sentence, and the action."""
