"""A passage's digest, which stays the same for as long as it says the same."""

from __future__ import annotations

import hashlib

from core.rag.domain.model import Passage


def digest_of(passage: Passage) -> str:
    """Of its words and of the title and heading they stand under, wherever that is."""
    read = "\x1f".join((passage.title, passage.heading, passage.text))
    return hashlib.blake2b(read.encode(errors="replace"), digest_size=8).hexdigest()
