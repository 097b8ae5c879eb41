import pytest

from vbs_reaper.purge.mark_names import NAMES, endings_of, read_mark_key
from vbs_reaper.purge.ports import SentMark


@pytest.mark.parametrize(
    ("key", "run"),
    [
        ("plans/p/r.sent", "plans/p/r"),
        ("plans/p/r.grace.sent", "plans/p/r"),
        ("plans/p/r.sent.1", "plans/p/r"),
        ("plans/p/r.sent.part", "plans/p/r"),
        ("plans/p/r.grace.sent.part.2", "plans/p/r"),
        ("plans/p/r.json", ""),
        ("plans/p/r.html", ""),
        ("plans/p/r.sent.json", ""),
        ("plans/p/r.sent.100", ""),
        ("plans/p.sent/r.json", ""),
    ],
)
def test_marks_and_parts_of_a_run_are_of_one_run(key: str, run: str) -> None:
    found = read_mark_key(key)
    assert (found.run if found else "") == run


@pytest.mark.parametrize("mark", SentMark)
@pytest.mark.parametrize("is_part", [False, True])
def test_every_name_that_a_mark_may_have_is_read_as_that_mark(mark: SentMark, *, is_part: bool) -> None:
    endings = list(endings_of(mark, is_part=is_part))
    assert len(set(endings)) == NAMES
    for ending in endings:
        found = read_mark_key(f"plans/p/r.{ending}")
        assert found is not None
        assert (found.run, found.mark, found.is_part) == ("plans/p/r", mark, is_part)
