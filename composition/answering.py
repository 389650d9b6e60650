"""Who answers: the model the settings name, over what is known; and the past asked again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from approvals.trust.replay import Archive, Replayed, replay, start_of
from composition.at_rest import trust_at_rest
from composition.program import PROMPTS
from config.sections import LlmSettings
from core.errors import BadInput
from core.rag.extractive import ExtractiveAnswerer
from core.rag.llm import ModelSettings
from core.rag.metrics import AnswerMetrics
from core.rag.responder import BUDGET_SECONDS, build_responder

if TYPE_CHECKING:
    from composition.center import Center


def model_of(llm: LlmSettings) -> ModelSettings | None:
    """The model that is asked; none, when none is set."""
    if llm.llm_model is None:
        return None
    return ModelSettings(
        model=llm.llm_model,
        fallbacks=llm.llm_fallback_models,
        timeout_seconds=llm.llm_timeout_seconds,
    )


def budget_seconds(llm: LlmSettings) -> float:
    """What an answer may take: the model's whole time, and the moment it takes to give it up."""
    return max(BUDGET_SECONDS, llm.llm_timeout_seconds + 0.2)


async def ask_again(
    center: Center,
    since: str,
    threshold: float | None,
    prompt: Path | None,
    model: str,
    progress: Callable[[int, int], None],
) -> Replayed:
    """Ask what was asked since then again, against a change; nobody hears the answers."""
    rag, llm = await center.rag(), center.settings.llm
    past = await Archive(center.db["log"], center.running().conversations).since(
        start_of(since, now=center.clock.now())
    )
    wanted = model_of(llm.model_copy(update={"llm_model": model}) if model else llm)
    if prompt is not None and wanted is None:
        raise BadInput("A prompt is for a model, and none is set; give --model.")
    responder = build_responder(
        retriever=rag.retriever,
        extractive=ExtractiveAnswerer(rag.confidence),
        words=center.words,
        clock=center.clock,
        metrics=AnswerMetrics(CollectorRegistry()),
        prompts=prompt or PROMPTS,
        model=wanted,
        budget_seconds=budget_seconds(llm),
    )
    await responder.start()
    trust = center.live.trust if center.live is not None else await trust_at_rest(center, rag)
    return await replay(
        past,
        responder=responder,
        would_send=trust.autonomy.would_send
        if threshold is None
        else lambda draft: draft.confidence >= threshold < 1.0,
        progress=progress,
    )
