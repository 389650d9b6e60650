"""Extractive answers, without a model: the best sentences of the best passage, quoted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.domain.drafts import Draft, Finding, Question, Reason
from core.domain.messages import Citation
from core.rag.confidence.recalibration import Scorer
from core.rag.domain.chunks import plain, thoughts
from core.rag.domain.model import Found, Hit, Passage
from core.rag.groundedness.contradictions import contradictions
from core.rag.knowledge.fingerprint import digest_of
from core.rag.reranking.subject import differing
from core.rag.safety.embedded_instructions import gives_orders
from core.rag.semantics.statements import is_question, is_statement, says_something
from core.rag.vectors.lexical import token_set

NAME = "extractive"
LIMIT = 600  #: characters of an answer: what fits on a phone without scrolling
TOLD = 200  #: characters of a sentence that a finding names
LEAD = 0.5  #: what being the first sentence counts, in rare shared words
_ITEM = re.compile(r"^(?:[-*+]|\d+[.)])\s")


class ExtractiveAnswerer:
    """Quotes the best passage, word for word."""

    def __init__(self, confidence: Scorer) -> None:
        self._confidence = confidence

    def answer(self, question: Question, found: Found) -> Draft:
        """The draft that quotes the best passage; an empty one when there is nothing to quote."""
        # The confidence speaks of the first hit; another one would be a different answer.
        best = found.hits[0] if found.hits else None
        titles = (best.passage.title, best.passage.heading) if best is not None else ()
        if best is None or not says_something(best.passage.text, titles=titles):
            return _without(question, found, Reason.NOTHING_FOUND)
        text = quote(question.text, best)
        if not text:
            title = citation(best.passage).title
            finding = Finding(reason=Reason.UNQUOTABLE, values={"title": title})
            empty = _without(question, found, Reason.UNQUOTABLE)
            return replace(empty, citations=(citation(best.passage),), findings=(finding,))
        # Whoever wrote orders into it, the person who decides should see them.
        orders = gives_orders(best.passage)
        findings = [_suspicious(best.passage, kind) for kind in orders]
        reasons = [Reason.SUSPICIOUS_SOURCE] if orders else []
        if self._confidence.held(found.signals):
            findings.append(differing(question.text, found))
            reasons.append(Reason.OTHER_THING)
        if contradicted := contradicting(best, found.hits, said=text):
            findings.append(contradicted)
            reasons.append(Reason.CONTRADICTED)
        return Draft(
            text=text,
            citations=(citation(best.passage, quote=text, known=best.found_by),),
            confidence=self._confidence.score(found.signals),
            signals=found.signals,
            reasons=tuple(reasons),
            findings=tuple(findings),
            topic=best.passage.topic,
            locale=question.locale,
            answerer=NAME,
            demonstration=found.demonstration,
            sendable=not reasons,
        )


def _without(question: Question, found: Found, reason: Reason) -> Draft:
    return Draft(
        text="",
        signals=found.signals,
        reasons=(reason,),
        locale=question.locale,
        answerer=NAME,
        sendable=False,
        demonstration=found.demonstration,
    )


def contradicting(hit: Hit, others: Sequence[Hit], *, said: str) -> Finding | None:
    """What another passage says otherwise of what is said of this one; None where none does."""
    whole = " ".join(plain(said).split())
    for other in others:
        for found in contradictions(hit.passage, other.passage):
            if " ".join(found.one.split()) in whole:
                return Finding(
                    reason=Reason.CONTRADICTED,
                    values={
                        "title": citation(hit.passage).title,
                        "said": _short(found.one),
                        "other_title": citation(other.passage).title,
                        "other": _short(found.other),
                    },
                )
    return None


def _short(sentence: str) -> str:
    return sentence if len(sentence) <= TOLD else f"{sentence[:TOLD].rstrip()}…"


def _suspicious(passage: Passage, kind: str) -> Finding:
    title = citation(passage).title
    return Finding(
        reason=Reason.SUSPICIOUS_SOURCE, values={"title": title, "what": f"approvals.orders.{kind}"}
    )


def citation(passage: Passage, *, quote: str = "", known: str = "") -> Citation:
    """A passage as a source to show, and the known question it was found by."""
    title = f"{passage.title} › {passage.heading}" if passage.heading else passage.title
    return Citation(
        id=passage.id,
        title=title,
        url=passage.url,
        quote=quote,
        digest=digest_of(passage),
        known=known,
    )


def quote(question: str, hit: Hit, *, limit: int = LIMIT) -> str:
    """The neighbouring sentences that share most with the question, at most `limit` long.

    Nothing is cut within a sentence, and a question or a heading is no answer: "" where nothing
    else is there, or no sentence so short.
    """
    text = hit.passage.text.strip()
    if not says_something(text, titles=(hit.passage.title, hit.passage.heading)):
        return ""
    if len(text) <= limit:
        return text
    parts = _units(text, limit)
    asked = token_set(question) | token_set(hit.known_question)
    # What the whole passage is about tells none of its sentences from the others.
    asked = asked - token_set(f"{hit.passage.title} {hit.passage.heading}") or asked
    start, end = _window(asked, parts, limit)
    return "".join(between + part for part, between in parts[start:end]).strip()


def _units(text: str, limit: int) -> list[tuple[str, str]]:
    """Sentences, each with what goes before it."""
    found: list[tuple[str, str]] = []
    for block in text.split("\n\n"):
        parts, between = thoughts(block, limit)
        # Lines that are no sentences stay lines for whoever reads them.
        line = between == "\n"
        found += [(p, "  \n" if line else "\n" if _ITEM.match(p) else " ") for p in parts]
    return found


def _window(asked: frozenset[str], units: Sequence[tuple[str, str]], limit: int) -> tuple[int, int]:
    """Where the best run of whole sentences starts and ends; it begins and ends with one."""
    parts = [part for part, _ in units]
    common = Counter(token for part in parts for token in token_set(part))
    worth = [
        sum(1.0 / common[token] for token in asked & token_set(part)) + (LEAD if i == 0 else 0.0)
        for i, part in enumerate(parts)
    ]
    says = [is_statement(part) for part in parts]
    for i, part in enumerate(parts[:-1]):
        if not says[i] and is_question(part):
            # What a question shares with the customer's speaks for the sentence that follows it.
            worth[i + 1] += worth[i]
            worth[i] = 0.0
    best, chosen = -1.0, (0, 0)
    for start in range(len(parts)):
        length, value = 0, 0.0
        for end in range(start, len(parts)):
            length += len(parts[end]) + (len(units[end][1]) if end > start else 0)
            if length > limit:
                break
            value += worth[end]
            # Of equal runs the one that begins with what was asked reads best.
            score = value + 0.01 * worth[start]
            if score > best and says[start] and says[end]:
                best, chosen = score, (start, end + 1)
    return chosen
