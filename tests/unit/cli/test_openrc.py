"""An openrc is read as a shell would evaluate it, or rejected; it is never executed."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings, strategies as st

from tests.support.cases import words_of
from vbs_reaper.cli.openrc import is_openrc, make_entry_of, read_openrc
from vbs_reaper.errors import CommandError

SHELLS = [found for name in ("bash", "dash", "busybox", "ksh", "zsh") if (found := shutil.which(name))]
TYPED = "typed"
values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


def in_double_quotes(value: str) -> str:
    return '"' + "".join(f"\\{char}" if char in '\\"$`' else char for char in value) + '"'


def refusal_of(text: str) -> str | None:
    try:
        read_openrc(text)
    except CommandError as refused:
        return str(refused)
    return None


def evaluate(shell: str, text: str) -> dict[str, str]:
    """Return the `OS_…` variables that are not empty after a shell has sourced the text."""
    words = [shell, "sh"] if Path(shell).name == "busybox" else [shell]
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "openrc").write_text(text, encoding="utf-8", newline="")
        for before in ("", "set -a; "):  # a file that exports nothing is for tools that export all of it
            done = subprocess.run(
                [*words, "-c", f"{before}. ./openrc >/dev/null 2>&1; exec /usr/bin/env -0"],
                input=f"{TYPED}\n" * 20,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": "/home/somebody", "LC_ALL": "C.UTF-8"},
            )
            pairs = (line.partition("=") for line in done.stdout.split("\0"))
            found = {name: value for name, _, value in pairs if name.startswith("OS_") and value}
            if found:
                break
    return found


def check_against_shells(text: str, shells: list[str] = SHELLS) -> bool:
    """Check that the text is rejected, or read as each shell evaluates it; return whether it was read."""
    sentence = refusal_of(text)
    if sentence is not None:
        assert sentence.startswith("line ")
        assert "; " in sentence
        return False
    ours = read_openrc(text)
    for shell in shells:
        theirs = evaluate(shell, text)
        typed = {"OS_PASSWORD", "OS_PASSWORD_INPUT"} - ours.keys()
        assert {name: value for name, value in theirs.items() if name not in typed or value != TYPED} == ours, shell
    return True


NAMES = st.sampled_from(["OS_REGION_NAME", "OS_PASSWORD", "OS_PROJECT_ID", "OS_INTERFACE", "NS", "UID", "IFS", "A"])


VALUES = st.one_of(
    st.sampled_from(
        ["", "a\\\nb", "'a\nb'", '"a\\\nb"']
        + words_of(
            r"""
eu-de   eu-nl   ''   ~   a:~   ~root/x   {a,b}   *   a b   #x   a#b   $NS   "$NS"   ${NS:=x}
$OS_PASSWORD_INPUT   "${OS_PASSWORD_INPUT}"   $(echo x)   `echo x`   $((1+1))   $   "$"   $'a\nb'   "a"'b'c\ d
it\'s   !x   a;b   a&b   a|b   a>x   <x   (a)   %1
"""
        )
    ),
    values.map(shlex.quote),
    values.map(in_double_quotes),
    st.text(st.sampled_from("ab$`\"'\\ \t;&|<>(){}[]*?~#=!^%@+:-_.0é\u00a0\u2028\r\n"), max_size=6),
)
SETTINGS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["export ", "export ", "export ", "", "  export\t", "declare -x ", "export -n ", "readonly "]),
    NAMES,
    st.sampled_from(["=", "=", "=", "=", "+=", " = ", "[0]="]),
    VALUES,
)
OTHERS = st.sampled_from(
    ['if [ -z "${OS_REGION_NAME}" ]\nthen\n  unset OS_REGION_NAME\nfi']
    + words_of(
        r"""
unset OS_REGION_NAME   unset -v OS_REGION_NAME NS   unset -f NS   export OS_REGION_NAME
export NS OS_PASSWORD   if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi
if [ -z "$NS" ]; then unset OS_REGION_NAME; fi   if [ "$1" = a ]; then   else   fi   done
read -sr OS_PASSWORD_INPUT   read -s -p "Password: " OS_PASSWORD   read A NS   export OS_PASSWORD=$NS
export OS_PASSWORD=$OS_PASSWORD_INPUT   export NS OS_REGION_NAME=eu-nl   X=1; export OS_REGION_NAME=eu-nl
echo "Please enter $NS: "   echo a; echo b   echo ${OS_REGION_NAME:=x}   : ${OS_REGION_NAME:=x}   cat <<E   E
f() {   }   f   {   (   )   return   exit   false &&   # export OS_A=1   set -a   set +a   eval \
export "OS_REGION_NAME=eu-nl"   export 'OS_A'=1   \export OS_REGION_NAME=x   OS_REGION_NAME=x echo   ;   ;;
OS_REGION_NAME=x export NS=1   while read OS_PASSWORD; do   alias export=:   command export OS_REGION_NAME=y
for OS_REGION_NAME in a b; do :; done   printf -v OS_REGION_NAME x   IFS=-   unset UID   export OS_A=1 NS=2
"""
    )
)
ENDS = st.sampled_from(["\n", "\n", "\n", "\n", "; ", ";\n", " # c\n", "\r\n", " \\\n", " && ", "\n\n"])
PLAIN_LINES = st.one_of(
    st.builds("export {}={}".format, NAMES, st.one_of(values.map(shlex.quote), values.map(in_double_quotes))),
    st.sampled_from(
        ["export OS_PASSWORD=$OS_PASSWORD_INPUT", "unset OS_REGION_NAME OS_PASSWORD", "OS_REGION_NAME=eu-nl"]
    )
    | st.sampled_from(['if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi', 'export OS_REGION_NAME=""'])
    | st.sampled_from(["read -r OS_PASSWORD_INPUT", "export OS_REGION_NAME", "export A=$NS", "echo a b", "a=1 OS_A=2"]),
)


def join(lines: st.SearchStrategy[str], ends: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(lines, ends).map("".join), max_size=8).map("".join)


FILES = st.one_of(join(st.one_of(SETTINGS, SETTINGS, OTHERS), ENDS), join(PLAIN_LINES, st.sampled_from(["\n", "; "])))


@pytest.mark.skipif(not SHELLS, reason="there is no shell to compare with")
@pytest.mark.parametrize("shell", SHELLS)
@given(text=FILES)
@settings(max_examples=200)
def test_an_accepted_file_has_the_values_that_a_shell_sets(shell: str, text: str) -> None:
    if shell.endswith("dash") and "read -s" in text:
        text = text.replace("read -sr", "read -r").replace("read -s", "read")  # dash has no option -s
    check_against_shells(text, [shell])


@pytest.mark.parametrize("quote", [shlex.quote, in_double_quotes])
@pytest.mark.parametrize("after", ["", ";", "  # it's a comment", " \t"])
@given(value=values)
def test_any_quoted_value_is_read_unchanged(quote: Callable[[str], str], after: str, value: str) -> None:
    text = f"# first\nexport OS_PASSWORD={quote(value)}{after}\nexport OS_USERNAME=me\n"
    assert read_openrc(text) == {"OS_PASSWORD": value, "OS_USERNAME": "me"}


@given(values)
@example("it's")
@example("two words")
@example("one; command")
def test_an_unquoted_value_is_read_or_refused_and_never_shown(value: str) -> None:
    sentence = refusal_of(f"export OS_PASSWORD={value}")
    if sentence is not None:
        assert sentence in {
            f"line 1 of the openrc: OS_PASSWORD {fault}; write its value in single quotes"
            for fault in (
                "cannot be parsed",
                "needs a shell",
                "is followed by a word that sets nothing",
                "is followed by a command",
            )
        }


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert "\n" not in (refusal_of(text) or "")


HORIZON = """#!/usr/bin/env bash
# It's easy to set "${X"
export OS_AUTH_URL=https://keystone.example.org:5000/v3
export OS_USER_DOMAIN_NAME="Default"
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
export OS_PROJECT_DOMAIN_ID=""
if [ -z "$OS_PROJECT_DOMAIN_ID" ]; then unset OS_PROJECT_DOMAIN_ID; fi
# unset v2.0 items in case set
unset OS_TENANT_ID
unset OS_TENANT_NAME
export OS_USERNAME="me"
echo "Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: "
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD=$OS_PASSWORD_INPUT
export OS_REGION_NAME=""
# Don't leave a blank variable, unset it if it was empty
if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi
export OS_INTERFACE=public
"""
OTC = """# .ostackrc
export OS_USERNAME="me"
export OS_USER_DOMAIN_NAME=OTC00000000001000000449
export OS_PASSWORD=s3cret # optional
export OS_TENANT_NAME=eu-de
export OS_PROJECT_NAME=eu-de
export OS_PROJECT_DOMAIN_NAME=
export OS_AUTH_URL=https://iam.eu-de.otc.t-systems.com:443/v3
export NOVA_ENDPOINT_TYPE=publicURL
export OS_ENDPOINT_TYPE=publicURL
export CINDER_ENDPOINT_TYPE=publicURL
export OS_VOLUME_API_VERSION=2
"""


@pytest.mark.parametrize(
    "text",
    [
        HORIZON,
        OTC,
        OTC.replace("export ", ""),
        "export OS_REGION_NAME=eu-de\nexport OS_REGION_NAME=\n",
        "export OS_REGION_NAME=eu-de\nunset -v OS_REGION_NAME\n",
        "export OS_REGION_NAME=eu-de OS_INTERFACE=internal\nunset OS_REGION_NAME OS_INTERFACE\n",
        "export OS_PASSWORD=old\nread -sr OS_PASSWORD_INPUT\nexport OS_PASSWORD=$OS_PASSWORD_INPUT\n",
        "export COMPUTE_API_VERSION=2 OS_REGION_NAME=eu-nl",
        "X=1; export OS_REGION_NAME=eu-nl",
        "OS_REGION_NAME=eu-nl; export OS_REGION_NAME",
        "export OS_CACERT='-----BEGIN\nEND-----'\nexport PS1=\"[$USER] \"\n",
        'read -s -p "Password: " OS_PASSWORD\nexport OS_PASSWORD\nexport OS_USERNAME=me',
    ],
)
def test_the_forms_of_horizon_and_otc_are_understood(text: str) -> None:
    assert check_against_shells(text, [shell for shell in SHELLS if shell.endswith("bash")])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('declare -x OS_REGION_NAME="eu-nl"', 'has "declare", which is not run here'),
        ("typeset -x OS_REGION_NAME=eu-nl", 'has "typeset"'),
        ("readonly OS_REGION_NAME=eu-nl", 'has "readonly"'),
        ("setenv OS_REGION_NAME eu-nl", 'has "setenv"'),
        ("set OS_REGION_NAME=eu-nl", 'has "set"'),
        ('$env:OS_REGION_NAME = "eu-nl"', "has a command"),
        ('export "OS_REGION_NAME=eu-nl"', "has an export of another form"),
        ("export -n OS_REGION_NAME", "has an export of another form"),
        ("export OS_REGION_NAME", "exports OS_REGION_NAME, which no line before sets"),
        ("export OS_REGION_NAME+=x", "has an export of another form"),
        ("OS_REGION_NAME+=x", "has a command"),
        ("OS_REGION_NAME=eu-nl", "sets OS_REGION_NAME and does not export it"),
        ("NS=eu-nl; export OS_REGION_NAME=$NS", "OS_REGION_NAME needs a shell"),
        ("export OS_REGION_NAME=${NS:-eu-nl}", "OS_REGION_NAME needs a shell"),
        ("export OS_CACERT=~/ca.pem", "OS_CACERT needs a shell"),
        ("read R; export OS_REGION_NAME=$R", "asks a person for OS_REGION_NAME"),
        ("unset -f OS_REGION_NAME", "has an unset of another form"),
        ('if [ "$1" = nl ]; then export OS_REGION_NAME=eu-nl; fi', 'has "if"'),
        ('if [ -z "$NL" ]; then unset OS_AUTH_URL; fi', 'has "if"'),
        ("case $1 in nl) export OS_REGION_NAME=eu-nl;; esac", 'has "case"'),
        ("test -n x && export OS_REGION_NAME=eu-nl", 'has "test"'),
        ("nl() {\n export OS_REGION_NAME=eu-nl\n}", "has a command"),
        ("function nl {", 'has "function"'),
        ("cat <<EOT\nexport OS_REGION_NAME=eu-nl\nEOT", 'has "cat"'),
        ("(export OS_REGION_NAME=eu-nl)", "has a command"),
        ("return 0", 'has "return"'),
        (". ./more", 'has "."'),
        (": ${OS_REGION_NAME:=eu-nl}", 'has ":"'),
        ("export OS_REGION_NAME=eu-nl || true", "OS_REGION_NAME cannot be parsed"),
        ("export OS_REGION_NAME='eu-nl", "OS_REGION_NAME cannot be parsed"),
        ("export OS_REGION_NAME=eu\\\n-nl", "OS_REGION_NAME cannot be parsed"),
        ("export OS_REGION_NAME=eu-nl\r", "ends as in Windows"),
        ("export OS_REGION_NAME=eu-nl\0", "contains a control character"),
        ("UID=0", "sets UID, which a shell does not allow"),
    ],
)
def test_everything_else_that_could_change_a_value_is_refused_with_its_line(line: str, says: str) -> None:
    text = f"# openrc\nexport OS_AUTH_URL=https://keystone.example.org/v3\n{line}\n"
    sentence = refusal_of(text)
    assert sentence is not None
    assert sentence.startswith("line 3 of the openrc")
    assert says in sentence
    assert is_openrc(line) or "OS_REGION_NAME" not in line or is_openrc(text)


def test_a_byte_order_mark_is_refused_because_a_shell_would_skip_the_line() -> None:
    assert "begins with a byte order mark" in (refusal_of("\ufeffexport OS_USERNAME=me") or "")


@pytest.mark.parametrize(
    "question",
    ["read -sr OS_PASSWORD_INPUT", 'read -s -p "Password: " OS_PASSWORD_INPUT', "  read OS_PASSWORD_INPUT  # typed"],
)
@pytest.mark.parametrize("reference", ["$OS_PASSWORD_INPUT", '"$OS_PASSWORD_INPUT"', "${OS_PASSWORD_INPUT}"])
def test_values_that_are_prompted_for_are_left_out(question: str, reference: str) -> None:
    assert read_openrc(f"{question}\nexport OS_PASSWORD={reference}\n") == {}


def test_the_last_setting_counts() -> None:
    assert read_openrc("export OS_USERNAME=a\nexport OS_USERNAME=b") == {"OS_USERNAME": "b"}


@pytest.mark.parametrize(
    "text", ["export OS_A=1", " OS_A=1", "#!/bin/sh\nOS_A=1", 'declare -x OS_A="1"', "setenv OS_A 1", '$env:OS_A="1"']
)
def test_an_openrc_is_recognized_by_its_settings(text: str) -> None:
    assert is_openrc(text)


@pytest.mark.parametrize("text", ["# OS_A=1", "clouds: {OS_A: 1}", ""])
def test_a_file_without_settings_is_not_an_openrc(text: str) -> None:
    assert not is_openrc(text)


def test_old_names_are_equivalent_to_new_ones() -> None:
    old = make_entry_of({"OS_TENANT_NAME": "eu-de", "OS_PROJECT_NAME": "eu-de", "OS_ENDPOINT_TYPE": "publicURL"})
    assert old == {"auth": {"project_name": "eu-de"}, "interface": "public"}


def test_versions_of_other_services_are_ignored() -> None:
    variables = {"OS_VOLUME_API_VERSION": "2", "OS_IMAGE_API_VERSION": "2", "OS_IDENTITY_API_VERSION": "3"}
    assert make_entry_of(variables) == {"auth": {}, "identity_api_version": "3"}


def test_two_values_for_one_key_are_refused() -> None:
    with pytest.raises(CommandError, match='two values for "project_name", one of them in OS_TENANT_NAME'):
        make_entry_of({"OS_PROJECT_NAME": "a", "OS_TENANT_NAME": "b"})
