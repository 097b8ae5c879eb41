"""Reads the `export OS_X=…` lines of an openrc file as text, with quotes and comments. The file is never executed."""

import re
from collections.abc import Mapping
from typing import Any, Final

from vbs_reaper.errors import CommandError

_SETTING: Final = re.compile(r"\s*(?:export\s+)?(OS_[A-Z0-9_]+)=(.*)")
_SETS: Final = re.compile(r"^\s*(?:export\s+)?OS_[A-Z0-9_]+=", re.MULTILINE)
_QUESTION: Final = re.compile(r"\s*read\s[^#]*?\b([A-Za-z_][A-Za-z0-9_]*)\s*(?:\s#.*)?")
_REFERENCE: Final = re.compile(r'"?\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?"?')
_PIECE: Final = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^\s'"\\;&|<>()]++)""")
_WORD: Final = re.compile(rf"((?:{_PIECE.pattern})*+)\s*;?(?:\s+#.*|\s*)")
_ESCAPED: Final = re.compile(r'\\(["\\$`])')
_NEEDS_SHELL: Final = re.compile(r"(?:[^\\$`]|\\.)*+[$`]")

PASSWORD: Final = "OS_PASSWORD"  # noqa: S105  # the name of a variable

_IN_AUTH: Final = {
    "OS_AUTH_URL": "auth_url",
    "OS_USERNAME": "username",
    "OS_PASSWORD": "password",  # pragma: allowlist secret
    "OS_USER_DOMAIN_NAME": "user_domain_name",
    "OS_USER_DOMAIN_ID": "user_domain_id",
    "OS_PROJECT_ID": "project_id",
    "OS_PROJECT_NAME": "project_name",
    "OS_PROJECT_DOMAIN_NAME": "project_domain_name",
    "OS_PROJECT_DOMAIN_ID": "project_domain_id",
    "OS_APPLICATION_CREDENTIAL_ID": "application_credential_id",
    "OS_APPLICATION_CREDENTIAL_SECRET": "application_credential_secret",  # pragma: allowlist secret
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
"""Variables for other tools; ignored."""


def is_openrc(text: str) -> bool:
    """Whether the text sets `OS_…` variables, as an openrc does."""
    return _SETS.search(text) is not None


def read_openrc(text: str) -> dict[str, str]:
    """Return the variables that the file sets, without those that it asks for (Horizon's openrc asks for the password).

    Raises:
        CommandError: a value cannot be parsed, or needs a shell; the message names variable and line, never a value.
    """
    found: dict[str, str] = {}
    prompted: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if question := _QUESTION.fullmatch(line):
            prompted.add(question[1])
        elif setting := _SETTING.fullmatch(line):
            value = _value(setting[1], setting[2], number, prompted)
            if value:
                found[setting[1]] = value
    return found


def make_entry_of(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return these variables as an entry of clouds.yaml.

    Raises:
        CommandError: a variable is not supported, or two of them set the same key to different values.
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
            raise CommandError(f"the openrc sets {name}, which a target does not use; remove that line")
        if part.setdefault(key, value) != value:
            raise CommandError(f'the openrc has two values for "{key}", one of them in {name}; remove one of the two')
    if "application_credential_id" in auth:
        entry.setdefault("auth_type", "v3applicationcredential")
    return entry


def _value(name: str, text: str, number: int, prompted: set[str]) -> str:
    """Return the value that a shell would set; empty if it is a variable that the file asks for."""
    word = _WORD.fullmatch(text)
    if word is None:
        raise CommandError(f"line {number} of the openrc: {name} cannot be parsed; write its value in single quotes")
    reference = _REFERENCE.fullmatch(word[1])
    if reference is not None and reference[1] in prompted:
        return ""
    value = ""
    for piece in _PIECE.finditer(word[1]):
        single, double, escaped, bare = piece.groups()
        if _NEEDS_SHELL.match(double or bare or ""):
            raise CommandError(f"line {number} of the openrc: {name} needs a shell; write its value in single quotes")
        value += _ESCAPED.sub(r"\1", double) if double else single or escaped or bare or ""
    return value
