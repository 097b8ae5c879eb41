"""Draws `dead-letters list` for the operator guide: `python -m tests.support.local.console_picture`.

The dead letters and the time are fixed, so that a test can compare the picture with the current output.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from rich.console import Console

from tests.support.local.artefacts import ROOT
from vbs_reaper.cli.dead_letters.dead_letter import Letter, read_letter
from vbs_reaper.cli.dead_letters.render import print_letters
from vbs_reaper.reasons import Reason

PICTURE = ROOT / "tests" / "support" / "local" / "pictures" / "console-dead-letters.svg"
NOW = datetime(2026, 11, 25, 3, 12, tzinfo=UTC)
WIDTH = 150
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-{:012}"
REQUEST = "7a003700-42e8-4007-9d2c-{:012}"


def picture() -> str:
    """Return the list as SVG."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    print_letters(_letters(), console, NOW, "vbs-reaper", show_all=False)
    return console.export_svg(title="vbs-reaper dead-letters --stack vbs-reaper list", unique_id="vbs-reaper-letters")


def _letters() -> list[Letter]:
    letters = [
        (Reason.DELETION_FAILED, 2, "the backup is error_deleting", timedelta(hours=2)),
        (Reason.HELD, 1, "the backup is put on hold by its name, description or metadata", timedelta(hours=9)),
        (Reason.MALFORMED, 1, 'the body is not JSON; send one JSON object with "backup_id"', timedelta(days=4)),
        (Reason.SERVICE_DOWN, 3, "cinder-backup could not be found", timedelta(minutes=40)),
        (None, 1, "", timedelta(days=13, hours=22)),
    ]
    rows = [(reason, detail, age) for reason, count, detail, age in letters for _ in range(count)]
    return [read_letter(_received(number, *row), NOW) for number, row in enumerate(rows, 1)]


def _received(number: int, reason: Reason | None, detail: str, age: timedelta) -> Mapping[str, Any]:
    """Return a message as ReceiveMessage does; without a reason, it looks as if SQS had moved it."""
    sent_at = NOW - age
    attributes = {} if reason is None else {"reason": reason.value, "message": f"{reason.sentence[:-1]}: {detail}"}
    first = {"request_id": REQUEST.format(number), "sent_at": (sent_at - timedelta(hours=1)).isoformat()}
    is_request = reason is not Reason.MALFORMED
    return {
        "MessageId": REQUEST.format(number),
        "ReceiptHandle": "",
        "Body": json.dumps({"backup_id": BACKUP.format(number)}) if is_request else "delete everything",
        "Attributes": {"SentTimestamp": str(int(sent_at.timestamp() * 1000))},
        "MessageAttributes": {name: {"StringValue": text} for name, text in (first | attributes).items()},
    }


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}\n")
