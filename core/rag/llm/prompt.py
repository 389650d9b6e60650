"""The prompt: a file in config/prompts, versioned by its content, filled with inert data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.languages import ANSWERING, DEFAULT, LANGUAGES, patterns
from core.domain.drafts import Turn
from core.errors import SetupError
from core.rag.domain.model import Hit
from core.rag.safety.injection import inert

PASSAGE_CHARS = 2400  #: of one source
HISTORY_TOKENS = 400  #: of the conversation so far
QUESTION_CHARS = 4000
NEEDED = frozenset({"language", "canary", "sources", "history", "hint", "question"})

_SECTION = re.compile(r"^## (system|human)\s*$", re.MULTILINE)
_BLANK = re.compile(r"\{(\w+)\}")
_ASKS_FOR = {
    code: re.compile(
        "|".join(
            table["asks"].replace("LANGUAGE", table["names"][code])
            for table in patterns("asked_language").values()
        ),
        re.IGNORECASE,
    )
    for code in ANSWERING
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt template; `version` changes with every letter of the file."""

    version: str
    system: str
    human: str

    @classmethod
    def load(cls, path: Path) -> Prompt:
        """The prompt in this file. Raises SetupError when it is missing or lacks a blank."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise SetupError(f"The prompt {path} cannot be read: {error.strerror}.") from error
        parts = _SECTION.split(text)
        sections = dict(zip(parts[1::2], (p.strip() for p in parts[2::2]), strict=True))
        if set(sections) != {"system", "human"}:
            raise SetupError(f"The prompt {path} needs the parts '## system' and '## human'.")
        blanks = set(_BLANK.findall(text))
        if blanks != NEEDED:
            wrong = ", ".join(sorted(blanks ^ NEEDED))
            raise SetupError(f"The prompt {path} has blanks missing or unknown: {wrong}.")
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return cls(
            version=f"{path.stem}@{digest}", system=sections["system"], human=sections["human"]
        )

    def instructions(self) -> str:
        """Our own words in the system part, which no answer may repeat."""
        return _BLANK.sub(" ", self.system)


def blanks(
    *,
    question: str,
    history: Sequence[Turn],
    hits: Sequence[Hit],
    locale: str,
    hint: str,
    canary: str,
    language: str = "",
) -> Mapping[str, str]:
    """The values for a prompt's blanks, all texts of others made inert.

    `language` is the name of another language than the locale's, where the answer is to be in it.
    """
    return {
        "language": language or _english_name(asked_language(question) or locale),
        "canary": canary,
        "sources": "\n".join(_source(number, hit) for number, hit in enumerate(hits, start=1)),
        "history": "\n".join(_condensed(history)) or "(none)",
        "hint": f"A colleague's advice on this answer: {inert(hint[:600])}\n" if hint else "",
        "question": inert(question[:QUESTION_CHARS]),
    }


def _english_name(code: str) -> str:
    return LANGUAGES[code if code in LANGUAGES else DEFAULT].english


def asked_language(question: str) -> str:
    """The language a short question asks for by name ("and in Korean?"), "" when it does not."""
    if len(question) > 60:
        return ""
    return next((locale for locale, asks in _ASKS_FOR.items() if asks.search(question)), "")


def estimated_tokens(text: str) -> int:
    """A fair guess without a tokenizer: four Latin letters or one Korean syllable a token."""
    wide = sum(char > "\u2e7f" for char in text)
    return wide + (len(text) - wide + 3) // 4


def _source(number: int, hit: Hit) -> str:
    passage = hit.passage
    title = " › ".join(dict.fromkeys(p for p in (passage.title, passage.heading) if p))
    link = f"\nLink: {inert(passage.url)}" if passage.url else ""
    text = inert(passage.text[:PASSAGE_CHARS])
    return f"<source {number}>\n{inert(title)}\n{text}{link}\n</source {number}>"


def _condensed(history: Sequence[Turn]) -> list[str]:
    """The latest lines that fit the budget, oldest first."""
    kept: list[str] = []
    left = HISTORY_TOKENS
    for turn in reversed(history):
        who = {"customer": "Customer", "agent": "Colleague"}.get(turn.author, "Assistant")
        line = f"{who}: {inert(' '.join(turn.text.split()))}"
        cost = estimated_tokens(line)
        if cost > left:
            if not kept:
                kept.append(line[: left * 2] + " …")
            break
        kept.append(line)
        left -= cost
    return kept[::-1]
