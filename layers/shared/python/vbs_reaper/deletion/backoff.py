"""How long a message waits: exponential backoff with jitter, within the limits of SQS.

`jitter` is a random number in [0, 1) that the caller provides, so every function here is pure. All results are whole
seconds.
"""

import math
from datetime import datetime
from typing import Final

CEILING_S: Final = 2 * 3600
LIMIT_S: Final = 12 * 3600 - 1200 - 60
"""SQS hides a message for at most 12 hours after a receive; minus the visibility timeout and one minute of margin."""
PENDING_S: Final = 0.2
"""Seconds that each pending deletion adds to the shortest wait of the others."""
SCALED_RECEIVES: Final = 150
"""Up to this receive count a wait may use its own time scale; after it, exponential backoff bounds the receives."""


def wait_s(receive_count: int, base_s: int, jitter: float, retry_after_s: float | None = None) -> int:
    """Return the wait after receive number `receive_count`, at least `retry_after_s` if the cloud named it."""
    longest = _exponential_s(receive_count, base_s)
    if retry_after_s is None:
        return _pick(longest / 2, longest, jitter)
    return _pick(max(longest / 2, retry_after_s), max(longest, 1.5 * retry_after_s), jitter)


def asked_delay_s(base_s: int, jitter: float, pending: int) -> int:
    """Return the wait after the first 202: a sixth to a third of the base, or more if many deletions are `pending`.

    It is at most the 900 s that SQS can delay a new message.
    """
    return min(max(_pick(base_s / 6, base_s / 3, jitter), _crowded_s(pending)), 900)


def confirmation_delay_s(waited_s: float, base_s: int, jitter: float) -> int:
    """Return the wait until a 404 may be confirmed, one base after the first receive: at least half of the base."""
    shortest = max(base_s - waited_s, base_s / 2)
    return _pick(shortest, shortest + base_s / 2, jitter)


def dependents_wait_s(newer: int, receive_count: int, base_s: int, jitter: float) -> int:
    """Return the wait for `newer` backups that must be deleted first: one base for each."""
    return _scaled_s(max(newer, 1) * base_s, receive_count, base_s, jitter)


def deleting_wait_s(  # noqa: PLR0913  # each is a separate value
    since: datetime | None, now: datetime, receive_count: int, base_s: int, jitter: float, pending: int
) -> int:
    """Return the wait for a deletion: a sixth to a third of the time since then; exponential if that is unknown.

    It is at least a sixth to a third of the base, and more if many deletions are `pending`.
    """
    if since is None or since > now or receive_count > SCALED_RECEIVES:
        paced_s = wait_s(receive_count, base_s, jitter)
    else:
        longest = min(max((now - since).total_seconds(), base_s) / 3, CEILING_S)
        paced_s = _pick(longest / 2, longest, jitter)
    return max(paced_s, _crowded_s(pending))


def until_s(moment: datetime, now: datetime) -> int:
    """Return the wait until a moment, at most what SQS allows."""
    return max(1, min(math.ceil((moment - now).total_seconds()), LIMIT_S))


def _crowded_s(pending: int) -> int:
    """Return the shortest wait beside `pending` others: an environment observes at most 5 of them a second."""
    return min(math.ceil(pending * PENDING_S), CEILING_S)


def _scaled_s(scale_s: float, receive_count: int, base_s: int, jitter: float) -> int:
    if receive_count > SCALED_RECEIVES:
        return wait_s(receive_count, base_s, jitter)
    longest = min(max(scale_s, base_s), CEILING_S)
    return _pick(longest / 2, longest, jitter)


def _exponential_s(receive_count: int, base_s: int) -> int:
    doublings = min(max(receive_count, 1) - 1, 20)
    return min(base_s << doublings, CEILING_S)


def _pick(shortest: float, longest: float, jitter: float) -> int:
    return max(1, min(math.ceil(shortest + (longest - shortest) * jitter), LIMIT_S))
