"""The languages spoken here, and their patterns: folders of `config/locales`, read once.

A folder with a `language.toml` is a language that customers read. Its `patterns/*.toml` say how
people write it. docs/languages.md tells how to add one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

LOCALES = Path(__file__).with_name("locales")
DEFAULT = "en"  #: read where a language has no word of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language, as its `language.toml` describes it."""

    code: str  #: of ISO 639-1, its folder's name
    name: str  #: as those who speak it call it
    english: str  #: its name in English, for a model's prompt
    short: str  #: on the button of the chat page, two letters or one syllable
    script: str  #: of its letters, as Unicode names them: "LATIN", "HANGUL"
    called: Sequence[str]  #: what customers type to choose it, in lower case
    regions: Sequence[str]  #: where phone numbers may be from, the likeliest first
    answers: bool  #: its patterns are complete, so answers in it are checked word by word
    staff: bool  #: the console, the cards in Slack and the reports are translated too


def _read() -> Mapping[str, Language]:
    found = {}
    for file in sorted(LOCALES.glob("*/language.toml")):
        code = file.parent.name
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        found[code] = Language(code=code, **{**raw, "called": (code, *raw["called"])})
    return {DEFAULT: found.pop(DEFAULT), **found}


LANGUAGES: Mapping[str, Language] = _read()
"""All that customers read, by code, the default first."""
ANSWERING: Sequence[str] = tuple(code for code, one in LANGUAGES.items() if one.answers)
"""Those in which answers are searched, written and checked; others are foreign to all that."""
STAFF: Sequence[str] = tuple(code for code, one in LANGUAGES.items() if one.staff)
"""Those in which staff read their pages, cards and reports."""


def language_called(name: str) -> str:
    """The code of the language that a customer calls so ("한국어", "Spanish"); "" for no one."""
    wanted = name.strip().lower()
    return next((code for code, one in LANGUAGES.items() if wanted in one.called), "")


def patterns(topic: str) -> Mapping[str, Mapping[str, Any]]:
    """What each language's `patterns/TOPIC.toml` says, by code, in the order of `LANGUAGES`.

    Languages without such a file are left out: what looks for the topic finds nothing in them.
    """
    order = [*LANGUAGES, *sorted(f.name for f in LOCALES.iterdir() if f.name not in LANGUAGES)]
    return {code: table for code in order if (table := _table(code, topic))}


def every(topic: str, *path: str) -> tuple[str, ...]:
    """All the languages' patterns of one kind, one after the other."""
    return tuple(pattern for table in patterns(topic).values() for pattern in _at(table, path))


def _at(table: Mapping[str, Any], path: Sequence[str]) -> Sequence[str]:
    node: Any = table
    for name in path:
        node = node.get(name, ()) if isinstance(node, Mapping) else ()
    assert not isinstance(node, str), (path, node)
    return tuple(node)


@lru_cache(maxsize=32)  # a module asks for its topic several times, and then no more
def _table(code: str, topic: str) -> Mapping[str, Any]:
    file = LOCALES / code / "patterns" / f"{topic}.toml"
    if not file.is_file():
        return {}
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    named: dict[str, str] = {}
    for name, pattern in raw.pop("named", {}).items():
        named[name] = _filled(pattern, named)
    table = _fill(raw, named)
    assert isinstance(table, dict)
    return table


_BLANK = re.compile(r"\{\{([a-z_]+)\}\}")


def _fill(node: Any, named: Mapping[str, str]) -> Any:
    match node:
        case str():
            return _filled(node, named)
        case list():
            return [_fill(item, named) for item in node]
        case dict():
            return {name: _fill(item, named) for name, item in node.items()}
        case _:
            return node


def _filled(pattern: str, named: Mapping[str, str]) -> str:
    """The pattern with the file's own `[named]` ones where it names them in double braces."""
    return _BLANK.sub(lambda m: named[m[1]], pattern) if "{{" in pattern else pattern
