"""A stored plan with every optional part, and a second implementation of its canonical form."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.purge.strategies import DAY, NOW, make_plan, record
from vbs_reaper.purge.plan import Plan

HEADER = ("format", "made_at", "policy", "run")


def full_plan() -> Plan:
    """A plan with a difference, advice, details, and kept and selected backups.

    It has a backup every ten days instead of every night, which makes its forecast ten times faster.
    """
    rows = [record(number, age=timedelta(days=10 * number, hours=1), is_incremental=True) for number in range(4)]
    rows[-1] |= {"is_incremental": False, "name": 'daily-ünïcode "quoted" \\ \u2028'}
    rows += [record(20, age=3 * DAY, status="odd"), record(21, age=3 * DAY, name="by hand")]
    rows += [record(30 + n, age=n * DAY, name="by-hand", volume_id="other", is_incremental=False) for n in range(2)]
    chosen: dict[str, Any] = {
        "grace": "1d",
        "target": "otc-prod",
        "keep": {"last": 1},
        "group_by": {"name": "^(\\w+)-"},
    }
    chosen |= {"match": {"name": ["daily-*", "by*"]}}
    last = make_plan(rows[1:], NOW - DAY, service="cinder", run="2026-11-24T03-00-00Z", **chosen)
    made = make_plan(rows, last=last, service="cinder", run="2026-11-25T03-00-00Z", **chosen)
    return replace(made, endpoint="https://cinder.example")


def canonical(document: object) -> bytes:
    """Encode with sorted keys; in format 2, the header comes first."""
    if isinstance(document, dict) and document.get("format") == 2:
        header = {key: document[key] for key in HEADER if key in document}
        rest = {key: value for key, value in document.items() if key not in header}
        parts = [_text({key: value})[1:-1] for key, value in header.items()]
        return b"{" + b",".join([*parts, _text(rest)[1:-1]]) + b"}"
    return _text(document)


def rehashed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a correct sha256, as an attacker would write it."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    return rest | {"sha256": hashlib.sha256(canonical(rest)).hexdigest()}


def _text(part: object) -> bytes:
    text = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")
