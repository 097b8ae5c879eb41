"""Parts of sentences: text from outside, made safe for logs and message attributes, and numbers with their nouns."""

from typing import Final

MESSAGE_LENGTH: Final = 256
"""Maximum number of characters of foreign text that is kept."""


_PLURALS: Final = {"copy": "copies"}


def count(number: int, thing: str) -> str:
    """Return a number with its noun: `1 backup`, `1,200 backups`."""
    return f"{number:,} {thing if number == 1 else _PLURALS.get(thing, thing + 's')}"


def were(number: int) -> str:
    """Return the verb for a number of things: `1 backup was`, `2 backups were`."""
    return "was" if number == 1 else "were"


def printable(text: str) -> str:
    """Escape everything that is not printable ASCII and truncate the result to `MESSAGE_LENGTH` characters."""
    head = text[:MESSAGE_LENGTH]
    if head.isascii() and head.isprintable():
        return head
    escaped = "".join(char if " " <= char <= "~" else char.encode("unicode_escape").decode() for char in head)
    return escaped[:MESSAGE_LENGTH]
