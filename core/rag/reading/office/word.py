"""Reads .docx: by mammoth as a page, then as any page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.html.page import page_of
from core.rag.reading.office.archive import Archive, attribute, local
from core.rag.reading.text.headings import with_questions_as_headings
from core.rag.reading.text.titles import usable

BODY = "word/document.xml"
STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
r[style-name='Strong'] => strong
"""
_OFF = ("0", "false", "off", "none")


def read(path: Path, raw: bytes) -> Reading:
    """One article: what stands on its pages; neither what is hidden nor what was struck out."""
    import mammoth

    archive = Archive(raw)
    body = archive.xml(BODY)
    hidden = _without_hidden(body)
    file = archive.replaced(BODY, etree.tostring(body, xml_declaration=True, encoding="UTF-8"))
    converted = mammoth.convert_to_html(
        file, style_map=STYLES, convert_image=mammoth.images.img_element(lambda _: {"src": ""})
    )
    page = page_of(f"<body>{converted.value}</body>", name=path.stem, names_in_first_row=True)
    if hidden:
        page.dropped["hidden"] += hidden
    warnings = [Warned(what="text in pictures is not read")] if "<img" in converted.value else []
    if not page.text:
        return Reading(characters=page.characters, dropped=page.dropped, warnings=warnings)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=(page.title if page.title != path.stem else "") or _told(archive) or path.stem,
        text=with_questions_as_headings(page.text),
        locale="",
        source=str(path),
    )
    return Reading(
        articles=[article],
        characters=page.characters + hidden,
        dropped=page.dropped,
        warnings=warnings,
    )


def _without_hidden(body: Any) -> int:
    """Take out what is formatted as hidden, or was moved or deleted; how many characters it had."""
    gone = 0
    for element in list(body.iter()):
        name = local(element)
        if name == "r" and _is_hidden(element):
            gone += count("".join(t.text or "" for t in element.iter() if local(t) == "t"))
        elif name not in ("del", "moveFrom"):
            continue
        parent = element.getparent()
        if parent is not None and local(element) != "rPr" and local(parent) != "rPr":
            parent.remove(element)
    return gone


def _is_hidden(run: Any) -> bool:
    for properties in run:
        if local(properties) == "rPr":
            return any(
                local(one) in ("vanish", "webHidden") and attribute(one, "val").lower() not in _OFF
                for one in properties
            )
    return False


def _told(archive: Archive) -> str:
    """The title among the document's properties."""
    try:
        properties = archive.xml("docProps/core.xml")
    except ValueError:
        return ""
    return next((usable(p.text or "") for p in properties if local(p) == "title"), "")
