"""Answers several questions in one message: each searched and judged by itself, all or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from core.domain.drafts import Draft, DraftPart, Finding, Question, Reason, Turn
from core.domain.messages import Author, Citation
from core.nlu.questions import Kind, Piece, alternatives, grammar_of, pieces
from core.nlu.smalltalk import small_talk
from core.rag.answering.extractive import citation
from core.rag.domain.model import Found, Hit, Retriever
from core.rag.retrieval.conversational import Score, Searched, search
from core.rag.retrieval.followups import Stance, speaks_of, stance

MOST = 4  #: questions that are answered in one message; more are for a person
HITS = 5  #: passages that a model is shown


async def search_all(
    retriever: Retriever, text: str, history: Sequence[Turn], *, locale: str, score: Score
) -> tuple[Searched, ...]:
    """What the knowledge says to each thing asked, in order; never empty.

    Raises what the retriever does.
    """
    asked = things_asked(text)
    if len(asked) == 1:
        one = await search(retriever, asked[0], history, locale=locale, score=score)
        parts = alternatives(asked[0]) if stance(asked[0]) is Stance.OWN else ()
        for first, second in parts:
            if _speaks(one, first.named) != _speaks(one, second.named):
                # What was found speaks of one of the two: each is asked by itself.
                return tuple(
                    [
                        _naming(
                            await search(
                                retriever, part.question, history, locale=locale, score=score
                            ),
                            part.named,
                        )
                        for part in (first, second)
                    ]
                )
        return (one,)
    found: list[Searched] = []
    past = list(history)
    for question in asked[:MOST]:
        one = await search(retriever, question, past, locale=locale, score=score)
        found.append(one)
        # The next one may stand on this one: "and how long does it take?".
        sources = tuple(h.passage.id for h in one.found.hits[:1]) if one.reason is None else ()
        past += [
            Turn(author=Author.CUSTOMER.value, text=question),
            Turn(author=Author.AI.value, text="", sources=sources),
        ]
    left = " ".join(asked[MOST:])
    if left:
        found.append(Searched(question=left, text=left, found=Found(), reason=Reason.NOTHING_FOUND))
    return tuple(found)


def things_asked(text: str) -> tuple[str, ...]:
    """The questions of a message in the customer's words; the whole of it where it is one."""
    said = [piece for piece in pieces(text) if small_talk(piece.text) is None]
    questions: list[Piece] = []
    before = ""
    for piece in said:
        if piece.kind is Kind.QUESTION:
            standing = stance(piece.text)
            if before and standing in (Stance.BARE, Stance.REFERS):
                # "My dryer hums. What should I do?" is one question.
                piece = Piece(text=f"{before} {piece.text}", kind=piece.kind)
            elif questions and grammar_of(piece.text).asks_how(piece.text):
                # "Can I reserve one, and how?" is answered by how.
                last = questions.pop()
                piece = Piece(text=f"{last.text} {piece.text}", kind=piece.kind)
            questions.append(piece)
            before = ""
        else:
            before = f"{before} {piece.text}".strip()
    wishes = [piece for piece in said if piece.kind is Kind.WISH]
    if len(questions) > 1:
        return tuple(piece.text for piece in questions)
    if not questions and len(wishes) > 1:
        return tuple(piece.text for piece in wishes)
    whole = " ".join(text.split())
    if len(said) == 1 and len(pieces(text)) > 1:
        # Thanks and greetings around the one thing that is asked.
        whole = said[0].text
    return (whole,)


def _naming(one: Searched, named: Sequence[str]) -> Searched:
    if one.reason is None and not _speaks(one, named):
        return replace(one, reason=Reason.NO_SOURCE)
    return one


def _speaks(one: Searched, named: Sequence[str]) -> bool:
    return bool(one.found.hits) and all(speaks_of(one.found.hits[0], word) for word in named)


def quotation(
    question: Question, searched: Sequence[Searched], answer: Callable[[Question, Found], Draft]
) -> Draft:
    """The draft that quotes a source for each thing asked; its confidence is the weakest one's."""
    drafts = [
        _held(answer(replace(question, text=one.question), one.found), one) for one in searched
    ]
    if len(drafts) == 1:
        return drafts[0]
    parts = tuple(
        DraftPart(
            question=one.question,
            text=draft.text,
            citations=draft.citations,
            confidence=draft.confidence,
            topic=draft.topic,
        )
        for one, draft in zip(searched, drafts, strict=True)
    )
    weakest = min(drafts, key=lambda draft: (bool(draft.text), draft.confidence))
    lacking = [p.question for p, d in zip(parts, drafts, strict=True) if d.reasons or not d.text]
    reasons = [reason for draft in drafts for reason in draft.reasons]
    findings = [finding for draft in drafts for finding in draft.findings]
    if lacking:
        reasons.insert(0, Reason.SEVERAL_QUESTIONS)
        values = {"questions": " / ".join(lacking)}
        findings.insert(0, Finding(reason=Reason.SEVERAL_QUESTIONS, values=values))
    return replace(
        weakest,
        text="\n\n".join(dict.fromkeys(draft.text for draft in drafts if draft.text)),
        citations=_all(draft.citations for draft in drafts),
        reasons=tuple(dict.fromkeys(reasons)),
        findings=tuple(findings),
        sendable=all(draft.sendable for draft in drafts) and not lacking,
        parts=parts,
    )


def _held(draft: Draft, one: Searched) -> Draft:
    """The draft with what speaks against its source."""
    if one.reason is None:
        return draft
    findings = draft.findings
    if one.reason is Reason.UNCLEAR_FOLLOW_UP and one.subject and one.found.hits:
        values = {
            "question": one.question,
            "subject": one.subject,
            "title": citation(one.found.hits[0].passage).title,
        }
        findings = (*findings, Finding(reason=one.reason, values=values))
    reasons = (*draft.reasons, one.reason)
    return replace(draft, reasons=reasons, findings=findings, sendable=False)


def merged(searched: Sequence[Searched]) -> Found:
    """The passages of all things asked as one search, the best of each first."""
    if len(searched) == 1:
        return searched[0].found
    hits: dict[str, Hit] = {}
    for rank in range(HITS):
        for one in searched:
            for hit in one.found.hits[rank : rank + 1]:
                hits.setdefault(hit.passage.id, hit)
    seconds: dict[str, float] = {}
    for one in searched:
        for stage, took in one.found.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + took
    return replace(
        searched[0].found, hits=list(hits.values())[: max(HITS, len(searched))], seconds=seconds
    )


def checked(draft: Draft, searched: Sequence[Searched]) -> Draft:
    """A model's draft, held back where it rests on no source of one of the things asked."""
    cited = {citation.id for citation in draft.citations}
    lacking = [
        one.question
        for one in searched
        if not cited.intersection(hit.passage.id for hit in one.found.hits[:3])
    ]
    if len(searched) == 1 or not lacking or not draft.text:
        return draft
    values = {"questions": " / ".join(lacking)}
    return replace(
        draft,
        reasons=tuple(dict.fromkeys((*draft.reasons, Reason.SEVERAL_QUESTIONS))),
        findings=(*draft.findings, Finding(reason=Reason.SEVERAL_QUESTIONS, values=values)),
        sendable=False,
    )


def _all(citations: Iterable[Sequence[Citation]]) -> tuple[Citation, ...]:
    found: dict[str, Citation] = {}
    for some in citations:
        for one in some:
            found.setdefault(one.id, one)
    return tuple(found.values())
