"""Has the checker look at the targets of requests before these are sent, so that a misspelt target is named at once."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from vbs_reaper.checking.target_check import TARGETS_LIMIT
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError
from vbs_reaper.reasons import Reason

_NEVER: Final = frozenset({Reason.SECRET_UNUSABLE.value})
"""A target with this reason cannot work before someone has stored a secret for it."""


def find_unusable(stack: Stack, targets: Iterable[str | None]) -> Iterator[str]:
    """Yield a remark for each target that does not work now, or that cannot be checked. None is the default target.

    Raises:
        CommandError: a target has no usable secret. Its requests would wait for 12 days.
    """
    named = sorted({target or stack.default_target for target in targets})[:TARGETS_LIMIT]
    if not named:
        return
    try:
        answer = stack.invoke("Checker", {"targets": named})
    except CommandError as error:
        yield f"the target cannot be checked with your rights: {error}"
        return
    for report in answer["targets"]:
        if report.get("reason") in _NEVER:
            raise CommandError(f"{_fault(report)}; nothing was sent")
        if report["healthy"] is False:
            yield f"{_fault(report)}; the requests wait until it works"


def _fault(report: Mapping[str, Any]) -> str:
    return f'the target "{report["target"]}" does not work: {message_of(report)} ({report["reason"]})'


def message_of(report: Mapping[str, Any]) -> str:
    """Return the message of a report without the name of the target, with which some messages begin."""
    return str(report["message"]).removeprefix(f'target "{report["target"]}": ')
