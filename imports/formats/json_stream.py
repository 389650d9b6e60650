"""Reads JSON one item at a time: lines, an array, or an object that holds an array.

Exports are hundreds of megabytes; no more than one item and one piece of the file is in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from imports.formats.conversations import BadRow

PIECE = 1 << 16  #: characters that are read at once
LOOKED_AT = 20  #: lines by which it is told whether each is an object
LARGEST = 32 << 20  #: characters of one item
MOST_DEPTH = 3  #: objects around the array
MOST_OWN = 5_000  #: members of a list in a file that is one conversation
WRAPPERS = frozenset({"data", "export"})  #: objects in which the array may stand

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


class Broken(ValueError):
    """An error: the rest is no JSON, so that nobody knows where the next item begins."""


def items(
    path: Path, *, lists: Sequence[str], alone: bool = True
) -> Iterator[Mapping[str, Any] | BadRow]:
    """The objects of the file: of its lines, its array, or its array by one of these names.

    `alone`: an object without such an array is one of them itself.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        if _is_of_lines(path):
            yield from _lines(file)
            return
        stream = _Stream(file)
        number = 0
        try:
            for number, item in enumerate(_found(stream, lists, alone=alone), start=1):
                if isinstance(item, dict):
                    yield item
                else:
                    yield BadRow(place=number, why="is no object")
        except Broken as error:
            yield BadRow(place=number + 1, why=f"{error}; the rest of the file is not read")


def _is_of_lines(path: Path) -> bool:
    """Whether each line is an object of its own; a line that is none may be among them."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        whole = lines = 0
        while lines < LOOKED_AT and (line := file.readline(LARGEST)):
            if not line.strip():
                continue
            lines += 1
            if line.startswith("{") and line.rstrip().endswith("}"):
                try:
                    whole += isinstance(json.loads(line), dict)
                except (ValueError, RecursionError):
                    continue
        return lines > 1 and whole > 0


def _lines(file: IO[str]) -> Iterator[Mapping[str, Any] | BadRow]:
    number = 0
    # Only a line feed ends a line of JSON; Python's own reading of files agrees.
    while line := file.readline(LARGEST):
        number += 1
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadRow(place=number, why=f"is no JSON: {error}")
            continue
        if isinstance(item, dict):
            yield item
        else:
            yield BadRow(place=number, why="is no object")


def _found(stream: _Stream, lists: Sequence[str], *, alone: bool, depth: int = 0) -> Iterator[Any]:
    first = stream.peek()
    if first == "[":
        yield from _members(stream)
        return
    if first != "{":
        raise Broken("this is no JSON of conversations")
    stream.take("{")
    own: dict[str, Any] = {}
    found = False
    while stream.peek() != "}":
        name = stream.value()
        stream.take(":")
        begins = stream.peek()
        if begins == "[" and name in lists:
            for item in _members(stream):
                found = True
                yield item
        elif begins == "[":
            # Of what is not asked for nothing is kept, however long it is.
            kept: list[Any] = []
            for member in _members(stream):
                if alone and len(kept) < MOST_OWN:
                    kept.append(member)
            own[name] = kept
        elif begins == "{" and depth < MOST_DEPTH and name in WRAPPERS:
            for item in _found(stream, lists, alone=alone, depth=depth + 1):
                found = True
                yield item
        else:
            own[name] = stream.value()
        if stream.peek() == ",":
            stream.take(",")
    stream.take("}")
    if own and alone and not found:
        yield own  # a single conversation


def _members(stream: _Stream) -> Iterator[Any]:
    stream.take("[")
    while stream.peek() != "]":
        yield stream.value()
        if stream.peek() == ",":
            stream.take(",")
    stream.take("]")


class _Stream:
    """A file's characters, as many as one value needs."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no white space. Raises Broken at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(PIECE):
                raise Broken("the file ends in the middle")

    def take(self, sign: str) -> None:
        """Go past this sign. Raises Broken where another one stands."""
        if self.peek() != sign:
            raise Broken(f"{sign!r} is expected where {self._text[self._at]!r} stands")
        self._at += 1

    def value(self) -> Any:
        """The next value. Raises Broken."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise Broken("an item is nested too deeply") from error
            except ValueError as error:
                if len(self._text) - self._at > LARGEST:
                    raise Broken("an item is too large") from error
                # Twice as much each time, so that a large item is not parsed again and again.
                if not self._more(max(PIECE, len(self._text) - self._at)):
                    raise Broken(f"this is no JSON: {error}") from error
                continue
            if end == len(self._text) and not self._ended:
                self._more(PIECE)  # a number may go on
                continue
            self._at = end
            return value

    def _more(self, characters: int) -> bool:
        read = self._file.read(characters)
        self._text, self._at = self._text[self._at :] + read, 0
        self._ended = self._ended or not read
        return bool(read)
