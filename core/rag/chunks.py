"""Documents cut into passages short enough to be one thought, and texts into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.rag.passages import Article, Passage

MAX_WIDTH = 1100  #: of a passage; a Korean character counts double, as it says more
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_SENTENCE_END = re.compile(r"(?<=[.!?。？！])[\"'”’)\]]*\s+(?=\S)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|no|mr|mrs|ms|dr|st|approx|dept|inc|ltd|co)|\b[A-Za-z]|\b\d+)\.$",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"<!--\s*(?:asked|질문)\s*:(.*?)-->", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The text under one heading; `path` is its headings from the outermost."""

    path: tuple[str, ...]
    text: str


def passages_of(article: Article) -> list[Passage]:
    """The article's passages in reading order; never empty."""
    found: list[Passage] = []
    for section in sections(_COMMENT.sub("", article.text)):
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
        path.append((level, plain(heading.group(2))))
    close()
    return found


def asides(text: str) -> list[tuple[str, str]]:
    """What an author notes that people ask: (heading, question) of each `<!-- asked: … -->`.

    The questions stand one a line and are never shown.
    """
    found = []
    for section in sections(text):
        heading = section.path[-1] if section.path else ""
        for aside in _ASIDE.finditer(section.text):
            found += [(heading, line.strip()) for line in aside[1].splitlines() if line.strip()]
    return found


def pieces(text: str, *, limit: int = MAX_WIDTH) -> list[str]:
    """The text in pieces of at most this width, cut between paragraphs, else sentences."""
    found: list[str] = []
    current = ""
    for block in _blocks(text, limit):
        joined = f"{current}\n\n{block}" if current else block
        if current and width(joined) > limit:
            found.append(current)
            current = block
        else:
            current = joined
    if current:
        found.append(current)
    return found


def sentences(text: str) -> list[str]:
    """The sentences of a text; a line of a list counts as a sentence, numbers stay whole."""
    found: list[str] = []
    for raw in _unwrapped(text):
        current = ""
        for part in _SENTENCE_END.split(raw):
            current = f"{current} {part}" if current else part
            if not _ABBREVIATION.search(current):
                found.append(current.strip())
                current = ""
        if current.strip():
            found.append(current.strip())
    return [sentence for sentence in found if sentence]


def plain(text: str) -> str:
    """Inline Markdown without its marks: links by their words, no emphasis, no code ticks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(\*\*|__|`)", "", text).strip()


def width(text: str) -> int:
    """How much a text says, roughly: a Korean character counts for two."""
    return len(text) + sum("가" <= character <= "힣" for character in text)


def _blocks(text: str, limit: int) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text):
        block = block.strip()
        if not block:
            continue
        if width(block) <= limit:
            yield block
            continue
        current = ""
        for sentence in sentences(block):
            joined = f"{current} {sentence}" if current else sentence
            if current and width(joined) > limit:
                yield current
                current = sentence
            else:
                current = joined
        if current:
            yield current


def _unwrapped(text: str) -> Iterator[str]:
    """Lines as the author meant them: a wrapped paragraph is one, a list item is one."""
    current = ""
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or _LIST_ITEM.match(line):
            if current:
                yield current
            current = stripped
        else:
            current = f"{current} {stripped}" if current else stripped
    if current:
        yield current


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


def language_of(text: str) -> str:
    """ "ko" when Hangul makes up a good part of the letters, else "en"."""
    letters = sum(character.isalpha() for character in text)
    hangul = sum("가" <= character <= "힣" for character in text)
    return "ko" if hangul and hangul * 5 >= letters else "en"
