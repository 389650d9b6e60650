"""Builds the responder from the settings, and the knowledge base's slice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from config.sections import LlmSettings
from core.accounts.audit.projection import AuditedKnowledge
from core.rag.answering.composer import Gate
from core.rag.answering.contradiction_check import all_of, contradiction_check
from core.rag.answering.cross_lingual import Across
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.answering.responder import BUDGET_SECONDS, RagResponder, build_responder
from core.rag.answering.subject_check import SubjectCheck
from core.rag.commands import cli
from core.rag.commands.doctor import answer_checks
from core.rag.console.api import KnowledgeRoutes
from core.rag.console.article_pages import ArticlePages
from core.rag.console.disagreement_pages import DisagreementPages
from core.rag.console.guide_pages import HelpPages
from core.rag.console.pages import TEMPLATES, KnowledgePages
from core.rag.console.uploads import KnowledgeUploads
from core.rag.knowledge_base.rag import Rag
from core.rag.llm.budget import EVERY_OTHER, Allowance, Allowances, ModelBudget
from core.rag.llm.chat_model import ModelSettings
from core.rag.personal_data import LearnedFromPeople
from core.runtime.checks import Check
from core.runtime.shipped import PROMPTS
from core.slices.slice import Core, Job, Slice, Web
from core.web.http.routing import Routed

SETTLING = timedelta(seconds=20)  #: between two looks whether index and articles may disagree


def model_of(llm: LlmSettings) -> ModelSettings | None:
    """The model that is asked; none, when none is set."""
    if llm.llm_model is None:
        return None
    return ModelSettings(
        model=llm.llm_model,
        fallbacks=llm.llm_fallback_models,
        timeout_seconds=llm.llm_timeout_seconds,
        extra=llm.llm_options,
    )


def model_budget(core: Core) -> ModelBudget | None:
    """Counts how often the model is asked; none, when there is no model."""
    settings = core.settings
    if settings.llm.llm_model is None:
        return None
    return ModelBudget(
        core.db["model_calls"],
        allowances(settings.llm, zone=settings.approvals.desk_timezone),
        clock=core.clock,
    )


def allowances(llm: LlmSettings, *, zone: str) -> Allowances:
    """How often the model may be asked on a day in this zone."""
    soft, hard = dict(llm.llm_calls_by_topic), dict(llm.llm_calls_by_topic_hard)
    return Allowances(
        day=Allowance(soft=llm.llm_calls_a_day, hard=llm.llm_calls_a_day_hard),
        topics={
            topic: Allowance(
                soft=soft.get(topic, soft.get(EVERY_OTHER)),
                hard=hard.get(topic, hard.get(EVERY_OTHER)),
            )
            for topic in {**soft, **hard}
        },
        zone=ZoneInfo(zone),
    )


def writing_seconds(llm: LlmSettings) -> float:
    """How long a customer may see that the assistant is writing."""
    return llm.llm_timeout_seconds if llm.llm_model is not None else 0.0


def responder_of(
    core: Core,
    rag: Rag,
    *,
    model: ModelSettings | None,
    prompts: Path = PROMPTS,
    registry: CollectorRegistry | None = None,
    gate: Gate | None = None,
    calls: ModelBudget | None = None,
    budget_seconds: float = BUDGET_SECONDS,
) -> RagResponder:
    """Whoever drafts from what is known; `gate`, `calls` and the budget as in `RagResponder`."""
    return build_responder(
        retriever=rag.knowledge.customers,
        against=all_of(SubjectCheck(rag.matcher, rag.confidence), contradiction_check),
        across=Across(rag.embedder),
        extractive=ExtractiveAnswerer(rag.confidence),
        words=core.words,
        clock=core.clock,
        metrics=AnswerMetrics(registry or CollectorRegistry()),
        prompts=prompts,
        model=model,
        gate=gate,
        calls=calls,
        revision=lambda: rag.knowledge.customers.revision,
        budget_seconds=budget_seconds,
    )


def setup(core: Core, rag: Rag, *, budget: ModelBudget | None) -> Slice:
    """What is known: its API, its pages, its commands, and what of it came from people."""
    rag.knowledge.on_changed(AuditedKnowledge(core.audit).changed)

    async def know() -> None:
        await rag.knowledge.start()
        rag.disagreements.wake()

    async def settle() -> None:
        if rag.is_open:
            await rag.knowledge.settle()

    async def checks() -> Sequence[Check]:
        await rag.open()
        return answer_checks(
            rag,
            core.settings,
            model=model_of(core.settings.llm),
            prompts=PROMPTS,
            budget=budget,
        )

    async def vectors() -> None:
        await rag.index.count()

    def routes(web: Web) -> Sequence[Routed]:
        return (
            KnowledgeRoutes(knowledge=rag.knowledge, confidence=rag.confidence, clock=core.clock),
            KnowledgePages(
                rag.knowledge,
                disagreements=rag.disagreements,
                confidence=rag.confidence,
                history=rag.history,
                pages=web.pages,
            ),
            ArticlePages(rag.knowledge, history=rag.history, pages=web.pages),
            KnowledgeUploads(
                rag.knowledge, folder=core.data_dir.path / "uploads", clock=core.clock
            ),
            DisagreementPages(rag.disagreements, pages=web.pages),
            *([HelpPages(rag.guide, pages=web.pages)] if rag.guide is not None else ()),
        )

    return Slice(
        name="knowledge",
        routes=routes,
        templates={"knowledge": TEMPLATES},
        static={"knowledge": TEMPLATES.with_name("static")},
        tasks={"knowledge": know},
        jobs=(Job(work=settle, every=SETTLING),),
        commands=cli.commands(rag),
        checks=checks,
        health={"vectors": vectors},
        personal_data=(LearnedFromPeople(rag.ready, core.renames.renamed),),
    )
