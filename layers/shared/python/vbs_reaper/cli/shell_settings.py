r"""Reads the settings of a shell file without a shell, by a grammar that is so small that no shell reads it otherwise.

What it understands, and nothing else:

    export NAME=value …     NAME=value …     export NAME     unset NAME …     unset -v NAME …
    if [ -z "$NAME" ]; then unset NAME; fi
    read -sr NAME           read -s -p "Question: " NAME
    echo …                  # comment

A value is made of bare text, '…', "…" and \x. Statements end at a line end or at a semicolon. Everything else could
change a value in a way that only a shell knows, and is rejected.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vbs_reaper.errors import CommandError

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_IDENTIFIER: Final = re.compile(_NAME)
_ASSIGNMENT: Final = re.compile(rf"({_NAME})=")
_BLANKS: Final = re.compile(r"[ \t]*")
_COMMENT: Final = re.compile(r"#[^\n]*")
_REFERENCE: Final = rf"\$(?:{_NAME}|\{{{_NAME}\}})"
_PIECE: Final = re.compile(
    rf"""'([^']*)'|"((?:[^"\\$`]|\\[^\n]|{_REFERENCE})*+)"|\\([^\n])|({_REFERENCE})|([^\s'"\\$`;&|<>()*?\[{{~]++)"""
)
"""Single quotes, double quotes, a character after a backslash, a reference, bare text. In bare text, `*?[{~` may stand
for other text."""
_ONE_REFERENCE: Final = re.compile(rf'"?\$\{{?({_NAME})\}}?"?')
_ESCAPED: Final = re.compile(r'\\(["\\$`])')
_EMPTY_GUARD: Final = re.compile(
    rf'if[ \t]+\[[ \t]+-z[ \t]+"\$(?:({_NAME})|\{{({_NAME})\}})"[ \t]+\][ \t]*[;\n]\s*then\s+'
    rf"unset[ \t]+({_NAME})[ \t]*[;\n]\s*fi(?![^\s;])"
)
_COMMAND: Final = re.compile(r"[a-z.:\[]+")
_READ_OPTION: Final = re.compile(r"-[sr]*p?")
_CONTROL: Final = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]")
_READONLY: Final = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
"""Variables that no file can set: bash stops reading the file."""
_SHOWN: Final = re.compile(
    r"[.:]|\[\[?|alias|builtin|case|cat|cd|command|declare|env|eval|exec|exit|for|function|if|local|printf|readonly|"
    r"return|set|setenv|shift|source|stty|test|trap|typeset|until|while"
)
"""Commands that a message may show. Other words may be a part of a password."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a variable is set to by the end of the file; None if the file asks a person for it."""

    value: str | None
    line: int
    is_exported: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """One word. `name` is set if it is an assignment; `text` is then the value."""

    at: int
    line: int
    raw: str
    name: str
    text: str
    references: bool

    @property
    def reference(self) -> str | None:
        """The variable, if the value is only a reference to it."""
        found = _ONE_REFERENCE.fullmatch(self.raw.removeprefix(f"{self.name}=") if self.name else self.raw)
        return found[1] if found else None


def read_settings(text: str) -> dict[str, Setting]:
    """Return the variables that the file leaves set, with values as a shell would set them.

    A value that cannot be known is only accepted for a variable that is not named `OS_…`.

    Raises:
        CommandError: the file contains something else. Names the line, the variable and the fix, never a value.
    """
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        if control[0] == "\r":
            raise _fault(line, "ends as in Windows, and a shell adds that to the value; remove it with: tr -d '\\r'")
        raise _fault(line, "contains a control character; remove it")
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._statement = 0
        self._settings: dict[str, Setting] = {}
        self._last_set = (0, "", 0)
        """The line, name and position of the last `OS_…` variable: what follows in the line may belong to its value."""

    def read(self) -> dict[str, Setting]:
        while self._at < len(self._text):
            self._skip_blanks()
            self._statement = self._at
            guard = _EMPTY_GUARD.match(self._text, self._at)
            if guard and (guard[1] or guard[2]) == guard[3]:
                if (found := self._settings.get(guard[3])) and found.value == "":
                    del self._settings[guard[3]]
                self._at = guard.end()
                self._end_statement()
                continue
            words = list(self._words())
            if words:
                self._run(words)
            self._end_statement(is_empty=not words)
        return self._settings

    def _run(self, words: list[_Word]) -> None:
        command, *rest = words
        if all(word.name for word in words):
            for word in words:
                self._assign(word, is_exported=False)
        elif command.raw == "export" and rest:
            self._export(rest)
        elif command.raw == "unset" and rest:
            self._unset(rest[1:] if rest[0].raw == "-v" else rest)
        elif command.raw == "read":
            self._ask(command, rest)
        elif command.raw != "echo":
            raise self._unknown(next(word for word in words if not word.name))

    def _export(self, words: list[_Word]) -> None:
        for word in words:
            if word.name:
                self._assign(word, is_exported=True)
            elif word.raw in self._settings:
                known = self._settings[word.raw]
                self._settings[word.raw] = Setting(known.value, word.line, is_exported=True)
            elif self._last_set[0] == word.line:
                raise _fault_of_value(word.line, self._last_set[1], "is followed by a word that sets nothing")
            elif word.raw.startswith("OS_") and _IDENTIFIER.fullmatch(word.raw):
                raise _fault(
                    word.line, f"exports {word.raw}, which no line before sets; write export {word.raw}='value'"
                )
            else:
                raise _fault(word.line, "has an export of another form; write export NAME='value'")

    def _assign(self, word: _Word, *, is_exported: bool) -> None:
        if word.name in _READONLY:
            raise _fault(word.line, f"sets {word.name}, which a shell does not allow; remove the line")
        value: str | None = word.text
        if word.references:
            source = self._settings.get(word.reference or "")
            is_asked = source is not None and source.value is None
            if not is_asked and word.name.startswith("OS_"):
                raise _fault_of_value(word.line, word.name, "needs a shell")
            value = None if is_asked else ""
        known = self._settings.get(word.name)
        self._settings[word.name] = Setting(value, word.line, is_exported or (known is not None and known.is_exported))

    def _unset(self, words: list[_Word]) -> None:
        for word in words:
            if not _IDENTIFIER.fullmatch(word.raw):
                raise _fault(word.line, "has an unset of another form; write unset NAME")
            self._settings.pop(word.raw, None)

    def _ask(self, command: _Word, words: list[_Word]) -> None:
        rest = iter(words)
        names: list[_Word] = []
        for word in rest:
            if not names and _READ_OPTION.fullmatch(word.raw):
                if word.raw.endswith("p"):
                    next(rest, None)
            elif _IDENTIFIER.fullmatch(word.raw):
                names.append(word)
            else:
                raise self._unknown(command)
        if not names:
            raise self._unknown(command)
        for word in names:
            known = self._settings.get(word.raw)
            self._settings[word.raw] = Setting(None, word.line, known is not None and known.is_exported)

    def _words(self) -> Iterator[_Word]:
        while self._at < len(self._text) and self._text[self._at] not in ";\n":
            yield self._word()
            self._skip_blanks()

    def _word(self) -> _Word:
        start, line = self._at, self._line()
        assignment = _ASSIGNMENT.match(self._text, start)
        name = assignment[1] if assignment else ""
        if assignment:
            self._at = assignment.end()
            if name.startswith("OS_"):
                self._last_set = (line, name, start)
        text, references = "", False
        while piece := _PIECE.match(self._text, self._at):
            single, double, escaped, reference, bare = piece.groups()
            references |= reference is not None or (double is not None and "$" in _ESCAPED.sub("", double))
            text += _ESCAPED.sub(r"\1", double) if double is not None else single or escaped or bare or ""
            self._at = piece.end()
        if self._at == start or self._text[self._at : self._at + 1] not in ("", " ", "\t", "\n", ";"):
            raise self._unreadable(line, name)
        return _Word(start, line, self._text[start : self._at], name, text, references)

    def _unreadable(self, line: int, name: str) -> CommandError:
        """Return the error for text that does not belong to a word."""
        found = self._text[self._at : self._at + 1]
        before = self._last_set[1] if self._last_set[0] == line and (not name or name.startswith("OS_")) else ""
        if before:
            return _fault_of_value(line, before, "needs a shell" if found in "$`*?[{~" else "cannot be parsed")
        if found and found in "'\"":
            return _fault(line, "has a quote that is not closed; close it, or remove the line")
        return self._not_run(line)

    def _unknown(self, word: _Word) -> CommandError:
        """Return the error for a command that is not understood."""
        line, _, at = self._last_set
        if line == word.line and at < word.at:
            return _fault_of_value(word.line, self._last_set[1], "is followed by a command")
        return self._not_run(word.line)

    def _not_run(self, line: int) -> CommandError:
        command = _COMMAND.match(self._text, self._statement)
        what = f'"{command[0]}"' if command and _SHOWN.fullmatch(command[0]) else "a command"
        return _fault(
            line, f"has {what}, which is not run here; write what it sets as export NAME='value', or remove it"
        )

    def _end_statement(self, *, is_empty: bool = False) -> None:
        self._skip_blanks()
        separator = self._text[self._at : self._at + 1]
        if separator == "\n" or (separator == ";" and not is_empty):
            self._at += 1
        elif separator:
            raise self._unreadable(self._line(), "")

    def _skip_blanks(self) -> None:
        blanks = _BLANKS.match(self._text, self._at)
        self._at = blanks.end() if blanks else self._at
        comment = _COMMENT.match(self._text, self._at)
        self._at = comment.end() if comment else self._at

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1


def _fault(line: int, sentence: str) -> CommandError:
    return CommandError(f"line {line} of the openrc {sentence}")


def _fault_of_value(line: int, name: str, fault: str) -> CommandError:
    return CommandError(f"line {line} of the openrc: {name} {fault}; write its value in single quotes")
