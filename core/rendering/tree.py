"""The answer tree: blocks and spans that every medium renders and splits without loss."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace


class Style(enum.Flag):
    """The style of a run of text."""

    PLAIN = 0  #: as it is
    BOLD = enum.auto()
    ITALIC = enum.auto()
    STRIKE = enum.auto()
    CODE = enum.auto()


class BlockKind(enum.Enum):
    """The kind of a block."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"  #: of a list, or a numbered source
    QUOTE = "quote"
    CODE = "code"  #: kept line by line, in a fixed-width face
    RULE = "rule"  #: a line across


class Row(enum.Enum):
    """The line of a table that a block is."""

    HEAD = "head"  #: names the columns; every table begins with one
    BODY = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of text in one style; a link or a citation is never split while it fits a part."""

    text: str
    style: Style = Style.PLAIN
    link: str = ""  #: http, https, mailto or tel
    citation: bool = False  #: "[1]": its address stands with the sources
    bar: bool = False  #: stands between two cells of a table's row


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block; lists are flat, each item with its depth and marker."""

    kind: BlockKind
    spans: tuple[Span, ...] = ()
    depth: int = 0  #: of the list it stands in, 0 outside
    marker: str = ""  #: "•", "2.", "[1]"; "" for what continues an item
    language: str = ""  #: of a code block
    row: Row | None = None  #: set for an item that is a table's row

    @property
    def text(self) -> str:
        """Its visible text without marker and decoration."""
        return "".join(span.text for span in self.spans)


Blocks = tuple[Block, ...]
Measure = Callable[[Sequence[Block]], int]
"""How long a part with these blocks is, in the medium's own unit; grows with its text."""

_CHARS_A_UNIT = 2  #: characters that a medium may count as one, where it writes them plainer
_MOST_SPANS = 200  #: that are put into one part
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


def is_written(span: Span) -> bool:
    """Whether the text of a link is its very address, so that nothing is lost without the link."""
    bare = span.link.removeprefix("mailto:").removeprefix("tel:")
    return span.text in (span.link, bare)


def plain_spans(block: Block) -> tuple[Span, ...]:
    """The spans with every link's address written out after it."""
    spans: list[Span] = []
    for index, span in enumerate(block.spans):
        spans.append(span)
        following = block.spans[index + 1] if index + 1 < len(block.spans) else None
        ends = following is None or following.link != span.link
        if span.link and ends and not span.citation and not is_written(span):
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

    reach = limit * _CHARS_A_UNIT

    def fits(more: Sequence[Block]) -> bool:
        # Drawing all of a long block to find out that it is too long, once for each of its parts,
        # would take the square of its length.
        return not _longer(more, reach) and measure((*current, *more)) <= limit

    while waiting:
        if taken := _as_many_as_fit(waiting, fits):
            current = (*current, *taken)
            continue
        block = waiting.pop()
        if current and not pack and not _longer((block,), reach) and measure((block,)) <= limit:
            parts.append(current)
            current = (block,)
            continue
        cut = _cut(block, fits, reach=reach, strict=bool(current))
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


def _longer(blocks: Sequence[Block], chars: int) -> bool:
    """Whether they have more characters than this; looks no further than it must."""
    for block in blocks:
        for span in block.spans:
            chars -= len(span.text)
            if chars < 0:
                return True
    return False


def _as_many_as_fit(waiting: list[Block], fits: Callable[[Sequence[Block]], bool]) -> list[Block]:
    """Takes blocks off the end, where the next one lies, as many as fit together."""
    count = _most(len(waiting), lambda n: fits(waiting[: -n - 1 : -1]), first=1)
    return [waiting.pop() for _ in range(count)]


def _most(limit: int, holds: Callable[[int], bool], *, first: int) -> int:
    """The largest number up to the limit for which it holds; 0 where it does for none.

    Tried in growing steps and then closer: one by one, the time would be the square of them.
    """
    count, step = 0, first
    while count + step <= limit and holds(count + step):
        count += step
        step *= 2
    while step := step // 2:
        if count + step <= limit and holds(count + step):
            count += step
    return count


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
    block: Block, fits: Callable[[Sequence[Block]], bool], *, reach: int, strict: bool
) -> tuple[Block, Block | None] | None:
    # No part holds more than that: what lies beyond need not be looked at for each of them.
    near, rest = _beginning(block, reach)
    text = near.text
    boundaries = list(graphemes(text))
    candidates = [_outside_links(near, boundaries)]
    if not strict:
        candidates += [boundaries, list(range(1, len(text)))]
    for positions in candidates:
        count = _most(
            len(positions),
            lambda n: fits([cut_at(near, positions[n - 1])[0]]),  # noqa: B023
            first=64,
        )
        if count:
            head, tail = cut_at(near, _best(near, text, positions[:count]))
            return head, _continued(block, tail, rest)
    return None


def _beginning(block: Block, chars: int) -> tuple[Block, tuple[Span, ...]]:
    """The block's first so many characters, links whole, and the spans that come after.

    Not so one link that is made of pieces without end: no part has room for it anyway.
    """
    endless = -chars
    for number, span in enumerate(block.spans):
        before = block.spans[number - 1] if number else None
        joined = before is not None and _same_link(before, span)
        joined = joined and chars > endless and number < 2 * _MOST_SPANS
        if (chars <= 0 or number >= _MOST_SPANS) and not joined:
            return replace(block, spans=block.spans[:number]), block.spans[number:]
        if len(span.text) > chars > 0 and not span.link and not span.citation:
            first, after = (replace(span, text=t) for t in (span.text[:chars], span.text[chars:]))
            spans = (*block.spans[:number], first)
            return replace(block, spans=spans), (after, *block.spans[number + 1 :])
        chars -= len(span.text)
    return block, ()


def _same_link(before: Span, after: Span) -> bool:
    """Whether both are one link in several styles; a citation is whole by itself."""
    return (
        bool(after.link) and before.link == after.link and not (before.citation or after.citation)
    )


def _continued(block: Block, tail: Block | None, rest: tuple[Span, ...]) -> Block | None:
    """What is left of a block: the tail of its beginning and the spans after that."""
    if tail is None:
        spans = _stripped(list(rest), code=block.kind is BlockKind.CODE, left=True)
        return replace(block, spans=spans, marker="") if spans else None
    if not rest:
        return tail
    last, following = tail.spans[-1], rest[0]
    if replace(last, text="") == replace(following, text=""):
        joined = replace(last, text=last.text + following.text)
        return replace(tail, spans=(*tail.spans[:-1], joined, *rest[1:]))
    return replace(tail, spans=(*tail.spans, *rest))


def _outside_links(block: Block, boundaries: Sequence[int]) -> list[int]:
    closed: list[tuple[int, int]] = []
    start = 0
    previous: Span | None = None
    for span in block.spans:
        end = start + len(span.text)
        if span.link or span.citation:
            # A link in several styles is one link: its inner seams are no place to cut.
            joined = previous is not None and _same_link(previous, span)
            closed.append((closed.pop()[0], end) if joined else (start, end))
        previous = span
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
