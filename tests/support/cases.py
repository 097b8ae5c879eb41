"""Tables of test cases."""

import re
from collections.abc import Mapping
from typing import Any

import pytest


def cases(table: Mapping[str, tuple[Any, ...]]) -> list[Any]:
    """Return the rows of a parametrized test; the key of each row is its test ID."""
    return [pytest.param(*row, id=rule) for rule, row in table.items()]


def words_of(text: str) -> list[str]:
    """Split a text at line breaks and at three spaces."""
    return [word for word in re.split("   |\n", text) if word]
