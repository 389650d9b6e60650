"""Reads what a person wrote: letter by letter, but for marks that cannot mean anything else."""

from __future__ import annotations

import re
from dataclasses import replace

from core.rendering import Block, BlockKind, Blocks, Span, Style

_FENCE = re.compile(r"^```(\w*)[ \t]*\n(.*?)\n?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6}[ \t]+(?=\S)(.+?)[ \t]*#*[ \t]*$")
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
    text = text.strip("\r\n").rstrip()
    blocks: list[Block] = []
    end = 0
    for fence in _FENCE.finditer(text):
        blocks += _paragraph(text[end : fence.start()])
        code = fence.group(2)
        if code:
            spans = (Span(text=code),)
            blocks.append(Block(kind=BlockKind.CODE, spans=spans, language=fence.group(1)))
        end = fence.end()
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
        return _marked(heading.group(1), Style.BOLD)
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
    joined: list[Span] = []
    for span in spans:
        if joined and replace(joined[-1], text="") == replace(span, text=""):
            joined[-1] = replace(span, text=joined[-1].text + span.text)
        elif span.text:
            joined.append(span)
    return tuple(joined)
