"""Writes drafts: guard, small talk, search, then a model or the quoting answerer, all in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from core.clock import Clock
from core.drafts import Draft, Question, Reason, Turn
from core.inbox import detect_locale
from core.ports import OnDelta
from core.rag.asking import AT_ONCE_CHARS, Asked, ModelAnswers
from core.rag.composing import Gate
from core.rag.errors import VectorsUnavailable
from core.rag.guard import suspicions
from core.rag.llm import AnswerModel, LangChainModel, ModelSettings
from core.rag.masking import Masked
from core.rag.metrics import AnswerMetrics
from core.rag.passages import Found, Retriever
from core.rag.prompt import Prompt, asked_language, retrieval_text
from core.rag.recall import RememberedAnswers
from core.rag.smalltalk import SmallTalk, small_talk
from core.wording import Words

log = logging.getLogger(__name__)

BUDGET_SECONDS = 2.6  #: of one draft, whatever happens
LEAST_SECONDS = 0.05
SURE = 0.99  #: small talk is understood, or it is treated as a question
SEARCH_CHARS = 1000


class Answerer(Protocol):
    """Whoever answers from passages alone."""

    def answer(self, question: Question, found: Found) -> Draft:
        """A draft that cites the passages, or an empty one with its reason."""
        ...


class RagResponder:
    """`core.ports.Responder` over a retriever, a quoting answerer and perhaps a model.

    `gate` says whether a draft would go out alone, so that its text may be shown as it grows;
    without it nothing is shown early. `revision` changes whenever the knowledge does.
    """

    def __init__(
        self,
        *,
        retriever: Retriever,
        extractive: Answerer,
        words: Words,
        clock: Clock,
        metrics: AnswerMetrics,
        model: AnswerModel | None = None,
        gate: Gate | None = None,
        revision: Callable[[], object] = lambda: 0,
        budget_seconds: float = BUDGET_SECONDS,
    ) -> None:
        self._retriever = retriever
        self._extractive = extractive
        self._words = words
        self._clock = clock
        self._metrics = metrics
        self._model: ModelAnswers | None = None
        if model is not None:
            self._model = ModelAnswers(model, clock=clock, metrics=metrics, gate=gate or _never)
        self._answers = RememberedAnswers(revision)
        self._budget = budget_seconds

    async def start(self) -> None:
        """Load the model, if there is one. Raises SetupError when it cannot be had."""
        if self._model is not None:
            await self._model.start()

    async def stop(self) -> None:
        """Forget the remembered answers."""
        self._answers.clear()

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """See core.ports.Responder; `question.seconds`, where given, shortens the time limit."""
        started = self._clock.monotonic()
        try:
            draft = await self._draft(question, on_delta, ends=started + self._limit(question))
        except Exception:
            log.exception("no draft for %s", question.conversation_id)
            draft = _empty(question.locale, Reason.INTERNAL_ERROR)
        took = self._clock.monotonic() - started
        draft = replace(draft, stages={**draft.stages, "total": took})
        self._metrics.drafted(draft)
        return draft

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """See core.ports.Responder; where a model answers, its own time is what counts."""
        if self._model is None and small_talk(text) is None:
            self._retriever.foresee(retrieval_text(text[:SEARCH_CHARS], history))

    async def _draft(self, question: Question, on_delta: OnDelta | None, *, ends: float) -> Draft:
        locale = asked_language(question.text) or detect_locale(
            question.text, default=question.locale
        )
        question = replace(question, locale=locale)
        if len(question.text) > AT_ONCE_CHARS:
            steered = bool(await asyncio.to_thread(suspicions, question.text))
        else:
            steered = bool(suspicions(question.text))
        talk = None if steered else small_talk(question.text)
        if talk is not None:
            return self._talk(talk, locale)
        asked = Asked.plain(question)
        if self._model is not None:
            asked = await Asked.masked_for(question)
        key, made_at = self._key(asked), self._answers.now()
        if (known := self._answers.get(key)) is not None:
            self._metrics.recalled()
            return _restored(known, asked.masked)
        found = await self._search(asked, seconds=ends - self._clock.monotonic())
        reasons = (Reason.SUSPICIOUS,) if steered else ()
        if isinstance(found, Reason):
            return _empty(locale, found, *reasons)
        quoted = replace(
            self._extractive.answer(question, found), locale=locale, stages=dict(found.seconds)
        )
        # What tries to steer never reaches a model; the quotation is for the person who looks.
        if self._model is None or steered or not quoted.text:
            draft = replace(quoted, reasons=(*quoted.reasons, *reasons))
        else:
            left = ends - self._clock.monotonic()
            draft = await self._model.draft(asked, found, quoted, on_delta, seconds=left)
        if not draft.reasons:
            self._answers.put(key, draft, made_at=made_at)
        return _restored(draft, asked.masked)

    def _limit(self, question: Question) -> float:
        if question.seconds is None:
            return self._budget
        return max(LEAST_SECONDS, min(self._budget, question.seconds))

    def _talk(self, talk: SmallTalk, locale: str) -> Draft:
        held = talk in (SmallTalk.THREAT, SmallTalk.INSULT)
        return Draft(
            text=self._words.text(f"smalltalk.{talk.value}", locale),
            confidence=0.0 if held else SURE,
            reasons=(Reason.ABUSE,) if held else (),
            topic="smalltalk",
            locale=locale,
            answerer="smalltalk",
            sendable=not held,
        )

    async def _search(self, asked: Asked, *, seconds: float) -> Found | Reason:
        """What was found, or why nothing could be."""
        question = asked.question
        text = (asked.masked.bare() if asked.masked.values else "") or question.text
        wanted = retrieval_text(text[:SEARCH_CHARS], question.history)
        try:
            async with asyncio.timeout(seconds):
                return await self._retriever.search(wanted, locale=question.locale)
        except TimeoutError:
            log.warning("the search took more than %.1f s", seconds)
            return Reason.OUT_OF_TIME
        except VectorsUnavailable as error:
            log.warning("the search does not answer: %s", error.detail)
        except Exception:
            log.exception("the search failed")
        return Reason.VECTORS_FAILED

    def _key(self, asked: Asked) -> Hashable:
        question = asked.question
        text = " ".join(question.text.split()).casefold()
        past: Hashable = retrieval_text(question.text, question.history)
        if self._model is not None:
            past = (self._model.name, *((t.author, t.text) for t in question.history))
        return (text, question.locale, past, question.hint)


def build_responder(
    *,
    retriever: Retriever,
    extractive: Answerer,
    words: Words,
    clock: Clock,
    metrics: AnswerMetrics,
    prompts: Path,
    model: ModelSettings | None = None,
    gate: Gate | None = None,
    revision: Callable[[], object] = lambda: 0,
    budget_seconds: float = BUDGET_SECONDS,
) -> RagResponder:
    """A responder from settings; `prompts` is the folder with answer.md, or a prompt file.

    Nothing of LangChain is imported while `model` is None. Call `start()` before the first draft.
    """
    asked: AnswerModel | None = None
    if model is not None and model.model:
        path = prompts if prompts.suffix == ".md" else prompts / "answer.md"
        asked = LangChainModel(model, Prompt.load(path))
    return RagResponder(
        retriever=retriever,
        extractive=extractive,
        words=words,
        clock=clock,
        metrics=metrics,
        model=asked,
        gate=gate,
        revision=revision,
        budget_seconds=budget_seconds,
    )


def _restored(draft: Draft, masked: Masked) -> Draft:
    return replace(draft, text=masked.restore(draft.text)) if masked.values else draft


def _empty(locale: str, *reasons: Reason) -> Draft:
    return Draft(text="", reasons=tuple(dict.fromkeys(reasons)), locale=locale, sendable=False)


def _never(question: Question, draft: Draft) -> bool:  # noqa: ARG001
    return False
