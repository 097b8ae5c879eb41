"""A hold is seen however it is spelled."""

import json
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbs_reaper.openstack.hold import contains

MARKERS = ["[hold]", "§behalten", 'do not delete: "legal"', "back\\slash", "Ünder", "🔒", " legal-hold "]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_is_seen_as_it_is_and_in_json_in_a_string(marker: str) -> None:
    for text in (marker, f"a {marker} b"):
        described = {"DESC": text, "INC": 0}
        assert contains(text, marker)
        assert contains(json.dumps(described), marker)
        assert contains(json.dumps(described, ensure_ascii=False), marker)
        assert contains(json.dumps(described)[:-12], marker), "a description may be cut short"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_marker_is_seen_whether_its_letters_are_composed_or_not(form: str) -> None:
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    assert contains(normalize(form, "für immer"), normalize(other, "für"))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "nothing", "[hol d]", "\\[hol", "hol", None, 7, ["[hold]"]])
def test_what_has_no_marker_is_not_held(text: object) -> None:
    assert not contains(text, "[hold]")


@given(st.text(min_size=1).filter(str.strip), st.text(), st.text())
def test_any_marker_is_seen_in_any_description(marker: str, before: str, after: str) -> None:
    described = json.dumps({"DESC": f"{before} {marker.strip()} {after}"})
    assert contains(described, marker)


@given(st.text())
def test_no_text_is_too_odd_to_look_at(text: str) -> None:
    assert not contains(text.replace("[", ""), "[hold]") or "\\" in text
