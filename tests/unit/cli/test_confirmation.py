"""A confirmation only accepts the expected text."""

import io

import pytest

from vbs_reaper.cli.prompts import require_number, require_typed
from vbs_reaper.errors import CommandError


@pytest.mark.parametrize("typed", ["1234\n", " 1,234 \n"])
def test_a_number_can_be_typed_with_its_commas(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    require_number("How many? ", 1234, "no")
    assert capsys.readouterr() == ("", "How many? ")


def test_a_name_must_be_typed_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("otc-prod\n"))
    require_typed("? ", "otc-prod", "not that")


@pytest.mark.parametrize("typed", ["\n", "yes\n", "123\n", "12345\n", "otc\n", "OTC-prod\n", "otc-,prod\n"])
def test_another_text_or_none_is_refused(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed * 2))
    with pytest.raises(CommandError, match="^not that$"):
        require_number("? ", 1234, "not that")
    with pytest.raises(CommandError, match="^not that$"):
        require_typed("? ", "otc-prod", "not that")


def test_a_closed_standard_input_leads_to_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    said = "standard input is closed, so nothing can be typed; add --yes; nothing was done"
    with pytest.raises(CommandError, match=said):
        require_number("? ", 1, "not that")
