"""Stored plans with any bytes are read unchanged or refused, and never crash a run."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.documents import canonical, full_plan, rehashed
from tests.unit.purge.purge_world import RUN, World, assert_refused, previewed
from tests.unit.purge.strategies import nightly
from vbs_reaper.errors import InvalidPlan
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan, read_plan_header
from vbs_reaper.purge.report.html_page import write_page

Document = dict[str, Any]
Path = tuple[str | int, ...]

SOUND = encode_plan(full_plan())
VALID: Document = json.loads(SOUND)
EARLIER = "2026-11-24T01:00:00Z"


def paths(node: object, path: Path = ()) -> list[Path]:
    """The path of every value in a document."""
    children: list[tuple[str | int, object]] = []
    if isinstance(node, dict):
        children = list(node.items())
    elif isinstance(node, list):
        children = list(enumerate(node))
    return [path] + [found for key, child in children for found in paths(child, (*path, key))]


def changed(node: Any, path: Path, value: object) -> Any:  # noqa: ANN401  # a node of a document
    """Copy only the containers on the path: a copy of the whole document for each value takes longer than its test."""
    if not path:
        return value
    copied = node.copy()
    copied[path[0]] = changed(node[path[0]], path[1:], value)
    return copied


def encoded(document: object, *, hashed: bool) -> bytes:
    """As bytes, in the canonical form; with `hashed` the sha256 is the right one, as a forger would write it."""
    return canonical(rehashed(document) if hashed and isinstance(document, dict) else document)


def assert_read_or_refused(written: bytes) -> None:
    for read in (read_plan, read_plan_header):
        try:
            found = read(written)
        except InvalidPlan as refusal:
            sentence = str(refusal)
            assert " plan " in sentence  # noqa: PT017  # either end is right
            assert sentence.isascii()  # noqa: PT017
            assert sentence.isprintable()  # noqa: PT017
            assert len(sentence) < 400  # noqa: PT017
        else:
            if isinstance(found, Plan):
                assert encode_plan(found) == written
                assert list(write_page(found))


NESTED: Any = []
for _ in range(300):
    NESTED = [NESTED]

ODD: list[Any] = [None, True, False, 0, -1, 7, 10**30, -(10**400), 2**63, 2**64, 1.5, 1e300, float("nan"), float("inf")]
ODD += ["", "x", "\ud800", "\x1b[31m\x00", "x" * 5000, [], {}, [None], [[]], {"x": None}, {"": {"\ud800": 1}}, NESTED]
ODD += ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999Z"]
ODD += ["2026-11-25T03:00:00", "2026-11-25", "24:00"]


def one_for_each_field() -> list[Path]:
    """The path of each field once, whichever row of a list has it."""
    fields = {tuple("*" if isinstance(key, int) else key for key in path): path for path in paths(VALID)}
    return list(fields.values())


@pytest.mark.parametrize("path", one_for_each_field(), ids=str)
def test_a_value_of_another_kind_anywhere_refuses_the_plan(path: Path) -> None:
    for value in ODD:
        document = changed(VALID, path, value)
        for hashed in (False, True):
            assert_read_or_refused(encoded(document, hashed=hashed))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(paths(VALID)), _values, st.booleans())
def test_any_value_anywhere_is_read_as_it_was_written_or_refused(path: Path, value: object, hashed: bool) -> None:  # noqa: FBT001
    assert_read_or_refused(encoded(changed(VALID, path, value), hashed=hashed))


@pytest.mark.parametrize(
    "written",
    [
        SOUND.replace(b'"name":"daily-1"', b'"name":"daily-\xff"'),
        SOUND.replace(b'"name":"daily-1"', b'"name":"daily-\xed\xa0\x80"'),
        SOUND.replace(b'"name":"daily-1"', b'"name":"daily-\\ud800"'),
        SOUND.replace(b'"run":', b'"run":"x","run":', 1),
        SOUND.replace(b'"run":"2026', b'"\\u0072un":"2026', 1),
        SOUND.replace(b'"size":10', b'"size":1e1', 1),
        SOUND.replace(b'"size":10', b'"size":' + b"1" * 5000, 1),
        SOUND.replace(b'"size":10', b'"size":NaN', 1),
        SOUND.replace(b'"size":10', b'"size":1e999', 1),
        SOUND.replace(b'"policy":{', b'"policy":{"keep":' + b"[" * 100_000 + b"]" * 100_000 + b",", 1),
        b"\xef\xbb\xbf" + SOUND,
        SOUND.decode().encode("utf-16"),
        SOUND + b"\n",
        SOUND + SOUND,
    ],
)
def test_bytes_that_are_not_the_canonical_document_are_refused(written: bytes) -> None:
    assert written != SOUND
    with pytest.raises(InvalidPlan):
        read_plan(written)
    assert_read_or_refused(written)


@given(st.data())
def test_bytes_changed_anywhere_are_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SOUND)))
    end = data.draw(st.integers(start, min(start + 40, len(SOUND))))
    assert_read_or_refused(SOUND[:start] + data.draw(st.binary(max_size=8)) + SOUND[end:])


@given(st.sampled_from(paths(VALID)), st.sampled_from(ODD), st.booleans())
def test_no_newest_plan_stops_a_run(path: Path, value: object, hashed: bool) -> None:  # noqa: FBT001
    world = World(nightly(5))
    world.plans.objects["nightly", "earlier", "json"] = encoded(changed(VALID, path, value), hashed=hashed)
    answer = world.handle({"run": VALID["policy"] | {"mode": "purge"}, "scheduled_time": "2026-11-25T03:00:00Z"})
    assert answer["outcome"] in {"completed", "refused"}
    assert answer["reason"] in {"all_requested", "guard_exceeded"}


@pytest.mark.parametrize("value", [7, None, [], {}, True, 1.5])
@pytest.mark.parametrize("path", [("made_at",), ("difference", "last_made_at")])
def test_an_instant_that_is_not_text_begins_every_grace_again_and_is_logged(
    world: World, path: Path, value: object
) -> None:
    world.run(EARLIER, mode="preview", grace="1d")
    previewed(world, grace="1d")
    written = encoded(changed(world.document(), path, value), hashed=True)
    world.plans.objects.clear()
    world.plans.objects["nightly", "earlier", "json"] = written
    answer = world.run(grace="1d")
    assert (answer["outcome"], answer["requested"]) == ("completed", 0)
    ((policy_name, why),) = world.report.unreadable_plans
    assert policy_name == "nightly"
    assert why.startswith("this is not a plan that this version can read: ")
    assert world.document()["difference"] is None


def test_a_run_that_finds_its_own_plan_unreadable_is_refused(world: World) -> None:
    world.run(EARLIER, mode="preview")
    previewed(world)
    written = encoded(changed(world.document(), ("difference", "last_made_at"), 7), hashed=True)
    world.plans.objects["nightly", RUN, "json"] = written
    assert_refused(world, world.run(), "plan_changed", "a value of type int is not a timestamp")
