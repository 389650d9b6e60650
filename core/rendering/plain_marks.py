"""Parses a person's text: literal, but for bold, italics, links, lists, headings and code."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby

from core.rendering.tree import Block, BlockKind, Blocks, Span, Style
from core.text.sanitize import sanitize

_FENCE = re.compile(r"^```(\w*)[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]++(\S.*)$")
_BULLET = re.compile(r"^(\s{0,6})[-*+][ \t]+(?=\S)")
_ADDRESS = r"(?:https?://|mailto:|tel:)[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*"
_MARK = re.compile(
    r"`(?P<code>[^`\n]+)`"
    rf"|(?<!!)\[(?P<label>[^\[\]\n]+)\]\((?P<url>{_ADDRESS})\)"
    # Korean particles follow a bold word directly; Latin letters and digits there mean a power.
    r"|(?<![\w*\\])\*\*(?=[^\s*])(?P<bold>(?:(?!\*\*)[^\n]){1,1000}?)(?<=[^\s*])\*\*(?![\w*])"
    r"|~~(?=\S)(?P<strike>[^~\n]+?)(?<=\S)~~"
    # A lone asterisk is a sign of its own in sums and file names: here it hugs whole words.
    r"|(?<![\w*\\])\*(?=[^\s*])(?P<italic>[^*\n]+?)(?<=[^\s*])\*(?![\w*])",
    re.ASCII,
)


def as_written(text: str) -> Blocks:
    """The text with its line breaks, spaces and signs; bold, links, lists, headings, code drawn.

    What was not meant as a mark (`5 * 3`, `_really_`, `<b>`) stays as it is.
    """
    text = sanitize(text).strip("\r\n").rstrip()
    blocks: list[Block] = []
    end = 0
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif not fence.group(1):
            blocks += _paragraph(text[end : opened.start()])
            if code := text[opened.end() + 1 : max(opened.end() + 1, fence.start() - 1)]:
                spans = (Span(text=code),)
                blocks.append(Block(kind=BlockKind.CODE, spans=spans, language=opened.group(1)))
            end, opened = fence.end(), None
    blocks += _paragraph(text[end:])
    return tuple(blocks)


def _paragraph(text: str) -> Blocks:
    text = text.strip("\r\n").rstrip()
    if not text:
        return ()
    spans: list[Span] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            spans.append(Span(text="\n"))
        spans += _line(line)
    return (Block(kind=BlockKind.PARAGRAPH, spans=_joined(spans)),)


def _line(line: str) -> list[Span]:
    heading = _HEADING.match(line)
    if heading:
        named = heading.group(1).rstrip(" \t")
        return _marked(named.rstrip("#").rstrip(" \t") or named, Style.BOLD)
    # Only a hyphen surely opens an item at any depth; the other signs do at the margin.
    bullet = _BULLET.match(line)
    if bullet and (line[bullet.end(1)] == "-" or not bullet.group(1)):
        return [Span(text=f"{bullet.group(1)}• "), *_marked(line[bullet.end() :], Style.PLAIN)]
    return _marked(line, Style.PLAIN)


def _marked(text: str, style: Style) -> list[Span]:
    spans: list[Span] = []
    end = 0
    for match in _MARK.finditer(text):
        if match.start() > end:
            spans.append(Span(text=text[end : match.start()], style=style))
        spans += _meant(match, style)
        end = match.end()
    if end < len(text):
        spans.append(Span(text=text[end:], style=style))
    return spans


def _meant(match: re.Match[str], style: Style) -> list[Span]:
    match match.lastgroup:
        case "code":
            return [Span(text=match["code"], style=style | Style.CODE)]
        case "url":
            inner = _marked(match["label"], style)
            return [replace(span, link=match["url"]) for span in inner]
        case "bold":
            return _marked(match["bold"], style | Style.BOLD)
        case "strike":
            return _marked(match["strike"], style | Style.STRIKE)
        case _:
            return _marked(match["italic"], style | Style.ITALIC)


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """Neighbours that look alike as one, so that an address is never torn."""
    alike = groupby((s for s in spans if s.text), key=lambda s: (s.style, s.link, s.citation))
    joined = (list(run) for _, run in alike)
    return tuple(replace(run[0], text="".join(s.text for s in run)) for run in joined)
