"""The blocks of a page in Markdown: paragraphs, headings, lists and tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from core.rag.reading.html.structured_data import same

ASKED = 5  #: the level of a heading that is no heading in the page: of a summary, a term
BOLD_TITLE = 80  #: characters of a line in bold letters that stands for a heading
BREAK = "\x01"
BOLD, BOLD_ENDS = "\x02", "\x03"  # around bold letters, while lines are made
_SIGN = re.compile(r"^[·•▪◦‣]\s+|^o\xa0\s*")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list or table in Markdown."""

    text: str
    level: int = 0  #: of a heading
    asked: bool = False  #: a heading by what it is for: a summary, a term, a button
    bold: bool = False  #: one short line in bold letters, perhaps a heading
    ends: bool = False  #: no text: what belongs to the heading asked before ends here

    @property
    def markdown(self) -> str:
        """As it is written."""
        return f"{'#' * self.level} {self.text}" if self.level else self.text


def with_questions(blocks: list[Block], questions: Collection[str]) -> list[Block]:
    """The blocks with those that are one of these questions as its heading."""
    return [
        Block(b.text, ASKED, asked=True) if not b.level and same(b.text) in questions else b
        for b in blocks
    ]


def ended(blocks: list[Block]) -> list[Block]:
    """With a sign where what was answered in this element ends, if it was in this very one."""
    last = next(
        (i for i in reversed(range(len(blocks))) if blocks[i].asked or blocks[i].ends), None
    )
    if last is not None and blocks[last].asked and last + 1 < len(blocks):
        blocks.append(Block("", ends=True))
    return blocks


def closed(blocks: list[Block], title: str) -> list[str]:
    """The blocks in Markdown; what comes after an answer stands under its own heading again."""
    lines: list[str] = []
    path: list[tuple[int, str]] = []  # real headings
    over = False
    for block in blocks:
        if block.ends:
            over = True
            continue
        if not block.text:
            continue
        if block.level and not block.asked:
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, block.text))
        elif over and not block.level:
            level, name = path[-1] if path else (1, title)
            if name:
                lines.append(f"{'#' * level} {name}")
        over = False
        lines.append(block.markdown)
    return lines


def lines_of(text: str) -> Iterator[Block]:
    """Paragraphs with spaces as a browser shows them; lines that were broken are broken.

    Two line breaks make a paragraph, and so does a line in bold letters with text under it.
    """
    lines = [re.sub(" {2,}", " ", line).strip() for line in text.split(BREAK)]
    for paragraph in re.split(r"\n{2,}", "\n".join(lines).strip("\n")):
        parts = [part for part in paragraph.split("\n") if unmarked(part).strip()]
        if parts and _is_bold(parts[0]):
            yield Block(unmarked(parts.pop(0)).strip(), bold=True)
        said = "  \n".join(unmarked(part).strip() for part in parts)
        if said:
            yield Block(_SIGN.sub("- ", said))


def _is_bold(line: str) -> bool:
    """Whether this is one short line in bold letters, as people write headings."""
    if not line.startswith(BOLD) or not line.endswith(BOLD_ENDS) or line.count(BOLD) != 1:
        return False
    said = unmarked(line).strip()
    return len(said) <= BOLD_TITLE and not said.endswith((".", "!", ":", "…", ","))


def unmarked(text: str) -> str:
    return text.replace(BOLD, "").replace(BOLD_ENDS, "")


def titled(blocks: list[Block], *, alone: bool = False) -> list[Block]:
    """The blocks with bold lines as headings of what follows; `alone` also where nothing does."""
    return [
        replace(b, level=ASKED, asked=True, bold=False)
        if b.bold and (alone or (at + 1 < len(blocks) and not blocks[at + 1].level))
        else b
        for at, b in enumerate(blocks)
    ]


def one_line(blocks: list[Block]) -> str:
    return " ".join(" ".join(block.text.split()) for block in blocks if block.text)
