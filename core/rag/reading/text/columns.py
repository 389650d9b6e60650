"""The columns of a table by their names in many languages: which asks, which answers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from core.rag.reading.text.metadata import language

ASKS = ("?", "？", "؟", "か", "吗", "嗎")
COLUMNS = Path(__file__).with_name("columns.toml")
LOOKED_FOR = 10  #: rows among which the one that names the columns is
MOST_WORDS = 4  #: of the name of a column; a longer one is a sentence
LEAST_LETTERS = 5  #: of a word at the end of a compound
_IN_BRACKETS = re.compile(r"[(\[（][^()\[\]（）]*[)\]）]")
_OF = frozenset({
    "of", "for", "by", "from", "de", "del", "du", "des", "do", "da", "di", "della", "para", "pour",
    "von", "vom", "für", "van", "voor",
})  # fmt: skip
_LANGUAGE = re.compile(r"\A[a-z]{2}\Z")
_SIGNS = re.compile(r"[\s_\-.:*()\[\]/#’'\"]+")


@dataclass(slots=True, kw_only=True)
class Columns:
    """The columns of a table by what they hold, told by the names of the first rows."""

    header: int  #: the index of the row that names them; -1 where none does
    names: Sequence[str]
    of: Mapping[str, int] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether it is a table of questions and answers."""
        return "question" in self.of and "answer" in self.of


def named_columns(rows: Sequence[Sequence[str]]) -> Columns:
    """The columns of a table by the words of many languages; the first row's where none fits.

    Names that say more than the word ("Customer question (EN)") count where no row has the word
    itself.
    """
    if (found := _named(rows, kinds_of)) is not None:
        return found
    found = _named(rows, _kinds_in)
    if found is not None and _is_first(rows, found) and _is_worded(rows, found):
        return found
    return Columns(header=-1, names=list(rows[0]) if rows else [])


def _named(rows: Sequence[Sequence[str]], kinds: Callable[[str], Sequence[str]]) -> Columns | None:
    """The first row that names a column of questions and one of answers."""
    for place, cells in enumerate(rows[:LOOKED_FOR]):
        of: dict[str, int] = {}
        for column, name in enumerate(cells):
            for kind in kinds(name):
                of.setdefault(kind, column)
        if "question" not in of and "title" in of and ("answer" in of or "text" in of):
            of["question"] = of["title"]
        if "answer" not in of and "text" in of:
            of["answer"] = of["text"]
        if of.get("question") is not None and of.get("answer") not in (None, of.get("question")):
            return Columns(header=place, names=list(cells), of=of)
    return None


def _is_first(rows: Sequence[Sequence[str]], found: Columns) -> bool:
    """Whether nothing but lines of one cell, as titles are, stands above the names."""
    return all(sum(map(bool, map(str.strip, row))) <= 1 for row in rows[: found.header])


def _is_worded(rows: Sequence[Sequence[str]], found: Columns) -> bool:
    """Whether words stand under both names, and no counts of questions and answers."""
    places = (found.of["question"], found.of["answer"])
    below = [row for row in rows[found.header + 1 :] if len(row) > max(places)]
    worded = [all(any(c.isalpha() for c in row[place]) for place in places) for row in below]
    return 2 * sum(worded) > len(worded)


def questions_in(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[tuple[str, str]] | None:
    """The questions and answers of a table inside a document; None where it is of other things.

    Other cells of a row stand behind its answer, with the names of their columns.
    """
    columns = named_columns([header, *rows])
    if columns.header != 0:
        filled = [row for row in (header, *rows) if any(row)]
        return [(row[0], row[1]) for row in filled] if first_column_asks(filled) else None
    found: list[tuple[str, str]] = []
    for row in rows:
        cells = [*row, *[""] * (len(header) - len(row))]
        question, answer = (cells[columns.of[kind]] for kind in ("question", "answer"))
        more = [
            f"{name}: {cell}"
            for place, (name, cell) in enumerate(zip(header, cells, strict=False))
            if cell and place not in columns.of.values()
        ]
        said = "\n".join(filter(None, [answer, *more]))
        if question and said:
            found.append((question, said))
    return found


def first_column_asks(rows: Sequence[Sequence[str]]) -> bool:
    """Whether each row is a question and its answer, in nearly every one with a mark behind it."""
    if not rows or any(len(row) != 2 or not row[0].strip() or not row[1].strip() for row in rows):
        return False
    asking = sum(row[0].strip().endswith(ASKS) for row in rows)
    return asking * 10 >= len(rows) * 7


def by_language(columns: Columns) -> Sequence[tuple[str, Columns]]:
    """Columns of the same kind in several languages ("question_en", "Answer (DE)"), by language.

    Nothing where there are no questions with answers in two languages.
    """
    told: dict[str, dict[str, int]] = {}
    for place, name in enumerate(columns.names):
        words = plain_name(name).split()
        for at in (-1, 0):
            rest = " ".join(words[:-1] if at else words[1:])
            kinds = [k for k in kinds_of(rest) if k in ("question", "answer", "title", "text")]
            if len(words) > 1 and kinds and (code := language(words[at])):
                kind = {"title": "question", "text": "answer"}.get(kinds[0], kinds[0])
                told.setdefault(code, {}).setdefault(kind, place)
                break
    whole = {code: of for code, of in told.items() if len(of) == 2}
    if len(whole) < 2:
        return ()
    about = {
        kind: place
        for kind, place in columns.of.items()
        if kind not in ("question", "answer", "title", "text")
    }
    return [
        (code, Columns(header=columns.header, names=columns.names, of={**about, **of}))
        for code, of in whole.items()
    ]


def plain_name(name: str) -> str:
    return _SIGNS.sub(" ", name.strip().lower()).strip()


def kinds_of(name: str) -> list[str]:
    plain = plain_name(name)
    return [kind for kind, words in _words().items() if plain in words] if plain else []


def _kinds_in(name: str) -> list[str]:
    """The kinds of a name that says more: "Kundenfrage", "Answer text", "고객 질문"."""
    if exact := kinds_of(name):
        return exact
    words = plain_name(_IN_BRACKETS.sub(" ", name)).split()
    while len(words) > 1 and (_is_language(words[-1]) or words[-1] in _words()["text"]):
        if words[-1] in _words()["id"]:
            return []
        words.pop()  # the language, or that it is a text
    if len(words) > 2 and words[1] in _OF:
        words = words[:1]  # whose question it is, or for whom
    if not words or len(words) > MOST_WORDS:
        return []
    found = [
        kind
        for kind in ("question", "answer")
        if any(
            words[-1] == word or (len(word) >= _least(word) and words[-1].endswith(word))
            for word in _words()[kind]
        )
    ]
    return found or [kind for kind in kinds_of(" ".join(words)) if kind == "text"]


def _is_language(word: str) -> bool:
    return _LANGUAGE.match(word) is not None or (len(word) > 3 and bool(language(word)))


def _least(word: str) -> int:
    """The letters from which on a word may end another one."""
    return LEAST_LETTERS if word.isascii() else 2


@cache
def _words() -> Mapping[str, frozenset[str]]:
    raw = tomllib.loads(COLUMNS.read_text(encoding="utf-8"))
    return {
        kind: frozenset(plain_name(word.replace("|", " ")) for word in words.split())
        for kind, words in raw.items()
    }
