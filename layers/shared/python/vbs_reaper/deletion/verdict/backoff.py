"""How long a message waits: exponential with jitter, never beyond what SQS allows (dispositions section 5).

`dice` is a number in [0, 1): the caller's luck, so that every wait is a pure function.
"""

import math
from datetime import datetime
from typing import Final

CEILING_S: Final = 2 * 3600
LIMIT_S: Final = 12 * 3600 - 1200 - 60
"""SQS hides at most 12 hours from a receive; less the visibility timeout and a minute to spare."""
SCALED_RECEIVES: Final = 150
"""Waits with a scale of their own keep it so long; afterwards the exponential bounds their number."""


def wait_s(receive_count: int, base_s: int, dice: float, retry_after_s: float | None = None) -> int:
    """Wait number `receive_count` in whole seconds, not shorter than `retry_after_s` where the cloud named one."""
    longest = _exponential_s(receive_count, base_s)
    if retry_after_s is None:
        return _pick(longest / 2, longest, dice)
    return _pick(max(longest / 2, retry_after_s), max(longest, 1.5 * retry_after_s), dice)


def asked_delay_s(base_s: int, dice: float) -> int:
    """The first wait after the first 202: half to all of the base; SQS delays a new message at most 900 s."""
    return min(_pick(base_s / 2, base_s, dice), 900)


def dependents_wait_s(newer: int, receive_count: int, base_s: int, dice: float) -> int:
    """Wait for `newer` backups that may have to go first: one base for each."""
    return _scaled_s(max(newer, 1) * base_s, receive_count, base_s, dice)


def deleting_wait_s(since: datetime | None, now: datetime, receive_count: int, base_s: int, dice: float) -> int:
    """Wait as long again as it has been deleting; exponential where that is unknown."""
    if since is None or since > now:
        return wait_s(receive_count, base_s, dice)
    return _scaled_s((now - since).total_seconds(), receive_count, base_s, dice)


def until_s(moment: datetime, now: datetime) -> int:
    """Wait until a moment, or as long as SQS allows."""
    return max(1, min(math.ceil((moment - now).total_seconds()), LIMIT_S))


def _scaled_s(scale_s: float, receive_count: int, base_s: int, dice: float) -> int:
    if receive_count > SCALED_RECEIVES:
        return wait_s(receive_count, base_s, dice)
    longest = min(max(scale_s, base_s), CEILING_S)
    return _pick(longest / 2, longest, dice)


def _exponential_s(receive_count: int, base_s: int) -> int:
    doublings = min(max(receive_count, 1) - 1, 20)
    return min(base_s << doublings, CEILING_S)


def _pick(shortest: float, longest: float, dice: float) -> int:
    return max(1, min(math.ceil(shortest + (longest - shortest) * dice), LIMIT_S))
