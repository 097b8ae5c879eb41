"""The picture of the CLI in the operator guide is up to date."""

from xml.etree import ElementTree

from tests.support.local.console_picture import PICTURE, picture


def test_the_picture_of_the_dead_letters_equals_the_output_of_the_command() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run `python -m tests.support.local.console_picture`"
    assert ElementTree.fromstring(picture()).tag.endswith("svg")  # noqa: S314  # our own output
