"""Scores how much a message sounds like a threat: logistic regression on word pieces.

A logistic model over hashed pieces of words, made by `python -m bench.train_threats` from what
people write; its numbers are `threat_model.bin`. Patterns know turns of speech, this their likes:
people threaten in more ways than anybody writes down.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

NUMBERS = Path(__file__).with_name("threat_model.bin")
SIZE = 1 << 15  #: weights, a byte each
HEADER = struct.Struct("<dd")  #: what a byte is worth, and the bias
LOOKED_AT = 2000  #: characters
WHOLE = 300  #: characters; a longer message is looked at sentence by sentence only

_WORD = re.compile(r"[a-z']+|[가-힣]+|[ㄱ-ㅎㅏ-ㅣ]+|\d+|[^\sa-z가-힣ㄱ-ㅎㅏ-ㅣ\d]")
SENTENCES = re.compile(r"[.!?。？！\n]+")


def odds(text: str) -> float:
    """Log-odds that the text, or the worst of its sentences, threatens; under 0: rather not.

    The text is in lower case, without manners of speaking (see core/nlu/threats.py).
    """
    text = text[:LOOKED_AT]
    parts = [part for part in SENTENCES.split(text) if part.strip()]
    if len(parts) > 1 and len(text) <= WHOLE:
        parts.append(text)
    return max((_odds(part) for part in parts), default=-10.0)


def places(text: str) -> frozenset[int]:
    """Where among the weights the pieces of a text stand."""
    return frozenset(zlib.crc32(piece.encode()) % SIZE for piece in _pieces(text))


def _odds(text: str) -> float:
    weights, worth, bias = _numbers()
    found = places(text)
    return bias + worth * sum(weights[place] for place in found) / math.sqrt(max(1, len(found)))


def _pieces(text: str) -> Iterator[str]:
    words = _WORD.findall(text)
    for word in words:
        framed = f"<{word}>"
        for length in (2, 3, 4, 5):
            yield from (framed[i : i + length] for i in range(len(framed) - length + 1))
        yield framed
    for first, second in pairwise(words):
        yield f"{first}_{second}"
    for first, second in zip(words, words[2:], strict=False):
        yield f"{first}__{second}"
    for first, second, third in zip(words, words[1:], words[2:], strict=False):
        yield f"{first}_{second}_{third}"


@cache
def _numbers() -> tuple[memoryview, float, float]:
    raw = NUMBERS.read_bytes()
    worth, bias = HEADER.unpack_from(raw)
    return memoryview(raw)[HEADER.size :].cast("b"), worth, bias
