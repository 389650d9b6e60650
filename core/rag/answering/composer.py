"""Composes an answer from a model's claims, checking each against its sources as it comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.domain.drafts import Draft, Finding, Question, Reason
from core.domain.messages import Citation
from core.engine.ports import OnDelta
from core.nlu.language_detection import detect_locale, foreign_language
from core.rag.answering.extractive import citation
from core.rag.domain.model import Hit, Passage
from core.rag.groundedness.support import Grounding, foreign_links, ground, ground_unread, nearest
from core.rag.llm.claim_parser import AnswerReader
from core.rag.llm.claims import MARKER, Claim
from core.rag.llm.client import Piece
from core.rag.safety.injection import LeakCheck, LeakReading
from core.rag.vectors.lexical import tokens
from core.text.autolinks import links_in
from core.text.links import Link
from core.text.pii import Masked, without_placeholders
from core.text.sanitize import sanitize

Gate = Callable[[Question, Draft], bool]
"""Whether a draft with this confidence and topic would go out alone, so that its growing text
may be shown; asked once a draft, with what is known when its first sentence has been checked."""

Held = Mapping[int, Finding]
"""Numbers of sources, from 1, on which no answer may rest unseen, and why."""

CUT_LIMIT = 0.34  #: share of an answer's words that may be cut before a person has to look
OTHER_SOURCE = 0.9  #: factor for an answer that does not rest on the best passage
MOST_CLAIMS = 40  #: sentences that are looked at; nobody answers a customer in more
LONGEST_SENT = 8_000  #: characters of an answer that may go out unseen
SPANNED = 2_000  #: characters over which a link may reach from one sentence into another
TOLD_CHARS = 160  #: of a sentence that is named as a finding
_GLUE_WORDS = 3  #: a sentence with fewer words that mean something is no loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """The outcome of a model's answer."""

    text: str = ""
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    topic: str = ""
    reasons: tuple[Reason, ...] = ()
    findings: tuple[Finding, ...] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    cut: int = 0
    refused: bool = False
    leaked: bool = False


@dataclass(slots=True, kw_only=True)
class Composition:
    """Composes one answer from a model's claims as they stream in, keeping those that are grounded.

    What `on_delta` is given are checked sentences in the order of the final text. Whether that
    text is an answer is decided on the whole of it: one that ends badly was only a preview.
    """

    hits: Sequence[Hit]
    quoted: Draft  #: the answer without a model: its confidence is that of the best passage
    question: Question
    masked: Masked
    leaks: LeakCheck
    gate: Gate
    held: Held = field(default_factory=dict)
    language: str = ""  #: in which the answer is written where it is neither English nor Korean
    doubted: Sequence[str] = ()  #: sentences of it that whoever compares languages is not sure of
    on_delta: OnDelta | None = None
    model: str = ""  #: who writes, as far as that has been told
    tokens_in: int = 0
    tokens_out: int = 0
    _reader: AnswerReader = field(default_factory=AnswerReader)
    _text: str = ""
    _reading: LeakReading = field(init=False)
    _order: list[int] = field(default_factory=list)  # source numbers in order of first use
    _shares: list[float] = field(default_factory=list)
    _waiting: list[Claim] = field(default_factory=list)  # sentences that named no source yet
    _kept: list[tuple[Claim, tuple[int, ...]]] = field(default_factory=list)
    _kept_words: int = 0
    _cut_words: int = 0
    _cut: int = 0
    _named: bool = False  # some sentence named a source that exists
    _leaked: bool = False
    _refuted: list[str] = field(default_factory=list)  # sentences that hold the whole answer
    _judged: int = 0
    _own: frozenset[Link] = frozenset()  # where the customer's own data leads
    _opened: bool | None = None  # the gate's word, once asked
    _previewed: bool = False  # something was shown
    _restarts: int = 0

    def __post_init__(self) -> None:
        values = self.masked.values
        self._own = frozenset().union(*(links_in(self.masked.restore(name)) for name in values))
        self._reading = self.leaks.reading()

    @property
    def raw(self) -> str:
        """All that the model has written."""
        return self._reader.text

    def plain_question(self) -> Question:
        """What is asked, without what stands for data that a model may not see."""
        bare = self.masked.bare() if self.masked.values else ""
        return replace(self.question, text=bare or self.question.text)

    @property
    def kept(self) -> Sequence[tuple[str, Sequence[Passage]]]:
        """The answer's sentences without their marks, each with the passages that it names."""
        return [
            (claim.plain, [self.hits[n - 1].passage for n in used]) for claim, used in self._kept
        ]

    def take(self, piece: Piece) -> None:
        """Take in the next piece of the answer."""
        self.tokens_in += piece.tokens_in
        self.tokens_out += piece.tokens_out
        self.model = piece.model or self.model
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
        total = self._kept_words + self._cut_words
        return Composed(
            text=self._text.strip(),
            citations=tuple(self._citation(n) for n in self._order) if self._named else (),
            confidence=self._confidence(),
            topic=self._topic(),
            reasons=self._reasons() if self._text else (),
            findings=self._findings(),
            signals={
                "answer_support": self._share(),
                "claims": float(len(self._shares)),
                "claims_cut": float(self._cut),
                "cut_share": self._cut_words / total if total else 0.0,
                "cites_best": float(1 in self._order),
                "leaked": float(self._leaked),
                "previewed": float(self._previewed),
            },
            cut=self._cut,
            refused=not failed and self._reader.refused,
            leaked=self._leaked,
        )

    def _reasons(self) -> tuple[Reason, ...]:
        """Why the whole text may not go out as it is."""
        if self._leaked:
            return (Reason.SUSPICIOUS,)
        if not self._named:
            return (Reason.NO_SOURCE,)
        if findings := self._findings():
            return tuple(dict.fromkeys(finding.reason for finding in findings))
        much = self._cut_words > CUT_LIMIT * (self._cut_words + self._kept_words)
        if much or len(self._text) > LONGEST_SENT or self._leads_astray(self._text):
            return (Reason.UNSUPPORTED,)
        return () if self._speaks_right() else (Reason.UNSUPPORTED,)

    def _findings(self) -> tuple[Finding, ...]:
        """What speaks against the sources that it rests on, and the sentences that hold it all."""
        held = [self.held[number] for number in self._order if number in self.held]
        # Also where its beginning was shown: a person looks at what else it says.
        refuted = [
            Finding(reason=Reason.UNSUPPORTED, values={"claim": claim})
            for claim in dict.fromkeys((*self._refuted, *self.doubted))
        ]
        return (*held, *refuted)

    def _claims(self, claims: Sequence[Claim]) -> None:
        if self._reader.restarts != self._restarts:
            self._begin_anew()
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

    def _begin_anew(self) -> None:
        """What was taken for the answer was reasoning, or the sentence before the answer."""
        self._restarts = self._reader.restarts
        self._text, self._reading = "", self.leaks.reading()
        self._order, self._shares, self._waiting, self._kept = [], [], [], []
        self._kept_words = self._cut_words = self._cut = 0
        self._named = self._leaked = False
        self._refuted, self._judged = [], 0
        # A preview can grow, but not begin anew.
        self._opened = False if self._previewed else None

    def _judge(self, claim: Claim, sources: tuple[int, ...]) -> None:
        plain = claim.plain
        words = len(tokens(plain))
        # Over all sentences, those that were cut included: a leak may come in small pieces.
        self._leaked = self._leaked or self._reading.leaks(plain)
        self._judged += 1
        grounding = self._ground(claim, sources)
        # A link may begin in one sentence and end in another.
        joined = f"{self._text[-SPANNED:]} {claim.text}"
        astray = grounding.stands and "](" in claim.text and self._leads_astray(joined, sources)
        if grounding.holds or astray:
            self._refuted.append(sanitize(plain)[:TOLD_CHARS])
        invented = self._leaked or self.masked.invented(plain)
        # Whoever writes one sentence that holds the answer is not believed in the next either.
        if invented or self._refuted or not grounding.stands:
            self._cut += 1
            if words >= _GLUE_WORDS:
                self._cut_words += words
            return
        self._kept_words += words
        self._shares.append(grounding.share)
        self._keep(replace(claim, text=sanitize(claim.text)), sources)

    def _ground(self, claim: Claim, sources: tuple[int, ...]) -> Grounding:
        if self._judged > MOST_CLAIMS:
            return Grounding(share=0.0)
        plain = claim.plain
        passages = [self.hits[n - 1].passage for n in sources]
        shown = self.masked.restore(plain)
        if self.language:
            # Its words are compared once it is whole, by `core.rag.answering.cross_lingual`.
            return ground_unread(shown, passages, own=self._own)
        return ground(
            without_placeholders(plain),
            passages,
            question=self.question.text,
            shown=shown,
            own=self._own,
            said=self._text[-SPANNED:],
        )

    def _leads_astray(self, text: str, sources: tuple[int, ...] = ()) -> bool:
        """Whether the text as a whole has a link that none of its sentences had alone."""
        cited = [self.hits[n - 1].passage for n in dict.fromkeys((*self._order, *sources))]
        return bool(foreign_links(self.masked.restore(text), cited, own=self._own))

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
        if self.on_delta is None or not self._named or self._opened is False:
            return
        if self._findings():
            self._opened = False
            return
        if self._opened is None:
            if not self._speaks_right():
                return
            provisional = replace(
                self.quoted,
                text=self._text,
                citations=tuple(self._citation(n) for n in self._order),
                confidence=self._confidence(),
                topic=self._topic(),
                reasons=(),
            )
            self._opened = self.gate(self.question, provisional)
            text = self._text
        if self._opened:
            self._previewed = True
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
        if self.language:
            return foreign_language(MARKER.sub("", self._text)) == self.language
        locale = self.question.locale
        spoken = re.sub(r"https?://\S+|`[^`]*`", "", self._text)
        return detect_locale(spoken, default=locale) == locale

    def _citation(self, number: int) -> Citation:
        hit = self.hits[number - 1]
        quoted = (nearest(c.plain, hit.passage) for c, used in self._kept if number in used)
        return citation(hit.passage, quote="\n".join(dict.fromkeys(quoted)), known=hit.found_by)

    def _all(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.hits) + 1))
