"""Reads PDF by its layout: titles, paragraphs, lists, columns and tables in their order.

A PDF says where each character stands and nothing of what belongs together. What repeats on most
pages (running heads, page numbers) is left out and counted; a page without text is named, and read
by `tesseract` where that is installed.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.pdf.layout import Line, Page, lines_of, with_tables
from core.rag.reading.pdf.ruled import ruled_tables
from core.rag.reading.pdf.structure import markdown_of
from core.rag.reading.pdf.words import words_of
from core.rag.reading.text.headings import with_questions_as_headings
from core.rag.reading.text.titles import usable

MOST_PAGES = 3_000
OCR_DPI = 200
MOST_OCR_PAGES = 60
LEAST_ON_A_PAGE = 8  #: characters of text; below that a page with a picture is one
_NUMBERS = re.compile(r"\d+")


def read(path: Path, raw: bytes) -> Reading:
    """One article. Raises ValueError where it is locked, or has pictures only."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(io.BytesIO(raw))
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise ValueError("the PDF is locked with a password" if locked else str(error)) from error
    try:
        told = usable(document.get_metadata_dict().get("Title", ""))
        pages, scanned, warnings = _pages(document)
    finally:
        document.close()
    lines = [line for page in pages for line in page.lines]
    if not lines:
        raise ValueError("the PDF has no text in it, only pictures")
    dropped: Counter[str] = Counter()
    kept = _without_repeated(pages, dropped)
    text, title = markdown_of(kept)
    if scanned:
        which = ", ".join(map(str, scanned[:20])) + (" …" if len(scanned) > 20 else "")
        what = f"{len(scanned)} of {len(pages)} pages are pictures and not read: {which}"
        warnings.append(Warned(what=what))
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=told or title or path.stem,
        text=with_questions_as_headings(text),
        locale="",
        source=str(path),
    )
    characters = count(text) + sum(dropped.values())
    return Reading(articles=[article], characters=characters, dropped=dropped, warnings=warnings)


def _pages(document: Any) -> tuple[list[Page], list[int], list[Warned]]:
    pages: list[Page] = []
    scanned: list[int] = []
    warnings: list[Warned] = []
    cuts: set[float] = set()
    for index in range(min(len(document), MOST_PAGES)):
        page = document[index]
        words = words_of(page)
        width, height = page.get_size()
        said = sum(len(word.text) for word in words)
        if said < LEAST_ON_A_PAGE and _has_picture(page):
            found = _recognised(page) if len(scanned) < MOST_OCR_PAGES else ""
            if found:
                warnings.append(Warned(what="read from a picture; look it over", row=index + 1))
                pages.append(Page(width=width, height=height, lines=_plain_lines(found, height)))
                continue
            scanned.append(index + 1)
        tables = ruled_tables(page, words)
        inside = {id(w) for table in tables for row in table.cells for cell in row for w in cell}
        rest = [word for word in words if id(word) not in inside]
        lines = with_tables(lines_of(rest, width=width, cuts=cuts), tables)
        pages.append(Page(width=width, height=height, lines=lines))
    if len(document) > MOST_PAGES:
        warnings.append(Warned(what=f"only {MOST_PAGES:,} of {len(document):,} pages are read"))
    return pages, scanned, warnings


def _has_picture(page: Any) -> bool:
    import pypdfium2.raw as pdfium

    return any(True for _ in page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,), max_depth=4))


def _recognised(page: Any) -> str:
    """The text of a page's picture, where an engine is installed."""
    import shutil
    import subprocess

    engine = shutil.which("tesseract")
    if engine is None:
        return ""
    picture = io.BytesIO()
    page.render(scale=OCR_DPI / 72).to_pil().convert("L").save(picture, "PNG")
    languages = subprocess.run(  # noqa: S603
        [engine, "--list-langs"], capture_output=True, text=True, timeout=20, check=False
    ).stdout.split()
    wanted = "+".join(lang for lang in ("eng", "kor") if lang in languages) or "eng"
    done = subprocess.run(  # noqa: S603
        [engine, "stdin", "stdout", "-l", wanted],
        input=picture.getvalue(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout.decode("utf-8", "replace").strip()


def _plain_lines(text: str, height: float) -> list[Line]:
    """Lines of a text that has no places of its own."""
    found: list[Line] = []
    top = height
    for line in text.split("\n"):
        top -= 12 if line.strip() else 24
        if line.strip():
            found.append(Line(text=line.strip(), left=0, right=500, top=top, size=10))
    return found


def _without_repeated(pages: Sequence[Page], dropped: Counter[str]) -> list[Page]:
    """The pages without what stands at the top or bottom of most of them, and their numbers."""
    seen: Counter[tuple[bool, str]] = Counter()
    for page in pages:
        seen.update({(is_top, _shape(line)) for is_top, line in page.edges()})
    needed = 2 if len(pages) < 6 else max(3, len(pages) // 4)
    kept: list[Page] = []
    for number, page in enumerate(pages, 1):
        edges = {id(line): is_top for is_top, line in page.edges()}
        lines: list[Line] = []
        for line in page.lines:
            if id(line) in edges:
                repeats = len(pages) > 1 and seen[edges[id(line)], _shape(line)] >= needed
                if repeats or _is_page_number(line, number, len(pages)):
                    dropped["headers, footers and page numbers"] += count(line.text)
                    continue
            lines.append(line)
        kept.append(Page(width=page.width, height=page.height, lines=lines))
    return kept


def _shape(line: Line) -> str:
    """The same for lines that differ in their numbers only."""
    return _NUMBERS.sub("0", " ".join(line.text.split()).casefold())


def _is_page_number(line: Line, number: int, of: int) -> bool:
    bare = re.sub(r"[\W_]+", " ", line.text.casefold()).strip()
    if re.fullmatch(
        r"(?:page|seite|p|페이지|쪽)? ?\d{1,4}(?: ?(?:of|von|de|sur|/) ?\d{1,4})?", bare
    ):
        told = int(_NUMBERS.findall(bare)[0])
        return "page" in bare or "seite" in bare or of == 1 or abs(told - number) <= 30
    return re.fullmatch(r"[ivxl]{1,6}", bare) is not None
