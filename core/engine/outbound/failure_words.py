"""Why a message did not arrive, in the reader's language."""

from __future__ import annotations

from core.i18n import Words


def failure_in_words(words: Words, locale: str, *, channel: str, code: str, detail: str) -> str:
    """Our own words for this channel's code (`deliveries.code`); else `detail`, the vendor's."""
    known = words.section("deliveries.code", locale)
    return str(known.get(f"{channel}-{code}", "") if code else "") or detail
