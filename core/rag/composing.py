"""Puts a model's claims together into an answer, checking each against its sources as it comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.drafts import Draft, Question, Reason
from core.inbox import detect_locale
from core.messages import Citation
from core.ports import OnDelta
from core.rag.extractive import citation
from core.rag.guard import LeakCheck
from core.rag.lexical import tokens
from core.rag.llm import Piece
from core.rag.masking import Masked, without_placeholders
from core.rag.parse import MARKER, AnswerReader, Claim
from core.rag.passages import Hit
from core.rag.support import ENOUGH, nearest, support

Gate = Callable[[Question, Draft], bool]
"""Whether a draft with this confidence and topic would go out alone, so that its growing text
may be shown; asked once a draft, with what is known when its first sentence has been checked."""

CUT_LIMIT = 0.34  #: share of an answer's words that may be cut before a person has to look
OTHER_SOURCE = 0.9  #: factor for an answer that does not rest on the best passage
_GLUE_WORDS = 3  #: a sentence with fewer words that mean something is no loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What became of a model's answer."""

    text: str = ""
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    topic: str = ""
    reasons: tuple[Reason, ...] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    shown: bool = False
    cut: int = 0
    refused: bool = False
    leaked: bool = False


@dataclass(slots=True, kw_only=True)
class Composition:
    """One growing answer. What `on_delta` was given always begins the final text."""

    hits: Sequence[Hit]
    quoted: Draft  #: the answer without a model: its confidence is that of the best passage
    question: Question
    masked: Masked
    leaks: LeakCheck
    gate: Gate
    on_delta: OnDelta | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    _reader: AnswerReader = field(default_factory=AnswerReader)
    _text: str = ""
    _said: str = ""
    _order: list[int] = field(default_factory=list)  # source numbers in order of first use
    _shares: list[float] = field(default_factory=list)
    _waiting: list[Claim] = field(default_factory=list)  # sentences that named no source yet
    _kept: list[tuple[Claim, tuple[int, ...]]] = field(default_factory=list)
    _kept_words: int = 0
    _cut_words: int = 0
    _cut: int = 0
    _named: bool = False  # some sentence named a source that exists
    _leaked: bool = False
    _opened: bool | None = None  # the gate's word, once asked
    _shown_confidence: float = 0.0

    @property
    def raw(self) -> str:
        """All that the model has written."""
        return self._reader.text

    def take(self, piece: Piece) -> None:
        """Take in the next piece of the answer."""
        self.tokens_in += piece.tokens_in
        self.tokens_out += piece.tokens_out
        self._claims(self._reader.feed(piece.text))

    def finish(self) -> None:
        """Take in what was still open. Raises BrokenAnswer when it cannot be read."""
        self._claims(self._reader.finish())
        # Sentences after the last source rest, if on anything, on what the answer has cited.
        waiting, self._waiting = self._waiting, []
        for claim in waiting:
            self._judge(claim, tuple(self._order) or self._all())

    def done(self, *, failed: bool) -> Composed:
        """The answer as it stands; after a failure only what was shown."""
        reasons: tuple[Reason, ...]
        if self._opened:
            # What was shown stands: the sentences cut since then were never seen.
            reasons = ()
        elif self._leaked:
            reasons = (Reason.SUSPICIOUS,)
        elif not self._named:
            reasons = (Reason.NO_SOURCE,)
        elif self._cut_words > CUT_LIMIT * (self._cut_words + self._kept_words):
            reasons = (Reason.UNSUPPORTED,)
        else:
            reasons = () if self._speaks_right() else (Reason.UNSUPPORTED,)
        shown = bool(self._opened)
        total = self._kept_words + self._cut_words
        return Composed(
            text=self._text.strip(),
            citations=tuple(self._citation(n) for n in self._order) if self._named else (),
            confidence=max(self._confidence(), self._shown_confidence if shown else 0.0),
            topic=self._topic(),
            reasons=reasons if self._text else (),
            signals={
                "answer_support": self._share(),
                "claims": float(len(self._shares)),
                "claims_cut": float(self._cut),
                "cut_share": self._cut_words / total if total else 0.0,
                "cites_best": float(1 in self._order),
                "leaked": float(self._leaked),
            },
            shown=shown,
            cut=self._cut,
            refused=not failed and (self._reader.refused or _says_nothing(self.raw)),
            leaked=self._leaked,
        )

    def _claims(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            real = tuple(n for n in claim.sources if 1 <= n <= len(self.hits))
            if not real:
                # A sentence without a source may belong to the next one that has one.
                self._waiting.append(claim)
                continue
            self._named = True
            waiting, self._waiting = self._waiting, []
            for earlier in waiting:
                self._judge(earlier, real)
            self._judge(claim, real)

    def _judge(self, claim: Claim, sources: tuple[int, ...]) -> None:
        plain = claim.plain
        words = len(tokens(plain))
        # Over all sentences, those that were cut included: a leak may come in small pieces.
        self._said += " " + plain
        self._leaked = self._leaked or self.leaks.leaks(self._said)
        share = support(
            without_placeholders(plain),
            [self.hits[n - 1].passage for n in sources],
            question=self.question.text,
        )
        if self._leaked or share < ENOUGH or self.masked.invented(plain):
            self._cut += 1
            if words >= _GLUE_WORDS:
                self._cut_words += words
            return
        self._kept_words += words
        self._shares.append(share)
        self._keep(claim, sources)

    def _keep(self, claim: Claim, sources: tuple[int, ...]) -> None:
        for number in sources if self._named else ():
            if number not in self._order:
                self._order.append(number)
        marked = MARKER.search(claim.text) is not None
        text = MARKER.sub(self._renumbered, claim.text)
        if not marked and claim.sources:
            marks = "".join(f"[{self._order.index(n) + 1}]" for n in sources)
            text = f"{text} {marks}"
        lead = claim.lead if self._text else ""
        if self._text and not lead:
            lead = " "
        self._text += lead + text
        self._kept.append((claim, sources))
        self._show(lead + text)

    def _renumbered(self, match: re.Match[str]) -> str:
        numbers = [int(n) for n in re.findall(r"\d{1,2}", match.group(1))]
        known = [n for n in dict.fromkeys(numbers) if n in self._order]
        return "".join(f"[{self._order.index(n) + 1}]" for n in known)

    def _show(self, text: str) -> None:
        if self.on_delta is None or not self._named:
            return
        if self._opened is None:
            if not self._speaks_right():
                return
            confidence = self._confidence()
            provisional = replace(
                self.quoted,
                text=self._text,
                citations=tuple(self._citation(n) for n in self._order),
                confidence=confidence,
                topic=self._topic(),
                reasons=(),
            )
            self._opened = self.gate(self.question, provisional)
            self._shown_confidence = confidence
            text = self._text
        if self._opened:
            self.on_delta(text)

    def _confidence(self) -> float:
        """That of the passage, weakened by claims that stand in it only in part."""
        if not self._shares or not self._named:
            return 0.0
        stands = min(1.0, 0.5 + 0.5 * min(self._shares) / 0.8)
        cut = 1.0 - self._cut_words / max(1, self._cut_words + self._kept_words)
        best = 1.0 if 1 in self._order else OTHER_SOURCE
        return self.quoted.confidence * stands * best * cut

    def _share(self) -> float:
        return sum(self._shares) / len(self._shares) if self._shares else 0.0

    def _topic(self) -> str:
        return self.hits[self._order[0] - 1].passage.topic if self._order else self.quoted.topic

    def _speaks_right(self) -> bool:
        """Whether the text is in the customer's language, so far as its letters show."""
        locale = self.question.locale
        spoken = re.sub(r"https?://\S+|`[^`]*`", "", self._text)
        return detect_locale(spoken, default=locale) == locale

    def _citation(self, number: int) -> Citation:
        hit = self.hits[number - 1]
        quoted = (nearest(c.plain, hit.passage) for c, used in self._kept if number in used)
        return citation(hit.passage, quote="\n".join(dict.fromkeys(quoted)))

    def _all(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.hits) + 1))


def _says_nothing(raw: str) -> bool:
    """Whether a structured answer has an empty list of claims."""
    return (
        re.fullmatch(r'\s*(?:```(?:json)?)?\s*\{\s*"claims"\s*:\s*\[\s*\]\s*\}\s*(?:```)?\s*', raw)
        is not None
    )
