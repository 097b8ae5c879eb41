"""`vbs-reaper secret`: turns a clouds.yaml entry, an openrc or an access key into a target's secret.

It rejects a secret that cannot work.

Exit codes: 0 the secret is on standard output, 1 it was rejected and standard output is empty.
"""

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Any, Final

from vbs_reaper.backups.answer import SERVICES
from vbs_reaper.cli.clouds_file import Entry, clouds_in, make_entry, name_entries, pick_entry, read_yaml
from vbs_reaper.cli.files import decode
from vbs_reaper.cli.key_file import is_key_file, read_key_file
from vbs_reaper.cli.openrc import PASSWORD, is_openrc, make_entry_of, read_openrc
from vbs_reaper.cli.output import write_utf8
from vbs_reaper.clouds.target_secret import SECRET_BYTES, read_target
from vbs_reaper.errors import CommandError, InvalidSecret

INPUT_LIMIT_BYTES: Final = 1 << 20
TERMINAL: Final = Path("/dev/tty")
_INPUT: Final = "standard input"
_KEY_VARIABLES: Final = ("OS_ACCESS_KEY", "OS_SECRET_KEY")
_PLACE_VARIABLES: Final = ("OS_PROJECT_ID", "OS_REGION_NAME")
_SERVICE_NOTE: Final = (
    "The secret is for VBS. If the backups are in CBR or Cinder, make it with --service cbr or --service cinder."
)


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "secret",
        usage="%(prog)s [options] < FILE",
        help="turn a clouds.yaml, an openrc or an access key into a target's secret",
        description=(
            "Reads a clouds.yaml, an entry of one, an openrc, or the credentials.csv of an access key from standard "
            "input and writes the target's secret, as JSON, to standard output. Nothing is executed, sent or stored. "
            "If the input has no password, it is taken from OS_PASSWORD, or asked for on the terminal. Project and "
            "region of a credentials.csv are taken from OS_PROJECT_ID and OS_REGION_NAME."
        ),
        epilog="Exit codes: 0 the secret is written, 1 it would not work or the input is invalid.",
    )
    command.add_argument("--cloud", metavar="NAME", help="the entry of clouds.yaml; needed if there are several")
    command.add_argument(
        "--environment",
        action="store_true",
        help=f"read nothing; the access key is in {', '.join(_KEY_VARIABLES)} and its project and region in "
        f"{' and '.join(_PLACE_VARIABLES)}",
    )
    command.add_argument("--service", choices=SERVICES, help="the backup service; default: that of the entry, else vbs")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert the input, check the secret and write it; return the exit code.

    Raises:
        CommandError: the input cannot be read, or the secret would not work.
    """
    if args.environment:
        if args.cloud is not None:
            raise CommandError("--cloud selects an entry of a clouds.yaml; --environment reads none")
        entry = make_entry_of(_from_environment(*_KEY_VARIABLES, *_PLACE_VARIABLES))
    else:
        entry = _with_password(_entry(_read_input(), args.cloud))
    if args.service is not None:
        entry = {**entry, "volume_backup_service": args.service}
    secret = make_entry(_with_certificate(entry), _INPUT)
    _check(secret)
    write_utf8(secret.text.reveal())
    if "volume_backup_service" not in entry:
        print(_SERVICE_NOTE, file=sys.stderr)  # noqa: T201
    return 0


def _entry(text: str, cloud: str | None) -> dict[str, Any]:
    if is_key_file(text) or is_openrc(text):
        if cloud is not None:
            raise CommandError("--cloud selects an entry of a clouds.yaml; an openrc or a key file has no entries")
        if is_key_file(text):
            return make_entry_of(read_key_file(text) | _from_environment(*_PLACE_VARIABLES))
        return make_entry_of(read_openrc(text))
    document = read_yaml(text, _INPUT)
    if "auth" in document and "clouds" not in document:
        return document
    clouds = clouds_in(document, _INPUT)
    if cloud is None and len(clouds) > 1:
        raise CommandError(f"{_INPUT} has several entries; select one with --cloud: {name_entries(clouds)}")
    return pick_entry(clouds, cloud or str(next(iter(clouds))), _INPUT)


def _from_environment(*names: str) -> dict[str, str]:
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise CommandError(f"the environment lacks {', '.join(missing)}; set every one")
    return {name: os.environ[name] for name in names}


def _read_input() -> str:
    if sys.stdin.isatty():
        raise CommandError(
            "give a clouds.yaml, an openrc or a credentials.csv on standard input: vbs-reaper secret < openrc.sh >"
            " target.json"
        )
    data = sys.stdin.buffer.read(INPUT_LIMIT_BYTES + 1)
    if not data.strip():
        raise CommandError(f"{_INPUT} is empty; give a clouds.yaml, an openrc or a credentials.csv")
    if len(data) > INPUT_LIMIT_BYTES:
        raise CommandError(f"{_INPUT} has more than {INPUT_LIMIT_BYTES:,} bytes; a clouds.yaml or an openrc is smaller")
    return decode(data, _INPUT)


def _with_password(entry: dict[str, Any]) -> dict[str, Any]:
    """Add the password if it is missing: the openrc and the clouds.yaml that Horizon offers do not contain it."""
    auth = entry.get("auth")
    has_another = isinstance(auth, dict) and (auth.get("password") or auth.get("access_key"))
    if not isinstance(auth, dict) or has_another or not auth.get("username"):
        return entry
    return {**entry, "auth": {**auth, "password": os.environ.get(PASSWORD) or _ask_password()}}


def _ask_password() -> str:
    try:
        with TERMINAL.open("r+b", buffering=0):
            pass
    except OSError:
        raise CommandError(
            f"the input has no password, and there is no terminal to ask for it; set {PASSWORD}"
        ) from None
    try:
        typed = getpass.getpass("The cloud's password for this user: ")
    except EOFError:
        typed = ""
    if not typed:
        raise CommandError("no password was given")
    return typed


def _with_certificate(entry: dict[str, Any]) -> dict[str, Any]:
    """Replace a `cacert` that is a path, as in other tools, by the text of the file, which a secret must contain."""
    given = entry.get("cacert")
    if not isinstance(given, str) or "\n" in given.strip() or "BEGIN CERTIFICATE" in given:
        return entry
    try:
        return {**entry, "cacert": Path(given).expanduser().read_text(encoding="ascii")}
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not PEM text"
        raise CommandError(
            f'the "cacert" {given} cannot be read ({why}); give its PEM text, or the path of a readable file'
        ) from None


def _check(secret: Entry) -> None:
    try:
        read_target("new", secret)
    except InvalidSecret as error:
        raise CommandError(str(error).removeprefix('target "new": ')) from None
    size = len(secret.text.reveal().encode())
    if size > SECRET_BYTES:
        raise CommandError(f"the secret has {size:,} bytes; Secrets Manager stores at most {SECRET_BYTES:,}")
