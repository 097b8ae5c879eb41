"""What the audit is about: every pin of the lock once, no exception without a reason, none that excepts nothing."""

from pathlib import Path

import pytest

from tests.audit.finding import Exempt, Finding, judge, read_exceptions
from tests.audit.tools import editions

REGISTRY = {"registry": "an index"}
FOUND = Finding(tool="bandit", kind="B105", file="a.py", number=7, line='token = "x"')
EXEMPT = Exempt(tool="bandit", kind="B105", files="*.py", line="token", reason="a name")


def test_what_the_lock_pins_twice_is_looked_up_twice() -> None:
    lock = [
        {"name": "a", "version": "1", "source": REGISTRY},
        {"name": "b", "version": "3", "source": REGISTRY},
        {"name": "a", "version": "2", "source": REGISTRY},
        {"name": "ours", "source": {"editable": "."}},
    ]
    assert editions(lock) == [{"a": "1", "b": "3"}, {"a": "2"}]


def test_a_finding_is_left_unless_it_is_excepted() -> None:
    assert judge([FOUND], []) == ["bandit: B105 in a.py:7"]
    assert judge([FOUND], [EXEMPT]) == []


def test_an_exception_that_excepts_nothing_is_left_too() -> None:
    assert judge([], [EXEMPT]) == ["bandit: nothing is excepted by B105 in *.py token"]


def test_an_exception_gives_its_reason(tmp_path: Path) -> None:
    file = tmp_path / "exceptions.toml"
    file.write_text('[[exception]]\ntool = "bandit"\nkind = "B105"\nfiles = "*"\nreason = " "\n')
    with pytest.raises(ValueError, match="without a reason"):
        read_exceptions(file)
    assert all(each.reason for each in read_exceptions())
