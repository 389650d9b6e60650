"""Serialises a reading as JSON, between the child process that reads and ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned

_TEXTS = ("id", "title", "text", "topic", "locale", "url", "source", "place", "withheld")


def to_json(reading: Reading) -> dict[str, Any]:
    """Everything of it, in what JSON has."""
    return {
        "articles": [
            {
                **{name: _whole(getattr(article, name)) for name in _TEXTS},
                "questions": list(map(_whole, article.questions)),
                "valid_from": _moment(article.valid_from),
                "valid_until": _moment(article.valid_until),
            }
            for article in reading.articles
        ],
        "characters": reading.characters,
        "dropped": dict(reading.dropped),
        "warnings": [[one.what, one.row] for one in reading.warnings],
    }


def from_json(told: Mapping[str, Any]) -> Reading:
    """The inverse of `to_json`."""
    return Reading(
        articles=[
            Article(
                **{name: row[name] for name in _TEXTS},
                questions=tuple(row["questions"]),
                valid_from=_parsed(row["valid_from"]),
                valid_until=_parsed(row["valid_until"]),
            )
            for row in told["articles"]
        ],
        characters=told["characters"],
        dropped=told["dropped"],
        warnings=[Warned(what=what, row=row) for what, row in told["warnings"]],
    )


def _whole(text: str) -> str:
    """The text without halves of characters, which neither JSON nor a store takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value is not None else None


def _parsed(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value is not None else None
