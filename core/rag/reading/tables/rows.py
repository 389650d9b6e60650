"""Rows of a table as articles: questions with their answers, else the table as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.html.cells import as_markdown
from core.rag.reading.text.columns import (
    ASKS,
    Columns,
    by_language,
    kinds_of,
    named_columns,
    plain_name,
)
from core.rag.reading.text.grid import written
from core.rag.reading.text.metadata import about, warned


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row with where it stands in its file, from 1."""

    number: int
    cells: Sequence[str]


def reading_of(
    rows: Sequence[Row],
    *,
    path: Path,
    place: str = "",
    warnings: Iterable[Warned] = (),
    repair: Callable[[Row, Columns], tuple[Row, str]] | None = None,
) -> Reading:
    """The articles of these rows. Raises ValueError where there is nothing in them.

    `repair` puts a row of too many cells in order, and says what it did.
    """
    rows = [row for row in rows if any(cell.strip() for cell in row.cells)]
    found = list(warnings)
    if not rows:
        return Reading(warnings=found)
    rows = unstacked(rows) or rows
    columns = named_columns([row.cells for row in rows])
    if not columns.asks and _is_faq(rows):
        columns = Columns(header=-1, names=("question", "answer"), of={"question": 0, "answer": 1})
        found.append(Warned(what="no row names the columns; taken as question and answer"))
    if not columns.asks:
        return _as_table(rows, path=path, place=place, warnings=found)
    articles: list[Article] = []
    dropped: Counter[str] = Counter()
    characters = 0
    above = sum(count(cell) for row in rows[: max(columns.header, 0)] for cell in row.cells)
    if above:
        characters += above
        dropped["lines above the columns"] += above
    spoken = by_language(columns) or [("", columns)]
    known = {column for _, own in spoken for column in own.of.values()}
    for row in rows[columns.header + 1 :]:
        if repair is not None and columns.names and len(row.cells) > len(columns.names):
            row, what = repair(row, columns)
            found.append(Warned(what=what, row=row.number))
        characters += sum(map(count, row.cells))
        told = [
            (lang, *_article(row, own, path=path, place=place))
            for lang, own in spoken
            if len(spoken) == 1 or _says_anything(row, own)
        ]
        made = [replace(one, locale=lang or one.locale) for lang, one, _ in told if one is not None]
        found += dict.fromkeys(problem for _, _, problems in told for problem in problems)
        if not made:
            dropped["rows without a question or an answer"] += sum(map(count, row.cells))
            continue
        articles += made
        for column, cell in enumerate(row.cells):
            if cell.strip() and column not in known and not _is_known(columns.names, column):
                dropped["other columns"] += count(cell)
    return Reading(articles=articles, characters=characters, dropped=dropped, warnings=found)


def _says_anything(row: Row, columns: Columns) -> bool:
    places = (columns.of["question"], columns.of["answer"])
    return any(row.cells[place].strip() for place in places if place < len(row.cells))


def for_customers(rows: Sequence[Row]) -> tuple[list[Row], Counter[str], list[Warned]]:
    """The rows of a table of anything without those that say of themselves they are drafts.

    In the first column a state is what its row is about, and says nothing of the row.
    """
    header = next((row for row in rows if sum(map(bool, map(str.strip, row.cells))) > 1), None)
    dropped: Counter[str] = Counter()
    if header is None:
        return list(rows), dropped, []
    kept: list[Row] = []
    warnings: list[Warned] = []
    for row in rows:
        cells = zip(header.cells[1:], row.cells[1:], strict=False)
        said = about({name: cell for name, cell in cells if name.strip()})
        if row is not header and said.withheld and not said.warnings:
            dropped["rows not for customers"] += sum(map(count, row.cells))
            warnings.append(Warned(what=f"not for customers: {said.withheld}", row=row.number))
            continue
        kept.append(row)
    return kept, dropped, warnings


def unstacked(rows: Sequence[Row]) -> list[Row]:
    """Questions over their answers, each with a letter or word before it, as rows of both.

    Nothing where the rows are no such thing. A row without a word of its own goes on with the one
    before it.
    """
    told = [(row, *_labelled(row)) for row in rows if any(cell.strip() for cell in row.cells)]
    kinds = [kind for _, kind, _ in told if kind]
    if kinds[:1] != ["question"] or "answer" not in kinds or len(kinds) * 10 < len(told) * 6:
        return []
    pairs: list[tuple[int, list[str], list[str]]] = []
    for row, kind, text in told:
        if kind == "question" and (not pairs or pairs[-1][2]):
            pairs.append((row.number, [text], []))
        elif pairs:
            number, asked, answered = pairs[-1]
            is_asked = kind == "question" or (not kind and not answered)
            (asked if is_asked else answered).append(text)
    found = [Row(number=1, cells=["question", "answer"])]
    for number, asked, answered in pairs:
        found.append(Row(number=number, cells=[" ".join(asked), "\n".join(answered)]))
    return found


def _labelled(row: Row) -> tuple[str, str]:
    """What the first cell says the others are: question, answer or "" for nothing; and these."""
    cells = [cell.strip() for cell in row.cells if cell.strip()]
    named = [kind for kind in kinds_of(_NUMBER.sub("", cells[0])) if kind in ("question", "answer")]
    if len(cells) > 1 and len(named) == 1:
        return named[0], " ".join(cells[1:])
    return "", " ".join(cells)


_NUMBER = re.compile(r"[\s.#]{0,4}\d{1,4}[.):]?$")


def _article(
    row: Row, columns: Columns, *, path: Path, place: str
) -> tuple[Article | None, list[Warned]]:
    def cell(kind: str) -> str:
        column = columns.of.get(kind, len(row.cells))
        return row.cells[column].strip() if column < len(row.cells) else ""

    question, answer = " ".join(as_markdown(cell("question")).split()), as_markdown(cell("answer"))
    if not question or not answer:
        missing = "question" if not question else "answer"
        return None, [Warned(what=f"left out, as it has no {missing}", row=row.number)]
    said = about(
        {
            **{n: row.cells[i] for i, n in enumerate(columns.names) if n and i < len(row.cells)},
            **{kind: cell(kind) for kind in ("topic", "lang", "url", "id", "questions")},
            "title": "",
        }
    )
    where = f"{place}/{question}" if place else question
    return (
        Article(
            id=article_id(path.stem, f"{path.resolve()}\x1f{where}"),
            title=question,
            text=answer,
            topic=said.topic,
            locale=said.locale,
            url=said.url,
            source=str(path),
            questions=said.questions,
            place=where,
            withheld=said.withheld,
            valid_from=said.valid_from,
            valid_until=said.valid_until,
        ),
        warned(said, row.number),
    )


def _as_table(rows: Sequence[Row], *, path: Path, place: str, warnings: list[Warned]) -> Reading:
    """A table of something else: one article, a passage a row."""
    rows, dropped, withheld = for_customers(rows)
    warnings = [*warnings, *withheld]
    cells = [row.cells for row in rows]
    has_header = len(cells) > 1 and all(cell.strip() for cell in cells[0]) and len(cells[0]) > 1
    text = written(cells[0] if has_header else (), cells[1:] if has_header else cells)
    if has_header:
        names = ", ".join(" ".join(name.split())[:40] for name in cells[0][:6])
        what = f"no columns of questions and answers; taken as a table of {names}"
        warnings = [*warnings, Warned(what=what)]
    article = Article(
        id=article_id(path.stem, f"{path.resolve()}\x1f{place}" if place else str(path.resolve())),
        title=place or path.stem,
        text=text if has_header else text.replace("\n", "\n\n"),
        locale="",
        source=str(path),
        place=place,
    )
    characters = sum(count(cell) for row in cells for cell in row) + sum(dropped.values())
    return Reading(articles=[article], characters=characters, dropped=dropped, warnings=warnings)


def _is_faq(rows: Sequence[Row]) -> bool:
    """Whether the first of two columns asks, in every row or nearly."""
    pairs = [row for row in rows if len(row.cells) >= 2 and row.cells[1].strip()]
    asking = sum(row.cells[0].strip().endswith(ASKS) for row in rows)
    return len(pairs) * 10 >= len(rows) * 8 and asking * 10 >= len(rows) * 7


def _is_known(names: Sequence[str], column: int) -> bool:
    """Whether a column is about the row, and so no text that is lost."""
    if column >= len(names):
        return False
    said = about({names[column]: "2001-01-01"}) != about({})
    return said or bool(kinds_of(names[column])) or plain_name(names[column]) in _ABOUT


_ABOUT = frozenset({"published", "status", "draft", "created", "updated", "author", "tags"})
