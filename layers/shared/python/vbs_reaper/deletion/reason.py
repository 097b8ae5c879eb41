"""Every stable reason code with its sentence and what to do: one list for plans, events, metrics and dead letters."""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why something ended or waits. The value is the code; a code, once released, keeps its meaning."""

    sentence: str
    action: str

    def __new__(cls, code: str, sentence: str, action: str) -> Self:
        """Make a member that is its code and carries what people read beside it."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        member.action = action
        return member

    # Ends that need nobody
    DELETED = "deleted", "The backup is proven gone.", "Nothing to do."
    ALREADY_GONE = "already_gone", "The project has no such backup.", "Nothing to do."

    # The request itself: it is refused
    MALFORMED = "malformed", "The message is no delete request.", "Mend what the message names and send it again."
    WRONG_PROJECT = (
        "wrong_project",
        "The request names another project than its target's.",
        "Name the target that belongs to the project.",
    )
    HELD = "held", "The backup is on hold.", "Take the hold away first, if the backup may go."
    EXPIRED = (
        "expired",
        "The request's time was over before the backup could go.",
        "Send a new request if it still holds.",
    )
    EXPECTATION_FAILED = (
        "expectation_failed",
        "The backup is not what the request expects.",
        "Look at the backup; ask again with what is true.",
    )
    NOT_OWNED = (
        "not_owned",
        "The backup belongs to another project or service.",
        "Delete it where it belongs.",
    )
    USED_BY_IMAGE = "used_by_image", "An image was made from the backup.", "Delete the image first, then ask again."
    DELETION_FAILED = (
        "deletion_failed",
        "The cloud could not delete the backup.",
        "Have an administrator reset or remove the backup.",
    )

    # The backup is not ready yet: the request waits
    ACCEPTED = "accepted", "The cloud has accepted the deletion.", "Nothing to do: the next look tells."
    SPLIT = "split", "The bulk was taken apart into single requests.", "Nothing to do: each has an end of its own."
    DELETING = "deleting", "The cloud is deleting the backup.", "Nothing to do; if it lasts, ask the cloud's operator."
    BUSY = "busy", "The backup is being made or restored.", "Nothing to do: it is asked again afterwards."
    HAS_DEPENDENTS = (
        "has_dependents",
        "Newer incremental backups need this one.",
        "Delete the newer ones too, or keep this one.",
    )
    CONFLICT = "conflict", "The cloud reports a conflict and the backup is still there.", "Look at the backup."
    UNKNOWN_FIELD = (
        "unknown_field",
        "A field that must be known before a deletion is missing or has an unexpected type.",
        "Check the API version of the target and the backup that the message is about.",
    )
    FORBIDDEN = "forbidden", "The target's user may not do this.", "Give the user a role that may delete backups."
    NOT_BEFORE = "not_before", "The request asks to wait.", "Nothing to do."
    TIMED_OUT = (
        "timed_out",
        "The cloud did not answer in time; the outcome is unknown.",
        "Nothing to do: the next look tells.",
    )
    CONNECTION_LOST = (
        "connection_lost",
        "The connection broke; the outcome is unknown.",
        "Nothing to do: the next look tells.",
    )
    SERVER_ERROR = "server_error", "The cloud failed inside.", "If it lasts, ask the cloud's operator."
    UNEXPECTED_ANSWER = (
        "unexpected_answer",
        "The cloud answered what nobody expects.",
        "If it lasts, read the answer in the log.",
    )
    BAD_REQUEST = "bad_request", "The DELETE was rejected as a bad request.", "If it lasts, fix what the message names."
    UNEXPECTED_STATUS = (
        "unexpected_status",
        "The cloud answered with an undocumented 4xx status.",
        "If it lasts, fix what the message names.",
    )
    OUT_OF_TIME = "out_of_time", "The function had no time left for this request.", "Nothing to do: it comes next."
    INTERNAL_ERROR = "internal_error", "This software failed on the request.", "Read the log; report the fault."

    # The target: all its requests wait
    HALTED = "halted", "The target was found unusable a moment ago.", "See the reason that halted it."
    CREDENTIALS_REJECTED = (
        "credentials_rejected",
        "Keystone or the backup service refuses the target's credentials.",
        "Store working credentials in the target's secret.",
    )
    SECRET_UNUSABLE = "secret_unusable", "The target's secret cannot be used.", "Mend the secret as the message says."
    ADMINISTRATOR_REFUSED = (
        "administrator_refused",
        "The target's user is an administrator, who could delete other projects' backups.",
        'Use a user without the role admin, or set "allow_admin": true.',
    )
    PROJECT_MISMATCH = (
        "project_mismatch",
        "The token belongs to another project than the target.",
        "Mend the project in the target's secret.",
    )
    IDENTITY_MISMATCH = (
        "identity_mismatch",
        "The cloud showed another backup than the one asked for.",
        "Stop the deleter; check proxy and endpoint of the target.",
    )
    WRONG_ENDPOINT = (
        "wrong_endpoint",
        "The endpoint does not serve this API.",
        "Check region, endpoint and API version of the target.",
    )
    REDIRECTED = "redirected", "The endpoint redirects; a deletion is never sent on.", "Set the endpoint it should be."
    GATEWAY_REFUSED = (
        "gateway_refused",
        "The cloud's gateway rejects this caller.",
        "Check allowed addresses, project, account and quota there.",
    )
    PROXY = "proxy", "A proxy asks for credentials.", "Check the network path of the function."
    THROTTLED = "throttled", "The cloud asks to slow down.", "If it lasts, lower MaximumConcurrency."
    LOGIN_THROTTLED = "login_throttled", "Keystone asks to slow down.", "If it lasts, lower MaximumConcurrency."
    SERVICE_DOWN = "service_down", "The backup service or Keystone is down.", "If it lasts, ask the cloud's operator."
    UNREACHABLE = "unreachable", "The endpoint cannot be reached.", "Check network, DNS and endpoint of the target."
    TLS = (
        "tls",
        "The endpoint's certificate cannot be trusted.",
        'Check the certificate, or give "cacert" in the secret.',
    )

    # Our own side
    NOT_STORED = (
        "not_stored",
        "The queue did not take what had to be sent.",
        "If it lasts, check the queues and the function's role.",
    )
    UNHEARD = (
        "unheard",
        "The end could not be published for 12 days.",
        "Mend the event bus; the message says how it ended.",
    )

    # A purge's plan: a backup stays by a keep rule
    KEEP_LAST = "keep_last", "Among the newest.", "Nothing to do."
    KEEP_HOURLY = "keep_hourly", "The newest of its hour.", "Nothing to do."
    KEEP_DAILY = "keep_daily", "The newest of its day.", "Nothing to do."
    KEEP_WEEKLY = "keep_weekly", "The newest of its week.", "Nothing to do."
    KEEP_MONTHLY = "keep_monthly", "The newest of its month.", "Nothing to do."
    KEEP_YEARLY = "keep_yearly", "The newest of its year.", "Nothing to do."
    KEEP_WITHIN = "keep_within", "Young enough beside the newest.", "Nothing to do."
    KEEP_WITHIN_HOURLY = "keep_within_hourly", "The newest of its hour, and young enough.", "Nothing to do."
    KEEP_WITHIN_DAILY = "keep_within_daily", "The newest of its day, and young enough.", "Nothing to do."
    KEEP_WITHIN_WEEKLY = "keep_within_weekly", "The newest of its week, and young enough.", "Nothing to do."
    KEEP_WITHIN_MONTHLY = "keep_within_monthly", "The newest of its month, and young enough.", "Nothing to do."
    KEEP_WITHIN_YEARLY = "keep_within_yearly", "The newest of its year, and young enough.", "Nothing to do."
    KEEP_OLDEST = "keep_oldest", "The oldest stays while that rule has room.", "Nothing to do."
    MIN_KEPT = "min_kept", "The newest copies of a group always stay.", "Nothing to do."

    # A purge's plan: a backup stays for another reason
    NOT_MATCHED = "not_matched", "The policy is not about it.", "Widen the policy's match, if it should be."
    NO_GROUP = "no_group", "Its name gives no group.", "Mend the name or the policy's group_by."
    TOO_YOUNG = "too_young", "It is not older than the policy says.", "Nothing to do."
    SOURCE_STALE = (
        "source_stale",
        "Its group has no copy that is new enough.",
        "See why no backups are made; the old ones may be the last.",
    )
    IN_USE = "in_use", "The backup is being made, restored or deleted.", "Nothing to do: the next plan looks again."
    CHAIN_BLOCKED = (
        "chain_blocked",
        "A kept incremental backup may need it.",
        "Make a full backup; the plan's advice says what it frees.",
    )
    CREATED_IN_FUTURE = (
        "created_in_future",
        "It is dated later than now.",
        "Check the clocks here and in the cloud.",
    )

    # A purge's plan: a backup goes
    NOT_KEPT = "not_kept", "No keep rule keeps it.", "Hold it, if it should stay."
    FAILED_COPY = "failed_copy", "It failed, and the policy is about failed ones.", "Hold it, if it should stay."
    IN_GRACE = "in_grace", "It goes when its grace is over.", "Mend the policy or hold it before, if it should stay."

    # A purge's run: it is refused whole
    GUARD_EXCEEDED = (
        "guard_exceeded",
        "More would go than a guard allows.",
        "Look at the plan; approve it, or mend the policy.",
    )
    LISTING_INCOMPLETE = (
        "listing_incomplete",
        "The backups could not all be listed.",
        "Nothing to do: the next run lists again.",
    )
    CLOCK_DOUBT = (
        "clock_doubt",
        "The cloud's clock and ours differ too much to tell ages.",
        "Check the clock here and in the cloud.",
    )
    INVENTORY_DOUBTFUL = (
        "inventory_doubtful",
        "The list of backups contradicts itself.",
        "Read what the message names; list again.",
    )
    POLICY_REFUSED = (
        "policy_refused",
        "The purge's event or its policy cannot be used.",
        "Mend what the message names and run it again.",
    )
    PLANS_UNUSABLE = (
        "plans_unusable",
        "The plans bucket cannot be read or written.",
        "Check the bucket and the purger's role; the next run plans again.",
    )
    PLAN_UNKNOWN = (
        "plan_unknown",
        "The policy has no stored plan of that sha256.",
        "Take the sha256 from a plan of the last 7 days.",
    )
    PLAN_CHANGED = (
        "plan_changed",
        "The stored plan is not what was written.",
        "Find out who changed it; plan anew.",
    )
    PLAN_EXPIRED = "plan_expired", "The plan is older than 7 days.", "Plan anew and approve that plan."
    PLAN_MISPLACED = (
        "plan_misplaced",
        "The plan is of another policy, target, project or address.",
        "Approve a plan of this policy and target.",
    )
    PLAN_SUPERSEDED = (
        "plan_superseded",
        "The policy's newest plan has other rules.",
        "Preview again and approve that.",
    )

    # A purge's run that went well
    PLANNED = "planned", "The plan is stored.", "Look at its picture; approve it, or let the policy purge."
    ALL_REQUESTED = "all_requested", "Every due deletion was requested.", "Nothing to do: each has an end of its own."
    ALREADY_REQUESTED = "already_requested", "This plan was sent before; nothing was sent again.", "Nothing to do."
