"""A model is tried by one real question, and what is wrong is said by its name."""

from __future__ import annotations

from typing import Any

import pytest

from core.rag.llm.chat_model import ModelSettings
from core.rag.llm.trial import tried
from core.runtime.shipped import PROMPTS
from tests.support.process import free_port
from tests.support.servers.openai import Scene, openai_server

pytestmark = pytest.mark.apart


def settings(url: str, *, model: str = "openai:test", **more: Any) -> ModelSettings:
    """A model at this address."""
    options = {"openai": {"base_url": url, "api_key": "sk-entered"}}
    return ModelSettings(model=model, options=options, **{"timeout_seconds": 10.0} | more)


async def test_one_that_answers_is_quoted() -> None:
    async with openai_server() as server:
        server.scenes = [Scene(text="Hello.")]
        trial = await tried(settings(server.url), prompts=PROMPTS)
        assert (trial.problem, trial.said, trial.model) == ("", "Hello.", "openai:test")
        assert len(server.requests) == 1


async def test_an_option_that_it_refuses_is_named() -> None:
    async with openai_server() as server:
        server.scenes = [Scene(text="Hello.", refuses=("temperature",))]
        trial = await tried(settings(server.url), prompts=PROMPTS)
        assert (trial.problem, trial.left_out) == ("", ("temperature",))


@pytest.mark.parametrize(
    ("scene", "problem"),
    [
        (Scene(status=401), "key"),
        (Scene(status=403), "key"),
        (Scene(status=404), "model"),
        (Scene(status=429), "quota"),
        (Scene(status=503), "server"),
        (Scene(text="Hello", finish="length"), "cut"),
        (Scene(text="Hello", stall_after=0), "timeout"),
    ],
)
async def test_what_is_wrong_has_a_name(scene: Scene, problem: str) -> None:
    async with openai_server() as server:
        server.scenes = [scene]
        trial = await tried(settings(server.url, timeout_seconds=2.0), prompts=PROMPTS)
        assert trial.problem == problem, trial
        assert "sk-entered" not in trial.detail


async def test_nobody_at_the_address() -> None:
    trial = await tried(settings(f"http://127.0.0.1:{free_port()}/v1"), prompts=PROMPTS)
    assert trial.problem == "unreachable", trial


@pytest.mark.parametrize(
    ("model", "problem"), [("anthropic:claude", "package"), ("nobody:model", "setup")]
)
async def test_a_provider_that_is_not_there(model: str, problem: str) -> None:
    trial = await tried(settings("http://127.0.0.1:9/v1", model=model), prompts=PROMPTS)
    assert trial.problem == problem, trial
