"""Asks a model for an answer from passages, and says honestly when there is none to be had."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import lru_cache

from core.clock import Clock
from core.drafts import Draft, Question, Reason
from core.ports import OnDelta
from core.rag.composing import Composed, Composition, Gate
from core.rag.guard import LeakCheck, suspicions
from core.rag.llm import AnswerModel, ModelCutOff, ModelFailed
from core.rag.masking import Masked, mask, mask_all
from core.rag.metrics import AnswerMetrics
from core.rag.parse import BrokenAnswer
from core.rag.passages import Found
from core.rag.prompt import QUESTION_CHARS, blanks, estimated_tokens

log = logging.getLogger(__name__)

_EVERYTHING = "02-312-3456, 9710139019902, 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00"
HISTORY_TURNS = 8  #: more never fit the prompt's budget
AT_ONCE_CHARS = 800  #: longer texts are looked through on a thread
RESERVE_SECONDS = 0.08  #: kept for what comes after the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as a model may see it; the same mask covers its text and its history."""

    question: Question
    masked: Masked

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


class ModelAnswers:
    """Drafts by a model; each rests on passages, or is the quotation with the reason why."""

    def __init__(
        self, model: AnswerModel, *, clock: Clock, metrics: AnswerMetrics, gate: Gate
    ) -> None:
        self._model = model
        self._clock = clock
        self._metrics = metrics
        self._gate = gate
        self._canary = clock.new_id()
        self._leaks = LeakCheck(canary=self._canary, instructions=model.prompt.instructions())

    @property
    def name(self) -> str:
        """The model's name and its prompt's version: what an answer depends on."""
        return f"{self._model.name} {self._model.prompt.version}"

    async def start(self) -> None:
        """Load the model. Raises SetupError when it cannot be had."""
        # The libraries of the masks are loaded at their first use; not at a customer's question.
        await asyncio.to_thread(mask, _EVERYTHING, locale="ko")
        await self._model.start()

    async def draft(
        self,
        asked: Asked,
        found: Found,
        quoted: Draft,
        on_delta: OnDelta | None,
        *,
        seconds: float,
    ) -> Draft:
        """The model's draft within so many seconds, else `quoted` with the reason."""
        # A document that gives orders is not shown to the model.
        hits = [hit for hit in found.hits if not _gives_orders(hit.passage.text)]
        if not hits or hits[0] is not found.hits[0]:
            return replace(quoted, reasons=(*quoted.reasons, Reason.SUSPICIOUS), sendable=False)
        composition = Composition(
            hits=hits,
            quoted=quoted,
            question=asked.question,
            masked=asked.masked,
            leaks=self._leaks,
            gate=self._gate,
            on_delta=_restoring(on_delta, asked.masked) if on_delta is not None else None,
        )
        values = blanks(
            question=asked.question.text,
            history=asked.question.history,
            hits=hits,
            locale=asked.question.locale,
            hint=asked.question.hint,
            canary=self._canary,
        )
        started = self._clock.monotonic()
        failure = await self._run(composition, values, seconds=seconds - RESERVE_SECONDS)
        composed = composition.done(failed=failure is not None)
        draft = self._judged(composed, quoted, failure)
        spent = self._spent(composition, values)
        return replace(
            draft,
            stages={**quoted.stages, "model": self._clock.monotonic() - started},
            signals={**draft.signals, **spent},
            prompt_version=self._model.prompt.version,
        )

    async def _run(
        self, composition: Composition, values: Mapping[str, str], *, seconds: float
    ) -> Reason | None:
        """Feed the model's answer into the composition; the reason when it went wrong."""
        try:
            async with (
                asyncio.timeout(min(seconds, self._model.timeout_seconds)),
                aclosing(self._model.stream(values)) as pieces,
            ):
                async for piece in pieces:
                    composition.take(piece)
            composition.finish()
        except TimeoutError:
            log.warning("%s was too slow", self._model.name)
            return Reason.MODEL_TIMEOUT
        except ModelCutOff as error:
            log.warning("%s was cut off: %s", self._model.name, error.detail)
            return Reason.MODEL_TIMEOUT
        except (ModelFailed, BrokenAnswer) as error:
            log.warning("%s gave no answer: %s", self._model.name, error.detail)
            return Reason.MODEL_FAILED
        except Exception:
            log.exception("asking %s failed", self._model.name)
            return Reason.MODEL_FAILED
        return None

    def _judged(self, composed: Composed, quoted: Draft, failure: Reason | None) -> Draft:
        signals = {**quoted.signals, **composed.signals}
        if composed.shown or (composed.text and failure is None and not composed.leaked):
            return replace(
                quoted,
                text=composed.text,
                citations=composed.citations,
                confidence=composed.confidence,
                signals=signals,
                reasons=(*composed.reasons, *((failure,) if failure else ())),
                topic=composed.topic,
                answerer=self._model.name,
                sendable=not composed.reasons,
            )
        if composed.leaked:
            reason = Reason.SUSPICIOUS
        elif failure is not None:
            # The quotation is an honest answer of its own and goes by its own confidence.
            return replace(quoted, signals=signals, reasons=(*quoted.reasons, failure))
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
            sendable=quoted.sendable and reason is Reason.MODEL_FAILED,
        )

    def _spent(self, composition: Composition, values: Mapping[str, str]) -> dict[str, float]:
        prompt = self._model.prompt
        sent = "".join((prompt.system, prompt.human, *values.values()))
        tokens_in = composition.tokens_in or estimated_tokens(sent)
        tokens_out = composition.tokens_out or estimated_tokens(composition.raw)
        self._metrics.spent(name=self._model.name, tokens_in=tokens_in, tokens_out=tokens_out)
        return {"tokens_in": float(tokens_in), "tokens_out": float(tokens_out)}


@lru_cache(maxsize=4096)
def _gives_orders(text: str) -> bool:
    """Whether a passage tries to steer; remembered, because the same passages come up again."""
    return bool(suspicions(text))


def _restoring(on_delta: OnDelta, masked: Masked) -> OnDelta:
    return lambda text: on_delta(masked.restore(text))
