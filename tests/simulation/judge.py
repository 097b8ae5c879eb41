"""Checks the deleter: receives every request, call and effect on AWS. Written from the promises in README.md and the
bounds in layers/README.md, independently of the code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.simulation.cbr import CBR
from tests.simulation.judge_of_calls import CallJudge
from tests.simulation.run import Pass, Run
from tests.simulation.wanted import Wanted

if TYPE_CHECKING:
    from tests.simulation.aws import Letter, Stored
    from tests.simulation.world import World

DAY_S = 86_400.0
TWELVE_DAYS_S = 12 * DAY_S
LATE_RECEIVES = 980
RECEIVES_ALLOWED = 400
CEILING_S = 7200.0
LONGEST_DELAY_S = 900
LOGIN_WINDOW_S = 1200.0
DETAIL_TYPES = {
    "deleted": "VBS Backup Deleted",
    "already_gone": "VBS Backup Already Gone",
    "refused": "VBS Backup Delete Refused",
    "parked": "VBS Backup Delete Parked",
    "superseded": "VBS Backup Delete Superseded",
}
LEFT_TO_THE_NEXT_PLAN = {"expired", "expectation_failed", "held", "stopped"}


class Judge(CallJudge):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.ends: defaultdict[str, list[str]] = defaultdict(list)
        self.buried: set[str] = set()
        self.answered: set[str] = set()
        """Direct requests with an end that the caller received."""
        self.turned_away: set[str] = set()
        """Direct requests without a successful response, for which no end is promised."""
        self._parents: dict[str, str] = {}
        self._result_ids: dict[str, str] = {}
        self._alive: defaultdict[str, set[str]] = defaultdict(set)
        self._ended_before: dict[str, str] = {}
        """The ID of the end that a request had before its dead letter was moved back."""

    # Requests

    def accepted(self, wanted: Wanted) -> None:
        self.wanted[wanted.identity] = wanted
        for part in wanted.parts:
            self.wanted[part.identity] = part
            self._parents[part.identity] = wanted.identity

    def stored(self, message: Stored) -> None:
        self._alive[message.identity].add(message.id)

    # Effects of the product on AWS

    def sent_onward(self, run: Run, message: Stored, delay_s: float) -> None:
        current, this = run.message, run.this
        self._world.trace.add(current.identity, f"sent again as {message.id} ({message.identity}), delay {delay_s} s")
        parent = self.wanted[current.identity]
        if parent.parts:
            if message.identity not in {part.identity for part in parent.parts}:
                self.wrong("parts", current.identity, f"sent {message.identity}, which is not a part of it")
            return
        this.sent_onward = True
        if message.identity != current.identity or message.body != current.body:
            self.wrong("onward", current.identity, f"sent another request again: {message.identity}")
        if run.is_direct and "asked_at" not in message.attributes:
            if not 0 <= delay_s <= LONGEST_DELAY_S:
                self.wrong("wait", current.identity, f"queued, delay {delay_s} s")
            return
        if self._says_unanswered(current, message):
            if not this.lost:
                self.wrong("onward", current.identity, "sent as unanswered, but no answer to a DELETE was lost")
            if not 0 <= delay_s <= LONGEST_DELAY_S:
                self.wrong("wait", current.identity, f"sent as unanswered, delay {delay_s} s")
            return
        if current.knows("asked_at") or "asked_at" not in message.attributes:
            self.wrong("onward", current.identity, "sent again without need")
        if not this.accepted:
            self.wrong("onward", current.identity, "sent as asked, but no DELETE was accepted")
        if run.is_direct and "send" in run.trouble:  # it waits like any other message that could not be sent
            shortest, longest = self._world.base_s / 6, self._world.base_s + 1.0
        else:
            shortest, longest = self._world.base_s / 6, self._world.base_s / 3 + 1
        if not shortest <= delay_s <= longest:
            self.wrong("wait", current.identity, f"the first wait is {delay_s} s")

    @staticmethod
    def _says_unanswered(current: Stored, message: Stored) -> bool:
        is_elsewhere = current.attributes.get("place") != message.attributes.get("place")
        is_elsewhere |= current.attributes.get("reason") == "asked_elsewhere"  # redriven: its attributes were dropped
        is_new = is_elsewhere or not (current.knows("unanswered_at") or current.knows("asked_at"))
        return is_new and "unanswered_at" in message.attributes and "asked_at" not in message.attributes

    def moved_back(self, identity: str, message: Stored) -> None:
        """Register a dead letter that SQS moved back as a new request for the same."""
        self.wanted[message.identity] = replace(self.wanted[identity], identity=message.identity)
        self._alive[message.identity].add(message.id)
        self._ended_before[message.identity] = self._result_ids.get(identity, "")

    def lettered(self, run: Run, letter: Letter) -> None:
        message = run.message
        self._world.trace.add(message.identity, f"dead letter: {letter.attributes.get('reason')}")
        if letter.attributes.get("request_id") != message.identity or letter.body != message.body:
            self.wrong("letter", message.identity, "the dead letter is not exactly this request")
        if not self._is_late(run) and not {"refused", "parked"} & set(self.ends[message.identity]):
            self.wrong("order", message.identity, "dead-lettered before it was published")
        if "canary-" in str(letter.attributes):
            self.wrong("secret", message.identity, "a secret is in a dead letter")
        self.buried.add(message.identity)

    def published(self, run: Run, detail_type: str, detail: dict[str, Any]) -> None:
        message, this = run.message, run.this
        identity, outcome = message.identity, detail["outcome"]
        self._world.trace.add(identity, f"published: {outcome} {detail['reason']}: {detail['message']}")
        if detail["request_id"] != identity or detail_type != DETAIL_TYPES.get(outcome):
            self.wrong("event", identity, f"an event of another request or kind: {detail}")
        if self._result_ids.setdefault(identity, detail["id"]) != detail["id"]:
            self.wrong("event", identity, "two IDs for one end")
        if list(self._result_ids.values()).count(detail["id"]) > 1 or self._ended_before.get(identity) == detail["id"]:
            self.wrong("event", identity, "the ID of another end")
        if "canary-" in str(detail):
            self.wrong("secret", identity, "a secret is in an event")
        self._check_end(run, this, identity, detail)
        self.ends[identity].append(outcome)

    def _check_end(self, run: Run, this: Pass, identity: str, detail: dict[str, Any]) -> None:
        wanted, outcome = self.wanted[identity], detail["outcome"]
        if outcome in {"deleted", "already_gone"}:
            backup_id = wanted.backup_id or ""
            request_id = detail.get("proof", {}).get("request_id", "")
            proof = self._world.cloud.gone_proofs.get(request_id)
            attributes = run.message.attributes
            is_at_stated_place = "place" in attributes and attributes.get("reason") != "asked_elsewhere"
            if request_id in self._world.cloud.empty_proofs:
                # A request without a place means the present one of the secret.
                if outcome == "deleted" or is_at_stated_place:
                    self.wrong("false end", identity, f"{outcome} at an address that never had it")
            elif self._world.cloud.has(wanted.project, backup_id) or proof != backup_id:
                self.wrong("false end", identity, f"{outcome} without proof")
            if wanted.project is CBR and not this.confirmed:
                self.wrong("false end", identity, f"{outcome}, but nothing has confirmed it")
            has_asked = run.message.knows("asked_at") or run.message.knows("unanswered_at")
            if outcome == "deleted" and not (this.was_seen or has_asked):
                self.wrong("false end", identity, "deleted, but this request sent no DELETE")
            if outcome == "already_gone" and not self._is_confirmed(run):
                self.wrong("false end", identity, "already gone after a single observation")
        elif outcome == "refused" and detail["reason"] == "asked_elsewhere":
            if not this.missed_elsewhere or self._function_s - run.message.sent_s < DAY_S:
                self.wrong("false end", identity, "refused within a day for being elsewhere")
        elif outcome in {"refused", "superseded"} and detail["reason"] not in self._refusals(run, wanted):
            self.wrong("false end", identity, f"{outcome} for {detail['reason']}, which no response justifies")
        elif outcome == "parked" and not self._is_late(run):
            self.wrong("false end", identity, f"parked after {(self._now - run.message.sent_s) / 3600:.1f} h")

        is_left = run.message.is_of_purge and detail["reason"] in LEFT_TO_THE_NEXT_PLAN
        if (outcome == "superseded") != (is_left and outcome in {"refused", "superseded"}):
            self.wrong("false end", identity, f"{outcome} for {detail['reason']}")

    def _is_confirmed(self, run: Run) -> bool:
        """Return whether a second delivery, one base after the first, confirms that a backup is gone."""
        if run.is_direct:
            return False
        waited_s = self._function_s - run.message.first_received_s
        is_second = run.receives[len(run.passes) - 1] > 1 and waited_s >= self._world.base_s - 1
        return is_second or self._is_late(run)

    def _refusals(self, run: Run, wanted: Wanted) -> set[str]:
        if wanted.backup_id is None:
            return {"malformed"}
        if wanted.is_for_another_project:
            return {"wrong_project"}
        volume_id = (run.this.shown or {}).get("volume_id")
        return run.this.refusals | self._world.aws.holds.refusing(wanted.backup_id, volume_id, run.message)

    def _is_late(self, run: Run) -> bool:
        message = run.message
        age_s = self._function_s - message.sent_s
        return age_s >= TWELVE_DAYS_S or message.receives >= LATE_RECEIVES

    def hidden(self, run: Run, receipt: str, seconds: float) -> None:
        run.hidden[receipt.rpartition("/")[0]] = seconds

    def responded(self, run: Run, failures: Sequence[str]) -> None:
        """Check the response of a finished invocation: kept messages are hidden, and the others have an end."""
        ids = [message.id for message in run.messages]
        if not set(failures) <= set(ids):
            self.wrong("reply", run.message.identity, f"unknown ids in the reply: {failures}")
        for message, this, receives in zip(run.messages, run.passes, run.receives, strict=False):
            if message.id not in failures:
                self._check_let_go(message)
            else:
                self._check_kept(run, message, this, receives)

    def answered_directly(self, run: Run, answer: dict[str, Any] | None) -> None:
        """Check the response to a direct invocation; None if it failed."""
        identity = run.message.identity
        self._world.trace.add(identity, f"answered: {answer}")
        if answer is None:
            self.turned_away.add(identity)
        elif answer["outcome"] == "queued":
            self._check_let_go(run.message)
        elif answer["outcome"] in self.ends[identity]:
            self.answered.add(identity)
        else:
            self.wrong("answer", identity, f"the caller was told {answer['outcome']}, but no event was published")

    def _check_kept(self, run: Run, message: Stored, this: Pass, receives: int) -> None:
        identity = message.identity
        if this.sent_onward and "send" not in run.trouble:
            self.wrong("kept", identity, "sent again, but also kept")
        if "hide" in run.trouble or run.messages.count(message) > 1:
            return
        delay_s = run.hidden.get(message.id)
        if delay_s is None:
            self.wrong("hide", identity, "kept, but not hidden")
            return
        wanted = self.wanted[identity]
        if wanted.not_before_s is not None and self._function_s < wanted.not_before_s + 120:
            return
        base_s = self._world.base_s
        is_deleting = this.shown is not None and this.shown.get("status") == "deleting"
        shortest, longest = base_s / 6 if is_deleting else base_s / 2, CEILING_S
        if this.halts_s is not None:
            d = min(base_s * 2.0 ** (receives - 1), CEILING_S)
            shortest, longest = max(d / 2, this.asks_s), max(d, 1.5 * this.asks_s + 1)
        if not shortest <= delay_s <= longest:
            self.wrong("wait", identity, f"hidden for {delay_s} s, not {shortest} to {longest} s")
        if message.hides > RECEIVES_ALLOWED:
            self.wrong("receives", identity, f"hidden {message.hides} times")

    def _check_let_go(self, message: Stored) -> None:
        identity = message.identity
        wanted = self.wanted[identity]
        if wanted.parts:
            lost = [part.identity for part in wanted.parts if not self._lives(part.identity, message)]
            if lost:
                self.wrong("lost", identity, f"acknowledged, but not every part is stored: {lost}")
        elif not self._lives(identity, message):
            self.wrong("lost", identity, f"acknowledged without an end (ends: {self.ends[identity]})")

    def _lives(self, identity: str, gone: Stored) -> bool:
        return self.has_ended(identity) or bool(self._alive[identity] - {gone.id})

    def has_ended(self, identity: str) -> bool:
        """Return whether a request has a published end or a dead letter, or is a part of a bulk that has."""
        if {"deleted", "already_gone", "superseded"} & set(self.ends[identity]) or identity in self.buried:
            return True
        if identity in self.answered and self.ends[identity]:
            return True
        return self._parents.get(identity) in self.buried

    # Effects of SQS

    def acknowledged(self, message: Stored) -> None:
        self._alive[message.identity].discard(message.id)
        self._check_let_go(message)

    def expired(self, message: Stored) -> None:
        self.acknowledged(message)

    def redriven_by_sqs(self, message: Stored) -> None:
        self.wrong("receives", message.identity, "SQS moved it away: too many receives")

    def product_raised(self, identity: str, step: str, error: Exception) -> None:
        self.wrong("raised", identity, f"{step}: {error!r}")

    # The end of a run

    def _may_wait(self, wanted: Wanted) -> bool:
        """Return whether it names a backup that CBR never had, which cannot be proven gone."""
        return wanted.project.service == "cbr" and self._world.cloud.history.get(wanted.backup_id or "") is not CBR

    def closes(self) -> None:
        """Check, long after the last fault, that every request has ended."""
        for identity, wanted in self.wanted.items():
            if self._may_wait(wanted):
                continue
            is_promised = identity not in self.turned_away and self._parents.get(identity) not in self.turned_away
            if not wanted.parts and is_promised and not self.has_ended(identity):
                self.wrong("stuck", identity, "no end, although all faults are over")
        for message in self._world.aws.messages.values():
            if not self._may_wait(self.wanted[message.identity]):
                self.wrong("stuck", message.identity, f"{message.id} is still in the queue")
        for user, refused in self._world.cloud.refused_logins.items():
            for first_s, third_s in zip(refused, refused[2:], strict=False):
                if third_s - first_s < LOGIN_WINDOW_S:
                    self.wrong("logins", user, f"three refused logins in {third_s - first_s:.0f} s")
