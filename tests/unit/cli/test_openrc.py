"""An openrc is read as a shell would evaluate it, or rejected; it is never executed."""

import shlex
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.cli.openrc import is_openrc, make_entry_of, read_openrc
from vbs_reaper.errors import CommandError

values = st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1)


def in_double_quotes(value: str) -> str:
    return '"' + "".join(f"\\{char}" if char in '\\"$`' else char for char in value) + '"'


def refusal_of(text: str) -> str | None:
    try:
        read_openrc(text)
    except CommandError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize("quote", [shlex.quote, in_double_quotes])
@pytest.mark.parametrize("after", ["", ";", "  # it's a comment", "\r"])
@given(value=values)
def test_any_quoted_value_is_read_as_it_is(quote: Callable[[str], str], after: str, value: str) -> None:
    text = f"# first\nexport OS_PASSWORD={quote(value)}{after}\nOS_USERNAME=me\n"
    assert read_openrc(text) == {"OS_PASSWORD": value, "OS_USERNAME": "me"}


@given(values)
def test_an_unquoted_value_is_read_or_refused_and_never_shown(value: str) -> None:
    sentence = refusal_of(f"export OS_PASSWORD={value}")
    if sentence is not None:
        assert sentence in {
            f"line 1 of the openrc: OS_PASSWORD {fault}; write its value in single quotes"
            for fault in ("cannot be parsed", "needs a shell")
        }


@given(st.text())
def test_whatever_the_text_it_is_read_or_refused(text: str) -> None:
    assert "\n" not in (refusal_of(text) or "")


@pytest.mark.parametrize(
    "question",
    ["read -sr OS_PASSWORD_INPUT", 'read -s -p "Password: " OS_PASSWORD_INPUT', "  read OS_PASSWORD_INPUT  # typed"],
)
@pytest.mark.parametrize("reference", ["$OS_PASSWORD_INPUT", '"$OS_PASSWORD_INPUT"', "${OS_PASSWORD_INPUT}"])
def test_what_a_person_is_asked_for_is_left_out(question: str, reference: str) -> None:
    assert read_openrc(f"{question}\nexport OS_PASSWORD={reference}\n") == {}


def test_the_last_setting_holds() -> None:
    assert read_openrc("OS_USERNAME=a\nexport OS_USERNAME=b") == {"OS_USERNAME": "b"}


@pytest.mark.parametrize("text", ["export OS_A=1", " OS_A=1", "#!/bin/sh\nOS_A=1"])
def test_an_openrc_is_told_by_its_settings(text: str) -> None:
    assert is_openrc(text)


@pytest.mark.parametrize("text", ["# OS_A=1", "clouds: {OS_A: 1}", ""])
def test_what_sets_nothing_is_no_openrc(text: str) -> None:
    assert not is_openrc(text)


def test_old_names_mean_what_the_new_ones_do() -> None:
    old = make_entry_of({"OS_TENANT_NAME": "eu-de", "OS_PROJECT_NAME": "eu-de", "OS_ENDPOINT_TYPE": "publicURL"})
    assert old == {"auth": {"project_name": "eu-de"}, "interface": "public"}


def test_versions_of_other_services_are_of_no_use() -> None:
    variables = {"OS_VOLUME_API_VERSION": "2", "OS_IMAGE_API_VERSION": "2", "OS_IDENTITY_API_VERSION": "3"}
    assert make_entry_of(variables) == {"auth": {}, "identity_api_version": "3"}


def test_two_values_for_one_key_are_refused() -> None:
    with pytest.raises(CommandError, match='two values for "project_name", one of them in OS_TENANT_NAME'):
        make_entry_of({"OS_PROJECT_NAME": "a", "OS_TENANT_NAME": "b"})
