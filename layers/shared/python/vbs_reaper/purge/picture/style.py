"""How the page looks, and the one small script that moves its slider; both stand in it, nothing is fetched."""

from importlib.resources import files
from typing import Final

CSS: Final = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
"""Light and dark by the reader's choice, phone to desk, paper."""

SCRIPT: Final = files(__package__).joinpath("page.js").read_text(encoding="utf-8")
"""Moves the slider; the page says everything without it too."""
