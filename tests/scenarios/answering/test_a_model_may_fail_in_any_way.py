"""The model path of the real program against a local server that behaves well or badly."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.served import Served, served
from tests.support.servers.openai import OpenAIServer, Scene, openai_server

pytestmark = [pytest.mark.timeout(180), pytest.mark.timed]
KNOWN = "How do I approve an answer?"
UNKNOWN = "What is the melting point of tungsten carbide in Kelvin?"
GOOD = "Open Approvals in the console and press Approve [1]."
LIMIT = 2.0  #: seconds that a model has here
WHOLE_ANSWER = '{"text": "Open Approvals and press Approve [1].", "citations": ["1"]}'


class Model:
    """The server on a thread of its own, so that a plain test can set its scene."""

    def __init__(self) -> None:
        self.server: OpenAIServer | None = None
        self._ready, self._done = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))

    async def _run(self) -> None:
        async with openai_server() as self.server:
            self._ready.set()
            await self._done.wait()

    def start(self) -> OpenAIServer:
        self._thread.start()
        assert self._ready.wait(10)
        assert self.server is not None
        return self.server

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    running = Model()
    yield running.start()
    running.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, model: OpenAIServer) -> Iterator[Served]:
    settings = {
        "LLM_MODEL": "openai:some-model",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": model.url,
        "LLM_TIMEOUT_SECONDS": str(LIMIT),
        "LLM_OPTIONS": '{"temperature": 0, "reasoning_effort": "low"}',
    }
    with served(tmp_path_factory.mktemp("model"), **settings) as site:
        model.scenes = [Scene(text=GOOD)]
        chat = site.chat(KNOWN)
        chat.until(lambda c: len(c["messages"]) > 1)  # the first call loads the client
        yield site


CLAIMS = json.dumps({"claims": [{"text": GOOD.removesuffix(" [1]."), "sources": [1]}]})
SCENES = {
    "plain text": Scene(text=GOOD),
    "plain text at once": Scene(text=GOOD, streams=False),
    "slow words": Scene(text=GOOD, pause=0.02),
    "a tool call": Scene(text=WHOLE_ANSWER, as_tool_call=True),
    "429": Scene(status=429, retry_after="1"),
    "429 for long": Scene(status=429, retry_after="60"),
    "500": Scene(status=500),
    "401": Scene(status=401),
    "stalls at once": Scene(text=GOOD, delay=60),
    "stalls in the middle": Scene(text=GOOD, stall_after=3),
    "broken JSON": Scene(garbage=True),
    "broken JSON at once": Scene(garbage=True, streams=False),
    "half a tool call": Scene(text=WHOLE_ANSWER[:30], as_tool_call=True),
    "cut": Scene(text=GOOD, cut_after=3),
    "cut at once": Scene(text=GOOD, cut_after=0),
    "ends early": Scene(text=GOOD, end_early=4),
    "empty": Scene(text=""),
    "without a source": Scene(text="Just press something somewhere."),
    "a source that was not given": Scene(text="Press it, as the moon says [99]."),
    "an endless answer": Scene(text="word " * 4000 + "[1].", size=400),
    "refuses a schema": Scene(text=GOOD, refuses_schema=True),
    "refuses an option": Scene(text=GOOD, refuses=("reasoning_effort",)),
    "refuses another without a word": Scene(text=GOOD, refuses=("temperature",), refusal="no"),
    "length": Scene(text=GOOD, finish="length"),
    "MAX_TOKENS": Scene(text=GOOD, finish="MAX_TOKENS"),
    "content_filter": Scene(text=GOOD, finish="content_filter"),
    "SAFETY": Scene(text=GOOD, finish="SAFETY"),
    "refusal": Scene(text=GOOD, finish="refusal"),
    "guardrail_intervened": Scene(text=GOOD, finish="guardrail_intervened"),
    "tool_calls": Scene(text=GOOD, finish="tool_calls"),
    "an end nobody knows": Scene(text=GOOD, finish="sprout"),
    "no end at all": Scene(text=GOOD, finish=None),
    "reasoning": Scene(text=f"<think>The moon knows it [1].</think>{GOOD}"),
    "reasoning without an end": Scene(text=f"<think>The moon knows it [1]. {GOOD}"),
    "reasoning without a beginning": Scene(text=f"The moon knows it [1].</think>{GOOD}"),
    "an object after a sentence": Scene(text=f"As the moon says: {CLAIMS}"),
    "HTML": Scene(text=f"<p>{GOOD}</p><script>moon()</script>"),
}
CUT = (
    *("length", "MAX_TOKENS", "content_filter", "SAFETY", "refusal", "guardrail_intervened"),
    *("tool_calls", "an end nobody knows", "no end at all", "cut", "ends early"),
    *("stalls in the middle", "reasoning without an end"),
)


@pytest.mark.parametrize("name", SCENES)
def test_whatever_the_model_does_the_customer_hears_in_its_time(
    site: Served, model: OpenAIServer, name: str
) -> None:
    model.scenes = [SCENES[name]]
    # Written each time in another way, or the answer given before would be given again.
    bits = f"{list(SCENES).index(name):06b}".replace("0", "!").replace("1", "?")
    for question in (KNOWN, UNKNOWN):
        asked_before = len(model.requests)
        chat = site.chat(f"{question}{bits}")
        began = time.monotonic()
        seen = chat.until(lambda c: len(c["messages"]) > 1, seconds=LIMIT + 5)
        waited = time.monotonic() - began
        told = seen["messages"][1]
        if told["author"] == "ai":
            assert told["citations"], told
            assert "moon" not in told["text"]
            assert "somewhere" not in told["text"]
            assert not set("<>{}") & set(told["text"]), told
            if name in CUT:
                assert GOOD.removesuffix(" [1].") not in told["text"], told
        else:
            assert (told["author"], seen["status"]) == ("system", "review"), (seen, chat.read())
        assert waited < LIMIT + 3, (name, waited)
        if question == KNOWN:
            assert len(model.requests) > asked_before, "the model was not asked"


def test_the_models_words_reach_the_customer_with_their_source(
    site: Served, model: OpenAIServer
) -> None:
    model.scenes = [Scene(text=GOOD, pause=0.02)]
    chat = site.chat(KNOWN)
    seen = chat.until(lambda c: len(c["messages"]) > 1)
    assert "press Approve" in seen["messages"][1]["text"]
    assert seen["messages"][1]["citations"][0]["url"].startswith("http")


def test_failures_are_counted(site: Served) -> None:
    metrics = site.get("/metrics").text
    assert "model" in metrics
    assert site.get("/readyz").status_code == 200
