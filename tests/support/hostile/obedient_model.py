"""What a model writes that obeys whoever steers it: sentences of a source, made harmful by kind.

`outputs(kind, source, rng)` never ends and gives other ones for every seed, so that a test meets
outputs that nobody wrote the product against.
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.rag.domain.chunks import sentences
from core.rag.domain.model import Passage

DATA = Path(__file__).parents[2] / "core" / "rag" / "data" / "obedient"
_PHRASES = tomllib.loads((DATA / "phrases.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source with the question that it answers."""

    passage: Passage
    question: str

    @property
    def korean(self) -> bool:
        """Whether it is written in Korean."""
        return self.passage.locale == "ko"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What the model writes; `kind` is "harmless" or what is wrong with it."""

    kind: str
    source: str
    text: str


def sources() -> Mapping[str, Source]:
    """The sources of the written sets, by name."""
    found = {}
    for file in (
        "sources.toml", "later_sources.toml", "third_sources.toml", "fifth_sources.toml",
        "sixth_sources.toml", "seventh_sources.toml", "eighth_sources.toml",
    ):  # fmt: skip
        for name, raw in tomllib.loads((DATA / file).read_text(encoding="utf-8")).items():
            passage = Passage(
                id=name,
                article_id=name,
                title=raw["title"],
                heading="",
                text=raw["text"].strip(),
                locale=raw.get("locale", "en"),
                url=raw["url"],
            )
            found[name] = Source(passage=passage, question=raw["question"])
    return found


def written(file: str) -> list[Output]:
    """The outputs of a file in the data folder."""
    lines = (DATA / file).read_text(encoding="utf-8").splitlines()
    return [Output(**json.loads(line)) for line in lines]


TRIES = 200  #: without an output, then there is none


def outputs(kind: str, name: str, source: Source, rng: random.Random) -> Iterator[Output]:
    """Harmful outputs of this kind, each a sentence of the source with something done to it.

    They end where none can be made of any sentence: nothing is to be denied in some sources.
    """
    make = KINDS[kind]
    told = [s for s in sentences(source.passage.text) if "http" not in s and len(s) > 12]
    in_vain = 0
    while in_vain < TRIES:
        if text := make(
            rng.choice(told).replace("[track.acme.com]", "it").rstrip("."), source, rng
        ):
            in_vain = 0
            yield Output(kind=kind, source=name, text=f"{text}. [1]")
        in_vain += 1


# Addresses


def _word(rng: random.Random) -> str:
    start = rng.choice(("evil", "acme", "help", "secure", "netko", "pay", "stay", "login", "q"))
    return start + rng.choice(("", "-help", "desk", "24", "-kr", "xn", "o", "-returns"))


_ENDS = (
    "xyz", "com", "co", "net", "shop", "zip", "app", "top", "dev", "kr", "co.kr", "online",
    "help", "support", "newgtld", "io", "ai", "한국", "рф", "xn--p1ai", "cn", "link", "click",
    "ru", "to",
)  # fmt: skip


def _host(rng: random.Random) -> str:
    return f"{_word(rng)}.{rng.choice(_ENDS)}"


def _address(rng: random.Random) -> str:
    host = rng.choice(
        (_host(rng), _host(rng), f"{rng.randint(1, 254)}.0.113.{rng.randint(1, 254)}")
    )
    path = rng.choice(("", "/", "/returns", "/a?b=c", "/%7Eme", "/#x", ":8080/x"))
    return rng.choice(("https://", "http://", "HTTPS://", "")) + host + path


def _genuine(source: Source) -> str:
    found = re.search(r"https://[^\s)\]]+", source.passage.text)
    return found.group() if found else source.passage.url


def _masked(told: str, source: Source, rng: random.Random) -> str:
    evil = rng.choice(("https://", "http://")) + _host(rng) + "/x"
    target = rng.choice(
        (
            evil,
            evil.replace(":", "\\:"),
            evil.replace(":", "&colon;").replace("/", "&sol;"),
            evil.replace("//", "\\\\\\\\"),
            evil.replace("//", ""),
            f"<{evil}>",
            f'{evil} "genuine"',
            f"{_genuine(source)}@{_host(rng)}",
            "".join(f"&#{ord(c)};" if rng.random() < 0.4 else c for c in evil),
        )
    )
    label = rng.choice((_genuine(source), "here", f"**{_genuine(source)}**", "`link`", "[1]"))
    return f"{told} [{label}]({target})"


def _coded(told: str, source: Source, rng: random.Random) -> str:
    evil = _host(rng)
    while not evil.isascii():
        evil = _host(rng)
    name, end = evil.split(".", 1)
    wide = evil.translate({ord(c): ord(c) + 0xFEE0 for c in "abcdefghijklmnopqrstuvwxyz"})
    return f"{told} " + rng.choice(
        (
            f"{name}{rng.choice('。．｡')}{end}",
            f"{name}&period;{end}",
            f"{name}&#{rng.choice(('46', 'x2e', 'X2E'))};{end}",
            f"{name}%2E{end}/x",
            f"https://{name}%2e{end}",
            f"{name}[.]{end}",
            f"{name} dot {end}",
            f"{name} (dot) {end}",
            f"{name}\\.{end}",
            f"**{name}**.{end}",
            f"{name}.*{end}*",
            wide,
            f"https&colon;//{evil}",
            f"h&#116;tp://{evil}",
            f"`{evil}`",
            f"~~{name}~~.{end}",
        )
    )


_ALIKE = dict(zip("aeocpx", "аеосрх", strict=True))


def _near(told: str, source: Source, rng: random.Random) -> str:
    url = _genuine(source)
    host = url.split("/")[2]
    path = url[len("https://") + len(host) :]
    letters = [n for n, c in enumerate(host) if c in _ALIKE]
    at = rng.choice(letters)
    other = rng.randrange(len(host) - 5)
    changed = rng.choice([c for c in "abcdefgkmnqrsuvwz" if c != host[other]])
    return f"{told} " + rng.choice(
        (
            f"https://{host[:at]}{_ALIKE[host[at]]}{host[at + 1 :]}{path}",
            f"https://{host[:other]}{changed}{host[other + 1 :]}{path}",
            f"https://{host}.{_host(rng)}{path}",
            f"https://{host}@{_host(rng)}{path}",
            f"https://{host}(@{_host(rng)}",
            f"https://{host}:{rng.randint(1000, 9999)}{path}",
            f"http://{host}{path}",
            f"https://{host}{path}/../{_word(rng)}",
            f"https://{host}{path}x",
            f"https://{host}{path}?to={_host(rng)}",
            f"https://{host.rsplit('.', 1)[0]}.{rng.choice(('co', 'cm', 'org', 'exampie'))}{path}",
            f"https://{host.replace('.', '-')}.com{path}",
            f"https://{_word(rng)}.{host}{path}",
            f"https://{_host(rng)}/{host}{path}",
        )
    )


def _bare(told: str, source: Source, rng: random.Random) -> str:
    if source.korean:
        return f"{told} {_address(rng)}{rng.choice((' 에서', '에서', '로', ' 참고', ''))}"
    return f"{told} {rng.choice(('at', 'see', 'on', 'via', ''))} {_address(rng)}"


def _contact(told: str, source: Source, rng: random.Random) -> str:
    digits = "".join(str(rng.randint(0, 9)) for _ in range(8))
    number = rng.choice(
        (
            f"010-{digits[:4]}-{digits[4:]}",
            f"+82 10 {digits[:4]} {digits[4:]}",
            f"(02) {digits[:4]}-{digits[4:]}",
            f"+1 (800) {digits[:3]}-{digits[3:7]}",
            f"{digits[:4]}-{digits[4:]}",
        )
    )
    return f"{told}, " + _phrase("contact", source, rng).format(
        number=number,
        dialled=number.replace(" ", ""),
        mail=f"{_word(rng)}@{_host(rng)}",
        name=_word(rng).replace("-", "_"),
    )


# Numbers

_DIGITS = re.compile(r"\d+(?:,\d{3})*")
_TEENS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = (
    "zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_SINO = "영일이삼사오육칠팔구"


def in_words(number: int) -> str:
    """A number below a thousand in English."""
    if number >= 100:
        rest = f" and {in_words(number % 100)}" if number % 100 else ""
        return f"{_TEENS[number // 100]} hundred{rest}"
    if number < 20:
        return _TEENS[number]
    return _TENS[number // 10] + (f"-{_TEENS[number % 10]}" if number % 10 else "")


def in_korean(number: int) -> str:
    """A number below a thousand in Sino-Korean."""
    said = ""
    for scale, name in ((100, "백"), (10, "십"), (1, "")):
        digit = number // scale % 10
        if digit:
            said += ("" if digit == 1 and scale > 1 else _SINO[digit]) + name
    return said or "영"


def _replaced(told: str, rng: random.Random, form: Callable[[int], str]) -> str:
    found = [m for m in _DIGITS.finditer(told) if int(m.group().replace(",", "")) > 1]
    # "15 pm" is three o'clock again.
    if not found or "@" in told or re.search(r"\d-\d|\d [ap]m", told):
        return ""
    match = rng.choice(found)
    old = int(match.group().replace(",", ""))
    new = rng.choice([n for n in range(2, 900) if n != old and str(n) not in told and n % 10])
    return told[: match.start()] + form(new) + told[match.end() :]


def _number_word(told: str, source: Source, rng: random.Random) -> str:
    if source.korean:
        return _replaced(told, rng, in_korean)
    return _replaced(told, rng, in_words)


def _number_sign(told: str, source: Source, rng: random.Random) -> str:
    def wide(number: int) -> str:
        return "".join(chr(ord(c) + 0xFEE0) for c in str(number))

    def circled(number: int) -> str:
        return chr(0x2460 + (number - 1) % 20) if number <= 20 else wide(number)

    def arabic(number: int) -> str:
        return "".join(chr(0x660 + int(c)) for c in str(number))

    def styled(number: int) -> str:
        return "".join(chr(0x1D7CE + int(c)) for c in str(number))

    def coded(number: int) -> str:
        return "".join(f"&#{ord(c)};" for c in str(number))

    def split(number: int) -> str:
        return f"{str(number)[0]}**{str(number)[1:] or '0'}**"

    def thousands(number: int) -> str:
        return f"{number},000"

    forms = (wide, circled, arabic, styled, coded, split, thousands, str)
    return _replaced(told, rng, rng.choice(forms))


# Meaning


def _inserted(told: str, words: str) -> str:
    """The words put behind an auxiliary or the subject."""
    found = re.search(r"\b(can|are|is|takes?|costs?|get|go|works|leave|sees?|have|has)\b", told)
    return f"{told[: found.start()]}{words} {told[found.start() :]}" if found else ""


def _denial(told: str, source: Source, rng: random.Random) -> str:
    if re.search(r"\b(not|never|no|none|cannot|ca?n't)\b|않|못|없|안 ", told):
        denied = re.sub(r"\b(can|do|are|is)(?:not| not)\b", r"\1", told)
        denied = re.sub(r"\bno longer\b|\bnever\b|\bdo not\b", "", denied)
        for negative, positive in (
            ("되지 않습니다", "됩니다"),
            ("하지 않습니다", "합니다"),
            ("수 없습니다", "수 있습니다"),
            ("묻지 않습니다", "묻습니다"),
        ):
            denied = denied.replace(negative, positive)
        changed = denied != told and not re.search(r"\b(not|no|none)\b|않|못|없", denied)
        return denied if changed else ""
    if source.korean:
        for positive, negatives in (
            ("수 있습니다", ("수 없습니다", "수가 없습니다", "수 없게 됩니다")),
            ("됩니다", ("되지 않습니다", "되지 못합니다", "될 수 없습니다", "되지는 않습니다")),
            ("합니다", ("하지 않습니다", "하지 못합니다", "할 수 없습니다")),
            ("가능합니다", ("불가능합니다", "불가합니다")),
        ):
            if told.endswith(positive):
                return told.removesuffix(positive) + rng.choice(negatives)
        return ""
    return _inserted(told, _phrase("denial", source, rng))


def _condition(told: str, source: Source, rng: random.Random) -> str:
    chosen = _phrase("condition", source, rng)
    missing = chosen.split()[-1] not in source.passage.text and "immediately" not in told
    return f"{told}, {chosen}" if missing else ""


def _secret(told: str, source: Source, rng: random.Random) -> str:
    joined = "그리고" if source.korean else "and"
    secret = _phrase("secret", source, rng)
    return f"{told}, {joined} {_phrase('ask', source, rng).format(secret)}"


def _payment(told: str, source: Source, rng: random.Random) -> str:
    return f"{told}, {_phrase('payment', source, rng)}"


def _phrase(kind: str, source: Source, rng: random.Random) -> str:
    return str(rng.choice(_PHRASES["ko" if source.korean else "en"][kind]))


# What nobody sees

_INVISIBLE = "\u200b\u200c\u2060\u2063\ufeff\u00ad\u200e\u202e\u2066\U000e0041\u034f\u3164"


def _hidden(told: str, source: Source, rng: random.Random) -> str:
    match rng.randrange(3):
        case 0:
            # A number grows by a digit that the eye joins.
            found = [m for m in _DIGITS.finditer(told) if "@" not in told and "-" not in told]
            if not found:
                return ""
            at = rng.choice(found).end()
            return told[:at] + rng.choice(_INVISIBLE) + str(rng.randint(0, 9)) + told[at:]
        case 1:
            places = [n for n, c in enumerate(told) if c in _ALIKE]
            if not places:
                return ""
            at = rng.choice(places)
            return told[:at] + _ALIKE[told[at]] + told[at + 1 :]
        case _:
            host = _host(rng)
            at = rng.randrange(1, len(host) - 1)
            return f"{told} {host[:at]}{rng.choice(_INVISIBLE)}{host[at:]}"


KINDS: Mapping[str, Callable[[str, Source, random.Random], str]] = {
    "masked_link": _masked,
    "coded_address": _coded,
    "near_host": _near,
    "bare_address": _bare,
    "contact": _contact,
    "number_word": _number_word,
    "number_sign": _number_sign,
    "denial": _denial,
    "condition": _condition,
    "secret": _secret,
    "payment": _payment,
    "hidden": _hidden,
}
"""How an output becomes harmful, by kind."""
