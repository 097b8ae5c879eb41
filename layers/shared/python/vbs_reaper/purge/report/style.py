"""The style sheet and the script of the page. Both are embedded in the page, which loads nothing."""

from importlib.resources import files
from typing import Final

CSS: Final = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
"""Supports light and dark mode, narrow and wide screens, and printing."""

SCRIPT: Final = files(__package__).joinpath("page.js").read_text(encoding="utf-8")
"""Operates the slider. Without it the page shows the same data as a table."""
