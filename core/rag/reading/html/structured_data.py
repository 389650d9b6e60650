"""Questions and answers that a page declares to machines: FAQPage as JSON-LD."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup

from core.rag.semantics.statements import QUESTION_CHARS

MOST_DEPTH = 12
_TAGS = re.compile(r"<[^<>]*>")


def asked_and_answered(soup: BeautifulSoup) -> list[tuple[str, str]]:
    """Each question with its answer, which may be HTML."""
    found: dict[str, tuple[str, str]] = {}
    for script in soup.find_all("script", type="application/ld+json"):
        try:
            data = json.loads(script.get_text(), strict=False)
        except (ValueError, RecursionError):
            continue
        for question, answer in questions_in(data):
            found.setdefault(same(question), (question, answer))
    return list(found.values())


def questions_in(data: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The questions and answers of a value in the words of schema.org."""
    if depth > MOST_DEPTH:
        return
    if isinstance(data, list):
        for item in data:
            yield from questions_in(item, depth + 1)
    if not isinstance(data, dict):
        return
    kinds = data.get("@type")
    kinds = set(kinds) if isinstance(kinds, list) else {kinds}
    if "Question" in kinds:
        question = _plain(data.get("name") or data.get("text"))
        answer = _answer(data.get("acceptedAnswer") or data.get("suggestedAnswer"))
        if question and answer and len(question) <= QUESTION_CHARS:
            yield question, answer
    for name in ("mainEntity", "@graph", "hasPart", "mainEntityOfPage", "itemListElement"):
        if name in data:
            yield from questions_in(data[name], depth + 1)


def same(text: str) -> str:
    """Equal for what differs in spaces, capitals and signs around it only."""
    return " ".join(text.split()).strip(" *_#?？.:").casefold()


def _answer(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("text")
    return value.strip() if isinstance(value, str) else ""


def _plain(value: Any) -> str:
    return " ".join(html.unescape(_TAGS.sub("", value)).split()) if isinstance(value, str) else ""
