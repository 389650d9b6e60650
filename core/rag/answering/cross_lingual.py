"""Checks an answer in another language against its sources, by numbers, classes and vectors.

The checks of `support.py` compare words and know English and Korean. Between languages
remain numbers and words of a few classes ("not", "Sunday", "month"), which must be the same
(`config/locales/LANGUAGE/patterns/across.toml`), and the bundled multilingual embedding, which must
find the sentences near. What is not surely the same waits for a person; so does every language
without a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from config.languages import ANSWERING, patterns
from core.domain.drafts import Finding, Question, Reason
from core.nlu.language_detection import foreign_language, language_of
from core.rag.answering.contradiction_check import contradiction_check
from core.rag.domain.chunks import sentences
from core.rag.domain.model import Hit, Passage
from core.rag.semantics.amounts.quantities import quantities
from core.rag.vectors.embeddings import BundledEncoder
from core.rag.vectors.encoder import Embedder
from core.text.autolinks import without_addresses
from core.text.folding import compatible
from core.text.linear_regex import LinearRegex

CONFIDENCE = 0.97  #: of an answer that has passed; see docs/answers.md
AS_NEAR = 0.015  #: in cosine, of the nearest sentence: it may as well be meant
MOST_SENTENCES = 40  #: of the sources that are compared
MOST_CLAIMS = 12  #: a longer answer is for a person

_TABLES = patterns("across")
CHECKED = frozenset(name for name in _TABLES if "limits" in _TABLES[name])
"""Languages in which an answer may go out alone."""

_NOT_CLASSES = frozenset({"numbers", "digits", "counters", "limits", "spaces"})
#: Languages whose words no spaces set apart.
_IN_PARTS = frozenset(name for name, table in _TABLES.items() if not table["spaces"])
_SAME = frozenset({"deny", "closed", "only"})
_DAYS = frozenset(
    {
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "weekend",
        "holiday", "today", "tomorrow",
    }
)  # fmt: skip
_NOT_ADDED = frozenset(
    {
        "every", "free", "minute", "hour", "day", "night", "week", "month", "year", "euro",
        "dollar", "pound", "won", "yen", "secret", *_DAYS,
    }
)  # fmt: skip
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_A_DAY = re.compile(r"(?<!\d)1(?=日|時間|週間|年|[かヶカ]月)")
_DIGITS = "".join(_TABLES["ja"]["digits"])
_COUNTED = re.compile(f"(?<![{_DIGITS}])([{_DIGITS}]++)(?={'|'.join(_TABLES['ja']['counters'])})")
_WORDS = {
    language: [
        (name, word if language in _IN_PARTS else f" (?:{word}) ")
        for name, words in table.items()
        if name not in _NOT_CLASSES
        for word in words
    ]
    for language, table in _TABLES.items()
}
_PATTERNS = {
    language: LinearRegex(*(pattern for _, pattern in words)) for language, words in _WORDS.items()
}
_NO_WORD = re.compile(r"[^\w€$£₩¥]+")
_EDGE = re.compile(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)|(?<=[€$£₩¥])(?=\w)|(?<=\w)(?=[€$£₩¥])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The language-independent parts of a sentence: classes, numbers, yes or no."""

    classes: frozenset[str]
    numbers: frozenset[float]  #: a number that cannot be read is NaN, which equals none
    lead: str = ""  #: "yes" or "no", where it begins so


class Across:
    """Compares an answer with sources in another language; needs the bundled embedding model."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def against(
        self, question: Question, language: str, hits: Sequence[Hit]
    ) -> Mapping[str, Finding]:
        """The passages on which no answer to this question may rest unseen, by their ids."""
        unsure = Finding(reason=Reason.FOREIGN_LANGUAGE)
        asked = question.text
        other = [hit for hit in hits if not self._asks_the_same(asked, language, hit)]
        return {
            **{hit.passage.id: unsure for hit in other},
            **await contradiction_check(question, hits),
        }

    async def doubted(
        self, claims: Sequence[tuple[str, Sequence[Passage]]], language: str
    ) -> Sequence[str]:
        """Those of an answer's sentences that do not surely stand in their passages."""
        whole = " ".join(claim for claim, _ in claims)
        if (
            language not in CHECKED
            or self._embedder.name != BundledEncoder.name
            or len(claims) > MOST_CLAIMS
            or foreign_language(whole) != language
        ):
            return [claim for claim, _ in claims]
        return [
            claim for claim, passages in claims if not await self._told(claim, passages, language)
        ]

    def _asks_the_same(self, question: str, language: str, hit: Hit) -> bool:
        known = hit.known_question
        if not known or language not in CHECKED or self._embedder.name != BundledEncoder.name:
            return False
        if hit.known < _TABLES[language]["limits"]["question"]:
            return False
        asked, told = reading(question, language), reading(known, language_of(known))
        same = _SAME | _DAYS
        return asked.numbers == told.numbers and asked.classes & same == told.classes & same

    async def _told(self, claim: str, passages: Sequence[Passage], language: str) -> bool:
        told = list(_parts(passages))[:MOST_SENTENCES]
        if not told:
            return False
        vectors = await self._embedder.questions([claim, *told])
        near = np.asarray(vectors[1:] @ vectors[0])
        least = max(_TABLES[language]["limits"]["claim"], float(near.max()) - AS_NEAR)
        said = reading(claim, language)
        return any(
            says(said, reading(sentence, language_of(sentence)))
            for sentence, likeness in zip(told, near, strict=True)
            if likeness >= least
        )


def says(claim: Reading, told: Reading) -> bool:
    """Whether nothing that has to be the same differs."""
    if claim.classes & _SAME != told.classes & _SAME:
        return False
    if (claim.classes - told.classes) & _NOT_ADDED or (told.classes - claim.classes) & _DAYS:
        return False
    if not claim.numbers <= told.numbers or (told.numbers and not claim.numbers):
        return False
    bounds = {"before", "after"}
    here, there = claim.classes & bounds, told.classes & bounds
    if len(here) == len(there) == 1 and here != there:
        return False
    if claim.lead == "no":
        return told.lead == "no"
    return not (claim.lead == "yes" and told.lead == "no")


@lru_cache(maxsize=2048)
def reading(text: str, language: str) -> Reading:
    """The classes, the numbers and the first word of a sentence in a language that has a table."""
    table = _TABLES[language]
    plain = compatible(without_addresses(text)).lower()
    parted = f" {_NO_WORD.sub(' ', _EDGE.sub(' ', plain))} "
    looked_at = plain if language in _IN_PARTS else parted
    names = [name for name, _ in _WORDS[language]]
    classes = {names[number] for number in _PATTERNS[language].which(looked_at)}
    numbers = set(_digits(_A_DAY.sub("", plain) if language == "ja" else plain))
    if "numberish" in classes:
        numbers.add(float("nan"))
    numbers |= {float(table["numbers"][w]) for w in parted.split() if w in table.get("numbers", ())}
    numbers |= set(_kanji(plain, table)) if "digits" in table else set()
    if language in ANSWERING:
        for quantity in quantities(text):
            numbers.add(float(quantity.value))
            numbers |= {float(quantity.high)} if quantity.high is not None else set()
    return Reading(
        classes=frozenset(classes - {"yes", "no", "numberish"}),
        numbers=frozenset(numbers),
        lead=_lead(looked_at.strip(), table, parts=language in _IN_PARTS),
    )


def _parts(passages: Sequence[Passage]) -> Iterable[str]:
    """Sentences, and any two in a row: a translation may join them."""
    for passage in passages:
        told = sentences(passage.text)
        yield from told
        yield from (f"{first} {second}" for first, second in pairwise(told))


def _digits(plain: str) -> Iterable[float]:
    for found in _NUMBER.findall(plain):
        if ":" in found:
            hour, _, minute = found.partition(":")
            if not _PLAIN.fullmatch(hour):
                yield float("nan")  # "127.0.0.1:8080" is no time
                continue
            rest = minute.replace(":", "").replace(".", "").replace(",", "")
            yield float(hour) + (float(rest) / 100 if rest.strip("0") else 0.0)
        elif _THOUSANDS.fullmatch(found):
            yield float(re.sub(r"[.,]", "", found))
        else:
            whole, *rest = re.split(r"[.,]", found)
            yield float(f"{whole}.{''.join(rest)}" if rest else whole)


def _kanji(plain: str, table: Mapping[str, Mapping[str, float] | Sequence[str]]) -> Iterable[float]:
    digits = table["digits"]
    assert isinstance(digits, Mapping)
    for found in _COUNTED.findall(plain):
        total = current = 0.0
        for sign in found:
            value = float(digits[sign])
            if value >= 10:
                total, current = total + (current or 1.0) * value, 0.0
            else:
                current = value
        yield total + current


def _lead(plain: str, table: Mapping[str, Sequence[str]], *, parts: bool) -> str:
    for name in ("yes", "no"):
        for word in table[name]:
            if plain.startswith(word if parts else f"{word} ") or plain == word:
                return name
    return ""
