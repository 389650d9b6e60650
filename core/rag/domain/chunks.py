"""Cuts documents into passages, and texts into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from config.languages import every
from core.rag.domain.model import Article, Passage

LISTED = 4  #: lines from which on they may be a list
LISTED_WIDTH = 60  #: of the lines of a list on average; prose is wrapped later
ENDLESS = 300  #: width of a sentence that is none
MAX_WIDTH = 1100  #: of a passage; a Korean character counts double, as it says more
_HEADING = re.compile(r"^(#{1,6})\s++(\S.*)$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_SENTENCE_END = re.compile(r"(?<=[.!?。？！؟])[\"'”’)\]]*\s+(?=\S)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|no|mr|mrs|ms|dr|st|approx|dept|inc|ltd|co)|\b[A-Za-z]|\b\d+)\.$",
    re.IGNORECASE,
)
_ASIDE = re.compile(rf"\A\s*(?:{'|'.join(every('documents', 'asked'))})\s*:")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*+(?:\([^()]*+\)[^()]*+)?+\)")
_EMPHASIS = re.compile(r"\*\*|__|`")
_SYLLABLES = re.compile("[가-힣]+")
_TABLE_RULE = re.compile(r"\A\s*+\|?\s*+:?-{2,}+:?\s*+(?:\|\s*+:?-{2,}+:?\s*+)*+\|?\s*+\Z")
_BAR = re.compile(r"(?<!\\)\|")
_LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The text under one heading; `path` is its headings from the outermost."""

    path: tuple[str, ...]
    text: str


def passages_of(article: Article) -> list[Passage]:
    """The article's passages in reading order; never empty."""
    found: list[Passage] = []
    for section in sections(without_comments(article.text)):
        path = section.path[1:] if section.path[:1] == (article.title,) else section.path
        found.extend(
            Passage(
                id="",
                article_id=article.id,
                title=article.title,
                heading=" › ".join(path),
                text=piece,
                topic=article.topic,
                locale=article.locale,
                url=article.url,
            )
            for piece in pieces(section.text)
        )
    if not found:
        # A question without an answer text can still be recognised.
        found = [
            Passage(
                id="", article_id=article.id, title=article.title, heading="", text="",
                topic=article.topic, locale=article.locale, url=article.url,
            )
        ]  # fmt: skip
    return [_numbered(passage, number) for number, passage in enumerate(found)]


def sections(text: str) -> list[Section]:
    """A Markdown text by its headings; a text without headings is one section."""
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fenced = False

    def close() -> None:
        body = "\n".join(lines).strip()
        if body:
            found.append(Section(path=tuple(name for _, name in path), text=body))
        lines.clear()

    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        close()
        level = len(heading.group(1))
        while path and path[-1][0] >= level:
            path.pop()
        path.append((level, plain(heading_text(heading.group(2)))))
    close()
    return found


def asides(text: str) -> list[tuple[str, str]]:
    """What an author notes that people ask: (heading, question) of each `<!-- asked: … -->`.

    The questions stand one a line and are never shown.
    """
    found = []
    for section in sections(text):
        heading = section.path[-1] if section.path else ""
        for start, end in _comments(section.text):
            inner = section.text[start + 4 : end - 3]
            if aside := _ASIDE.match(inner):
                lines = inner[aside.end() :].splitlines()
                found += [(heading, line.strip()) for line in lines if line.strip()]
    return found


def without_comments(text: str) -> str:
    """The text without its HTML comments; one that is never closed is text."""
    kept, end = [], 0
    for start, stop in _comments(text):
        kept.append(text[end:start])
        end = stop
    return "".join([*kept, text[end:]])


def _comments(text: str) -> Iterator[tuple[int, int]]:
    end = 0
    while (start := text.find("<!--", end)) >= 0 and (close := text.find("-->", start + 4)) >= 0:
        end = close + 3
        yield start, end


def heading_text(line: str) -> str:
    """What a heading says: its line after the opening signs, without those that close it."""
    line = line.rstrip()
    return line.rstrip("#").rstrip() or line


def pieces(text: str, *, limit: int = MAX_WIDTH) -> list[str]:
    """The text in pieces of at most this width, cut between paragraphs, else sentences.

    Of a table each row is a piece, with the names of its columns: "Boat: Canoe; Day: 50 €".
    """
    found: list[str] = []
    between: list[str] = []  # paragraphs before the next table
    for block in _paragraphs(text):
        before, rows, after = _table_in(block)
        between.append(before)
        if rows:
            found += _filled(_blocks(between, limit), between="\n\n", limit=limit)
            found += (part for row in rows for part in _cut(row, limit))
            between = [after]
    return found + list(_filled(_blocks(between, limit), between="\n\n", limit=limit))


def sentences(text: str) -> list[str]:
    """The sentences of a text; a line of a list counts as a sentence, numbers stay whole."""
    found: list[str] = []
    for raw in _unwrapped(text):
        current: list[str] = []
        for part in _SENTENCE_END.split(raw):
            current.append(part)
            if not _ABBREVIATION.search(part):
                found.append(" ".join(current).strip())
                current = []
        found.append(" ".join(current).strip())
    return [sentence for sentence in found if sentence]


def thoughts(block: str, limit: int) -> tuple[list[str], str]:
    """A paragraph's sentences, and what goes between them.

    What has no sentences (a table, a list of parts, a column of a page) is taken line by line:
    its lines are short, and "sentences" go on over many of them, or beyond `limit`.
    """
    found = sentences(block)
    lines = [line for line in block.splitlines() if line.strip()]
    longest = max(map(width, found), default=0)
    short = len(lines) >= LISTED and width(block) <= LISTED_WIDTH * len(lines)
    if len(lines) > 1 and (longest > limit or (short and longest > ENDLESS)):
        return [sentence for line in lines for sentence in sentences(line)], "\n"
    return found, " "


def plain(text: str) -> str:
    """Inline Markdown without its marks: links by their words, no emphasis, no code ticks."""
    return _EMPHASIS.sub("", _LINK.sub(r"\1", text)).strip()


def width(text: str) -> int:
    """How much a text says, roughly: a Korean character counts for two."""
    return len(text) + sum(map(len, _SYLLABLES.findall(text)))


def _paragraphs(text: str) -> Iterator[str]:
    """The text's parts between empty lines; a block of code is one."""
    lines: list[str] = []
    fenced = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        if line.strip() or fenced:
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _table_in(block: str) -> tuple[str, list[str], str]:
    """What stands before a table in a paragraph, its rows with their names, and what is behind."""
    lines = block.split("\n")
    at = next((i for i, line in enumerate(lines) if i and _TABLE_RULE.match(line)), 0)
    if not at or "|" not in lines[at - 1]:
        return block, [], ""
    end = next((i for i in range(at + 1, len(lines)) if "|" not in lines[i]), len(lines))
    names = _cells_of(lines[at - 1])
    rows = [_row_said(names, _cells_of(line)) for line in lines[at + 1 : end]]
    if not any(rows):
        return block, [], ""
    return "\n".join(lines[: at - 1]), [row for row in rows if row], "\n".join(lines[end:])


def _cells_of(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    cells = _BAR.split(line.removesuffix("|") if not line.endswith("\\|") else line)
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _row_said(names: list[str], cells: list[str]) -> str:
    named = [*names, *[""] * (len(cells) - len(names))]
    said = ((plain(name), cell) for name, cell in zip(named, cells, strict=False) if cell)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in said)


def _blocks(paragraphs: Iterable[str], limit: int) -> Iterator[str]:
    for block in paragraphs:
        block = block.strip("\n").rstrip()
        if not block.strip():
            continue
        if width(block) <= limit:
            yield block if _LIST_ITEM.match(block) else block.strip()
            continue
        units, between = _listed(block) or thoughts(block, limit)
        parts = (part for unit in units for part in _cut(unit, limit))
        yield from _filled(parts, between=between, limit=limit)


def _listed(block: str) -> tuple[list[str], str] | None:
    """The entries of a list, each with what is indented under it; None for no list."""
    lines = block.split("\n")
    if sum(_LIST_ITEM.match(line) is not None for line in lines) * 2 < len(lines):
        return None
    return lines, "\n"


def _cut(unit: str, limit: int) -> list[str]:
    """A sentence that is no wider than that, or its parts between words."""
    if width(unit) <= limit or " " not in unit:
        return [unit]
    return list(_filled(unit.split(" "), between=" ", limit=limit))


def _filled(parts: Iterable[str], *, between: str, limit: int) -> Iterator[str]:
    """Neighbouring parts joined as long as they are no wider than the limit together."""
    current: list[str] = []
    wide = 0
    for part in parts:
        added = width(part)
        if current and wide + len(between) + added > limit:
            yield between.join(current)
            current, wide = [], 0
        wide += added + (len(between) if current else 0)
        current.append(part)
    if current:
        yield between.join(current)


def _unwrapped(text: str) -> Iterator[str]:
    """Lines as the author meant them: a wrapped paragraph is one, a list item is one."""
    current: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or _LIST_ITEM.match(line):
            if current:
                yield " ".join(current)
            current = [stripped] if stripped else []
        else:
            current.append(stripped)
    if current:
        yield " ".join(current)


def _numbered(passage: Passage, number: int) -> Passage:
    return Passage(
        id=f"{passage.article_id}#{number}",
        article_id=passage.article_id,
        title=passage.title,
        heading=passage.heading,
        text=passage.text,
        topic=passage.topic,
        locale=passage.locale,
        url=passage.url,
    )
