"""Registers bugs that the product must never have, and plants one at a time. The judge must find each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, TypeAlias

import pytest

Original: TypeAlias = Callable[..., Any]
Place: TypeAlias = tuple[ModuleType | type, str]
"""A module or class, and the attribute to replace."""


@dataclass(frozen=True, slots=True)
class Bug:
    """The replacement as a function of the original."""

    place: Place
    broken: Callable[[Original], object]
    seed: int
    """A seed that finds the bug, with which the search begins. After a change to the order of calls, record another
    one if the search takes long (`pytest --durations=5`)."""


BUGS: Final[dict[str, Bug]] = {}


def instead_of(owner: ModuleType | type, name: str, *, seed: int) -> Callable[[Original], Original]:
    """Register a function as a bug. It is called instead of the original, with the original as its first argument."""

    def register(behaviour: Original) -> Original:
        def broken(original: Original) -> Original:
            return lambda *parts, **named: behaviour(original, *parts, **named)

        BUGS[behaviour.__name__] = Bug((owner, name), broken, seed)
        return behaviour

    return register


def value(bug: str, owner: ModuleType | type, name: str, wrong: object, *, seed: int) -> None:
    BUGS[bug] = Bug((owner, name), lambda _: wrong, seed)


@contextmanager
def plant(bug: str) -> Iterator[None]:
    """Plant one bug while the block runs."""
    owner, name = BUGS[bug].place
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, BUGS[bug].broken(getattr(owner, name)))
        yield
