"""Chat models on a real LangChain chain: every end, every shape of output, every refusal."""

from __future__ import annotations

import asyncio
import enum
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk

from core.errors import SetupError
from core.rag.llm.chat_model import MAX_TOKENS, REASONING_TOKENS, ChatModel, ModelSettings
from core.rag.llm.claim_parser import AnswerReader
from core.rag.llm.claims import Claim
from core.rag.llm.client import LangChainModel, ModelCutOff, ModelFailed
from core.rag.llm.json_output import BrokenAnswer
from core.rag.llm.prompt import NEEDED, Prompt
from tests.support.servers.openai import OpenAIServer, Scene, openai_server

PROMPT = Prompt.load(Path(__file__).parents[4] / "config" / "prompts" / "answer.md")
BLANKS = dict.fromkeys(NEEDED, "-")
TEXT = "Open Settings. [1]"
CLAIMS = json.dumps({"claims": [{"text": "Open Settings.", "sources": [1]}]})


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as running:
        yield running


def model(server: OpenAIServer, name: str = "openai:test", **more: Any) -> LangChainModel:
    options = {"openai": {"base_url": server.url, "api_key": "test"}}
    settings = ModelSettings(model=name, options=options, **{"timeout_seconds": 10.0} | more)
    return LangChainModel(settings, PROMPT)


async def answer(asked: LangChainModel) -> str:
    """The whole answer as it is read."""
    reader = AnswerReader()
    claims: list[Claim] = []
    restarts = 0
    async with aclosing(asked.stream(BLANKS)) as pieces:
        async for piece in pieces:
            new = reader.feed(piece.text)
            if reader.restarts != restarts:
                claims, restarts = [], reader.restarts
            claims += new
    new = reader.finish()
    if reader.restarts != restarts:
        claims = []
    return " ".join(f"{c.plain} {list(c.sources)}" for c in [*claims, *new])


# Ends


class FinishReason(enum.IntEnum):
    """As Google's library has it."""

    STOP = 1
    MAX_TOKENS = 2


class Proto(enum.Enum):
    """As some libraries print theirs."""

    SAFETY = "FINISH_REASON_SAFETY"


@dataclass
class Said(ChatModel):
    """A model of any provider, by the very messages its library makes."""

    messages: Sequence[BaseMessage]
    name: str = "provider:model"
    left_out: tuple[str, ...] = ()

    def open(self) -> None:
        """Nothing to import."""

    async def warm(self) -> None:
        """Nothing to load."""

    async def ask(
        self, prompt: Any, *, structured: bool = True
    ) -> AsyncGenerator[BaseMessage, None]:
        for message in self.messages:
            yield message


async def said(*messages: BaseMessage) -> str:
    settings = ModelSettings(model="provider:model", timeout_seconds=5)
    return await answer(
        LangChainModel(settings, PROMPT, make=lambda name, _: Said(messages=messages, name=name))
    )


FINISHED: Mapping[str, dict[str, Any]] = {
    "OpenAI, Mistral, Groq": {"finish_reason": "stop"},
    "OpenAI's Responses": {"status": "completed"},
    "Gemini": {"finish_reason": "STOP", "safety_ratings": []},
    "Gemini, two pieces in one": {"finish_reason": "STOPSTOP"},
    "Gemini's enum": {"finish_reason": FinishReason.STOP},
    "Gemini's enum, printed": {"finish_reason": "FinishReason.STOP"},
    "Anthropic": {"stop_reason": "end_turn", "stop_sequence": None},
    "Anthropic at a stop sequence": {"stop_reason": "stop_sequence", "stop_sequence": "###"},
    "Bedrock": {"stopReason": "end_turn"},
    "Cohere": {"finish_reason": "COMPLETE"},
    "Ollama": {"done": True, "done_reason": "stop"},
    "Together": {"finish_reason": "eos"},
    "Hugging Face": {"finish_reason": "eos_token"},
    "AI21": {"finish_reason": {"reason": "endoftext"}},
    "vLLM at a stop token": {"finish_reason": "stop", "stop_reason": 128009},
}
CUT: Mapping[str, dict[str, Any]] = {
    "length": {"finish_reason": "length"},
    "max_tokens": {"stop_reason": "max_tokens"},
    "Max Tokens": {"finish_reason": "MAX_TOKENS"},
    "maxTokens": {"stopReason": "maxTokens"},
    "Google's enum": {"finish_reason": FinishReason.MAX_TOKENS},
    "content_filter": {"finish_reason": "content_filter"},
    "content-filtered": {"stopReason": "content_filtered"},
    "SAFETY": {"finish_reason": "SAFETY"},
    "another enum": {"finish_reason": Proto.SAFETY},
    "RECITATION": {"finish_reason": "RECITATION"},
    "PROHIBITED_CONTENT": {"finish_reason": "PROHIBITED_CONTENT"},
    "OTHER": {"finish_reason": "OTHER"},
    "FINISH_REASON_UNSPECIFIED": {"finish_reason": "FINISH_REASON_UNSPECIFIED"},
    "MALFORMED_FUNCTION_CALL": {"finish_reason": "MALFORMED_FUNCTION_CALL"},
    "refusal": {"stop_reason": "refusal"},
    "pause_turn": {"stop_reason": "pause_turn"},
    "model_context_window_exceeded": {"stop_reason": "model_context_window_exceeded"},
    "model_length": {"finish_reason": "model_length"},
    "guardrail_intervened": {"stopReason": "guardrail_intervened"},
    "tool_calls": {"finish_reason": "tool_calls"},
    "tool_use": {"stop_reason": "tool_use"},
    "function_call": {"finish_reason": "function_call"},
    "ERROR_TOXIC": {"finish_reason": "ERROR_TOXIC"},
    "load": {"done_reason": "load"},
    "incomplete": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    "failed": {"status": "failed"},
    "a word nobody knows": {"finish_reason": "sprout"},
    "nothing at all": {},
    "a server that still writes": {"finish_reason": "null"},
}


@pytest.mark.parametrize("end", FINISHED)
async def test_an_answer_that_its_model_has_finished(end: str) -> None:
    early = {"finish_reason": "FINISH_REASON_UNSPECIFIED", "status": "in_progress"}
    first = AIMessageChunk(content=TEXT, response_metadata=early)
    last = AIMessageChunk(content="", response_metadata=FINISHED[end])
    assert await said(first, last) == "Open Settings. [1]"
    assert await said(AIMessage(content=TEXT, response_metadata=FINISHED[end]))


@pytest.mark.parametrize("end", CUT)
async def test_every_other_end_is_a_cut(end: str) -> None:
    with pytest.raises(ModelCutOff):
        await said(
            AIMessageChunk(content=TEXT), AIMessageChunk(content="", response_metadata=CUT[end])
        )


@pytest.mark.parametrize(
    "message",
    [
        AIMessageChunk(content="", additional_kwargs={"refusal": "I will not."}),
        AIMessageChunk(content=[{"type": "refusal", "refusal": "I will not."}]),
        AIMessageChunk(
            content=[{"type": "non_standard", "value": {"type": "refusal", "refusal": "No."}}]
        ),
    ],
)
async def test_a_refusal_is_a_cut_whatever_the_finish_reason_says(message: BaseMessage) -> None:
    stop = AIMessageChunk(content="", response_metadata={"finish_reason": "stop"})
    with pytest.raises(ModelCutOff):
        await said(AIMessageChunk(content=TEXT), message, stop)


@pytest.mark.parametrize("end", ["tool_calls", "tool_use", "stop", "function_call"])
async def test_the_call_of_the_tool_that_was_offered_is_an_answer(end: str) -> None:
    calls = [tool_call_chunk(name="answer", args=CLAIMS, id="1", index=0)]
    called = AIMessageChunk(content="", tool_call_chunks=calls)
    last = AIMessageChunk(content="", response_metadata={"finish_reason": end})
    assert await said(called, last) == "Open Settings. [1]"


async def test_an_object_that_closes_shows_by_itself_that_it_is_whole() -> None:
    assert await said(AIMessageChunk(content=CLAIMS)) == "Open Settings. [1]"
    with pytest.raises(ModelCutOff):
        await said(AIMessageChunk(content=CLAIMS[:-2]))


@pytest.mark.parametrize("end", [*CUT, None])
async def test_the_same_over_the_wire(server: OpenAIServer, end: str | None) -> None:
    """OpenAI's protocol carries whatever a server behind it says."""
    told = CUT[end].get("finish_reason", end) if end else None
    finish = told if isinstance(told, str) else end
    for name in ("openai:test", "openai:gpt-6-luna"):
        server.scenes = [Scene(text=TEXT, finish=finish)]
        with pytest.raises(ModelCutOff):
            await answer(model(server, name))


# Shapes

SHAPES = {
    "plain text with markers": TEXT,
    "an object": CLAIMS,
    "an object in a fence": f"```json\n{CLAIMS}\n```",
    "an object after a sentence": f"Sure, here is the answer you asked for: {CLAIMS}",
    "an object before one": f"{CLAIMS}\nI hope that helps!",
    "an object after its reasoning": f"<think>They ask for Settings. [1]</think>\n{CLAIMS}",
    "text after its reasoning": f"<thinking>\nHm. [1]\n</thinking>\n\n{TEXT}",
    "text after reasoning that only ends": f"They ask. Source [1] says it.\n</think>\n{TEXT}",
    "HTML": "<p>Open <b>Settings</b>. [1]</p>",
    "HTML in an object": CLAIMS.replace("Settings", "<b>Settings</b>"),
    "an answer in one string": json.dumps({"answer": "Open Settings.", "sources": ["1"]}),
    "a list": json.dumps([{"claim": "Open Settings.", "source": 1}]),
}


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("name", ["openai:test", "openai:gpt-6-luna"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_every_shape_of_output_is_read(
    server: OpenAIServer, shape: str, name: str, *, streams: bool
) -> None:
    server.scenes = [Scene(text=SHAPES[shape], streams=streams)]
    assert await answer(model(server, name)) == "Open Settings. [1]"


@pytest.mark.parametrize(
    "text", ["<think>They ask for Settings. [1] I say: Open Settings. [1]", "", "<br>", " \n"]
)
async def test_reasoning_that_never_ends_and_nothing_are_no_answer(
    server: OpenAIServer, text: str
) -> None:
    server.scenes = [Scene(text=text)]
    with suppress(ModelFailed):
        assert await answer(model(server)) == ""


@pytest.mark.parametrize("text", [CLAIMS[:-20], '{"verdict": "yes"}', f"{CLAIMS} {CLAIMS}"])
async def test_an_object_that_is_not_the_answer_is_broken(server: OpenAIServer, text: str) -> None:
    server.scenes = [Scene(text=text)]
    with pytest.raises(BrokenAnswer):
        await answer(model(server))


async def test_blocks_of_reasoning_are_left_out(server: OpenAIServer) -> None:
    stop = AIMessageChunk(content="", response_metadata={"finish_reason": "stop"})
    blocks = [
        AIMessageChunk(content=[{"type": "thinking", "thinking": "Hm. [1]", "index": 0}]),
        AIMessageChunk(content=[{"type": "reasoning", "reasoning": "Hm. [1]", "index": 1}]),
        AIMessageChunk(content=[{"type": "redacted_thinking", "data": "x", "index": 2}]),
        AIMessageChunk(content="", additional_kwargs={"reasoning_content": "Hm. [1]"}),
        AIMessageChunk(content=[{"type": "text", "text": TEXT, "index": 3}]),
    ]
    assert await said(*blocks, stop) == "Open Settings. [1]"
    server.scenes = [Scene(text=TEXT, reasoning="The user asks for Settings. [1] So be it.")]
    assert await answer(model(server)) == "Open Settings. [1]"


# What a model refuses


async def test_what_is_sent_by_default(server: OpenAIServer) -> None:
    server.scenes = [Scene(text=TEXT)]
    await answer(model(server))
    await answer(model(server, "openai:gpt-6-luna"))
    plain, reasons = server.requests
    assert (plain["temperature"], plain["max_completion_tokens"]) == (0, MAX_TOKENS)
    assert (reasons.get("temperature"), reasons["max_completion_tokens"]) == (
        None,
        REASONING_TOKENS,
    )


async def test_the_operators_options_are_sent(server: OpenAIServer) -> None:
    server.scenes = [Scene(text=TEXT)]
    extra = {"temperature": 0.3, "max_tokens": 99, "reasoning_effort": "low", "seed": 7}
    await answer(model(server, extra=extra))
    sent = server.requests[0]
    assert (sent["temperature"], sent["max_completion_tokens"]) == (0.3, 99)
    assert (sent["reasoning_effort"], sent["seed"]) == ("low", 7)
    await answer(model(server, extra={"temperature": None}))
    assert "temperature" not in server.requests[1]


@pytest.mark.parametrize(
    ("refuses", "refusal", "left_out"),
    [
        ("temperature", "", ("temperature",)),
        ("temperature", "temperature: only the default (1) is supported", ("temperature",)),
        ("max_completion_tokens", "context size exceeded", ("max_tokens",)),
        ("reasoning_effort", "reasoning.effort is not supported", ("reasoning_effort",)),
        ("top_p", "`topP` is deprecated for this model.", ("top_p",)),
        ("temperature", "Bad request.", ("max_tokens", "temperature")),
        ("response_format", "structured output is not available here", ("schema",)),
        ("response_format", "Bad request.", ("schema",)),
    ],
)
async def test_what_a_model_refuses_is_left_out_from_then_on(
    server: OpenAIServer, refuses: str, refusal: str, left_out: tuple[str, ...]
) -> None:
    wished = {"top_p": {"top_p": 0.9}, "reasoning_effort": {"reasoning_effort": "low"}}
    name = "openai:gpt-6-luna" if refuses == "response_format" else "openai:test"
    asked = model(server, name, extra=wished.get(refuses, {}))
    scene = Scene(text=TEXT, refuses=(refuses,))
    if refusal:
        scene.refusal = refusal
    server.scenes = [scene]
    for _ in range(3):
        assert await answer(asked) == "Open Settings. [1]"
    assert asked.left_out == {name: left_out}
    refused = [refuses in request for request in server.requests]
    assert refused[0]
    assert sum(refused) == 1


async def test_the_limit_goes_by_the_name_that_the_server_knows(server: OpenAIServer) -> None:
    asked = model(server)
    refusal = "Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead."
    server.scenes = [Scene(text=TEXT, refuses=("max_completion_tokens",), refusal=refusal)]
    for _ in range(2):
        assert await answer(asked) == "Open Settings. [1]"
    assert [request.get("max_tokens") for request in server.requests] == [None, *[MAX_TOKENS] * 2]
    assert asked.left_out == {}


async def test_several_refusals_in_a_row_are_one_lesson_each(server: OpenAIServer) -> None:
    asked = model(server, "openai:gpt-6-luna", extra={"temperature": 0})
    server.scenes = [Scene(text=TEXT, refuses=("temperature", "response_format", "max_tokens"))]
    assert await answer(asked) == "Open Settings. [1]"
    before = len(server.requests)
    assert await answer(asked) == "Open Settings. [1]"
    assert len(server.requests) == before + 1


async def test_a_refusal_about_something_else_teaches_nothing(server: OpenAIServer) -> None:
    asked = model(server, "openai:gpt-6-luna")
    server.scenes = [Scene(status=400), Scene(status=400), Scene(status=400), Scene(text=TEXT)]
    with pytest.raises(ModelFailed):
        await answer(asked)
    assert asked.left_out == {}
    server.scenes = [Scene(text=TEXT)]
    assert await answer(asked) == "Open Settings. [1]"
    assert "response_format" in server.requests[-1]
    # What has worked once is not suspected any more.
    server.scenes, server.requests = [Scene(status=400)], []
    with pytest.raises(ModelFailed):
        await answer(asked)
    assert len(server.requests) == 1


@pytest.mark.filterwarnings("ignore:WARNING! sprouts")
async def test_an_option_that_the_library_does_not_know_is_left_out(server: OpenAIServer) -> None:
    asked = model(server, extra={"sprouts": 3})
    server.scenes = [Scene(text=TEXT)]
    assert await answer(asked) == "Open Settings. [1]"
    assert asked.left_out == {"openai:test": ("sprouts",)}


async def test_an_option_of_a_wrong_kind_is_one_clear_sentence(server: OpenAIServer) -> None:
    with pytest.raises(SetupError) as told:
        await model(server, extra={"max_tokens": "many"}).start()
    assert "LLM_OPTIONS" in told.value.detail
    assert "max_tokens" in told.value.detail
    assert "\n" not in told.value.detail


# Several models in one time


@pytest.mark.timed
async def test_silent_models_share_the_whole_time(server: OpenAIServer) -> None:
    asked = model(server, fallbacks=("openai:b", "openai:c"), timeout_seconds=6.0)
    await asked.start()
    server.by_model = {
        "test": Scene(delay=30),
        "b": Scene(delay=30),
        "c": Scene(text=TEXT, delay=0.3),
    }
    began = time.monotonic()
    assert await answer(asked) == "Open Settings. [1]"
    assert 4.0 < time.monotonic() - began < 6.0
    assert [request["model"] for request in server.requests] == ["test", "b", "c"]


@pytest.mark.timed
async def test_a_model_that_reasons_aloud_is_not_silent(server: OpenAIServer) -> None:
    asked = model(server, fallbacks=("openai:b",), timeout_seconds=4.0)
    await asked.start()
    server.scenes = [Scene(text=TEXT, reasoning="So, let me think about that.", pause=0.6)]
    assert await answer(asked) == "Open Settings. [1]"
    assert [request["model"] for request in server.requests] == ["test"]


async def test_a_model_that_writes_nothing_is_followed_by_the_next_one(
    server: OpenAIServer,
) -> None:
    asked = model(server, fallbacks=("openai:b",))
    server.by_model = {"test": Scene(text=""), "b": Scene(text=TEXT)}
    assert await answer(asked) == "Open Settings. [1]"


async def test_a_cut_answer_is_not_asked_for_elsewhere(server: OpenAIServer) -> None:
    """What one provider will not say is not shopped for at another."""
    asked = model(server, fallbacks=("openai:b",))
    server.by_model = {"test": Scene(text=TEXT, finish="content_filter"), "b": Scene(text=TEXT)}
    with pytest.raises(ModelCutOff):
        await answer(asked)
    assert [request["model"] for request in server.requests] == ["test"]


@pytest.mark.timed
async def test_a_rate_limit_is_waited_for_where_the_time_allows_it(server: OpenAIServer) -> None:
    asked = model(server)
    await asked.start()
    server.scenes = [Scene(status=429, retry_after="1"), Scene(text=TEXT)]
    began = time.monotonic()
    assert await answer(asked) == "Open Settings. [1]"
    assert 1.0 <= time.monotonic() - began < 3.0


async def test_a_wrong_key_is_not_tried_twice(server: OpenAIServer) -> None:
    server.scenes = [Scene(status=401)]
    with pytest.raises(ModelFailed):
        await answer(model(server))
    assert len(server.requests) == 1


async def test_a_cancelled_answer_lets_go_of_its_model(server: OpenAIServer) -> None:
    asked = model(server)
    await asked.start()
    server.scenes = [Scene(text=TEXT, delay=30)]
    task = asyncio.create_task(answer(asked))
    while not server.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(3):
        while not server.broken_off:
            await asyncio.sleep(0.01)
