"""The words of a conversation as keyed hashes: a search index from which no text can be read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from core.domain import events as ev
from core.domain.messages import Author
from core.rag.vectors.lexical import tokens
from core.text.pii import mask, without_placeholders

#: Found by whoever types them whole; what identifies or pays (cards, keys, ids) by nobody.
_FINDABLE = ("[EMAIL_", "[PHONE_")
_NOT_IN_NUMBERS = re.compile(r"[^\d+]")
MOST = 4000  #: numbers kept of one conversation, the first ones


class WordNumbers:
    """Turns texts into numbers of 32 bits by a key, so that nobody reads the index backwards."""

    def __init__(self, secret_key: str) -> None:
        key = hashlib.blake2b(secret_key.encode(), person=b"inbox words").digest()
        self._key = key[:32]
        self.fingerprint = hashlib.blake2b(key, digest_size=8).hexdigest()

    def of(self, text: str, *, locale: str = "en") -> frozenset[int]:
        """The numbers of what stands in a text; of cards, keys and the like there are none."""
        masked = mask(text, locale=locale)
        found = set(tokens(without_placeholders(masked.text)))
        found.update(
            _whole(value) for name, value in masked.values.items() if name.startswith(_FINDABLE)
        )
        return frozenset(map(self._number, found))

    def of_event(self, event: ev.Event, *, locale: str = "en") -> frozenset[int]:
        """The numbers of what an event adds to what may be searched for."""
        return frozenset().union(*(self.of(text, locale=locale) for text in _texts(event)))

    def _number(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "replace"), key=self._key, digest_size=4)
        return int.from_bytes(digest.digest(), "little")


def _whole(value: str) -> str:
    """One spelling for an address or a number; a country's own and +82 stay two of them."""
    return value.lower() if "@" in value else _NOT_IN_NUMBERS.sub("", value)


def _texts(event: ev.Event) -> Iterator[str]:
    match event:
        case ev.Started() as e:
            yield e.sender.name
            yield e.sender.email
            yield e.address.chat
        case ev.Received() as e:
            yield e.text
            if e.sender is not None:
                yield e.sender.name
        case ev.Sent(author=author) as e if author is not Author.SYSTEM:
            yield e.text
        case ev.Noted() as e:
            yield e.text
        case ev.Edited() as e:
            yield e.text
        case ev.AttachmentRead() as e:
            yield e.name
            yield e.text
        case _:
            return
