"""Keeps texts of strangers data: makes them inert, notices steering, catches leaks."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator

from core.rag.tricks import HOW_TO, TRICKS

HEAD, TAIL = 4000, 2000  #: characters looked at, from both ends; a model sees the head only

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0e\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
_ALIKE = str.maketrans(
    "аеорсухіјѕԁһмтквнАЕОРСУХІЈѕαοενικτρ",
    "aeopcyxijsdhmtkbhAEOPCYXIJsaoevikrp"[:17] + "AEOPCYXIJs" + "aoeviktp",
)
_LEET = str.maketrans("01345@$7", "oieasast")
_MARKUP = re.compile(r"<(?=[/|!?a-zA-Z가-힣<])|(?<=[|\]/a-zA-Z가-힣\"'])>")
_FENCES = re.compile(r"\[(/?)(inst|system|시스템)\]", re.IGNORECASE)
_ROLE_LINE = re.compile(
    r"^(\s*)(?:#{1,6}\s*)?(system|assistant|user|human|developer|시스템|어시스턴트)(\s*):",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE = re.compile(r"(?<=[.!?。？！])\s+|\n+")
_BASE64 = re.compile(r"(?<![\w/+=-])[A-Za-z0-9+/]{24,}={0,2}(?![\w/+])")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}){12,}(?![0-9a-fA-F])")
_SPACED = re.compile(r"(?:(?<=\s)|^)(?:\S[ .\-_]+){6,}\S(?=\s|$)")
_ROT = re.compile(r"\b(?:vtaber|vafgehpgvbaf?|flfgrz cebzcg)\b")
_WORD = re.compile(r"\w+")


def clean(text: str) -> str:
    """The text without invisible and control characters; what a person sees stays."""
    return _INVISIBLE.sub("", text)


def inert(text: str) -> str:
    """The text with everything that could close our delimiters or open a role made harmless."""
    text = _MARKUP.sub(lambda m: "‹" if m.group() == "<" else "›", clean(text))
    text = _FENCES.sub(r"(\1\2)", text)
    return _ROLE_LINE.sub(r"\1\2\3 -", text)


def suspicions(text: str) -> tuple[str, ...]:
    """The kinds of steering a message shows, none for an honest one; pure, about 1 ms.

    A name says why a person should look; it is never a ground to refuse.
    """
    if len(text) > HEAD + TAIL:
        text = text[:HEAD] + "\n" + text[-TAIL:]
    found: dict[str, None] = {}
    for number, variant in enumerate(_variants(text)):
        for trick in TRICKS:
            if trick.name in found:
                continue
            if any(pattern.search(variant) for pattern in trick.plain) or any(
                pattern.search(sentence)
                for sentence in _commands(variant)
                for pattern in trick.command
            ):
                found[trick.name] = None
                # What had to be unwrapped first was hidden on purpose.
                if number > 1:
                    found["encoded"] = None
    return tuple(found)


def _commands(text: str) -> list[str]:
    sentences = [s for s in _SENTENCE.split(text) if s.strip() and not HOW_TO.search(s)]
    # Words put one a line are still one sentence.
    return [*sentences, " ".join(sentences)] if 1 < len(sentences) < 40 else sentences


def _variants(text: str) -> Iterator[str]:
    seen = unicodedata.normalize("NFKC", clean(text))
    plain = re.sub(r"[ \t\u3000]+", " ", seen.lower()).replace("’", "'")
    yield plain
    flat = re.sub(r"[\s.\-_*!]+", " ", plain).strip()
    if flat != plain and len(flat) < 400:
        yield flat
    alike = plain.translate(_ALIKE)
    if alike != plain:
        yield alike
    if re.search(r"[a-z][0134@$7]|[0134@$7][a-z]", plain):
        yield plain.translate(_LEET)
    for run in _SPACED.findall(seen.lower()):
        yield _joined(run)
    backwards = plain[::-1]
    if "instructions" in backwards or "system prompt" in backwards or "ignore" in backwards:
        yield backwards
    if _ROT.search(plain):
        yield codecs.decode(plain, "rot13")
    yield from (inner.lower() for inner in _unwrapped(seen))


def _joined(run: str) -> str:
    """Letters written one by one as words again; wide gaps are where the words end."""
    words = re.split(r"\s{2,}", run.strip())
    joined = [re.sub(r"[\s.\-_]+", "", word) for word in words]
    return " ".join(joined)


def _unwrapped(text: str) -> Iterator[str]:
    for match in list(_BASE64.finditer(text))[:8]:
        raw = match.group().rstrip("=")
        try:
            yield base64.b64decode(raw + "=" * (-len(raw) % 4)).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            continue
    for match in list(_HEX.finditer(text))[:8]:
        try:
            yield bytes.fromhex(match.group()).decode("utf-8")
        except (ValueError, UnicodeDecodeError):
            continue


class LeakCheck:
    """Knows what must never appear in an answer: the canary and the instructions themselves."""

    def __init__(self, *, canary: str, instructions: str, run: int = 9) -> None:
        self._canary = canary.lower()
        self._run = run
        words = _WORD.findall(instructions.lower())
        self._runs = frozenset(
            tuple(words[i : i + run]) for i in range(max(0, len(words) - run + 1))
        )

    def leaks(self, text: str) -> bool:
        """Whether the text gives away the canary or a run of nine words of the instructions."""
        lowered = clean(text).lower()
        if self._canary:
            squeezed = re.sub(r"[^a-z0-9]+", "", lowered)
            canary = re.sub(r"[^a-z0-9]+", "", self._canary)
            if canary and (canary in squeezed or canary[::-1] in squeezed):
                return True
        words = _WORD.findall(lowered)
        return any(
            tuple(words[i : i + self._run]) in self._runs for i in range(len(words) - self._run + 1)
        )
