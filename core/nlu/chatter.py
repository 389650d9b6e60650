"""Recognises messages that ask for nothing: thanks, goodbyes, "done", laughter, emoji.

A message is chatter when nothing is left of it once all known phrases are taken out, so a
question never is, however polite. The phrases are data: `config/locales/LANGUAGE/patterns/chatter.toml`.
"""

# ruff: noqa: E501 - Korean letters count double in a pattern

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.languages import LANGUAGES, every, patterns
from core.text.folding import compatible

LONGEST = 160  #: characters; a longer message says more


class Chatter(enum.StrEnum):
    """A kind of message that asks for nothing; of several kinds in one message the first counts."""

    THANKS = "thanks"
    GOODBYE = "goodbye"
    DONE = "done"  #: it works, never mind, that was all
    DECLINED = "declined"  #: no, no need
    ACKNOWLEDGED = "acknowledged"
    GREETING = "greeting"
    NUDGE = "nudge"  #: "?", "??": somebody waits, or has sent it too early
    REACTION = "reaction"  #: laughter, emoji, a tapback, "hm": nothing is expected


_ORDER = (
    Chatter.THANKS, Chatter.GOODBYE, Chatter.DONE, Chatter.DECLINED, Chatter.ACKNOWLEDGED,
    Chatter.GREETING, Chatter.REACTION,
)  # fmt: skip
_WANTS = "wants"  #: phrases made of harmless words that do ask for something
_TAPBACK = re.compile("|".join(every("chatter", "tapbacks")), re.DOTALL | re.IGNORECASE)
_QUESTION_MARKS = re.compile(r"\A[!！\s]*+[?？¿][?？¿!！\s.]*+\Z")
_SMILEY = re.compile(
    r"(?<!\w)(?:[:;=8xX]['\-o^]?[()\]\[dDpPoO3/\\|*<>]{1,8}|<{1,4}3{1,4}|</3|\^[_.\-]?\^{1,4};{0,4}|t[_.]?t|-[_.]-|¯\\_\(ツ\)_/¯|"
    r"ㅡ[_.,]{0,4}ㅡ|ㅇ[_.]ㅇ|o[_.]o|>[_.]<|u[_.]u)(?!\w)"
)
_JAMO = re.compile("[ㅋㅎㅠㅜㅡㅗㅏㅑㅓㅕ]+")
_RUN = re.compile(r"(.)\1{2,}")
_DRAWN_OUT = re.compile(r"([a-z])\1+")
_LAUGH = re.compile(
    r"\b(?:a?(?:ha|he|hi|ho|ja|je){2,}h?|h[ae]h|lo+l(?:ol)*|lmf?a+o+|rofl+|hm{2,}|m{1,3}h{0,3}m+|u+h+m*|a+h{2,}|a{2,}h+|o+h{2,}|o{2,}h*|e+h{2,}|a+w+)\b"
)
_WORD = re.compile(r"[a-zß-öø-ÿ]+(?:'[a-z]+)?|[0-9]+")
_REST = re.compile(r"[a-z0-9ß-öø-ÿ]|[^\W\d_a-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phrases:
    """A language's phrases, each with what it says ("" for filler), and the longest of them."""

    says: Mapping[str, str]
    longest: int


def chatter(text: str) -> Chatter | None:
    """What the message says when it asks for nothing; None when it may ask for something."""
    if _TAPBACK.match(text[:2000]) and len(text) <= 2000:
        return Chatter.REACTION
    if len(text) > LONGEST or not text.strip():
        return None
    plain = _one_form(text)
    if _QUESTION_MARKS.match(plain):
        return Chatter.NUDGE
    plain = _SMILEY.sub(" ", plain)
    korean = any("ㄱ" <= letter <= "힣" for letter in plain)
    if not korean and not _REST.search(plain):
        return Chatter.REACTION  # nothing but emoji and signs
    said = _syllables_say(plain) if korean else _words_say(plain)
    if said is None or (_WANTS in said and not said & {Chatter.THANKS, Chatter.GOODBYE}):
        return None
    if said & {Chatter.DONE, Chatter.DECLINED} and ("?" in plain or "？" in plain):
        return None  # "fixed?" asks
    return next((kind for kind in _ORDER if kind in said), None)


def _one_form(text: str) -> str:
    """Lower case and NFKC, but for lone Korean letters, which it would take for parts of one."""
    folded = (c if "ㄱ" <= c <= "ㆎ" else compatible(c) for c in unicodedata.normalize("NFC", text))
    return "".join(folded).lower().replace("’", "'").replace("`", "'")


def _words_say(plain: str) -> frozenset[str] | None:
    """What is said, by whole words; None when a word is left over."""
    laughed = _LAUGH.sub(" haha ", plain)
    words = _WORD.findall(laughed)
    if _REST.search(_WORD.sub(" ", laughed)):
        return None
    for phrases in _BY_WORDS:
        for spelled in (
            words,
            [_DRAWN_OUT.sub(r"\1\1", w) for w in words],
            [_DRAWN_OUT.sub(r"\1", w) for w in words],
        ):
            said = _taken_apart(spelled, phrases, " ")
            if said:
                return said
    return None


def _syllables_say(plain: str) -> frozenset[str] | None:
    """The same for Korean, where spaces are set as one likes: by whole syllables."""
    latin = _WORD.findall(_LAUGH.sub(" ", plain))
    said: set[str] = set()
    if latin:
        beside = _taken_apart([_DRAWN_OUT.sub(r"\1\1", w) for w in latin], _BY_WORDS[0], " ")
        if beside is None:
            return None
        said |= beside
    letters = "".join(letter for letter in plain if "ㄱ" <= letter <= "힣")
    if _REST.search("".join(c for c in _WORD.sub("", plain) if not "ㄱ" <= c <= "힣")):
        return None
    # Letters of laughter may be part of a word: "ㅇㅎ", "ㅎㅇ".
    if whole := _taken_apart(_RUN.sub(r"\1\1", letters), _BY_SYLLABLES, ""):
        return frozenset(said | whole)
    bare = _JAMO.sub("", letters)
    if bare != letters:
        said.add(Chatter.REACTION)
    bare = _RUN.sub(r"\1\1", bare)
    for end, usual in _ENDINGS:
        bare = bare.replace(end, usual)
    if not bare:
        return frozenset(said)
    for spelled in (bare, _RUN.sub(r"\1", bare), re.sub(r"(.)\1", r"\1", bare)):
        found = _taken_apart(spelled, _BY_SYLLABLES, "")
        if found is not None:
            return frozenset(said | found) or None
    return None


def _taken_apart(parts: Sequence[str], phrases: _Phrases, between: str) -> frozenset[str] | None:
    """What the parts say when they are known phrases in a row, by the fewest of them."""
    ways: list[tuple[int, frozenset[str]] | None] = [(0, frozenset())]
    for end in range(1, len(parts) + 1):
        best: tuple[int, frozenset[str]] | None = None
        for begin in range(max(0, end - phrases.longest), end):
            before = ways[begin]
            says = phrases.says.get(between.join(parts[begin:end])) if before else None
            if before is None or says is None:
                continue
            said = before[1] | {says} if says else before[1]
            if best is None or (before[0] + 1, -len(said)) < (best[0], -len(best[1])):
                best = (before[0] + 1, said)
        ways.append(best)
    last = ways[-1]
    return last[1] if last else None


def _loaded(told: Mapping[str, Any], *, spaces: bool) -> _Phrases:
    says: dict[str, str] = {}
    for kind in ("filler", *reversed(_ORDER), _WANTS):
        for phrase in told[kind].split("|"):
            for spelled in _spelled_out(" ".join(phrase.split())):
                says[spelled] = "" if kind == "filler" else str(kind)
    says.pop("", None)
    if not spaces:
        says = {"".join(p.split()): said for p, said in says.items()}
    parts = (len(p.split()) if spaces else len(p) for p in says)
    return _Phrases(says=says, longest=max(parts))


def _spelled_out(phrase: str) -> list[str]:
    """All that "(good/nice) (day/night/)" stands for."""
    begin = phrase.find("(")
    if begin < 0:
        return [" ".join(phrase.split())]
    end = phrase.index(")", begin)
    ways = phrase[begin + 1 : end].split("/")
    return [
        spelled
        for way in ways
        for spelled in _spelled_out(phrase[:begin] + way + phrase[end + 1 :])
    ]


_TOLD = patterns("chatter")
_HANGUL = next(code for code in _TOLD if LANGUAGES[code].script == "HANGUL")
_BY_SYLLABLES = _loaded(_TOLD[_HANGUL], spaces=False)
_ENDINGS = tuple((end, usual) for end, usual in _TOLD[_HANGUL]["endings"])
_BY_WORDS = tuple(_loaded(told, spaces=True) for code, told in _TOLD.items() if code != _HANGUL)
"""Of the languages in Latin letters, the default first: its words stand among Korean ones too."""
