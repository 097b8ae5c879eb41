"""A strict JSON reader for input from outside: rejects what other readers accept silently."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, Never

import msgspec

from vbs_reaper.errors import InvalidJson
from vbs_reaper.text import printable

KEY_LENGTH: Final = 64
"""Maximum characters of a foreign key that a message quotes."""
_UNKNOWN: Final = "Object contains unknown field `"
_MISSING: Final = "Object missing required field `"


def read_json(text: str, *, limit: int) -> Any:  # noqa: ANN401  # JSON is any value
    """Decode JSON. Rejects more than `limit` bytes, duplicate keys, NaN, infinities, lone surrogates and deep nesting.

    Raises:
        InvalidJson: says what is wrong.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidJson("contains a lone surrogate, which is not valid text") from None
    if size > limit:
        raise InvalidJson(f"has {size} bytes; at most {limit} are allowed")
    try:
        document = json.loads(
            text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant, parse_float=_finite
        )
        json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise InvalidJson("is nested too deeply") from None
    except UnicodeEncodeError:
        raise InvalidJson("contains a lone surrogate, which is not valid text") from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except InvalidJson:
        raise
    except ValueError:
        raise InvalidJson("contains a number with too many digits") from None
    return document


def has_doubled_key(text: bytes) -> bool:
    """Return whether an object anywhere in a JSON text has a key twice, which most readers accept silently.

    True as well if the text cannot be read.
    """
    try:
        json.loads(text, object_pairs_hook=_without_duplicates)
    except (InvalidJson, ValueError, RecursionError):
        return True
    return False


def find_doubled_keys(text: bytes, member: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys that the object `member` of a JSON object has twice, and those that the outer object has twice.

    Lenient about everything else: only for texts that another reader has accepted.

    Raises:
        ValueError, RecursionError: the text cannot be read.
    """
    # Objects are read as tuples of pairs; arrays stay lists. Numbers stay text: their number of digits may be hostile.
    outer = json.loads(text.decode(errors="replace"), object_pairs_hook=tuple, parse_int=str, parse_float=str)
    pairs = outer if isinstance(outer, tuple) else ()
    inner = next((value for key, value in pairs if key == member and isinstance(value, tuple)), ())
    return _doubled(inner), _doubled(pairs)


def _doubled(pairs: Sequence[tuple[str, Any]]) -> frozenset[str]:
    keys = [key for key, _ in pairs]
    return frozenset(key for key in keys if keys.count(key) > 1) if len(set(keys)) < len(keys) else frozenset()


def explain(
    error: msgspec.ValidationError, known: Sequence[str], fixes: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Turn a validation error of msgspec into a sentence that names the field; for an unknown key also the nearest one.

    Known keys may be paths, such as `expect.name`. `fixes` says by path what to write instead of a wrong value.
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
    """Name the key that was probably meant, wherever it belongs; else all keys that are known at this place."""
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
            raise InvalidJson(f'names a key twice: "{printable(key[:KEY_LENGTH])}"')
        members[key] = value
    return members


def _refuse_constant(name: str) -> Never:
    raise InvalidJson(f"contains {name}, which is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise InvalidJson("contains a number that is too large")
    return number
