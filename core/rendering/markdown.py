"""Reads an outgoing message into the answer tree: CommonMark from the assistant, the system's
letter by letter, a person's by `core.rendering.plain_marks`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from markdown_it import MarkdownIt
from markdown_it.common.utils import isWhiteSpace
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize
from markdown_it.token import Token

from core.domain.messages import Author, Citation, OutboundMessage
from core.rendering.plain_marks import as_written
from core.rendering.tree import Block, BlockKind, Blocks, Row, Span, Style
from core.text.autolinks import links_in
from core.text.links import addresses, foreign, links_of
from core.text.sanitize import sanitize

_CITATION = re.compile(r"\[(\d{1,3})\]")
_LINKED = ("http://", "https://", "mailto:", "tel:")
_LED = ("http://", "https://", "mailto:")
_SHOWN = ("", "http", "https", "mailto")  #: schemes of addresses that a reader would trust
_DEEPEST = 60  #: nesting beyond this is nonsense; such a text is shown as it was written
_SIGN = re.compile(r"[\n\[\]*_`~<>&|\\!#]")
_MOST_SIGNS = 2000  #: a text with more is no answer, and reading it would hold everybody up
_UNSPACED = re.compile(r"[\u1100-\u11ff\u3040-\u318f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
_WRAPPED = 60  #: a line at least so long was broken for its width, a shorter one on purpose


def _emphasis(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    """CommonMark's rule, and asterisks between a letter of such a script and a sign count as well.

    Its own rule waits for a space after `**"word"**`, where Korean puts a particle.
    """
    start, known = state.pos, len(state.delimiters)
    if not tokenize(state, silent):
        return False
    before = state.src[start - 1] if start else " "
    after = state.src[state.pos] if state.pos < state.posMax else " "
    for mark in state.delimiters[known:] if state.src[start] == "*" else ():
        mark.open |= bool(_UNSPACED.match(before)) and not isWhiteSpace(ord(after))
        mark.close |= bool(_UNSPACED.match(after)) and not isWhiteSpace(ord(before))
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST + 10})
    parser.enable(["table", "strikethrough"])
    # A reference definition would vanish from the text; every character written must arrive.
    parser.disable("reference")
    parser.inline.ruler.at("emphasis", _emphasis)
    # Its rules are compiled at the first parsing, and a second thread would meet them half done.
    parser.parse("*a*")
    return parser


_PARSER = _parser()  #: never changed after this line, so that all channels' threads share it


def render_message(message: OutboundMessage, *, sources_label: str, site: str = "") -> Blocks:
    """The message as the customer is to see it, its numbered sources at the end.

    The assistant writes CommonMark; of what a person wrote only plain marks are read, and what
    the system says is taken letter by letter. `site` is our public address, put before a
    citation's own path.
    """
    citations = tuple(replace(c, url=_absolute(c.url, site)) for c in message.citations)
    return read(message.author, message.text, citations) + sources(citations, label=sources_label)


def read(author: Author, text: str, citations: Sequence[Citation] = ()) -> Blocks:
    """The text as its author meant it, without the list of its sources."""
    return tuple(_cited(block, citations) for block in _read(author, text))


def web_links(blocks: Sequence[Block]) -> tuple[str, ...]:
    """The pages that a message leads to: the only ones a client may make links of.

    A client that reads the text by rules of its own would find others in it.
    """
    found = (span.link for block in blocks for span in block.spans if not span.citation)
    return tuple(dict.fromkeys(link for link in found if link.startswith(_LINKED[:2])))


def _read(author: Author, text: str) -> Blocks:
    match author:
        case Author.AI:
            return from_markdown(text)
        case Author.AGENT:
            return tuple(
                block
                if block.kind is BlockKind.CODE
                else replace(
                    block, spans=tuple(p for s in _unmasked(block.spans) for p in _linkified(s))
                )
                for block in as_written(text)
            )
        case _:
            return literally(text)


def sources(citations: Sequence[Citation], *, label: str) -> Blocks:
    """The sources as numbered lines under a label; nothing where there are none."""
    if not citations:
        return ()
    head = Block(kind=BlockKind.PARAGRAPH, spans=(Span(text=label, style=Style.BOLD),), depth=1)
    lines = tuple(
        Block(
            kind=BlockKind.ITEM,
            depth=1,
            marker=f"[{number}]",
            spans=(_source(citation),),
        )
        for number, citation in enumerate(citations, start=1)
    )
    return (replace(head, depth=0), *lines)


def _source(citation: Citation) -> Span:
    shown = sanitize(citation.title) or citation.url or citation.id
    return Span(text=shown, link=citation.url)


def literally(text: str) -> Blocks:
    """The text as it was written, only its addresses made links."""
    text = sanitize(text).strip("\r\n").rstrip()
    if not text:
        return ()
    return (Block(kind=BlockKind.PARAGRAPH, spans=_linkified(Span(text=text))),)


def from_markdown(text: str) -> Blocks:
    """CommonMark (and tables) as blocks; raw HTML stays text, only safe links are links.

    A link whose words show another address is none: both are written out.
    """
    text = sanitize(text)
    if len(_SIGN.findall(text)) + 8 * text.count("[") > _MOST_SIGNS:
        return literally(text)
    try:
        tokens = _PARSER.parse(text)
    except RecursionError:
        return literally(text)
    if any(token.level > _DEEPEST for token in tokens):
        return literally(text)
    return _Reader().read(tokens)


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int
    fresh: bool = False  #: an item has begun and its marker is not written yet


class _Reader:
    """Walks the parser's flat tokens once."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._lists: list[_List] = []
        self._quotes = 0
        self._heading = False
        self._row: list[tuple[Span, ...]] | None = None
        self._in_head = False

    def read(self, tokens: Sequence[Token]) -> Blocks:
        for token in tokens:
            self._take(token)
        return tuple(self._blocks)

    def _take(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(_List(ordered=False, number=0))
            case "ordered_list_open":
                start = token.attrGet("start")
                first = int(start) if isinstance(start, int | str) else 1
                self._lists.append(_List(ordered=True, number=first - 1))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._lists[-1].number += 1
                self._lists[-1].fresh = True
            case "list_item_close":
                if self._lists[-1].fresh:
                    self._add(BlockKind.ITEM, (), "")
            case "blockquote_open":
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "heading_open":
                self._heading = True
            case "heading_close":
                self._heading = False
            case "thead_open":
                self._in_head = True
            case "thead_close":
                self._in_head = False
            case "tr_open":
                self._row = []
            case "tr_close":
                self._close_row()
            case "inline":
                self._inline(token)
            case "fence" | "code_block":
                code = token.content.removesuffix("\n")
                spans = (Span(text=code),) if code else ()
                language = token.info.split()[0] if token.info.split() else ""
                self._add(BlockKind.CODE, spans, language)
            case "hr":
                self._add(BlockKind.RULE, (), "")
            case _:
                pass

    def _inline(self, token: Token) -> None:
        spans = _inline_spans(token.children or [])
        if self._row is not None:
            self._row.append(spans)
        elif spans:
            self._add(BlockKind.HEADING if self._heading else BlockKind.PARAGRAPH, spans, "")

    def _close_row(self) -> None:
        cells, self._row = self._row or [], None
        spans: list[Span] = []
        for number, cell in enumerate(cells):
            if number:
                spans.append(Span(text=" | ", bar=True))
            spans.extend(cell)
        if not any(cells):
            return
        row = Row.BODY
        if self._in_head:
            row = Row.HEAD
            spans = [replace(span, style=span.style | Style.BOLD) for span in spans]
        # Rows keep together like the items of a list.
        self._blocks.append(Block(kind=BlockKind.ITEM, spans=tuple(spans), depth=1, row=row))

    def _add(self, kind: BlockKind, spans: tuple[Span, ...], language: str) -> None:
        depth = len(self._lists)
        marker = ""
        if self._lists and self._lists[-1].fresh:
            innermost = self._lists[-1]
            innermost.fresh = False
            marker = f"{innermost.number}." if innermost.ordered else "•"
            if kind is BlockKind.PARAGRAPH:
                kind = BlockKind.ITEM
            elif kind is not BlockKind.ITEM:
                self._blocks.append(Block(kind=BlockKind.ITEM, depth=depth, marker=marker))
                marker = ""
        elif kind is BlockKind.PARAGRAPH and self._quotes:
            kind = BlockKind.QUOTE
        self._blocks.append(
            Block(kind=kind, spans=spans, depth=depth, marker=marker, language=language)
        )


def _inline_spans(tokens: Sequence[Token]) -> tuple[Span, ...]:
    spans: list[Span] = []
    styles: list[Style] = []
    links: list[str] = []
    line = 0

    def add(text: str, extra: Style = Style.PLAIN) -> None:
        style = extra
        for one in styles:
            style |= one
        # An entity stands for any character, also for one that nobody sees.
        if text := sanitize(text):
            spans.append(Span(text=text, style=style, link=links[-1] if links else ""))

    for token in tokens:
        match token.type:
            case "text" | "html_inline" | "text_special":
                line += len(token.content)
                add(token.content)
            case "code_inline":
                line += len(token.content)
                add(token.content, Style.CODE)
            case "softbreak":
                add(" " if line >= _WRAPPED else "\n")
                line = 0
            case "hardbreak":
                add("\n")
                line = 0
            case "strong_open":
                styles.append(Style.BOLD)
            case "em_open":
                styles.append(Style.ITALIC)
            case "s_open":
                styles.append(Style.STRIKE)
            case "strong_close" | "em_close" | "s_close":
                styles.pop()
            case "link_open":
                links.append(str(token.attrGet("href") or ""))
            case "link_close":
                address = links.pop()
                if not address.startswith(_LINKED) and address:
                    # Not a place to lead a customer to; its address is shown, not linked.
                    spans[:] = [replace(s, link="") if s.link == address else s for s in spans]
                    add(f" ({address})")
            case "image":
                address = str(token.attrGet("src") or "")
                safe = address if address.startswith(_LINKED) else ""
                spans.append(Span(text=sanitize(token.content) or address or "🖼", link=safe))
            case _:
                add(token.content)
    return tuple(piece for span in _unmasked(spans) for piece in _linkified(span))


def _linkified(span: Span) -> tuple[Span, ...]:
    if span.link or Style.CODE in span.style:
        return (span,)
    pieces: list[Span] = []
    done = 0
    for start, end in addresses(span.text):
        if start > done:
            pieces.append(replace(span, text=span.text[done:start]))
        address = span.text[start:end]
        pieces.append(replace(span, text=address, link=address))
        done = end
    if done < len(span.text):
        pieces.append(replace(span, text=span.text[done:]))
    return tuple(pieces)


def _unmasked(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans with no link whose words show another address than its own: that is written out."""
    honest: list[Span] = []
    for link, run in groupby(spans, key=lambda span: span.link):
        label = list(run)
        words = "".join(span.text for span in label)
        shown = [k for k in links_in(words) if k.scheme in _SHOWN] if link.startswith(_LED) else []
        if foreign(shown, links_of(link)):
            label = [*(replace(span, link="") for span in label), Span(text=f" ({link})")]
        honest += label
    return tuple(honest)


def _cited(block: Block, citations: Sequence[Citation]) -> Block:
    if block.kind is BlockKind.CODE or not citations:
        return block
    spans: list[Span] = []
    for span in block.spans:
        end = 0
        for match in () if span.link else _CITATION.finditer(span.text):
            number = int(match.group(1))
            if not 1 <= number <= len(citations):
                continue
            if match.start() > end:
                spans.append(replace(span, text=span.text[end : match.start()]))
            url = citations[number - 1].url
            spans.append(replace(span, text=match.group(), link=url, citation=True))
            end = match.end()
        if end < len(span.text):
            spans.append(replace(span, text=span.text[end:]))
    return replace(block, spans=tuple(spans))


def _absolute(url: str, site: str) -> str:
    if url.startswith(_LINKED):
        return url
    return f"{site}{url}" if site and url.startswith("/") else ""
