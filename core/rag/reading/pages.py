"""Reads HTML pages as articles."""

from __future__ import annotations

from pathlib import Path

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id
from core.rag.reading.html.page import page_of
from core.rag.reading.text.encodings import declared_in, decoded
from core.rag.reading.text.headings import with_questions_as_headings


def read(
    path: Path,
    raw: bytes,
    *,
    address: str = "",
    charset: str = "",
    names_in_first_row: bool = False,
) -> Reading:
    """One article: what a person sees on the page.

    `address` is where it was fetched from, for its links; `charset` what the server called it;
    `names_in_first_row` is told in `page_of`.
    """
    found = decoded(raw, declared=charset or declared_in(raw))
    page = page_of(
        found.text, address=address, name=path.stem, names_in_first_row=names_in_first_row
    )
    warnings = [Warned(what=f"a page inside it was not read: {one}") for one in page.frames]
    if found.broken:
        warnings.append(Warned(what=f"{found.broken} characters could not be decoded"))
    if page.noindex:
        warnings.append(Warned(what="not for customers: noindex"))
    if not page.text:
        return Reading(characters=page.characters, dropped=page.dropped, warnings=warnings)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=page.title,
        text=with_questions_as_headings(page.text),
        locale="",
        url=page.url,
        source=str(path),
        withheld="noindex" if page.noindex else "",
    )
    return Reading(
        articles=[article], characters=page.characters, dropped=page.dropped, warnings=warnings
    )
