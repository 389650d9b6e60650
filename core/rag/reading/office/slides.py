"""Reads .pptx: each slide that is shown under its title."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.office.archive import Archive
from core.rag.reading.text.grid import written
from core.rag.reading.text.headings import with_questions_as_headings
from core.rag.reading.text.titles import usable

MOST_DEPTH = 20
_OF_EVERY_SLIDE = ("DATE", "FOOTER", "SLIDE_NUMBER", "HEADER")


def read(path: Path, raw: bytes) -> Reading:
    """One article; a speaker's notes and slides that are not shown stay out of it."""
    import pptx

    Archive(raw)
    deck = pptx.Presentation(io.BytesIO(raw))
    dropped: Counter[str] = Counter()
    warnings: list[Warned] = []
    parts: list[str] = []
    title = ""
    for number, slide in enumerate(deck.slides, 1):
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            dropped["notes of the speaker"] += count(slide.notes_slide.notes_text_frame.text)
        head = slide.shapes.title
        name = " ".join(head.text_frame.text.split()) if head is not None else ""
        said = [b for shape in _ordered(slide.shapes, head) for b in _said(shape, dropped)]
        if slide.element.get("show") == "0":
            dropped["hidden slides"] += count(name) + sum(map(count, said))
            continue
        if not said and not name and any(_is_picture(s) for s in slide.shapes):
            warnings.append(
                Warned(what="this slide is a picture; its text is not read", row=number)
            )
        title = title or name
        parts += [f"{'#' if not parts else '##'} {name}" if name else "", *said]
    text = "\n\n".join(filter(None, parts))
    if not text:
        return Reading(characters=sum(dropped.values()), dropped=dropped, warnings=warnings)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=title or usable(deck.core_properties.title or "") or path.stem,
        text=with_questions_as_headings(text),
        locale="",
        source=str(path),
    )
    characters = sum(map(count, parts)) + sum(dropped.values())
    return Reading(articles=[article], characters=characters, dropped=dropped, warnings=warnings)


def _ordered(shapes: Iterable[Any], head: Any) -> list[Any]:
    """The shapes from the top down, in rows from the left."""
    others = [s for s in shapes if head is None or s.shape_id != head.shape_id]
    return sorted(others, key=lambda s: ((s.top or 0) // 360_000, s.left or 0))


def _said(shape: Any, dropped: Counter[str], depth: int = 0) -> Iterator[str]:
    if depth > MOST_DEPTH or shape.element.xpath(".//p:cNvPr[@hidden='1']"):
        return
    if shape.is_placeholder and any(
        name in str(shape.placeholder_format.type) for name in _OF_EVERY_SLIDE
    ):
        if shape.has_text_frame:
            dropped["header"] += count(shape.text_frame.text)
        return
    if hasattr(shape, "shapes"):
        for one in _ordered(shape.shapes, None):
            yield from _said(one, dropped, depth + 1)
    elif getattr(shape, "has_table", False) and shape.has_table:
        rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
        names = rows[0] if len(rows) > 1 else []
        yield written(names, rows[1:] if names else rows)
    elif shape.has_text_frame:
        lines = [(p.level, _line(p)) for p in shape.text_frame.paragraphs]
        lines = [(level, line) for level, line in lines if line]
        # A box of text has paragraphs; points stand in the places that a layout has for them.
        if not shape.is_placeholder and not any(level for level, _ in lines):
            yield from (line for _, line in lines)
        elif len(lines) > 1:
            yield "\n".join(f"{'  ' * level}- {line}" for level, line in lines)
        elif lines:
            yield lines[0][1]


def _line(paragraph: Any) -> str:
    parts = []
    for run in paragraph.runs:
        where = run.hyperlink.address if run.text.strip() else None
        linked = where and where.startswith(("http://", "https://", "mailto:"))
        parts.append(f"[{run.text}]({where})" if linked else run.text)
    return " ".join(("".join(parts) or paragraph.text).replace("\v", " ").split())


def _is_picture(shape: Any) -> bool:
    return "PICTURE" in str(shape.shape_type)
