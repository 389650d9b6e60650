"""Files of strangers, read in a process that ends before it harms ours."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import openpyxl
import pytest

from core.rag.domain.errors import UnreadableDocument
from core.rag.reading.bounded import BoundedReader
from core.rag.reading.readers import read
from tests.core.rag.reading.papers.folder import PAPERS


@pytest.fixture
async def reader() -> AsyncIterator[BoundedReader]:
    async with BoundedReader() as made:
        yield made


async def test_what_comes_out_of_the_process_is_what_was_read(
    reader: BoundedReader, tmp_path: Path
) -> None:
    for paper in PAPERS[::9]:
        file = tmp_path / paper.name
        file.write_bytes(paper.body)
        assert await reader.read(file, topic="t") == read(file, topic="t")


def bomb(name: str) -> bytes:
    """An archive of a few kilobytes that unpacks to half a gigabyte."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as entry,
    ):
        for _ in range(500):
            entry.write(b" " * 1_000_000)
    return made.getvalue()


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(98, 110))
    + b"]><x>&m;</x>"
)


def archived(name: str, content: bytes) -> bytes:
    """An archive with one entry."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()


def workbook(*, merged: str = "", **cells: str) -> bytes:
    """A workbook of one sheet with these cells."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for place, said in cells.items():
        sheet[place] = said
    made = io.BytesIO()
    book.save(made)
    if not merged:
        return made.getvalue()
    told = f'<mergeCells count="1"><mergeCell ref="{merged}"/></mergeCells>'.encode()
    return changed(made.getvalue(), "xl/worksheets/sheet1.xml", b"</sheetData>", told)


def changed(raw: bytes, name: str, place: bytes, added: bytes) -> bytes:
    """The archive with something added behind a place in one entry."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry == name:
                content = content.replace(place, place + added)
            new.writestr(entry, content)
    return made.getvalue()


async def test_a_cell_in_the_last_corner_costs_what_a_cell_costs(
    reader: BoundedReader, tmp_path: Path
) -> None:
    """It took four minutes and three gigabytes, and those after it found no memory."""
    name = tmp_path / "far.xlsx"
    name.write_bytes(workbook(A1="Fee", B1="Price", A2="Locker", B2="5 euros", XFD1048576="far"))
    [article] = (await reader.read(name)).articles
    assert "Locker" in article.text
    assert "far" not in article.text


async def test_rows_and_tables_stay_where_they_are(reader: BoundedReader, tmp_path: Path) -> None:
    name = tmp_path / "two.xlsx"
    name.write_bytes(
        workbook(A1="Fee", B1="Price", A2="Locker", B2="5", A9="Room", C9="Seats", C10="12")
    )
    [article] = (await reader.read(name)).articles
    first, second = article.text.split("\n\n")
    assert "Locker" in first
    assert "Room" in second
    assert "12" in second


async def test_after_a_file_that_takes_much_memory_the_next_one_has_a_fresh_process(
    tmp_path: Path,
) -> None:
    """One that took all there may be left nothing to any that came after it."""
    (tmp_path / "good.md").write_text("# Parking\n\nBehind the house.")
    async with BoundedReader() as frugal, BoundedReader(memory=1) as wary:
        processes = []
        for reader in (frugal, frugal, wary, wary):
            assert (await reader.read(tmp_path / "good.md")).articles
            processes.append(reader._process)
    assert processes[0] is processes[1] is not None
    assert processes[2:] == [None, None]


async def test_what_the_server_itself_takes_is_no_files_memory(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Parking\n\nBehind the house.")
    much = bytearray(400_000_000)
    much[::4096] = b"x" * len(much[::4096])  # taken, not only promised
    async with BoundedReader(memory=300_000_000) as reader:
        await reader.read(tmp_path / "good.md")
        assert reader._process is not None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("merged.xlsx", workbook(A1="a", merged="A1:XFD1048576")),
        ("bomb.docx", bomb("word/document.xml")),
        ("bomb.xlsx", bomb("xl/worksheets/sheet1.xml")),
        ("bomb.odt", bomb("content.xml")),
        ("bomb.epub", bomb("META-INF/container.xml")),
        ("laughs.odt", archived("content.xml", LAUGHS)),
        ("laughs.docx", archived("word/document.xml", LAUGHS)),
        ("laughs.epub", archived("META-INF/container.xml", LAUGHS)),
        ("none.pptx", archived("x", b"y")),
        ("deep.html", b"<div>" * 100_000 + b"hi"),
        ("tables.html", b"<table><tr><td>" * 20_000 + b"hi"),
        ("deep.json", b"[" * 200_000),
        ("alias.md", b"---\na: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a]\n---\n"),
    ],
)
async def test_a_hostile_file_is_refused_and_the_next_one_read(
    reader: BoundedReader, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableDocument) as refused:
        await reader.read(tmp_path / name)
    assert name in refused.value.source
    (tmp_path / "good.md").write_text("# Parking\n\nBehind the house.")
    assert (await reader.read(tmp_path / "good.md")).articles[0].title == "Parking"


async def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Parking\n\nBehind the house.")
    async with BoundedReader(seconds=0.0) as impatient:
        with pytest.raises(UnreadableDocument, match="longer"):
            await impatient.read(tmp_path / "good.md")


async def test_selectors_without_end_are_asked_for_up_to_a_bound(
    reader: BoundedReader, tmp_path: Path
) -> None:
    hidden = b",".join(b".a%d" % n for n in range(30_000))
    body = b"<style>.x{display:none}%s{display:none}</style><p class=x>a</p><p>seen</p>" % hidden
    (tmp_path / "page.html").write_bytes(body)
    [article] = (await reader.read(tmp_path / "page.html")).articles
    assert article.text == "seen"
