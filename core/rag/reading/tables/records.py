"""Reads articles as JSON: one a line, or one document of questions and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.nlu.language_detection import language_of
from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.html.cells import as_markdown
from core.rag.reading.html.structured_data import questions_in
from core.rag.reading.text.columns import named_columns
from core.rag.reading.text.encodings import decoded
from core.rag.reading.text.metadata import about, language, warned

MOST_DEPTH = 6


def read_lines(path: Path, raw: bytes) -> Reading:
    """JSON Lines; a line that is none is named and left out. Raises ValueError if all are."""
    articles: list[Article] = []
    warnings: list[Warned] = []
    # Only a line feed ends a line of JSON: what else ends lines may stand inside a text.
    for number, line in enumerate(decoded(raw).text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            article, problems = _article(json.loads(line), path=path)
        except (ValueError, RecursionError) as error:
            warnings.append(Warned(what=f"left out: {error}", row=number))
            continue
        articles.append(article)
        warnings += [Warned(what=one.what, row=number) for one in problems]
    if warnings and not articles:
        raise ValueError(f"line {warnings[0].row}: {warnings[0].what.removeprefix('left out: ')}")
    return Reading(articles=articles, characters=_counted(articles), warnings=warnings)


def read_document(path: Path, raw: bytes) -> Reading:
    """One JSON document: a list of articles, at whatever depth, or a FAQPage."""
    data = json.loads(decoded(raw).text)
    articles: list[Article] = []
    warnings: list[Warned] = []
    for question, answer in questions_in(data):
        row = {"question": question, "answer": answer}
        articles.append(_article(row, path=path)[0])
    for number, row in enumerate(() if articles else _lists_in(data), start=1):
        try:
            article, problems = _article(row, path=path)
        except ValueError as error:
            warnings.append(Warned(what=f"left out: {error}", row=number))
            continue
        articles.append(article)
        warnings += [Warned(what=one.what, row=number) for one in problems]
    if not articles:
        raise ValueError("no questions and answers, or titles and texts, are in it")
    return Reading(articles=articles, characters=_counted(articles), warnings=warnings)


def article_from_row(row: Mapping[str, object], *, source: str = "") -> Article:
    """One line of the contract's `kb.jsonl`. Raises ValueError when it is not one."""
    if not isinstance(row, dict):
        raise ValueError("a line is not a JSON object")
    identifier, title, text = row.get("id"), row.get("title") or "", row.get("text") or ""
    if not isinstance(identifier, str) or not identifier:
        raise ValueError("an entry has no id")
    if not isinstance(title, str) or not isinstance(text, str) or not (title or text):
        raise ValueError(f"the entry {identifier} has neither a title nor a text")
    return Article(
        id=identifier,
        title=title,
        text=text,
        topic=str(row.get("topic") or ""),
        locale=language(str(row.get("lang") or "")) or language_of(f"{title} {text}"),
        url=str(row.get("url") or ""),
        source=str(row.get("source") or source),
        place=identifier,
    )


def _article(row: Any, *, path: Path) -> tuple[Article, list[Warned]]:
    if not isinstance(row, dict):
        raise ValueError("a line is not a JSON object")
    said = about(row)
    names = list(row)
    of = named_columns([[str(name) for name in names]]).of
    known = {kind: row[names[column]] for kind, column in of.items()}
    title = row.get("title") or known.get("question") or row.get("questions") or ""
    text = row.get("text") or known.get("answer") or ""
    others: tuple[str, ...] = ()
    if isinstance(title, list) and all(isinstance(one, str) for one in title) and title:
        title, others = title[0], tuple(title[1:])
    if isinstance(text, str):
        text = as_markdown(text)
    if not isinstance(title, str) or not isinstance(text, str) or not (title or text):
        raise ValueError(f"the entry {said.id or names[:5]} has neither a title nor a text")
    if "question" in of and not text:
        raise ValueError(f"the entry {said.id or title[:60]!r} has no answer")
    place = said.id or title
    return (
        Article(
            id=said.id or article_id(path.stem, f"{path.resolve()}\x1f{place}"),
            title=title,
            text=text,
            topic=said.topic,
            locale=said.locale,
            url=said.url,
            source=str(row.get("source") or path),
            questions=others or said.questions,
            place=place,
            withheld=said.withheld,
            valid_from=said.valid_from,
            valid_until=said.valid_until,
        ),
        warned(said),
    )


def _lists_in(data: Any, depth: int = 0) -> Iterator[Any]:
    """The entries of the lists of objects in a document."""
    if depth > MOST_DEPTH:
        return
    if isinstance(data, list):
        for item in data:
            if isinstance(item, dict) and any(isinstance(v, str) for v in item.values()):
                yield item
            else:
                yield from _lists_in(item, depth + 1)
    elif isinstance(data, dict):
        texts = {k: v for k, v in data.items() if isinstance(v, str)}
        if texts and len(texts) == len(data) and depth == 0:
            # {"question": "answer", …}
            for question, answer in texts.items():
                yield {"question": question, "answer": answer}
            return
        for value in data.values():
            yield from _lists_in(value, depth + 1)


def _counted(articles: list[Article]) -> int:
    return sum(count(article.title) + count(article.text) for article in articles)
