"""Tries a model by one real question, and says in a word what was wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import SetupError
from core.rag.llm.chat_model import ModelSettings
from core.rag.llm.client import LangChainModel, ModelCutOff, ModelFailed
from core.rag.llm.prompt import NEEDED, Prompt
from core.rag.llm.reasoning import without_reasoning
from core.rag.llm.refusals import status_of

LOADING = 60.0  #: seconds for a provider's library
SHOWN = 120  #: characters of what the model says

_BY_STATUS = {401: "key", 403: "key", 404: "model", 402: "quota", 429: "quota"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The outcome of a test: what the model said, or a name of `settings.model_problem_…`."""

    model: str
    said: str = ""
    seconds: float = 0.0
    left_out: tuple[str, ...] = ()  #: options that it refuses, and is asked without
    problem: str = ""  #: "key", "model", "quota", "unreachable", "timeout" …; "" when it answers
    detail: str = ""  #: the library's own words


async def tried(settings: ModelSettings, *, prompts: Path) -> Trial:
    """Ask it to say hello, with the prompt that customers' questions get; never raises."""
    asked = LangChainModel(settings, Prompt.load(prompts / "answer.md"))
    blanks = dict.fromkeys(NEEDED, "-") | {"language": "English", "question": "Say hello."}
    try:
        async with asyncio.timeout(LOADING):
            await asked.start()
        begun = time.monotonic()
        async with asyncio.timeout(settings.timeout_seconds):
            pieces = [piece.text async for piece in asked.stream(blanks)]
    except (SetupError, ModelFailed, TimeoutError) as error:
        problem, detail = _meant(error)
        return Trial(model=settings.model, problem=problem, detail=detail[:300])
    refused = {name for names in asked.left_out.values() for name in names}
    return Trial(
        model=settings.model,
        said=without_reasoning("".join(pieces)).strip()[:SHOWN],
        seconds=time.monotonic() - begun,
        left_out=tuple(sorted(refused)),
    )


def _meant(error: Exception) -> tuple[str, str]:
    """The problem by its name, and the library's words on it."""
    if isinstance(error, TimeoutError):
        return "timeout", ""
    causes = list(_causes(error))
    detail = str(causes[-1])
    if any(isinstance(cause, ImportError) for cause in causes):
        return "package", detail
    if isinstance(error, SetupError):
        return ("key" if "api_key" in error.detail else "setup"), error.detail
    if isinstance(error, ModelCutOff):
        return "cut", error.how
    status = status_of(error)
    if status is not None:
        return _BY_STATUS.get(status, "server" if status >= 500 else "request"), detail
    if any("connect" in type(cause).__name__.lower() for cause in causes):
        return "unreachable", detail
    return "other", detail


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
