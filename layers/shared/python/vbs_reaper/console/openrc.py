"""The settings in an openrc file, read as text and never run: `export OS_X=…` lines, quotes and comments."""

import re
from collections.abc import Mapping
from typing import Any
from typing import Final

from vbs_reaper.console.refusal import Refused

_SETTING: Final = re.compile(r"\s*(?:export\s+)?(OS_[A-Z0-9_]+)=(.*)")
_SETS: Final = re.compile(r"^\s*(?:export\s+)?OS_[A-Z0-9_]+=", re.MULTILINE)
_QUESTION: Final = re.compile(r"\s*read\s[^#]*?\b([A-Za-z_][A-Za-z0-9_]*)\s*(?:\s#.*)?")
_REFERENCE: Final = re.compile(r'"?\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?"?')
_PIECE: Final = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^\s'"\\;&|<>()]++)""")
_WORD: Final = re.compile(rf"((?:{_PIECE.pattern})*+)\s*;?(?:\s+#.*|\s*)")
_ESCAPED: Final = re.compile(r'\\(["\\$`])')
_NEEDS_SHELL: Final = re.compile(r"(?:[^\\$`]|\\.)*+[$`]")

PASSWORD: Final = "OS_PASSWORD"  # noqa: S105  the variable's name

_IN_AUTH: Final = {
    "OS_AUTH_URL": "auth_url",
    "OS_USERNAME": "username",
    "OS_PASSWORD": "password",
    "OS_USER_DOMAIN_NAME": "user_domain_name",
    "OS_USER_DOMAIN_ID": "user_domain_id",
    "OS_PROJECT_ID": "project_id",
    "OS_PROJECT_NAME": "project_name",
    "OS_PROJECT_DOMAIN_NAME": "project_domain_name",
    "OS_PROJECT_DOMAIN_ID": "project_domain_id",
    "OS_APPLICATION_CREDENTIAL_ID": "application_credential_id",
    "OS_APPLICATION_CREDENTIAL_SECRET": "application_credential_secret",
    "OS_TENANT_ID": "project_id",
    "OS_TENANT_NAME": "project_name",
}
_BESIDE_AUTH: Final = {
    "OS_AUTH_TYPE": "auth_type",
    "OS_REGION_NAME": "region_name",
    "OS_INTERFACE": "interface",
    "OS_ENDPOINT_TYPE": "interface",
    "OS_IDENTITY_API_VERSION": "identity_api_version",
    "OS_CACERT": "cacert",
}
_OTHERS: Final = re.compile(r"OS_[A-Z]+_API_VERSION")
"""What openrc files say to other tools."""


def is_openrc(text: str) -> bool:
    """Whether a text sets variables as an openrc does."""
    return _SETS.search(text) is not None


def read_openrc(text: str) -> dict[str, str]:
    """The variables that the file sets. One that it asks for, as Horizon's does for the password, is left out.

    Raises:
        Refused: a value needs a shell to be known; names variable and line, never a value.
    """
    found: dict[str, str] = {}
    asked: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if question := _QUESTION.fullmatch(line):
            asked.add(question[1])
        elif setting := _SETTING.fullmatch(line):
            value = _value(setting[1], setting[2], number, asked)
            if value:
                found[setting[1]] = value
    return found


def make_entry_of(variables: Mapping[str, str]) -> dict[str, Any]:
    """A clouds.yaml entry of these variables.

    Raises:
        Refused: one is known to nobody here.
    """
    auth: dict[str, Any] = {}
    entry: dict[str, Any] = {"auth": auth}
    for name, value in variables.items():
        if name in _IN_AUTH:
            part, key = auth, _IN_AUTH[name]
        elif name in _BESIDE_AUTH:
            part, key = entry, _BESIDE_AUTH[name]
            value = value.removesuffix("URL") if key == "interface" else value
        elif _OTHERS.fullmatch(name):
            continue
        else:
            raise Refused(f"the openrc sets {name}, which a target has no use for; remove that line")
        if part.setdefault(key, value) != value:
            raise Refused(f'the openrc has two values for "{key}", one of them in {name}; remove one of the two')
    if "application_credential_id" in auth:
        entry.setdefault("auth_type", "v3applicationcredential")
    return entry


def _value(name: str, written: str, number: int, asked: set[str]) -> str:
    """What the shell would set; empty where it is what a person is asked for."""
    word = _WORD.fullmatch(written)
    if word is None:
        raise Refused(f"line {number} of the openrc: {name} cannot be read; write its value there, in single quotes")
    reference = _REFERENCE.fullmatch(word[1])
    if reference is not None and reference[1] in asked:
        return ""
    value = ""
    for piece in _PIECE.finditer(word[1]):
        single, double, escaped, bare = piece.groups()
        if _NEEDS_SHELL.match(double or bare or ""):
            raise Refused(f"line {number} of the openrc: {name} needs a shell; write its value there, in single quotes")
        value += _ESCAPED.sub(r"\1", double) if double else single or escaped or bare or ""
    return value
