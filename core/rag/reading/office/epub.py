"""Reads .epub: each chapter an article."""

from __future__ import annotations

import posixpath
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id
from core.rag.reading.html.page import page_of
from core.rag.reading.office.archive import Archive, attribute, local
from core.rag.reading.text.encodings import declared_in, decoded
from core.rag.reading.text.headings import with_questions_as_headings


def read(path: Path, raw: bytes) -> Reading:
    """The chapters in the order of the book. Raises ValueError where it is locked."""
    archive = Archive(raw)
    if "META-INF/encryption.xml" in archive.names and _is_locked(archive):
        raise ValueError("the book is locked by its seller")
    container = archive.xml("META-INF/container.xml")
    package = next(attribute(e, "full-path") for e in container.iter() if local(e) == "rootfile")
    book = archive.xml(package)
    name = next((e.text or "" for e in book.iter() if local(e) == "title"), "").strip()
    items = {attribute(e, "id"): e for e in book.iter() if local(e) == "item"}
    articles: list[Article] = []
    dropped: Counter[str] = Counter()
    warnings: list[Warned] = []
    characters = 0
    for number, entry in enumerate((e for e in book.iter() if local(e) == "itemref"), 1):
        item = items.get(attribute(entry, "idref"))
        if item is None or "nav" in attribute(item, "properties").split():
            continue
        place = posixpath.normpath(
            posixpath.join(posixpath.dirname(package), unquote(attribute(item, "href")))
        )
        try:
            content = archive.read(place)
        except ValueError as error:
            warnings.append(Warned(what=str(error), row=number))
            continue
        page = page_of(decoded(content, declared=declared_in(content)).text)
        characters += page.characters
        dropped.update(page.dropped)
        if page.text:
            articles.append(
                Article(
                    id=article_id(path.stem, f"{path.resolve()}\x1f{place}"),
                    title=page.title or name or path.stem,
                    text=with_questions_as_headings(page.text),
                    locale="",
                    source=str(path),
                    place=place,
                )
            )
    return Reading(articles=articles, characters=characters, dropped=dropped, warnings=warnings)


def _is_locked(archive: Archive) -> bool:
    """Whether more than its fonts is encrypted."""
    told = archive.xml("META-INF/encryption.xml")
    names = [attribute(e, "URI") for e in told.iter() if local(e) == "CipherReference"]
    return any(name.endswith((".xhtml", ".html", ".htm", ".xml")) for name in names)
