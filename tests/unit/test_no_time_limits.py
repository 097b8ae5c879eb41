"""No test fails because the machine is busy."""

import re

import pytest
from hypothesis import HealthCheck, settings

from tests.conftest import ROOT

SETTINGS = re.compile(r"\bsettings\((?P<words>[^)]*)\)")
SAID = [
    (path.relative_to(ROOT).as_posix(), found["words"])
    for path in sorted((ROOT / "tests").rglob("*.py"))
    for found in SETTINGS.finditer(path.read_text(encoding="utf-8"))
    if "max_examples" in found["words"] or "suppress" in found["words"]
]


def test_examples_of_hypothesis_have_no_deadline() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check


@pytest.mark.parametrize(("path", "words"), SAID)
def test_no_test_sets_a_deadline(path: str, words: str) -> None:
    assert "deadline" not in words
    assert "suppress_health_check" not in words or "too_slow" in words
