"""Renders an answer as text messages: GSM-7 or UCS-2, numbered parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.rendering.tree import Block, BlockKind, Span, plain_run, split, utf16_length

HARD_LIMIT = 1600  #: Twilio takes no longer body
ADVISED = 320  #: longer ones are filtered more often
SHORT_PARTS = 3  #: an answer of more parts than this takes the long ones instead

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
_PLAINER = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": ",", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"',
        "«": '"', "»": '"', "‹": "<", "›": ">", "–": "-", "—": "-", "‐": "-", "‑": "-",
        "−": "-", "…": "...", "•": "-", "·": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
        "\u200b": "", "\ufeff": "", "→": "->", "×": "x", "′": "'", "″": '"', "`": "'", "\t": " ",
    }
)  # fmt: skip

_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:|www\.)\S+|[^\s@]{1,64}@[^\s@]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSize:
    """The size and cost of one message."""

    encoding: str  #: "GSM-7" or "UCS-2"
    units: int  #: septets or UTF-16 units
    segments: int


def transliterate(text: str) -> str:
    """Typographic signs as plain ones where this alone makes the cheap alphabet enough.

    An address is never touched: with another dash in it, it leads elsewhere.
    """
    plainer = _plain_but_addresses(text)
    return plainer if _is_gsm7(plainer) else text


def _plain_but_addresses(text: str) -> str:
    written, at = "", 0
    for address in _ADDRESS.finditer(text):
        written += text[at : address.start()].translate(_PLAINER) + address[0]
        at = address.end()
    return written + text[at:].translate(_PLAINER)


def size(text: str) -> SmsSize:
    """How the networks count this text: GSM-7 by 160/153, UCS-2 by 70/67."""
    if _is_gsm7(text):
        widths = [2 if char in _EXTENDED else 1 for char in text]
        return SmsSize(
            encoding="GSM-7", units=sum(widths), segments=_segments(widths, single=160, multi=153)
        )
    widths = [2 if char > "\uffff" else 1 for char in text]
    return SmsSize(
        encoding="UCS-2", units=sum(widths), segments=_segments(widths, single=70, multi=67)
    )


def _is_gsm7(text: str) -> bool:
    return all(char in _BASIC or char in _EXTENDED for char in text)


def _segments(widths: Sequence[int], *, single: int, multi: int) -> int:
    if sum(widths) <= single:
        return 1
    segments, used = 1, 0
    for width in widths:
        # Neither an escape sequence nor a surrogate pair is split over two segments.
        if used + width > multi:
            segments, used = segments + 1, 0
        used += width
    return segments


def to_sms(blocks: Sequence[Block]) -> tuple[str, ...]:
    """The bodies to send, in order, each within Twilio's limit, numbered when there are several."""
    text = "".join(span.text for span in plain_run(blocks)).strip()
    if not text:
        return ()
    if utf16_length(transliterate(text)) <= ADVISED:
        return (transliterate(text),)
    run = Block(kind=BlockKind.PARAGRAPH, spans=tuple(_plainer(s) for s in plain_run(blocks)))
    # What cannot fit into so few short ones is not cut up just to find out.
    fits = utf16_length("".join(transliterate(text).split())) <= ADVISED * SHORT_PARTS
    parts = _bodies(run, limit=ADVISED) if fits else ()
    if not 0 < len(parts) <= SHORT_PARTS:
        parts = _bodies(run, limit=HARD_LIMIT)
    if len(parts) == 1:
        return parts
    return tuple(f"({n}/{len(parts)}) {part}" for n, part in enumerate(parts, start=1))


def _plainer(span: Span) -> Span:
    return Span(text=span.text, link=span.link, citation=span.citation)


def _bodies(run: Block, *, limit: int) -> tuple[str, ...]:
    whole = _texts(run, limit=limit)
    if len(whole) == 1:
        return whole
    numbers = len("(99/99) ") if len(whole) < 90 else len("(9999/9999) ")
    return _texts(run, limit=limit - numbers)


def _texts(run: Block, *, limit: int) -> tuple[str, ...]:
    parts = split([run], limit=limit, measure=_length, pack=True)
    texts = (transliterate("".join(block.text for block in part)) for part in parts)
    return tuple(text for text in texts if text.strip())


def _length(blocks: Sequence[Block]) -> int:
    text = "".join(block.text for block in blocks)
    # Both spellings are counted, so that the length never shrinks while the text grows.
    return max(utf16_length(text), utf16_length(text.translate(_PLAINER)))
