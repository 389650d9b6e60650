"""Prompt injection: makes strangers' texts inert, recognises steering, catches leaks."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator

from config.languages import every
from core.rag.safety.injection_patterns import HOW_TO, TRICKS, command_tricks, plain_tricks
from core.text.folding import compatible

HEAD, TAIL = 4000, 2000  #: characters looked at, from both ends; a model sees the head only
SENTENCES = 100  #: sentences that are looked at one by one

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
_FENCES = re.compile(rf"\[(/?)({'|'.join(every('injection', 'fences'))})\]", re.IGNORECASE)
_ROLE_LINE = re.compile(
    r"^([^\S\n]*+)(?:#{1,6}[^\S\n]*+)?"
    rf"({'|'.join(every('injection', 'roles'))})(\s*+):",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE = re.compile(r"(?<=[.!?。？！])\s+|\n+")
_BASE64 = re.compile(r"(?<![\w/+=-])[A-Za-z0-9+/]{24,}={0,2}(?![\w/+])")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}){12,}(?![0-9a-fA-F])")
_GAP = " .-_"
_RUN = re.compile(r"(?:[^\W_][ .\-_]++)++[^\W_]?")
_WIDE = re.compile(r"\s{2,}")
_BLANKS = re.compile(r"[ \t\u3000]+")
_GAPS = re.compile(r"[\s.\-_*!]+")
_LEETISH = re.compile(r"[a-z][0134@$7]|[0134@$7][a-z]")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
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
    found: set[str] = set()
    for variant, hidden in _variants(text):
        names = plain_tricks(variant)
        for sentence in _commands(variant):
            names |= command_tricks(sentence)
        # What had to be unwrapped first was hidden on purpose.
        found |= names | {"encoded"} if hidden and names - found else names
    return tuple(name for name in TRICKS if name in found)


def _commands(text: str) -> list[str]:
    sentences = [s for s in _SENTENCE.split(text) if s.strip()]
    # What goes on beyond that is looked at as one, and no question in it excuses it.
    sentences, rest = sentences[:SENTENCES], " ".join(sentences[SENTENCES:])
    orders = [s for s in sentences if not HOW_TO.search(s)]
    if rest:
        orders.append(rest)
    # Words put one a line are still one sentence.
    return [*orders, " ".join(orders)] if 1 < len(orders) < 40 else orders


def _variants(text: str) -> Iterator[tuple[str, bool]]:
    """The text in the ways it may be meant, and whether that was hidden in it."""
    seen = compatible(clean(text))
    plain = _BLANKS.sub(" ", seen.lower()).replace("’", "'")
    yield plain, False
    flat = _GAPS.sub(" ", plain).strip()
    if flat != plain and len(flat) < 400:
        yield flat, False
    alike = plain.translate(_ALIKE)
    if alike != plain:
        yield alike, True
    if _LEETISH.search(plain):
        yield plain.translate(_LEET), True
    if spaced := "\n".join(map(_joined, _spaced(seen.lower()))):
        yield spaced, True
    backwards = plain[::-1]
    if "instructions" in backwards or "system prompt" in backwards or "ignore" in backwards:
        yield backwards, True
    if _ROT.search(plain):
        yield codecs.decode(plain, "rot13"), True
    if inner := "\n".join(_unwrapped(seen)):
        yield inner.lower(), True


def _spaced(text: str) -> Iterator[str]:
    """Runs of at least seven letters that are written one by one."""
    for match in _RUN.finditer(text):
        start, end = match.span()
        # The last letter of the word before and the first of the word after are no part of it.
        if start and text[start - 1].isalnum():
            start += 1
        if end < len(text) and text[end].isalnum():
            end -= 1
        run = text[start:end].strip(_GAP)
        if sum(char.isalnum() for char in run) >= 7:
            yield run


def _joined(run: str) -> str:
    """Letters written one by one as words again; wide gaps are where the words end."""
    return " ".join(_GAPS.sub("", word) for word in _WIDE.split(run.strip()))


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
    """Recognises leaks of the canary and of the instructions in an answer."""

    def __init__(self, *, canary: str, instructions: str, run: int = 9) -> None:
        self._canary = canary.lower()
        self._run = run
        words = _WORD.findall(instructions.lower())
        self._runs = frozenset(
            tuple(words[i : i + run]) for i in range(max(0, len(words) - run + 1))
        )

    def leaks(self, text: str) -> bool:
        """Whether the text gives away the canary or a run of nine words of the instructions."""
        return self.reading().leaks(text)

    def reading(self) -> LeakReading:
        """An answer that is read sentence by sentence."""
        return LeakReading(self._canary, self._runs, self._run)


class LeakReading:
    """Recognises a leak that is spread over several sentences.

    Looking through all that was said at each sentence would take the square of an answer.
    """

    def __init__(self, canary: str, runs: frozenset[tuple[str, ...]], run: int) -> None:
        self._canary = _NO_LETTER.sub("", canary)
        self._runs, self._run = runs, run
        self._letters = ""
        self._words: list[str] = []

    def leaks(self, text: str) -> bool:
        """Whether this, after all that came before, gives something away."""
        lowered = clean(text).lower()
        if self._canary:
            letters = self._letters + _NO_LETTER.sub("", lowered)
            if self._canary in letters or self._canary[::-1] in letters:
                return True
            self._letters = letters[-len(self._canary) :]
        words = self._words + _WORD.findall(lowered)
        self._words = words[-self._run :]
        return any(
            tuple(words[i : i + self._run]) in self._runs for i in range(len(words) - self._run + 1)
        )
