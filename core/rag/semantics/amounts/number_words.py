"""Reads numbers in a text: digits of any script, and English and Korean number words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from config.languages import patterns
from core.text.folding import compatible

_LISTS = patterns("quantities")
EN, KO = _LISTS["en"], _LISTS["ko"]

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[a-z]+(?:'[a-z]+)?|[가-힣]+|[^\s\w]|\w")
_FRACTION = re.compile(r"(?<!\d)(\d+)[ ]?([¼-¾⅐-⅞])")
_HAN = str.maketrans(
    "零〇一二三四五六七八九十百千萬万億亿兩两壹貳參",
    "영영일이삼사오육칠팔구십백천만만억억이이일이삼",
)
_HAN_UNITS = str.maketrans("年月日時时分", "년월일시시분")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－", "-") | dict.fromkeys("〜～∼", "~"))
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_ITEM = re.compile(r"(?:^|(?<=\s))(\d{1,2})[.)](?=\s)")
_ROMAN = re.compile(r"\b(?=[IVXL]{2,7}\b)(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?<=[IVXL])\b")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}
_SPELLED = 3  #: digits read out one by one are a number from so many on


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A number in digits, a word, a run of Hangul or a sign, in lower case."""

    text: str
    glued: bool  #: no space before it

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.text[:1].isdigit()

    @property
    def is_hangul(self) -> bool:
        """Whether it is a Korean word."""
        return "가" <= self.text[:1] <= "힣"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number and where it stands: tokens `first` to before `end`."""

    value: Fraction
    first: int
    end: int
    rest: str = ""  #: what follows it inside the last token, as the "일" of "삼십일"
    unit: str = ""  #: where the word is a whole quantity
    high: Fraction | None = None  #: of "두세": from two to three


def lex(text: str) -> list[Token]:
    """The tokens of a text, digits of every script as plain ones."""
    text = _without_list_numbers(_plain_digits(text))
    tokens = []
    end = -1
    for match in _TOKEN.finditer(text):
        tokens.append(Token(text=match.group(), glued=match.start() == end))
        end = match.end()
    return tokens


def numbers_in(tokens: Sequence[Token]) -> Iterator[Number]:
    """The numbers of a tokenized text, in order."""
    at = 0
    while at < len(tokens):
        found = _read(tokens, at)
        if found is None:
            at += 1
        else:
            yield found
            at = max(found.end, at + 1)


def value_of(written: str) -> Fraction:
    """What digits with their separators amount to: "1,000.50", "3.5"; of others all digits."""
    plain = written.replace(",", "") if _THOUSANDS.fullmatch(written) else written
    if re.fullmatch(r"\d+[.,]\d+", plain):
        plain = plain.replace(",", ".")
    elif not plain.isdigit():
        plain = re.sub(r"\D", "", plain)
    return Fraction(plain[:40])


def _plain_digits(text: str) -> str:
    """NFKC in lower case, with every sign that has a numeric value as digits."""
    text = _ROMAN.sub(lambda m: str(_roman(m.group())), unicodedata.normalize("NFC", text))
    text = _FRACTION.sub(lambda m: f"{int(m[1]) + unicodedata.numeric(m[2]):g}", text)
    text = text.translate(_HAN).translate(_HAN_UNITS) if not text.isascii() else text
    if not text.isascii():
        text = "".join(_digit(char) for char in text)
    return compatible(text).translate(_DASHES).replace("’", "'").lower()


def _digit(char: str) -> str:
    if char.isascii() or not char.isnumeric():
        return char
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    value = unicodedata.numeric(char)
    enclosed = ") " if "CIRCLED" in unicodedata.name(char, "") else " "
    return f" {value:g}{enclosed}"


def _roman(letters: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in letters]
    return values[-1] + sum(-a if a < b else a for a, b in pairwise(values))


def _without_list_numbers(text: str) -> str:
    """The text without the numbers of its list: 1. 2. 3. in order, or one at its beginning."""
    marks: list[tuple[int, int]] = []
    for match in _ITEM.finditer(text):
        if int(match[1]) == len(marks) + 1:
            marks.append(match.span())
    if len(marks) < 2:
        return text
    for start, end in reversed(marks):
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _read(tokens: Sequence[Token], at: int) -> Number | None:
    token = tokens[at]
    if token.is_number:
        return _from_digits(tokens, at)
    if token.is_hangul:
        return _korean(tokens, at)
    return _english(tokens, at)


def _from_digits(tokens: Sequence[Token], at: int) -> Number:
    """Digits with the words that multiply them: "2 million", "5만 3천"."""
    value = value_of(tokens[at].text)
    end, rest = at + 1, ""
    following = _token(tokens, end)
    if following.text in EN["scales"] and (following.text != "k" or following.glued):
        value, end = value * EN["scales"][following.text], end + 1
    elif following.is_hangul and (scaled := _scale(following.text)):
        scale, length = scaled
        value, end, rest = value * scale, end + 1, following.text[length:]
        more = _token(tokens, end)
        smaller, taken = _scale(_token(tokens, end + 1).text) or (scale, 0)
        if not rest and more.is_number and smaller < scale:
            value += value_of(more.text) * smaller
            rest, end = tokens[end + 1].text[taken:], end + 2
    elif following.text == "and" and [_token(tokens, end + n).text for n in (1, 2)] == [
        "a",
        "half",
    ]:
        value, end = value + Fraction(1, 2), end + 3
    elif following.text in EN["parts"] and not following.text.startswith("half"):
        value, end = value / EN["parts"][following.text], end + 1
        return Number(value=value, first=at, end=end, unit="ratio")
    return Number(value=value, first=at, end=end, rest=rest)


def _scale(word: str) -> tuple[int, int] | None:
    """What a Korean word begins to multiply with, and how many letters that takes."""
    scale, length = 1, 0
    for char in word:
        if char in KO["small_scales"] and scale < 10_000:
            scale *= KO["small_scales"][char]
        elif char in KO["large_scales"]:
            scale *= KO["large_scales"][char]
        else:
            break
        length += 1
    return (scale, length) if length else None


def _english(tokens: Sequence[Token], at: int) -> Number | None:
    word = tokens[at].text
    if word in EN["whole"]:
        value, unit = EN["whole"][word]
        if word == "twice" and _token(tokens, at + 1).text in ("the", "as", "your", "its"):
            unit = "fold"
        if word.startswith("doub") and _token(tokens, at + 1).text in "- ":
            return None
        if _token(tokens, at + 1).text in EN["idioms"]["after_double"]:
            return None
        return Number(value=Fraction(value), first=at, end=at + 1, unit=unit)
    article = word in EN["idioms"]["articles"]
    start = at + 1 if article or word == "one" else at
    first = _token(tokens, start).text
    if first in ("half", "halves") and word != "one":
        # "half an hour" is half of a unit, "half of it" is a ratio.
        end = start + 1
        while _token(tokens, end).text in ("a", "an", "of", "the"):
            end += 1
        return Number(value=Fraction(1, 2), first=at, end=end)
    part = EN["parts"].get(first) if article or word == "one" else None
    if part and _token(tokens, start + 1).text in EN["idioms"]["after_a_part"]:
        return Number(value=Fraction(1, part), first=at, end=start + 1, unit="ratio")
    if article and first in EN["idioms"]["lone_units"]:
        counts = _token(tokens, at - 1).text in EN["idioms"]["before_a_unit"]
        return Number(value=Fraction(1), first=at, end=start) if counts else None
    if article and first not in EN["scales"] and first not in ("dozen", "couple"):
        return None
    return _english_words(tokens, at, at + 1 if article else at)


def _english_words(tokens: Sequence[Token], at: int, start: int) -> Number | None:
    total, section, digits = 0, 0, []
    end = start
    while end < len(tokens):
        word = tokens[end].text
        glue = word == "-" and tokens[end].glued and end > start
        if word in EN["numbers"]:
            value = EN["numbers"][word]
            if end > start and section and not (section % 10 == 0 and section % 100 and value < 10):
                if section % 100 == 0 and value < 100:
                    section += value
                elif section < 10 and value < 10:
                    digits.append(value)
                    section = value
                    end += 1
                    continue
                else:
                    break
            else:
                section += value
            digits.append(value)
        elif word in EN["scales"] and word != "k":
            scale = EN["scales"][word]
            if scale == 100:
                section = max(section, 1) * 100
            else:
                total, section = total + max(section, 1) * scale, 0
            digits = [10]
        else:
            joined = glue or (word == "and" and section % 100 == 0 and section > 0)
            if not joined or _token(tokens, end + 1).text not in EN["numbers"]:
                break
        end += 1
    if end == start:
        return None
    if len(digits) >= _SPELLED and all(d < 10 for d in digits):
        return Number(value=Fraction("".join(map(str, digits))), first=at, end=end)
    value = Fraction(total + section)
    word = _token(tokens, end).text
    if word == "and" and [_token(tokens, end + n).text for n in (1, 2)] == ["a", "half"]:
        return Number(value=value + Fraction(1, 2), first=at, end=end + 3)
    if word in EN["parts"] and not word.startswith("half"):
        return Number(value=value / EN["parts"][word], first=at, end=end + 1, unit="ratio")
    if _token(tokens, end).text in ("of", "of the") and word == "couple":
        end += 1
    return Number(value=value, first=at, end=end)


def _korean(tokens: Sequence[Token], at: int) -> Number | None:
    word = tokens[at].text
    for name, (value, unit) in KO["whole"].items():
        if word.startswith(name) and word[len(name) :] in _PARTICLES:
            return Number(value=Fraction(value), first=at, end=at + 1, unit=unit)
    for name, (low, high) in KO["about"].items():
        if word.startswith(name) and (rest := _counted(tokens, at, name, _NATIVE + _SINO)):
            return Number(
                value=Fraction(low), high=Fraction(high), first=at, end=rest[1], rest=rest[0]
            )
    for half in KO["half"]["words"]:
        if word.startswith(half) and word[len(half) :] in _PARTICLES:
            return Number(value=Fraction(1, 2), first=at, end=at + 1, unit="half")
    return _native(tokens, at) or _sino(tokens, at)


def _native(tokens: Sequence[Token], at: int) -> Number | None:
    word = tokens[at].text
    value, length = 0, 0
    if ten := next((t for t in KO["tens"] if word.startswith(t)), ""):
        value, length = KO["tens"][ten], len(ten)
    if one := next((o for o in _ONES if word.startswith(o, length)), ""):
        value, length = value + KO["ones"][one], length + len(one)
    if not length:
        return None
    named = word[:length]
    joined = len(word) > length
    counters = _NATIVE_JOINED if joined and length == 1 else _NATIVE
    if rest := _counted(tokens, at, named, counters):
        return Number(value=Fraction(value), first=at, end=rest[1], rest=rest[0])
    if length > 1 and word[length:] in _PARTICLES:
        return Number(value=Fraction(value), first=at, end=at + 1)
    return None


_LONGEST_SINO = 40  #: letters; no number that somebody means has more


def _sino(tokens: Sequence[Token], at: int) -> Number | None:
    word = tokens[at].text
    longest = 0
    while longest < len(word) and word[longest] in _SINO_LETTERS:
        longest += 1
    if longest > _LONGEST_SINO:
        return None
    for length in range(longest, 0, -1):
        named = word[:length]
        if all(char in KO["digits"] for char in named):
            if length >= _SPELLED:
                digits = "".join(str(KO["digits"][char]) for char in named)
                return Number(value=Fraction(digits), first=at, end=at + 1, rest=word[length:])
            if length > 1:
                continue
        value = _sino_value(named)
        counters = _SINO_SINGLE if named in KO["counters"]["doubtful"] else _SINO
        rest = _counted(tokens, at, named, counters) if value is not None else None
        apart = rest is not None and rest[1] > at + 1
        if rest and not (apart and named == "이") and word != "만일":
            return Number(value=Fraction(value or 0), first=at, end=rest[1], rest=rest[0])
    return None


def _sino_value(word: str) -> int | None:
    total, section, digit = 0, 0, 0
    for char in word:
        if char in KO["digits"]:
            if digit:
                return None
            digit = KO["digits"][char]
        elif char in KO["small_scales"]:
            section, digit = section + max(digit, 1) * KO["small_scales"][char], 0
        else:
            total += max(section + digit, 1) * KO["large_scales"][char]
            section, digit = 0, 0
    return total + section + digit


def _counted(
    tokens: Sequence[Token], at: int, named: str, counters: Sequence[str]
) -> tuple[str, int] | None:
    """What follows a number word where it counts something, and the token after all of it."""
    rest = tokens[at].text[len(named) :]
    end = at + 1
    if not rest:
        rest, end = _token(tokens, end).text, end + 1
    for counter in counters:
        if rest.startswith(counter) and rest[len(counter) :] in _PARTICLES:
            return rest, end
    return None


def _token(tokens: Sequence[Token], at: int) -> Token:
    return tokens[at] if 0 <= at < len(tokens) else _NOTHING


def _by_length(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=len, reverse=True))


_NOTHING = Token(text="", glued=False)
_PARTICLES = frozenset(KO["counters"]["particles"])
_NATIVE = _by_length(KO["counters"]["native"])
_NATIVE_JOINED = _by_length(KO["counters"]["native_joined"])
_SINO = _by_length(KO["counters"]["sino"])
_SINO_SINGLE = _by_length(KO["counters"]["sino_single"])
_ONES = _by_length(list(KO["ones"]))
_SINO_LETTERS = frozenset((*KO["digits"], *KO["small_scales"], *KO["large_scales"]))
