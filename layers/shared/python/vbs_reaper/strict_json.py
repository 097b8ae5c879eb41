"""JSON from strangers: one reader that refuses what others let pass."""

import json
from difflib import get_close_matches
from typing import Any
from typing import Final
from typing import Never

import msgspec

_UNKNOWN: Final = "Object contains unknown field `"
_MISSING: Final = "Object missing required field `"


class JsonRefused(ValueError):
    """The text cannot be accepted; the message is one sentence that says why, and holds none of the text's values."""


def read_json(text: str, *, limit: int) -> Any:  # noqa: ANN401  # JSON is any value
    """Decode JSON, refusing more than `limit` bytes, duplicate keys, NaN, infinities, lone surrogates, deep nesting.

    Raises:
        JsonRefused: with the sentence for people.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise JsonRefused("holds a lone surrogate, which is no text") from None
    if size > limit:
        raise JsonRefused(f"has {size} bytes; {limit} are allowed")
    try:
        document = json.loads(
            text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant, parse_float=_finite
        )
        json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise JsonRefused("is nested too deeply") from None
    except UnicodeEncodeError:
        raise JsonRefused("holds a lone surrogate, which is no text") from None
    except json.JSONDecodeError as error:
        raise JsonRefused(f"is no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except JsonRefused:
        raise
    except ValueError:
        raise JsonRefused("holds a number that is too long") from None
    return document


def explain(error: msgspec.ValidationError, known: tuple[str, ...]) -> str:
    """Turn msgspec's complaint into a sentence that names the field, and the nearest known key for an unknown one."""
    text, _, path = str(error).rpartition(" - at `$") if " - at `$" in str(error) else (str(error), "", "")
    where = path.removesuffix("`").lstrip(".")
    if text.startswith(_UNKNOWN):
        unknown = text.removeprefix(_UNKNOWN).removesuffix("`")
        near = get_close_matches(unknown, known, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else f"; known are {', '.join(known)}"
        return f'unknown key "{where + "." if where else ""}{unknown[:64]}"{hint}'
    if text.startswith(_MISSING):
        missing = text.removeprefix(_MISSING).removesuffix("`")
        return f'"{where + "." if where else ""}{missing}" is missing'
    return f'"{where or "the whole"}": {text.replace("`", "")}'


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonRefused("names a key twice")
    return members


def _refuse_constant(name: str) -> Never:
    raise JsonRefused(f"holds {name}, which is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise JsonRefused("holds a number beyond all bounds")
    return number
