"""Name patterns select exactly what the shell's `case` selects; forms that would be misread are rejected."""

import os
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.support.cases import words_of
from tests.unit.purge.strategies import make_plan, nightly, policy
from vbs_reaper.errors import InvalidPattern, InvalidPolicy
from vbs_reaper.purge.name_pattern import compile_patterns

CASES = 'while [ $# -gt 0 ]; do case "$1" in $2) printf 1;; *) printf 0;; esac; shift 2; done'
BASH = shutil.which("bash")
"""Reads `[^a]` as a complement and, in C.UTF-8, names as characters."""
DASH = shutil.which("dash")
"""Reads `[^a]` as a set that holds `^`, which POSIX allows, and names as bytes."""

BATCH = 1000
"""Pairs that one process of a shell compares."""
Pair = tuple[str, str]
"""A name and a pattern."""

SUPPORTED = [" "] + words_of(r"""
a b*   *   daily-*   *-daily   a*b*c   a**c   *a*b   ?   ???   daily-?   [abc]   [a-c]   [!a-c]   [^a-c]
daily-[^0-9]   [^a-z]*   []a]   []]   [!]x]   [^]x]   [!]]   []-a]   [!]-a]   [a-]   [-a]   [!-a]   [a!]   [a^]
[!^a]   [^!a]   [^^]   [!!]   [a-c-e]   [--0]   [+--]   [---]   [Z-a]   [a-cx-z]   [[]   [a[]   [[]auto[]]*   [*]
a[?]b   a]b   a-b   {a,b}   +(a)   !(a)   a|b   a.b   .*   a?b   (a)   $a   ^a$   ~   ~root   #a   'a'   "a"   `a`
[ä-ü]   [!ä-ü]   ü?   [a-ü]   [a&&b]   [a||b]   [a~~b]   [.]   [a.]   [a:]   [a=]
""")
NAMES = [*"abcmzABZ019-]![^*?.,+/:=&|~$#'\"` @{}()äéüÜß€\n", "", "a\nb", "b\n"] + words_of("""
[auto] a   a b   a b c   ab   abc   aXbYc   acb   daily-   daily-1   daily-x   DAILY-1   Daily-2   x-daily   [a]
a*b   a?b   a]b   a/b   a.b   axb   a-b   a|b   {a,b}   +(a)   !(a)   (a)   .a   ..   ^a$   $a   ~root   #a   'a'
"a"   `a`   ü1   üü   日本語   🙂
""")


def in_shell(shell: list[str], pairs: list[Pair]) -> list[bool]:
    """Which of the names the patterns match in the `case` of a shell."""
    matches: list[bool] = []
    for start in range(0, len(pairs), BATCH):
        words = [word for pair in pairs[start : start + BATCH] for word in pair]
        done = subprocess.run(
            [*shell, "-c", CASES, "sh", *words],
            check=True,
            capture_output=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )
        assert done.stderr == b""
        matches += [each == ord("1") for each in done.stdout]
    assert len(matches) == len(pairs)
    return matches


def assert_as_in_shells(pairs: list[Pair]) -> None:
    ours = {(name, pattern): bool(compile_patterns([pattern])(name)) for name, pattern in pairs}
    shells = [([BASH, "--posix"], pairs)] if BASH else []
    if DASH:
        shells.append(([DASH], [(n, p) for n, p in pairs if "[^" not in p and (n + p).isascii()]))
    for shell, asked in shells:
        for pair, matches in zip(asked, in_shell(shell, asked), strict=True):
            assert ours[pair] == matches, (shell[0], pair)


@pytest.fixture(autouse=True, scope="module")
def shells() -> None:
    if BASH is None:
        pytest.skip("no bash to compare with")


def test_every_supported_form_selects_what_the_shell_selects() -> None:
    assert_as_in_shells([(name, pattern) for pattern in SUPPORTED for name in NAMES])


_characters = st.sampled_from([*"ab-]![^*?.cZ09", *"abc019-_", *"äü€ \n{}()|@+&~$'\",:=/"])
_sets = st.builds(
    lambda start, members: f"[{start}{members}]", st.sampled_from(["", "!", "^", "]", "!]", "^]"]), st.text(_characters)
)
_patterns = st.lists(_characters | _sets | st.just("*"), min_size=1, max_size=6).map("".join)
_names = st.text(_characters, max_size=6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])  # each is many patterns, and two processes
@given(st.lists(st.tuples(_patterns, st.lists(_names, max_size=5)), min_size=10, max_size=30))
def test_every_accepted_pattern_selects_what_the_shell_selects(drawn: list[tuple[str, list[str]]]) -> None:
    pairs: list[Pair] = []
    for pattern, names in drawn:
        try:
            compile_patterns([pattern])
        except InvalidPattern:
            continue
        likely = ["".join("b" if char in "*?" else char for char in pattern), pattern, pattern.strip("[]!^*?")]
        pairs += [(name, pattern) for name in [*names, *likely]]
    assert_as_in_shells(pairs)


REJECTED = {
    'has the character class "[:digit:]", which is not supported; write characters or': ["daily-[[:digit:]]"],
    "has the character class": ["[![:space:]]", "[a[:digit:]]", "[[:]"],
    "has the equivalence class": ["[[=a=]]"],
    "has the collating symbol": ["[[.-.]]", "[a-[.z.]]"],
    r"has a backslash, which is not supported; write \* as [*]": [r"daily\*"],
    "has a backslash": [r"[\]]", r"[a-\z]", "daily\\"],
    'has "[0-9" without a closing "]"; close it, or write [[] for the character "["': ["daily-[0-9"],
    "without a closing": ["[", "[]", "[!]", "[^]", "[a-"],
    'has the range "z-a", which matches nothing; swap its ends': ["[z-a]"],
    'has the range "\\xfc-a"': ["[ü-a]"],
    'has the range "a--"': ["[a--]"],
    'has the range "9-0"': ["x[!9-0]"],
}


@pytest.mark.parametrize(
    ("says", "pattern"), [(says, each) for says, patterns in REJECTED.items() for each in patterns]
)
def test_a_form_that_would_be_misread_is_rejected_with_the_fix_and_its_position(says: str, pattern: str) -> None:
    for name, key in ((pattern, '"match.name" '), (["daily-*", pattern], '"match.name[1]" ')):
        with pytest.raises(InvalidPolicy) as refused:
            policy(match={"name": name})
        sentence = str(refused.value)
        assert sentence.startswith(key)
        assert says in sentence
        assert "\n" not in sentence


def test_a_name_must_match_one_pattern_of_a_list_as_a_whole() -> None:
    matches = compile_patterns(["daily-*", "w?", "[^a-z]x"])
    assert [*filter(matches, ("daily-", "daily", "wx", "wxx", "1x", "ax", "x1x"))] == ["daily-", "wx", "1x"]


def test_many_stars_take_no_exponential_time() -> None:
    matches = compile_patterns(["*a" * 120 + "b"])
    assert not matches("a" * 255)
    assert matches("a" * 254 + "b")


@pytest.mark.parametrize(
    ("name", "selected"),
    [
        ("daily-[^0-9]", {"daily-x"}),
        ("daily-[!0-9]", {"daily-x"}),
        ("[^a-z]*", {"DAILY-1"}),
        (["daily-[0-9]", "DAILY*"], {"daily-1", "daily-2", "DAILY-1"}),
    ],
)
def test_a_policy_selects_by_name_as_the_shell_does(name: object, selected: set[str]) -> None:
    names = "daily-1", "daily-2", "daily-x", "DAILY-1", "weekly"
    made = make_plan(nightly(5, {number: {"name": each} for number, each in enumerate(names)}), match={"name": name})
    assert {row.name for row in made.backups if row.in_set} == selected
