"""JSON from strangers: one reader that refuses what others let pass."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any
from typing import Final
from typing import Never

import msgspec

from vbs_reaper.openstack.fault import printable

KEY_LENGTH: Final = 64
"""Characters of a stranger's key that a sentence quotes."""
_UNKNOWN: Final = "Object contains unknown field `"
_MISSING: Final = "Object missing required field `"


class JsonRefused(ValueError):
    """The text cannot be accepted; the message is one sentence that says why; of the text it quotes a key at most."""


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


def explain(
    error: msgspec.ValidationError, known: Sequence[str], fixes: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Turn msgspec's complaint into a sentence that names the field, and the nearest known key for an unknown one.

    Known keys may be paths, such as `expect.name`. `fixes` says by path what to write instead of what has a wrong kind.
    """
    text, _, path = str(error).rpartition(" - at `$") if " - at `$" in str(error) else (str(error), "", "")
    where = path.removesuffix("`").lstrip(".")
    if text.startswith(_UNKNOWN):
        unknown = text.removeprefix(_UNKNOWN).removesuffix("`")
        return (
            f'unknown key "{where + "." if where else ""}{unknown[:KEY_LENGTH]}"; {_known_keys(where, unknown, known)}'
        )
    if text.startswith(_MISSING):
        missing = text.removeprefix(_MISSING).removesuffix("`")
        return f'"{where + "." if where else ""}{missing}" is missing'
    found = f'"{where or "the whole"}": {text.replace("`", "").replace("Expected", "expected")}'
    fix = fixes.get(where.partition("[")[0])
    return f"{found}; {fix}" if fix else found


def _known_keys(where: str, unknown: str, known: Sequence[str]) -> str:
    """The one that was meant, wherever its place is; else all that have their place here."""
    paths = {path.rpartition(".")[2]: path for path in known}
    near = get_close_matches(unknown, paths, n=1)
    if near:
        return f'did you mean "{paths[near[0]]}"?'
    here = [path for path in known if path.rpartition(".")[0] == where]
    return f"known are {', '.join(here or known)}"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise JsonRefused(f'names a key twice: "{printable(key[:KEY_LENGTH])}"')
        members[key] = value
    return members


def _refuse_constant(name: str) -> Never:
    raise JsonRefused(f"holds {name}, which is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise JsonRefused("holds a number beyond all bounds")
    return number
