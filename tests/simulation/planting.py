"""Bugs that this software must never have, planted one at a time: the judge has to find each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, TypeAlias

import pytest

Original: TypeAlias = Callable[..., Any]
Place: TypeAlias = tuple[ModuleType | type, str]
"""A module or class, and the name of what is replaced in it."""


@dataclass(frozen=True, slots=True)
class Bug:
    """What is put in a place, as a function of what was there; and the first seed that found the bug."""

    place: Place
    broken: Callable[[Original], object]
    seed: int


BUGS: Final[dict[str, Bug]] = {}


def instead_of(owner: ModuleType | type, name: str, *, seed: int) -> Callable[[Original], Original]:
    """Register a function as a bug: it is called instead of the original, which is its first argument."""

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
    """The product with one bug in it, for a while."""
    owner, name = BUGS[bug].place
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, BUGS[bug].broken(getattr(owner, name)))
        yield
