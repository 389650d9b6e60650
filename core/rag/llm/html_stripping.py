"""Strips HTML from a streaming answer; the content of `code` is text and stays."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_ELEMENTS = (
    "a|abbr|acronym|address|article|aside|b|base|bdi|bdo|big|blink|blockquote|body|br|button|caption|"
    "center|cite|code|col|colgroup|dd|del|details|dfn|dialog|div|dl|dt|em|embed|fieldset|figcaption|"
    "figure|font|footer|form|frame|frameset|h[1-6]|header|hgroup|hr|html|i|img|input|ins|kbd|label|"
    "legend|li|link|main|mark|marquee|menu|meta|nav|nobr|ol|optgroup|option|output|p|param|picture|"
    "pre|progress|q|rp|rt|ruby|s|samp|search|section|small|source|span|strike|strong|sub|summary|sup|"
    "table|tbody|td|tfoot|th|thead|time|tr|tt|u|ul|var|wbr|xml"
    # what models put around an answer, after our prompt or by habit
    "|answer|answers|response|reply|final|final_answer|output|result|claim|sentence|sources?|customer"
)
_HIDDEN = (
    "script|style|iframe|object|svg|math|noscript|template|head|title|textarea|select|video|audio|"
    "canvas|applet|map|meter|slot|history"
)
_PART = re.compile(
    r"(?P<fence>^[ \t]*+```[^\n`]*+(?:\n|\Z))"
    r"|(?P<code>``[^\n]*?``|`[^`\n]++`)"
    r"|(?P<comment><!(?:--|\[CDATA\[)|<[!?][^<>]*+>)"
    rf"|(?P<tag><(?P<shut>/?)(?P<element>{_ELEMENTS}|{_HIDDEN})\b(?P<about>(?:[\s/][^<>]*+)?+)>)"
    r"|(?P<entity>&(?:\#\d{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});)",
    re.IGNORECASE | re.MULTILINE,
)
_OPEN = re.compile(
    r"<(?:[/!?a-z][^<>]{0,2000})?$|&[\#\w]{0,31}$|(?<!`)`++[^`\n]*+$",
    re.IGNORECASE,
)
_LINE_OF_A_FENCE = re.compile(r"^[ \t]*+(?:`[^\n]*+)?\Z", re.MULTILINE)
_WRAPPER = re.compile(
    r"\A\s*+```[ \t]*+(?:(?:text|txt|plain|plaintext|markdown|md|html|answer|xml)[ \t]*+)?\n",
    re.IGNORECASE,
)
_UNKNOWN_YET = re.compile(r"\A\s*+(?:```[^\n]*+|`{1,2})?+\Z")
_ADDRESS = re.compile(r"href\s*=\s*(?:\\?[\"'])?(https?://[^\s\"'<>\\]+)", re.IGNORECASE)
_HAS_CONTENTS = re.compile(rf"a|{_HIDDEN}", re.IGNORECASE)
_NEVER_SHOWN = re.compile(r"script|style|iframe|svg|noscript", re.IGNORECASE)
_NEW_LINE = re.compile(
    r"address|article|blockquote|br|d[dlt]|div|fieldset|figure|footer|form|h[1-6r]|header|li|main|nav|"
    r"[ou]l|p|pre|section|table|tr",
    re.IGNORECASE,
)
_BEFORE_TOO = re.compile(r"tr|dt|h[1-6]", re.IGNORECASE)


def without_markup(text: str) -> str:
    """The text without tags, comments and scripts; links become Markdown, lines stay lines."""
    return MarkupFilter().feed(text, final=True)


class MarkupFilter:
    """Takes a text in pieces and gives it without HTML, as far as no later letter can change it.

    A fence around the whole text is no part of it.
    """

    def __init__(self) -> None:
        self._begun = False
        self._wrapped = False
        self._fenced = False
        self._line = ""  # what has been dealt with of the line that is being written
        self._held = ""

    def feed(self, piece: str, *, final: bool = False) -> str:
        """What can be given now; with `final`, all that is left."""
        self._held += piece
        if not self._begun:
            # Until its first line is whole, nobody knows what a fence is for.
            if not final and _UNKNOWN_YET.match(self._held):
                return ""
            self._begun = True
            if wrapper := _WRAPPER.match(self._held):
                self._wrapped = True
                self._held = self._held[wrapper.end() :]
        return "".join(self._pieces(final=final))

    def _pieces(self, *, final: bool) -> Iterator[str]:
        # Whether something stands at the start of its line is seen in the line.
        text, place = self._line + self._held, len(self._line)
        ends = _Ends(text)
        while (match := _PART.search(text, place)) is not None:
            stop = -1
            if not final:
                stop = self._may_change(text[place : match.start()])
                if match["fence"] is not None and not match.group().endswith("\n"):
                    stop = match.start() - place if stop < 0 else stop
            if stop >= 0:
                yield text[place : place + stop]
                self._keep(text, place + stop)
                return
            yield text[place : match.start()]
            end = match.end()
            if match["fence"] is not None:
                yield from self._fence(match.group())
            elif self._fenced or match["code"] is not None:
                yield match.group()
            else:
                element = ends.of(match)
                if element is not None:
                    yield _instead(match, contents=text[end : element[0]])
                    end = element[1]
                elif not final:
                    # Its end decides what it is.
                    self._keep(text, match.start())
                    return
                elif _NEVER_SHOWN.fullmatch(match["element"] or "script"):
                    self._keep(text, len(text))
                    return
                else:
                    yield _instead(match, contents="")
            place = end
        rest = text[place:]
        if not final and (stop := self._may_change(rest)) >= 0:
            rest = rest[:stop]
        yield rest
        self._keep(text, place + len(rest))

    def _may_change(self, between: str) -> int:
        """From where on later letters may change what this is; -1 when they cannot."""
        opened = (_LINE_OF_A_FENCE if self._fenced else _OPEN).search(between)
        return opened.start() if opened else -1

    def _keep(self, text: str, place: int) -> None:
        self._line = text[text.rfind("\n", 0, place) + 1 : place]
        self._held = text[place:]

    def _fence(self, line: str) -> Iterator[str]:
        if self._wrapped and line.strip() == "```":
            self._wrapped = False
            return
        self._fenced = not self._fenced
        yield line


class _Ends:
    """Finds where elements end; an end that was looked for in vain is not looked for again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lower = ""
        self._in_vain: set[str] = set()

    def of(self, match: re.Match[str]) -> tuple[int, int] | None:
        """Where what belongs to a tag ends, and where the text goes on; None while unknown."""
        opened, element = match.group(), (match["element"] or "").lower()
        if match["comment"] is not None and not opened.endswith(">"):
            return self._after("-->" if opened == "<!--" else "]]>", match.end())
        if match["shut"] or opened.endswith("/>") or not _HAS_CONTENTS.fullmatch(element):
            return match.end(), match.end()
        return self._after(f"</{element}", match.end())

    def _after(self, mark: str, start: int) -> tuple[int, int] | None:
        if mark in self._in_vain:
            return None
        self._lower = self._lower or self._text.lower()
        found = self._lower.find(mark, start)
        end = found + len(mark)
        if found >= 0 and mark.startswith("<"):
            end = self._lower.find(">", end) + 1
        if found < 0 or end == 0:
            self._in_vain.add(mark)
            return None
        return found, end


def _instead(match: re.Match[str], *, contents: str) -> str:
    if match["entity"] is not None:
        meant = html.unescape(match["entity"]).replace("\u00a0", " ")
        # An escaped "<" stays escaped: it was meant to be read, not to open a tag.
        return {"<": "&lt;", ">": "&gt;"}.get(meant, meant)
    element = (match["element"] or "").lower()
    if element == "a" and contents:
        shown = without_markup(contents).strip()
        address = _ADDRESS.search(match["about"])
        if address is None or not shown or shown == address.group(1) or shown.startswith("["):
            return shown or (address.group(1) if address else "")
        return f"[{shown}]({address.group(1)})"
    if not _NEW_LINE.fullmatch(element):
        return " " if element in ("td", "th", "source") else ""
    if element in ("br", "hr") or match["shut"]:
        return "\n"
    if element == "li":
        return "\n- "
    return "\n" if _BEFORE_TOO.fullmatch(element) else ""
