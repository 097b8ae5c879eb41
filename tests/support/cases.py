"""Tables of test cases."""

import re
from collections.abc import Mapping
from typing import Any

import pytest


def cases(table: Mapping[str, tuple[Any, ...]]) -> list[Any]:
    """The rows of a parametrized test, by the rule that each of them shows."""
    return [pytest.param(*row, id=rule) for rule, row in table.items()]


def words_of(text: str) -> list[str]:
    """The parts of a text that three blanks or a line break separate."""
    return [word for word in re.split("   |\n", text) if word]
