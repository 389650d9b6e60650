"""Makes core/nlu/threat_model.bin: `python -m bench.train_threats [--show]`.

Learns from bench/hostile_messages (`fit` and the seen half; never the other) and from the lines
that the tests of small talk ask; what is harmless also from the questions of bench/contrast that
are no measure.
"""

from __future__ import annotations

import random
import re
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.hostile_messages.sets import FOLDER, LANGUAGES, messages
from core.nlu.threat_model import HEADER, NUMBERS, SENTENCES, SIZE, places
from core.nlu.threats import plain_speech

ROOT = Path(__file__).parents[1]
LINES = ROOT / "tests" / "core" / "rag" / "data"
HARMLESS = (
    "hyperbole", "hyperbole_held", "chatter", "chatter_held", "chatter_last", "chatter_not",
    "benign", "honest",
)  # fmt: skip
SPOKEN = 25  #: times that a turn of speech is spoken out, at most
WEIGHT = 2.0  #: of a threat, of which there are fewer
ROUNDS = 300
STRENGTH = 0.1
_SLOT = re.compile(r"\(([^()]*)\)")

Floats = NDArray[np.float64]


def examples() -> tuple[list[str], list[str]]:
    """Threats, and what is none."""
    seen = [m for m in messages() if m.seen]
    threats = [m.text for m in seen if m.threat]
    harmless = [m.text for m in seen if not m.threat]
    for language in LANGUAGES:
        for kind in ("threats", "threats_held"):
            threats += _lines(LINES / f"{kind}.{language}.txt")
        threats += _lines(FOLDER / "fit" / f"threats.{language}.txt")
        for kind in HARMLESS:
            harmless += _lines(LINES / f"{kind}.{language}.txt")
        harmless += _lines(FOLDER / "fit" / f"harmless.{language}.txt")
        turns = tomllib.loads((FOLDER / "fit" / f"patterns.{language}.toml").read_text("utf-8"))
        dice = random.Random(14)
        threats += [said for turn in turns["threats"] for said in spoken(turn, dice)]
        harmless += [said for turn in turns["harmless"] for said in spoken(turn, dice)]
        harmless += _lines(ROOT / "bench" / "elsewhere" / f"{language}.txt")
    harmless += _questions()
    # The worst of a message's sentences counts, so each of a harmless one is harmless.
    harmless += [part for text in harmless for part in SENTENCES.split(text) if part.strip()]
    return list(dict.fromkeys(threats)), list(dict.fromkeys(harmless))


def spoken(turn: str, dice: random.Random) -> Iterator[str]:
    """Some of the sentences that "(a/b) c" stands for."""
    yield from {
        _SLOT.sub(lambda slot: dice.choice(slot[1].split("/")), turn) for _ in range(SPOKEN)
    }


def fitted(rows: Sequence[Sequence[int]], wanted: Floats) -> tuple[Floats, float]:
    """Weights and bias of a logistic model on these places, by Adam."""
    ends = np.cumsum([len(row) for row in rows])
    counts = np.diff(ends, prepend=0)
    index = np.concatenate([np.array(row, dtype=np.int64) for row in rows])
    row_of = np.repeat(np.arange(len(rows)), counts)
    value = (1.0 / np.sqrt(np.maximum(1, counts)))[row_of]
    weight = np.where(wanted > 0.5, WEIGHT, 1.0)
    numbers = np.zeros(SIZE + 1)  # the last one is the bias
    first, second = np.zeros(SIZE + 1), np.zeros(SIZE + 1)
    for turn in range(1, ROUNDS + 1):
        sums = np.bincount(row_of, weights=numbers[index] * value, minlength=len(rows))
        missed = weight * (1.0 / (1.0 + np.exp(-(sums + numbers[-1]))) - wanted)
        slope = np.append(
            np.bincount(index, weights=missed[row_of] * value, minlength=SIZE)
            + STRENGTH * numbers[:-1],
            missed.sum(),
        )
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope * slope
        step = (first / (1 - 0.9**turn)) / (np.sqrt(second / (1 - 0.999**turn)) + 1e-8)
        numbers -= 0.1 * step
    return numbers[:-1], float(numbers[-1])


def main() -> None:
    """Fit and write the numbers."""
    ArgumentParser(description=__doc__).parse_args()
    threats, harmless = examples()
    rows = [sorted(places(plain_speech(text))) for text in (*threats, *harmless)]
    wanted = np.concatenate([np.ones(len(threats)), np.zeros(len(harmless))])
    kept = [n for n, row in enumerate(rows) if row]
    weights, bias = fitted([rows[n] for n in kept], wanted[kept])
    worth = float(np.abs(weights).max()) / 127
    NUMBERS.write_bytes(
        HEADER.pack(worth, bias) + np.round(weights / worth).astype(np.int8).tobytes()
    )
    print(f"{len(threats)} threats, {len(harmless)} others")


def _questions() -> list[str]:
    found = []
    for path in sorted((ROOT / "bench" / "contrast").glob("*/*.txt")):
        if path.parent.name == "held":
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            parts = [part.strip() for part in line.split("|")]
            found += parts[1:]
    return found


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("= ")]


if __name__ == "__main__":
    main()
