"""Reads an openrc as the entry of clouds.yaml that it stands for. The file is never executed."""

import re
from collections.abc import Mapping
from typing import Any, Final

from vbs_reaper.cli.files import BYTE_ORDER_MARK
from vbs_reaper.cli.shell_settings import read_settings
from vbs_reaper.clouds.target import ACCESS_KEY_TYPE
from vbs_reaper.errors import CommandError

_SHELL_LINE: Final = re.compile(
    r"^[ \t]*(?:OS_[A-Z0-9_]+\+?=|(?:export|declare|typeset|readonly|unset|setenv|set)[ \t]|\$env:OS_)", re.MULTILINE
)
"""A line that no clouds.yaml has: of an openrc, or of a file for another shell, which is rejected."""

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
    "OS_ACCESS_KEY": "access_key",
    "OS_SECRET_KEY": "secret_key",  # pragma: allowlist secret
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
    """Whether the text sets variables, as an openrc does."""
    return _SHELL_LINE.search(text) is not None


def read_openrc(text: str) -> dict[str, str]:
    """Return the `OS_…` variables that the file sets, without a password that it asks for (Horizon's openrc does).

    Raises:
        CommandError: the file contains something that could change a value in a way that only a shell knows. The
            message names line and variable, never a value.
    """
    if text.startswith(BYTE_ORDER_MARK):
        raise CommandError(
            "line 1 of the openrc begins with a byte order mark, which no shell accepts; save it without"
        )
    found = {name: setting for name, setting in read_settings(text).items() if name.startswith("OS_")}
    values: dict[str, str] = {}
    is_any_exported = any(setting.is_exported for setting in found.values())
    for name, setting in found.items():
        where = f"line {setting.line} of the openrc"
        if setting.value is None and not setting.is_exported and name not in _IN_AUTH | _BESIDE_AUTH:
            continue  # the answer to a question, which another variable takes
        if setting.value is None and name != PASSWORD:
            raise CommandError(f"{where} asks a person for {name}; write export {name}='value'")
        if setting.value != "" and is_any_exported and not setting.is_exported:
            raise CommandError(f"{where} sets {name} and does not export it, unlike others; write export before it")
        if setting.value:
            values[name] = setting.value
    return values


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
    if "access_key" in auth:
        entry.setdefault("auth_type", ACCESS_KEY_TYPE)
        auth.pop("auth_url", None)  # other tools need it; a signed request needs no Keystone
    return entry
