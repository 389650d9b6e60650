"""The prompt: a file in config/prompts, versioned by its content, filled with inert data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.drafts import Turn
from core.errors import SetupError
from core.messages import Author
from core.rag.guard import inert
from core.rag.passages import Hit

LANGUAGES = {"en": "English", "ko": "Korean"}
PASSAGE_CHARS = 2400  #: of one source
HISTORY_TOKENS = 400  #: of the conversation so far
QUESTION_CHARS = 4000
NEEDED = frozenset({"language", "canary", "sources", "history", "hint", "question"})

_SECTION = re.compile(r"^## (system|human)\s*$", re.MULTILINE)
_BLANK = re.compile(r"\{(\w+)\}")
_FOLLOWS_EN = re.compile(
    r"^(?:and|but|or|so|then|also|what about|how about|what if|why|why not|how so|really|"
    r"ok(?:ay)?,? (?:and|but|so|then)|for how long|how long|since when|in (?:korean|english))\b"
    r"|\b(?:it|that|this|them|those|these|one|there)\b",
    re.IGNORECASE,
)
_FOLLOWS_KO = re.compile(
    r"^(?:그럼|그러면|그건|그거|그것|이건|이거|저건|그리고|근데|그런데|혹시\s*그|왜요|왜|거기|얼마나|언제까지|"
    r"(?:한국어|영어)로)|^\S{1,8}(?:은|는|도)\s*요\s*\??$|^\S{1,8}(?:은|는)\s*\?"
)
_ASKS_EN = (
    r"^(?:and|now|please|ok|okay|also|again|same|say|tell|give|it|that|me|the|answer|reply|respond|"
    r"write|speak|explain|translate|this|can|could|you|but|\W)*\b(?:in|into|to) {language}"
    r"(?:[\s,]*(?:please|then|too|as well|instead))*\W*$"
)
_ASKS_KO = (
    r"^(?:그럼|그러면|이제|다시|그거|그것을?|같은\s*내용을?|이걸|이것을?|방금\s*답변을?|\s)*{language}로(?:도|는)?"
    r"\s*(?:요|좀|다시|답|말|알려|번역|써|적어|설명|부탁|해)?(?:\S*\s*){{0,2}}$"
)
_ASKS_FOR = {
    "ko": re.compile(
        f"{_ASKS_EN.format(language='korean')}|{_ASKS_KO.format(language='(?:한국어|한글)')}",
        re.IGNORECASE,
    ),
    "en": re.compile(
        f"{_ASKS_EN.format(language='english')}|{_ASKS_KO.format(language='영어')}", re.IGNORECASE
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is told; `version` changes with every letter of the file."""

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
) -> Mapping[str, str]:
    """The values for a prompt's blanks, all texts of others made inert."""
    return {
        "language": LANGUAGES.get(asked_language(question) or locale, "English"),
        "canary": canary,
        "sources": "\n".join(_source(number, hit) for number, hit in enumerate(hits, start=1)),
        "history": "\n".join(_condensed(history)) or "(none)",
        "hint": f"A colleague's advice on this answer: {inert(hint[:600])}\n" if hint else "",
        "question": inert(question[:QUESTION_CHARS]),
    }


def asked_language(question: str) -> str:
    """The language a short question asks for by name ("and in Korean?"), "" when it does not."""
    if len(question) > 60:
        return ""
    return next((locale for locale, asks in _ASKS_FOR.items() if asks.search(question)), "")


def retrieval_text(question: str, history: Sequence[Turn]) -> str:
    """What to search for: a follow-up such as "and in Korean?" brings its question along."""
    question = " ".join(question.split())
    asked = [t.text for t in history if t.author == Author.CUSTOMER and t.text.strip()]
    if not asked or not _follows(question):
        return question
    return f"{' '.join(asked[-1].split())[:300]} {question}"


def estimated_tokens(text: str) -> int:
    """A fair guess without a tokenizer: four Latin letters or one Korean syllable a token."""
    wide = sum(char > "\u2e7f" for char in text)
    return wide + (len(text) - wide + 3) // 4


def _follows(question: str) -> bool:
    if len(question) <= 24 and _FOLLOWS_KO.search(question):
        return True
    words = question.split()
    return len(words) <= 6 and bool(_FOLLOWS_EN.search(question))


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
