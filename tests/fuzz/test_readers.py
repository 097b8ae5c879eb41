"""Every parser with random input and with the corpus of the fuzzer: a few thousand inputs, in seconds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.fuzz.readers import READERS

CORPUS = Path(__file__).parent / "corpus"
SEEDS = {reader: sorted(path.read_bytes() for path in (CORPUS / reader).iterdir()) for reader in READERS}
MOST_SEEDS, MOST_BYTES = 8, 4096

of_a_reader = pytest.mark.parametrize("reader", READERS)
hundred = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors])


@of_a_reader
def test_every_seed_of_the_corpus_is_parsed_or_rejected(reader: str) -> None:
    assert SEEDS[reader]
    for seed in SEEDS[reader]:
        READERS[reader](seed)


@of_a_reader
def test_the_corpus_stays_small(reader: str) -> None:
    assert len(SEEDS[reader]) <= MOST_SEEDS
    assert max(map(len, SEEDS[reader])) <= MOST_BYTES


@of_a_reader
@hundred
@given(data=st.binary(max_size=400))
def test_any_bytes_are_parsed_or_rejected(reader: str, data: bytes) -> None:
    READERS[reader](data)


@of_a_reader
@hundred
@given(data=st.data())
def test_a_changed_seed_is_parsed_or_rejected(reader: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(SEEDS[reader]))
    begin = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(begin, min(begin + 40, len(seed))))
    READERS[reader](seed[:begin] + data.draw(st.binary(max_size=40)) + seed[end:])


@of_a_reader
@hundred
@given(data=st.data())
def test_a_seed_with_a_value_of_another_type_is_parsed_or_rejected(reader: str, data: st.DataObject) -> None:
    head, brace, rest = data.draw(st.sampled_from(SEEDS[reader])).partition(b"{")
    try:
        document = json.loads(brace + rest)
    except ValueError:
        return
    READERS[reader](head + json.dumps(_changed(document, data)).encode())


def _changed(document: Any, data: st.DataObject) -> Any:  # noqa: ANN401  # any JSON
    """Return the document with one value at any depth replaced."""
    if isinstance(document, dict) and document and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(document)))
        return {**document, key: _changed(document[key], data)}
    return data.draw(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.just([{}]))
