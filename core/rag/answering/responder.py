"""The responder: injection check, small talk, search, then generative or extractive answer."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from config.languages import ANSWERING, DEFAULT
from core.clock import Clock
from core.domain.drafts import Draft, Finding, Question, Reason, Turn
from core.engine.ports import OnDelta
from core.i18n import Words
from core.nlu.language_detection import NAMED, detect_locale, foreign_language
from core.nlu.smalltalk import SmallTalk, small_talk
from core.rag.answering.cache import AnswerCache
from core.rag.answering.composer import Gate
from core.rag.answering.compound_questions import checked, merged, quotation, search_all
from core.rag.answering.cross_lingual import CONFIDENCE
from core.rag.answering.generative import (
    AT_ONCE_CHARS,
    Asked,
    LanguageCheck,
    ModelAnswers,
    SourceCheck,
    nothing_against,
)
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Found, Retriever
from core.rag.groundedness.contradictions import forget_contradictions
from core.rag.llm.budget import Budget
from core.rag.llm.chat_model import ModelSettings
from core.rag.llm.client import AnswerModel, LangChainModel
from core.rag.llm.prompt import Prompt, asked_language
from core.rag.reranking.wording_model import forget_wordings
from core.rag.retrieval.conversational import Searched, search_text
from core.rag.retrieval.followups import forget_subjects, subject_of
from core.rag.safety.injection import suspicions
from core.rag.semantics.facets import forget_comparisons
from core.rag.semantics.thesaurus import forget_rewordings
from core.rag.vectors.lexical import forget_words
from core.runtime.telemetry import tracing
from core.text.pii import Masked

log = logging.getLogger(__name__)

BUDGET_SECONDS = 2.6  #: of one draft, for all that needs no model
LEAST_SECONDS = 0.05
SURE = 0.99  #: small talk is understood, or it is treated as a question
SMALL_TALK = "smalltalk"


class Answerer(Protocol):
    """The port to an answerer without a model."""

    def answer(self, question: Question, found: Found) -> Draft:
        """A draft that cites the passages, or an empty one with its reason."""
        ...


class RagResponder:
    """`core.engine.ports.Responder` over a retriever, an extractive answerer and, if set, a model.

    `gate` says whether a draft would go out alone, so that its text may be shown as it grows;
    without it nothing is shown early. `against` has its word on every source a model is given,
    `calls` on whether it is asked at all. `across` compares languages, and without it no answer
    goes out alone in another one than ours. `revision` changes whenever the knowledge does.
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
        against: SourceCheck = nothing_against,
        calls: Budget | None = None,
        across: LanguageCheck | None = None,
        revision: Callable[[], object] = lambda: 0,
        budget_seconds: float = BUDGET_SECONDS,
    ) -> None:
        self._retriever = retriever
        self._extractive = extractive
        self._words = words
        self._clock = clock
        self._metrics = metrics
        self._by_model = functools.partial(
            ModelAnswers,
            clock=clock,
            metrics=metrics,
            gate=gate or _never,
            against=against,
            budget=calls,
            across=across,
        )
        self._model = self._by_model(model) if model is not None else None
        self._answers = AnswerCache(revision)
        self._budget = budget_seconds
        self._warming: asyncio.Task[str] | None = None

    async def start(self) -> None:
        """Load the model, if there is one. Raises SetupError when it cannot be had."""
        # Its model takes a fifth of a second to load, which no customer should wait for.
        self._warming = asyncio.create_task(asyncio.to_thread(foreign_language, "hola, que tal"))
        if self._model is not None:
            await self._model.start()

    async def use(self, model: AnswerModel | None) -> None:
        """Ask this model from now on, or quote; a draft under way ends as it began.

        Raises SetupError for a model that cannot be had; then everything stays as it was.
        """
        made = self._by_model(model) if model is not None else None
        if made is not None:
            await made.start()
        self._model = made

    @property
    def writing_seconds(self) -> float:
        """How long a customer may see that the assistant is writing; 0 where no model is asked."""
        return self._model.timeout_seconds if self._model is not None else 0.0

    async def stop(self) -> None:
        """Forget the remembered answers."""
        self.forget()

    def forget(self) -> None:
        """Remember no answer, nor any text that was looked at."""
        self._answers.clear()
        forget_words()
        forget_comparisons()
        forget_wordings()
        forget_rewordings()
        forget_contradictions()
        forget_subjects()

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """See core.engine.ports.Responder; a model has the time of its own settings besides."""
        started = self._clock.monotonic()
        try:
            language = foreign_language(question.text)
            # Of what may be held for its language nothing is shown before it is whole.
            shown = None if language else on_delta
            draft = await self._draft(
                question, shown, language, ends=started + self._limit(question)
            )
            # What a model has written in the customer's language says so itself, if it has to wait.
            if language and draft.answerer != SMALL_TALK and not _speaks(draft, language):
                draft = _foreign(draft, language)
        except Exception:
            log.exception("no draft for %s", question.conversation_id)
            draft = _empty(question.locale, Reason.INTERNAL_ERROR)
        took = self._clock.monotonic() - started
        draft = replace(draft, stages={**draft.stages, "total": took})
        self._metrics.drafted(draft)
        return draft

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """See core.engine.ports.Responder; where a model answers, its own time is what counts."""
        if self._model is None and small_talk(text) is None:
            self._retriever.foresee(search_text(text, history))

    async def _draft(
        self, question: Question, on_delta: OnDelta | None, language: str, *, ends: float
    ) -> Draft:
        reader, model = question.locale, self._model
        # Other languages are searched and written as foreign ones (`language`).
        locale = asked_language(question.text) or detect_locale(
            question.text, default=reader if reader in ANSWERING else DEFAULT
        )
        question = replace(question, locale=locale)
        if len(question.text) > AT_ONCE_CHARS:
            steered = bool(await asyncio.to_thread(suspicions, question.text))
        else:
            steered = bool(suspicions(question.text))
        talk = None if steered else small_talk(question.text)
        if talk is not None:
            return self._talk(talk, locale if reader in ANSWERING else reader)
        asked = Asked.plain(question)
        if model is not None:
            asked = replace(
                await Asked.masked_for(question),
                language=language,
                language_name=self._called(language) if language else "",
            )
        key, made_at = _key(asked, model), self._answers.now()
        if (known := self._answers.get(key)) is not None:
            self._metrics.recalled()
            return _restored(known, asked.masked)
        searched = await self._search(asked, seconds=ends - self._clock.monotonic())
        reasons = (Reason.SUSPICIOUS,) if steered else ()
        if isinstance(searched, Reason):
            return _empty(locale, searched, *reasons)
        found = merged(searched)
        with tracing.stage("judge", passages=len(found.hits)) as span:
            quoted = quotation(question, searched, self._extractive.answer)
            span.note(confidence=quoted.confidence)
        quoted = replace(quoted, locale=locale, stages=dict(found.seconds))
        held = tuple(one.reason for one in searched if one.reason is not None)
        if language:
            # Which thing is asked about is compared across languages, and only for one question.
            held = (*held, Reason.SEVERAL_QUESTIONS) if len(searched) > 1 else held
        elif Reason.OTHER_THING in quoted.reasons:
            # A model says yes to what it is asked, whatever its source speaks of.
            held = (*held, Reason.OTHER_THING)
        # What tries to steer never reaches a model; the quotation is for the person who looks.
        if model is None or steered or not quoted.text:
            draft = replace(quoted, reasons=(*quoted.reasons, *reasons))
        else:
            left = ends - self._clock.monotonic() if question.for_person else None
            # What needs all of its parts, or may not go alone, is not shown as it grows.
            shown = on_delta if len(searched) == 1 and not held else None
            draft = await model.draft(asked, found, quoted, shown, seconds=left)
            if language and not draft.reasons:
                draft = replace(draft, confidence=CONFIDENCE)
            draft = _held(checked(draft, searched), held)
        if not draft.reasons:
            self._answers.put(key, draft, made_at=made_at)
        return _restored(draft, asked.masked)

    def _called(self, language: str) -> str:
        return self._words.text(f"languages.{language}", "en") if language in NAMED else language

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
            answerer=SMALL_TALK,
            sendable=not held,
        )

    async def _search(self, asked: Asked, *, seconds: float) -> tuple[Searched, ...] | Reason:
        """What was found for each thing asked, or why nothing could be."""
        question = asked.question
        text = (asked.masked.bare() if asked.masked.values else "") or question.text
        try:
            async with asyncio.timeout(seconds):
                with tracing.stage("retrieve"):
                    return await search_all(
                        self._retriever,
                        text,
                        question.history,
                        locale=question.locale,
                        score=lambda found: self._extractive.answer(question, found).confidence,
                    )
        except TimeoutError:
            log.warning("the search took more than %.1f s", seconds)
            return Reason.OUT_OF_TIME
        except VectorsUnavailable as error:
            log.warning("the search does not answer: %s", error.detail)
        except Exception:
            log.exception("the search failed")
        return Reason.VECTORS_FAILED


def _key(asked: Asked, model: ModelAnswers | None) -> Hashable:
    """What an answer depends on, the knowledge apart."""
    question = asked.question
    text = " ".join(question.text.split()).casefold()
    past: Hashable = subject_of(question.history)
    if model is not None:
        past = (model.name, *((t.author, t.text) for t in question.history))
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
    against: SourceCheck = nothing_against,
    calls: Budget | None = None,
    across: LanguageCheck | None = None,
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
        against=against,
        calls=calls,
        across=across,
        revision=revision,
        budget_seconds=budget_seconds,
    )


def _restored(draft: Draft, masked: Masked) -> Draft:
    return replace(draft, text=masked.restore(draft.text)) if masked.values else draft


def _empty(locale: str, *reasons: Reason) -> Draft:
    return Draft(text="", reasons=tuple(dict.fromkeys(reasons)), locale=locale, sendable=False)


def _held(draft: Draft, reasons: Sequence[Reason]) -> Draft:
    """The draft with what speaks against its sources, whoever wrote it."""
    if not reasons:
        return draft
    return replace(draft, reasons=tuple(dict.fromkeys((*draft.reasons, *reasons))), sendable=False)


def _speaks(draft: Draft, language: str) -> bool:
    """Whether the draft may go out in this language: a model wrote it, and nothing holds it."""
    return bool(draft.prompt_version and draft.sendable and not draft.reasons) and (
        foreign_language(draft.text) == language
    )


def _foreign(draft: Draft, language: str) -> Draft:
    """The draft, for a person: what it says is right, but the customer cannot read it."""
    finding = Finding(
        reason=Reason.FOREIGN_LANGUAGE,
        values={"language": f"languages.{language}" if language in NAMED else language},
    )
    others = (f for f in draft.findings if f.reason is not Reason.FOREIGN_LANGUAGE)
    return replace(
        draft,
        reasons=tuple(dict.fromkeys((*draft.reasons, Reason.FOREIGN_LANGUAGE))),
        findings=(*others, finding),
        sendable=False,
    )


def _never(question: Question, draft: Draft) -> bool:  # noqa: ARG001
    return False
