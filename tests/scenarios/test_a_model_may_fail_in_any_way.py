"""The model path of the real program against a local server that behaves well or badly."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.openai_server import OpenAIServer, Scene, openai_server
from tests.support.served import Served, served

pytestmark = [pytest.mark.timeout(180), pytest.mark.timed]
KNOWN = "How do I approve an answer?"
UNKNOWN = "What is the melting point of tungsten carbide in Kelvin?"
GOOD = "Open Approvals in the console and press Approve [1]."
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
    }
    with served(tmp_path_factory.mktemp("model"), **settings) as site:
        model.scenes = [Scene(text=GOOD)]
        chat = site.chat(KNOWN)
        chat.until(lambda c: len(c["messages"]) > 1)  # the first call loads the client
        yield site


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
}


@pytest.mark.parametrize("name", SCENES)
def test_whatever_the_model_does_the_customer_hears_within_3_s(
    site: Served, model: OpenAIServer, name: str
) -> None:
    model.scenes = [SCENES[name]]
    for question in (KNOWN, UNKNOWN):
        chat = site.chat(question)
        began = time.monotonic()
        seen = chat.until(lambda c: len(c["messages"]) > 1, seconds=5)
        waited = time.monotonic() - began
        told = seen["messages"][1]
        if told["author"] == "ai":
            assert told["citations"], told
            assert "moon" not in told["text"]
            assert "somewhere" not in told["text"]
        else:
            assert (told["author"], seen["status"]) == ("system", "review"), (seen, chat.read())
        assert waited < 3, (name, waited)


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
