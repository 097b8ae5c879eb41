"""A strict JSON reader for input from outside: rejects what other readers accept silently."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Never

import msgspec

from vbs_reaper.errors import InvalidJson
from vbs_reaper.text import printable

KEY_LENGTH: Final = 64
"""Maximum characters of a foreign key that a message quotes."""
_NEAR: Final = 0.75
"""How similar an unknown key must be to a known one to be quoted: it is a misspelling then, and not a pasted secret."""
_AS_PAIRS: Final = json.JSONDecoder(object_pairs_hook=tuple, parse_int=str, parse_float=str)
"""Reads objects as tuples of pairs; arrays stay lists. Numbers stay text: their number of digits may be hostile."""
_UNKNOWN: Final = "Object contains unknown field `"
_MISSING: Final = "Object missing required field `"


def read_json(text: str, *, limit: int, quotable: Collection[str] | None = None) -> Any:  # noqa: ANN401  # any value
    """Decode JSON. Rejects more than `limit` bytes, duplicate keys, NaN, infinities, lone surrogates and deep nesting.

    `quotable` are the keys that a message may quote, by default all: a secret may have been pasted as a key.

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
            text,
            object_pairs_hook=partial(_without_duplicates, quotable=quotable),
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        if "\\" in text:  # only an escape can be a lone surrogate, because the text itself could be encoded
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

    True as well if the text cannot be read. Keeps no object in memory: a text may have a million of them.
    """
    try:
        json.loads(text, object_pairs_hook=_refuse_doubled)
    except (InvalidJson, ValueError, RecursionError):
        return True
    return False


def find_doubled_keys(text: bytes, member: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys that the object `member` of a JSON object has twice, and those that the outer object has twice.

    Lenient about everything else: only for texts that another reader has accepted.

    Raises:
        ValueError, RecursionError: the text cannot be read.
    """
    outer = _AS_PAIRS.decode(text.decode(errors="replace"))
    pairs = outer if isinstance(outer, tuple) else ()
    inner = next((value for key, value in pairs if key == member and isinstance(value, tuple)), ())
    return _doubled(inner), _doubled(pairs)


def _doubled(pairs: Sequence[tuple[str, Any]]) -> frozenset[str]:
    keys = [key for key, _ in pairs]
    return frozenset(key for key in keys if keys.count(key) > 1) if len(set(keys)) < len(keys) else frozenset()


def show_key(key: str, quotable: Collection[str] | None) -> str:
    """Return a key for a message: quoted if it is one of `quotable`, else only its length. None: all are quotable."""
    if quotable is None or key in quotable:
        return f'"{printable(key[:KEY_LENGTH])}"'
    return f"a key of {len(key)} characters"


def explain(
    error: msgspec.ValidationError,
    known: Sequence[str],
    fixes: Mapping[str, str] = MappingProxyType({}),
    *,
    quotes_unknown: bool = True,
) -> str:
    """Turn a validation error of msgspec into a sentence that names the field; for an unknown key also the nearest one.

    Known keys may be paths, such as `expect.name`. `fixes` says by path what to write instead of a wrong value. An
    unknown key may be a secret that was pasted in the wrong place. So it is quoted only if it is nearly a known key,
    and never if `quotes_unknown` is false.
    """
    message = str(error)
    if message.startswith(_UNKNOWN):
        return _unknown_key(message.removeprefix(_UNKNOWN), known, quotes_unknown=quotes_unknown)
    text, _, path = message.rpartition(" - at `$") if " - at `$" in message else (message, "", "")
    where = path.removesuffix("`").lstrip(".")
    if text.startswith(_MISSING):
        missing = text.removeprefix(_MISSING).removesuffix("`")
        return f'"{where + "." if where else ""}{missing}" is missing'
    found = f'"{where or "the whole"}": {text.replace("`", "").replace("Expected", "expected")}'
    fix = fixes.get(where.partition("[")[0])
    return f"{found}; {fix}" if fix else found


def _unknown_key(rest: str, known: Sequence[str], *, quotes_unknown: bool) -> str:
    """Return the sentence. `rest` is the key and, if it is not on the top level, its place, as msgspec writes them."""
    key, where = rest.removesuffix("`"), ""
    for parent in {path.rpartition(".")[0] for path in known} - {""}:  # the key itself may contain what looks like one
        if rest.endswith(f"` - at `$.{parent}`"):
            key, where = rest.removesuffix(f"` - at `$.{parent}`"), parent
    is_near = _nearest(key, [path.rpartition(".")[2] for path in known], _NEAR) is not None
    if is_near and quotes_unknown:
        found = f'"{where}.{printable(key)}"' if where else f'"{printable(key)}"'
    else:
        found = f"of {len(key)} characters" + (f' in "{where}"' if where else "")
    return f"unknown key {found}; {_known_keys(where, key, known)}"


def _known_keys(where: str, unknown: str, known: Sequence[str]) -> str:
    """Name the key that was probably meant, wherever it belongs; else all keys that are known at this place."""
    paths = {path.rpartition(".")[2]: path for path in known}
    near = _nearest(unknown, paths)
    if near is not None:
        return f'did you mean "{paths[near]}"?'
    here = [path for path in known if path.rpartition(".")[0] == where]
    return f"known are {', '.join(here or known)}"


def _nearest(key: str, keys: Iterable[str], likeness: float = 0.6) -> str | None:
    from difflib import get_close_matches  # only wrong input needs it, and no cold start

    return next(iter(get_close_matches(key, list(keys), n=1, cutoff=likeness)), None)


def _without_duplicates(pairs: list[tuple[str, Any]], *, quotable: Collection[str] | None = None) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise InvalidJson(f"names a key twice: {show_key(key, quotable)}")
        members[key] = value
    return members


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> None:
    if _doubled(pairs):
        raise InvalidJson("names a key twice")


def _refuse_constant(name: str) -> Never:
    raise InvalidJson(f"contains {name}, which is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise InvalidJson("contains a number that is too large")
    return number
