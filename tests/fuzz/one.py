"""Runs one parser under the coverage-guided fuzzer: its name, then options and corpora of the fuzzer."""

import sys

import atheris

with atheris.instrument_imports(include=["vbs_reaper"]):
    from tests.fuzz.readers import READERS

atheris.Setup([sys.argv[0], *sys.argv[2:]], READERS[sys.argv[1]])
atheris.Fuzz()
