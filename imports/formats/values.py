"""Small readings that the formats share."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.rag.reading.html.cells import as_markdown

LONGEST = 20_000  #: characters of one message; longer ones are logs or attachments


_MARKUP = re.compile(r"<[^<>]*+>")


def text_of(value: object) -> str:
    """A message as people read it, whether it was kept as HTML or as text."""
    if not isinstance(value, str):
        return ""
    text = _storable(value[:LONGEST])
    try:
        return _storable(as_markdown(text)).strip()
    except (ValueError, RecursionError):
        # No person nests so deeply; what one message was made of must not end the import.
        return html.unescape(_MARKUP.sub(" ", text)).strip()


def time_of(value: object) -> datetime | None:
    """A time as exports write it: ISO 8601, or seconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value if value < 1e11 else value / 1000, UTC)
        if isinstance(value, str) and value.strip():
            if value.strip().isdigit():
                return time_of(int(value))
            read = datetime.fromisoformat(value.strip().replace(" UTC", "+00:00"))
            return read if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def dict_of(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list, else none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def word_of(value: object) -> str:
    """A short text or a number as text; "" for anything else."""
    if isinstance(value, str):
        return _storable(value).strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def flag_of(value: object, *, missing: bool) -> bool:
    """A yes or no as exports write it."""
    if isinstance(value, str):
        plain = value.strip().lower()
        if not plain:
            return missing
        return plain in ("true", "t", "yes", "y", "1", "on", "private", "예")
    return bool(value) if value is not None else missing


def _storable(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can hold and no store can."""
    return text.encode("utf-8", "replace").decode()
