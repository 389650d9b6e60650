"""A made-up paper of a company: its file, and what a person sees in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.rag.domain.chunks import passages_of
from core.rag.domain.reading_outcome import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One file, and what has to become of it."""

    name: str
    body: bytes
    seen: Sequence[str]  #: what a person reads in it
    hidden: Sequence[str] = ()  #: what nobody does, or is the site's frame
    asked: Sequence[tuple[str, str]] = ()  #: questions with a part of their answers
    warned: Sequence[str] = ()  #: parts of warnings
    title: str = ""
    locale: str = ""
    url: str = ""
    withheld: str = ""


def bare(text: str) -> str:
    """Letters, digits and signs that say something, without Markdown and spaces."""
    text = re.sub(r"\]\([^()\s]*\)", "]", text)
    return re.sub(r"[\s*#`|\[\]\\_~>\-–•]+", "", text).casefold()


@dataclass(slots=True, kw_only=True)
class Result:
    """What a reader made of a paper."""

    kept: float  #: share of the characters that a person sees
    lost: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  #: hidden text that is kept
    unpaired: list[str] = field(default_factory=list)


def judged(paper: Paper, reading: Reading) -> Result:
    """How much of it is kept, and which questions have lost their answers."""
    said = bare("\n".join(f"{a.title}\n{a.text}" for a in reading.articles))
    lost = [text for text in paper.seen if bare(text) not in said]
    total = sum(len(bare(text)) for text in paper.seen)
    missing = 0
    for text in lost:
        words = text.split()
        missing += sum(len(bare(word)) for word in words if bare(word) not in said) or 1
    passages = [p for article in reading.articles for p in passages_of(article)]
    unpaired = []
    for question, answer in paper.asked:
        under = [
            p
            for p in passages
            if bare(question) in (bare(p.title), bare(p.heading.rsplit(" › ", 1)[-1]))
        ]
        if not any(bare(answer) in bare(p.text) for p in under):
            unpaired.append(question)
    return Result(
        kept=1 - missing / total if total else 1.0,
        lost=lost,
        shown=[text for text in paper.hidden if bare(text) in said],
        unpaired=unpaired,
    )
