"""Reads Markdown and MDX, and plain text, which is much the same to a reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from core.rag.domain.chunks import asides, heading_text, plain, without_comments
from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.html.page import Page, holds_html, page_of
from core.rag.reading.tables.delimited import is_of_questions
from core.rag.reading.tables.delimited import read as read_table
from core.rag.reading.text.encodings import Decoded, decoded
from core.rag.reading.text.front_matter import split
from core.rag.reading.text.headings import titled, with_questions_as_headings
from core.rag.reading.text.metadata import about, warned

_TITLE = re.compile(r"^#[^\S\n]++(\S.*)$", re.MULTILINE)
_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
_UNDERLINE = re.compile(r"^ {0,3}(?:(=+)|(-{2,}))[ \t]*$")
_NO_TITLE = re.compile(r"^\s*(?:[-*+>|]|\d+[.)]|#|<!--|$)")
_REFERENCE = re.compile(
    r"^ {0,3}\[([^\[\]\n]{1,200})\]:[ \t]*<?([^\s>]{1,2000})>?(?:[ \t]+[\"'(].*)?$"
)
_REFERRED = re.compile(r"\[([^\[\]\n]{1,300})\](?:\[([^\[\]\n]{0,200})\])")
_CODE = re.compile(r"`[^`\n]*`")
_MODULE = re.compile(r"^(?:import\s+[\w{*\"'].*|export\s+(?:const|default|let|function|\{).*)$")
_COMPONENT = re.compile(r"</?[A-Z][\w.]*+(?:\s[^<>]*+)?/?>|</?>")
_NAMED = re.compile(
    r"\b(?:title|summary|question|label|heading)=(?:\"([^\"]{0,300})\"|'([^']{0,300})'|\{[\"'`]([^\"'`]{0,300})[\"'`]\})"
)
_EXPRESSION = re.compile(r"\{[\"'`]([^\"'`{}]*)[\"'`]\}")
_IMPORTED = re.compile(r"^import [\w{}*, ]{1,200} from [\"'][^\"']{1,200}[\"'];?$")
_ALERT = re.compile(r"^[ \t]{0,3}>[ \t]?\[!\w{1,20}\][+-]?[ \t]*$")
_ANCHOR = re.compile(r"[ \t]{1,8}\{:?[ \t]?#[\w:.-]{1,100}[ \t]?\}$")
_COMMENT = re.compile(r"%%(?!%)[^%\n]{0,2000}%%")
_EMBEDDED = re.compile(r"!\[\[[^\[\]\n]{1,300}\]\]")
_BETWEEN_NOTES = re.compile(r"\[\[([^\[\]|\n]{1,200})(?:\|([^\[\]|\n]{1,200}))?\]\]")
_HIGHLIGHTED = re.compile(r"(?<![=\w])==(?=[^=\s])([^=\n]{1,300})==(?![=\w])")
#: What the generators of sites fill in: Hugo's short codes, Liquid's and Jinja's tags, kramdown's
#: lists of attributes.
_HUGO = re.compile(r"\{\{([<%])[ \t]{0,8}(/?)([\w./-]{1,60})([^{}\n]{0,400}?)/?[>%]\}\}")
_TAG = re.compile(r"\{%-?[^%{}\n]{0,400}-?%\}")
_ATTRIBUTES = re.compile(r"^[ \t]{0,8}\{:[^{}\n]{0,200}\}[ \t]*$|\{:[ \t]?[.#][^{}\n]{0,200}\}")
_FILLED_IN = re.compile(r"\{\{-?[ \t]{0,4}[\w.$][^{}\n]{0,200}\}\}")
_REMARKS = re.compile(
    r"\{%-?\s{0,4}comment\s{0,4}-?%\}(?:[^{]|\{(?!%))*+\{%-?\s{0,4}endcomment\s{0,4}-?%\}"
)
_OPENS = re.compile(r"expand|detail|accordion|collaps|toggle|faq|question|tab\b|spoiler")
_QUOTED = re.compile(r"[\"“]([^\"”]{1,300})[\"”]")
_ADMONITION = re.compile(r"^:::++[ \t]*+\w*+[ \t]*+(?:\[([^\[\]]*+)\]|(.*))$")


def read_markdown(path: Path, raw: bytes) -> Reading:
    """One article, with what its front matter says of it."""
    found = decoded(raw)
    said, text, problem = split(_lines(found))
    is_mdx = path.suffix.lower() == ".mdx" or _is_a_program(text)
    return _reading(path, found, said, without_notation(text), problem, is_mdx=is_mdx)


def read_text(path: Path, raw: bytes) -> Reading:
    """One article; of a text that stands in a page of its own the first line is the title."""
    found = decoded(raw)
    text = with_underlined_titles(_lines(found)).strip()
    if not text:
        return Reading()
    if is_of_questions(text):
        return read_table(path, raw)
    if text.startswith("#"):
        first = _TITLE.match(text)
        title = plain(heading_text(first[1])) if first else ""
        body = with_questions_as_headings(text)
    else:
        title, body = titled(text)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=title or path.stem,
        text=body,
        locale="",
        source=str(path),
    )
    return Reading(articles=[article], characters=count(text), warnings=_broken(found))


def _reading(
    path: Path, found: Decoded, said: object, text: str, problem: str, *, is_mdx: bool
) -> Reading:
    assert isinstance(said, dict)
    front = about(said)
    if is_mdx:
        text = without_components(text)
    text = with_underlined_titles(with_references_inline(text))
    page: Page | None = None
    noted: tuple[str, ...] = ()
    if holds_html(_CODE.sub("", without_fences(without_comments(text)))):
        page, noted = _rendered(text), tuple(question for _, question in asides(text))
        text = page.text
    title = _TITLE.search(without_fences(text))
    warnings = [*([Warned(what=problem)] if problem else []), *warned(front), *_broken(found)]
    if blanks := _FILLED_IN.findall(_CODE.sub("", without_fences(text))):
        what = f"{len(blanks)} values are filled in elsewhere and not known here: {blanks[0]}"
        warnings.append(Warned(what=what))
    if not text.strip():
        return Reading(warnings=warnings)
    article = Article(
        id=front.id or article_id(path.stem, str(path.resolve())),
        title=front.title or (plain(heading_text(title[1])) if title else path.stem),
        text=with_questions_as_headings(text.strip()),
        topic=front.topic,
        locale=front.locale,
        url=front.url,
        source=str(path),
        place=front.id,
        questions=(*front.questions, *noted),
        withheld=front.withheld,
        valid_from=front.valid_from,
        valid_until=front.valid_until,
    )
    dropped = dict(page.dropped) if page is not None else {}
    characters = page.characters if page is not None else count(without_comments(text))
    return Reading(articles=[article], characters=characters, dropped=dropped, warnings=warnings)


def _lines(found: Decoded) -> str:
    return found.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _broken(found: Decoded) -> list[Warned]:
    if not found.broken:
        return []
    return [Warned(what=f"{found.broken} characters could not be decoded")]


def with_underlined_titles(text: str) -> str:
    """The text with its titles that are underlined ("Setext") written with signs before them."""
    lines = text.split("\n")
    fence = ""
    for at, line in enumerate(lines):
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1][:3]
        under = _UNDERLINE.match(line) if at and not fence else None
        above = lines[at - 1] if at else ""
        alone = at < 2 or not lines[at - 2].strip() or lines[at - 2].startswith("#")
        # Dashes under a table's only cell, or in a front that was none, are three and more.
        long = under and (under[1] or (len(under[2]) >= 3 and "|" not in above))
        if under and long and alone and not _NO_TITLE.match(above) and above[:4].strip():
            lines[at - 1 : at + 1] = [f"{'#' if under[1] else '##'} {above.strip()}", ""]
    return "\n".join(lines)


def with_references_inline(text: str) -> str:
    """Links that name their address elsewhere ("[text][1]", "[1]: https://…"), with it."""
    lines = text.split("\n")
    where = {
        found[1].casefold(): found[2]
        for line in lines
        if (found := _REFERENCE.match(line)) and not found[1].startswith("^")
    }
    if not where:
        return text

    def linked(found: re.Match[str]) -> str:
        address = where.get((found[2] or found[1]).casefold())
        return f"[{found[1]}]({address})" if address else found[0]

    kept = (line for line in lines if not _REFERENCE.match(line) or line.lstrip().startswith("[^"))
    return _REFERRED.sub(linked, "\n".join(kept))


def without_notation(text: str) -> str:
    """Markdown without what site builders and note books add to it: only the words are seen.

    Boxes (`:::note[Title]`, `> [!NOTE]`), anchors of headings (`{#when}`), comments (`%%…%%`),
    links between notes (`[[page|label]]`) and marked words (`==so==`).
    """
    text = without_between(_REMARKS.sub("", text) if "{%" in text else text, "{{/*", "*/}}")
    kept: list[str] = []
    comments = False
    for line, is_code in _marked(text):
        if is_code:
            kept.append(line)
            continue
        if line.count("%%") % 2:
            before, _, after = line.partition("%%")
            line, comments = (after, False) if comments else (before, True)
        elif comments:
            continue
        line = _outside_code(_COMMENT.sub("", line), without_templates)
        if told := _ADMONITION.match(line):
            kept.append((told[1] or told[2] or "").strip())
            continue
        if _ALERT.match(line):
            continue
        line = _ANCHOR.sub("", line.rstrip()) if line.startswith("#") else line
        line = _EMBEDDED.sub("", line)
        line = _BETWEEN_NOTES.sub(lambda m: m[2] or m[1], line)
        kept.append(_HIGHLIGHTED.sub(r"\1", line))
    return "\n".join(kept)


def without_templates(text: str) -> str:
    """A line without what a generator of sites puts something else for.

    A short code that opens a panel is the heading of what it holds.
    """
    text = _HUGO.sub(_opened, text) if "{{" in text else text
    text = _TAG.sub("", text) if "{%" in text else text
    return _ATTRIBUTES.sub("", text) if "{:" in text else text


def _opened(found: re.Match[str]) -> str:
    _, closes, name, told = found.groups()
    if closes or not _OPENS.search(name.lower()):
        return ""
    said = _NAMED.search(told) or _QUOTED.search(told)
    return f"\n\n##### {next(filter(None, said.groups()))}\n\n" if said else ""


def _outside_code(line: str, change: Callable[[str], str]) -> str:
    """The line with what stands in no `code` changed."""
    if "{" not in line:
        return line
    codes = _CODE.findall(line)
    parts = [change(part) for part in _CODE.split(line)]
    return "".join(part + code for part, code in zip(parts, [*codes, ""], strict=True))


def _is_a_program(text: str) -> bool:
    """Whether it imports components: some builders of sites take .md for MDX."""
    imported = any(
        not is_code and _IMPORTED.match(line.rstrip()) for line, is_code in _marked(text)
    )
    return imported and _COMPONENT.search(text) is not None


def without_fences(text: str) -> str:
    """The text without its blocks of code."""
    return "\n".join(line for line, is_code in _marked(text) if not is_code)


def without_components(text: str) -> str:
    """MDX without its program: imports, exports, components; what these show of text stays."""
    text = without_between(text, "{/*", "*/}")
    kept: list[str] = []
    braces = 0  # of an exported value over several lines
    for line, is_code in _marked(text):
        if is_code:
            kept.append(line)
            continue
        if braces > 0 or _MODULE.match(line):
            braces += sum(map(line.count, "{[(")) - sum(map(line.count, "}])"))
            continue
        line = _COMPONENT.sub(_shown, line)
        kept.append(_EXPRESSION.sub(r"\1", line))
    return "\n".join(kept)


def without_between(text: str, opens: str, closes: str) -> str:
    """The text without what stands between these marks; one that is never closed is text."""
    kept, end = [], 0
    while (start := text.find(opens, end)) >= 0:
        close = text.find(closes, start + len(opens))
        if close < 0:
            break
        kept.append(text[end:start])
        end = close + len(closes)
    return "".join([*kept, text[end:]])


def _shown(found: re.Match[str]) -> str:
    if found[0].startswith("</") or not (named := _NAMED.search(found[0])):
        return ""
    return f"\n\n##### {next(filter(None, named.groups()), '')}\n\n"


def _marked(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is code."""
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1][:3]
            yield line, True
        elif mark and mark[1].startswith(fence):
            fence = ""
            yield line, True
        else:
            yield line, bool(fence)


def _rendered(text: str) -> Page:
    """Markdown with HTML in it, as a page that a person sees."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    return page_of(html)
