"""Reads files under the suffixes of old office programs by what is really in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.rag.domain.reading_outcome import Reading
from core.rag.reading import mail, pages
from core.rag.reading.office import rtf, sheets, word
from core.rag.reading.tables import delimited

ZIP = b"PK\x03\x04"
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  #: how files of Office 97 to 2003 begin
INSTEAD: Mapping[str, str] = {
    ".doc": "Word's format of before 2007 is not read: open the file and save it as .docx",
    ".dot": "Word's format of before 2007 is not read: open the file and save it as .docx",
    ".xls": "Excel's format of before 2007 is not read: open the file and save it as .xlsx",
    ".xlsb": "Excel's binary format is not read: open the file and save it as .xlsx",
    ".ppt": "PowerPoint's format of before 2007 is not read: open the file and save it as .pptx",
    ".pps": "PowerPoint's format of before 2007 is not read: open the file and save it as .pptx",
    ".msg": "Outlook's format is not read: open the mail and save it as .eml, or as HTML",
    ".pst": "a mailbox of Outlook's is not read: export its mails as .eml",
    ".hwp": "Hangul's format is not read: open the file and save it as .docx, or as PDF",
    ".hwpx": "Hangul's format is not read: open the file and save it as .docx, or as PDF",
    ".pages": "Pages' format is not read: export the file as .docx, or as PDF",
    ".numbers": "Numbers' format is not read: export the file as .xlsx, or as CSV",
    ".key": "Keynote's format is not read: export the file as .pptx, or as PDF",
    ".wpd": "WordPerfect's format is not read: open the file and save it as .docx",
    ".wps": "Works' format is not read: open the file and save it as .docx",
    ".mobi": "Kindle's format is not read: convert the book to .epub",
    ".azw3": "Kindle's format is not read: convert the book to .epub",
    ".rar": "archives are not read: unpack it, and add its folder",
    ".zip": "archives are not read: unpack it, and add its folder",
    ".7z": "archives are not read: unpack it, and add its folder",
}
"""What to do with files of kinds that are not read, by suffix."""


def read_document(path: Path, raw: bytes) -> Reading:
    """A ".doc": newer Word, RTF or a page under that name. Raises ValueError for an old one."""
    if raw.startswith(ZIP):
        return word.read(path, raw)
    if raw.lstrip().startswith(rtf.BEGINS):
        return rtf.read(path, raw)
    return _page(path, raw)


def read_sheet(path: Path, raw: bytes) -> Reading:
    """A ".xls": a newer workbook, a page with a table, or a text. Raises ValueError for an old one.

    Programs that export "for Excel" write pages and texts under this name.
    """
    if raw.startswith(ZIP):
        return sheets.read_xlsx(path, raw)
    try:
        return _page(path, raw)
    except ValueError:
        if raw.startswith(COMPOUND) or b"\x00\x00\x00" in raw[:4_000]:
            raise
    return delimited.read(path, raw)


def _page(path: Path, raw: bytes) -> Reading:
    head = raw[:4_000].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if head.startswith(b"mime-version:"):
        return mail.read(path, raw)
    is_page = any(mark in head for mark in (b"<html", b"<body", b"<table", b"<!doctype html"))
    if raw.startswith(COMPOUND) or not head.startswith(b"<") or not is_page:
        raise ValueError(INSTEAD[path.suffix.lower()])
    return pages.read(path, raw, names_in_first_row=True)
