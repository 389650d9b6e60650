"""Regular expressions that match in linear time (RE2), for text that outsiders wrote.

Python's `re` backtracks: `"앞선" * 390` held the process for ever, and neither a time limit nor a
thread ends that, as it keeps the interpreter to itself. What outsiders wrote is matched by RE2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import re2

_MEMORY = 4 << 20  #: bytes that one pattern's automaton may take; beyond it is slower, not wrong
_SPACE = r"\s\x0b\x1c-\x1f\x{85}\p{Z}"  #: what `re` calls white space, inside brackets
_TOKEN = re.compile(
    r"\\U\w{8}|\\u\w{4}|\\.|\[\^?\]?(?:[^\]\\]|\\.)*+(?:\]|\Z)"
    r"|\(\?!([^()]*)\)|\(\?<?[=!]|[^\\\[($|)]++|.",
    re.DOTALL,
)
_OUTSIDE = {
    "\\s": f"[{_SPACE}]", "\\S": f"[^{_SPACE}]",
    "\\w": r"[\p{L}\p{N}_]", "\\W": r"[^\p{L}\p{N}_]",
    "\\d": r"\p{Nd}", "\\D": r"\P{Nd}", "$": r"\n?\z", "\\Z": r"\z",
}  # fmt: skip
_INSIDE = {"\\s": _SPACE, "\\w": r"\p{L}\p{N}_", "\\d": r"\p{Nd}"}
_CLASS_TOKEN = re.compile(r"\\U\w{8}|\\u\w{4}|\\.|[^\\]+", re.DOTALL)
_FOREIGN = re.compile(r"[^\x00-\x7f\W]+")


class LinearRegex:
    """Patterns in Python's syntax, searched for at once; safe to share between threads.

    They mean what they mean in `re`, within these limits: no look-behind, no reference to a group,
    a negative look-ahead only of plain words (or words and `\\b`) and only at the end of a branch,
    and no letters beyond ASCII in a branch with `\\b`, which sees `_` for each of a text. Raises
    ValueError for what breaks them.
    """

    def __init__(self, *patterns: str, ignore_case: bool = False) -> None:
        self.patterns = patterns
        options = re2.Options()
        options.max_mem, options.never_capture = _MEMORY, True
        options.case_sensitive, options.log_errors = not ignore_case, False
        plain, bounded = re2.Filter(), re2.Filter()
        self._plain_of: list[int] = []
        self._bounded_of: list[int] = []
        for number, pattern in enumerate(patterns):
            for branch in _branches(pattern):
                edges = "\\b" in branch or "\\B" in branch
                if edges and _FOREIGN.search(branch):
                    raise ValueError(f"\\b beside letters beyond ASCII: {branch}")
                try:
                    (bounded if edges else plain).Add(_translated(branch), options)
                except re2.error as error:
                    raise ValueError(f"not linear: {branch}: {error}") from error
                (self._bounded_of if edges else self._plain_of).append(number)
        self._plain = _compiled(plain, self._plain_of)
        self._bounded = _compiled(bounded, self._bounded_of)

    def search(self, text: str) -> bool:
        """Whether any of the patterns stands in the text."""
        if self._plain is not None and self._plain.Match(_bytes(text)):
            return True
        return self._bounded is not None and bool(self._bounded.Match(_bytes(_ascii_words(text))))

    def which(self, text: str) -> Sequence[int]:
        """The numbers of the patterns that stand in the text, ascending."""
        found: set[int] = set()
        if self._plain is not None:
            found.update(self._plain_of[i] for i in self._plain.Match(_bytes(text)) or ())
        if self._bounded is not None:
            text = _ascii_words(text)
            found.update(self._bounded_of[i] for i in self._bounded.Match(_bytes(text)) or ())
        return sorted(found)

    def __repr__(self) -> str:
        return f"LinearRegex{self.patterns!r}"


def _compiled(patterns: Any, added: Collection[int]) -> Any:
    if not added:
        return None
    patterns.Compile()
    return patterns


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _ascii_words(text: str) -> str:
    """The text with `_` for every letter beyond ASCII: RE2's word edges know no others."""
    return text if text.isascii() else _FOREIGN.sub(lambda m: "_" * len(m.group()), text)


def _branches(pattern: str) -> Iterator[str]:
    """The alternatives at the top of a pattern."""
    depth = 0
    branch = ""
    for piece in (match.group() for match in _TOKEN.finditer(pattern)):
        if piece == "|" and not depth:
            yield branch
            branch = ""
            continue
        if piece == "(" or piece in ("(?=", "(?<=", "(?<!"):
            depth += 1
        elif piece == ")":
            depth -= 1
        branch += piece
    yield branch


def _translated(branch: str) -> str:
    """The branch in RE2's syntax, with the classes of Unicode that Python's `re` has."""
    written = ""
    pieces = list(_TOKEN.finditer(branch))
    for number, match in enumerate(pieces):
        piece = match.group()
        if match[1] is not None:
            if not _ends([later.group() for later in pieces[number + 1 :]]):
                raise ValueError(f"a look-ahead that is not at the end of its branch: {branch}")
            written += _not_before(match[1].split("|"))
        elif piece.startswith("[") and len(piece) > 1:
            parts = _CLASS_TOKEN.findall(piece)
            if {"\\W", "\\S", "\\D"} & set(parts):
                raise ValueError(f"a negation inside brackets: {branch}")
            written += "".join(_INSIDE.get(part) or _coded(part) for part in parts)
        elif piece.startswith("(?") and len(piece) > 2:
            raise ValueError(f"a look-around that cannot be linear: {branch}")
        else:
            written += _OUTSIDE.get(piece) or _coded(piece)
    return written


def _coded(piece: str) -> str:
    return rf"\x{{{piece[2:]}}}" if piece.startswith(("\\U", "\\u")) else piece


def _ends(pieces: Sequence[str]) -> bool:
    """Whether nothing but other alternatives follows: what the look-ahead takes in, none needs."""
    depth, skipping = 0, False
    for piece in pieces:
        if skipping and piece.startswith("("):
            depth += 1
        elif skipping and depth:
            depth -= piece == ")"
        elif piece == "|":
            skipping = True
        elif piece == ")":
            skipping = False
        elif not skipping:
            return False
    return True


def _not_before(words: Sequence[str]) -> str:
    """What may follow where none of these words may; it takes in what it looks at."""
    ways = [r"\z"]
    firsts: dict[str, list[str]] = {}
    for word in words:
        firsts.setdefault(word[0], []).append(word[1:])
    ways.append("[^" + "".join(re.escape(first) for first in firsts) + "]")
    for first, rests in firsts.items():
        if "" in rests:
            continue
        if "\\b" in rests:
            rests = [rest for rest in rests if rest != "\\b"]
            if not rests:
                ways.append(re.escape(first) + "[0-9A-Za-z_]")
                continue
            raise ValueError(f"one word begins another: {words}")
        ways.append(re.escape(first) + _not_before(rests))
    return "(?:" + "|".join(ways) + ")"
