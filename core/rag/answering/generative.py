"""Generative answers: a language model writes from passages, or the quotation stands."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from config.languages import DEFAULT
from core.clock import Clock
from core.domain.drafts import Draft, Finding, Question, Reason
from core.engine.ports import OnDelta
from core.rag.answering.composer import Composed, Composition, Gate, Held
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.domain.model import Found, Hit, Passage
from core.rag.llm.budget import Budget, Ruling
from core.rag.llm.client import Again, AnswerModel, ModelCutOff, ModelFailed, always
from core.rag.llm.json_output import BrokenAnswer
from core.rag.llm.prompt import QUESTION_CHARS, blanks, estimated_tokens
from core.rag.safety.embedded_instructions import gives_orders
from core.rag.safety.injection import LeakCheck
from core.runtime.telemetry import tracing
from core.text.pii import Masked, mask, mask_all

log = logging.getLogger(__name__)

_EVERYTHING = "02-312-3456, 9710139019902, 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00"
HISTORY_TURNS = 8  #: more never fit the prompt's budget
AT_ONCE_CHARS = 800  #: longer texts are looked through on a thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as a model may see it; one mask covers its text and its history."""

    question: Question
    masked: Masked
    language: str = ""  #: it is written in, where that is neither English nor Korean
    language_name: str = ""  #: the same in English words

    @classmethod
    def plain(cls, question: Question) -> Asked:
        """The question as it is, where no model will see it."""
        return cls(question=question, masked=Masked(text=question.text))

    @classmethod
    async def masked_for(cls, question: Question) -> Asked:
        """The question and the turns of its history that a prompt has room for, masked."""
        past = question.history[-HISTORY_TURNS:]
        texts = (question.text[:QUESTION_CHARS], *(turn.text for turn in past))
        # Numbers by the thousand take the phone book's owner seconds, so never on the loop.
        if sum(map(len, texts)) > AT_ONCE_CHARS:
            masked = await asyncio.to_thread(mask_all, texts, locale=question.locale)
        else:
            masked = mask_all(texts, locale=question.locale)
        turns = tuple(
            replace(turn, text=hidden.text) for turn, hidden in zip(past, masked[1:], strict=True)
        )
        return cls(question=replace(question, text=masked[0].text, history=turns), masked=masked[0])


class SourceCheck(Protocol):
    """The port that judges whether a source fits the question.

    A model writes what it is asked to write, so its sentences may all stand in a source that
    speaks of another product, place or plan. This is the one place where that is looked at.
    """

    async def __call__(self, question: Question, hits: Sequence[Hit]) -> Mapping[str, Finding]:
        """Why no answer may rest on a passage unseen, by the passage's id; none is no objection.

        Asked once a draft, with the passages the model is shown, while the model is at work.
        Nothing of the answer is shown or sent before it has returned; what then rests on a
        passage it names is neither shown nor sent, and waits with this finding.
        """
        ...


class LanguageCheck(Protocol):
    """The port that compares question and answer with sources in another language."""

    async def against(
        self, question: Question, language: str, hits: Sequence[Hit]
    ) -> Mapping[str, Finding]:
        """The same as `SourceCheck`, for a question in this language."""
        ...

    async def doubted(
        self, claims: Sequence[tuple[str, Sequence[Passage]]], language: str
    ) -> Sequence[str]:
        """Those sentences of an answer that do not surely stand in their passages."""
        ...


async def nothing_against(
    question: Question,  # noqa: ARG001
    hits: Sequence[Hit],  # noqa: ARG001
) -> Mapping[str, Finding]:
    """Every source will do."""
    return {}


class ModelAnswers:
    """Drafts by a model; each rests on passages, or is the quotation with the reason why."""

    def __init__(
        self,
        model: AnswerModel,
        *,
        clock: Clock,
        metrics: AnswerMetrics,
        gate: Gate,
        against: SourceCheck = nothing_against,
        budget: Budget | None = None,
        across: LanguageCheck | None = None,
    ) -> None:
        self._model = model
        self._budget = budget
        self._against = against
        self._across = across
        self._clock = clock
        self._metrics = metrics
        self._gate = gate
        self._canary = clock.new_id()
        self._leaks = LeakCheck(canary=self._canary, instructions=model.prompt.instructions())

    @property
    def name(self) -> str:
        """The model's name and its prompt's version: what an answer depends on."""
        return f"{self._model.name} {self._model.prompt.version}"

    @property
    def timeout_seconds(self) -> float:
        """How long a whole answer may take."""
        return self._model.timeout_seconds

    async def start(self) -> None:
        """Load the model. Raises SetupError when it cannot be had."""
        # The libraries of the masks are loaded at their first use; not at a customer's question.
        await asyncio.to_thread(mask, _EVERYTHING, locale=DEFAULT)
        await self._model.start()

    async def draft(
        self,
        asked: Asked,
        found: Found,
        quoted: Draft,
        on_delta: OnDelta | None,
        *,
        seconds: float | None,
    ) -> Draft:
        """The model's draft, else `quoted` with the reason; that is also what a budget leaves.

        `seconds` shortens the time that the model has by its settings.
        """
        # A document that gives orders is not shown to the model.
        hits = [hit for hit in found.hits if not gives_orders(hit.passage)]
        if not hits or hits[0] is not found.hits[0]:
            return quoted  # which waits for a person, and says why
        if self._budget is not None:
            ruled = await self._budget.ask(quoted.topic)
            if ruled.ruling is not Ruling.ASK:
                return ruled.applied(quoted)
        composition = Composition(
            hits=hits,
            quoted=quoted,
            question=asked.question,
            masked=asked.masked,
            leaks=self._leaks,
            gate=self._gate,
            language=asked.language,
            on_delta=_restoring(on_delta, asked.masked) if on_delta is not None else None,
        )
        values = blanks(
            question=asked.question.text,
            history=asked.question.history,
            hits=hits,
            locale=asked.question.locale,
            language=asked.language_name,
            hint=asked.question.hint,
            canary=self._canary,
        )
        started = self._clock.monotonic()
        with tracing.stage("model") as span:
            failure = await self._run(composition, values, seconds=seconds)
            span.note(model=composition.model or self._model.name)
            span.note(outcome=failure.reason.value if failure else "answered")
            if composition.tokens_out:
                span.note(tokens_in=composition.tokens_in, tokens_out=composition.tokens_out)
        if asked.language and failure is None:
            composition.doubted = await self._doubted(composition)
        composed = composition.done(failed=failure is not None)
        draft = self._judged(composed, quoted, failure, by=composition.model or self._model.name)
        spent = self._spent(composition, values)
        return replace(
            draft,
            stages={**quoted.stages, "model": self._clock.monotonic() - started},
            signals={**draft.signals, **spent},
            prompt_version=self._model.prompt.version,
        )

    async def _run(
        self, composition: Composition, values: Mapping[str, str], *, seconds: float | None
    ) -> Finding | None:
        """Feed the model's answer into the composition; what went wrong, if anything did."""
        limit = self._model.timeout_seconds
        checking = asyncio.create_task(self._held(composition), name="check-sources")
        checked = False
        try:
            async with (
                asyncio.timeout(limit if seconds is None else min(limit, seconds)),
                aclosing(self._model.stream(values, again=self._again(composition))) as pieces,
            ):
                async for piece in pieces:
                    if not checked:
                        composition.held, checked = await checking, True
                    composition.take(piece)
                composition.finish()
        except TimeoutError:
            log.warning("%s was too slow", self._model.name)
            return Finding(reason=Reason.MODEL_TIMEOUT)
        except ModelCutOff as error:
            log.warning("%s was cut off: %s", self._model.name, error.detail)
            return Finding(reason=Reason.MODEL_CUT, values={"how": error.how} if error.how else {})
        except (ModelFailed, BrokenAnswer) as error:
            log.warning("%s gave no answer: %s", self._model.name, error.detail)
            return Finding(reason=Reason.MODEL_FAILED)
        except Exception:
            log.exception("asking %s failed", self._model.name)
            return Finding(reason=Reason.MODEL_FAILED)
        finally:
            checking.cancel()
        return None

    def _again(self, composition: Composition) -> Again:
        if self._budget is None:
            return always
        return functools.partial(self._budget.again, composition.quoted.topic)

    async def _held(self, composition: Composition) -> Held:
        """The numbers of the sources on which nothing may rest unseen."""
        hits = composition.hits
        question = composition.plain_question()
        try:
            with tracing.stage("judge", sources=len(hits)):
                if composition.language:
                    unsure = Finding(reason=Reason.FOREIGN_LANGUAGE)
                    against: Mapping[str, Finding] = {hit.passage.id: unsure for hit in hits}
                    if self._across is not None:
                        language = composition.language
                        against = await self._across.against(question, language, hits)
                else:
                    against = await self._against(question, hits)
        except Exception:
            # What could not be looked at has not been found good.
            log.exception("the sources could not be checked")
            return dict.fromkeys(range(1, len(hits) + 1), Finding(reason=Reason.INTERNAL_ERROR))
        ids = enumerate((hit.passage.id for hit in hits), start=1)
        return {number: against[id_] for number, id_ in ids if id_ in against}

    async def _doubted(self, composition: Composition) -> Sequence[str]:
        """Sentences in the customer's language that do not surely say what the sources say."""
        kept = composition.kept
        try:
            if self._across is not None:
                return await self._across.doubted(kept, composition.language)
        except Exception:
            log.exception("an answer in another language could not be compared")
        return [claim for claim, _ in kept]

    def _judged(
        self, composed: Composed, quoted: Draft, failure: Finding | None, *, by: str
    ) -> Draft:
        signals = {**quoted.signals, **composed.signals}
        if composed.text and failure is None and not composed.leaked:
            return replace(
                quoted,
                text=composed.text,
                citations=composed.citations,
                confidence=composed.confidence,
                signals=signals,
                reasons=composed.reasons,
                findings=_worded(composed.findings),
                topic=composed.topic,
                answerer=by,
                sendable=not composed.reasons,
            )
        if composed.leaked:
            reason = Reason.SUSPICIOUS
        elif failure is not None:
            # Only what its model has finished is an answer, whatever was there by then. The
            # quotation is an honest answer of its own and goes by its own confidence.
            return replace(
                quoted,
                signals=signals,
                reasons=(*quoted.reasons, failure.reason),
                findings=(*quoted.findings, *_worded((failure,))),
            )
        elif composed.refused:
            reason = Reason.NOTHING_FOUND
        elif composed.cut:
            reason = Reason.UNSUPPORTED
        else:
            reason = Reason.MODEL_FAILED
        return replace(
            quoted,
            signals=signals,
            reasons=(*quoted.reasons, reason),
            findings=(*quoted.findings, *_worded(composed.findings)),
            sendable=quoted.sendable and reason is Reason.MODEL_FAILED,
        )

    def _spent(self, composition: Composition, values: Mapping[str, str]) -> dict[str, float]:
        prompt = self._model.prompt
        sent = "".join((prompt.system, prompt.human, *values.values()))
        tokens_in = composition.tokens_in or estimated_tokens(sent)
        tokens_out = composition.tokens_out or estimated_tokens(composition.raw)
        name = composition.model or self._model.name
        self._metrics.spent(name=name, tokens_in=tokens_in, tokens_out=tokens_out)
        return {"tokens_in": float(tokens_in), "tokens_out": float(tokens_out)}


def _worded(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that say more than their reason does."""
    return tuple(finding for finding in findings if finding.values)


def _restoring(on_delta: OnDelta, masked: Masked) -> OnDelta:
    return lambda text: on_delta(masked.restore(text))
