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
from core.rag.reading.text.metadata import about, codes, language, warned

MOST_DEPTH = 6
FORMS = ("rendered", "html", "markdown", "text", "plain", "value", "body", "raw")
"""What a text is called inside the object that holds it in several forms, the best first."""
_ANSWERING = frozenset({"assistant", "agent", "bot", "model"})
_ASKING = frozenset({"user", "customer", "human"})


def read_lines(path: Path, raw: bytes) -> Reading:
    """JSON Lines; a line that is none is named and left out. Raises ValueError if all are."""
    articles: list[Article] = []
    warnings: list[Warned] = []
    # Only a line feed ends a line of JSON: what else ends lines may stand inside a text.
    for number, line in enumerate(decoded(raw).text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            for row in _plain_rows(json.loads(line)):
                article, problems = _article(row, path=path)
                articles.append(article)
                warnings += [Warned(what=one.what, row=number) for one in problems]
        except (ValueError, RecursionError) as error:
            warnings.append(Warned(what=f"left out: {error}", row=number))
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
            for one in _plain_rows(row):
                article, problems = _article(one, path=path)
                articles.append(article)
                warnings += [Warned(what=problem.what, row=number) for problem in problems]
        except ValueError as error:
            warnings.append(Warned(what=f"left out: {error}", row=number))
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


def _plain_rows(row: Any) -> Iterator[Any]:
    """A record as records of texts.

    Each language of a record in several is one, and so is each question of a talk with its answer;
    of a text in several forms the best one is taken.
    """
    if not isinstance(row, dict):
        yield row
        return
    if turns := _turns(row.get("messages") or row.get("conversations")):
        for question, answer in turns:
            rest = {k: v for k, v in row.items() if k not in ("messages", "conversations", "id")}
            yield {**rest, "question": question, "answer": answer}
        return
    row = {name: _of_its_forms(value) for name, value in row.items()}
    spoken = {name: by for name, value in row.items() if (by := _by_language(value))}
    if not spoken:
        yield row
        return
    for code in dict.fromkeys(code for by in spoken.values() for code in by):
        own = {name: by.get(code, "") for name, by in spoken.items()}
        about_it = {"lang": code, **({"id": f"{row['id']}-{code}"} if row.get("id") else {})}
        if all(own.values()):
            yield {**row, **own, **about_it}


def _of_its_forms(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return next((value[form] for form in FORMS if isinstance(value.get(form), str)), value)


def _by_language(value: Any) -> Mapping[str, str]:
    """Texts by their languages; nothing where a value is no such thing."""
    if not isinstance(value, dict) or not value:
        return {}
    told = {language(str(name)): _of_its_forms(said) for name, said in value.items()}
    known = len(told) == len(value) and all(told) and set(told) <= codes()
    return told if known and all(isinstance(said, str) for said in told.values()) else {}


def _turns(messages: Any) -> list[tuple[str, str]]:
    """The questions of a talk, each with the answer that follows it."""
    found: list[tuple[str, str]] = []
    asked = ""
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            return []
        role = str(message.get("role") or message.get("from") or "").lower()
        said = message.get("content") or message.get("value")
        if not isinstance(said, str):
            continue
        if role in _ASKING:
            asked = said
        elif role in _ANSWERING or role == "gpt":
            if asked:
                found.append((asked, said))
            asked = ""
    return found


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
    if isinstance(title, str) and ("<" in title or "&" in title):
        title = " ".join(as_markdown(title).split())
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
            if _is_entry(item):
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
        name = next((data[n] for n in ("name", "title") if isinstance(data.get(n), str)), "")
        for value in data.values():
            for row in _lists_in(value, depth + 1):
                # What stands under the name of a chapter is about it.
                yield row if not name or about(row).topic else {**row, "topic": name}


def _is_entry(item: Any) -> bool:
    """Whether an object is a record itself, and not a chapter that holds others."""
    if not isinstance(item, dict):
        return False
    if not any(isinstance(value, str) for value in item.values()):
        return any(_by_language(value) or _of_its_forms(value) is not value
                   for value in item.values())  # fmt: skip
    holds = any(
        isinstance(value, list) and any(isinstance(one, dict) for one in value)
        for name, value in item.items()
        if name not in ("messages", "conversations")
    )
    return not holds or "answer" in named_columns([list(map(str, item))]).of


def _counted(articles: list[Article]) -> int:
    return sum(count(article.title) + count(article.text) for article in articles)
