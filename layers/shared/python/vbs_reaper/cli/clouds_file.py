"""Reads an entry of clouds.yaml, from the same places as openstacksdk, as the secret of a target."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.cli.files import read_file
from vbs_reaper.clouds.target_secret import QUOTABLE_KEYS
from vbs_reaper.errors import CommandError
from vbs_reaper.strict_json import show_key
from vbs_reaper.text import printable

CLOUDS_FILE_VARIABLE: Final = "OS_CLIENT_CONFIG_FILE"
_SUFFIXES: Final = (".yaml", ".yml")
_MERGE: Final = "tag:yaml.org,2002:merge"
_QUOTABLE: Final = QUOTABLE_KEYS | {"clouds", "<<"}


class Entry(StoredSecret):
    """The entry of a cloud. Like every secret, its text form is its origin, never its content."""

    def __str__(self) -> str:
        return self.name


def read_cloud(cloud: str) -> Entry:
    """Return the entry of this name, merged with the one in `secure.yaml` in the same folder.

    Raises:
        CommandError: the file or the entry does not exist or cannot be read; names the file and the fix, never a value.
    """
    path = _find()
    entry = pick_entry(_clouds(path), cloud, str(path))
    for secure in _existing(path.parent, "secure"):
        secure_entry = _clouds(secure).get(cloud)
        if isinstance(secure_entry, dict):
            entry = _merge(entry, secure_entry)
        break
    return make_entry(entry, f'{path}, entry "{printable(cloud)}"')


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """Return the mapping in a YAML text; an empty one if the text is another YAML value.

    Raises:
        CommandError: the text is not valid YAML, or has a key twice; names `where` and the fix, never a value.
    """
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return {}
        _check_keys(loader, root, where)
        document = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        # The message of the error may quote a password.
        mark = error.problem_mark
        line = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise CommandError(f"{where}: is not valid YAML{line}; put values with special characters in quotes") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise CommandError(f"{where}: is not valid YAML; put values with special characters in quotes") from None
    return document if isinstance(document, dict) else {}


def _check_keys(loader: yaml.SafeLoader, root: yaml.Node, where: str) -> None:
    """Check that no mapping has a key twice (YAML 1.2.2 section 3.2.1.1). PyYAML accepts it, and the last one wins.

    A key that overrides one of a merge key (`<<`) is not twice in its own mapping.

    Raises:
        CommandError: a key is twice. Names the lines, and the key unless it may be a secret in the wrong place.
    """
    seen: set[int] = set()
    left: list[tuple[yaml.Node, tuple[str, ...]]] = [(root, ())]
    while left:
        node, path = left.pop()
        if id(node) in seen:  # an alias; it may even contain itself
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += [(each, (*path, "")) for each in node.value]
        if not isinstance(node, yaml.MappingNode):
            continue
        lines: dict[object, int] = {}
        for key, value in node.value:
            left.append((value, (*path, str(key.value))))
            if not isinstance(key, yaml.ScalarNode):
                continue
            identity = _MERGE if key.tag == _MERGE else loader.construct_object(key)
            line = key.start_mark.line + 1
            if identity in lines:
                shown = show_key(key.value, None if path == ("clouds",) else _QUOTABLE)
                raise CommandError(
                    f"{where}: names a key twice: {shown}, in line {lines[identity]} and in line {line}; keep one"
                )
            lines[identity] = line


def clouds_in(document: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the entries below `clouds`.

    Raises:
        CommandError: there are none.
    """
    clouds = document.get("clouds")
    if not isinstance(clouds, dict) or not clouds:
        raise CommandError(f'{where}: has no entries below "clouds"; give a clouds.yaml')
    return clouds


def pick_entry(clouds: dict[str, Any], cloud: str, where: str) -> dict[str, Any]:
    """Return the entry of this name.

    Raises:
        CommandError: it does not exist, or is not a mapping.
    """
    entry = clouds.get(cloud)
    if isinstance(entry, dict):
        return entry
    if cloud in clouds:
        raise CommandError(
            f'{where}: entry "{printable(cloud)}" is empty or not a mapping; give it "auth" and "region_name"'
        )
    raise CommandError(f'{where}: has no entry "{printable(cloud)}"; it has {name_entries(clouds)}')


def make_entry(entry: dict[str, Any], where: str) -> Entry:
    """Return an entry as a target's secret, which is JSON.

    Raises:
        CommandError: it contains a value that JSON cannot represent.
    """
    try:
        text = json.dumps(entry, ensure_ascii=False, indent=2)
    except (TypeError, ValueError, RecursionError):
        raise CommandError(
            f"{where}: contains values that JSON does not have; put dates and binary values in quotes"
        ) from None
    return Entry(version_id="", text=Secret(text), name=where)


def _find() -> Path:
    configured = os.environ.get(CLOUDS_FILE_VARIABLE)
    if configured:
        return Path(configured)
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    folders = (Path(), Path(home).expanduser() / "openstack", Path("/etc/openstack"))
    for folder in folders:
        for found in _existing(folder, "clouds"):
            return found
    places = ", ".join(str(folder / "clouds.yaml") for folder in folders)
    raise CommandError(f"there is no clouds.yaml ({places}); set {CLOUDS_FILE_VARIABLE} to its path")


def _clouds(path: Path) -> dict[str, Any]:
    try:
        text = read_file(path).decode()
    except UnicodeDecodeError:
        raise CommandError(f"{path}: is not valid YAML: it is not UTF-8") from None
    return clouds_in(read_yaml(text, str(path)), str(path))


def _existing(folder: Path, name: str) -> Iterator[Path]:
    return (path for suffix in _SUFFIXES if (path := folder / f"{name}{suffix}").is_file())


def name_entries(clouds: dict[str, Any]) -> str:
    """Return the names of the entries, for a message."""
    return ", ".join(printable(str(name)) for name in clouds)


def _merge(entry: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Merge mappings recursively; `more` wins."""
    both = {
        key: _merge(entry[key], more[key])
        for key in entry.keys() & more.keys()
        if isinstance(entry[key], dict) and isinstance(more[key], dict)
    }
    return {**entry, **more, **both}
