"""Recognises that a customer wants no more messages, and that they want them again.

The law asks to honour any reasonable way of saying so, not a list of words. The turns of speech
are data: `config/locales/LANGUAGE/patterns/consent.toml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.languages import every, patterns
from core.nlu.chatter import chatter
from core.text.folding import compatible
from core.text.linear_regex import LinearRegex

_LONGEST = 4000  #: characters that are looked at
_SENTENCE = re.compile(r"[^\n.!?。？！…;]+[\n.!?。？！…;]*")
_SIGNS = re.compile(r"[^\w']+")  # all but letters, digits and the apostrophe
_SPELLED = re.compile(r"(?:\b\w\b[\s.\-_*]*){4,}")  # S.T.O.P., s t o p
_CLAUSE = re.compile(r"[,،、，:–—]")
_LETTERS = re.compile(r"[^\W_]")
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘´`ʼ", "'"))
_LATIN = re.compile("[À-ɏḀ-ỿ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptingOut:
    """The customer wants no more messages, or sounds as if they did."""

    certain: bool  #: False: a person has to look, and until then nothing is sent by machine
    only: bool  #: nothing else stands in the message, so nobody waits for an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Language:
    """One language's turns of speech within a sentence."""

    certain: LinearRegex
    seems: LinearRegex
    unless: LinearRegex
    how: LinearRegex
    clauses: re.Pattern[str]  #: what stands between two matters in one sentence

    @classmethod
    def of(cls, table: Mapping[str, Sequence[str]]) -> _Language:
        """From a language's file."""
        return cls(
            certain=LinearRegex(*table["certain"]),
            seems=LinearRegex(*table["seems"]),
            unless=LinearRegex(*table["unless"]),
            how=LinearRegex(*table["how"]),
            clauses=re.compile(
                rf"[,、:–—]|(?:^|\s)(?:{'|'.join(map(re.escape, table['joins']))})(?=[\s,])"
            ),
        )


_LANGUAGES = tuple(_Language.of(table) for table in patterns("consent").values())
_ALONE = LinearRegex(*every("consent", "alone"))
_ALONE_UNSURE = LinearRegex(*every("consent", "alone_unsure"))
_OPT_IN = LinearRegex(*every("consent", "opt_in"))


def opting_out(text: str) -> OptingOut | None:
    """Whether, and how surely, this message revokes the consent to be written to.

    None for everything else, such as "does the bus stop here?". In whatever language: who
    revokes does not choose the one that the conversation is held in.
    """
    plain = _one_form(text)
    whole = _words(plain)
    if _ALONE.search(whole):
        return OptingOut(certain="?" not in plain, only=True)
    if _ALONE_UNSURE.search(whole):
        return OptingOut(certain=False, only=True)
    said = {sentence: _sentence_says(sentence) for sentence in _sentences(plain)}
    found = [certain for certain in said.values() if certain is not None]
    if not found:
        return None
    rest = any(
        chatter(s) is None if certain is None else _asks_beside(s) for s, certain in said.items()
    )
    return OptingOut(certain=any(found), only=not rest)


def opts_in(text: str) -> bool:
    """Whether the whole message is a word that lets messages come again.

    It means this to who has opted out only: "Yes" is an answer to everybody else.
    """
    return bool(_OPT_IN.search(_words(_one_form(text))))


def _sentence_says(sentence: str) -> bool | None:
    """True: opts out. False: sounds like it. None: neither."""
    words = _words(sentence)
    if _ALONE.search(words):
        return "?" not in sentence
    own = [one for one in _LANGUAGES if one.certain.search(words) or one.seems.search(words)]
    own = [one for one in own if not one.unless.search(words)]
    if not own:
        # "Not interested, remove": a clause is enough for a person to look. Not the first one:
        # "stop, I meant size 40".
        later = (_words(clause) for clause in _CLAUSE.split(sentence)[1:])
        return False if any(_is_alone(words) for words in later) else None
    return any(one.certain.search(words) and not one.how.search(words) for one in own)


def _is_alone(words: str) -> bool:
    return _ALONE.search(words) or _ALONE_UNSURE.search(words)


def _asks_beside(sentence: str) -> bool:
    """Whether a part of a sentence that opts out is about another matter.

    In doubt it is: then a person reads it, and nothing is sent by machine all the same.
    """
    words = _words(sentence)
    if _ALONE.search(words):
        return False
    own = (one for one in _LANGUAGES if one.certain.search(words) or one.seems.search(words))
    parts = (_words(part) for one in own for part in one.clauses.split(sentence))
    return any(
        _is_long(p) and p != words and _sentence_says(p) is None and chatter(p) is None
        for p in parts
    )


def _is_long(words: str) -> bool:
    return words.count(" ") >= 2 or len(words) >= 12


def _sentences(plain: str) -> Sequence[str]:
    return [part for part in _SENTENCE.findall(plain) if _LETTERS.search(part)]


def _one_form(text: str) -> str:
    """In lower case, NFKC, Latin letters without accents; letters that are spelled out together."""
    plain = compatible(text[:_LONGEST]).lower().translate(_APOSTROPHES)
    plain = _LATIN.sub(lambda match: _bare(match[0]), plain)
    return _SPELLED.sub(lambda match: _SIGNS.sub("", match[0]) + " ", plain)


def _bare(letter: str) -> str:
    if letter == "ß":
        return "ss"
    bare = unicodedata.normalize("NFD", letter)[:1]
    return bare if bare.isascii() else letter


def _words(plain: str) -> str:
    """The words with one blank between them, without punctuation and emoji."""
    return _SIGNS.sub(" ", plain).replace("_", " ").strip()
