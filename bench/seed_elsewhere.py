"""Makes core/rag/reranking/other_trades.npz from bench/elsewhere: `python -m bench.seed_elsewhere`.

The sentences are our own (CC0), written without looking at any question of the labelled sets: what
people ask of other trades and of nobody in particular. Write further ones the same way.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.rag.reranking.novelty import ELSEWHERE
from core.rag.vectors.embeddings import BundledEncoder

SENTENCES = Path(__file__).with_name("elsewhere")


def sentences() -> list[str]:
    """All of them, a line each."""
    lines = [
        line.strip()
        for file in sorted(SENTENCES.glob("*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return list(dict.fromkeys(line for line in lines if line))


def main() -> None:
    encoder = BundledEncoder()
    vectors = np.concatenate([encoder.questions([sentence]) for sentence in sentences()])
    np.savez_compressed(ELSEWHERE, model=np.array(encoder.name), vectors=vectors.astype(np.float16))
    print(f"{len(vectors)} vectors, {ELSEWHERE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
