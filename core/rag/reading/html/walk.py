"""Traverses a page's tree into blocks: what a person sees, in its order and structure.

Headings, lists in lists, tables with their headers, links with their addresses, panels that a
button opens. Of what is left out, the characters are counted by the reason.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from bs4 import BeautifulSoup
from bs4.element import CData, NavigableString, Tag, TemplateString

from core.rag.domain.reading_outcome import count
from core.rag.reading.html.blocks import (
    ASKED,
    BOLD,
    BOLD_ENDS,
    BREAK,
    Block,
    ended,
    lines_of,
    one_line,
    titled,
    unmarked,
)  # fmt: skip
from core.rag.reading.html.head import joined, scheme_of
from core.rag.reading.html.tables import between, cells_of, grid_of, may_be_names, split_header
from core.rag.reading.html.tabs import tabs_of
from core.rag.reading.html.visibility import Visibility, opens_something
from core.rag.reading.text.columns import questions_in
from core.rag.reading.text.grid import written
from core.rag.semantics.statements import QUESTION_CHARS

LEVELS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = frozenset({
    *LEVELS, "p", "li", "tr", "pre", "dt", "summary", "address", "article", "aside", "blockquote",
    "caption", "center", "dd", "details", "dialog", "dir", "div", "dl", "fieldset", "figcaption",
    "figure", "footer", "form", "header", "hgroup", "hr", "legend", "listing", "main", "menu",
    "nav", "ol", "optgroup", "search", "section", "table", "tbody", "td", "template", "tfoot",
    "th", "thead", "ul", "xmp",
})  # fmt: skip
"""Elements that stand on lines of their own."""
MOST_DEPTH = 300  #: elements in one another; deeper down the text is taken as it stands
_TEXTS = (NavigableString, CData, TemplateString)
_RAISED = str.maketrans("0123456789+-()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎")
_SIGNS_OF_A_BUTTON = " \t\n\xa0+-–−▲▼▾▸►⌄∨˅⌃×✕›»"


class Walk:
    """One traversal of a page's tree."""

    def __init__(self, soup: BeautifulSoup, base: str, *, names_in_first_row: bool = False) -> None:
        self._root: Tag = soup.body or soup
        self._base = base
        self._names_in_first_row = names_in_first_row
        self._seen = Visibility(soup)
        self._tabs = tabs_of(soup)
        self._moved = set(map(id, self._tabs.values()))  # to their panels
        self._holds = _holding_blocks(self._root)
        self._raw = False  # inside of what keeps its spaces
        self.kept = 0
        self.dropped: Counter[str] = Counter()

    def page(self) -> list[Block]:
        """The blocks of the page; of a page that is nothing but its frame, those of the frame."""
        blocks = titled(self._blocks(self._root, 0))
        if not any(block.text for block in blocks) and self.dropped:
            frame = [t for t in self._root.find_all() if self._seen.why_not(t) in _FRAMES]
            for name in _FRAMES:
                del self.dropped[name]
            for tag in frame:
                if not any(parent in frame for parent in tag.parents):
                    blocks += self._blocks(tag, 0)
        return blocks

    def _blocks(self, tag: Tag, depth: int) -> list[Block]:
        """What stands in this element, in its order."""
        if depth > MOST_DEPTH:
            return list(lines_of(self._text(tag.get_text(" "))))
        blocks: list[Block] = []
        line: list[str] = []
        opens = False  # the block before was a button, and what comes is its panel

        def close() -> None:
            blocks.extend(lines_of("".join(line)))
            line.clear()

        for child in tag.children:
            if type(child) in _TEXTS:
                line.append(self._text(str(child)))
            if not isinstance(child, Tag) or self._left_out(child):
                continue
            if self._is_inline(child):
                line.append(self._inline(child, depth + 1))
                continue
            close()
            found = self._element(child, depth + 1)
            if (tab := self._tabs.get(id(child))) is not None:
                label = one_line(self._blocks(tab, depth + 1)).strip(_SIGNS_OF_A_BUTTON)
                found = [Block(label, ASKED, asked=True), *found, Block("", ends=True)]
            blocks += found
            if opens and found:
                blocks.append(Block("", ends=True))
            opens = bool(found) and found[-1].asked and opens_something(child)
        close()
        return ended(blocks)

    def _element(self, tag: Tag, depth: int) -> list[Block]:
        match tag.name:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                said = one_line(self._blocks(tag, depth)).rstrip(_SIGNS_OF_A_BUTTON)
                opens = tag.find(opens_something) is not None
                return [Block(said, LEVELS[tag.name], asked=opens)] if said else []
            case "summary" | "dt":
                return self._asked(tag, depth)
            case "ul" | "ol" | "menu" | "dir":
                return self._list(tag, depth)
            case "table":
                return self._table(tag, depth)
            case "pre" | "xmp" | "listing":
                said = self._preserved(tag, depth)
                return [Block(f"```\n{said}\n```")] if said.strip() else []
            case "a":
                return self._linked(tag, self._blocks(tag, depth))
            case "br" | "hr":
                return []
        if self._is_asked(tag):
            return self._asked(tag, depth)
        blocks = self._blocks(tag, depth)
        if tag.get("role") == "heading" and blocks:
            level = str(tag.get("aria-level") or "2")
            return [Block(one_line(blocks), int(level) if level in "123456" else 2)]
        return titled(blocks, alone=tag.name == "p")

    def _is_asked(self, tag: Tag) -> bool:
        if tag.get("itemprop") == "name" and tag.find_parent(attrs={"itemtype": _QUESTION}):
            return True
        return opens_something(tag) and tag.find("summary") is None

    def _asked(self, tag: Tag, depth: int) -> list[Block]:
        """A heading by what it is for; what is too long for one, or holds one, stays as it is."""
        blocks = self._blocks(tag, depth)
        if any(block.level for block in blocks) or not blocks:
            return [replace(b, asked=True) if b.level else b for b in blocks]
        said = one_line(blocks).strip(_SIGNS_OF_A_BUTTON)
        if not said or len(said) > QUESTION_CHARS:
            return blocks
        return [Block(said, ASKED, asked=True)]

    def _list(self, tag: Tag, depth: int) -> list[Block]:
        ordered = tag.name == "ol"
        number = _start(tag)
        items: list[tuple[str, list[Block]]] = []
        for child in tag.children:
            if isinstance(child, Tag) and not self._left_out(child):
                # A list right in a list, as old editors write it, belongs to the item before.
                nested = child.name in ("ul", "ol") and items
                found = (
                    self._element(child, depth + 1) if nested else self._blocks(child, depth + 1)
                )
                if child.name == "li" and str(child.get("value") or "").isdecimal():
                    number = int(str(child["value"]))
                if nested:
                    items[-1][1].extend(found)
                elif found:
                    items.append((f"{number}. " if ordered else "- ", found))
                    number += 1
            elif type(child) is NavigableString and child.strip():
                items.append(("- ", list(lines_of(self._text(str(child))))))
        items = [(mark, titled(found)) for mark, found in items]
        if any(b.level or b.ends or b.text.startswith("| ") for _, found in items for b in found):
            return [block for _, found in items for block in found]
        said = "\n".join(_item(mark, [block.text for block in found]) for mark, found in items)
        return [Block(said)] if said else []

    def _table(self, tag: Tag, depth: int) -> list[Block]:
        rows = [r for r in tag.find_all("tr") if r.find_parent("table") is tag]
        rows = [r for r in rows if not any(map(self._left_out, [*between(r, tag)]))]
        above = [
            block
            for caption in tag.find_all("caption", recursive=False)
            if not self._left_out(caption)
            for block in self._blocks(caption, depth + 1)
        ]
        if _is_layout(tag, rows):
            cells = [cell for row in rows for cell in cells_of(row)]
            shown = [cell for cell in cells if not self._left_out(cell)]
            return above + [b for cell in shown for b in self._blocks(cell, depth + 1)]

        if any(map(self._seen.is_panel, rows)):
            return above + self._panels(rows, depth)

        def said(cell: Tag) -> str:
            lines = [
                line.strip() for b in self._blocks(cell, depth + 1) for line in b.text.split("\n")
            ]
            listed = len(lines) > 1 and all(line.startswith("- ") for line in lines)
            found = ", ".join(line[2:] for line in lines) if listed else " ".join(lines)
            return found or " ".join(str(i.get("alt") or "") for i in cell.find_all("img"))

        grid = grid_of(rows, lambda r: [c for c in cells_of(r) if not self._left_out(c)], said)
        heads = sum(r.parent is not None and r.parent.name == "thead" for r in rows)
        heads = min(heads, max(len(grid) - 1, 0))
        if not heads and self._names_in_first_row and may_be_names(grid):
            heads = 1
        header, body = split_header(grid, heads)
        if not any(header) and len(body) == 2 and questions_in(body[0], body[1:]) is not None:
            header, body = body[0], body[1:]  # too few rows to tell names by their looks
        if (asked := questions_in(header, body)) is not None:
            blocks = [b for q, a in asked for b in (Block(q, ASKED, asked=True), Block(a))]
            return [*above, *blocks, Block("", ends=True)]  # what follows answers none of them
        table = written(header, body)
        # Without a header each row stands for itself.
        parts = [table] if any(header) else table.split("\n")
        return above + [Block(part) for part in parts if part]

    def _panels(self, rows: list[Tag], depth: int) -> list[Block]:
        """Rows of which one is pressed and shows the next: what it asks, and the answer to that."""
        blocks: list[Block] = []
        for row, under in zip(rows, [*rows[1:], None], strict=True):
            cells = [cell for cell in cells_of(row) if not self._left_out(cell)]
            texts = [self._blocks(cell, depth + 1) for cell in cells]
            if self._seen.is_panel(row):
                blocks += [*(block for found in texts for block in found), Block("", ends=True)]
                continue
            # Its number and its date say nothing of what it asks.
            said = max(map(one_line, texts), key=len, default="")
            if under is not None and self._seen.is_panel(under) and 0 < len(said) <= QUESTION_CHARS:
                blocks.append(Block(said, ASKED, asked=True))
            else:
                blocks += [block for found in texts for block in found]
        return blocks

    def _linked(self, tag: Tag, blocks: list[Block]) -> list[Block]:
        """A link around whole blocks: the first of them carries it."""
        where = self._address(tag)
        for place, block in enumerate(blocks):
            if where and block.text and "](" not in block.text and "\n" not in block.text:
                blocks[place] = replace(block, text=f"[{block.text}]({where})")
                break
        return blocks

    def _inline(self, tag: Tag, depth: int) -> str:
        """The text of an element inside a line."""
        name = tag.name
        if name == "br":
            return BREAK
        if name == "input":
            shown = tag.get("type") in ("button", "submit", "reset") or tag.has_attr("readonly")
            return f" {self._text(str(tag.get('value') or ''))} " if shown else ""
        if depth > MOST_DEPTH:
            return self._text(tag.get_text())
        said = "".join(
            self._text(str(child))
            if type(child) in _TEXTS
            else self._inline(child, depth + 1)
            if isinstance(child, Tag) and not self._left_out(child)
            else ""
            for child in tag.children
        )
        bare = said.strip()
        match name:
            case "a" if bare and (where := self._address(tag)):
                if where.partition(":")[2] == bare or where.rstrip("/") == bare.rstrip("/"):
                    return said
                label = unmarked(bare).replace(BREAK, " ").replace("[", "(").replace("]", ")")
                return said.replace(bare, f"[{label}]({where})", 1)
            case "sup":
                return _moved(said, _RAISED)
            case "sub":
                return _moved(said, _LOWERED)
            case "q":
                return f"“{said}”" if bare else ""
            case "del" | "s" | "strike":
                return said.replace(bare, f"~~{bare}~~", 1) if bare else said
            case "b" | "strong" if bare:
                return f"{BOLD}{said}{BOLD_ENDS}"
            case "button" | "label" | "textarea":
                return f" {said} "
        return said

    def _preserved(self, tag: Tag, depth: int) -> str:
        self._raw = True
        said = unmarked(self._inline(tag, depth)).replace(BREAK, "\n")
        self._raw = False
        return said.strip("\n").replace("```", "'''")

    def _text(self, text: str) -> str:
        self.kept += count(text)
        # Two signs that would mean something in Markdown, and hide what is between them.
        text = text.replace("<!--", "<! --").replace(BREAK, " ").replace("\xad", "")
        text = text.replace(BOLD, "").replace(BOLD_ENDS, "")
        return text if self._raw else " ".join(re.split(r"[ \t\r\n\f]+", text))

    def _address(self, tag: Tag) -> str:
        href = "".join(str(tag.get("href") or "").split())
        if not href or href.startswith("#"):
            return ""
        scheme = scheme_of(href)
        if scheme in ("mailto", "tel"):
            return href.replace("(", "%28").replace(")", "%29")
        if scheme not in ("", "http", "https"):
            return ""
        return joined(self._base, href).replace("(", "%28").replace(")", "%29")

    def _left_out(self, tag: Tag) -> bool:
        if id(tag) in self._moved:
            return True
        why = self._seen.why_not(tag)
        if why and why != "code":
            self.dropped[why] += count(_shown_text(tag))
        return bool(why)

    def _is_inline(self, tag: Tag) -> bool:
        return tag.name not in BLOCKS and id(tag) not in self._holds and not self._is_asked(tag)


_FRAMES = ("navigation", "header", "footer")
_QUESTION = re.compile(r"schema\.org/Question\b")


def _holding_blocks(root: Tag) -> set[int]:
    """The elements, by `id()`, that hold one that stands on lines of its own."""
    holding: set[int] = set()
    for tag in root.find_all(lambda t: t.name in BLOCKS or opens_something(t)):
        for parent in tag.parents:
            if id(parent) in holding:
                break
            holding.add(id(parent))
    return holding


def _item(mark: str, texts: list[str]) -> str:
    inner = "\n".join(text for text in texts if text)
    return mark + inner.replace("\n", "\n" + " " * len(mark))


def _start(tag: Tag) -> int:
    told = str(tag.get("start") or "1")
    return int(told) if told.isdecimal() and len(told) < 7 else 1


def _is_layout(table: Tag, rows: list[Tag]) -> bool:
    """Whether this only arranges a page."""
    if table.get("role") in ("presentation", "none"):
        return True
    if table.find("table") is not None or table.find([*LEVELS, "dl", "details"]) is not None:
        return True
    return not rows or all(len(cells_of(row)) <= 1 for row in rows)


def _moved(said: str, table: dict[int, int]) -> str:
    """Raised or lowered digits, which else would be read as part of the number before."""
    bare = said.strip()
    return said.translate(table) if len(bare) <= 4 and all(ord(c) in table for c in bare) else said


def _shown_text(tag: Tag) -> str:
    return " ".join(
        str(s)
        for s in tag.find_all(string=True)
        if type(s) is NavigableString and s.parent is not None and s.parent.name not in _CODE
    )


_CODE = frozenset({"script", "style", "noscript", "template", "option"})
