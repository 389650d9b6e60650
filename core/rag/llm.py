"""Chat models through LangChain: prompt → model, with time limit, retry and fallbacks → pieces."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import ContactCenterError, SetupError
from core.rag.parse import ANSWER_SCHEMA
from core.rag.prompt import Prompt

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

log = logging.getLogger(__name__)

PAUSE = 0.15  #: seconds before a model is asked a second time


class ModelFailed(ContactCenterError):
    """No model gave an answer."""


class ModelCutOff(ModelFailed):
    """The model's answer broke off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which models are asked, in order, as LangChain names them ("openai:gpt-4o-mini")."""

    model: str
    fallbacks: tuple[str, ...] = ()
    timeout_seconds: float = 2.4  #: of one whole call, answers streamed to their end included
    #: by provider ("openai"), for init_chat_model: base_url, api_key
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a model's answer; the counts come with the last one, 0 where none is told."""

    text: str
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class AnswerModel(Protocol):
    """Whoever completes a prompt."""

    @property
    def name(self) -> str:
        """The name of the first model."""
        ...

    @property
    def prompt(self) -> Prompt:
        """What it is told."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """How long a whole answer may take."""
        ...

    async def start(self) -> None:
        """Load what is needed. Raises SetupError for a model that cannot be had."""
        ...

    def stream(self, blanks: Mapping[str, str]) -> AsyncGenerator[Piece, None]:
        """The answer as it grows. Raises ModelFailed, TimeoutError."""
        ...


class LangChainModel:
    """`AnswerModel` over `init_chat_model`; LangChain is imported when it is started."""

    def __init__(self, settings: ModelSettings, prompt: Prompt) -> None:
        self._settings = settings
        self._prompt = prompt
        self._chain: Runnable[dict[str, str], BaseMessage] | None = None
        self._loading: asyncio.Task[Runnable[dict[str, str], BaseMessage]] | None = None

    @property
    def name(self) -> str:
        """See AnswerModel."""
        return self._settings.model

    @property
    def prompt(self) -> Prompt:
        """See AnswerModel."""
        return self._prompt

    @property
    def timeout_seconds(self) -> float:
        """See AnswerModel."""
        return self._settings.timeout_seconds

    async def start(self) -> None:
        """See AnswerModel; importing takes seconds, so it happens on a thread, once."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._build), name="load-model")
        # A draft that runs out of time must not stop the loading that the next one needs.
        self._chain = await asyncio.shield(self._loading)

    async def stream(self, blanks: Mapping[str, str]) -> AsyncGenerator[Piece, None]:
        """See AnswerModel."""
        if self._chain is None:
            await self.start()
        assert self._chain is not None
        written = ""
        end = ""
        try:
            async with aclosing(_closable(self._chain.astream(dict(blanks)))) as answer:
                async for message in answer:
                    piece = _piece(message)
                    written += piece.text
                    end = end or _finish(message)
                    yield piece
        except Exception as error:
            # Each vendor has errors of its own; what they share is that there is no answer.
            if _is_timeout(error):
                raise TimeoutError from error
            told = f"{type(error).__name__}: {str(error)[:300]}"
            raise (ModelCutOff if written else ModelFailed)(told) from error
        if end in ("length", "max_tokens") or (not end and written and not _whole(written)):
            raise ModelCutOff(f"the answer ends in the middle ({end or 'without a word'})")

    def _build(self) -> Runnable[dict[str, str], BaseMessage]:
        from langchain_core.prompts import ChatPromptTemplate

        template = ChatPromptTemplate.from_messages(
            [("system", self._prompt.system), ("human", self._prompt.human)]
        )
        names = (self._settings.model, *self._settings.fallbacks)
        models = [_open(name, self._settings) for name in names]
        asyncio.run(_warm(names[0], self._settings))
        # A model that takes no schema, or is shortly out of order, is asked again in plain words,
        # but only after the others: that is the pause a rate limit wants.
        attempts = [_structured(model) or _asked(model) for model in models]
        attempts += [_asked(model, pause=PAUSE) for model in models]
        return template | attempts[0].with_fallbacks(attempts[1:])


def _open(name: str, settings: ModelSettings) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    # A model that keeps silent leaves half of the time to the next one.
    seconds = settings.timeout_seconds / (2 if settings.fallbacks else 1)
    options: dict[str, Any] = {
        "timeout": seconds,
        "max_retries": 0,
        **settings.options.get(name.split(":")[0], {}),
    }
    try:
        model: BaseChatModel = init_chat_model(name, **options)
        if (model.profile or {}).get("temperature") is not False:
            model = init_chat_model(name, temperature=0, **options)
    except ImportError as error:
        raise SetupError(f"The model {name} needs a package that is not here: {error}") from error
    except Exception as error:
        first_line = str(error).strip().splitlines()[:1]
        raise SetupError(f"The model {name} cannot be used: {' '.join(first_line)}") from error
    if not hasattr(model, "ainvoke"):
        raise SetupError(f"The model {name} cannot be used: it is no chat model.")
    return model


async def _warm(name: str, settings: ModelSettings) -> None:
    """Ask a twin of the model that reaches nobody, so that its SDK has imported all it needs.

    OpenAI's loads half of itself at the first question, for seconds, on the event loop.
    """
    provider = name.split(":")[0]
    known = settings.options.get(provider, {})
    nowhere = {provider: {**known, "base_url": "http://127.0.0.1:9", "timeout": 0.5}}
    for make in (_structured, _asked):
        try:
            attempt = make(_open(name, replace(settings, options=nowhere)))
            if attempt is not None:
                async for _ in attempt.astream("hello"):
                    pass
        except Exception as error:
            log.debug("the model could not be warmed: %s", type(error).__name__)


def _asked(model: BaseChatModel, *, pause: float = 0.0) -> Runnable[Any, BaseMessage]:
    from langchain_core.runnables import RunnableGenerator

    async def ask(prompts: AsyncIterator[Any]) -> AsyncIterator[BaseMessage]:
        prompt = [part async for part in prompts][-1]
        if pause:
            await asyncio.sleep(pause)
        empty = True
        try:
            async with aclosing(_closable(model.astream(prompt))) as answer:
                async for chunk in answer:
                    empty = False
                    yield chunk
        except ValueError:
            # "No generation chunks": a server that does not stream; it may still answer whole.
            if not empty:
                raise
            yield await model.ainvoke(prompt)

    return RunnableGenerator(ask)


def _structured(model: BaseChatModel) -> Runnable[Any, BaseMessage] | None:
    """The model asked for claims with sources; None when it does not offer a schema."""
    from langchain_core.runnables import RunnableGenerator

    profile = model.profile or {}
    if not (profile.get("structured_output") or profile.get("tool_calling")):
        return None

    async def raw(parts: AsyncIterator[Any]) -> AsyncIterator[BaseMessage]:
        # Our own reader takes the growing text; LangChain's parser would wait for its end.
        async for part in parts:
            if "raw" in part:
                yield part["raw"]

    return model.with_structured_output(ANSWER_SCHEMA, include_raw=True) | RunnableGenerator(raw)


def _piece(message: BaseMessage) -> Piece:
    text = str(message.text)
    for call in getattr(message, "tool_call_chunks", None) or ():
        text += call.get("args") or ""
    if not text:
        calls = [] if hasattr(message, "tool_call_chunks") else getattr(message, "tool_calls", [])
        text = "".join(json.dumps(call["args"]) for call in calls)
    usage = getattr(message, "usage_metadata", None) or {}
    named: Any = message.response_metadata.get("model_name")
    return Piece(
        text=text,
        model=str(named or ""),
        tokens_in=int(usage.get("input_tokens", 0)),
        tokens_out=int(usage.get("output_tokens", 0)),
    )


def _finish(message: BaseMessage) -> str:
    told = message.response_metadata
    return str(told.get("finish_reason") or told.get("stop_reason") or "")


def _whole(text: str) -> bool:
    """Whether a text that nobody has called finished looks so."""
    return bool(re.search(r"[.!?。？！…}\]`\"”’)]\s*$|NO_ANSWER\s*$", text))


async def _closable(items: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """The same items; closing this closes what they come from."""
    try:
        async for item in items:
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


def _is_timeout(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower():
            return True
        error = error.__cause__
    return False


def model_names(first: str, others: Sequence[str]) -> tuple[str, ...]:
    """Names without blanks and repeats, in order; what LLM_FALLBACK_MODELS may hold."""
    return tuple(dict.fromkeys(n.strip() for n in (first, *others) if n.strip()))
