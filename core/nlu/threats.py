"""Threats, told from idioms that only sound like one: violence, to others or to oneself, courts
and authorities, blackmail.

What is known to be a manner of speaking is taken out first ("dying of laughter", "배고파 죽겠다");
what threatens then is a threat, wherever it stands: by known turns, else by the words that people
threaten with (core/nlu/threat_model.py). In doubt it is one: a person looks at it. The turns are
data, `config/locales/LANGUAGE/patterns/threats.toml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.languages import patterns
from core.nlu.chatter import chatter
from core.nlu.threat_model import odds
from core.text.folding import compatible
from core.text.linear_regex import LinearRegex

LOOKED_AT = 4000  #: characters
SURE = 0.0  #: log-odds from which words are a threat without a known turn

_LEET = str.maketrans({"1": "i", "!": "i", "3": "e", "0": "o", "@": "a", "$": "s", "5": "s"})
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_DOTTED = re.compile(r"(?<![a-z])(?:[a-z][.\-_*]){2,10}[a-z](?![a-z])")
_MIXED = re.compile(r"(?<![a-z])[a-z]+[013!@$5][a-z]+")
_RUN = re.compile(r"([a-z])\1{2,}")
_BLANKS = re.compile(r"\s+")
_SPACED = re.compile(r"(?<![가-힣])(?:[가-힣] ){3,20}[가-힣](?![가-힣])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """One language's patterns of threats, and of idioms that only sound like one."""

    idioms: re.Pattern[str]
    threats: LinearRegex


def _framed(table: Mapping[str, Any]) -> str:
    """The manners of speaking as one pattern; where none are known, none is found."""
    idioms = "|".join(table["idioms"]) or "(?!)"
    return rf"\b(?:{idioms})\b" if table["whole_words"] else idioms


_SPEECH = tuple(
    Speech(
        idioms=re.compile(_framed(table)),
        threats=LinearRegex(*table["threats"]),
    )
    for table in patterns("threats").values()
)
_REPAIRS = tuple((a, b) for t in patterns("threats").values() for a, b in t.get("repairs", ()))


def threatens(text: str) -> bool:
    """Whether somebody threatens, others or themselves, in a language that we know that of."""
    # What only thanks, greets or laughs is known word for word.
    return turns_to_threat(text) or (odds(plain_speech(text)) >= SURE and chatter(text) is None)


def turns_to_threat(text: str) -> bool:
    """Whether one of the known turns of threats stands in the text."""
    plain = _one_form(text[:LOOKED_AT])
    return any(own.threats.search(own.idioms.sub(" ~ ", plain)) for own in _SPEECH)


def plain_speech(text: str) -> str:
    """The text in lower case and one form, without manners of speaking."""
    plain = _one_form(text[:LOOKED_AT])
    for own in _SPEECH:
        plain = own.idioms.sub(" ~ ", plain)
    return plain


def _one_form(text: str) -> str:
    """Lower case; letters hidden by dots, digits, blanks and repetition set right again."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).lower().replace("’", "'")
    text = "".join(c if "ㄱ" <= c <= "힣" else compatible(c) for c in text)
    text = text[:LOOKED_AT]  # one sign may stand for eighteen letters
    text = _DOTTED.sub(lambda m: re.sub(r"[.\-_*]", "", m[0]), text)
    text = _MIXED.sub(lambda m: m[0].translate(_LEET), text)
    text = _RUN.sub(r"\1", text) if _RUN.search(text) else text
    text = _SPACED.sub(lambda m: m[0].replace(" ", ""), text)
    for written, meant in _REPAIRS:
        text = text.replace(written, meant)
    return _BLANKS.sub(" ", text).strip()
