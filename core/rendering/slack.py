"""Renders an answer for Slack: rich text blocks and the fallback text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from core.rendering.tree import (
    RULE_TEXT,
    Block,
    BlockKind,
    Blocks,
    Span,
    Style,
    is_written,
    separator,
    split,
    to_plain,
    utf16_length,
)

LIMIT = 3000  #: of one block's text

_STYLES = (
    (Style.BOLD, "bold"),
    (Style.ITALIC, "italic"),
    (Style.STRIKE, "strike"),
    (Style.CODE, "code"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """One message: `text` is for notifications and old clients, `blocks` is what is seen."""

    text: str
    blocks: tuple[dict[str, Any], ...]


def to_slack(blocks: Sequence[Block]) -> tuple[SlackMessage, ...]:
    """The messages to post, in order, none over Slack's limits."""
    return tuple(
        SlackMessage(text=_fallback(part), blocks=(rich_text(part),))
        for part in slack_parts(blocks)
        if to_plain(part).strip()
    )


def slack_parts(blocks: Sequence[Block]) -> list[Blocks]:
    """The answer in parts that fit one Slack block each."""
    return split(blocks, limit=LIMIT, measure=lambda part: utf16_length(_fallback(part)))


def escape(text: str) -> str:
    """Text that Slack takes for nothing but text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fallback(blocks: Sequence[Block]) -> str:
    return escape(to_plain(blocks))


def rich_text(blocks: Sequence[Block]) -> dict[str, Any]:
    """One `rich_text` block that shows these blocks; keep to `slack_parts` for its size."""
    elements: list[dict[str, Any]] = []
    for _, run in groupby(enumerate(blocks), key=lambda pair: _group(*pair)):
        group = [block for _, block in run]
        first = group[0]
        if first.kind is BlockKind.CODE:
            elements.append(
                {"type": "rich_text_preformatted", "elements": [_text(first.text or " ")]}
            )
        elif first.kind is BlockKind.QUOTE:
            elements.append({"type": "rich_text_quote", "elements": _inline(first.spans)})
        elif _listed(first):
            elements.append(_list(group))
        else:
            elements.append({"type": "rich_text_section", "elements": _section(group)})
    return {"type": "rich_text", "elements": elements}


def _listed(block: Block) -> bool:
    ends = block.marker[-1:]
    return block.kind is BlockKind.ITEM and ends in {"•", "."} and bool(block.spans)


def _group(index: int, block: Block) -> tuple[object, ...]:
    if block.kind in (BlockKind.CODE, BlockKind.QUOTE):
        return ("alone", index)
    if _listed(block):
        return ("list", block.depth, _ordered(block))
    return ("section",)


def _ordered(block: Block) -> bool:
    return block.marker != "•"


def _list(group: Sequence[Block]) -> dict[str, Any]:
    first = group[0]
    shown: dict[str, Any] = {
        "type": "rich_text_list",
        "style": "ordered" if _ordered(first) else "bullet",
        "indent": min(max(first.depth - 1, 0), 8),
        "elements": [
            {"type": "rich_text_section", "elements": _inline(block.spans)} for block in group
        ],
    }
    if _ordered(first) and (begins := int(first.marker.removesuffix("."))) > 1:
        shown["offset"] = begins - 1
    return shown


def _section(group: Sequence[Block]) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = []
    for index, block in enumerate(group):
        if index:
            elements.append(_text(separator(group[index - 1], block)))
        if block.kind is BlockKind.RULE:
            elements.append(_text(RULE_TEXT))
            continue
        if block.marker:
            elements.append(_text(f"{block.marker} "))
        bold = Style.BOLD if block.kind is BlockKind.HEADING else Style.PLAIN
        elements.extend(_inline(block.spans, bold))
    return elements or [_text(" ")]


def _inline(spans: Sequence[Span], extra: Style = Style.PLAIN) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = []
    for span in spans:
        style = {name: True for flag, name in _STYLES if flag in (span.style | extra)}
        element: dict[str, Any] = _text(span.text)
        if span.link.startswith("tel:"):
            # Slack draws no link to a telephone; the number must not be lost with it.
            number = span.link.removeprefix("tel:")
            element = _text(span.text if is_written(span) else f"{span.text} ({number})")
        elif span.link:
            element = {"type": "link", "url": span.link, "text": span.text}
        if style:
            element["style"] = style
        elements.append(element)
    return elements or [_text(" ")]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
