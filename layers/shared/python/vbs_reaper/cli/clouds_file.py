"""Reads an entry of clouds.yaml, from the same places as openstacksdk, as the secret of a target."""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.cli.files import BYTE_ORDER_MARK, decode, read_file
from vbs_reaper.clouds.target import Auth, Target
from vbs_reaper.clouds.target_secret import QUOTABLE_KEYS
from vbs_reaper.errors import CommandError
from vbs_reaper.strict_json import show_key
from vbs_reaper.text import printable

CLOUDS_FILE_VARIABLE: Final = "OS_CLIENT_CONFIG_FILE"
_TEXT_KEYS: Final = tuple(field.name for field in msgspec.structs.fields(Target) if field.type is str)
_OTHER_TYPES: Final = {bool: "a boolean", int: "a number", float: "a number", date: "a date", bytes: "binary"}
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
        CommandError: the text is not one valid YAML document, or has a key twice; names `where` and
            the fix, never a value.
    """
    try:
        loader = yaml.SafeLoader(text.removeprefix(BYTE_ORDER_MARK))
        root = loader.get_node() if loader.check_node() else None
        if root is None:
            return {}
        second = loader.get_node() if loader.check_node() else None
        if second is not None:
            line = second.start_mark.line + 1
            raise CommandError(f"{where}: contains several YAML documents, another one in line {line}; keep one")
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
        raise CommandError(f'{where}: has no entries below "clouds"; give a clouds.yaml or an openrc')
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
        CommandError: a value is of another type in YAML than its key needs, or JSON cannot represent it; or several
            regions are given, and none is selected.
    """
    entry = _with_one_region(entry, where)
    _check_types(entry, where)
    try:
        text = json.dumps(entry, ensure_ascii=False, indent=2)
        text.encode()
    except UnicodeEncodeError:
        raise CommandError(
            f"{where}: contains a surrogate, which is not a character; write the character itself"
        ) from None
    except (TypeError, ValueError, RecursionError):
        raise CommandError(
            f"{where}: contains values that JSON does not have; put dates and binary values in quotes"
        ) from None
    return Entry(version_id="", text=Secret(text), name=where)


def _check_types(entry: dict[str, Any], where: str) -> None:
    """Check that no value that must be text is something else in YAML: `no` is a boolean, and `0123` is 83."""
    auth = entry.get("auth")
    sections = (("", entry, _TEXT_KEYS), ("auth.", auth if isinstance(auth, dict) else {}, Auth.__struct_fields__))
    for prefix, section, names in sections:
        for name in names:
            value = section.get(name)
            if kind := next((what for type_, what in _OTHER_TYPES.items() if isinstance(value, type_)), None):
                raise CommandError(f'{where}: in YAML, the value of "{prefix}{name}" is {kind}; put it in quotes')


def _with_one_region(entry: dict[str, Any], where: str) -> dict[str, Any]:
    """Replace `regions` that are mappings by the selected one with its values, as openstacksdk merges them."""
    regions = entry.get("regions")
    if not isinstance(regions, list) or not any(isinstance(region, dict) for region in regions):
        return entry
    values: dict[str, Any] = {}
    for region in regions:
        name = region.get("name") if isinstance(region, dict) else region
        more = region.get("values") or {} if isinstance(region, dict) else {}
        if not isinstance(name, str) or not isinstance(more, dict) or name in values:
            raise CommandError(
                f'{where}: "regions" needs items with a "name" each, all different, and with a mapping "values" at most'
            )
        values[name] = more
    selected = entry.get("region_name") or next(iter(values))
    if len(values) > 1 and not entry.get("region_name"):
        raise CommandError(f'{where}: has several "regions"; select one as "region_name": {name_entries(values)}')
    if selected not in values:
        raise CommandError(f'{where}: "region_name" is none of the "regions": {name_entries(values)}')
    rest = {key: value for key, value in entry.items() if key != "regions"}
    return {**_merge(rest, values[selected]), "region_name": selected}


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
    return clouds_in(read_yaml(decode(read_file(path), str(path)), str(path)), str(path))


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
