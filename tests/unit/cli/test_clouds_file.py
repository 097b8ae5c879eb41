"""clouds.yaml: a key that stands twice is rejected with its lines, whatever the last one says; merge keys are legal."""

import pytest
import yaml
from hypothesis import given, strategies as st

from vbs_reaper.cli.clouds_file import read_yaml
from vbs_reaper.errors import CommandError

CANARY = "canary-hunter2"


def refusal(text: str) -> str:
    with pytest.raises(CommandError) as refused:
        read_yaml(text, "clouds.yaml")
    assert CANARY not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clouds:\n  otc:\n    auth: {}\n  otc:\n    auth: {}\n", '"otc", in line 2 and in line 4'),
        ("clouds:\n  otc:\n  prod:\n  'otc':\n", '"otc", in line 2 and in line 4'),
        (f"auth:\n  password: {CANARY}\n  username: x\n  password: b\n", '"password", in line 2 and in line 4'),
        ("auth:\n  password: a\n  pass\u0077ord: b\n", '"password", in line 2 and in line 3'),
        ('auth:\n  password: a\n  "pass\\x77ord": b\n', '"password", in line 2 and in line 3'),
        ("clouds: {}\nx: 1\nclouds: {}\n", '"clouds", in line 1 and in line 3'),
        ("{clouds: {}, clouds: {}}", '"clouds", in line 1 and in line 1'),
        ("a: [{region_name: 1, region_name: 2}]", '"region_name", in line 1 and in line 1'),
        ("x: &x {region_name: a, region_name: b}\ny: *x\n", '"region_name", in line 1 and in line 1'),
        (f"auth:\n  {CANARY}: a\n  {CANARY}: b\n", "a key of 14 characters, in line 2 and in line 3"),
        (f"clouds:\n  otc:\n    {CANARY}: a\n    {CANARY}: b\n", "a key of 14 characters, in line 3 and in line 4"),
        ("x: {yes: 1, true: 2}", "a key of 4 characters, in line 1 and in line 1"),
        ("a: &a {k: 1}\nb: &b {k: 2}\nc:\n  <<: *a\n  <<: *b\n", '"<<", in line 4 and in line 5'),
        ("a: \x00", "is not valid YAML"),
        ("a: 1\n---\na: 1\n", "is not valid YAML"),
        ("? {region_name: 1, region_name: 2}\n: x\n", "is not valid YAML"),
    ],
)
def test_a_key_that_stands_twice_is_rejected_with_its_lines(text: str, says: str) -> None:
    assert says in refusal(text)


MERGED = """
base: &base {region_name: eu-de, auth: &auth {username: a, password: b}}
deeper: {still: {deeper: &more {<<: *base, region_name: eu-nl}}}
clouds:
  otc: {<<: *base, region_name: eu-nl}
  two: {<<: [*more, *base], region_name: eu-ch2, auth: {<<: *auth, password: c}}
"""


def test_a_merge_key_whose_keys_are_overridden_is_legal() -> None:
    clouds = read_yaml(MERGED, "clouds.yaml")["clouds"]
    assert clouds == yaml.safe_load(MERGED)["clouds"]
    assert clouds["two"] == {"region_name": "eu-ch2", "auth": {"username": "a", "password": "c"}}


@pytest.mark.parametrize(
    "text", ["", "# nothing", "[]", "x", "---\n", "1: a\n'1': b\n", "&a {x: *a}", "- {a: 1}\n- {a: 1}\n"]
)
def test_what_has_no_key_twice_is_read_as_ever(text: str) -> None:
    document = yaml.safe_load(text)
    assert str(read_yaml(text, "clouds.yaml")) == str(document if isinstance(document, dict) else {})


@given(st.recursive(st.none() | st.text(max_size=5), lambda inner: st.dictionaries(st.text(max_size=5), inner)))
def test_whatever_is_dumped_is_read(document: object) -> None:
    text = yaml.safe_dump(document)
    assert read_yaml(text, "x") == (document if isinstance(document, dict) else {})
