"""The microversions of Cinder: the supported range, and the one that a call requests."""

import re

from tests.support.simulator.backups.refusal import Refusal

Microversion = tuple[int, int]
OLDEST: Microversion = (3, 0)
NEWEST: Microversion = (3, 71)


def asked_version(header: str | None, version_in_url: str) -> str:
    """Return what the header requests, 3.0 without it. Under /v2 it is ignored."""
    for part in (header or "").split(","):
        service, _, version = part.strip().partition(" ")
        if service in ("volume", "block-storage") and version_in_url == "v3":
            return ".".join(map(str, NEWEST)) if version == "latest" else version
    return ".".join(map(str, OLDEST))


def read_microversion(text: str) -> Microversion:
    """Parse a microversion.

    Raises:
        Refusal: 400 if it is not a version, 406 if it is not supported.
    """
    if not re.fullmatch(r"[0-9]+\.[0-9]+", text):
        message = f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
        raise Refusal(400, message)
    major, minor = (int(part) for part in text.split("."))
    if not OLDEST <= (major, minor) <= NEWEST:
        raise Refusal(
            406, f"Version {text} is not supported by the API. Minimum is 3.0 and maximum is {NEWEST[0]}.{NEWEST[1]}."
        )
    return (major, minor)
