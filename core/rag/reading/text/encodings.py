"""Decodes text whose encoding nobody has told, or told wrongly.

UTF-8 and UTF-16 prove themselves. Everything else is weighed: each candidate decodes the bytes, and
what comes out is judged by how common its characters are in the language that it would be. The
first encoding that does not fail says nothing: almost any bytes are valid in some of them.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

LOOKED_AT = 60_000  #: bytes that are weighed
BAD = 0.02  #: share of characters that may be broken in a text that is still one
UNSURE = 0.25  #: worth below which nothing that we weigh looks like a text
MOST_BROKEN = 2_000  #: places that are mended one by one
DECLARED = 0.15  #: what a text's own word for its encoding weighs
_MULTIBYTE = ("cp949", "cp932", "gb18030", "big5hkscs", "euc_jp")
_SINGLE = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "cp866",
           "mac_roman")  # fmt: skip
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,30})""", re.IGNORECASE)
_XML = re.compile(rb"""\A\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{2,30})["']""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A text, the encoding it was written in, and how many of its characters were broken."""

    text: str
    encoding: str
    broken: int = 0


def decoded(raw: bytes, *, declared: str = "") -> Decoded:
    """The text of these bytes. Raises ValueError where they are no text.

    `declared` is what the text says of itself, which is often wrong, and so only one reason.
    """
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return _taken(raw, name)
    if wide := _without_mark(raw):
        return _taken(raw, wide)
    if b"\x00" in raw[:LOOKED_AT]:
        raise ValueError("this is not a text file")
    try:
        text = raw.decode("utf-8")
        return Decoded(text=text, encoding="utf-8")
    except UnicodeDecodeError:
        pass
    if _is_mostly_utf8(raw):
        text, broken = _mended(raw)
        return Decoded(text=text, encoding="utf-8", broken=broken)
    return _taken(raw, _weighed(raw, declared))


def declared_in(raw: bytes) -> str:
    """The encoding that a page or an XML document names at its beginning, "" for none."""
    found = _META.search(raw[:4096]) or _XML.match(raw[:256])
    return found[1].decode("ascii") if found else ""


def _is_mostly_utf8(raw: bytes) -> bool:
    """Whether nearly all that is not ASCII is whole characters of UTF-8: no accident does that."""
    sample = raw[:LOOKED_AT]
    high = sum(byte >= 0x80 for byte in sample)
    whole = sum(map(len, _SEQUENCE.findall(sample)))
    return high >= 4 and whole >= 0.8 * high


_SEQUENCE = re.compile(
    rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}"
)


def _mended(raw: bytes) -> tuple[str, int]:
    """UTF-8 in which some bytes are none: letters of an old page that were pasted in."""
    parts: list[str] = []
    broken = at = 0
    while True:
        try:
            return "".join([*parts, raw[at:].decode("utf-8")]), broken
        except UnicodeDecodeError as error:
            parts.append(raw[at : at + error.start].decode("utf-8"))
            bad = raw[at + error.start : at + error.end]
            parts.append(bad.decode("cp1252", "replace"))
            broken += 1
            at += error.end
            if broken > MOST_BROKEN:
                return raw.decode("utf-8", "replace"), broken


_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _taken(raw: bytes, encoding: str) -> Decoded:
    text = raw.decode(encoding, errors="replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    if broken > max(3, BAD * len(text)) or broken * 2 >= len(text):
        raise ValueError("the text is in no encoding that is known, or it is no text")
    if "\x00" in text:
        raise ValueError("this is not a text file")
    return Decoded(text=text, encoding=encoding, broken=broken)


def _without_mark(raw: bytes) -> str:
    """UTF-16 that does not say so: spaces, digits and line ends betray it in any language."""
    sample = raw[: LOOKED_AT // 2 * 2]
    if len(sample) < 4 or len(raw) % 2:
        return ""
    signs = (0x20, 0x0A, 0x0D, 0x2C, 0x2E, *range(0x30, 0x3A))
    for name, zero, sign in (("utf-16-le", sample[1::2], sample[::2]),
                             ("utf-16-be", sample[::2], sample[1::2])):  # fmt: skip
        betraying = sum(z == 0 and s in signs for z, s in zip(zero, sign, strict=True))
        if betraying >= 2 and betraying * 60 >= len(zero):
            try:
                text = sample.decode(name)
            except UnicodeDecodeError:
                continue
            if "\x00" not in text:
                return name
    return ""


def _weighed(raw: bytes, declared: str) -> str:
    sample = _high(raw)
    try:
        named = codecs.lookup(_ALIASES.get(declared.lower(), declared)).name if declared else ""
    except LookupError:
        named = ""
    scores: dict[str, float] = {"utf-8": _worth(sample, "utf-8") + 0.3}
    for name in (*_MULTIBYTE, *_SINGLE):
        scores[name] = _worth(sample, name) + DECLARED * (codecs.lookup(name).name == named)
    best = max(scores, key=lambda name: scores[name])
    if named and scores[best] < 0.2:
        return named
    if scores[best] < UNSURE:
        # An encoding that is not among ours, or hardly any text: somebody else's opinion.
        from charset_normalizer import from_bytes

        found = from_bytes(sample).best()
        return found.encoding if found is not None else best
    return best


_ALIASES = {
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "korean": "cp949", "shift_jis": "cp932",
    "shift-jis": "cp932", "sjis": "cp932", "windows-31j": "cp932", "gb2312": "gb18030",
    "gbk": "gb18030", "big5": "big5hkscs", "iso-8859-1": "cp1252", "latin1": "cp1252",
    "ascii": "cp1252", "us-ascii": "cp1252",
}  # fmt: skip


def _high(raw: bytes) -> bytes:
    """The lines that say something about it: those that are not all ASCII."""
    lines = [line for line in raw[: 4 * LOOKED_AT].splitlines(keepends=True) if not line.isascii()]
    return b"".join(lines)[:LOOKED_AT]


def _worth(sample: bytes, encoding: str) -> float:
    """How much what comes out looks like a text of the encoding's languages; 1 and less."""
    text = sample.decode(encoding, errors="replace")
    high = [c for c in text if not c.isascii()]
    if not high:
        return -1.0
    bad = sum(map(_is_bad, high))
    if encoding in _MULTIBYTE or encoding == "utf-8":
        good = sum(_WORTH[encoding](c) for c in high) / len(high)
        return good - 8 * bad / len(high)
    return _single(text, encoding) - 4 * bad / len(high)


def _is_bad(character: str) -> bool:
    return character == "\N{REPLACEMENT CHARACTER}" or unicodedata.category(character) in (
        "Cc", "Co", "Cn",
    )  # fmt: skip


def _common_in(encoding: str, first: int, last: int) -> frozenset[str]:
    """The characters of the standard's rows of common ones."""
    rows = (bytes((high, low)) for high in range(first, last + 1) for low in range(0xA1, 0xFF))
    return frozenset(row.decode(encoding, errors="ignore") for row in rows) - {""}


_SYLLABLES = _common_in("euc_kr", 0xB0, 0xC8)  # the 2,350 of KS X 1001
_HANZI = _common_in("gb2312", 0xB0, 0xD7)  # the 3,755 of the first level
_KANJI = _common_in("euc_jp", 0xB0, 0xCF)  # the 2,965 of the first level
_TRADITIONAL = frozenset(
    row.decode("big5", errors="ignore")
    for row in (
        bytes((high, low))
        for high in range(0xA4, 0xC7)
        for low in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    )
) - {""}
# What every text of these languages is full of; letters of a wrong guess are spread evenly.
_KOREAN = frozenset(
    "이다는을에의가하고지은도로를한기서나자사라인어시리여대부요니습까면세수스정보전제일과아게만일주으해되"
    "그구할문무원안와오있없않않았었합입십때후내금상품배송환불용신결취소가능회영업시간월화수목토일장소매비청"
)
_CHINESE = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政"
    "美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员"
    "退款货送期请客服单付支号品"
)
_TRADITIONAL_CHINESE = frozenset(
    "的一是不了在人有我這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於"
    "請問退換貨款訂單費運送天內小時後多少嗎您如何客服務電話"
)


def _korean(c: str) -> float:
    if c in _KOREAN:
        return 1.0
    return 0.55 if c in _SYLLABLES else 0.3 if _is_sign(c) else -0.6


def _japanese(c: str) -> float:
    if "\u3041" <= c <= "\u3096" or "\u30a1" <= c <= "\u30fc":
        return 1.0
    return 0.5 if c in _KANJI else 0.3 if _is_sign(c) else -0.7


def _simplified(c: str) -> float:
    if c in _CHINESE:
        return 1.0
    return 0.5 if c in _HANZI else 0.3 if _is_sign(c) else -0.7


def _traditional(c: str) -> float:
    if c in _TRADITIONAL_CHINESE:
        return 1.0
    return 0.45 if c in _TRADITIONAL else 0.3 if _is_sign(c) else -0.7


def _any_letter(c: str) -> float:
    return 1.0 if c.isalpha() or _is_sign(c) else 0.0


def _is_sign(c: str) -> bool:
    return c in "。、，！？：；（）「」『』“”‘’…—–·％ー～€£¥©®°・【】《》"


_WORTH = {
    "cp949": _korean, "cp932": _japanese, "euc_jp": _japanese, "gb18030": _simplified,
    "big5hkscs": _traditional, "utf-8": _any_letter,
}  # fmt: skip
_FREQUENT = {
    "cp1252": "éèêàâçùûôîïëüäößñáíóúãõåæøœ’‘“”–—…•€°«»¿¡£®©™·½ªº",
    "mac_roman": "éèêàâçùûôîïëüäößñáíóúãõåæøœ’‘“”–—…•«»¿¡ÉÄÖÜ",
    "cp1250": "ąćęłńóśźżčďěňřšťůžýáíéúőűöüäăâîșţ’“”„–€§",
    "cp1251": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґ№«»–—",
    "cp1253": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊ«»–€",
    "cp1254": "şğıİçöüâîŞĞÇÖÜ’“”–€",
    "cp1255": "אבגדהוזחטיכלמנסעפצקרשתםןץףך–״׳",
    "cp1256": "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءأإآؤئ،؟",
    "koi8_r": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъ",
    "cp866": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъ",
}
_BETWEEN = re.compile(r"(?<=[^\W\d_])[^\w\s'’\-.,/@&·](?=[^\W\d_])")


def _single(text: str, encoding: str) -> float:
    """Of an encoding of one byte a character: its usual letters, and words that hold together."""
    frequent = _FREQUENT[encoding]
    high = [c for c in text if not c.isascii()]
    known = sum(1.0 if c in frequent else 0.5 if c.lower() in frequent else 0.0 for c in high)
    # Letters of two scripts in one word, capitals inside it, signs between its letters.
    torn = len(_BETWEEN.findall(text)) + sum(map(_is_torn, _words(text)))
    return 0.75 * known / len(high) - 0.6 * torn / len(high) + 0.03 * (encoding == "cp1252")


def _words(text: str) -> list[str]:
    return [w for w in re.findall(r"[^\W\d_]+", text) if not w.isascii()]


def _is_torn(word: str) -> bool:
    capitals = sum(c.isupper() for c in word[1:])
    if capitals and not word.isupper():
        return True
    ascii_letters = sum(c.isascii() for c in word)
    other = any(ord(c) >= 0x370 for c in word)
    return bool(other and ascii_letters)
