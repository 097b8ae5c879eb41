"""clouds.yaml: duplicate keys are rejected with their lines; merge keys are valid."""

import json

import pytest
import yaml
from hypothesis import given, strategies as st

from vbs_reaper.cli.clouds_file import make_entry, read_yaml
from vbs_reaper.cli.files import decode
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
        ("a: 1\n---\na: 1\n", "several YAML documents"),
        ("? {region_name: 1, region_name: 2}\n: x\n", "is not valid YAML"),
    ],
)
def test_a_duplicate_key_is_rejected_with_its_lines(text: str, says: str) -> None:
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
def test_a_file_without_duplicate_keys_is_accepted(text: str) -> None:
    document = yaml.safe_load(text)
    assert str(read_yaml(text, "clouds.yaml")) == str(document if isinstance(document, dict) else {})


@given(st.recursive(st.none() | st.text(max_size=5), lambda inner: st.dictionaries(st.text(max_size=5), inner)))
def test_every_dumped_document_is_accepted(document: object) -> None:
    text = yaml.safe_dump(document)
    assert read_yaml(text, "x") == (document if isinstance(document, dict) else {})


def entry_of(text: str) -> dict[str, object]:
    entry: dict[str, object] = json.loads(make_entry(read_yaml(text, "clouds.yaml"), "clouds.yaml").text.reveal())
    return entry


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auth: {password: 0123}", '"auth.password" is a number; put it in quotes'),
        ("auth: {password: 1:30}", '"auth.password" is a number'),
        ("auth: {password: 1_000.5}", '"auth.password" is a number'),
        ("auth: {username: no}", '"auth.username" is a boolean'),
        ("auth: {user_domain_name: on}", '"auth.user_domain_name" is a boolean'),
        ("auth: {project_id: 12345678901234567890123456789012}", '"auth.project_id" is a number'),
        ("auth: {project_name: 2026-11-28}", '"auth.project_name" is a date'),
        ("auth: {project_name: 2026-11-28 01:02:03}", '"auth.project_name" is a date'),
        ("auth: {password: !!binary aGk=}", '"auth.password" is binary'),
        ("region_name: no", '"region_name" is a boolean'),
        ("hold_marker: 1", '"hold_marker" is a number'),
        ("regions: [{name: a}, {name: b}]", 'has several "regions"; select one as "region_name": a, b'),
        ("region_name: c\nregions: [{name: a}, b]", '"region_name" is none of the "regions": a, b'),
        ("regions: [{values: {}}]", '"regions" needs items with a "name" each'),
        ("regions: [{name: a, values: 1}]", '"regions" needs items with a "name" each'),
        ("regions: [{name: a}, a]", '"regions" needs items with a "name" each'),
        ("x: 2026-11-28", "contains values that JSON does not have"),
    ],
)
def test_a_value_of_another_type_than_its_key_needs_is_named_with_the_fix(text: str, says: str) -> None:
    with pytest.raises(CommandError) as refused:
        entry_of(text)
    assert str(refused.value).startswith("clouds.yaml: ")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "text", ["identity_api_version: 3", "insecure_http: true", "auth: {password: null}", "verify: no"]
)
def test_numbers_and_booleans_of_keys_that_may_have_them_are_kept(text: str) -> None:
    assert entry_of(text) == yaml.safe_load(text)


REGIONS = """
region_name: {}
regions:
- name: eu-de
- name: eu-nl
  values: {{interface: internal, auth: {{project_name: eu-nl_x}}}}
- eu-ch2
auth: {{username: me, project_name: eu-de_x}}
"""


def test_regions_that_are_mappings_are_merged_as_openstacksdk_does() -> None:
    auth = {"username": "me", "project_name": "eu-de_x"}
    assert entry_of(REGIONS.format("eu-de")) == {"region_name": "eu-de", "auth": auth}
    assert entry_of(REGIONS.format("eu-ch2")) == {"region_name": "eu-ch2", "auth": auth}
    assert entry_of(REGIONS.format("eu-nl")) == {
        "region_name": "eu-nl",
        "interface": "internal",
        "auth": {"username": "me", "project_name": "eu-nl_x"},
    }
    assert entry_of("regions: [{name: eu-de}]") == {"region_name": "eu-de"}


def test_several_documents_are_reported() -> None:
    assert "several YAML documents, another one in line 4" in refusal("---\na: 1\n---\nb: 1\n")
    assert read_yaml("\ufeff---\na: 1\n...\n", "x") == {"a": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_reported(encoding: str) -> None:
    with pytest.raises(CommandError, match="x: is UTF-16; save it as UTF-8"):
        decode("clouds: {}\n".encode(encoding), "x")


def test_another_encoding_is_reported_with_the_line() -> None:
    with pytest.raises(CommandError, match="x, line 2: is not UTF-8; save it as UTF-8"):
        decode("a\nä\n".encode("latin-1"), "x")
