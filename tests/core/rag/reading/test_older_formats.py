"""RTF, and files under the suffixes of old office programs, by what is in them."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import openpyxl
import pytest

from core.rag.domain.errors import UnreadableDocument
from core.rag.domain.reading_outcome import Reading
from core.rag.reading.older import COMPOUND, INSTEAD
from core.rag.reading.readers import READERS, instead_of, read

HEAD = (
    r"{\rtf1\ansi\ansicpg1252\uc1\deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset129 Batang;}}"
    r"{\colortbl;\red255\green0\blue0;}{\stylesheet{\s0 Normal;}{\s1\b heading 1;}}"
    r"{\info{\author Ann}{\title Rules of the house}}{\*\generator Writer 5}"
)


def reading(folder: Path, name: str, content: str | bytes) -> Reading:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
    return read(path)


def rtf(folder: Path, body: str) -> Reading:
    return reading(folder, "rules.rtf", HEAD + body + "}")


def text_of(found: Reading) -> str:
    [article] = found.articles
    return article.text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"\pard 9\'a0hours, \u8364?5 \endash  \ldblquote ok\rdblquote\par", "9 hours, €5 – “ok”"),
        (r"\pard\f1 \'c8\'af\'ba\'d2\f0  ok\par", "환불 ok"),
        (r"\pard\uc2 \u-10179\'5f\'5f\u-8704\'5f\'5f end\par", "😀 end"),
        (r"\pard A \{brace\} and a \\ stroke\par", "A {brace} and a \\ stroke"),
        ("\\pard One\r\n word\\line Two\\par", "One word  \nTwo"),
        (r"\pard 5 \b not\b0  6 < 7 & 8\par", "5 not 6 < 7 & 8"),
        (
            r'\pard See {\field{\*\fldinst{HYPERLINK "https://x.example/a"}}{\fldrslt{it}}}.\par',
            "[it](https://x.example/a)",
        ),
        (r"\pard Free{\super 1}{\footnote\pard Not on Sundays.\par}, yes.\par", "Not on Sundays."),
        (r"\pard Seen{\pict\pngblip\bin5 {{}}}} here\par", "Seen here"),
    ],
)  # fmt: skip
def test_words_are_what_a_person_sees(tmp_path: Path, body: str, text: str) -> None:
    assert text in text_of(rtf(tmp_path, body)).replace("\xa0", " ")


def test_headings_lists_and_tables(tmp_path: Path) -> None:
    body = (
        r"\pard\plain\s1\outlinelevel0 Boats\par"
        r"\pard\plain\b May I cancel?\b0\par Within a day.\par"
        r"\pard{\listtext\pard\plain\f3 \'b7\tab}Rinse it\par{\pntext 2.\tab}Dry it\par"
        r"\pard Then go.\par"
        r"\trowd\cellx900\cellx1900\pard\intbl Question\cell Answer\cell\row"
        r"\trowd\cellx900\cellx1900\pard\intbl Is there a lift?\cell No.\par Stairs only.\cell\row"
        r"\pard After it.\par"
    )
    assert text_of(rtf(tmp_path, body)) == (
        "# Boats\n\n##### May I cancel?\n\nWithin a day.\n\n- Rinse it\n- Dry it\n\nThen go.\n\n"
        "##### Is there a lift?\n\nNo. Stairs only.\n\n# Boats\n\nAfter it."
    )


def test_what_no_page_shows_is_counted_and_left_out(tmp_path: Path) -> None:
    body = (
        r"{\header Northwind}\pard Fee {\deleted 50}60 €{\v  staff only}{\*\annotation check}\par"
        r"{\footer Page 1}"
    ).replace("€", r"\'80")
    found = rtf(tmp_path, body)
    assert text_of(found) == "Fee 60 €"
    assert found.dropped == {"hidden": 11}
    assert found.articles[0].title == "Rules of the house"


@pytest.mark.parametrize(
    "body", ["", "}}}}", r"\u", r"\'", r"{\fonttbl{\f9\fcharset999", "{" * 5_000]
)
def test_a_broken_one_harms_nobody(tmp_path: Path, body: str) -> None:
    with pytest.raises(UnreadableDocument, match="no text in it"):
        reading(tmp_path, "rules.rtf", "{\\rtf1" + body)


def saved_word() -> bytes:
    document = docx.Document()
    document.add_paragraph("Open until nine.")
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def saved_sheet() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["Question", "Answer"])
    book.active.append(["Open?", "Until nine."])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


PAGE = (
    "<html><meta charset=euc-kr><table><tr><td>질문</td><td>답변</td></tr>"
    "<tr><td>Open?</td><td>Until nine. 네</td></tr></table></html>"
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.doc", saved_word()),
        ("a.doc", rb"{\rtf1 Open until nine.\par}"),
        ("a.doc", b"<html xmlns:w='urn:x'><body><p class=MsoNormal>Until nine.</p></body></html>"),
        ("a.doc", b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>Until nine.</p>"),
        ("a.xls", saved_sheet()),
        ("a.xls", PAGE.encode("cp949")),
        ("a.xls", b"\xef\xbb\xbf" + b"<table><tr><td>Open</td><td>Until nine.</td></tr></table>"),
        ("a.xls", b"Question\tAnswer\r\nOpen?\tUntil nine.\r\n"),
        ("a.xls", "Question\tAnswer\r\nOpen?\tUntil nine.\r\n".encode("utf-16")),
    ],
)
def test_a_suffix_of_old_programs_says_little(tmp_path: Path, name: str, content: bytes) -> None:
    assert "ntil nine." in reading(tmp_path, name, content).articles[0].text


@pytest.mark.parametrize("suffix", [".doc", ".xls"])
def test_a_truly_old_file_is_refused_with_what_to_do(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UnreadableDocument, match="open the file and save it as"):
        reading(tmp_path, f"a{suffix}", COMPOUND + bytes(2_000))


@pytest.mark.parametrize("suffix", sorted(set(INSTEAD) - set(READERS)))
def test_kinds_that_are_not_read_say_what_to_do_instead(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UnreadableDocument, match="not read: "):
        reading(tmp_path, f"a{suffix}", b"anything")
    assert instead_of(Path(f"a{suffix.upper()}")) == INSTEAD[suffix]
