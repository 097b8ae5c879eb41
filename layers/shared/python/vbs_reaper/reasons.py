"""Every reason code, and what programs need to know about it. One list for plans, events, metrics and dead letters.

The sentences that people read are in `reason_texts`.
"""

from enum import Enum, StrEnum
from typing import Self

from vbs_reaper.reason_texts import TEXTS


class Scope(Enum):
    """What a reason is about."""

    PROGRESS = "the normal course of a request; never the reason of a dead letter"
    REQUEST = "the request itself"
    BACKUP = "the backup is not ready, or the outcome of a call is unknown"
    TARGET = "the target: all its requests wait"
    STACK = "our own side"
    KEPT = "in a plan: a backup stays"
    SELECTED = "in a plan: a backup is to be deleted"
    RUN_REFUSED = "a purge run is refused as a whole"
    RUN_DONE = "a purge run succeeded"

    @property
    def is_of_requests(self) -> bool:
        """Whether delete requests end or wait with reasons of this scope, rather than purges."""
        return self in {Scope.PROGRESS, Scope.REQUEST, Scope.BACKUP, Scope.TARGET, Scope.STACK}


class Fix(Enum):
    """What has to change before a request that ended with this reason can succeed."""

    NEW_REQUEST = "the request: sending the same one again cannot succeed"
    OUTSIDE = "something outside of the request: it can be sent again afterwards"
    CLOUD_ADMINISTRATOR = "the state of the backup, which only an administrator of the cloud can change"


class Reason(StrEnum):
    """Why something ended or waits. The value is the code. A released code keeps its meaning."""

    sentence: str
    action: str
    scope: Scope
    fix: Fix
    fault_of: Scope | None
    """What a person must repair to end a wait for this reason, the stack or the target; None if it ends by itself."""

    def __new__(cls, code: str, scope: Scope, fix: Fix = Fix.OUTSIDE, fault_of: Scope | None = None) -> Self:
        """Create a member that is its code and carries the rest as attributes."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.scope = scope
        member.sentence, member.action = TEXTS[code]
        member.fix, member.fault_of = fix, fault_of
        return member

    def with_detail(self, detail: str) -> str:
        """Return the sentence, with the detail behind it if there is one."""
        return f"{self.sentence[:-1]}: {detail}" if detail else self.sentence

    @property
    def can_redrive(self) -> bool:
        """Whether a dead letter with this reason may be sent again unchanged."""
        return self.fix is not Fix.NEW_REQUEST

    # The normal course of a request
    DELETED = "deleted", Scope.PROGRESS
    ALREADY_GONE = "already_gone", Scope.PROGRESS
    SPLIT = "split", Scope.PROGRESS
    NOT_BEFORE = "not_before", Scope.PROGRESS

    # The request itself: it is refused
    MALFORMED = "malformed", Scope.REQUEST, Fix.NEW_REQUEST
    WRONG_PROJECT = "wrong_project", Scope.REQUEST, Fix.NEW_REQUEST
    HELD = "held", Scope.REQUEST
    STOPPED = "stopped", Scope.REQUEST
    MINIMUM_AGE = "minimum_age", Scope.REQUEST
    EXPIRED = "expired", Scope.REQUEST, Fix.NEW_REQUEST
    EXPECTATION_FAILED = "expectation_failed", Scope.REQUEST, Fix.NEW_REQUEST
    NOT_OWNED = "not_owned", Scope.REQUEST, Fix.NEW_REQUEST
    USED_BY_IMAGE = "used_by_image", Scope.REQUEST
    NOT_A_VOLUME_BACKUP = "not_a_volume_backup", Scope.REQUEST, Fix.NEW_REQUEST
    LOCKED = "locked", Scope.REQUEST
    DELETION_FAILED = "deletion_failed", Scope.REQUEST, Fix.CLOUD_ADMINISTRATOR

    # The backup is not ready, or the outcome of a call is unknown: the request waits
    ACCEPTED = "accepted", Scope.BACKUP
    DELETING = "deleting", Scope.BACKUP, Fix.CLOUD_ADMINISTRATOR
    BUSY = "busy", Scope.BACKUP, Fix.CLOUD_ADMINISTRATOR
    HAS_DEPENDENTS = "has_dependents", Scope.BACKUP
    CONFLICT = "conflict", Scope.BACKUP
    VAULT_UNUSABLE = "vault_unusable", Scope.BACKUP, Fix.OUTSIDE, Scope.TARGET
    UNCONFIRMED = "unconfirmed", Scope.BACKUP
    ASKED_ELSEWHERE = "asked_elsewhere", Scope.BACKUP, Fix.OUTSIDE, Scope.TARGET
    SURVIVOR_CLAIMED = "survivor_claimed", Scope.BACKUP
    UNKNOWN_FIELD = "unknown_field", Scope.BACKUP, Fix.OUTSIDE, Scope.TARGET
    FORBIDDEN = "forbidden", Scope.BACKUP, Fix.OUTSIDE, Scope.TARGET
    TIMED_OUT = "timed_out", Scope.BACKUP
    CONNECTION_LOST = "connection_lost", Scope.BACKUP
    SERVER_ERROR = "server_error", Scope.BACKUP
    UNEXPECTED_ANSWER = "unexpected_answer", Scope.BACKUP
    UNEXPECTED_STATUS = "unexpected_status", Scope.BACKUP
    STALE_ANSWER = "stale_answer", Scope.BACKUP
    BAD_REQUEST = "bad_request", Scope.BACKUP
    OUT_OF_TIME = "out_of_time", Scope.BACKUP
    INTERNAL_ERROR = "internal_error", Scope.BACKUP, Fix.OUTSIDE, Scope.STACK

    # The target: all its requests wait
    HALTED = "halted", Scope.TARGET
    CREDENTIALS_REJECTED = "credentials_rejected", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    CLOCK_SKEW = "clock_skew", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    SECRET_UNUSABLE = "secret_unusable", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET  # noqa: S105  # pragma: allowlist secret  # a code
    ADMINISTRATOR_REFUSED = "administrator_refused", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    PROJECT_MISMATCH = "project_mismatch", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    IDENTITY_MISMATCH = "identity_mismatch", Scope.TARGET
    WRONG_ENDPOINT = "wrong_endpoint", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    REDIRECTED = "redirected", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    GATEWAY_REFUSED = "gateway_refused", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    PROXY = "proxy", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET
    THROTTLED = "throttled", Scope.TARGET
    LOGIN_BUSY = "login_busy", Scope.TARGET
    LOGIN_THROTTLED = "login_throttled", Scope.TARGET
    SERVICE_DOWN = "service_down", Scope.TARGET
    UNREACHABLE = "unreachable", Scope.TARGET
    TLS = "tls", Scope.TARGET, Fix.OUTSIDE, Scope.TARGET

    # Our own side
    BUCKET_UNUSABLE = "bucket_unusable", Scope.STACK, Fix.OUTSIDE, Scope.STACK
    NOT_STORED = "not_stored", Scope.STACK, Fix.OUTSIDE, Scope.STACK
    UNHEARD = "unheard", Scope.STACK, Fix.OUTSIDE, Scope.STACK

    # In a plan: a backup stays
    KEEP_LAST = "keep_last", Scope.KEPT
    KEEP_HOURLY = "keep_hourly", Scope.KEPT
    KEEP_DAILY = "keep_daily", Scope.KEPT
    KEEP_WEEKLY = "keep_weekly", Scope.KEPT
    KEEP_MONTHLY = "keep_monthly", Scope.KEPT
    KEEP_YEARLY = "keep_yearly", Scope.KEPT
    KEEP_WITHIN = "keep_within", Scope.KEPT
    KEEP_WITHIN_HOURLY = "keep_within_hourly", Scope.KEPT
    KEEP_WITHIN_DAILY = "keep_within_daily", Scope.KEPT
    KEEP_WITHIN_WEEKLY = "keep_within_weekly", Scope.KEPT
    KEEP_WITHIN_MONTHLY = "keep_within_monthly", Scope.KEPT
    KEEP_WITHIN_YEARLY = "keep_within_yearly", Scope.KEPT
    KEEP_OLDEST = "keep_oldest", Scope.KEPT
    MIN_KEPT = "min_kept", Scope.KEPT
    NOT_MATCHED = "not_matched", Scope.KEPT
    NO_GROUP = "no_group", Scope.KEPT
    TOO_YOUNG = "too_young", Scope.KEPT
    SOURCE_STALE = "source_stale", Scope.KEPT
    IN_USE = "in_use", Scope.KEPT
    CHAIN_BLOCKED = "chain_blocked", Scope.KEPT
    ONLY_COPY = "only_copy", Scope.KEPT
    CREATED_IN_FUTURE = "created_in_future", Scope.KEPT

    # In a plan: a backup is to be deleted
    NOT_KEPT = "not_kept", Scope.SELECTED
    FAILED_COPY = "failed_copy", Scope.SELECTED
    IN_GRACE = "in_grace", Scope.SELECTED

    # A purge run is refused as a whole
    GUARD_EXCEEDED = "guard_exceeded", Scope.RUN_REFUSED
    LISTING_INCOMPLETE = "listing_incomplete", Scope.RUN_REFUSED
    MEMORY_TOO_SMALL = "memory_too_small", Scope.RUN_REFUSED
    CLOCK_DOUBT = "clock_doubt", Scope.RUN_REFUSED
    INVENTORY_DOUBTFUL = "inventory_doubtful", Scope.RUN_REFUSED
    POLICY_REFUSED = "policy_refused", Scope.RUN_REFUSED
    PLANS_UNUSABLE = "plans_unusable", Scope.RUN_REFUSED
    PLAN_UNKNOWN = "plan_unknown", Scope.RUN_REFUSED
    PLAN_CHANGED = "plan_changed", Scope.RUN_REFUSED
    PLAN_EXPIRED = "plan_expired", Scope.RUN_REFUSED
    PLAN_MISPLACED = "plan_misplaced", Scope.RUN_REFUSED
    PLAN_SUPERSEDED = "plan_superseded", Scope.RUN_REFUSED

    # A purge run succeeded
    PLANNED = "planned", Scope.RUN_DONE
    ALL_REQUESTED = "all_requested", Scope.RUN_DONE
    ALREADY_REQUESTED = "already_requested", Scope.RUN_DONE
