"""Renders an answer for Telegram: text with entities, whose offsets count UTF-16 units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.rendering.tree import (
    RULE_TEXT,
    Block,
    BlockKind,
    Span,
    Style,
    is_written,
    prefix,
    separator,
    split,
    utf16_length,
)

LIMIT = 4096  #: of one message, counted after the entities are taken out
MAX_ENTITIES = 100  #: Telegram drops the formatting beyond

_STYLES = (
    (Style.BOLD, "bold"),
    (Style.ITALIC, "italic"),
    (Style.STRIKE, "strikethrough"),
    (Style.CODE, "code"),
)

Entity = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramPart:
    """One message; entities rather than markup, so that no text can break it."""

    text: str
    entities: tuple[Entity, ...] = ()


def to_telegram(blocks: Sequence[Block]) -> tuple[TelegramPart, ...]:
    """The messages to send, in order, none over Telegram's limit."""
    drawn = (draw(part) for part in split(blocks, limit=LIMIT, measure=_measure))
    return tuple(part for part in drawn if part.text.strip())


def _measure(blocks: Sequence[Block]) -> int:
    if _is_crowded(blocks):
        return 2 * LIMIT
    part = draw(blocks)
    length = utf16_length(part.text)
    # A part with too many entities counts as too long, so that it is split as well.
    return length if len(part.entities) <= MAX_ENTITIES else LIMIT + length


def _is_crowded(blocks: Sequence[Block]) -> bool:
    """Whether styles alone are too many entities, which need not be drawn to be counted."""
    left = MAX_ENTITIES
    for block in blocks:
        if block.kind is BlockKind.CODE:
            continue
        for span in block.spans:
            left -= bool(span.style and span.text)
            if left < 0:
                return True
    return False


def draw(blocks: Sequence[Block]) -> TelegramPart:
    """These blocks as one message, whatever its length."""
    canvas = _Canvas()
    for index, block in enumerate(blocks):
        if index:
            canvas.write(separator(blocks[index - 1], block))
        if block.kind is BlockKind.RULE:
            canvas.write(RULE_TEXT)
            continue
        begin = canvas.at
        before = prefix(block) if block.kind is not BlockKind.QUOTE else ""
        # Telegram trims a message's start, and the offsets would slip.
        canvas.write(before if index else before.lstrip())
        inside = canvas.at
        for number, span in enumerate(block.spans):
            start = canvas.at
            canvas.write(span.text)
            if block.kind is BlockKind.CODE:
                continue
            for flag, name in _STYLES:
                if flag in span.style:
                    canvas.mark(name, start)
            if span.link.startswith(("http://", "https://")):
                # Telegram finds a bare address by itself, but takes in what clings to its end.
                if span.link != span.text or _clings(block.spans[number + 1 :]):
                    canvas.mark("text_link", start, url=span.link)
            elif span.link and not is_written(span) and _ends_link(block.spans, number):
                # Telegram links mail and telephone by itself where it sees the address.
                canvas.write(f" ({span.link.split(':', 1)[1]})")
        match block.kind:
            case BlockKind.HEADING:
                canvas.mark("bold", begin)
            case BlockKind.QUOTE:
                canvas.mark("blockquote", begin)
            case BlockKind.CODE:
                more = {"language": block.language} if block.language else {}
                canvas.mark("pre", inside, **more)
            case _:
                pass
    return canvas.part()


def _ends_link(spans: Sequence[Span], number: int) -> bool:
    return number + 1 == len(spans) or spans[number + 1].link != spans[number].link


def _clings(following: Sequence[Span]) -> bool:
    return bool(following) and not following[0].text[:1].isspace()


class _Canvas:
    """Text that grows, with what is marked in it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._entities: list[Entity] = []
        self.at = 0

    def write(self, text: str) -> None:
        self._pieces.append(text)
        self.at += utf16_length(text)

    def mark(self, kind: str, start: int, **more: str) -> None:
        if self.at > start:
            self._entities.append(
                {"type": kind, "offset": start, "length": self.at - start, **more}
            )

    def part(self) -> TelegramPart:
        return TelegramPart(text="".join(self._pieces), entities=tuple(self._entities))
