"""One LangChain chat model, opened with its options, without those it has refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from core.errors import SetupError
from core.rag.llm.json_output import ANSWER_SCHEMA
from core.rag.llm.refusals import SCHEMA, is_refusal, may_be_guessed, named_in

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable
    from pydantic import ValidationError

log = logging.getLogger(__name__)

MAX_TOKENS = 2_048  #: of an answer; five sentences of Korean in JSON take a quarter of it
REASONING_TOKENS = 8_192  #: the same for a model that is known to reason first
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """The models to ask, in order, as LangChain names them ("openai:gpt-6-luna")."""

    model: str
    fallbacks: tuple[str, ...] = ()
    timeout_seconds: float = 20.0  #: of a whole answer, streamed to its end, by whichever model
    #: for init_chat_model, of every model: max_tokens, reasoning_effort (LLM_OPTIONS)
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: by provider ("openai"), for init_chat_model: base_url, api_key
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class ChatModel:
    """Asks one model; an option it refuses is left out until the process ends."""

    def __init__(self, name: str, settings: ModelSettings) -> None:
        self.name = name
        self._settings = settings
        self._left_out: frozenset[str] = frozenset()
        self._is_renamed = False  # the limit goes by its other name
        self._sent: frozenset[str] = frozenset()  # options that it may refuse
        self._proven: frozenset[str] = frozenset()  # those that it has taken
        self._model: BaseChatModel | None = None

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the model has refused so far: names of options, "schema"."""
        return tuple(sorted(self._left_out))

    def open(self) -> None:
        """Import and make it; takes seconds. Raises SetupError when it cannot be had."""
        # What it is decides what it is given, so it is made twice.
        bare = _made(self.name, self._standing_options())
        self._model = _made(self.name, self._options(bare))

    async def warm(self) -> None:
        """Ask a twin that reaches nobody, so that the SDK has imported all it needs.

        OpenAI's loads half of itself at the first question, for seconds, on the event loop.
        """
        provider = self.name.partition(":")[0]
        known = self._settings.options.get(provider, {})
        nowhere = {provider: {**known, "base_url": "http://127.0.0.1:9"}}
        twin = ChatModel(self.name, replace(self._settings, options=nowhere, timeout_seconds=0.5))
        for structured in (True, False):
            try:
                twin.open()
                async for _ in twin.ask("hello", structured=structured):
                    pass
            except Exception as error:
                log.debug("the model could not be warmed: %s", type(error).__name__)

    async def ask(
        self, prompt: Any, *, structured: bool = True
    ) -> AsyncGenerator[BaseMessage, None]:
        """The pieces of its answer. Raises what the provider's library raises.

        `structured` asks for claims with sources where the model offers a schema.
        """
        before, guessed = self._left_out, False
        while True:
            sent, begun = self._could_refuse(structured=structured), False
            try:
                async with aclosing(self._stream(prompt, structured=structured)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                self._proven |= sent
                return
            except Exception as error:
                if begun or not is_refusal(error):
                    raise
                refused = named_in(error, sent)
                if not refused and may_be_guessed(error):
                    refused, guessed = self._guess(sent - self._proven), True
                if not refused:
                    if guessed:
                        # It was about something else.
                        self._left_out = before
                        await asyncio.to_thread(self.open)
                    raise
                await self._leave_out(refused, error)

    async def _leave_out(self, refused: frozenset[str], error: Exception) -> None:
        limit = refused.intersection(_LIMITS)
        if limit and "max_completion_tokens" in str(error) and not self._is_renamed:
            self._is_renamed = True
            refused -= limit
        if refused:
            log.warning("%s is asked without %s", self.name, ", ".join(sorted(refused)))
        self._left_out |= refused
        await asyncio.to_thread(self.open)

    def _guess(self, sent: frozenset[str]) -> frozenset[str]:
        """What may have been refused where the provider does not say."""
        if SCHEMA in sent:
            return frozenset((SCHEMA,))
        return sent & {"temperature", "max_tokens"} - set(self._settings.extra)

    def _could_refuse(self, *, structured: bool) -> frozenset[str]:
        return self._sent | ({SCHEMA} if self._takes_schema(structured=structured) else set())

    def _takes_schema(self, *, structured: bool) -> bool:
        if not structured or SCHEMA in self._left_out:
            return False
        profile = self._opened.profile or {}
        return bool(profile.get("structured_output") or profile.get("tool_calling"))

    @property
    def _opened(self) -> BaseChatModel:
        if self._model is None:
            raise SetupError(f"The model {self.name} has not been opened.")
        return self._model

    async def _stream(self, prompt: Any, *, structured: bool) -> AsyncGenerator[BaseMessage, None]:
        model, empty = self._opened, True
        asked = _structured(model) if self._takes_schema(structured=structured) else model
        try:
            async with aclosing(_closable(asked.astream(prompt))) as answer:
                async for piece in answer:
                    empty = False
                    yield piece
        except ValueError:
            # "No generation chunks": a server that does not stream; it may still answer whole.
            if not empty or asked is not model:
                raise
            yield await model.ainvoke(prompt)

    def _standing_options(self) -> dict[str, Any]:
        """What is true whatever kind of model it is."""
        provider = self.name.partition(":")[0]
        seconds = self._settings.timeout_seconds
        options: dict[str, Any] = {"timeout": seconds, "max_retries": 0}
        if provider in ("openai", "azure_openai"):
            options["stream_chunk_timeout"] = seconds
        options |= {**self._settings.options.get(provider, {}), **self._settings.extra}
        return {k: v for k, v in options.items() if k not in self._left_out and v is not None}

    def _options(self, bare: BaseChatModel) -> dict[str, Any]:
        """All that the model is given."""
        options = self._standing_options()
        wished = self._settings.extra
        profile = bare.profile or {}
        if "temperature" not in wished and profile.get("temperature") is not False:
            options["temperature"] = 0
        if not any(name in wished for name in _LIMITS):
            reasons = profile.get("reasoning_output")
            options["max_tokens"] = REASONING_TOKENS if reasons else MAX_TOKENS
        options = {k: v for k, v in options.items() if k not in self._left_out}
        asked_for = {"temperature", "max_tokens", *wished}
        self._sent = frozenset(asked_for & options.keys())
        return _renamed(options, bare) if self._is_renamed else options


def _renamed(options: dict[str, Any], bare: BaseChatModel) -> dict[str, Any]:
    """The same options with the limit of tokens under OpenAI's other name for it."""
    limit = next((options.pop(name) for name in _LIMITS[:2] if name in options), None)
    fields = type(bare).model_fields
    if limit is None or "max_tokens" not in fields:
        return options
    if fields["max_tokens"].alias == "max_completion_tokens":
        body = {**options.get("extra_body", {}), "max_tokens": limit}
        return {**options, "extra_body": body}
    return {**options, "max_completion_tokens": limit}


def _made(name: str, options: dict[str, Any]) -> BaseChatModel:
    from langchain.chat_models import init_chat_model
    from pydantic import ValidationError

    try:
        model: BaseChatModel = init_chat_model(name, **options)
    except ImportError as error:
        raise SetupError(f"The model {name} needs a package that is not here: {error}") from error
    except ValidationError as error:
        foreign = {str(e["loc"][0]) for e in error.errors() if e["type"] == "extra_forbidden"}
        if ours := foreign & {"timeout", "max_retries", "temperature", "max_tokens"}:
            # Not every library knows our usual options; the operator's own are another matter.
            return _made(name, {k: v for k, v in options.items() if k not in ours})
        raise SetupError(f"The model {name} cannot be used: {_first(error)}.") from error
    except Exception as error:
        first_line = str(error).strip().splitlines()[:1]
        raise SetupError(f"The model {name} cannot be used: {' '.join(first_line)}") from error
    if not hasattr(model, "ainvoke"):
        raise SetupError(f"The model {name} cannot be used: it is no chat model.")
    return model


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"LLM_OPTIONS, {where}: {first['msg']}" if where else str(first["msg"])


def _structured(model: BaseChatModel) -> Runnable[Any, BaseMessage]:
    """The model asked for claims with sources."""
    from langchain_core.runnables import RunnableGenerator

    async def raw(parts: AsyncIterator[Any]) -> AsyncIterator[BaseMessage]:
        # Our own reader takes the growing text; LangChain's parser would wait for its end.
        async for part in parts:
            if "raw" in part:
                yield part["raw"]

    return model.with_structured_output(ANSWER_SCHEMA, include_raw=True) | RunnableGenerator(raw)


async def _closable(items: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """The same items; closing this closes what they come from."""
    try:
        async for item in items:
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()
