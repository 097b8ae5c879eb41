"""Text from outside, made safe for logs, message attributes and sentences."""

from typing import Final

MESSAGE_LENGTH: Final = 256
"""Maximum number of characters of foreign text that is kept."""


def printable(text: str) -> str:
    """Escape everything that is not printable ASCII and truncate the result to `MESSAGE_LENGTH` characters."""
    head = text[:MESSAGE_LENGTH]
    escaped = "".join(char if " " <= char <= "~" else char.encode("unicode_escape").decode() for char in head)
    return escaped[:MESSAGE_LENGTH]
