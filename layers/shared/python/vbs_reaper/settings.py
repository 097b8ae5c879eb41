"""The settings of each function, read from its environment variables. One error names every wrong variable."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Self

import msgspec

from vbs_reaper.backups.identifiers import TARGET
from vbs_reaper.errors import SettingsError

MEMORY: Final = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
"""Set by Lambda, in MB."""

_URL: Final = re.compile(r"https?://[^\s/]+/\S+", re.ASCII)
_BUS_NAME: Final = re.compile(r"[A-Za-z0-9._/:-]{1,1600}", re.ASCII)
_SECRET_PREFIX: Final = re.compile(r"[A-Za-z0-9_+=.@-][A-Za-z0-9/_+=.@-]{0,254}", re.ASCII)
_SENDERS: Final = re.compile(r"[^\s,]{1,128}(?:,[^\s,]{1,128}){0,15}", re.ASCII)
_MAPPING_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_POLICY: Final = re.compile(r"\S{1,255}", re.ASCII)
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)


def stack_name(variables: Mapping[str, str] = os.environ) -> str:
    """Return the name of the stack, for its metrics. Without it they would be dropped, so there is a substitute."""
    return variables.get("STACK_NAME") or "unknown"


class Variables:
    """Reads environment variables one by one and collects their faults."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._faults: list[str] = []

    def text(self, name: str, pattern: re.Pattern[str], wanted: str) -> str:
        """Return the text of a variable. It is a fault if the pattern does not match all of it."""
        value = self._variables.get(name, "")
        if not pattern.fullmatch(value):
            self._faults.append(f"{name} is {self._found(name)}; give {wanted}")
        return value

    def number(self, name: str, least: int, most: int) -> int:
        """Return a variable as a whole number. It is a fault if it is outside the bounds."""
        value = self._variables.get(name, "")
        number = int(value) if re.fullmatch(r"[0-9]{1,9}", value) else least - 1
        if not least <= number <= most:
            self._faults.append(f"{name} is {self._found(name)}; give a whole number from {least} to {most}")
        return number

    def is_set(self, name: str) -> bool:
        """Return whether the environment has the variable."""
        return name in self._variables

    def check(self) -> None:
        """Raise `SettingsError` with every fault found so far."""
        if self._faults:
            raise SettingsError("environment: " + ". ".join(self._faults))

    def _found(self, name: str) -> str:
        value = self._variables.get(name)
        if value is None:
            return "not set"
        return f"{value[:64]!a}" if value else "empty"


class FunctionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that all functions have."""

    delete_queue_url: str
    dead_letter_queue_url: str
    event_bus_name: str
    secret_prefix: str
    default_target: str
    plans_bucket: str

    @classmethod
    def from_env(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """Read the environment.

        Raises:
            SettingsError: names every variable that is missing or wrong.
        """
        read = Variables(variables)
        settings = cls(**cls._read(read))
        read.check()
        return settings

    @classmethod
    def _read(cls, read: Variables) -> dict[str, Any]:
        return _shared(read)


class CheckerSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of the checker."""

    mapping_id: str
    """The event source mapping of the deleter."""
    scheduled_policy: str | None
    """The purge policy whose schedule is enabled; None if the schedule is disabled."""

    @classmethod
    def _read(cls, read: Variables) -> dict[str, Any]:
        scheduled = read.is_set("SCHEDULED_POLICY")
        return _shared(read) | {
            "mapping_id": read.text("DELETE_REQUESTS_MAPPING_ID", _MAPPING_ID, "the ID of the event source mapping"),
            "scheduled_policy": read.text("SCHEDULED_POLICY", _POLICY, "the name of a policy") if scheduled else None,
        }


class DeleterSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of the deleter."""

    base_s: int
    calls_at_once: int
    trusted_senders: frozenset[str]
    """Unique IDs of our roles: message attributes count only from them."""
    minimum_age: timedelta
    """Available backups that are younger are not deleted."""

    @classmethod
    def _read(cls, read: Variables) -> dict[str, Any]:
        return _shared(read) | {
            "base_s": read.number("BACKOFF_BASE_IN_SECONDS", 1, 900),
            "calls_at_once": read.number("CALLS_AT_ONCE", 1, 10),
            "minimum_age": _minimum_age(read),
            "trusted_senders": frozenset(
                read.text("TRUSTED_SENDER_IDS", _SENDERS, "the IDs of the functions' roles, with commas").split(",")
            ),
        }


class PurgerSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of the purger."""

    memory_mb: int | None
    """The memory of the function; None outside of Lambda."""
    minimum_age: timedelta
    """Available backups that are younger are kept."""

    @classmethod
    def _read(cls, read: Variables) -> dict[str, Any]:
        memory_mb = read.number(MEMORY, 128, 10240) if read.is_set(MEMORY) else None
        return _shared(read) | {"memory_mb": memory_mb, "minimum_age": _minimum_age(read)}


def _minimum_age(read: Variables) -> timedelta:
    return timedelta(hours=read.number("MINIMUM_AGE_IN_HOURS", 0, 8784))


def _shared(read: Variables) -> dict[str, Any]:
    return {
        "delete_queue_url": read.text("DELETE_QUEUE_URL", _URL, "the delete queue's URL"),
        "dead_letter_queue_url": read.text("DEAD_LETTER_QUEUE_URL", _URL, "the dead-letter queue's URL"),
        "event_bus_name": read.text("EVENT_BUS_NAME", _BUS_NAME, "the event bus's name or ARN"),
        "secret_prefix": read.text("SECRET_PREFIX", _SECRET_PREFIX, "the first part of the secrets' names"),
        "default_target": read.text("DEFAULT_TARGET", TARGET, "up to 63 lower-case letters, digits and dashes"),
        "plans_bucket": read.text("PLANS_BUCKET", _BUCKET, "the name of the stack's bucket"),
    }
