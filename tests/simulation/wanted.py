"""What a request wants, as its producer knows it, and what an observation allows, according to the decision table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.cloud import HOLD_KEYS, HOLDS, Project
from tests.simulation.timeline import seconds_of
from vbs_reaper.timestamps import read_instant

DELETABLE = {"available", "error"}
NEEDED = ("volume_id", "status", "created_at")
PRESENT = ("name", "description")


@dataclass(slots=True)
class Wanted:
    """One accepted request. A bulk has `parts`; a malformed request has neither backup nor parts."""

    identity: str
    project: Project
    backup_id: str | None = None
    expect: dict[str, Any] = field(default_factory=dict)
    guard: str | None = None
    not_before_s: float | None = None
    expires_at_s: float | None = None
    parts: list[Wanted] = field(default_factory=list)

    @property
    def survivors(self) -> list[str]:
        survivors: list[str] = self.expect.get("survivors", [])
        return survivors

    @property
    def is_for_another_project(self) -> bool:
        return self.guard not in (None, self.project.project_id)


def is_held(shown: dict[str, Any], project: Project) -> bool:
    texts = (shown.get("name") or "", shown.get("description") or "")
    in_metadata = project.shows_metadata and bool(HOLD_KEYS & set(shown.get("metadata") or {}))
    return in_metadata or any(hold in text for text in texts for hold in (project.hold_marker, *HOLDS))


def lacks_a_field(shown: dict[str, Any]) -> bool:
    return any(not shown.get(name) for name in NEEDED) or any(name not in shown for name in PRESENT)


def fails_expectation(shown: dict[str, Any], wanted: Wanted, *, was_asked: bool) -> bool:
    """Return whether volume, name, time or status differ from the request. Missing fields are not compared.

    A DELETE changes the status, so it is not compared if one `was_asked`.
    """
    expect = wanted.expect
    if "status" in expect and not was_asked and shown.get("status") != expect["status"]:
        return True
    for name in ("volume_id", "name"):
        if name in expect and name in shown and shown[name] != expect[name]:
            return True
    if "created_at" in expect and "created_at" in shown:
        found, stated = read_instant(shown["created_at"]), read_instant(expect["created_at"])
        return found is None or stated is None or abs(seconds_of(found) - seconds_of(stated)) > 1e-6
    return False


def is_expired(wanted: Wanted, function_s: float) -> bool:
    return wanted.expires_at_s is not None and function_s >= wanted.expires_at_s


def refusals(shown: dict[str, Any], wanted: Wanted, function_s: float, *, was_asked: bool) -> set[str]:
    """Return the reasons to refuse the request after an observation."""
    if shown.get("os-bak-tenant-attr:tenant_id", wanted.project.project_id) != wanted.project.project_id:
        return {"not_owned"}
    if shown.get("status") == "error_deleting":
        return {"deletion_failed"}
    if shown.get("status") not in DELETABLE:
        return set()
    reasons = set()
    if is_held(shown, wanted.project):
        reasons.add("held")
    if is_expired(wanted, function_s):
        reasons |= {"expired", "deletion_failed"} if shown["status"] == "error" else {"expired"}
    if fails_expectation(shown, wanted, was_asked=was_asked):
        reasons.add("expectation_failed")
    return reasons


def forbids_delete(
    shown: dict[str, Any] | None, wanted: Wanted, survivors_seen: set[str], function_s: float, *, was_asked: bool
) -> str:
    """Return why a DELETE must not follow this observation; empty if it may."""
    if shown is None:
        return "no observation showed the backup in this pass"
    if shown.get("status") not in DELETABLE:
        return f"the observation showed it {shown.get('status')}"
    reasons = refusals(shown, wanted, function_s, was_asked=was_asked)
    if reasons:
        return f"the observation shows {', '.join(sorted(reasons))}"
    if lacks_a_field(shown) or (wanted.project.shows_metadata and "metadata" not in shown):
        return "the observation lacked a field"
    missing = set(wanted.survivors) - survivors_seen
    return f"survivors not observed: {', '.join(sorted(missing))}" if missing else ""
