"""An entry of clouds.yaml, found where openstacksdk finds it, as the secret of a target."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Final

import yaml

from vbs_reaper.console.refusal import Refused
from vbs_reaper.openstack.fault import printable
from vbs_reaper.openstack.secret import Secret
from vbs_reaper.openstack.secret import StoredSecret

CLOUDS_FILE_VARIABLE: Final = "OS_CLIENT_CONFIG_FILE"
_ENDINGS: Final = (".yaml", ".yml")


class Entry(StoredSecret):
    """A cloud's entry. Like any secret, it shows where it is from and never what it holds."""

    def __str__(self) -> str:
        return self.name


def read_cloud(cloud: str) -> Entry:
    """The entry of that name, with what `secure.yaml` beside the file adds to it.

    Raises:
        Refused: there is no file, no such entry, or no reading it; names file and fix, never a value.
    """
    path = _find()
    entry = pick_entry(_clouds(path), cloud, str(path))
    for secure in _existing(path.parent, "secure"):
        kept_apart = _clouds(secure).get(cloud)
        if isinstance(kept_apart, dict):
            entry = _merge(entry, kept_apart)
        break
    return make_entry(entry, f'{path}, entry "{printable(cloud)}"')


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """The mapping that the text is.

    Raises:
        Refused: it is none; names `where` and the fix, never a value.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        # Its own words may quote a password.
        mark = error.problem_mark
        line = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Refused(f"{where}: is no YAML{line}; put values with special characters in quotes") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Refused(f"{where}: is no YAML; put values with special characters in quotes") from None
    return document if isinstance(document, dict) else {}


def clouds_in(document: dict[str, Any], where: str) -> dict[str, Any]:
    """The entries below `clouds`.

    Raises:
        Refused: there are none.
    """
    clouds = document.get("clouds")
    if not isinstance(clouds, dict) or not clouds:
        raise Refused(f'{where}: has no entries below "clouds"; give a clouds.yaml')
    return clouds


def pick_entry(clouds: dict[str, Any], cloud: str, where: str) -> dict[str, Any]:
    """The entry of that name.

    Raises:
        Refused: there is none.
    """
    entry = clouds.get(cloud)
    if isinstance(entry, dict):
        return entry
    if cloud in clouds:
        raise Refused(f'{where}: entry "{printable(cloud)}" is empty or no mapping; give it "auth" and "region_name"')
    raise Refused(f'{where}: has no entry "{printable(cloud)}"; it has {name_entries(clouds)}')


def make_entry(entry: dict[str, Any], where: str) -> Entry:
    """An entry as the JSON that a target's secret is.

    Raises:
        Refused: it holds what JSON has not.
    """
    try:
        text = json.dumps(entry, ensure_ascii=False, indent=2)
    except (TypeError, ValueError, RecursionError):
        raise Refused(f"{where}: holds more than texts and numbers; put dates and the like in quotes") from None
    return Entry(version_id="", text=Secret(text), name=where)


def _find() -> Path:
    named = os.environ.get(CLOUDS_FILE_VARIABLE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    folders = (Path(), Path(home).expanduser() / "openstack", Path("/etc/openstack"))
    for folder in folders:
        for found in _existing(folder, "clouds"):
            return found
    places = ", ".join(str(folder / "clouds.yaml") for folder in folders)
    raise Refused(f"there is no clouds.yaml ({places}); name yours in {CLOUDS_FILE_VARIABLE}")


def _clouds(path: Path) -> dict[str, Any]:
    return clouds_in(read_yaml(_read(path), str(path)), str(path))


def _existing(folder: Path, name: str) -> Iterator[Path]:
    return (path for ending in _ENDINGS if (path := folder / f"{name}{ending}").is_file())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise Refused(f"{path}: is no YAML: it is not UTF-8") from None


def name_entries(clouds: dict[str, Any]) -> str:
    """The names of the entries, for a sentence."""
    return ", ".join(printable(str(name)) for name in clouds)


def _merge(entry: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merge(entry[key], more[key])
        for key in entry.keys() & more.keys()
        if isinstance(entry[key], dict) and isinstance(more[key], dict)
    }
    return {**entry, **more, **both}
