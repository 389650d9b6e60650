"""Reads .eml: a letter's subject and text; who wrote to whom stays out."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.html.page import page_of
from core.rag.reading.text.encodings import declared_in, decoded
from core.rag.reading.text.headings import with_questions_as_headings


def read(path: Path, raw: bytes) -> Reading:
    """One article."""
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    body = letter.get_body(preferencelist=("html", "plain"))
    warnings = [
        Warned(
            what=f"what is attached was not read: {part.get_filename() or part.get_content_type()}"
        )
        for part in letter.iter_attachments()
    ]
    if body is None:
        return Reading(warnings=warnings)
    content = body.get_payload(decode=True)
    content = content if isinstance(content, bytes) else b""
    said = decoded(content, declared=body.get_content_charset() or declared_in(content))
    subject = " ".join(str(letter["subject"] or "").split())
    if body.get_content_subtype() == "html":
        page = page_of(said.text, name=subject)
        text, characters, dropped = page.text, page.characters, dict(page.dropped)
    else:
        letter_text = said.text.replace("\r\n", "\n").strip()
        text, _, signature = letter_text.partition("\n-- \n")
        dropped = {"signature": count(signature)} if signature else {}
        characters = count(text) + count(signature)
    if not text:
        return Reading(characters=characters, dropped=dropped, warnings=warnings)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=subject or path.stem,
        text=with_questions_as_headings(text),
        locale="",
        source=str(path),
    )
    return Reading(articles=[article], characters=characters, dropped=dropped, warnings=warnings)
