"""The picture of the CLI in the operator guide is up to date."""

from xml.etree import ElementTree

from tests.support.local.console_picture import PICTURE, picture


def test_the_picture_of_the_dead_letters_is_what_the_command_prints() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run `python -m tests.support.local.console_picture`"
    assert ElementTree.fromstring(picture()).tag.endswith("svg")  # noqa: S314  # made a line above
