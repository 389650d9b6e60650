"""The client of chat models: tries them in turn within one time limit, streams pieces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import ContactCenterError
from core.rag.llm.chat_model import ChatModel, ModelSettings
from core.rag.llm.finish_reasons import cut, told_ends
from core.rag.llm.json_output import BrokenAnswer, answer_in
from core.rag.llm.prompt import Prompt
from core.rag.llm.reasoning import without_reasoning
from core.rag.llm.refusals import retry_after, status_of

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.prompts import ChatPromptTemplate

PAUSE = 0.15  #: seconds before a model is asked a second time, unless it names a time
_IN_VAIN = frozenset((400, 401, 403, 404, 405, 410, 415, 422))


class ModelFailed(ContactCenterError):
    """No model gave an answer."""


class ModelCutOff(ModelFailed):
    """The model's answer broke off."""

    def __init__(self, detail: str = "", *, how: str = "") -> None:
        self.how = how  #: in the provider's word: "max_tokens", "content_filter"
        super().__init__(detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a model's answer; the counts come with the last one, 0 where none is told."""

    text: str
    model: str = ""  #: who writes, as the settings name it
    tokens_in: int = 0
    tokens_out: int = 0


Again = Callable[[], Awaitable[bool]]
"""Whether a model may be asked once more for the same question."""


async def always() -> bool:
    """Any number of times."""
    return True


class AnswerModel(Protocol):
    """The port to a model that completes a prompt."""

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

    def stream(
        self, blanks: Mapping[str, str], *, again: Again = always
    ) -> AsyncGenerator[Piece, None]:
        """The answer as it grows, to its normal end.

        `again` is asked before each further call, where one has failed. Raises ModelFailed,
        ModelCutOff for an answer that ended in any other way, TimeoutError.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    model: ChatModel
    pause: float = 0.0  #: seconds to wait before
    again: bool = False  #: it has failed once; now it is asked in plain words


class LangChainModel:
    """`AnswerModel` over `init_chat_model`; LangChain is imported when it is started."""

    def __init__(
        self,
        settings: ModelSettings,
        prompt: Prompt,
        *,
        make: Callable[[str, ModelSettings], ChatModel] = ChatModel,
    ) -> None:
        self._settings = settings
        self._prompt = prompt
        self._models = [make(name, settings) for name in _names(settings)]
        self._template: ChatPromptTemplate | None = None
        self._loading: asyncio.Task[ChatPromptTemplate] | None = None

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

    @property
    def left_out(self) -> Mapping[str, Sequence[str]]:
        """What models have refused so far and are asked without, by the model's name."""
        return {model.name: model.left_out for model in self._models if model.left_out}

    async def start(self) -> None:
        """See AnswerModel; importing takes seconds, so it happens on a thread, once."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._build), name="load-model")
        # A draft that runs out of time must not stop the loading that the next one needs.
        self._template = await asyncio.shield(self._loading)

    async def stream(
        self, blanks: Mapping[str, str], *, again: Again = always
    ) -> AsyncGenerator[Piece, None]:
        """See AnswerModel; models that fail or keep silent are followed by the next one."""
        if self._template is None:
            await self.start()
        assert self._template is not None
        prompt = self._template.invoke(dict(blanks))
        clock = asyncio.get_running_loop()
        ends_at = clock.time() + self._settings.timeout_seconds
        turns = [_Turn(model=model) for model in self._models]
        failure: Exception | None = None
        while turns and (failure is None or await again()):
            turn = turns.pop(0)
            await asyncio.sleep(turn.pause)
            left = ends_at - clock.time()
            # A model that keeps silent leaves an equal part of the time to each that follows.
            silence = left / (1 + sum(not later.again for later in turns))
            written = False
            try:
                async with aclosing(_answer(turn, prompt, silence=silence)) as pieces:
                    async for piece in pieces:
                        written = written or bool(piece.text)
                        yield piece
                return
            except ModelCutOff:
                raise
            except Exception as error:
                # Each vendor has errors of its own; what they share is that there is no answer.
                failure = _meant(error, written=written)
                if written:
                    break
                if not turn.again and not isinstance(failure, TimeoutError):
                    turns.extend(_again(turn, error, left=ends_at - clock.time()))
        raise failure or ModelFailed()

    def _build(self) -> ChatPromptTemplate:
        from langchain_core.prompts import ChatPromptTemplate

        for model in self._models:
            model.open()
        asyncio.run(self._models[0].warm())
        return ChatPromptTemplate.from_messages(
            [("system", self._prompt.system), ("human", self._prompt.human)]
        )


async def _answer(turn: _Turn, prompt: Any, *, silence: float) -> AsyncGenerator[Piece, None]:
    """One model's answer. Raises ModelCutOff when it ends otherwise than it should."""
    written, called, ends = "", False, set[str]()
    async with aclosing(turn.model.ask(prompt, structured=not turn.again)) as messages:
        while True:
            try:
                # Reasoning is a sign of life; once there is text, only the whole time counts.
                async with asyncio.timeout(None if written else silence):
                    message = await anext(messages)
            except StopAsyncIteration:
                break
            ends.update(told_ends(message))
            piece, is_call = _piece(message, by=turn.model.name)
            called = called or is_call
            written += piece.text
            yield piece
    if how := cut(ends, as_tool_call=called and not turn.again):
        raise ModelCutOff(f"the answer was ended by {how}", how=how[:60])
    if not written.strip():
        raise ModelFailed("the model wrote nothing")
    if not ends and not _closes(written):
        raise ModelCutOff("nobody says that the answer is whole")


def _again(turn: _Turn, error: Exception, *, left: float) -> list[_Turn]:
    """The same model once more, after the others, when that may help: the pause it wants."""
    if status_of(error) in _IN_VAIN:
        return []
    wanted = retry_after(error)
    pause = wanted if PAUSE < wanted < left / 2 else PAUSE
    return [_Turn(model=turn.model, pause=pause, again=True)]


def _piece(message: BaseMessage, *, by: str) -> tuple[Piece, bool]:
    """What it says, and whether it says it in the arguments of a tool."""
    text = str(message.text)
    called = "".join(call.get("args") or "" for call in getattr(message, "tool_call_chunks", ()))
    if not text and not called and not hasattr(message, "tool_call_chunks"):
        calls = getattr(message, "tool_calls", None) or ()
        called = "".join(json.dumps(call["args"]) for call in calls)
    usage = getattr(message, "usage_metadata", None) or {}
    piece = Piece(
        text=text + called,
        model=by,
        tokens_in=int(usage.get("input_tokens", 0)),
        tokens_out=int(usage.get("output_tokens", 0)),
    )
    return piece, bool(called)


def _closes(written: str) -> bool:
    """Whether a text that nobody has called finished shows it by itself.

    An object that closes has not been torn; a sentence that ends may have been followed by one
    that begins with "unless".
    """
    try:
        answer_in(without_reasoning(written))
    except BrokenAnswer:
        return False
    return True


def _meant(error: Exception, *, written: bool) -> Exception:
    if isinstance(error, ModelFailed):
        return error
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError) or "timeout" in type(cause).__name__.lower():
            return TimeoutError()
        cause = cause.__cause__
    told = f"{type(error).__name__}: {str(error)[:300]}"
    failure = (ModelCutOff if written else ModelFailed)(told)
    failure.__cause__ = error
    return failure


def _names(settings: ModelSettings) -> tuple[str, ...]:
    return tuple(dict.fromkeys((settings.model, *settings.fallbacks)))
