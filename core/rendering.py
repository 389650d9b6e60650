"""An answer as a tree that every medium draws in its own way, split where needed, never cut."""

from __future__ import annotations

import enum
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace


class Style(enum.Flag):
    """How a run of text looks."""

    PLAIN = 0  #: as it is
    BOLD = enum.auto()
    ITALIC = enum.auto()
    STRIKE = enum.auto()
    CODE = enum.auto()


class BlockKind(enum.Enum):
    """What a block of an answer is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"  #: of a list, or a numbered source
    QUOTE = "quote"
    CODE = "code"  #: kept line by line, in a fixed-width face
    RULE = "rule"  #: a line across


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of text in one style; a link or a citation is never split while it fits a part."""

    text: str
    style: Style = Style.PLAIN
    link: str = ""  #: http, https, mailto or tel
    citation: bool = False  #: "[1]": its address stands with the sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block; lists are flat, each item with its depth and marker."""

    kind: BlockKind
    spans: tuple[Span, ...] = ()
    depth: int = 0  #: of the list it stands in, 0 outside
    marker: str = ""  #: "•", "2.", "[1]"; "" for what continues an item
    language: str = ""  #: of a code block

    @property
    def text(self) -> str:
        """Its visible text without marker and decoration."""
        return "".join(span.text for span in self.spans)


Blocks = tuple[Block, ...]
Measure = Callable[[Sequence[Block]], int]
"""How long a part with these blocks is, in the medium's own unit; grows with its text."""

RULE_TEXT = "———"


def utf16_length(text: str) -> int:
    """The length as Telegram, Slack and Twilio count it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def separator(before: Block, after: Block) -> str:
    """What stands between two blocks in running text."""
    tight = after.kind is BlockKind.ITEM and before.kind in (
        BlockKind.ITEM,
        BlockKind.PARAGRAPH,
        BlockKind.HEADING,
    )
    return "\n" if tight else "\n\n"


def prefix(block: Block) -> str:
    """What stands before a block's text where the medium has no lists of its own."""
    indent = "  " * max(block.depth - 1, 0)
    return indent + (f"{block.marker} " if block.marker else "  " if block.depth else "")


def plain_spans(block: Block) -> tuple[Span, ...]:
    """The spans with every link's address written out after it."""
    spans: list[Span] = []
    for index, span in enumerate(block.spans):
        spans.append(span)
        following = block.spans[index + 1] if index + 1 < len(block.spans) else None
        ends = following is None or following.link != span.link
        shown = {span.link, span.link.removeprefix("mailto:"), span.link.removeprefix("tel:")}
        if span.link and ends and not span.citation and span.text not in shown:
            spans.append(Span(text=" ("))
            spans.append(Span(text=span.link, link=span.link))
            spans.append(Span(text=")"))
    return tuple(spans)


def to_plain(blocks: Sequence[Block]) -> str:
    """The answer as plain text, links written out."""
    return "".join(span.text for span in plain_run(blocks))


def plain_run(blocks: Sequence[Block]) -> tuple[Span, ...]:
    """The answer as one run of plain text whose addresses and citations stay whole."""
    run: list[Span] = []
    for index, block in enumerate(blocks):
        if index:
            run.append(Span(text=separator(blocks[index - 1], block)))
        if block.kind is BlockKind.RULE:
            run.append(Span(text=RULE_TEXT))
            continue
        before = "> " if block.kind is BlockKind.QUOTE else prefix(block)
        if before:
            run.append(Span(text=before))
        run.extend(plain_spans(block))
    return tuple(run)


def split(
    blocks: Sequence[Block], *, limit: int, measure: Measure, pack: bool = False
) -> list[Blocks]:
    """Parts of at most `limit`, in order, holding every character but white space at the cuts.

    Cuts come between blocks, else lines, sentences, words, graphemes; never inside a link, a
    citation or a grapheme unless that alone is longer than a part. `pack` fills parts up instead
    of keeping a block together.
    """
    parts: list[Blocks] = []
    current: Blocks = ()
    waiting = list(reversed(blocks))
    while waiting:
        block = waiting.pop()
        if measure((*current, block)) <= limit:
            current = (*current, block)
            continue
        if current and not pack and measure((block,)) <= limit:
            parts.append(current)
            current = (block,)
            continue
        cut = _cut(block, lambda head: measure((*current, head)) <= limit, strict=bool(current))  # noqa: B023
        if cut is None and current:
            parts.append(current)
            current = ()
            waiting.append(block)
            continue
        head, tail = cut or _undecorated(block)
        if head is not None:
            parts.append((*current, head))
            current = ()
        if tail is not None:
            waiting.append(tail)
    if current:
        parts.append(current)
    return parts


def _undecorated(block: Block) -> tuple[Block | None, Block | None]:
    """A last resort for a block of which not even one character fits with its decoration."""
    bare = Block(
        kind=BlockKind.PARAGRAPH,
        spans=(Span(text="".join(span.text for span in plain_run((block,)))),),
    )
    if bare != block:
        return None, bare
    return cut_at(block, 1)


def _cut(
    block: Block, fits: Callable[[Block], bool], *, strict: bool
) -> tuple[Block, Block | None] | None:
    text = block.text
    boundaries = list(graphemes(text))
    candidates = [_outside_links(block, boundaries)]
    if not strict:
        candidates += [boundaries, list(range(1, len(text)))]
    for positions in candidates:
        count = bisect_right(positions, 0, key=lambda at: 0 if fits(cut_at(block, at)[0]) else 1)
        if count:
            return cut_at(block, _best(block, text, positions[:count]))
    return None


def _outside_links(block: Block, boundaries: Sequence[int]) -> list[int]:
    closed: list[tuple[int, int]] = []
    start = 0
    previous = ""
    for span in block.spans:
        end = start + len(span.text)
        if span.link or span.citation:
            # A link in several styles is one link: its inner seams are no place to cut.
            joined = bool(closed) and span.link == previous and closed[-1][1] == start
            closed.append((closed.pop()[0], end) if joined and span.link else (start, end))
        previous = span.link
        start = end
    legal: list[int] = []
    ranges = iter(closed)
    current = next(ranges, None)
    for at in boundaries:
        while current is not None and current[1] <= at:
            current = next(ranges, None)
        if current is None or at <= current[0]:
            legal.append(at)
    return legal


_SENTENCE = re.compile(r"(?:[.!?…][\"'”’)\]]*(?=\s)|[。！？][」』”’)\]]*)")


def _best(block: Block, text: str, positions: Sequence[int]) -> int:
    most = positions[-1]
    allowed = set(positions)
    if block.kind is BlockKind.CODE:
        lines = [at for at in positions if text[at - 1] == "\n"]
        return lines[-1] if lines else most
    lines = [match.start() for match in re.finditer(r"\n", text[: most + 1])]
    paragraphs = [at for at in lines if text[at : at + 2] == "\n\n"]
    sentences = [match.end() for match in _SENTENCE.finditer(text, 0, most + 1)]
    words = [at for at in positions if text[at - 1].isspace() or text[at].isspace()]
    for places, floor in ((paragraphs, 0.5), (lines, 0.5), (sentences, 0.3), (words, 0.0)):
        good = [at for at in places if at in allowed and at > most * floor and text[:at].strip()]
        if good:
            return good[-1]
    return most


def cut_at(block: Block, at: int) -> tuple[Block, Block | None]:
    """The block in two at this character; white space at the cut goes, a code fence reopens."""
    head: list[Span] = []
    tail: list[Span] = []
    start = 0
    for span in block.spans:
        end = start + len(span.text)
        if end <= at:
            head.append(span)
        elif start >= at:
            tail.append(span)
        else:
            head.append(replace(span, text=span.text[: at - start]))
            tail.append(replace(span, text=span.text[at - start :]))
        start = end
    code = block.kind is BlockKind.CODE
    rest = _stripped(tail, code=code, left=True)
    first = replace(block, spans=_stripped(head, code=code, left=False))
    if not rest:
        return first, None
    return first, replace(block, spans=rest, marker="")


def _stripped(spans: list[Span], *, code: bool, left: bool) -> tuple[Span, ...]:
    chars = "\n" if code else None
    remaining = list(spans)
    while remaining:
        index = 0 if left else -1
        span = remaining[index]
        if code and left:
            # The line's own indentation is part of the code; only its line break was the cut.
            text = span.text.removeprefix("\n")
        else:
            text = span.text.lstrip(chars) if left else span.text.rstrip(chars)
        if text:
            remaining[index] = replace(span, text=text)
            break
        remaining.pop(index)
    return tuple(remaining)


def graphemes(text: str) -> Iterator[int]:
    """Where the text may be cut so that no visible character breaks; 0 and the end left out."""
    flags = 0
    for at in range(1, len(text)):
        before, after = text[at - 1], text[at]
        flags = flags + 1 if _is_flag(before) else 0
        if not _joined(before, after, flags=flags):
            yield at


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _joined(before: str, after: str, *, flags: int) -> bool:
    if after < "\u0300":
        return (before, after) == ("\r", "\n")
    if before == "\u200d" or after in "\u200c\u200d":
        return True
    if unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if _is_flag(after):
        return flags % 2 == 1
    # Hangul written in single letters: a syllable is leading, vowel, trailing.
    if "\u1160" <= after <= "\u11a7":
        return "\u1100" <= before <= "\u11a7" or "가" <= before <= "힣"
    if "\u11a8" <= after <= "\u11ff":
        return "\u1160" <= before <= "\u11ff" or "가" <= before <= "힣"
    return "\u1100" <= after <= "\u115f" and "\u1100" <= before <= "\u115f"
