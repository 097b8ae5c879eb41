"""The exceptions of this project, as one tree.

    ReaperError
    ├── InvalidInput             something from outside cannot be accepted; also a ValueError
    │   ├── InvalidJson          text that is not acceptable JSON
    │   ├── InvalidRequest       a delete request
    │   ├── InvalidCheck         the checker's event
    │   ├── InvalidPolicy        a purge policy
    │   ├── InvalidPattern       a name pattern of a purge policy
    │   ├── InvalidPlan          a stored purge plan
    │   ├── InvalidSecret        a target's secret
    │   ├── InvalidEndpoint      an address of a cloud
    │   ├── InvalidBackupsFile   a file with a list of backups
    │   └── InvalidHold          an object under `holds/` in the stack's bucket
    ├── RunRefused               a purge run must not go on; nothing may be sent
    │   ├── PlanStoreBusy        the plan store failed in a way that may pass
    │   └── RunStopped           somebody has stopped the run
    ├── Retryable                the same invocation may succeed later
    │   ├── RunUnfinished        a purge run stopped half-way
    │   └── RequestNotQueued     a direct request was neither finished nor queued
    ├── BucketUnusable           the stack's bucket failed; becomes an `Answer` or a decision
    ├── SettingsError            the function's environment variables are wrong
    └── CommandError             a command of the CLI cannot do what it was asked

`CallFailed` and `NotSendable` (`clouds/http/`) never leave `clouds/`: they become an `Answer`.

An expected end of a delete request is not an exception but a value: see `deletion.decision`.
"""

from vbs_reaper.reasons import Reason


class ReaperError(Exception):
    """Base class. Every message is one sentence that is fit to be shown: it never contains a secret."""


class InvalidInput(ReaperError, ValueError):
    """Something from outside cannot be accepted. The message names the field, what was found and how to fix it."""


class InvalidJson(InvalidInput):
    """The text is not acceptable JSON. The message quotes at most a key of it."""


class InvalidRequest(InvalidInput):
    """The delete request cannot be accepted."""


class InvalidCheck(InvalidInput):
    """The checker's event cannot be accepted."""


class InvalidPolicy(InvalidInput):
    """The purge policy cannot be used."""


class InvalidPattern(InvalidInput):
    """The name pattern uses a form that is not supported. The message names the form and what to write instead."""


class InvalidPlan(InvalidInput):
    """The document is not a plan, or it was changed after it was written."""


class InvalidSecret(InvalidInput):
    """A target's secret cannot be used. The message names target, secret, key and fix, never a value."""


class InvalidEndpoint(InvalidInput):
    """The text is not an address that may be called. The message does not quote it: it may contain a password.

    `fault` is the message without the fix, which depends on where the address is from.
    """

    def __init__(self, fault: str, fix: str = "") -> None:
        super().__init__(f"{fault}; {fix}" if fix else fault)
        self.fault = fault


class InvalidBackupsFile(InvalidInput):
    """The file does not contain a list of backups. The message names the file."""


class InvalidHold(InvalidInput):
    """The object is not a hold that this version understands. The message names its key."""


class RunRefused(ReaperError):
    """A purge run must not go on, and nothing may be sent. `reason` is the stable reason code."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PlanStoreBusy(RunRefused):
    """The plan store failed in a way that may pass: the same run may succeed later."""


class PlanUnreadable(RunRefused):
    """This role may not read a stored plan, or not use its key. Other plans may be readable."""


class RunStopped(RunRefused):
    """Somebody has stopped the run. `requested` is the number of deletions that the invocation had requested."""

    def __init__(self, reason: Reason, message: str, requested: int = 0) -> None:
        super().__init__(reason, message)
        self.requested = requested


class Retryable(ReaperError):
    """The invocation could not be completed; invoking the function again with the same event is safe."""


class RunUnfinished(Retryable):
    """Queue, bus, bucket or remaining time stopped a purge run. Repeat the whole run; repeating it is harmless.

    `requested` is the number of deletions that the invocation had requested.
    """

    def __init__(self, message: str, requested: int = 0) -> None:
        super().__init__(message)
        self.requested = requested


class RequestNotQueued(Retryable):
    """A direct request could be neither finished nor stored in the queue: send it again."""


class BucketUnusable(ReaperError):
    """Login slots or holds in the stack's bucket cannot be read or written. The message says what failed."""


class SettingsError(ReaperError):
    """The function cannot start. The message has one clause per wrong environment variable, with the value found."""


class CommandError(ReaperError):
    """A command cannot do what it was asked. The message is shown on standard error."""
