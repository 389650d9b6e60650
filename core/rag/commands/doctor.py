"""The `doctor` checks of answering: embedding, index, language model, budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from config.settings import Settings
from core.rag.knowledge_base.rag import Rag
from core.rag.llm.budget import ModelBudget, Ruling, Spent
from core.rag.llm.chat_model import ModelSettings
from core.rag.llm.client import LangChainModel
from core.rag.llm.prompt import NEEDED, Prompt
from core.rag.llm.reasoning import without_reasoning
from core.runtime.checks import Advice, Check, timed

LOADING = 10.0  #: seconds for a model's library


def answer_checks(
    rag: Rag,
    settings: Settings,
    *,
    model: ModelSettings | None,
    prompts: Path,
    budget: ModelBudget | None = None,
) -> Sequence[Check]:
    """Everything between a question and its answer."""

    async def embedding() -> str:
        await rag.embedder.question(f"doctor {time.time()}")
        return rag.embedder.name

    async def vectors() -> str:
        where = settings.vectors.qdrant_url or "the embedded index"
        articles = len(await rag.knowledge.list())
        if not articles and await rag.knowledge.demonstrates():
            raise Advice(
                f"{where} is empty, so customers get a demonstration from the product's own guide;"
                " add what you know: bot.py kb add PATH"
            )
        if not articles:
            raise Advice(f"{where} is empty; add what you know: bot.py kb add PATH")
        return f"{await rag.index.count()} points of {articles} articles in {where}"

    async def language_model() -> str:
        if model is None:
            return "not set; answers are quoted"
        asked = LangChainModel(model, Prompt.load(prompts / "answer.md"))
        await asked.start()
        blanks = dict.fromkeys(NEEDED, "-") | {"language": "English", "question": "Say hello."}
        pieces = [piece async for piece in asked.stream(blanks)]
        said = without_reasoning("".join(piece.text for piece in pieces)).strip()
        refused = "; ".join(
            f"{name} is asked without {', '.join(left_out)}, which it refuses"
            for name, left_out in asked.left_out.items()
        )
        if refused:
            raise Advice(f"{pieces[-1].model} answers {said[:40]!r}; {refused}")
        return f"{pieces[-1].model} answers {said[:40]!r}"

    async def model_calls() -> str:
        if budget is None or model is None:
            return "none, as there is no model"
        spent = await budget.today()
        said = "; ".join(_told(one) for one in spent if one == spent[0] or one.is_limited)
        zone = settings.approvals.desk_timezone
        if any(one.ruling is not Ruling.ASK for one in spent):
            raise Advice(
                f"{said} ({zone}); raise LLM_CALLS_A_DAY or LLM_CALLS_BY_TOPIC (and …_HARD)"
            )
        return f"{said} ({zone})"

    return (
        Check(name="embedding", attempt=timed(embedding), remedy="Look at EMBEDDING_MODEL."),
        Check(name="vectors", attempt=timed(vectors), remedy="Look at QDRANT_URL and its key."),
        Check(
            name="language model",
            attempt=timed(language_model),
            remedy="Look at LLM_MODEL, LLM_OPTIONS and the key, or at the console's Settings.",
            patience=LOADING + (model.timeout_seconds if model else 0.0),
        ),
        Check(name="model calls", attempt=model_calls, remedy=""),
    )


def _told(spent: Spent) -> str:
    """12 today, any number allowed; orders 50 of 50 (then review at 80), so answers are quoted."""
    limit = spent.allowance
    said = f"{spent.topic} {spent.calls}" if spent.topic else f"{spent.calls} today"
    if limit.soft is not None:
        said += f" of {limit.soft}"
    if limit.hard is not None:
        said += f", {spent.counted} of {limit.hard} answers"
    if not spent.is_limited:
        return f"{said}, without a limit"
    match spent.ruling:
        case Ruling.ASK:
            return said
        case Ruling.QUOTE:
            return f"{said}, so answers are quoted ({spent.quoted})"
        case Ruling.REVIEW:
            return f"{said}, so a person looks at each ({spent.held})"
