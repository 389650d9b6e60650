"""The ports of embedding: the model, and the asynchronous service over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]


class Embedder(Protocol):
    """The port to embeddings; questions and passages are embedded differently."""

    @property
    def name(self) -> str:
        """Which model this is; vectors of different names cannot be compared."""
        ...

    @property
    def size(self) -> int:
        """The length of a vector."""
        ...

    async def question(self, text: str) -> Vector:
        """The unit vector of a question."""
        ...

    def foresee(self, text: str) -> None:
        """This question's vector will be asked for in a moment."""
        ...

    async def questions(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors of questions, a row each."""
        ...

    async def passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors of passages, a row each."""
        ...


class Encoder(Protocol):
    """An embedding model: blocking, on one thread."""

    name: str

    @property
    def size(self) -> int:
        """The length of a vector."""
        ...

    def questions(self, texts: Sequence[str]) -> Matrix:
        """Vectors of questions, a row each."""
        ...

    def passages(self, texts: Sequence[str]) -> Matrix:
        """Vectors of passages, a row each."""
        ...
