"""Dead letters in a terminal of any width: text to copy is never truncated or wrapped."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from vbs_reaper.cli.dead_letters.dead_letter import Letter, read_letter
from vbs_reaper.cli.dead_letters.render import WIDTH, print_letters
from vbs_reaper.reasons import Reason

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
REASONS = (Reason.HELD, Reason.ADMINISTRATOR_REFUSED, Reason.DELETION_FAILED, Reason.EXPECTATION_FAILED)
WIDTHS = [10, 40, 60, 80, 100, 110, 120, 130, 160, WIDTH]


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def letter(number: int, reason: Reason, target: str) -> Letter:
    attributes = {
        "request_id": f"5b1f0c7e-3c55-4d0e-9a61-{number:012}",
        "sent_at": (NOW - timedelta(days=2)).isoformat(),
        "reason": reason.value,
        "message": f"{reason.sentence} And some more words about it.",
    }
    return read_letter(
        {
            "MessageId": f"m-{number}",
            "ReceiptHandle": f"r-{number}",
            "Body": f'{{"backup_id": "0b5e4f6a-7c1d-4e2f-9a3b-{number:012}", "target": "{target}"}}',
            "Attributes": {"SentTimestamp": str(int((NOW.timestamp() - 7200) * 1000)), "ApproximateReceiveCount": "1"},
            "MessageAttributes": {name: text(value) for name, value in attributes.items()},
        },
        NOW,
    )


def shown(letters: list[Letter], width: int) -> list[str]:
    console = Console(width=width, file=StringIO(), force_terminal=False)
    print_letters(letters, console, NOW, "vbs-reaper", show_all=False)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("target", ["default", "t" * 63])
def test_no_id_reason_or_command_is_cut_or_broken(width: int, target: str) -> None:
    letters = [letter(number, reason, target) for number, reason in enumerate(REASONS)]
    lines = shown(letters, width)
    for each in letters:
        for word in (each.message.request_id, each.backup_id, each.kind.code, f"({target})"):
            assert any(word in line for line in lines), word
    assert not [line for line in lines if "…" in line]
    assert f"openstack volume backup set --state error {letters[2].backup_id}" in lines


@pytest.mark.parametrize("width", WIDTHS)
def test_every_message_is_whole(width: int) -> None:
    letters = [letter(number, reason, "default") for number, reason in enumerate(REASONS)]
    words = " ".join(shown(letters, width)).replace(" ", "")
    if width <= 120:  # a block of lines; in a table the words of a message are next to other columns
        for each in letters:
            assert each.detail.replace(" ", "") in words


def test_a_reason_with_many_letters_says_how_many_more_there_are() -> None:
    letters = [letter(number, Reason.HELD, "default") for number in range(25)]
    for width in (60, 160):
        assert "and 15 more; use --reason held or --json to list them" in " ".join(shown(letters, width))
