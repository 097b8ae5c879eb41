"""The canonical form of a stored plan, written anew from its description."""

import hashlib
import json
from typing import Any

HEADER = ("format", "made_at", "policy", "run")


def canonical(document: object) -> bytes:
    """Sorted keys; in format 2 the header is in front."""
    if isinstance(document, dict) and document.get("format") == 2:
        header = {key: document[key] for key in HEADER if key in document}
        rest = {key: value for key, value in document.items() if key not in header}
        parts = [_text({key: value})[1:-1] for key, value in header.items()]
        return b"{" + b",".join([*parts, _text(rest)[1:-1]]) + b"}"
    return _text(document)


def rehashed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the sha256 that belongs to it, as a forger would write it."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    return rest | {"sha256": hashlib.sha256(canonical(rest)).hexdigest()}


def _text(part: object) -> bytes:
    text = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")
