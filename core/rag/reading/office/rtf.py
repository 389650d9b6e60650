"""Reads .rtf, which Word, WordPad and help desks write: its text as a page, then as any page."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.html.page import page_of
from core.rag.reading.text.headings import with_questions_as_headings
from core.rag.reading.text.titles import usable

BEGINS = b"{\\rtf"
_TOKEN = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)",
    re.DOTALL,
)
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk",
    136: "big5", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256",
    186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
"""Encodings by the number that a font has for its letters."""
_SIGNS = {
    "tab": " ", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
_ESCAPED = {"~": "\xa0", "_": "-", "-": "", "\n": "", "\r": ""}
_NOT_TEXT = frozenset(
    {"colortbl", "filetbl", "pict", "object", "header", "headerl", "headerr", "headerf", "footer",
     "footerl", "footerr", "footerf", "annotation", "atnid", "atnauthor", "listtable",
     "listoverridetable", "revtbl", "rsidtbl", "generator", "themedata", "datastore", "xmlnstbl",
     "latentstyles", "bkmkstart", "bkmkend", "xe", "tc", "nonshppict", "ftnsep", "ftnsepc"}
)  # fmt: skip
"""Destinations whose words stand on no page."""
_STARRED = frozenset({"fldinst", "shppict", "shptxt"})
"""Those of the newer destinations that are read all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """The formatting within one group."""

    into: str = "text"  #: what its words are for: text, nothing, fonts, styles, title, link, mark
    codec: str = ""  #: of its font, "" for the document's
    font: int = -1
    bold: bool = False
    hidden: bool = False
    after_unicode: int = 1  #: characters that follow one in Unicode for older readers
    linked: bool = False  #: a link closes with this group
    note: bool = False  #: a note ends with this group


@dataclass(slots=True)
class _Document:
    """What has been read of a document so far."""

    codec: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    headings: dict[int, int] = field(default_factory=dict)  #: levels by the numbers of styles
    title: str = ""
    hidden: int = 0
    blocks: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    level: int = 0
    listed: bool = False
    in_table: bool = False
    pictures: bool = False

    def end_paragraph(self) -> None:
        said = "".join(self.line).strip()
        self.line.clear()
        if self.in_table:
            self.line += [said, "<br>"] if said else []
            return
        self.end_table()
        if said:
            tag = "li" if self.listed else f"h{self.level}" if self.level else "p"
            self.blocks.append(f"<{tag}>{said}</{tag}>")
        self.blocks += (f"<p>{note}</p>" for note in self.notes)
        self.notes.clear()

    def end_cell(self) -> None:
        said = "".join(self.line).strip()
        self.cells.append(said.removesuffix("<br>"))
        self.line.clear()

    def end_row(self) -> None:
        self.rows.append("".join(f"<td>{cell}</td>" for cell in self.cells))
        self.cells.clear()

    def end_table(self) -> None:
        if self.cells:
            self.end_row()
        if self.rows:
            self.blocks.append("<table>" + "".join(f"<tr>{r}</tr>" for r in self.rows) + "</table>")
        self.rows.clear()


def read(path: Path, raw: bytes) -> Reading:
    """One article; neither what is hidden nor what was struck out. Raises ValueError."""
    if not raw.lstrip().startswith(BEGINS):
        raise ValueError("this is no RTF")
    document = _read(raw.decode("latin-1"))
    html = "".join(_in_lists(document.blocks))
    page = page_of(f"<body>{html}</body>", name=path.stem, names_in_first_row=True)
    if document.hidden:
        page.dropped["hidden"] += document.hidden
    characters = page.characters + document.hidden
    warnings = [Warned(what="text in pictures is not read")] if document.pictures else []
    if not page.text:
        return Reading(characters=characters, dropped=page.dropped, warnings=warnings)
    told = usable(document.title)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=(page.title if page.title != path.stem else "") or told or path.stem,
        text=with_questions_as_headings(page.text),
        locale="",
        source=str(path),
    )
    return Reading(
        articles=[article], characters=characters, dropped=page.dropped, warnings=warnings
    )


def _in_lists(blocks: list[str]) -> Iterator[str]:
    listed = False
    for block in blocks:
        if block.startswith("<li>") is not listed:
            listed = not listed
            yield "<ul>" if listed else "</ul>"
        yield block
    if listed:
        yield "</ul>"


class _Reader:
    """Follows the groups and words of a document."""

    def __init__(self) -> None:
        self.found = _Document()
        self.state = _State()
        self._above: list[_State] = []
        self._bytes = bytearray()  # of characters in an encoding of several
        self._halves = ""  # of a character that Unicode writes in two
        self._skip = 0  # characters for older readers that are still to come
        self._name: list[str] = []  # of a font or style
        self._style = 0
        self._address = ""
        self._stars = False
        self._open_line: list[list[str]] = []  # of the text around a note

    def take(self, token: re.Match[str]) -> None:
        """One word, sign, brace or text."""
        word, number, code, sign, brace, text = token.groups()
        if code is not None:
            if self._skip:
                self._skip -= 1
            else:
                self._bytes.append(int(code, 16))
            return
        if text is not None:
            left, self._skip = text[self._skip :], max(0, self._skip - len(text))
            if left.isascii():
                self._say(left)
            else:
                self._bytes += left.encode("latin-1")
            return
        if word == "u" and number is not None:
            self._end_bytes()
            self._halves += chr(int(number) & 0xFFFF)
            self._skip = self.state.after_unicode
            return
        self._flush()
        if brace == "{":
            self._above.append(self.state)
            self.state = replace(self.state, linked=False, note=False)
        elif brace == "}":
            self._close()
        elif sign is not None:
            self._stars = sign == "*"
            if sign in _ESCAPED or sign in "\\{}":
                self._say(_ESCAPED.get(sign, sign))
        elif word is not None:
            stars, self._stars = self._stars, False
            self._word(word, int(number) if number is not None else None, starred=stars)

    def end(self) -> _Document:
        """All that was read."""
        self._flush()
        self.found.in_table = False
        self.found.end_paragraph()
        self.found.end_table()
        return self.found

    def _flush(self) -> None:
        self._end_bytes()
        if self._halves:
            halves, self._halves = self._halves, ""
            self._put(halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def _end_bytes(self) -> None:
        if self._bytes:
            codec = self.state.codec or self.found.codec
            said = self._bytes.decode(codec, "replace")
            self._bytes.clear()
            self._put(said)

    def _say(self, text: str) -> None:
        self._flush()
        self._put(text)

    def _put(self, text: str) -> None:
        state = self.state
        if state.into in ("fonts", "styles"):
            self._name.append(text)
            if ";" in text:
                self._named("".join(self._name))
                self._name.clear()
        elif state.into == "title":
            self.found.title += text
        elif state.into == "link":
            self._address += text
        elif state.into == "text":
            if state.hidden:
                self.found.hidden += count(text)
            elif text.strip() and state.bold:
                self.found.line.append(f"<b>{escape(text)}</b>")
            else:
                self.found.line.append(escape(text))

    def _named(self, name: str) -> None:
        level = re.search(r"(?i)\b(?:heading|überschrift|titre|título|titolo|제목) (\d)", name)
        if self.state.into == "styles" and level is not None:
            self.found.headings[self._style] = min(int(level[1]), 6)

    def _close(self) -> None:
        state = self.state
        if state.linked:
            self.found.line.append("</a>")
        if state.note and self._open_line:
            self.found.notes.append("".join(self.found.line).strip())
            self.found.line[:] = self._open_line.pop()
        if self._above:
            self.state = self._above.pop()

    def _into(self, what: str) -> None:
        self.state = replace(self.state, into=what)

    def _word(self, word: str, number: int | None, *, starred: bool) -> None:
        found, on = self.found, number != 0
        if word in _SIGNS:
            self._put(_SIGNS[word])
        elif word in _NOT_TEXT or (starred and word not in _STARRED):
            found.pictures = found.pictures or word in ("pict", "object")
            self._into("nothing")
        elif self.state.into not in ("nothing", "fonts", "styles") and self._of_text(word, number):
            pass
        elif word in ("fonttbl", "stylesheet"):
            self._into({"fonttbl": "fonts", "stylesheet": "styles"}[word])
        elif word == "info":
            self._into("nothing")
        elif word == "title":
            self._into("title")
        elif word == "ansicpg" and number:
            found.codec = _known(f"cp{number}") or found.codec
        elif word == "mac":
            found.codec = "mac_roman"
        elif word == "uc":
            self.state = replace(self.state, after_unicode=max(0, min(number or 0, 8)))
        elif word == "f" and number is not None:
            codec = found.fonts.get(number, "")
            self.state = replace(self.state, font=number, codec=codec)
        elif word in ("fcharset", "cpg") and number is not None:
            codec = _CHARSETS.get(number, "") if word == "fcharset" else f"cp{number}"
            if codec := _known(codec):
                found.fonts[self.state.font] = codec
        elif word == "s" and number is not None:
            self._style = number
            found.level = found.headings.get(number, 0)
        elif word in ("v", "deleted", "webhidden"):
            self.state = replace(self.state, hidden=on)

    def _of_text(self, word: str, number: int | None) -> bool:
        """Whether the word shapes the text, and was obeyed."""
        found, on = self.found, number != 0
        if word in ("par", "sect", "page"):
            found.end_paragraph()
        elif word == "line":
            found.line.append("<br>")
        elif word == "cell":
            found.in_table = True
            found.end_cell()
        elif word == "row":
            found.end_row()
        elif word == "nestcell":
            found.line.append(" ")
        elif word == "nestrow":
            found.line.append("<br>")
        elif word == "pard":
            found.level, found.listed, found.in_table = 0, False, False
        elif word in ("intbl", "itap"):
            found.in_table = on
        elif word == "outlinelevel" and number is not None and number < 6:
            found.level = number + 1
        elif word in ("pntext", "listtext"):
            found.listed = True
            self._into("nothing")
        elif word == "plain":
            self.state = replace(self.state, bold=False, hidden=False)
        elif word == "b":
            self.state = replace(self.state, bold=on)
        elif word == "fldinst":
            self._address = ""
            self._into("link")
        elif word == "fldrslt":
            self._open_link()
        elif word == "footnote":
            self._open_line.append(list(found.line))
            found.line.clear()
            self.state = replace(self.state, note=True)
        else:
            return False
        return True

    def _open_link(self) -> None:
        told = re.search(r'HYPERLINK\s+"([^"\s]{1,2000})"', self._address)
        if told is not None:
            self.found.line.append(f'<a href="{escape(told[1])}">')
            self.state = replace(self.state, linked=True)


def _read(text: str) -> _Document:
    reader = _Reader()
    at = 0
    while (token := _TOKEN.search(text, at)) is not None:
        at = token.end()
        reader.take(token)
        if token[1] == "bin" and token[2] is not None:
            at += max(0, int(token[2]))  # so many bytes of a picture
    return reader.end()


def _known(codec: str) -> str:
    """The codec, "" where Python has none of that name."""
    try:
        return codecs.lookup(codec).name if codec else ""
    except LookupError:
        return ""
