"""Builds the responder from the settings, and the knowledge base's slice."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from config.sections import LlmSettings
from core.accounts.audit.projection import AuditedKnowledge
from core.accounts.secret_box import SecretBox
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
from core.rag.console.model_api import ModelRoutes
from core.rag.console.pages import TEMPLATES, KnowledgePages
from core.rag.console.uploads import KnowledgeUploads
from core.rag.knowledge_base.rag import Rag
from core.rag.llm.budget import EVERY_OTHER, Allowance, Allowances, ModelBudget
from core.rag.llm.chat_model import ModelSettings
from core.rag.llm.choice import ModelChoices, Reach
from core.rag.llm.client import LangChainModel
from core.rag.llm.prompt import Prompt
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


def model_budget(core: Core) -> ModelBudget:
    """Counts how often the model is asked; an admin may choose one at any moment."""
    settings = core.settings
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


def model_choices(core: Core, *, reach: Reach) -> ModelChoices:
    """The model as an admin has chosen it; `reach` refuses addresses that may not be asked."""
    return ModelChoices(
        core.db["company"],
        environment=core.settings.llm,
        seal=SecretBox([key for key in (core.secret_key, core.previous_key) if key]),
        audit=core.audit,
        clock=core.clock,
        reach=reach,
    )


def ask_as_chosen(answers: RagResponder, models: ModelChoices, *, prompts: Path = PROMPTS) -> None:
    """Have the responder ask whichever model is chosen, from the moment it is."""

    async def use(settings: ModelSettings | None) -> None:
        prompt = Prompt.load(prompts / "answer.md")
        await answers.use(LangChainModel(settings, prompt) if settings is not None else None)

    models.on_chosen(use)


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


def setup(core: Core, rag: Rag, *, budget: ModelBudget, models: ModelChoices) -> Slice:
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
        await models.load()
        return answer_checks(
            rag,
            core.settings,
            model=models.settings(),
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
            ModelRoutes(models, audit=core.audit, prompts=PROMPTS),
            *([HelpPages(rag.guide, pages=web.pages)] if rag.guide is not None else ()),
        )

    return Slice(
        name="knowledge",
        routes=routes,
        templates={"knowledge": TEMPLATES},
        static={"knowledge": TEMPLATES.with_name("static")},
        tasks={
            "knowledge": know,
            "model": functools.partial(models.run, is_alone=core.node.is_alone),
        },
        everywhere=("model",),
        jobs=(Job(work=settle, every=SETTLING),),
        commands=cli.commands(rag),
        checks=checks,
        health={"vectors": vectors},
        personal_data=(LearnedFromPeople(rag.ready, core.renames.renamed),),
    )
