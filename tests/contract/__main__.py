"""`make test-cloud`: tests that a real target behaves as the product requires. Only GET, without `--create-on`."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.cloud_peer import CannotLogIn, CloudPeer
from tests.contract.real_target import RealTarget
from vbs_reaper.errors import InvalidSecret
from vbs_reaper.text import printable

HERE = Path(__file__).parent
ERROR_LIMIT = 300
"""The number of characters of an error to print."""


def main(arguments: list[str] | None = None) -> int:
    """Log in once, run the tests and print what was sent; return the exit code."""
    options = _parse(arguments)
    try:
        peer = CloudPeer(options.target.read_text(encoding="utf-8"))
        login = peer.login()
    except (OSError, UnicodeDecodeError, InvalidSecret, CannotLogIn) as error:
        print(f"Nothing was tested: {error}", file=sys.stderr)
        return 1
    print(f"Target: {login.info.service} {login.info.api_version} at {login.root}, project {login.project_id}")
    if options.create_on and not _is_confirmed(peer, options.create_on):
        print("That is not the project of the target; nothing was tested.", file=sys.stderr)
        return 1
    tests = "get_only or creates_one" if options.create_on else "get_only"
    plugin = RealTarget(peer, options.create_on)
    code = pytest.main(["-v", "-m", tests, "-p", "no:cacheprovider", str(HERE), *options.more], plugins=[plugin])
    _print_exchanges(peer)
    return int(code)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description=__doc__)
    parser.add_argument("--target", type=Path, required=True, metavar="FILE", help="the target secret, as JSON")
    parser.add_argument(
        "--create-on", metavar="VOLUME_ID", help="also create one backup of this volume and delete that backup"
    )
    parser.add_argument("more", nargs="*", help="arguments for pytest")
    return parser.parse_args(arguments)


def _is_confirmed(peer: CloudPeer, volume_id: str) -> bool:
    kind = "name" if peer.target.auth.project_name else "ID"
    print(f"One backup of the volume {printable(volume_id)} will be created, and only this backup will be deleted.")
    print(f"Type the {kind} of the project to continue: ", end="", flush=True)
    return sys.stdin.readline().strip() == peer.project


def _print_exchanges(peer: CloudPeer) -> None:
    """Print the number of requests by method, and every error with its body, because it may be undocumented."""
    sent = Counter(each.method for each in peer.exchanges)
    print("Sent to the backup service:", ", ".join(f"{count} {method}" for method, count in sorted(sent.items())))
    for each in peer.exchanges:
        if each.reply.status >= 400:
            body = printable(each.reply.body.decode(errors="replace")[:ERROR_LIMIT])
            print(f"  {each.reply.status} {each.method} {urlsplit(each.url).path}: {body}")


if __name__ == "__main__":
    sys.exit(main())
