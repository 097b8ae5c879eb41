"""`vbs-reaper secret`: a clouds.yaml entry or an openrc in, a target's secret out; what would not work is refused.

Exit codes: 0 the secret is on standard output; 1 it is refused, and nothing is.
"""

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Any
from typing import Final

from vbs_reaper.console.clouds_file import Entry
from vbs_reaper.console.clouds_file import clouds_in
from vbs_reaper.console.clouds_file import make_entry
from vbs_reaper.console.clouds_file import name_entries
from vbs_reaper.console.clouds_file import pick_entry
from vbs_reaper.console.clouds_file import read_yaml
from vbs_reaper.console.openrc import PASSWORD
from vbs_reaper.console.openrc import is_openrc
from vbs_reaper.console.openrc import make_entry_of
from vbs_reaper.console.openrc import read_openrc
from vbs_reaper.console.refusal import Refused
from vbs_reaper.openstack.secret import SecretUnusable
from vbs_reaper.openstack.target import SECRET_BYTES
from vbs_reaper.openstack.target import read_target

INPUT_LIMIT_BYTES: Final = 1 << 20
TERMINAL: Final = Path("/dev/tty")
_HERE: Final = "standard input"


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "secret",
        help="make a target's secret of a clouds.yaml or an openrc",
        description=(
            "Reads a clouds.yaml, an entry of one, or an openrc on standard input; writes the target's secret, as "
            "JSON, to standard output. Nothing is run, sent or stored. A password that is not in it is taken from "
            "OS_PASSWORD, or asked for on the terminal."
        ),
        epilog="Exit codes: 0 the secret is written, 1 it would not work.",
    )
    words.add_argument("--cloud", metavar="NAME", help="the entry of clouds.yaml; needed where there are several")
    words.add_argument(
        "--service", choices=["vbs", "cinder"], help="whose backups; default: what the entry says, else vbs"
    )
    words.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Translate, check, write.

    Raises:
        Refused: the secret would not work.
    """
    entry = _ask_for_password(_entry(_read_input(), chosen.cloud))
    if chosen.service is not None:
        entry = {**entry, "volume_backup_service": chosen.service}
    made = make_entry(_with_certificate(entry), _HERE)
    _check(made)
    print(made.text.reveal())  # noqa: T201  # a command speaks here
    return 0


def _entry(text: str, cloud: str | None) -> dict[str, Any]:
    if is_openrc(text):
        if cloud is not None:
            raise Refused("--cloud is about a clouds.yaml; an openrc has no entries")
        return make_entry_of(read_openrc(text))
    document = read_yaml(text, _HERE)
    if "auth" in document and "clouds" not in document:
        return document
    clouds = clouds_in(document, _HERE)
    if cloud is None and len(clouds) > 1:
        raise Refused(f"{_HERE} has several entries; say which by --cloud: {name_entries(clouds)}")
    return pick_entry(clouds, cloud or str(next(iter(clouds))), _HERE)


def _read_input() -> str:
    if sys.stdin.isatty():
        raise Refused("give a clouds.yaml or an openrc on standard input: vbs-reaper secret < openrc.sh > target.json")
    data = sys.stdin.buffer.read(INPUT_LIMIT_BYTES + 1)
    if len(data) > INPUT_LIMIT_BYTES:
        raise Refused(f"{_HERE} has more than {INPUT_LIMIT_BYTES:,} bytes, which is no clouds.yaml")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{_HERE} is no text: it is not UTF-8") from None


def _ask_for_password(entry: dict[str, Any]) -> dict[str, Any]:
    """Neither Horizon's openrc nor its clouds.yaml holds the password."""
    auth = entry.get("auth")
    if not isinstance(auth, dict) or auth.get("password") or not auth.get("username"):
        return entry
    return {**entry, "auth": {**auth, "password": os.environ.get(PASSWORD) or _typed()}}


def _typed() -> str:
    try:
        with TERMINAL.open("r+b", buffering=0):
            pass
    except OSError:
        raise Refused(f"the password is not in it, and there is no terminal to ask for it; set {PASSWORD}") from None
    try:
        typed = getpass.getpass("The cloud's password for this user: ")
    except EOFError:
        typed = ""
    if not typed:
        raise Refused("no password was given")
    return typed


def _with_certificate(entry: dict[str, Any]) -> dict[str, Any]:
    """Elsewhere `cacert` is a path; a secret holds the text of the file."""
    given = entry.get("cacert")
    if not isinstance(given, str) or "\n" in given.strip() or "BEGIN CERTIFICATE" in given:
        return entry
    try:
        return {**entry, "cacert": Path(given).expanduser().read_text(encoding="ascii")}
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no PEM text"
        raise Refused(f'the "cacert" {given} cannot be read ({why}); give its PEM text, or a path that can') from None


def _check(made: Entry) -> None:
    try:
        read_target("new", made)
    except SecretUnusable as unusable:
        raise Refused(str(unusable).removeprefix('target "new": ')) from None
    size = len(made.text.reveal().encode())
    if size > SECRET_BYTES:
        raise Refused(f"the secret has {size:,} bytes; Secrets Manager stores {SECRET_BYTES:,}")
