"""All faults by name. Each seed draws which of them occur, and how often."""

import random
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """A kind of fault. Its value is its name in the README."""

    # Queue and event source mapping
    DELIVERED_TWICE = "a message is delivered again while an earlier delivery still runs"
    POLLER_HOLDS = "a poller holds messages before it invokes, even beyond their visibility"
    ACK_LOST = "a finished message is not removed"
    STALE_ACK = "a message is removed by a receipt that is no longer its last"
    REPLY_LOST = "the function's reply is lost: the whole batch comes back"
    HIDE_FAILED = "hiding fails"
    HIDE_PARTLY = "hiding fails for one message of a batch"
    HIDE_REPLY_LOST = "messages are hidden, but the reply says otherwise"
    SEND_FAILED = "sending to the delete queue fails"
    SEND_PARTLY = "one entry of a batch is not stored"
    SEND_REPLY_LOST = "messages are stored, but the reply is lost"
    SENDS_DOWN = "the delete queue accepts nothing for hours"
    LETTER_FAILED = "sending a dead letter fails"
    LETTER_REPLY_LOST = "a dead letter is stored, but the reply is lost"
    LETTERS_DOWN = "the dead-letter queue accepts nothing for hours"
    PUBLISH_FAILED = "publishing an event fails"
    PUBLISH_PARTLY = "the bus answers 200 with a failed entry"
    PUBLISH_REPLY_LOST = "an event is published, but the reply is lost"
    BUS_DOWN = "the bus is down for hours"
    # The function
    KILLED_BEFORE = "the function is killed just before an effect"
    KILLED_AFTER = "the function is killed just after an effect"
    TIMED_OUT = "a call takes so long that the function times out during a batch"
    LITTLE_TIME = "an invocation starts with little time left"
    NO_START = "the function cannot be imported for hours or days"
    NEW_ENVIRONMENT = "the environment is replaced"
    REPORT_BROKEN = "logging and metrics raise exceptions"
    CLOCKS_APART = "the clock of the function is wrong by minutes"
    # Senders
    FORGED = "a producer claims in attributes to be another request that was accepted long ago"
    MOVED_BACK = "SQS moves a dead letter back to the delete queue"
    # The target
    ELSEWHERE = "the secret names another address of the service, without backups"
    # Secrets and Keystone
    SECRETS_DOWN = "Secrets Manager is down"
    SECRET_BROKEN = "the secret is not JSON"
    ROTATED_EARLY = "the secret has a password that Keystone does not know yet"
    ROTATED_LATE = "Keystone has a password that the secret does not have yet"
    TOKENS_REVOKED = "every token is revoked"
    KEYSTONE_DOWN = "Keystone is down"
    KEYSTONE_HANGS = "Keystone does not answer in time"
    KEYSTONE_THROTTLES = "Keystone asks to log in less often"
    KEYSTONE_MISPLACED = "another server answers instead of Keystone"
    ADMINISTRATOR = "the token has the role admin"
    TOKEN_OF_ANOTHER = "the token belongs to another project"
    # The backup service as a whole
    SERVICE_DOWN = "the backup service is down: 503"
    NO_WORKER = "cinder-backup is down: a DELETE finds no service"
    HOST_DOWN = "the host of some backups is down: a DELETE of these finds no service"
    REPLICA_LAGS = "a replica without the backup answers the first GET with a valid 404"
    RATE_LIMITED = "a rate limit of a few calls a minute"
    # One answer
    UNREACHABLE = "no connection"
    TLS_FAILED = "the certificate is not trusted"
    STALE = "a reused connection is closed"
    RESET = "the connection breaks, perhaps after the work"
    READ_TIMEOUT = "no answer in time, perhaps after the work"
    SLOW = "an answer takes seconds"
    CUT_SHORT = "the body of an answer is truncated"
    OK_TO_DELETE = "200 to a DELETE"
    NO_CONTENT_TO_DELETE = "204 to a DELETE"
    MOVED = "302"
    MALFORMED_URL = "400, malformed request url"
    USED_BY_IMAGE = "400 VolumeBackup.0113, used by an image"
    VBS_TROUBLE = "400 VolumeBackup.0014, internal error"
    VBS_TOKEN = "400 Common.0013, bad token"
    BAD_JSON = "400 with unknown JSON"
    BAD_APIG = "400 APIG.0201"
    BAD_HTML = "400 with HTML"
    UNAUTHORIZED = "401"
    IN_ARREARS = "402"
    FORBIDDEN = "403 of the policy"
    GATEWAY = "403 of the gateway"
    LOST_HTML = "404 with HTML"
    LOST_APIG = "404 APIG.0101"
    LOST_EMPTY = "404 with an empty body"
    LOST_OTHER = "404 about another backup"
    NOT_ALLOWED = "405"
    NOT_ACCEPTABLE = "406"
    PROXY = "407"
    REQUEST_TIMEOUT = "408, perhaps after the work"
    CONFLICT = "409"
    WITHDRAWN = "410"
    TOO_LARGE = "413 with HTML"
    URI_TOO_LONG = "414"
    TEAPOT = "418"
    TEAPOT_APIG = "418 APIG.0201"
    MISDIRECTED = "421"
    HEADERS_TOO_LARGE = "431"
    HEADER_TOO_LARGE = "494"
    TOO_MANY = "429 with Retry-After"
    TOO_MANY_DATED = "429 with a Retry-After that is a date"
    SERVER_ERROR = "500, perhaps after the work"
    NOT_IMPLEMENTED = "501"
    BAD_GATEWAY = "502, perhaps after the work"
    UNAVAILABLE = "503 with Retry-After"
    GATEWAY_TIMEOUT = "504, perhaps after the work"
    ODD_STATUS = "520"
    # One GET
    OTHER_SHOWN = "200 with another backup"
    UNREADABLE = "200 without a backup"
    FIELD_MISSING = "200 with a field missing"
    FIELD_ODD = "200 with a field of another type"
    FIELD_TWICE = "200 with a field twice"
    CACHED_GONE = "404 from a cache"
    STRANGE_STATUS = "200 with an unknown status"
    NOT_OWNED = "200 with another project as owner"
    # What other users do
    HELD = "a user puts a backup on hold"
    FREED = "a user removes a hold"
    HOLD_STORED = "an operator holds a backup or a volume in the bucket"
    HOLD_RELEASED = "an operator releases a hold or a stop"
    HOLDS_UNREADABLE = "the holds cannot be listed for hours"
    DELETED_BY_ANOTHER = "another user deletes a backup"
    REPLACED = "a backup is replaced by one with the same ID, another time and name"
    RESTORED = "a user restores from a backup for a while"
    DELETION_FAILS = "an accepted deletion fails"
    ERROR_DELETING = "an accepted deletion fails for good"
    DELETION_STUCK = "a deletion takes hours"
    TOUCHED = "updated_at of a deleting backup changes"
    # The purger
    FIRED_TWICE = "a schedule fires twice for the same time"
    PLAN_KILLED = "the purger is killed before or after it stores its plan"
    BATCH_KILLED = "the purger is killed before or after it sends a batch"
    MARK_KILLED = "the purger is killed before or after it writes its mark"
    SHORT_OF_TIME = "the purger has little time left"
    BUCKET_REFUSES = "a call to the plans bucket fails"
    BUCKET_DOWN = "the plans bucket is down for hours"
    BUCKET_RACED = "another writer creates the same key at the same time"
    OBJECT_REPLY_LOST = "an object is stored, but the reply is lost"
    BATCH_HALF = "half of a batch is not stored"
    BATCH_REPLY_LOST = "a batch is stored, but the reply is lost"
    LIST_CUT = "a list fails before its last page"
    MARKER_GONE = "the last backup of a page is deleted before the next page"
    LIST_GREW = "a backup is created while the list is read"
    ROW_LACKS = "a row of a list lacks a field"
    DATE_OFF = "the clock of the cloud is wrong by ten minutes"
    DATE_MISSING = "responses have no Date header"
    TAMPERED = "a stored plan is changed and then approved"
    APPROVED_UNKNOWN = "an unknown hash is approved"
    APPROVED_OLD = "a plan older than seven days is approved"
    APPROVED_AGAIN = "a plan that was already sent is approved"
    APPROVED_ELSEWHERE = "a plan is approved under the name of another policy"
    DUE_HELD = "a backup with a pending request is put on hold"
    DUE_RENAMED = "a backup with a pending request is renamed"
    DUE_REPLACED = "a backup with a pending request is replaced by one with the same ID"
    DUE_DELETED = "a backup with a pending request is deleted by another user"
    SURVIVOR_GONE = "the survivor of a pending request is deleted"
    RUN_STOPPED = "an operator stops one run or all runs of a policy"
    MARK_FORGED = "an attacker writes the mark of a run before the run"
    GRACE_FORGED = "an attacker forges a last plan that selects all backups for a month"
    # CBR
    FILTER_IGNORED = "the list of a volume contains the backups of all volumes"
    LIST_SHORT = "the count of the list of a volume is too high by one"


LASTING: Final = (
    Fault.SENDS_DOWN,
    Fault.LETTERS_DOWN,
    Fault.BUS_DOWN,
    Fault.NO_START,
    Fault.SECRETS_DOWN,
    Fault.SECRET_BROKEN,
    Fault.ROTATED_EARLY,
    Fault.ROTATED_LATE,
    Fault.KEYSTONE_DOWN,
    Fault.KEYSTONE_MISPLACED,
    Fault.ADMINISTRATOR,
    Fault.SERVICE_DOWN,
    Fault.NO_WORKER,
    Fault.HOST_DOWN,
    Fault.ELSEWHERE,
    Fault.RATE_LIMITED,
    Fault.HOLDS_UNREADABLE,
)
"""These last for minutes to hours. The others affect one call, message or backup."""


OF_A_FORGER: Final = (Fault.MARK_FORGED, Fault.GRACE_FORGED)
"""Faults of an attacker who can write to the bucket, with their own random numbers for the same reason."""

OF_CBR: Final = (Fault.FILTER_IGNORED, Fault.LIST_SHORT)
"""Only with a target of CBR."""

OF_THE_PURGER: Final = tuple(Fault)[tuple(Fault).index(Fault.FIRED_TWICE) : tuple(Fault).index(Fault.MARK_FORGED)]
"""Only with a purger. They have their own random numbers, so seeds without a purger do not depend on them."""

OF_ONE_MOMENT: Final = (
    Fault.PLAN_KILLED,
    Fault.BATCH_KILLED,
    Fault.MARK_KILLED,
    Fault.BATCH_HALF,
    Fault.BATCH_REPLY_LOST,
    Fault.LIST_CUT,
    Fault.MARKER_GONE,
)
"""A run has few occasions for these, so their rates are higher."""

OF_THE_DELETER: Final = tuple(Fault)[: tuple(Fault).index(Fault.FIRED_TWICE)]


AT_EVERY_EFFECT: Final = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.TIMED_OUT)
"""Each effect of an invocation is an occasion for these, so their rates are lower."""


class Faults:
    """The faults of one run: a random subset with random rates, so that rare combinations occur."""

    def __init__(self, rng: random.Random, kinds: Iterable[Fault] = OF_THE_DELETER) -> None:
        self._rng = rng
        self._draw = rng.random
        self._rates = {fault: rng.choice((0.01, 0.03, 0.1)) for fault in kinds if rng.random() < 0.3}
        self._rates |= {fault: rate / 4 for fault, rate in self._rates.items() if fault in AT_EVERY_EFFECT}
        if Fault.STALE_ACK in self._rates:  # a receipt gets stale only if its message is held for long
            self._rates[Fault.POLLER_HOLDS] = 0.1
        self._groups: dict[tuple[Fault, ...], list[tuple[Fault, float]]] = {}
        self._lasting: set[Fault] = set()
        self.fired: Counter[Fault] = Counter()
        self.is_over = False

    def join(self, rng: random.Random, forger: random.Random) -> None:
        """Add the faults of the purger and of an attacker, each with their own random numbers."""
        self._rates |= {fault: 0.5 for fault in OF_A_FORGER if forger.random() < 0.3}
        self._rates |= {fault: rng.choice((0.03, 0.1, 0.25)) for fault in OF_THE_PURGER if rng.random() < 0.4}
        self._rates |= {fault: 0.25 for fault in OF_ONE_MOMENT if rng.random() < 0.5}
        if Fault.BUCKET_REFUSES in self._rates:  # a run makes ten calls, and one failure ends it
            self._rates[Fault.BUCKET_REFUSES] /= 4

    def join_cbr(self) -> None:
        self._rates |= dict.fromkeys(OF_CBR, 0.2)

    def has(self, fault: Fault) -> bool:
        return fault in self._rates

    def strikes(self, fault: Fault, rate: float | None = None) -> bool:
        """Return whether the fault occurs now, at its rate or this one, and count it."""
        known = self._rates.get(fault)
        if known is None or self.is_over or self._draw() >= (rate or known):
            return False
        self.fired[fault] += 1
        return True

    def pick(self, group: tuple[Fault, ...]) -> Fault | None:
        """Return the fault of a group that occurs now, or None, and count it."""
        if self.is_over:
            return None
        known = self._groups.get(group)
        if known is None:
            known = self._groups[group] = [(fault, self._rates[fault]) for fault in group if fault in self._rates]
        luck = self._draw()
        for fault, rate in known:
            luck -= rate / 2
            if luck < 0:
                self.fired[fault] += 1
                return fault
        return None

    def begin(self, fault: Fault) -> None:
        self._lasting.add(fault)

    def end(self, fault: Fault) -> None:
        self._lasting.discard(fault)

    def lasts(self, fault: Fault) -> bool:
        """Return whether the fault is active now, and count it if so."""
        if fault not in self._lasting or self.is_over:
            return False
        self.fired[fault] += 1
        return True

    def stop(self) -> None:
        self.is_over = True
        self._lasting.clear()
